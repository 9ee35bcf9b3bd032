/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Failover: the steps that are about this site, but for the proof.
 */
#include "daemon/parent/failover.h"

#include "daemon/parent/group_look.h"
#include "daemon/parent/learn.h"
#include "daemon/parent/restore.h"
#include "daemon/parent/service.h"
#include "daemon/parent/set_become.h"

#include <string.h>

enum {
    AGAIN_MS = 20,
    WHERE_MS = 3000,
    WHERE_AGAIN_MS = 2000,
    SETTLE_MS = 600000,
    PACEMAKER_AGAIN_MS = 200
};

void dpl_failover_pre(struct dpl_run *run)
{
    dpl_run_hooks(run, "pre-failover", false, dpl_run_ok_or_fail);
}

void dpl_failover_directory(struct dpl_run *run)
{
    dpl_run_ok(run, "not configured");
}

void dpl_failover_names(struct dpl_run *run)
{
    dpl_run_ok(run, "not configured");
}

/* --- settle ----------------------------------------------------------------------------------- */

static int want_settled(struct dpl_run *run, struct dpl_doc *doc, struct dpl_err *err)
{
    struct dpl_doc *pending = dpl_doc_get_mutable(doc, "failing_over");
    if (dpl_doc_int(pending, "generation", 0) != dpl_run_generation(run))
        return dpl_err_set(err, DPL_E_REFUSED, "generation %lld is not pending any more",
                           (long long)dpl_run_generation(run));
    dpl_doc_set_bool(pending, "settle", true);
    return 1;
}

void dpl_failover_settle(struct dpl_run *run)
{
    dpl_run_edit_set(run, want_settled, dpl_run_ok_or_fail);
}

static int want_open(struct dpl_run *run, struct dpl_doc *doc, struct dpl_err *err)
{
    struct dpl_doc *pending = dpl_doc_get_mutable(doc, "failing_over");
    (void)run;
    (void)err;
    return pending && dpl_doc_unset(pending, "settle");
}

void dpl_failover_unsettle(struct dpl_run *run)
{
    dpl_run_edit_set(run, want_open, dpl_run_ok_or_fail);
}

static void look_settled(struct dpl_run *run);

/* Whether both sides are equal where the journal ended: position and digest. */
static bool is_equal(const struct dpl_doc *end, const struct dpl_doc *found)
{
    return g_strcmp0(dpl_doc_text(end, "tag"), dpl_doc_text(found, "tag")) == 0 &&
           dpl_doc_int(end, "lsn", -1) == dpl_doc_int(found, "lsn", -2) &&
           dpl_doc_int(end, "chain", -1) == dpl_doc_int(found, "chain", -2);
}

/* What stands in the way of serving from this replica; the caller frees. NULL: nothing. */
static char *flaw(const struct dpl_doc *found)
{
    int64_t wanted = dpl_doc_int(found, "wanted", 0);
    if (dpl_doc_bool(found, "mirroring", false))
        return g_strdup("a mirror has not ended: the replica is no state that the source had");
    if (!dpl_doc_bool(found, "consistent", false))
        return g_strdup("the replica is not consistent");
    if (wanted > 0)
        return g_strdup_printf("%lld files were asked for again and have not come",
                               (long long)wanted);
    return NULL;
}

static void judge(struct dpl_run *run, const struct dpl_doc *found)
{
    struct dpl_doc *facts = dpl_run_facts(run);
    const struct dpl_doc *end = dpl_doc_tree(facts, "end");
    bool accepted = dpl_doc_bool(dpl_run_options(run), "accept_incomplete", false);
    const struct dpl_set *set = dpl_set_find(run->daemon, run->set);
    g_autofree char *what = flaw(found);
    int64_t lsn = dpl_doc_int(found, "lsn", 0);
    if (end && !what && !is_equal(end, found))
        what =
            g_strdup_printf("the sites are not equal: the other one ended at position %lld, this "
                            "replica is at %lld%s",
                            (long long)dpl_doc_int(end, "lsn", 0), (long long)lsn,
                            dpl_doc_int(end, "lsn", 0) == lsn ? ", with another history" : "");
    if (!what && set)
        what = dpl_learn_flaw(set);
    if (what && !accepted) {
        dpl_run_wait(run, "--accept-incomplete", "%s", what);
        return;
    }
    if (what)
        dpl_doc_set_text(facts, "accepted", what);
    dpl_failover_account(run, found, what);
    dpl_run_ok(run, "%s at position %lld%s%s",
               end && !what ? "both sides are equal" : "the replica is applied to its end",
               (long long)lsn, what ? ", and accepted: " : "", what ? what : "");
}

