/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Failback: the steps that are about the other site, which is going to serve (side_asked.h answers
 * there).
 */
#include "daemon/parent/failover.h"
#include "daemon/parent/restore.h"
#include "daemon/parent/set_become.h"
#include "daemon/parent/talk.h"

#include <string.h>

enum { ASK_MS = 20000, SETTLE_MS = 600000, SERVES_MS = 60000 };

/* --- look ------------------------------------------------------------------------------------- */

/* It is going to capture by our rules, where its map says. */
static int judge_rules(const struct dpl_set *set, const struct dpl_doc *state, struct dpl_err *err)
{
    const char *rules = dpl_doc_text(set->doc, "rules");
    struct dpl_err why = {0};
    g_autofree char *there = NULL;
    if (!rules || dpl_set_rules_here(rules, dpl_doc_list(state, "map"), &there, &why) == DPL_OK)
        return DPL_OK;
    return dpl_err_set(err, DPL_E_REFUSED,
                       "site \"%s\" could not serve set \"%s\": %.300s: doppel set remove %s PATH",
                       dpl_set_peer(set), set->name, why.text, set->name);
}

int dpl_failback_judge(const struct dpl_set *set, const struct dpl_doc *state, int64_t generation,
                       struct dpl_err *err)
{
    const char *role = dpl_doc_text(state, "role"), *peer = dpl_set_peer(set);
    int rc = dpl_restore_judge_generation(set, state, generation, err);
    if (rc < 0)
        return rc;
    if (g_strcmp0(role, "standby") != 0)
        return dpl_err_set(err, DPL_E_REFUSED,
                           "site \"%s\" is %s: first doppel restore %s, which makes it a standby",
                           peer, role ? role : "?", set->name);
    g_autofree char *unknown = dpl_restore_unknown(set, state);
    if (unknown)
        return dpl_err_set(err, DPL_E_REFUSED, "%s: there: doppel status %s", unknown, set->name);
    if (!dpl_restore_is_equal(state))
        return dpl_err_set(err, DPL_E_REFUSED,
                           "site \"%s\" does not equal this one yet: first doppel restore %s", peer,
                           set->name);
    return judge_rules(set, state, err);
}

static void on_look(struct dpl_run *run, int rc, const struct dpl_doc *state,
                    const struct dpl_err *err)
{
    dpl_restore_looked(run, rc, state, err, dpl_failback_judge);
}

void dpl_failback_look(struct dpl_run *run)
{
    dpl_run_ask_site(run, dpl_talk_question("state", run->set), ASK_MS, on_look);
}

/* --- settle ----------------------------------------------------------------------------------- */

void dpl_failback_settle(struct dpl_run *run)
{
    dpl_run_ask_site(run, dpl_restore_settle_question(run), ASK_MS, dpl_run_ok_or_fail);
}

static bool is_end(const struct dpl_doc *end, const struct dpl_doc *found)
{
    return g_strcmp0(dpl_doc_text(end, "tag"), dpl_doc_text(found, "tag")) == 0 &&
           dpl_doc_int(end, "lsn", -1) == dpl_doc_int(found, "lsn", -2) &&
           dpl_doc_int(end, "chain", -1) == dpl_doc_int(found, "chain", -2);
}

static void on_settled(struct dpl_run *run, int rc, const struct dpl_doc *answer,
                       const struct dpl_err *err)
{
    const struct dpl_doc *found = dpl_doc_tree(answer, "settled");
    const struct dpl_doc *end = dpl_doc_tree(dpl_run_facts(run), "end");
    const char *problem = dpl_doc_text(found, "problem");
    if (rc == DPL_OK && found && !problem) {
        if (dpl_doc_bool(found, "consistent", false) && dpl_doc_int(found, "wanted", 0) == 0 &&
            is_end(end, found))
            dpl_run_ok(run, "both sites are equal at position %lld",
                       (long long)dpl_doc_int(end, "lsn", 0));
        else
            dpl_run_failf(run, DPL_E_FAILED,
                          "the sites are not equal: this one ended at position %lld, the "
                          "replica is at %lld%s",
                          (long long)dpl_doc_int(end, "lsn", 0),
                          (long long)dpl_doc_int(found, "lsn", 0),
                          dpl_doc_bool(found, "consistent", false) ? "" : ", not consistent");
        return;
    }
    dpl_restore_wait(run, SETTLE_MS, dpl_failback_settled, "site %s %s%s", dpl_restore_peer(run),
                     rc < 0    ? "does not answer: "
                     : problem ? "cannot apply: "
                               : "applies what came",
                     rc < 0    ? err->text
                     : problem ? problem
                               : "");
}

