/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agents/network_name_state.h"

#include "lib/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STATE_BYTES = 65536 };

static void make_path(const struct dpl_ocf_run *run, const char *host, char path[NN_STATE_PATH])
{
    bool named = strcmp(run->instance, "default") != 0;
    int n = snprintf(path, NN_STATE_PATH, "%s/", DPL_RUN_DIR);
    snprintf(path + n, NN_STATE_PATH - (size_t)n, "network-name-%.200s%.200s.state",
             named ? "" : "name-", named ? run->instance : host);
    for (char *p = path + n; *p; p++)
        if (*p == '/')
            *p = '_';
}

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
    make_path(run, host, state_r->path);
    if (dpl_file_read(AT_FDCWD, state_r->path, STATE_BYTES, &text, NULL, NULL) < 0)
        return;
    for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
        *end = '\0';
        read_line(state_r, line);
    }
}

/* What a boot forgets need not be durable: renamed, not synced. */
int nn_state_write(const struct nn_state *state, struct dpl_err *err)
{
    char temporary[NN_STATE_PATH + 8];
    if (mkdir(DPL_RUN_DIR, 0755) < 0 && errno != EEXIST)
        return dpl_err_sys(err, errno, "cannot make \"%s\"", DPL_RUN_DIR);
    snprintf(temporary, sizeof temporary, "%s.new", state->path);
    FILE *file = fopen(temporary, "we");
    if (!file)
        return dpl_err_sys(err, errno, "cannot write \"%s\"", temporary);
    fprintf(file, "host %s\n%s", state->host, state->started ? "started\n" : "");
    if (state->site[0])
        fprintf(file, "site %s\n", state->site);
    if (state->hostname_new[0])
        fprintf(file, "hostname %s %s\n", state->hostname_old, state->hostname_new);
    for (size_t i = 0; i < state->rrs.count; i++) {
        g_autofree char *text = dpl_dns_rr_text(&state->rrs.items[i]);
        fprintf(file, "record %s\n", text);
    }
    bool ok = !ferror(file);
    if (fclose(file) != 0 || !ok || rename(temporary, state->path) < 0) {
        int code = dpl_err_sys(err, errno, "cannot write \"%s\"", state->path);
        unlink(temporary);
        return code;
    }
    return DPL_OK;
}

int nn_state_remove(const struct nn_state *state, struct dpl_err *err)
{
    if (unlink(state->path) < 0 && errno != ENOENT)
        return dpl_err_sys(err, errno, "cannot remove \"%s\"", state->path);
    return DPL_OK;
}

void nn_state_done(struct nn_state *state)
{
    dpl_dns_rrs_done(&state->rrs);
}
