/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/parent/turn.h"

#include "daemon/parent/asked.h"
#include "daemon/parent/door.h"
#include "daemon/parent/learn.h"
#include "daemon/parent/log.h"
#include "daemon/parent/service.h"

#include <string.h>

enum { STOP_S = 50, AGAIN_MS = 2000, SOON_MS = 100 };

static const struct dpl_child_kind stop_kind = {
    .name = "capture-stop", .program = "doppel-capture", .stop_ms = 1000};

static bool is_source(const struct dpl_set *set)
{
    return g_strcmp0(dpl_doc_text(set->doc, "side"), "target") != 0;
}

bool dpl_turn_role_is(const struct dpl_set *set, const char *role)
{
    return g_strcmp0(dpl_doc_text(set->doc, "role"), role) == 0;
}

bool dpl_turn_is_done(const struct dpl_set *set)
{
    return set->source == is_source(set);
}

/* On a stand-alone server the daemon itself takes care of captures. */
static bool is_alone(const struct dpl_set *set)
{
    return !set->daemon->settings.cluster && !set->asked;
}

static bool is_captured(struct dpl_set *set)
{
    return dpl_capture_state(set) != DPL_CAPSTAT_IS_DOWN;
}

bool dpl_turn_engine(struct dpl_set *set)
{
    if (!dpl_turn_is_done(set))
        return false;
    if (set->source)
        return dpl_turn_role_is(set, "serving") || dpl_turn_role_is(set, "released");
    return dpl_turn_role_is(set, "standby") && !is_captured(set);
}

static void again(void *self)
{
    dpl_turn_review(self);
}

static void again_later(struct dpl_set *set, int64_t ms)
{
    dpl_timer_set(&set->turn.timer, set->daemon->loop, ms, again, set);
}

static void capture_ended(void *self, int status, bool restarts)
{
    struct dpl_set *set = self;
    (void)restarts;
    g_clear_pointer(&set->turn.stopper, dpl_child_free);
    if (set->daemon->stopping)
        return;
    if (is_captured(set)) {
        dpl_set_error(set, "its capture does not end (exit %d); see the log", status);
        again_later(set, AGAIN_MS);
        return;
    }
    set->capture.state = DPL_CAPSTAT_IS_DOWN;
    dpl_set_error(set, NULL);
    dpl_log(LOG_NOTICE, "set \"%s\": its capture has ended: it is %s", set->name,
            dpl_doc_text(set->doc, "role"));
    dpl_turn_review(set);
    dpl_set_review(set);
}

static const struct dpl_child_fns stop_fns = {.ended = capture_ended};

static void end_capture(struct dpl_set *set)
{
    g_autofree char *seconds = g_strdup_printf("%d", STOP_S);
    g_autofree char *dir = g_build_filename(set->daemon->settings.run_dir, "capture", NULL);
    const char *args[] = {"--stop", "--set",     set->name, "--run-dir",
                          dir,      "--timeout", seconds,   NULL};
    struct dpl_err err = {0};
    dpl_capture_end(set);
    set->turn.stopper =
        dpl_child_new(set->daemon->children, &stop_kind, set->name, args, &stop_fns, set);
    if (dpl_child_start(set->turn.stopper, &err) == DPL_OK)
        return;
    g_clear_pointer(&set->turn.stopper, dpl_child_free);
    dpl_set_error(set, "%s", err.text);
    again_later(set, AGAIN_MS);
}

/* The side is as it should be: capture and engine run as the role says. */
static void follow(struct dpl_set *set)
{
    struct dpl_err err = {0};
    if (set->source && is_alone(set) && dpl_turn_role_is(set, "serving") && !set->capture.wanted)
        dpl_capture_begin(set);
    bool may = dpl_asked_engine(set);
    if (!may && dpl_child_running(set->engine)) {
        dpl_door_close(set, "its role has changed");
        set->ready = false;
        dpl_child_stop(set->engine);
    } else if (may && !dpl_child_running(set->engine) && dpl_child_start(set->engine, &err) < 0) {
        dpl_set_error(set, "%s", err.text);
    }
}

/* Whether nothing of the side that it had runs any more; what the daemon may end, it ends. */
static bool is_free(struct dpl_set *set)
{
    dpl_door_close(set, "its role has changed");
    set->ready = false;
    if (set->asked || set->work.phase != DPL_WORK_IDLE || set->turn.stopper)
        return false; /* an agent is about to end it */
    if (set->source && is_captured(set))
        return false;
    dpl_child_stop(set->engine);
    return !dpl_child_running(set->engine);
}

static void turn(struct dpl_set *set)
{
    dpl_learn_end(set);
    dpl_engine_end(set);
    dpl_capture_end(set);
    g_clear_pointer(&set->status, dpl_doc_free);
    g_clear_pointer(&set->told, dpl_doc_free);
    set->closed = set->connected = false;
    set->wish_begun = set->wish_over = 0;
    set->connect_backoff.failures = 0;
    set->capture.gap = set->capture.failed = false;
    set->source = is_source(set);
    dpl_set_error(set, NULL);
    dpl_log(LOG_NOTICE, "set \"%s\": %s (generation %lld)", set->name,
            set->source ? "this site is its source from here on"
                        : "this site is its target from here on",
            (long long)dpl_doc_int(set->doc, "generation", 0));
    dpl_capture_begin(set);
    dpl_engine_begin(set);
    dpl_set_review(set);
}

void dpl_turn_review(struct dpl_set *set)
{
    if (set->daemon->stopping || set->turn.stopper)
        return;
    dpl_timer_clear(&set->turn.timer);
    bool captured = is_captured(set);
    if (is_alone(set) && !dpl_turn_role_is(set, "serving") && captured) {
        if (dpl_services_stopped(set))
            end_capture(set);
        else
            again_later(set, SOON_MS);
    } else if (dpl_turn_is_done(set)) {
        follow(set);
    } else if (is_free(set)) {
        turn(set);
    } else if (set->source && captured) {
        again_later(set, AGAIN_MS); /* nobody tells when an agent's capture is gone */
    }
}

void dpl_turn_forget(struct dpl_set *set)
{
    dpl_timer_clear(&set->turn.timer);
    g_clear_pointer(&set->turn.stopper, dpl_child_free);
}
