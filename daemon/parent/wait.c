/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * "wait": a request that is answered when a set is idle, its queue empty or its replica consistent,
 * or when the time is over.
 */
#include "daemon/parent/daemon.h"
#include "lib/base/clock.h"
#include "lib/base/units.h"

struct dpl_waiter {
    struct dpl_set *set;
    struct dpl_request *request;
    bool idle, queue_empty, consistent;
    int64_t begun_ns;
    struct dpl_timer timer;
};

/* Both engines say how much the target has not applied: a link of its target, a replica of itself.
 * Of what is not said nothing holds. */
static bool queue_is_empty(const struct dpl_doc *status)
{
    return dpl_doc_int(status, "target_queue_bytes", -1) == 0 ||
           dpl_doc_int(status, "queue_bytes", -1) == 0;
}

/* What was changed before the question is idle only when it was applied too: a status that knows
 * the capture's position from an earlier moment says nothing of it. */
static bool has_all(const struct dpl_set *set, int64_t applied, int64_t begun_ns)
{
    if (set->capture.state == DPL_CAPSTAT_IS_SERVING &&
        dpl_doc_int(set->status, "reserved_ns", 0) < begun_ns)
        return false;
    return applied >= dpl_doc_int(set->status, "reserved_lsn", -1);
}

static bool is_idle(const struct dpl_set *set, int64_t begun_ns)
{
    const struct dpl_doc *status = set->status;
    int64_t applied = dpl_doc_int(status, "applied_lsn", -1);
    if (set->source && !has_all(set, applied, begun_ns))
        return false;
    if (!set->connected || !queue_is_empty(status) || dpl_doc_bool(status, "mirroring", false))
        return false;
    return applied >= 0 && applied >= dpl_doc_int(status, "head_lsn", -1) &&
           applied >= dpl_doc_int(status, "received_lsn", -1);
}

static bool reached(const struct dpl_waiter *w)
{
    if (w->idle && !is_idle(w->set, w->begun_ns))
        return false;
    if (w->queue_empty && !queue_is_empty(w->set->status))
        return false;
    return !w->consistent || dpl_doc_bool(w->set->status, "consistent", false);
}

static void waiter_free(struct dpl_waiter *w)
{
    dpl_timer_clear(&w->timer);
    g_ptr_array_remove(w->set->daemon->waiting, w);
    g_free(w);
}

static void fail(struct dpl_waiter *w, int code, const char *text)
{
    struct dpl_err err = {0};
    dpl_err_set(&err, code, "set \"%s\": %s", w->set->name, text);
    dpl_request_fail(w->request, &err);
    waiter_free(w);
}

static void too_late(void *self)
{
    fail(self, DPL_E_TIMEOUT, "it did not come to that in time");
}

void dpl_wait_begin(struct dpl_set *set, struct dpl_request *request)
{
    const char *timeout = dpl_doc_text(request->args, "timeout");
    int64_t timeout_ms = 60000;
    struct dpl_err err = {0};
    if (timeout && dpl_units_duration_ms(timeout, &timeout_ms, &err) < 0) {
        dpl_err_context(&err, "--timeout");
        dpl_request_fail(request, &err);
        return;
    }
    struct dpl_waiter *w = g_new0(struct dpl_waiter, 1);
    *w = (struct dpl_waiter){.set = set,
                             .request = request,
                             .begun_ns = dpl_clock_now_ns(&dpl_clock_system),
                             .idle = dpl_doc_bool(request->args, "idle", false),
                             .queue_empty = dpl_doc_bool(request->args, "queue_empty", false),
                             .consistent = dpl_doc_bool(request->args, "consistent", false)};
    if (!w->queue_empty && !w->consistent)
        w->idle = true;
    g_ptr_array_add(set->daemon->waiting, w);
    dpl_timer_set(&w->timer, set->daemon->loop, timeout_ms, too_late, w);
    dpl_wait_review(set);
}

void dpl_wait_review(struct dpl_set *set)
{
    GPtrArray *all = set->daemon->waiting;
    for (guint i = all->len; i > 0; i--) {
        struct dpl_waiter *w = all->pdata[i - 1];
        if (w->set != set)
            continue;
        if (!dpl_request_alive(w->request)) {
            fail(w, DPL_E_INTERRUPTED, "nobody waits any more");
        } else if (reached(w)) {
            dpl_request_done(w->request, NULL);
            waiter_free(w);
        }
    }
}

void dpl_waits_end(struct dpl_daemon *daemon, struct dpl_set *only)
{
    for (guint i = daemon->waiting->len; i > 0; i--) {
        struct dpl_waiter *w = daemon->waiting->pdata[i - 1];
        if (!only || w->set == only)
            fail(w, DPL_E_NOT_RUNNING, only ? "it is deleted" : "doppeld stops");
    }
}
