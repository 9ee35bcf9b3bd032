/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agents/ask.h"

#include "lib/base/clock.h"
#include "lib/base/file.h"
#include "lib/client/client.h"
#include "lib/client/role.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

enum { STATE_BYTES = 8192, AGAIN_MS = 100, LASTS_MS = 5000, CONNECT_MS = 5000 };

void ask_state_read(const struct dpl_ocf_run *run, struct ask_state *state_r)
{
    g_autofree char *text = NULL;
    *state_r = (struct ask_state){0};
    dpl_ocf_state_path(run, NULL, "state", state_r->path);
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

static void print(FILE *file, const void *of)
{
    const struct ask_state *state = of;
    fprintf(file, "set %s\nrun_dir %s\n%s", state->set, state->run_dir,
            state->started ? "started\n" : "");
    if (state->reserve[0])
        fprintf(file, "reserve %s\n", state->reserve);
}

int ask_state_write(const struct ask_state *state, struct dpl_err *err)
{
    return dpl_ocf_state_write(state->path, print, state, err);
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
