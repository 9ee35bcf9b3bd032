/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the steps of a restore and of a failback share.
 */
#include "daemon/parent/procedure_command.h"
#include "daemon/parent/restore.h"
#include "daemon/parent/set_become.h"
#include "daemon/parent/set_doc.h"
#include "daemon/parent/talk.h"

#include <string.h>

enum { SOON_MS = 100, LATER_MS = 500, PATIENT_MS = 10000, LOOK_MS = 10000, ONLINE_MS = 180000 };

const char *dpl_restore_peer(const struct dpl_run *run)
{
    const struct dpl_set *set = dpl_set_find(run->daemon, run->set);
    const char *peer = set ? dpl_set_peer(set) : NULL;
    return peer ? peer : "?";
}

struct dpl_set_side dpl_restore_side(const struct dpl_run *run)
{
    const struct dpl_set *set = dpl_set_find(run->daemon, run->set);
    struct dpl_set_side side = {.role = DPL_SET_ROLES};
    if (set)
        dpl_set_side_read(set->doc, &side);
    return side;
}

struct dpl_doc *dpl_restore_question(const struct dpl_run *run, const char *ask)
{
    struct dpl_doc *doc = dpl_talk_question(ask, run->set);
    dpl_doc_set_int(doc, "generation", dpl_run_generation(run));
    dpl_doc_set_text(doc, "procedure", run->id);
    return doc;
}

struct dpl_doc *dpl_restore_standby_question(const struct dpl_run *run)
{
    const struct dpl_set *set = dpl_set_find(run->daemon, run->set);
    struct dpl_doc *ask = dpl_restore_question(run, "standby");
    if (set && dpl_doc_text(set->doc, "rules"))
        dpl_doc_set_text(ask, "rules", dpl_doc_text(set->doc, "rules"));
    if (set)
        dpl_doc_set(ask, "map", dpl_set_map_there(dpl_doc_list(set->doc, "map")));
    if (set && dpl_doc_get(set->doc, "parted_ms"))
        dpl_doc_set_int(ask, "parted_ms", dpl_doc_int(set->doc, "parted_ms", 0));
    return ask;
}

void dpl_restore_wait(struct dpl_run *run, int64_t most_ms, dpl_run_fn *again, const char *format,
                      ...)
{
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    dpl_run_tell(run, "%s", text);
    if (most_ms > 0 && dpl_run_elapsed_ms(run) > most_ms)
        dpl_run_failf(run, DPL_E_TIMEOUT, "in %lld s: %s", (long long)(most_ms / 1000), text);
    else if (!dpl_run_stopped(run))
        dpl_run_later(run, dpl_run_elapsed_ms(run) < PATIENT_MS ? SOON_MS : LATER_MS, again);
}

struct dpl_doc *dpl_restore_settle_question(const struct dpl_run *run)
{
    const struct dpl_set *set = dpl_set_find(run->daemon, run->set);
    struct dpl_doc *ask = dpl_restore_question(run, "settle");
    if (set && dpl_doc_text(set->doc, "rules"))
        dpl_doc_set_text(ask, "rules", dpl_doc_text(set->doc, "rules"));
    return ask;
}

/* What was accepted before this was asked was something else: it is forgotten when it is asked. */
bool dpl_restore_offline(struct dpl_run *run, const char *site, const char *missing)
{
    struct dpl_doc *facts = dpl_run_facts(run);
    g_autofree char *warning =
        g_strdup_printf("the services do not run at site %s: %s", site, missing);
    if (dpl_doc_bool(facts, "asked_offline", false) &&
        dpl_doc_bool(dpl_run_options(run), "accept_incomplete", false)) {
        dpl_doc_set_text(facts, "warning", warning);
        dpl_doc_set_bool(facts, "degraded", true);
        dpl_run_ok(run, "%s: accepted", missing);
        return true;
    }
    if (dpl_run_elapsed_ms(run) <= ONLINE_MS)
        return false;
    dpl_doc_set_bool(facts, "asked_offline", true);
    dpl_doc_unset(dpl_doc_get_mutable(run->doc, "options"), "accept_incomplete");
    dpl_run_wait(run, "--accept-incomplete", "%s", warning);
    return true;
}

int dpl_restore_judge_generation(const struct dpl_set *set, const struct dpl_doc *state,
                                 int64_t generation, struct dpl_err *err)
{
    int64_t there = dpl_doc_int(state, "generation", 0);
    return there < generation
               ? DPL_OK
               : dpl_err_set(err, DPL_E_REFUSED,
                             "site \"%s\" knows generation %lld of set \"%s\" already",
                             dpl_set_peer(set), (long long)there, set->name);
}

bool dpl_restore_is_equal(const struct dpl_doc *state)
{
    const struct dpl_doc *engine = dpl_doc_tree(state, "engine");
    return g_strcmp0(dpl_doc_text(state, "role"), "standby") == 0 &&
           !dpl_doc_bool(state, "set_aside", false) && dpl_doc_bool(engine, "consistent", false);
}

