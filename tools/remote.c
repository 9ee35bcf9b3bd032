/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Commands that doppeld does: asks, and prints what it answered.
 */
#include "lib/base/file.h"
#include "lib/base/units.h"
#include "lib/client/client.h"
#include "tools/doppel.h"

#include <fcntl.h>
#include <string.h>

enum { CALL_MS = 35000, MORE_MS = 5000, FILE_MAX = 1000000 };

int doppel_ask(const struct doppel *doppel, const char *command, const struct dpl_doc *args,
               int64_t timeout_ms, struct dpl_doc **result_r, struct dpl_err *err)
{
    struct dpl_client *client;
    int rc = dpl_client_open(doppel->instance, &doppel_stop, &client, err);
    if (rc < 0)
        return rc;
    rc = dpl_client_call(client, command, args, timeout_ms, result_r, err);
    dpl_client_close(client);
    return rc;
}

/* How long the daemon may take: what the command was told, and a little more. */
static int64_t patience_ms(const struct dpl_doc *args)
{
    const char *timeout = dpl_doc_text(args, "timeout");
    int64_t ms = 60000;
    if (timeout && dpl_units_duration_ms(timeout, &ms, NULL) < 0)
        return CALL_MS; /* the daemon will say what is wrong with it */
    return ms + MORE_MS > CALL_MS ? ms + MORE_MS : CALL_MS;
}

/* The file of --offer, or FILE, goes as its text: the daemon opens nothing that a client names. */
static int with_files(const struct dpl_doc *args, struct dpl_doc **sent_r, struct dpl_err *err)
{
    const char *key = dpl_doc_text(args, "file") ? "file" : "offer";
    const char *path = dpl_doc_text(args, key);
    g_autofree char *text = NULL;
    size_t size = 0;
    if (path) {
        int rc = dpl_file_read(AT_FDCWD, strcmp(path, "-") == 0 ? "/dev/stdin" : path, FILE_MAX,
                               &text, &size, err);
        if (rc < 0)
            return rc;
        if (strlen(text) != size)
            return dpl_err_set(err, DPL_E_PARAM, "\"%s\" is not a text", path);
    }
    *sent_r = dpl_doc_copy(args);
    if (path)
        dpl_doc_set_text(*sent_r, key, text);
    return DPL_OK;
}

static void print_list(const struct dpl_doc *sets)
{
    for (size_t i = 0; i < dpl_doc_count(sets); i++) {
        const struct dpl_doc *set = dpl_doc_at(sets, i);
        printf("%-32s %-6s %-10s %-10s %s\n", dpl_doc_text(set, "set"), dpl_doc_text(set, "side"),
               dpl_doc_text(set, "role"), dpl_doc_text(set, "peer"), dpl_doc_text(set, "state"));
    }
}

int doppel_remote(struct doppel *doppel, const struct dpl_command *command,
                  const struct dpl_doc *args)
{
    g_autoptr(dpl_doc_auto) result = NULL;
    g_autoptr(dpl_doc_auto) sent = NULL;
    struct dpl_err err = {0};
    if (with_files(args, &sent, &err) < 0)
        return doppel_fail(command->words, &err);
    if (doppel_ask(doppel, command->words, sent, patience_ms(args), &result, &err) < 0)
        return doppel_fail(command->words, &err);
    if (doppel->quiet || !result)
        return 0;
    if (!doppel->json && dpl_doc_text(result, "offer")) {
        fputs(dpl_doc_text(result, "offer"), stdout);
    } else if (!doppel->json && dpl_doc_text(result, "export")) {
        fputs(dpl_doc_text(result, "export"), stdout);
    } else if (!doppel->json && strcmp(command->words, "set list") == 0) {
        print_list(dpl_doc_list(result, "sets"));
    } else {
        g_autofree char *text =
            doppel->json ? dpl_doc_to_json(result, true) : dpl_doc_to_text(result);
        fputs(text, stdout);
    }
    return doppel_flushed(command->words, 0);
}
