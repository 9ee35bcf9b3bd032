/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A call holds the number of the deed that made it: the answer to an earlier deed is dropped, and
 * so is one that comes after the run.
 */
#include "daemon/parent/run_call.h"

#include "daemon/parent/cluster.h"
#include "daemon/parent/hook.h"
#include "daemon/parent/probe.h"
#include "daemon/parent/set_edit.h"
#include "daemon/parent/talk.h"

struct call {
    struct dpl_run *run; /* NULL: it has ended */
    unsigned deed;
    dpl_run_answer_fn *then;
    dpl_run_edit_fn *edit;
};

static struct call *call_new(struct dpl_run *run, dpl_run_answer_fn *then)
{
    struct call *call = g_new0(struct call, 1);
    *call = (struct call){run, run->deed, then, NULL};
    if (!run->calls)
        run->calls = g_ptr_array_new();
    g_ptr_array_add(run->calls, call);
    return call;
}

static void back(struct call *call, int rc, const struct dpl_doc *answer, const struct dpl_err *err)
{
    struct dpl_run *run = call->run;
    unsigned deed = call->deed;
    dpl_run_answer_fn *then = call->then;
    if (run)
        g_ptr_array_remove(run->calls, call);
    g_free(call);
    if (run && run->deed == deed)
        then(run, rc, answer, err);
}

void dpl_run_calls_end(struct dpl_run *run)
{
    for (guint i = 0; run->calls && i < run->calls->len; i++)
        ((struct call *)run->calls->pdata[i])->run = NULL;
    if (run->calls)
        g_ptr_array_unref(run->calls);
}

static void answered(void *self, int rc, const struct dpl_doc *answer, const struct dpl_err *err)
{
    back(self, rc, answer, err);
}

void dpl_run_ask_site(struct dpl_run *run, struct dpl_doc *question, int64_t timeout_ms,
                      dpl_run_answer_fn *then)
{
    struct dpl_set *set = dpl_set_find(run->daemon, run->set);
    const char *peer = set ? dpl_set_peer(set) : NULL;
    struct call *call = call_new(run, then);
    struct dpl_err err = {0};
    if (peer) {
        dpl_talk_ask(run->daemon, peer, question, timeout_ms, answered, call);
        return;
    }
    dpl_doc_free(question);
    dpl_err_set(&err, DPL_E_NOT_FOUND, "set \"%s\" is gone, or has no other site", run->set);
    back(call, err.code, NULL, &err);
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
    back(self, rc, NULL, err);
}

void dpl_run_edit_set(struct dpl_run *run, dpl_run_edit_fn *fn, dpl_run_answer_fn *then)
{
    struct call *call = call_new(run, then);
    call->edit = fn;
    dpl_set_edit(run->daemon, run->set, edit, edited, call);
}

void dpl_run_probe(struct dpl_run *run, const struct dpl_doc *points, dpl_run_answer_fn *then)
{
    dpl_probe_points(run->daemon, points, edited, call_new(run, then));
}

void dpl_run_hooks(struct dpl_run *run, const char *name, bool all, dpl_run_answer_fn *then)
{
    dpl_hooks_run(run, name, all, edited, call_new(run, then));
}
