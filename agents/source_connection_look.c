/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What monitor and probe look at.
 */
#include "agents/source_connection.h"

#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/capstat/capstat.h"
#include "lib/capstat/detached.h"
#include "lib/client/role.h"
#include "source-connection.params.h"

#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

enum { LOOK_MS = 50, STUCK_MS = 3000, ASK_MS = 3000, ASK_LEAST_MS = 200 };

/* Of all roots; 0 where the kernel's list of connections cannot be read. */
static uint64_t waiting(const struct dpl_capstat *page)
{
    const struct dpl_capstat_what *what = dpl_capstat_what(page);
    uint64_t all = 0;
    for (uint32_t i = 0; i < what->root_count; i++) {
        char path[96], text[32] = "";
        uint64_t count = 0;
        dev_t dev = what->roots[i].connection;
        snprintf(path, sizeof path, "/sys/fs/fuse/connections/%u/waiting",
                 (major(dev) << 20) | minor(dev));
        dpl_autofd int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd >= 0 && dpl_fd_read_full(fd, text, sizeof text - 1, NULL) > 0 &&
            sscanf(text, "%" SCNu64, &count) == 1)
            all += count;
    }
    return all;
}

/* Whether a line of mountinfo(5) is a mount of ours: ... - TYPE SOURCE OPTIONS */
static bool is_ours(const char *line, const char *set)
{
    char type[64], source[320], ours[320];
    const char *dash = strstr(line, " - ");
    snprintf(ours, sizeof ours, "doppel:%s", set);
    return dash && sscanf(dash + 3, "%63s %319s", type, source) == 2 &&
           strncmp(type, "fuse", 4) == 0 && strcmp(source, ours) == 0;
}

static bool is_mounted(const char *set)
{
    FILE *file = fopen("/proc/self/mountinfo", "re");
    char *line = NULL;
    size_t room = 0;
    bool found = !file; /* what cannot be seen is not said to be gone */
    while (file && !found && getline(&line, &room, file) > 0)
        found = is_ours(line, set);
    free(line);
    if (file)
        fclose(file);
    return found;
}

static enum dpl_capstat_state judge(const char *dir, const char *set, uint64_t *waiting_r)
{
    struct dpl_capstat *page = NULL;
    struct dpl_capstat_now now;
    int running = dpl_capstat_running(dir, set, NULL);
    *waiting_r = 0;
    if (dpl_capstat_open(&page, dir, set, NULL) < 0)
        return running == 1 ? DPL_CAPSTAT_IS_STARTING : DPL_CAPSTAT_IS_DOWN;
    dpl_capstat_read(page, &now);
    enum dpl_capstat_state state =
        dpl_capstat_judge(&now, running, dpl_clock_now_ns(&dpl_clock_system));
    if (state == DPL_CAPSTAT_IS_STUCK)
        *waiting_r = waiting(page);
    dpl_capstat_close(page);
    return state;
}

void sc_capture_look(const char *run_dir, const char *set, int64_t patience_ms,
                     struct sc_capture *capture_r)
{
    g_autofree char *dir = g_build_filename(run_dir, "capture", NULL);
    int64_t until_ns = dpl_clock_now_ns(&dpl_clock_system) + patience_ms * 1000000;
    enum dpl_capstat_state state = judge(dir, set, &capture_r->waiting);
    /* A machine that was halted for a while has an old heartbeat, for a moment. */
    while (state == DPL_CAPSTAT_IS_STUCK && dpl_clock_left_ms(&dpl_clock_system, until_ns) > 0) {
        poll(NULL, 0, LOOK_MS);
        state = judge(dir, set, &capture_r->waiting);
    }
    capture_r->mounted = is_mounted(set);
    capture_r->state = state == DPL_CAPSTAT_IS_SERVING    ? SC_SERVES
                       : state == DPL_CAPSTAT_IS_PASSING  ? SC_PASSES
                       : state == DPL_CAPSTAT_IS_STARTING ? SC_STARTS
                       : state == DPL_CAPSTAT_IS_STUCK    ? SC_STUCK
                                                          : SC_GONE;
}

bool sc_capture_none(const char *run_dir, const char *set)
{
    g_autofree char *dir = g_build_filename(run_dir, "capture", NULL);
    return dpl_capstat_running(dir, set, NULL) == 0 && !is_mounted(set);
}

bool sc_detached(const char *set)
{
    struct dpl_role_now now;
    struct host host;
    (void)host_read(&host, NULL);
    bool known = dpl_role_read(host.state_dir, set, &now, NULL) == DPL_OK;
    bool detached = dpl_detached_is(host.state_dir, known && now.root[0] ? now.root : NULL, set);
    host_done(&host);
    return detached;
}

static int degraded(struct dpl_err *err, const char *set, const char *what, const char *more)
{
    return dpl_err_set(err, DPL_E_DEGRADED, "set \"%s\" is captured; %s%s%s", set, what,
                       more ? ": " : "", more ? more : "");
}

