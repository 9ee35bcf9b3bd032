/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/parent/advice.h"

#include "daemon/parent/cold.h"
#include "daemon/parent/learn.h"
#include "daemon/parent/procedure_doc.h"
#include "daemon/parent/service.h"
#include "daemon/parent/turn.h"

/* --- what is looked at ------------------------------------------------------------------------ */

static bool capture_fails(const struct dpl_set *set)
{
    return set->capture.wanted && set->capture.state != DPL_CAPSTAT_IS_SERVING &&
           set->capture.state != DPL_CAPSTAT_IS_STARTING;
}

static bool lags(const struct dpl_set *set)
{
    int64_t lag_ms = dpl_doc_int(set->status, "lag_ms", 0);
    return dpl_option_any(set) && lag_ms > dpl_option_value(set, "lag_warn");
}

/* What keeps the replica from taking what is sent; NULL: nothing. */
static const char *hold_up(const struct dpl_set *set)
{
    const char *state = dpl_doc_text(set->status, "state");
    const char *why = dpl_doc_text(set->status, "last_error");
    if (set->source)
        return dpl_doc_bool(set->status, "target_full", false)
                   ? "the target's disk or queue is full: changes wait here in the journal"
                   : NULL;
    if (g_strcmp0(state, "full") == 0)
        return "the replica's disk or queue is full: the source waits";
    return g_strcmp0(state, "failed") == 0 ? why ? why : "the replica cannot be written" : NULL;
}

/* A mirror that nobody makes yet, also where it would be a restore. */
static bool needs_mirror(const struct dpl_set *set)
{
    return set->state == DPL_SET_MIRROR_NEEDED ||
           (set->state == DPL_SET_RESTORING && !dpl_doc_bool(set->status, "mirroring", false));
}

/* --- how bad it is ---------------------------------------------------------------------------- */

static enum dpl_level level_of_state(const struct dpl_set *set)
{
    switch (set->state) {
    case DPL_SET_PROTECTED:
        return lags(set) || set->last_error[0] || hold_up(set) ? DPL_LEVEL_WARNING : DPL_LEVEL_OK;
    case DPL_SET_MIRRORING:
    case DPL_SET_RESTORING:
    case DPL_SET_FAILED_OVER:
    case DPL_SET_FAILING_BACK:
        return DPL_LEVEL_WARNING;
    case DPL_SET_UNPROTECTED:
        return DPL_LEVEL_UNKNOWN;
    default:
        return DPL_LEVEL_CRITICAL;
    }
}

/* During a procedure of this site it may be on its way from one side to the other. */
static enum dpl_level level_of(const struct dpl_set *set, bool on_its_way)
{
    if (on_its_way && (set->state == DPL_SET_FAILING_OVER || dpl_turn_role_is(set, "released")))
        return DPL_LEVEL_WARNING;
    if (set->state == DPL_SET_ELSEWHERE)
        return DPL_LEVEL_OK; /* that node knows more */
    if (dpl_turn_role_is(set, "superseded"))
        return DPL_LEVEL_WARNING;
    if (dpl_turn_role_is(set, "released"))
        return set->connected ? DPL_LEVEL_WARNING : DPL_LEVEL_CRITICAL;
    return level_of_state(set);
}

static bool is_step(const struct dpl_doc *procedure, const char *name, enum dpl_step_state state)
{
    const struct dpl_doc *steps = dpl_doc_list(procedure, "steps");
    for (size_t i = 0; i < dpl_doc_count(steps); i++) {
        const struct dpl_doc *step = dpl_doc_at(steps, i);
        if (g_strcmp0(dpl_doc_text(step, "name"), name) == 0)
            return g_strcmp0(dpl_doc_text(step, "state"), dpl_step_state_text(state)) == 0;
    }
    return false;
}

/* One that rests where maybe nobody serves: not this site, or without the services, which were not
 * seen to run. */
static bool may_leave_nobody(const struct dpl_set *set)
{
    const char *id;
    const struct dpl_doc *procedure = dpl_procedure_resting(set->daemon, set->name, &id);
    return procedure &&
           (!dpl_turn_role_is(set, "serving") || (is_step(procedure, "serve", DPL_STEP_DONE) &&
                                                  !is_step(procedure, "online", DPL_STEP_DONE)));
}

enum dpl_level dpl_advice_level(const struct dpl_set *set)
{
    bool open = dpl_procedure_open(set->daemon, set->name) != NULL;
    g_autofree char *flaw = dpl_learn_flaw(set);
    if (capture_fails(set) || dpl_services_why(set)[0] || dpl_cold_why(set) || flaw ||
        may_leave_nobody(set))
        return DPL_LEVEL_CRITICAL;
    enum dpl_level level = level_of(set, open);
    return open && level != DPL_LEVEL_CRITICAL ? DPL_LEVEL_WARNING : level;
}

