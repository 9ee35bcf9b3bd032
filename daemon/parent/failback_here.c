/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Failback: the steps that are about this site, which serves until then.
 */
#include "daemon/parent/failover.h"
#include "daemon/parent/group_look.h"
#include "daemon/parent/kept.h"
#include "daemon/parent/release.h"
#include "daemon/parent/restore.h"
#include "daemon/parent/service.h"
#include "daemon/parent/set_become.h"

#include <string.h>

static int64_t wait_ms(const struct dpl_run *run)
{
    int64_t ms = 0;
    (void)dpl_failover_wait_ms(dpl_run_options(run), &ms, NULL);
    return ms;
}

void dpl_failback_pre(struct dpl_run *run)
{
    dpl_run_hooks(run, "pre-failback", false, dpl_run_ok_or_fail);
}

void dpl_failback_directory(struct dpl_run *run)
{
    dpl_run_ok(run, "not configured");
}

void dpl_failback_names(struct dpl_run *run)
{
    dpl_run_ok(run, "not configured");
}

/* --- release ---------------------------------------------------------------------------------- */

static int release(struct dpl_run *run, struct dpl_doc *doc, struct dpl_err *err)
{
    return dpl_set_become(doc, DPL_SET_EVENT_RELEASE, dpl_run_generation(run), err);
}

void dpl_failback_release(struct dpl_run *run)
{
    dpl_run_edit_set(run, release, dpl_run_ok_or_fail);
}

static void still_runs(struct dpl_run *run, const char *what)
{
    if (what) {
        dpl_restore_wait(run, wait_ms(run), dpl_failback_released, "still there: %s", what);
        return;
    }
    dpl_doc_set_int(dpl_run_facts(run), "released_ms", g_get_real_time() / 1000);
    dpl_run_ok(run, "nothing of the set runs here");
}

static void on_status(struct dpl_run *run, int rc, const struct dpl_doc *status,
                      const struct dpl_err *err)
{
    still_runs(run, rc < 0 ? err->text : dpl_group_look_running(status, run->set));
}

void dpl_failback_released(struct dpl_run *run)
{
    struct dpl_set *set = dpl_set_find(run->daemon, run->set);
    if (run->daemon->settings.cluster) {
        struct dpl_doc *ask = dpl_doc_new();
        dpl_doc_set_text(ask, "ask", "status");
        dpl_run_ask_pacemaker(run, ask, on_status);
    } else if (set && !dpl_services_stopped(set)) {
        still_runs(run, "its services");
    } else {
        still_runs(run,
                   set && dpl_capture_state(set) != DPL_CAPSTAT_IS_DOWN ? "its capture" : NULL);
    }
}

static int take_back(struct dpl_run *run, struct dpl_doc *doc, struct dpl_err *err)
{
    return dpl_set_become(doc, DPL_SET_EVENT_TAKE_BACK, dpl_run_generation(run), err);
}

void dpl_failback_take_back(struct dpl_run *run)
{
    dpl_run_edit_set(run, take_back, dpl_run_ok_or_fail);
}

/* --- drain ------------------------------------------------------------------------------------ */

void dpl_failback_drained(struct dpl_run *run)
{
    struct dpl_store_item item;
    const struct dpl_doc *end;
    if (dpl_store_get(run->daemon->store, "drained", run->set, &item, NULL) == DPL_OK &&
        dpl_doc_int(item.doc, "released_for", -1) == dpl_run_generation(run) &&
        (end = dpl_doc_tree(item.doc, "end"))) {
        dpl_doc_set(dpl_run_facts(run), "end", dpl_doc_copy(end));
        dpl_run_ok(run, "site %s has all of it, to position %lld", dpl_restore_peer(run),
                   (long long)dpl_doc_int(end, "lsn", 0));
        return;
    }
    int64_t bytes = dpl_release_no_room(dpl_set_find(run->daemon, run->set));
    if (bytes > 0)
        dpl_restore_wait(run, wait_ms(run), dpl_failback_drained,
                         "site %s has no room for %lld bytes: make room there",
                         dpl_restore_peer(run), (long long)bytes);
    else
        dpl_restore_wait(run, wait_ms(run), dpl_failback_drained, "the journal is sent to its end");
}

/* --- cede ------------------------------------------------------------------------------------- */

static int cede(struct dpl_run *run, struct dpl_doc *doc, struct dpl_err *err)
{
    return dpl_set_become(doc, DPL_SET_EVENT_CEDE, dpl_run_generation(run), err);
}

void dpl_failback_cede(struct dpl_run *run)
{
    dpl_run_edit_set(run, cede, dpl_run_ok_or_fail);
}

static int given_back(struct dpl_run *run, struct dpl_doc *doc, struct dpl_err *err)
{
    return dpl_set_become(doc, DPL_SET_EVENT_GIVEN_BACK, dpl_run_generation(run), err);
}