char *dpl_restore_unknown(const struct dpl_set *set, const struct dpl_doc *state)
{
    const char *node = dpl_doc_text(state, "node");
    if (dpl_doc_tree(state, "engine"))
        return NULL;
    return g_strdup_printf("node \"%s\" answers for site \"%s\", and has no replica of set \"%s\" "
                           "open: whether it equals this one is not known",
                           node ? node : "?", dpl_set_peer(set), set->name);
}

int dpl_restore_may(const struct dpl_set *set, const struct dpl_run_kind *kind, struct dpl_err *err)
{
    struct dpl_set_side side;
    const char *peer = dpl_set_peer(set);
    dpl_set_side_read(set->doc, &side);
    if (side.role != DPL_SET_ROLE_SERVING)
        return dpl_err_set(err, DPL_E_REFUSED,
                           "set \"%s\" is %s at this site: a %s is typed where it serves%s%s",
                           set->name, dpl_set_role_text(side.role), kind->name,
                           peer ? ", at site " : "", peer ? peer : "");
    if (!side.restore_required)
        return dpl_err_set(
            err, DPL_E_REFUSED,
            "set \"%s\" serves here, and not since a failover: there is nothing to %s", set->name,
            strcmp(kind->name, "restore") == 0 ? "restore" : "give back");
    if (!peer)
        return dpl_err_set(err, DPL_E_REFUSED, "set \"%s\" has no other site", set->name);
    return dpl_procedure_may_begin(set->daemon, set->name, kind, err);
}

/* --- a command -------------------------------------------------------------------------------- */

struct begin {
    struct dpl_daemon *daemon;
    char *set;
    const struct dpl_run_kind *kind;
    int64_t generation;
    dpl_restore_judge_fn *judge;
    struct dpl_request *request;
};

static void answer_plan(const struct begin *b, const struct dpl_set *set,
                        const struct dpl_doc *state, int rc, const struct dpl_err *err)
{
    struct dpl_doc *answer = dpl_doc_new(), *lines = dpl_doc_set_list(answer, "evidence");
    g_autofree char *what =
        g_strdup_printf("%s of set %s, between site %s, which serves it, and site %s; generation "
                        "%lld",
                        b->kind->name, b->set, b->daemon->settings.site, dpl_set_peer(set),
                        (long long)b->generation);
    g_autofree char *other =
        g_strdup_printf("site %s is %s", dpl_set_peer(set), dpl_doc_text(state, "role"));
    dpl_doc_add_text(lines, what);
    if (dpl_doc_text(state, "role"))
        dpl_doc_add_text(lines, other);
    if (rc < 0) {
        g_autofree char *no = g_strdup_printf("it would be refused: %s", err->text);
        dpl_doc_add_text(lines, no);
    }
    dpl_doc_set(answer, "steps", dpl_procedure_plan(b->kind));
    dpl_request_done(b->request, answer);
}

static void on_state(void *self, int rc, const struct dpl_doc *state, const struct dpl_err *error)
{
    struct begin *b = self;
    struct dpl_err err = *error;
    struct dpl_set *set = NULL;
    int found = dpl_set_get(b->daemon, b->set, &set, &err);
    if (found == DPL_OK && rc == DPL_E_NOT_FOUND)
        rc = dpl_err_set(&err, DPL_E_REFUSED,
                         "site \"%s\" has no set \"%s\": where it was rebuilt, type there: doppel "
                         "set accept %s --from=%s",
                         dpl_set_peer(set), b->set, b->set, b->daemon->settings.site);
    if (found == DPL_OK && rc == DPL_OK)
        rc = b->judge(set, state, b->generation, &err);
    if (found < 0)
        dpl_request_fail(b->request, &err);
    else if (dpl_procedure_is_plan(b->request))
        answer_plan(b, set, state, rc, &err);
    else if (rc < 0)
        dpl_request_fail(b->request, &err);
    else
        dpl_procedure_begin(set, b->kind, b->generation, b->request->args, b->request);
    g_free(b->set);
    g_free(b);
}

void dpl_restore_begin(struct dpl_set *set, const struct dpl_run_kind *kind, int64_t generation,
                       dpl_restore_judge_fn *judge, struct dpl_request *request)
{
    struct dpl_err err = {0};
    if (dpl_restore_may(set, kind, &err) < 0) {
        dpl_request_fail(request, &err);
        return;
    }
    struct begin *b = g_new(struct begin, 1);
    *b = (struct begin){set->daemon, g_strdup(set->name), kind, generation, judge, request};
    dpl_talk_ask(set->daemon, dpl_set_peer(set), dpl_talk_question("state", set->name), LOOK_MS,
                 on_state, b);
}

void dpl_restore_looked(struct dpl_run *run, int rc, const struct dpl_doc *state,
                        const struct dpl_err *error, dpl_restore_judge_fn *judge)
{
    const char *role = dpl_doc_text(state, "role");
    struct dpl_err err = *error;
    struct dpl_set *set;
    if (rc == DPL_OK)
        rc = dpl_set_get(run->daemon, run->set, &set, &err);
    if (rc == DPL_OK)
        rc = judge(set, state, dpl_run_generation(run), &err);
    if (rc < 0)
        dpl_run_fail(run, &err);
    else
        dpl_run_ok(run, "site %s is %s, generation %lld", dpl_set_peer(set), role ? role : "?",
                   (long long)dpl_doc_int(state, "generation", 0));
}