static void settle_again(struct dpl_run *run, int64_t again_ms)
{
    if (dpl_run_elapsed_ms(run) > SETTLE_MS)
        dpl_run_failf(run, DPL_E_TIMEOUT, "the replica is not applied to its end: %s", run->text);
    else if (!dpl_run_stopped(run))
        dpl_run_later(run, again_ms, look_settled);
}

static void on_where(struct dpl_run *run, int rc, const struct dpl_doc *status,
                     const struct dpl_err *err)
{
    const char *node = rc < 0 ? NULL : dpl_group_look_replica(status, run->set);
    if (rc < 0)
        dpl_run_tell(run, "no node says that it has the replica: %s", err->text);
    else if (node)
        dpl_run_tell(run, "the replica, at node %s, applies what came", node);
    else
        dpl_run_tell(run, "no node has the replica open: Pacemaker runs it nowhere (crm_mon -1rf)");
    settle_again(run, WHERE_AGAIN_MS);
}

/* Nobody has said yet how far it is: that takes a moment, or nobody has it open. */
static void look_where(struct dpl_run *run)
{
    const struct dpl_set *set = dpl_set_find(run->daemon, run->set);
    bool late = dpl_run_elapsed_ms(run) > WHERE_MS;
    if (late && run->daemon->settings.cluster) {
        struct dpl_doc *ask = dpl_doc_new();
        dpl_doc_set_text(ask, "ask", "status");
        dpl_run_ask_pacemaker(run, ask, on_where);
        return;
    }
    if (late && set && !dpl_child_running(set->engine))
        dpl_run_tell(run, "no replica is open here%s%s", set->last_error[0] ? ": " : "",
                     set->last_error);
    else
        dpl_run_tell(run, "the replica applies what came");
    settle_again(run, AGAIN_MS);
}

static void look_settled(struct dpl_run *run)
{
    struct dpl_store_item item;
    if (dpl_store_get(run->daemon->store, "settled", run->set, &item, NULL) == DPL_OK &&
        g_strcmp0(dpl_doc_text(item.doc, "procedure"), run->id) == 0) {
        const char *problem = dpl_doc_text(item.doc, "problem");
        if (!problem) {
            judge(run, item.doc);
            return;
        }
        dpl_run_tell(run, "the replica, at node %s: %s", dpl_doc_text(item.doc, "node"), problem);
        settle_again(run, AGAIN_MS);
    } else {
        look_where(run);
    }
}

void dpl_failover_settled(struct dpl_run *run)
{
    look_settled(run);
}

/* --- serve ------------------------------------------------------------------------------------ */

static int raise_it(struct dpl_run *run, struct dpl_doc *doc, struct dpl_err *err)
{
    const struct dpl_doc *account = dpl_doc_tree(dpl_run_facts(run), "account");
    const char *theirs = dpl_doc_text(doc, "peer_rules");
    if (theirs && dpl_doc_bool(dpl_run_options(run), "accept_incomplete", false)) {
        g_autofree char *mapped = dpl_set_rules_mapped(theirs, dpl_doc_list(doc, "map"));
        dpl_doc_set_text(doc, "peer_rules", mapped);
    }
    int rc = dpl_set_become(doc, DPL_SET_EVENT_RAISE, dpl_run_generation(run), err);
    if (rc > 0 && dpl_doc_get(account, "applied_ms"))
        dpl_doc_set_int(doc, "parted_ms", dpl_doc_int(account, "applied_ms", 0));
    return rc;
}

