/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agents/network_name_state.h"

#include "lib/base/file.h"

#include <fcntl.h>
#include <glib.h>
#include <string.h>

enum { STATE_BYTES = 65536 };

static void read_line(struct nn_state *state, const char *line)
{
    if (strcmp(line, "started") == 0)
        state->started = true;
    else if (strncmp(line, "record ", 7) == 0)
        (void)dpl_dns_rr_parse(line + 7, &state->rrs);
    else if (strncmp(line, "host ", 5) == 0)
        (void)!sscanf(line + 5, "%254s", state->host);
    else if (strncmp(line, "site ", 5) == 0)
        (void)!sscanf(line + 5, "%32s", state->site);
    else if (strncmp(line, "hostname ", 9) == 0 &&
             sscanf(line + 9, "%64s %64s", state->hostname_old, state->hostname_new) != 2)
        state->hostname_new[0] = '\0';
}

void nn_state_read(const struct dpl_ocf_run *run, const char *host, struct nn_state *state_r)
{
    g_autofree char *text = NULL;
    *state_r = (struct nn_state){0};
    g_autofree char *by_hand = g_strconcat("name-", host, NULL);
    dpl_ocf_state_path(run, by_hand, "state", state_r->path);
    if (dpl_file_read(AT_FDCWD, state_r->path, STATE_BYTES, &text, NULL, NULL) < 0)
        return;
    for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
        *end = '\0';
        read_line(state_r, line);
    }
}

static void print(FILE *file, const void *of)
{
    const struct nn_state *state = of;
    fprintf(file, "host %s\n%s", state->host, state->started ? "started\n" : "");
    if (state->site[0])
        fprintf(file, "site %s\n", state->site);
    if (state->hostname_new[0])
        fprintf(file, "hostname %s %s\n", state->hostname_old, state->hostname_new);
    for (size_t i = 0; i < state->rrs.count; i++) {
        g_autofree char *text = dpl_dns_rr_text(&state->rrs.items[i]);
        fprintf(file, "record %s\n", text);
    }
}

int nn_state_write(const struct nn_state *state, struct dpl_err *err)
{
    return dpl_ocf_state_write(state->path, print, state, err);
}

void nn_state_done(struct nn_state *state)
{
    dpl_dns_rrs_done(&state->rrs);
}
