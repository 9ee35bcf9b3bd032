/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lab/mail/flow.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

static const char *const FATES[] = {
    [FLOW_REFUSED] = "refused",
    [FLOW_UNANSWERED] = "unanswered",
    [FLOW_ACKNOWLEDGED] = "acknowledged",
};

const char *flow_fate_name(enum flow_fate fate)
{
    return FATES[fate];
}

void flow_ledger_add(FILE *ledger, const struct flow_entry *entry, const char *why)
{
    fprintf(ledger, "%s %s %s %" PRId64 " %s\n", FATES[entry->fate], entry->user, entry->id,
            entry->ms, why);
    fflush(ledger);
}

static bool parse(const char *line, struct flow_entry *entry)
{
    char fate[32];

    if (!strchr(line, '\n') ||
        sscanf(line, "%31s %63s %127s %" SCNd64, fate, entry->user, entry->id, &entry->ms) != 4)
        return false;
    for (size_t i = 0; i < G_N_ELEMENTS(FATES); i++) {
        entry->fate = (enum flow_fate)i;
        if (strcmp(fate, FATES[i]) == 0)
            return true;
    }
    return false;
}

int flow_ledger_read(const char *path, GArray **entries_r, struct dpl_err *err)
{
    char line[FLOW_LINE];
    struct flow_entry entry;
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");

    if (!file)
        return dpl_err_sys(err, errno, "%s", path);
    *entries_r = g_array_new(false, false, sizeof entry);
    while (fgets(line, sizeof line, file))
        if (parse(line, &entry))
            g_array_append_val(*entries_r, entry);
    fclose(file);
    return 0;
}