/* The look of the step that nothing takes back once it has begun: what it would refuse is known
 * before. */
void dpl_failover_may_raise(struct dpl_run *run)
{
    const struct dpl_set *set = dpl_set_find(run->daemon, run->set);
    g_autoptr(dpl_doc_auto) doc = set ? dpl_doc_copy(set->doc) : NULL;
    struct dpl_err err = {0};
    if (doc && raise_it(run, doc, &err) < 0) {
        dpl_err_context(&err, "set \"%s\"", run->set);
        dpl_run_fail(run, &err);
    } else {
        dpl_failover_unheard(run);
    }
}

void dpl_failover_raise(struct dpl_run *run)
{
    dpl_run_edit_set(run, raise_it, dpl_run_ok_or_fail);
}

void dpl_failover_raised(struct dpl_run *run)
{
    struct dpl_set *set = dpl_set_find(run->daemon, run->set);
    struct dpl_set_side side = {0};
    if (set)
        dpl_set_side_read(set->doc, &side);
    if (side.role == DPL_SET_ROLE_SERVING && side.generation == dpl_run_generation(run))
        dpl_run_ok(run, "site %s serves, generation %lld", run->daemon->settings.site,
                   (long long)side.generation);
    else
        dpl_run_failf(run, DPL_E_FAILED, "set \"%s\" is %s, generation %lld", run->set,
                      side.role < DPL_SET_ROLES ? dpl_set_role_text(side.role) : "gone",
                      (long long)side.generation);
}

/* --- online ----------------------------------------------------------------------------------- */

static void not_online(struct dpl_run *run, const char *what, int64_t again_ms)
{
    dpl_run_tell(run, "%s", what);
    if (!dpl_restore_offline(run, run->daemon->settings.site, what) && !dpl_run_stopped(run))
        dpl_run_later(run, again_ms, dpl_failover_online);
}

/* What is asked in the end as clients do. */
static void note_points(struct dpl_run *run, const struct dpl_doc *status)
{
    g_autoptr(GPtrArray) points = dpl_group_look_points(status, run->set);
    struct dpl_doc *list = dpl_doc_set_list(dpl_run_facts(run), "points");
    for (guint i = 0; i < points->len; i++)
        dpl_doc_add_text(list, points->pdata[i]);
}

static void on_status(struct dpl_run *run, int rc, const struct dpl_doc *status,
                      const struct dpl_err *err)
{
    g_autofree char *missing = rc < 0 ? NULL : dpl_group_look_missing(status, run->set);
    g_autofree char *text = missing ? g_strdup_printf("Pacemaker starts %s", missing) : NULL;
    if (rc < 0 || text) {
        not_online(run, rc < 0 ? err->text : text, PACEMAKER_AGAIN_MS);
        return;
    }
    note_points(run, status);
    dpl_run_ok(run, "all resources of the set run");
}

void dpl_failover_online(struct dpl_run *run)
{
    struct dpl_set *set = dpl_set_find(run->daemon, run->set);
    if (run->daemon->settings.cluster) {
        struct dpl_doc *ask = dpl_doc_new();
        dpl_doc_set_text(ask, "ask", "status");
        dpl_run_ask_pacemaker(run, ask, on_status);
    } else if (set && set->source && dpl_capture_serves(set)) {
        const char *why = dpl_services_why(set);
        g_autoptr(dpl_doc_auto) status = dpl_services_status(set);
        if (dpl_services_up(set)) {
            note_points(run, status);
            dpl_run_ok(run, "the set is captured here%s, and its services run",
                       set->capture.state == DPL_CAPSTAT_IS_PASSING ? ", without a journal" : "");
        } else {
            not_online(run, why[0] ? why : "its services start", AGAIN_MS);
        }
    } else {
        g_autofree char *text = g_strdup_printf(
            "the capture is %s%s%s", set ? dpl_capstat_state_text(set->capture.state) : "gone",
            set && set->capture.why[0] ? ": " : "", set ? set->capture.why : "");
        not_online(run, text, AGAIN_MS);
    }
}
