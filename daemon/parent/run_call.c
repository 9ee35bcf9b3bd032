/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A call holds the number of the deed that made it: the answer to an earlier deed is dropped, and
 * so is one that comes after the run.
 *
 * While a store takes no change, here or at the other site, as when a node was lost and its fencing
 * is not confirmed yet, what needs it is tried again.
 */
#include "daemon/parent/run_call.h"

#include "daemon/parent/cluster.h"
#include "daemon/parent/failover.h"
#include "daemon/parent/hook.h"
#include "daemon/parent/probe.h"
#include "daemon/parent/set_edit.h"
#include "daemon/parent/talk.h"

enum { AGAIN_MS = 500 };

struct call {
    struct dpl_run *run; /* NULL: it has ended */
    unsigned deed;
    dpl_run_answer_fn *then;
    dpl_run_edit_fn *edit;
    struct dpl_doc *question; /* for the other site */
    int64_t reach_ms, timeout_ms;
    dpl_timer_fn *make;
    struct dpl_timer timer; /* armed: it is made again then */
};

static struct call *call_new(struct dpl_run *run, dpl_run_answer_fn *then)
{
    struct call *call = g_new0(struct call, 1);
    *call = (struct call){.run = run, .deed = run->deed, .then = then};
    if (!run->calls)
        run->calls = g_ptr_array_new();
    g_ptr_array_add(run->calls, call);
    return call;
}

static void call_free(struct call *call)
{
    dpl_timer_clear(&call->timer);
    dpl_doc_free(call->question);
    g_free(call);
}

static void back(struct call *call, int rc, const struct dpl_doc *answer, const struct dpl_err *err)
{
    struct dpl_run *run = call->run;
    unsigned deed = call->deed;
    dpl_run_answer_fn *then = call->then;
    if (run)
        g_ptr_array_remove(run->calls, call);
    call_free(call);
    if (run && run->deed == deed)
        then(run, rc, answer, err);
}

/* Whether a store stood in its way that takes no change for the moment: the other site's, which
 * says so by BUSY, or this one's. */
static bool is_suspended(const struct call *call, int rc)
{
    return call->question ? rc == DPL_E_BUSY
                          : rc == DPL_E_REFUSED && !dpl_store_ready(call->run->daemon->store);
}

/* Whether it is made again in a moment. */
static bool again(struct call *call, int rc, const struct dpl_err *err)
{
    struct dpl_run *run = call->run;
    int64_t wait_ms = 0;
    if (!call->make || !run || run->deed != call->deed || !is_suspended(call, rc))
        return false;
    (void)dpl_failover_wait_ms(dpl_run_options(run), &wait_ms, NULL);
    if (dpl_run_elapsed_ms(run) >= wait_ms)
        return false;
    dpl_run_tell(run, "%s", err->text);
    if (run->machine.stop)
        return false;
    dpl_timer_set(&call->timer, run->daemon->loop, AGAIN_MS, call->make, call);
    return true;
}

void dpl_run_calls_end(struct dpl_run *run)
{
    for (guint i = 0; run->calls && i < run->calls->len; i++) {
        struct call *call = run->calls->pdata[i];
        call->run = NULL;
        if (dpl_timer_armed(&call->timer))
            call_free(call);
    }
    if (run->calls)
        g_ptr_array_unref(run->calls);
}

static void answered(void *self, int rc, const struct dpl_doc *answer, const struct dpl_err *err)
{
    if (!again(self, rc, err))
        back(self, rc, answer, err);
}

static void ask_site(void *self)
{
    struct call *call = self;
    const struct dpl_set *set = dpl_set_find(call->run->daemon, call->run->set);
    const char *peer = set ? dpl_set_peer(set) : NULL;
    struct dpl_err err = {0};
    if (call->run->deed != call->deed) { /* while it waited to be made again */
        back(call, DPL_E_BUSY, NULL, &err);
        return;
    }
    if (peer) {
        dpl_talk_ask_soon(call->run->daemon, peer, dpl_doc_copy(call->question), call->reach_ms,
                          call->timeout_ms, answered, call);
        return;
    }
    dpl_err_set(&err, DPL_E_NOT_FOUND, "set \"%s\" is gone, or has no other site", call->run->set);
    back(call, err.code, NULL, &err);
}

void dpl_run_ask_site_soon(struct dpl_run *run, struct dpl_doc *question, int64_t reach_ms,
                           int64_t timeout_ms, dpl_run_answer_fn *then)
{
    struct call *call = call_new(run, then);
    call->question = question;
    call->reach_ms = reach_ms;
    call->timeout_ms = timeout_ms;
    call->make = ask_site;
    ask_site(call);
}

void dpl_run_ask_site(struct dpl_run *run, struct dpl_doc *question, int64_t timeout_ms,
                      dpl_run_answer_fn *then)
{
    dpl_run_ask_site_soon(run, question, timeout_ms, timeout_ms, then);
}

void dpl_run_ask_pacemaker(struct dpl_run *run, struct dpl_doc *question, dpl_run_answer_fn *then)
{
    dpl_cluster_ask(run->daemon, question, answered, call_new(run, then));
}

static int edit(void *self, struct dpl_doc *doc, struct dpl_err *err)
{
    struct call *call = self;
    if (!call->run || call->run->deed != call->deed || !dpl_run_mine(call->run))
        return dpl_err_set(err, DPL_E_BUSY, "another node runs the procedure now");
    return call->edit(call->run, doc, err);
}

/* Of whatever answers by a code alone. */
static void edited(void *self, int rc, const struct dpl_err *err)
{
    if (!again(self, rc, err))
        back(self, rc, NULL, err);
}

static void edit_set(void *self)
{
    struct call *call = self;
    dpl_set_edit(call->run->daemon, call->run->set, edit, edited, call);
}

void dpl_run_edit_set(struct dpl_run *run, dpl_run_edit_fn *fn, dpl_run_answer_fn *then)
{
    struct call *call = call_new(run, then);
    call->edit = fn;
    call->make = edit_set;
    edit_set(call);
}

void dpl_run_probe(struct dpl_run *run, const struct dpl_doc *points, dpl_run_answer_fn *then)
{
    dpl_probe_points(run->daemon, points, edited, call_new(run, then));
}

void dpl_run_hooks(struct dpl_run *run, const char *name, bool all, dpl_run_answer_fn *then)
{
    dpl_hooks_run(run, name, all, edited, call_new(run, then));
}
