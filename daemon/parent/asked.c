/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/parent/asked.h"

#include "daemon/parent/door.h"
#include "daemon/parent/log.h"
#include "daemon/parent/sender.h"
#include "daemon/parent/set_doc.h"
#include "daemon/parent/turn.h"
#include "lib/base/fd.h"
#include "lib/base/file.h"
#include "lib/base/units.h"
#include "lib/client/role.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    START_MS = 80000, /* of a capture, or of a replica that is opened */
    STOP_MS = 50000,  /* where the command names no time */
    STOP_LEAST_MS = 2000,
    LEAVE_MS = 2000, /* for the engine to end, beside flush_timeout */
};

static const struct dpl_child_kind stop_kind = {
    .name = "capture-stop", .program = "doppel-capture", .stop_ms = 1000};

static int open_dir(const struct dpl_set *set, bool make, struct dpl_err *err)
{
    g_autofree char *dir = g_build_filename(set->daemon->settings.run_dir, DPL_ASKED_DIR, NULL);
    if (make && mkdir(dir, 0700) < 0 && errno != EEXIST)
        return dpl_err_sys(err, errno, "make \"%s\"", dir);
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? dpl_err_sys(err, errno, "open \"%s\"", dir) : fd;
}

/* So that a daemon that is started again goes on; one that cannot be kept is told, no more. */
static void keep(const struct dpl_set *set)
{
    g_autofree uint8_t *data = NULL;
    struct dpl_err err = {0};
    size_t size;
    dpl_autofd int dir = open_dir(set, true, &err);
    int rc = dir < 0 ? dir : dpl_doc_encode(set->asked, &data, &size, &err);
    if (rc >= 0)
        rc = dpl_file_replace(dir, set->name, data, size, 0600, &err);
    if (rc < 0)
        dpl_log(LOG_WARNING, "set \"%s\": what was asked for ends with this daemon: %s", set->name,
                err.text);
}

static void unkeep(const struct dpl_set *set)
{
    dpl_autofd int dir = open_dir(set, false, NULL);
    if (dir >= 0)
        (void)unlinkat(dir, set->name, 0);
}

void dpl_asked_load(struct dpl_set *set)
{
    g_autofree char *data = NULL;
    struct dpl_err err = {0};
    size_t size;
    dpl_autofd int dir = open_dir(set, false, NULL);
    int rc = dir < 0 ? DPL_E_NOT_FOUND
                     : dpl_file_read(dir, set->name, DPL_DOC_SIZE_MAX, &data, &size, &err);
    if (rc == DPL_E_NOT_FOUND)
        return;
    if (rc == DPL_OK)
        rc = dpl_doc_decode(data, size, &set->asked, &err);
    if (rc < 0)
        dpl_log(LOG_WARNING, "set \"%s\": what it was asked for: %s", set->name, err.text);
    else
        dpl_log(LOG_NOTICE, "set \"%s\": as its agent asked the daemon before", set->name);
}

static void answer(struct dpl_set *set, struct dpl_doc *result)
{
    struct dpl_request *request = g_steal_pointer(&set->work.request);
    if (request)
        dpl_request_done(request, result);
    else
        dpl_doc_free(result);
}

static void answer_fail(struct dpl_set *set, int code, const char *text)
{
    struct dpl_request *request = g_steal_pointer(&set->work.request);
    struct dpl_err err = {0};
    dpl_err_set(&err, code, "set \"%s\": %s", set->name, text);
    if (request)
        dpl_request_fail(request, &err);
}

/* One agent is heard at a time: a later one takes the place of one that may have been killed. */
static void hear(struct dpl_set *set, struct dpl_request *request)
{
    answer_fail(set, DPL_E_INTERRUPTED, "it was asked for again");
    set->work.request = request;
}

static void refuse(struct dpl_request *request, int code, const struct dpl_set *set,
                   const char *text)
{
    struct dpl_err err = {0};
    dpl_err_set(&err, code, "set \"%s\": %s", set->name, text);
    dpl_request_fail(request, &err);
}

static void drop_next(struct dpl_set *set, int code, const char *text)
{
    struct dpl_request *next = g_steal_pointer(&set->work.next);
    if (next)
        refuse(next, code, set, text);
}

/* It has been stopped, or could not be: the start that waits for that begins. */
static void start_next(struct dpl_set *set)
{
    struct dpl_request *next = set->work.next;
    if (!next)
        return;
    if (!dpl_request_alive(next)) {
        drop_next(set, DPL_E_INTERRUPTED, "nobody waits for it");
        return;
    }
    set->work.next = NULL;
    dpl_asked_connection_start(set, next);
}

static void phase(struct dpl_set *set, enum dpl_work_phase phase, int64_t ms, dpl_timer_fn *late)
{
    set->work.phase = phase;
    dpl_timer_clear(&set->work.timer);
    if (late)
        dpl_timer_set(&set->work.timer, set->daemon->loop, ms, late, set);
}

