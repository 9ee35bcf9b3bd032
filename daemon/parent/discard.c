/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * "restore --discard-target": the site that served before the failover wins. It serves again, from
 * what lies on its disk and with nothing of what was changed here since; this site stands by and is
 * made equal to it, and what it has otherwise is kept here and listed. The steps are a failback's,
 * but that nothing is sent to the other site before it serves.
 *
 * Fact of its record: off (the connection was off before).
 */
#include "daemon/parent/failover.h"
#include "daemon/parent/procedure_command.h"
#include "daemon/parent/restore.h"
#include "daemon/parent/set_become.h"
#include "daemon/parent/talk.h"

#include <string.h>

enum { ASK_MS = 20000 };

/* --- look ------------------------------------------------------------------------------------- */

/* Whether a site that stands by still has what it had when it served: no mirror has begun there. */
static bool is_untouched(const struct dpl_doc *state)
{
    const struct dpl_doc *engine = dpl_doc_tree(state, "engine");
    return dpl_doc_bool(state, "set_aside", false) && !dpl_doc_bool(engine, "mirroring", true) &&
           dpl_doc_bool(engine, "replica_new", false);
}

int dpl_discard_judge(const struct dpl_set *set, const struct dpl_doc *state, int64_t generation,
                      struct dpl_err *err)
{
    const char *role = dpl_doc_text(state, "role");
    int rc = dpl_restore_judge_generation(set, state, generation, err);
    if (rc < 0)
        return rc;
    if (g_strcmp0(role, "superseded") == 0 ||
        (g_strcmp0(role, "standby") == 0 && is_untouched(state)))
        return DPL_OK;
    if (g_strcmp0(role, "standby") == 0)
        return dpl_err_set(err, DPL_E_REFUSED,
                           "site \"%s\" stands by and has taken over files of this site, or does "
                           "not say whether: its own state of set \"%s\" is not whole any more; "
                           "what a restore has kept is listed there by doppel orphans %s list",
                           dpl_set_peer(set), set->name, set->name);
    return dpl_err_set(err, DPL_E_REFUSED,
                       "site \"%s\" is %s: its state of set \"%s\" can win when it is superseded, "
                       "which it is as soon as it hears that this site serves",
                       dpl_set_peer(set), role ? role : "?", set->name);
}

static void on_look(struct dpl_run *run, int rc, const struct dpl_doc *state,
                    const struct dpl_err *err)
{
    dpl_restore_looked(run, rc, state, err, dpl_discard_judge);
}

static void look(struct dpl_run *run)
{
    dpl_run_ask_site(run, dpl_talk_question("state", run->set), ASK_MS, on_look);
}

/* --- release ---------------------------------------------------------------------------------- */

/* The connection is off from then on: nothing of this site's may reach what is to win. */
static int let_go(struct dpl_run *run, struct dpl_doc *doc, struct dpl_err *err)
{
    int rc = dpl_set_become(doc, DPL_SET_EVENT_RELEASE, dpl_run_generation(run), err);
    if (rc > 0)
        dpl_doc_set_bool(dpl_run_facts(run), "off", dpl_doc_bool(doc, "off", false));
    if (rc < 0 || (rc == 0 && dpl_doc_bool(doc, "off", false)))
        return rc;
    dpl_doc_set_bool(doc, "off", true);
    return 1;
}

static void release(struct dpl_run *run)
{
    dpl_run_edit_set(run, let_go, dpl_run_ok_or_fail);
}

static int take_back(struct dpl_run *run, struct dpl_doc *doc, struct dpl_err *err)
{
    int rc = dpl_set_become(doc, DPL_SET_EVENT_TAKE_BACK, dpl_run_generation(run), err);
    bool off = dpl_doc_bool(dpl_run_facts(run), "off", false);
    if (rc < 0 || off || !dpl_doc_bool(doc, "off", false))
        return rc;
    dpl_doc_unset(doc, "off");
    return 1;
}

static void undo_release(struct dpl_run *run)
{
    dpl_run_edit_set(run, take_back, dpl_run_ok_or_fail);
}

/* --- standby ---------------------------------------------------------------------------------- */

/* What has let go is a step away from serving: with the number by which this site served. */
static void stand_by(struct dpl_run *run)
{
    const struct dpl_set *set = dpl_set_find(run->daemon, run->set);
    struct dpl_doc *ask = dpl_restore_standby_question(run);
    if (set)
        dpl_doc_set_int(ask, "generation", dpl_doc_int(set->doc, "generation", 0));
    dpl_run_ask_site(run, ask, ASK_MS, dpl_run_ok_or_fail);
}

/* ---------------------------------------------------------------------------------------------- */

static const struct dpl_run_step steps[] = {
    {"look", "see that the other site still has what it had when it served", false, NULL, look,
     NULL, NULL},
    {"hooks", "run the programs of hooks.d/pre-failback.d; one that fails stops it", false, NULL,
     dpl_failback_pre, NULL, NULL},
    {"release", "release the set here: its services stop, and nothing is sent any more", false,
     NULL, release, dpl_failback_released, undo_release},
    {"standby", "let the other site stand by, with its files as they are", false, NULL, stand_by,
     NULL, NULL},
    {"directory", "move the users of the set back", false, NULL, dpl_failback_directory, NULL,
     NULL},
    {"names", "give the names of the other site back", false, NULL, dpl_failback_names, NULL, NULL},
    {"cede", "give the generation away: this site serves by itself no more", false, NULL,
     dpl_failback_cede, NULL, dpl_failback_uncede},
    {"serve", "let the other site serve, from its own files", true, NULL, dpl_failback_serve,
     dpl_failback_serves, NULL},
    {"online", "wait until the services run there", true, NULL, NULL, dpl_failback_online, NULL},
    {"standby-here", "stand by here", true, NULL, dpl_failback_stand_by, NULL, NULL},
    {"protect", "replicate to this site, which is compared; what it has otherwise is kept here",
     true, NULL, dpl_failback_protect, dpl_failback_protected, NULL},
};

const struct dpl_run_kind dpl_discard_kind = {"discard", steps, G_N_ELEMENTS(steps)};

void dpl_discard_command(struct dpl_set *set, struct dpl_request *request)
{
    const struct dpl_doc *args = request->args;
    struct dpl_set_side side;
    struct dpl_err err = {0};
    dpl_set_side_read(set->doc, &side);
    if (!dpl_procedure_is_plan(request) && !dpl_doc_bool(args, "yes", false)) {
        dpl_err_set(&err, DPL_E_REFUSED,
                    "--discard-target takes the service from this site, and sets aside what was "
                    "changed here since the failover: it wants a yes on a terminal, or --yes");
        dpl_request_fail(request, &err);
        return;
    }
    dpl_restore_begin(set, &dpl_discard_kind, dpl_set_role_next(&side, 0), dpl_discard_judge,
                      request);
}