/* --- what is wrong ---------------------------------------------------------------------------- */

static void put_wrong_procedure(struct dpl_doc *doc, const struct dpl_doc *procedure,
                                const char *id)
{
    const char *state = dpl_procedure_state_seen(procedure, false);
    const char *why = dpl_doc_text(procedure, "why");
    bool gone = g_strcmp0(state, dpl_doc_text(procedure, "state")) != 0; /* its runner */
    dpl_doc_set_format(doc, "wrong", "%s %s is %s%s%s", dpl_doc_text(procedure, "kind"), id, state,
                       gone || !why ? "" : ": ", gone || !why ? "" : why);
}

static void put_wrong_mirror(struct dpl_doc *doc, const struct dpl_set *set)
{
    const char *why = dpl_doc_text(dpl_doc_tree(set->status, "mirror"), "why");
    const char *reason = dpl_doc_text(set->status, "mirror_reason");
    if (why)
        dpl_doc_set_format(doc, "wrong", "a mirror is needed: %s", why);
    else
        dpl_doc_set_format(doc, "wrong", "a mirror is needed%s%s", reason ? ": " : "",
                           reason ? reason : "");
}

static void put_wrong_replication(struct dpl_doc *doc, const struct dpl_set *set)
{
    if (set->state == DPL_SET_UNPROTECTED)
        dpl_doc_set_text(doc, "wrong", "nothing is replicated");
    else if (set->state == DPL_SET_DISCONNECTED)
        dpl_doc_set_text(doc, "wrong", "the other site is not connected");
    else if (hold_up(set))
        dpl_doc_set_text(doc, "wrong", hold_up(set));
    else if (needs_mirror(set))
        put_wrong_mirror(doc, set);
    else if (lags(set))
        dpl_doc_set_text(doc, "wrong", "the replica is older than lag_warn");
    else
        dpl_doc_set_text(doc, "wrong", "nothing");
}

void dpl_advice_put_wrong(struct dpl_doc *doc, const struct dpl_set *set)
{
    const char *id;
    const struct dpl_doc *procedure = dpl_procedure_resting(set->daemon, set->name, &id);
    g_autofree char *flaw = dpl_learn_flaw(set);
    if (dpl_cold_why(set))
        dpl_doc_set_text(doc, "wrong", dpl_cold_why(set));
    else if (procedure)
        put_wrong_procedure(doc, procedure, id);
    else if (capture_fails(set))
        dpl_doc_set_format(doc, "wrong", "the capture is %s%s%s",
                           dpl_capstat_state_text(set->capture.state),
                           set->capture.why[0] ? ": " : "", set->capture.why);
    else if (dpl_services_why(set)[0])
        dpl_doc_set_text(doc, "wrong", dpl_services_why(set));
    else if (flaw)
        dpl_doc_set_text(doc, "wrong", flaw);
    else if (set->state == DPL_SET_ELSEWHERE)
        dpl_doc_set_format(doc, "wrong", "nothing at this node: the %s is on node %s",
                           set->source ? "connection" : "replica", set->on_node);
    else if (set->last_error[0])
        dpl_doc_set_text(doc, "wrong", set->last_error);
    else if (dpl_set_off(set))
        dpl_doc_set_text(doc, "wrong", "it was disconnected by hand");
    else if (dpl_turn_role_is(set, "superseded"))
        dpl_doc_set_format(doc, "wrong", "site %s serves in this site's place", dpl_set_peer(set));
    else if (dpl_turn_role_is(set, "released"))
        dpl_doc_set_text(doc, "wrong", "this site has let go of it, and does not serve");
    else if (set->state == DPL_SET_FAILED_OVER)
        dpl_doc_set_format(doc, "wrong",
                           "this site serves in the place of site %s, and is not "
                           "replicated",
                           dpl_set_peer(set));
    else
        put_wrong_replication(doc, set);
}

/* --- what to type next ------------------------------------------------------------------------ */

/* A new replica waits for a person's word, and so does a mirror that a guard or a person stopped;
 * any other begins by itself. */