static void on_withdrawn(struct dpl_run *run, int rc, const struct dpl_doc *answer,
                         const struct dpl_err *err)
{
    (void)answer;
    if (rc < 0)
        dpl_run_fail(run, err);
    else
        dpl_run_edit_set(run, given_back, dpl_run_ok_or_fail);
}

/* Only after the other site has given the number up is it ours again. */
void dpl_failback_uncede(struct dpl_run *run)
{
    dpl_run_ask_site(run, dpl_restore_question(run, "withdraw"), 20000, on_withdrawn);
}

/* --- standby ---------------------------------------------------------------------------------- */

static int stand_by(struct dpl_run *run, struct dpl_doc *doc, struct dpl_err *err)
{
    return dpl_set_become(doc, DPL_SET_EVENT_STAND_BY, dpl_run_generation(run), err);
}

void dpl_failback_stand_by(struct dpl_run *run)
{
    dpl_run_edit_set(run, stand_by, dpl_run_ok_or_fail);
}

/* --- changed ---------------------------------------------------------------------------------- */

/* Both sites were equal when this one had let go, and the other one serves since: what was changed
 * here behind that is what the mirror would take out of service. */
static void judge_changed(struct dpl_run *run, const struct dpl_doc *found)
{
    long long total = dpl_doc_int(found, "total", 0), unread = dpl_doc_int(found, "unread", 0);
    const struct dpl_doc *first = dpl_doc_at(dpl_doc_list(found, "files"), 0);
    const char *path = dpl_doc_text(first, "path"), *list = dpl_doc_text(found, "list");
    if (total + unread == 0) {
        dpl_run_ok(run, "nothing was changed here since");
        return;
    }
    dpl_doc_set(dpl_run_facts(run), "changed", dpl_kept_brief(found));
    if (dpl_doc_bool(dpl_run_options(run), "yes", false))
        dpl_run_ok(run, "%lld files were changed here since, %lld could not be read; agreed", total,
                   unread);
    else
        dpl_run_wait(run, "--yes",
                     "%lld files were changed here since it let go%s%.100s%s; %lld could not be "
                     "read. A mirror takes that out of service and keeps it here beside the roots. "
                     "The list: %.120s",
                     total, path ? " (" : "", path ? path : "", path ? ", ...)" : "", unread,
                     list ? list : "?");
}

static void not_looked(struct dpl_run *run, const char *why)
{
    dpl_doc_set_text(dpl_run_facts(run), "warning", why);
    dpl_run_ok(run, "it is not known: %s", why);
}

static int want_changed(struct dpl_run *run, struct dpl_doc *doc, struct dpl_err *err)
{
    struct dpl_doc *wish = dpl_doc_set_tree(doc, "look_changed");
    (void)err;
    dpl_doc_set_int(wish, "number", g_get_real_time());
    dpl_doc_set_int(wish, "since_ms", dpl_doc_int(dpl_run_facts(run), "released_ms", 0));
    return 1;
}

void dpl_failback_look_changed(struct dpl_run *run)
{
    dpl_run_edit_set(run, want_changed, dpl_run_ok_or_fail);
}

void dpl_failback_changed(struct dpl_run *run)
{
    const struct dpl_set *set = dpl_set_find(run->daemon, run->set);
    const struct dpl_doc *wish = set ? dpl_doc_tree(set->doc, "look_changed") : NULL;
    struct dpl_store_item item;
    if (!wish) {
        not_looked(run, "it is not asked for any more");
        return;
    }
    if (dpl_store_get(run->daemon->store, "changed", run->set, &item, NULL) < 0 ||
        dpl_doc_int(item.doc, "number", 0) != dpl_doc_int(wish, "number", 0)) {
        dpl_restore_wait(run, 0, dpl_failback_changed,
                         "the node with the replica looks for what was changed here");
        return;
    }
    const struct dpl_doc *found = dpl_doc_tree(item.doc, "kept");
    if (found)
        judge_changed(run, found);
    else
        not_looked(run, dpl_doc_text(item.doc, "failed"));
}

/* --- protect ---------------------------------------------------------------------------------- */

void dpl_failback_protected(struct dpl_run *run)
{
    const struct dpl_set *set = dpl_set_find(run->daemon, run->set);
    const char *why = set ? set->last_error : "the set is gone";
    if (!set || dpl_doc_bool(set->doc, "set_aside", false))
        dpl_restore_wait(run, 0, dpl_failback_protected, "this site is compared%s%s",
                         why[0] ? ": " : "", why);
    else
        dpl_run_ok(run,
                   "this site equals site %s; what it had for itself is kept: doppel orphans %s "
                   "list",
                   dpl_restore_peer(run), run->set);
}