void dpl_failback_settled(struct dpl_run *run)
{
    dpl_run_ask_site(run, dpl_restore_settle_question(run), ASK_MS, on_settled);
}

/* As long as the number was not given away the other site serves by nothing but that, whether it
 * hears that it was given up now or later, by a restore. */
static void on_withdrawn(struct dpl_run *run, int rc, const struct dpl_doc *answer,
                         const struct dpl_err *err)
{
    if (rc == DPL_E_UNREACHABLE && dpl_restore_side(run).ceded == 0)
        dpl_run_ok(run, "site %s does not hear of it: when it is back: doppel restore %s",
                   dpl_restore_peer(run), run->set);
    else
        dpl_run_ok_or_fail(run, rc, answer, err);
}

void dpl_failback_withdraw(struct dpl_run *run)
{
    dpl_run_ask_site(run, dpl_restore_question(run, "withdraw"), ASK_MS, on_withdrawn);
}

/* --- serve ------------------------------------------------------------------------------------ */

/* It is asked only while this site has given that number away. One that knows it superseded by that
 * number has been obeyed; in any other role a person has spoken meanwhile. */
void dpl_failback_serve(struct dpl_run *run)
{
    struct dpl_set_side side = dpl_restore_side(run);
    int64_t generation = dpl_run_generation(run);
    if (side.role == DPL_SET_ROLE_RELEASED && side.ceded == generation)
        dpl_run_ask_site(run, dpl_restore_question(run, "serve"), ASK_MS, dpl_run_ok_or_fail);
    else if (side.role == DPL_SET_ROLE_SUPERSEDED && side.generation == generation)
        dpl_run_ok(run, NULL);
    else
        dpl_run_failf(run, DPL_E_REFUSED,
                      "this site has not given generation %lld away any more: it is %s, generation "
                      "%lld",
                      (long long)generation, dpl_set_role_text(side.role),
                      (long long)side.generation);
}

static void on_serves(struct dpl_run *run, int rc, const struct dpl_doc *state,
                      const struct dpl_err *err)
{
    const char *role = dpl_doc_text(state, "role");
    bool serves = rc == DPL_OK && g_strcmp0(role, "serving") == 0 &&
                  dpl_doc_int(state, "generation", 0) == dpl_run_generation(run);
    if (serves)
        dpl_run_ok(run, "site %s serves, generation %lld", dpl_restore_peer(run),
                   (long long)dpl_run_generation(run));
    else
        dpl_restore_wait(run, SERVES_MS, dpl_failback_serves, "site %s %s", dpl_restore_peer(run),
                         rc < 0 ? err->text
                         : role ? role
                                : "?");
}

void dpl_failback_serves(struct dpl_run *run)
{
    dpl_run_ask_site(run, dpl_talk_question("state", run->set), ASK_MS, on_serves);
}

/* --- online ----------------------------------------------------------------------------------- */

static void on_online(struct dpl_run *run, int rc, const struct dpl_doc *answer,
                      const struct dpl_err *err)
{
    const char *missing = rc < 0 ? err->text : dpl_doc_text(answer, "missing");
    if (!missing)
        dpl_run_ok(run, "the services run at site %s", dpl_restore_peer(run));
    else if (!dpl_restore_offline(run, dpl_restore_peer(run), missing))
        dpl_restore_wait(run, 0, dpl_failback_online, "at site %s: %s", dpl_restore_peer(run),
                         missing);
}

void dpl_failback_online(struct dpl_run *run)
{
    dpl_run_ask_site(run, dpl_restore_question(run, "online"), ASK_MS, on_online);
}

void dpl_failback_protect(struct dpl_run *run)
{
    dpl_run_ask_site(run, dpl_restore_question(run, "protect"), ASK_MS, dpl_run_ok_or_fail);
}
