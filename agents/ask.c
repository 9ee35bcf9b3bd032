/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agents/ask.h"

#include "lib/base/clock.h"
#include "lib/base/file.h"
#include "lib/client/client.h"
#include "lib/client/role.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STATE_BYTES = 8192, AGAIN_MS = 100, LASTS_MS = 5000, CONNECT_MS = 5000 };

void ask_state_read(const struct dpl_ocf_run *run, struct ask_state *state_r)
{
    g_autofree char *text = NULL;
    *state_r = (struct ask_state){0};
    int n = snprintf(state_r->path, sizeof state_r->path, "%s/", DPL_RUN_DIR);
    snprintf(state_r->path + n, sizeof state_r->path - (size_t)n, "%.64s-%.200s.state",
             run->agent->name, run->instance);
    g_strdelimit(state_r->path + n, "/", '_');
    if (dpl_file_read(AT_FDCWD, state_r->path, STATE_BYTES, &text, NULL, NULL) < 0)
        return;
    for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
        *end = '\0';
        if (g_str_has_prefix(line, "set "))
            g_strlcpy(state_r->set, line + 4, sizeof state_r->set);
        else if (g_str_has_prefix(line, "run_dir "))
            g_strlcpy(state_r->run_dir, line + 8, sizeof state_r->run_dir);
        else if (g_str_has_prefix(line, "reserve "))
            g_strlcpy(state_r->reserve, line + 8, sizeof state_r->reserve);
        else if (strcmp(line, "started") == 0)
            state_r->started = true;
    }
}

/* What a boot forgets need not be durable: renamed, not synced. */
int ask_state_write(const struct ask_state *state, struct dpl_err *err)
{
    g_autofree char *temporary = g_strdup_printf("%s.new", state->path);
    if (mkdir(DPL_RUN_DIR, 0755) < 0 && errno != EEXIST)
        return dpl_err_sys(err, errno, "cannot make \"%s\"", DPL_RUN_DIR);
    FILE *file = fopen(temporary, "we");
    if (!file)
        return dpl_err_sys(err, errno, "cannot write \"%s\"", temporary);
    fprintf(file, "set %s\nrun_dir %s\n%s", state->set, state->run_dir,
            state->started ? "started\n" : "");
    if (state->reserve[0])
        fprintf(file, "reserve %s\n", state->reserve);
    bool ok = !ferror(file);
    if (fclose(file) != 0 || !ok || rename(temporary, state->path) < 0) {
        int code = dpl_err_sys(err, errno, "cannot write \"%s\"", state->path);
        unlink(temporary);
        return code;
    }
    return DPL_OK;
}

int ask_state_remove(const struct ask_state *state, struct dpl_err *err)
{
    if (unlink(state->path) < 0 && errno != ENOENT)
        return dpl_err_sys(err, errno, "cannot remove \"%s\"", state->path);
    return DPL_OK;
}

int ask_daemon(const char *command, const struct dpl_doc *args, int64_t patience_ms,
               int64_t timeout_ms, struct dpl_doc **result_r, struct dpl_err *err)
{
    int64_t until_ns = dpl_clock_now_ns(&dpl_clock_system) + patience_ms * 1000000;
    struct dpl_client *client = NULL;
    int rc;
    while ((rc = dpl_client_open_within(NULL, NULL, MIN(timeout_ms, CONNECT_MS), &client, err)) ==
               DPL_E_NOT_RUNNING &&
           dpl_clock_left_ms(&dpl_clock_system, until_ns) > 0)
        poll(NULL, 0, AGAIN_MS);
    if (rc < 0)
        return rc;
    rc = dpl_client_call(client, command, args, timeout_ms, result_r, err);
    dpl_client_close(client);
    return rc;
}

int ask_status(const char *set, int64_t timeout_ms, struct dpl_doc **status_r, struct dpl_err *err)
{
    g_autoptr(dpl_doc_auto) args = dpl_doc_new(), all = NULL;
    *status_r = NULL;
    dpl_doc_set_text(args, "set", set);
    int rc = ask_daemon("status", args, 0, timeout_ms, &all, err);
    if (rc < 0)
        return rc;
    const struct dpl_doc *one = dpl_doc_at(dpl_doc_list(all, "sets"), 0);
    if (!one)
        return dpl_err_set(err, DPL_E_CORRUPT, "doppeld's answer names no set");
    *status_r = dpl_doc_copy(one);
    return DPL_OK;
}

bool ask_lasts(const struct dpl_doc *status)
{
    return dpl_doc_int(status, "state_ms", 0) >= LASTS_MS;
}

void ask_forget(const char *run_dir, const char *set)
{
    g_autofree char *path = g_build_filename(run_dir, DPL_ASKED_DIR, set, NULL);
    (void)unlink(path);
}

int ask_no_daemon(int code, struct dpl_err *err)
{
    if (code != DPL_E_NOT_RUNNING)
        return code;
    return dpl_err_set(err, DPL_E_FAILED, DPL_NO_DAEMON ": see systemctl status doppeld");
}
