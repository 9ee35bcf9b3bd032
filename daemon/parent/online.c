/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/parent/online.h"

#include "daemon/parent/boot_mark.h"
#include "daemon/parent/hook.h"
#include "daemon/parent/log.h"
#include "daemon/parent/turn.h"

#define ONLINE_DIR "online"

void dpl_online_begin(struct dpl_online *online, struct dpl_set *set, void (*ended)(void *self),
                      void *self)
{
    *online = (struct dpl_online){
        .set = set, .is = dpl_boot_mark_is(set, ONLINE_DIR), .ended = ended, .self = self};
}

static void mark(const struct dpl_online *online)
{
    struct dpl_err err = {0};
    int rc = online->is ? dpl_boot_mark_put(online->set, ONLINE_DIR, &err)
                        : dpl_boot_mark_drop(online->set, ONLINE_DIR, &err);
    if (rc < 0)
        dpl_log(LOG_WARNING, "set \"%s\": its hooks may run again: %s", online->set->name,
                err.text);
}

void dpl_online_end(struct dpl_online *online)
{
    dpl_hooks_forget(online);
    online->is &= online->set->daemon->stopping; /* else the set is deleted */
    mark(online);
}

/* Where an agent asked for the capture, it runs the hooks, too. */
static bool is_ours(const struct dpl_set *set)
{
    return !set->daemon->settings.cluster && !set->asked && set->capture.wanted;
}

bool dpl_online_is_due(const struct dpl_online *online, bool wanted)
{
    return wanted ? !online->is && is_ours(online->set) : online->is;
}

/* What failed is in the log, and holds nothing up. */
static void hooks_ended(void *self, int rc, const struct dpl_err *err)
{
    struct dpl_online *online = self;
    (void)rc;
    (void)err;
    online->running = false;
    online->is = online->wanted;
    mark(online);
    online->ended(online->self);
}

void dpl_online_turn(struct dpl_online *online, bool wanted)
{
    bool captured = dpl_capture_state(online->set) != DPL_CAPSTAT_IS_DOWN;
    if (!wanted && captured && dpl_turn_role_is(online->set, "serving"))
        return; /* that it is captured will be seen at once: a daemon has just started */
    online->wanted = wanted;
    online->running = true;
    if (captured)
        dpl_hooks_run_set(online->set, wanted ? "online" : "offline", hooks_ended, online);
    else
        hooks_ended(online, DPL_OK, NULL);
}