static void rest(struct dpl_set *set)
{
    phase(set, DPL_WORK_IDLE, 0, NULL);
}

static void drop(struct dpl_set *set)
{
    unkeep(set);
    g_clear_pointer(&set->asked, dpl_doc_free);
}

void dpl_asked_forget(struct dpl_set *set)
{
    answer_fail(set, DPL_E_NOT_RUNNING, "it is deleted, or doppeld stops");
    drop_next(set, DPL_E_NOT_RUNNING, "it is deleted, or doppeld stops");
    rest(set);
    g_clear_pointer(&set->work.stopper, dpl_child_free);
    if (!set->daemon->stopping)
        unkeep(set);
    g_clear_pointer(&set->asked, dpl_doc_free);
}

bool dpl_asked_engine(struct dpl_set *set)
{
    if (!dpl_turn_engine(set))
        return false;
    /* A set that has let go sends on what is left where it was connected last. */
    bool here = !set->daemon->settings.cluster || set->asked || dpl_sender_options(set);
    if (set->source)
        return here && dpl_set_peer(set) && set->work.phase != DPL_WORK_STARTING;
    return set->asked || !set->daemon->settings.cluster;
}

/* Whether the set is an agent's, and in the role that it needs. */
static bool may(struct dpl_set *set, struct dpl_request *request, const char *role)
{
    const char *now = dpl_doc_text(set->doc, "role");
    if (set->group && set->source && !set->daemon->settings.cluster) {
        refuse(request, DPL_E_REFUSED, set,
               "this is no cluster, and the configuration captures it: take its [set] out");
        return false;
    }
    if (set->met.unnoted) {
        refuse(request, DPL_E_REFUSED, set,
               "the other site serves it with a higher generation; see doppel status");
        return false;
    }
    if (g_strcmp0(now, role) == 0)
        return true;
    g_autofree char *text = g_strdup_printf("it is %s at this site, not %s", now ? now : "?", role);
    refuse(request, DPL_E_REFUSED, set, text);
    return false;
}

/* The new options; what depends on them is told. True if there were others before. */
static void take_options(struct dpl_set *set, struct dpl_doc *asked)
{
    g_autoptr(dpl_doc_auto) before = dpl_door_options(set), now = NULL;
    dpl_doc_free(set->asked);
    set->asked = asked;
    now = dpl_door_options(set);
    if (!dpl_doc_equal(before, now))
        dpl_door_close(set, "its options have changed");
}

/* --- a source --------------------------------------------------------------------------------- */

static void start_failed(struct dpl_set *set, int code, const char *text)
{
    rest(set);
    dpl_capture_end(set);
    drop(set);
    dpl_set_error(set, "%s", text);
    answer_fail(set, code, text);
    dpl_set_review(set);
}

static void start_late(void *self)
{
    start_failed(self, DPL_E_TIMEOUT, "its capture did not start in time");
}

void dpl_asked_no_capture(struct dpl_set *set, const char *why)
{
    if (set->work.phase == DPL_WORK_STARTING)
        start_failed(set, DPL_E_FAILED, why);
}

static void started(struct dpl_set *set)
{
    rest(set);
    keep(set);
    dpl_set_error(set, NULL);
    set->connect_backoff.failures = 0;
    dpl_engine_reload(set);
    answer(set, NULL);
}

void dpl_asked_connection_start(struct dpl_set *set, struct dpl_request *request)
{
    struct dpl_doc *asked = NULL;
    struct dpl_err err = {0};
    if (!may(set, request, "serving"))
        return;
    if (set->work.phase == DPL_WORK_OPENING) {
        refuse(request, DPL_E_BUSY, set, "its replica is being opened");
        return;
    }
    if (set->work.phase != DPL_WORK_IDLE && set->work.phase != DPL_WORK_STARTING &&
        set->work.phase != DPL_WORK_DRAINING) {
        drop_next(set, DPL_E_INTERRUPTED, "it was asked for again");
        set->work.next = request; /* the phases end by themselves, soon */
        return;
    }
    if (dpl_option_asked(request->args, &asked, &err) < 0) {
        dpl_request_fail(request, &err);
        return;
    }
    hear(set, request);
    take_options(set, asked);
    dpl_capture_look(set);
    if (dpl_capture_serves(set)) {
        dpl_capture_begin(set);
        started(set);
        return;
    }
    phase(set, DPL_WORK_STARTING, START_MS, start_late);
    dpl_capture_ask(set);
}

static void put_stopped(struct dpl_set *set, struct dpl_doc *doc)
{
    dpl_doc_set_bool(doc, "sent_all", set->work.sent_all);
    dpl_doc_set_int(doc, "unsent_bytes", set->work.unsent_bytes);
    dpl_doc_set(doc, "roots", dpl_set_doc_roots(set->doc));
}