static int judge_capture(const struct sc_capture *capture, const char *set, struct dpl_err *err)
{
    switch (capture->state) {
    case SC_GONE:
        return dpl_err_set(err, DPL_E_FAILED, "the capture of set \"%s\" is gone%s", set,
                           capture->mounted ? ", and its mount answers errors" : "");
    case SC_STUCK:
        if (capture->waiting > 0)
            return dpl_err_set(err, DPL_E_FAILED,
                               "the capture of set \"%s\" is stuck: %" PRIu64
                               " requests of applications wait",
                               set, capture->waiting);
        return degraded(err, set, "its capture gives no sign, and nobody waits for it", NULL);
    case SC_STARTS:
        return degraded(err, set, "its capture is starting", NULL);
    case SC_PASSES:
        return degraded(
            err, set,
            "its changes are not journalled for now: the journal begins anew by itself, "
            "and a mirror follows",
            NULL);
    default:
        return DPL_OK;
    }
}

static int judge_connection(const struct dpl_ocf_run *run, const char *set,
                            const struct dpl_doc *status, struct dpl_err *err)
{
    const struct dpl_doc *engine = dpl_doc_tree(dpl_doc_tree(status, "engine"), "status");
    const char *wrong = dpl_doc_text(status, "wrong"), *state = dpl_doc_text(status, "state");
    int64_t lag_ms = dpl_doc_int(engine, "lag_ms", 0);
    int64_t warn_ms = dpl_ocf_number(run, SOURCE_CONNECTION_LAG_WARN);
    if (dpl_doc_bool(status, "disconnected_by_hand", false))
        return degraded(err, set, "it was disconnected by hand (doppel connect ends that)", NULL);
    bool lasts = ask_lasts(status);
    if (!dpl_doc_bool(status, "connected", false) && lasts)
        return degraded(err, set, "the other site is not connected", wrong);
    if (g_strcmp0(state, "mirror needed") == 0 && lasts)
        return degraded(err, set, "the replica does not follow", wrong);
    if (lag_ms > warn_ms) {
        g_autofree char *text =
            g_strdup_printf("%" PRId64 ".%" PRId64 " s", lag_ms / 1000, lag_ms % 1000 / 100);
        return degraded(err, set, "the replica is older than lag_warn", text);
    }
    return DPL_OK;
}

/* Doppeld has been started anew, and what it was asked for was lost: it is asked again. */
static int ask_again(struct dpl_ocf_run *run, const char *set, int64_t ms, struct dpl_err *err)
{
    g_autoptr(dpl_doc_auto) args = sc_arguments(run);
    struct dpl_err why = {0};
    dpl_ocf_step(&run->steps, "asking doppeld again");
    if (ask_daemon("connection start", args, 0, ms, NULL, &why) < 0)
        return degraded(err, set, "doppeld does not take it up again", why.text);
    dpl_ocf_log(run, "WARNING", "doppeld did not know of the connection: it was asked again");
    return DPL_OK;
}

int sc_monitor(struct dpl_ocf_run *run, struct dpl_err *err)
{
    const char *set = dpl_ocf_text(run, SOURCE_CONNECTION_REPLICATION_SET);
    int64_t share_ms = run->timeout_ms > 0 ? run->timeout_ms / 5 : ASK_MS;
    struct sc_capture capture;
    struct ask_state state;
    struct dpl_err why = {0};
    g_autoptr(dpl_doc_auto) status = NULL;
    ask_state_read(run, &state);
    if (!state.started || strcmp(state.set, set) != 0)
        return dpl_err_set(err, DPL_E_NOT_RUNNING, "set \"%s\" is not captured on this node", set);
    dpl_ocf_step(&run->steps, "looking at the capture");
    sc_capture_look(state.run_dir, set, MIN(share_ms, STUCK_MS), &capture);
    if (capture.state == SC_GONE && !capture.mounted && sc_detached(set))
        return dpl_err_set(err, DPL_E_DEGRADED,
                           "set \"%s\" is detached, nothing is recorded or sent: doppel emergency "
                           "attach %s ends that",
                           set, set);
    int rc = judge_capture(&capture, set, err);
    if (rc < 0)
        return rc;
    dpl_ocf_step(&run->steps, "asking doppeld");
    int64_t ask_ms = CLAMP(share_ms, ASK_LEAST_MS, ASK_MS);
    if (ask_status(set, ask_ms, &status, &why) < 0)
        return degraded(err, set, why.text, NULL);
    if (!dpl_doc_bool(status, "asked", false))
        return ask_again(run, set, ask_ms, err);
    return judge_connection(run, set, status, err);
}

/* Whether it runs here at all. What a dead capture left mounted is no good end: a stop clears it.
 */
int sc_probe(struct dpl_ocf_run *run, struct dpl_err *err)
{
    const struct dpl_ocf_value *set = &run->values[SOURCE_CONNECTION_REPLICATION_SET];
    const char *name = set->bad ? NULL : set->text;
    struct sc_capture capture;
    struct ask_state state;
    struct host host;
    ask_state_read(run, &state);
    (void)host_read(&host, NULL);
    if (!name)
        name = state.set;
    sc_capture_look(state.run_dir[0] ? state.run_dir : host.run_dir, name, 0, &capture);
    host_done(&host);
    if (capture.state != SC_GONE || (state.started && !capture.mounted && sc_detached(name)))
        return DPL_OK;
    if (capture.mounted || state.started)
        return dpl_err_set(err, DPL_E_FAILED, "the capture of set \"%s\" is gone%s", name,
                           capture.mounted ? ", and has left its mount" : "");
    return dpl_err_set(err, DPL_E_NOT_RUNNING, "set \"%s\" is not captured on this node", name);
}