static void put_next_mirror(struct dpl_doc *doc, const struct dpl_set *set)
{
    const struct dpl_doc *mirror = dpl_doc_tree(set->status, "mirror");
    const char *state = dpl_doc_text(mirror, "state"), *needs = dpl_doc_text(mirror, "needs");
    if (!dpl_doc_bool(set->doc, "begun", false))
        dpl_doc_set_format(doc, "next", "doppel connect %s", set->name);
    else if (g_strcmp0(state, "stopped") == 0 || dpl_doc_bool(set->doc, "mirror_stopped", false))
        dpl_doc_set_format(doc, "next", "doppel mirror start %s%s", set->name, needs ? needs : "");
    else
        dpl_doc_set_text(doc, "next", "nothing: a mirror begins by itself");
}

static void put_next_there(struct dpl_doc *doc, const struct dpl_set *set)
{
    dpl_doc_set_format(doc, "next", "at site %s: doppel status %s", dpl_set_peer(set), set->name);
}

static void put_next_replication(struct dpl_doc *doc, const struct dpl_set *set)
{
    const struct dpl_settings *s = &set->daemon->settings;
    if (set->state == DPL_SET_UNPROTECTED && s->cluster)
        dpl_doc_set_format(doc, "next", "start its resource of ocf:doppel:source-connection");
    else if (set->state == DPL_SET_UNPROTECTED)
        dpl_doc_set_format(doc, "next", "in %s: [set %s] target=SITE, then restart doppeld",
                           s->config_path, set->name);
    else if (hold_up(set) && set->source)
        dpl_doc_set_format(doc, "next", "at site %s: make room where the replica is",
                           dpl_set_peer(set));
    else if (hold_up(set))
        dpl_doc_set_text(doc, "next", "make room where the replica is, or raise queue_max");
    else if (needs_mirror(set) && set->connected && !set->source)
        put_next_there(doc, set);
    else if (needs_mirror(set) && set->connected)
        put_next_mirror(doc, set);
    else if (dpl_doc_bool(set->status, "paused", false))
        dpl_doc_set_format(doc, "next", "doppel resume %s", set->name);
    else if (set->state == DPL_SET_DISCONNECTED && dpl_turn_role_is(set, "standby") &&
             !dpl_doc_text(set->doc, "peer_rules")) /* it was never connected: see failover.c */
        dpl_doc_set_format(doc, "next", "at site %s: doppel connect %s", dpl_set_peer(set),
                           set->name);
    else if (set->state == DPL_SET_DISCONNECTED && dpl_turn_role_is(set, "standby"))
        dpl_doc_set_format(doc, "next",
                           "see to site %s; when you know that it is lost: doppel failover %s "
                           "--immediate --source-is-down",
                           dpl_set_peer(set), set->name);
    else if (set->state == DPL_SET_DISCONNECTED && set->source)
        put_next_there(doc, set);
    else if (set->state == DPL_SET_PROTECTED && dpl_turn_role_is(set, "serving") &&
             dpl_doc_bool(set->doc, "restore_required", false))
        dpl_doc_set_format(doc, "next", "doppel failback %s", set->name);
    else
        dpl_doc_set_text(doc, "next", "nothing");
}

void dpl_advice_put_next(struct dpl_doc *doc, const struct dpl_set *set)
{
    const char *id;
    const struct dpl_doc *open = dpl_procedure_open_doc(set->daemon, set->name, &id);
    g_autofree char *flaw = dpl_learn_flaw(set);
    if (dpl_cold_next(set))
        dpl_doc_set_text(doc, "next", dpl_cold_next(set));
    else if (open && !dpl_procedure_attended(set->daemon, id, open)) /* it says what is asked */
        dpl_doc_set_format(doc, "next", "doppel procedure show %s", id);
    else if (open)
        dpl_doc_set_format(doc, "next", "nothing: procedure %s runs", id);
    else if (flaw)
        dpl_doc_set_format(doc, "next",
                           "at site %s: doppel set remove %s PATH; or, to give it a place here: "
                           "there doppel disconnect %s, here doppel set delete %s, and accept it "
                           "anew with a map for that",
                           dpl_set_peer(set), set->name, set->name, set->name);
    else if (set->state == DPL_SET_ELSEWHERE)
        dpl_doc_set_format(doc, "next", "on node %s: doppel status %s", set->on_node, set->name);
    else if (dpl_turn_role_is(set, "superseded"))
        dpl_doc_set_format(doc, "next", "at site %s: doppel restore %s, then doppel failback %s",
                           dpl_set_peer(set), set->name, set->name);
    else if (dpl_turn_role_is(set, "released"))
        put_next_there(doc, set);
    else if (dpl_set_off(set))
        dpl_doc_set_format(doc, "next", "doppel connect %s", set->name);
    else if (set->state == DPL_SET_FAILED_OVER)
        dpl_doc_set_format(doc, "next", "doppel restore %s", set->name);
    else
        put_next_replication(doc, set);
}