static void tell_stopped(const struct dpl_set *set)
{
    if (set->work.sent_all)
        dpl_log(LOG_NOTICE, "set \"%s\": stopped here, and the target has all of it", set->name);
    else if (set->work.unsent_bytes > 0)
        dpl_log(LOG_WARNING, "set \"%s\": stopped here; the target lacks %lld bytes of its journal",
                set->name, (long long)set->work.unsent_bytes);
    else
        dpl_log(LOG_NOTICE, "set \"%s\": stopped here; whether the target has all is not known",
                set->name);
}

/* All has ended, but for a journal that is sent on. */
static void stopped(struct dpl_set *set, bool sends_on)
{
    struct dpl_doc *doc = dpl_doc_new();
    put_stopped(set, doc);
    if (!sends_on) {
        rest(set);
        drop(set);
    }
    tell_stopped(set);
    answer(set, doc);
    dpl_set_review(set);
    start_next(set);
}

/* What the journal still holds, by the last that the engine said; -1: not known. */
static int64_t unsent(const struct dpl_set *set)
{
    return dpl_doc_int(set->status, "unsent_bytes", -1);
}

/* Whether the target has the whole journal, its end too. */
static bool is_sent(const struct dpl_set *set)
{
    return dpl_doc_bool(set->status, "sent_all", false);
}

static void leave(struct dpl_set *set)
{
    set->work.unsent_bytes = unsent(set);
    set->work.sent_all = is_sent(set);
    phase(set, DPL_WORK_LEAVING, 0, NULL);
    set->ready = false; /* for another connection */
    if (dpl_child_running(set->engine))
        dpl_child_stop(set->engine); /* dpl_asked_engine_ended goes on */
    else
        stopped(set, false);
}

/* Time is up, or there is nobody to send to. */
static void flush_late(void *self)
{
    struct dpl_set *set = self;
    if (is_sent(set) || g_strcmp0(dpl_doc_text(set->doc, "role"), "released") != 0) {
        leave(set);
        return;
    }
    set->work.unsent_bytes = unsent(set);
    set->work.sent_all = false;
    phase(set, DPL_WORK_DRAINING, 0, NULL);
    stopped(set, true);
}

static void capture_ended(void *self, int status, bool again)
{
    struct dpl_set *set = self;
    (void)again;
    g_clear_pointer(&set->work.stopper, dpl_child_free);
    if (status != 0 && status != dpl_err_cli_exit(DPL_E_DEGRADED)) {
        rest(set);
        answer_fail(set, DPL_E_TIMEOUT, "its capture has not ended; see the log");
        start_next(set);
        return;
    }
    set->capture.state = DPL_CAPSTAT_IS_DOWN;
    if (!set->connected || !dpl_child_running(set->engine)) {
        flush_late(set);
        return;
    }
    phase(set, DPL_WORK_FLUSHING, set->work.flush_ms, flush_late);
    dpl_asked_review(set);
}

static const struct dpl_child_fns stop_fns = {.ended = capture_ended};

static int end_capture(struct dpl_set *set, int64_t ms, struct dpl_err *err)
{
    g_autofree char *seconds = g_strdup_printf("%lld", (long long)(ms + 999) / 1000);
    g_autofree char *dir = g_build_filename(set->daemon->settings.run_dir, "capture", NULL);
    const char *args[] = {"--stop", "--set",     set->name, "--run-dir",
                          dir,      "--timeout", seconds,   NULL};
    set->work.stopper =
        dpl_child_new(set->daemon->children, &stop_kind, set->name, args, &stop_fns, set);
    return dpl_child_start(set->work.stopper, err);
}

static int read_timeout(const struct dpl_doc *args, int64_t *ms_r, struct dpl_err *err)
{
    const char *text = dpl_doc_text(args, "timeout");
    *ms_r = STOP_MS;
    if (text && dpl_units_duration_ms(text, ms_r, err) < 0) {
        dpl_err_context(err, "--timeout");
        return err->code = DPL_E_USAGE;
    }
    return DPL_OK;
}

void dpl_asked_connection_stop(struct dpl_set *set, struct dpl_request *request)
{
    enum dpl_work_phase now = set->work.phase;
    struct dpl_err err = {0};
    int64_t ms;
    if (!set->asked && !set->daemon->settings.cluster && dpl_option_any(set)) {
        refuse(request, DPL_E_REFUSED, set, "the configuration captures it: take its [set] out");
        return;
    }
    if (read_timeout(request->args, &ms, &err) < 0) {
        dpl_request_fail(request, &err);
        return;
    }
    hear(set, request);
    drop_next(set, DPL_E_INTERRUPTED, "it is to be stopped");
    if (now != DPL_WORK_IDLE && now != DPL_WORK_STARTING && now != DPL_WORK_DRAINING)
        return; /* under way */
    unkeep(set);
    dpl_capture_end(set);
    phase(set, DPL_WORK_ENDING, 0, NULL);
    /* The close of the session may take flush_timeout too. */
    set->work.flush_ms = MIN(dpl_option_value(set, "flush_timeout"), ms / 3);
    ms -= 2 * set->work.flush_ms + LEAVE_MS;
    if (end_capture(set, ms < STOP_LEAST_MS ? STOP_LEAST_MS : ms, &err) == DPL_OK)
        return;
    g_clear_pointer(&set->work.stopper, dpl_child_free);
    rest(set);
    answer_fail(set, err.code, err.text);
}

/* --- a target --------------------------------------------------------------------------------- */

static void replica_failed(struct dpl_set *set, int code, const char *text)
{
    rest(set);
    drop(set);
    answer_fail(set, code, text);
    dpl_engine_reload(set);
}

static void open_late(void *self)
{
    replica_failed(self, DPL_E_TIMEOUT, "its replica was not opened in time");
}

void dpl_asked_replica_start(struct dpl_set *set, struct dpl_request *request)
{
    struct dpl_doc *asked = NULL;
    struct dpl_err err = {0};
    if (set->source) {
        refuse(request, DPL_E_REFUSED, set, "it was made at this site, and has no replica here");
        return;
    }
    if (!may(set, request, "standby"))
        return;
    if (set->work.phase == DPL_WORK_LEAVING) {
        refuse(request, DPL_E_BUSY, set, "it is being stopped");
        return;
    }
    if (dpl_option_asked(request->args, &asked, &err) < 0) {
        dpl_request_fail(request, &err);
        return;
    }
    hear(set, request);
    take_options(set, asked);
    keep(set);
    phase(set, DPL_WORK_OPENING, START_MS, open_late);
    dpl_engine_reload(set);
    dpl_asked_review(set);
}

void dpl_asked_replica_stop(struct dpl_set *set, struct dpl_request *request)
{
    hear(set, request);
    if (set->work.phase == DPL_WORK_LEAVING)
        return;
    drop(set);
    dpl_door_close(set, "the right to write the replica is taken from this node");
    set->ready = false;
    if (dpl_child_running(set->engine)) {
        phase(set, DPL_WORK_LEAVING, 0, NULL);
        dpl_child_stop(set->engine);
    } else {
        rest(set);
        answer(set, NULL);
    }
}

/* Where the writer's lock lies. */
static void put_reserve(const struct dpl_set *set, struct dpl_doc *doc)
{
    const char *mapped = dpl_doc_text(dpl_doc_at(dpl_doc_list(set->doc, "map"), 0), "target");
    const char *root =
        mapped ? mapped : dpl_conf_list(set->daemon->settings.conf, "target", "root")[0];
    g_autofree char *parent = root ? g_path_get_dirname(root) : NULL;
    g_autofree char *path = root ? g_build_filename(parent, ".doppel", set->name, NULL) : NULL;
    if (path)
        dpl_doc_set_text(doc, "reserve", path);
}

static void review_opening(struct dpl_set *set)
{
    const char *why = dpl_doc_text(set->status, "last_error");
    const char *state = dpl_doc_text(set->status, "state");
    if (set->closed) {
        g_autofree char *text = g_strdup(why ? why : "its replica cannot be opened");
        replica_failed(set, DPL_E_PARAM_HERE, text);
    } else if (set->ready && state && strcmp(state, "closed") != 0) {
        struct dpl_doc *doc = dpl_doc_new();
        put_reserve(set, doc);
        rest(set);
        answer(set, doc);
    }
}

/* --- both ------------------------------------------------------------------------------------- */

void dpl_asked_review(struct dpl_set *set)
{
    switch (set->work.phase) {
    case DPL_WORK_STARTING:
        if (dpl_capture_serves(set))
            started(set);
        break;
    case DPL_WORK_FLUSHING:
        if (is_sent(set) || !set->connected)
            flush_late(set);
        break;
    case DPL_WORK_DRAINING:
        if (is_sent(set) || g_strcmp0(dpl_doc_text(set->doc, "role"), "released") != 0)
            leave(set);
        break;
    case DPL_WORK_OPENING:
        review_opening(set);
        break;
    default:
        break;
    }
}

void dpl_asked_engine_ended(struct dpl_set *set)
{
    if (set->work.phase == DPL_WORK_FLUSHING || set->work.phase == DPL_WORK_DRAINING) {
        leave(set);
    } else if (set->work.phase == DPL_WORK_LEAVING && set->source) {
        stopped(set, false);
    } else if (set->work.phase == DPL_WORK_LEAVING) {
        rest(set);
        answer(set, NULL);
        start_next(set);
    }
}
