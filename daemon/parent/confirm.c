/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * "site confirm": a person says that the other site does not serve. It is asked first, all the
 * same: where it answers that it does, the person is wrong.
 */
#include "daemon/parent/change.h"
#include "daemon/parent/cold.h"
#include "daemon/parent/log.h"
#include "daemon/parent/other.h"
#include "daemon/parent/procedure_doc.h"
#include "daemon/parent/set_become.h"
#include "daemon/parent/talk.h"

#include <time.h>

enum { ANSWER_MS = 6000 };

struct confirm {
    struct dpl_daemon *daemon;
    struct dpl_request *request;
};

/* The document as the person wants it: a procedure that rests is given up by it. A set that serves
 * is confirmed where it is held, or where the other site does not hear it any more because its
 * number is an old one. */
static int confirmed(const struct dpl_set *set, int64_t generation, uid_t uid,
                     struct dpl_doc **doc_r, struct dpl_err *err)
{
    g_autoptr(dpl_doc_auto) doc = dpl_doc_copy(set->doc);
    if (dpl_doc_unset(doc, "cold") || generation > dpl_doc_int(doc, "generation", 0))
        dpl_doc_set_bool(doc, "held", true);
    int rc = dpl_set_become(doc, DPL_SET_EVENT_CONFIRM, generation, err);
    if (rc < 0)
        return dpl_err_context(err, "set \"%s\"", set->name);
    dpl_doc_unset(doc, "procedure");
    struct dpl_doc *by = dpl_doc_set_tree(doc, "confirmed");
    dpl_doc_set_int(by, "user", (int64_t)uid);
    dpl_doc_set_int(by, "at_s", (int64_t)time(NULL));
    dpl_doc_set_text(by, "node", set->daemon->settings.node);
    *doc_r = g_steal_pointer(&doc);
    return DPL_OK;
}

static void finish(struct dpl_set *set, struct dpl_request *request, int64_t generation)
{
    g_autoptr(dpl_doc_auto) doc = NULL;
    struct dpl_err err = {0};
    if (confirmed(set, generation, request->uid, &doc, &err) < 0)
        dpl_request_fail(request, &err);
    else
        dpl_change(set->daemon, "set", set->name, &set->version, doc, request, NULL);
}

/* --- the open procedure ----------------------------------------------------------------------- */

/* What runs may let the other site serve in this moment. */
static int check_procedure(const struct dpl_set *set, struct dpl_err *err)
{
    const char *id;
    const struct dpl_doc *open = dpl_procedure_open_doc(set->daemon, set->name, &id);
    if (!open || !dpl_procedure_attended(set->daemon, id, open))
        return DPL_OK;
    return dpl_err_set(err, DPL_E_REFUSED,
                       "set \"%s\": procedure %s runs: first doppel procedure stop %s", set->name,
                       id, id);
}

/* One that has begun since another was given up keeps its place. */
static int check_none(const struct dpl_set *set, struct dpl_err *err)
{
    const char *id = dpl_procedure_open(set->daemon, set->name);
    return id ? dpl_err_set(err, DPL_E_REFUSED,
                            "set \"%s\": procedure %s has begun in this moment: doppel procedure "
                            "show %s",
                            set->name, id, id)
              : DPL_OK;
}

/* The other site and the store may take long: what nobody waits for any more is not done. */
static int check_wanted(const struct dpl_set *set, const struct dpl_request *request,
                        struct dpl_err *err)
{
    if (dpl_request_alive(request))
        return DPL_OK;
    dpl_err_set(err, DPL_E_INTERRUPTED, "set \"%s\" is not confirmed: nobody waits for it any more",
                set->name);
    dpl_log(LOG_NOTICE, "%s", err->text);
    return err->code;
}

static void given_up(struct dpl_daemon *daemon, struct dpl_request *request, const char *id, int rc,
                     const struct dpl_err *error)
{
    struct dpl_set *set = dpl_set_find(daemon, dpl_doc_text(request->args, "set"));
    struct dpl_store_item item = {0};
    struct dpl_err err = *error;
    if (rc == DPL_E_BUSY || rc == DPL_E_NOT_FOUND)
        dpl_err_set(&err, DPL_E_REFUSED,
                    "procedure %s was changed in this moment: doppel procedure show %s", id, id);
    else if (rc == DPL_OK && !set)
        dpl_err_set(&err, DPL_E_NOT_FOUND, "the set was deleted");
    else if (rc == DPL_OK && check_wanted(set, request, &err) == DPL_OK &&
             check_none(set, &err) == DPL_OK)
        dpl_store_get(daemon->store, "procedure", id, &item, &err);
    if (!set || err.code < 0)
        dpl_request_fail(request, &err);
    else
        finish(set, request, dpl_doc_int(dpl_doc_tree(item.doc, "given_up"), "met", 0));
}

/* Its record says so first, upon the version that rests: who resumes it in this moment, maybe at
 * another node, cannot save it any more, and whoever has done so before is in the way here. */
static void give_up(struct dpl_set *set, const char *open, struct dpl_request *request,
                    int64_t generation)
{
    struct dpl_store_item item;
    struct dpl_err err = {0};
    if (dpl_store_get(set->daemon->store, "procedure", open, &item, &err) < 0) {
        dpl_request_fail(request, &err);
        return;
    }
    g_autoptr(dpl_doc_auto) doc = dpl_doc_copy(item.doc);
    g_autofree char *id = g_strdup(open);
    struct dpl_store_version version = item.version;
    dpl_procedure_sign(set->daemon, doc);
    struct dpl_doc *by = dpl_doc_set_tree(doc, "given_up");
    dpl_doc_set_int(by, "user", (int64_t)request->uid);
    dpl_doc_set_int(by, "met", generation);
    dpl_procedure_ended_now(doc);
    dpl_change(set->daemon, "procedure", id, &version, doc, request, given_up);
}

/* Refused before a procedure is given up for it. */
static void begin(struct dpl_set *set, struct dpl_request *request, int64_t generation)
{
    const char *open = dpl_procedure_open(set->daemon, set->name);
    g_autoptr(dpl_doc_auto) doc = NULL;
    struct dpl_err err = {0};
    if (check_wanted(set, request, &err) < 0 || check_procedure(set, &err) < 0 ||
        confirmed(set, generation, request->uid, &doc, &err) < 0)
        dpl_request_fail(request, &err);
    else if (open)
        give_up(set, open, request, generation);
    else
        finish(set, request, generation);
}

/* --- the other site --------------------------------------------------------------------------- */

static void on_answer(void *self, int rc, const struct dpl_doc *answer, const struct dpl_err *why)
{
    g_autofree struct confirm *c = self;
    struct dpl_set *set = dpl_set_find(c->daemon, dpl_doc_text(c->request->args, "set"));
    struct dpl_other_side other = dpl_other_side_of(answer);
    bool held = dpl_doc_bool(answer, "held", false);
    struct dpl_err err = {0};
    if (!set)
        dpl_err_set(&err, DPL_E_NOT_FOUND, "the set was deleted");
    else if (rc == DPL_OK && other.role == DPL_SET_ROLE_SERVING && !held)
        dpl_err_set(&err, DPL_E_REFUSED,
                    "set \"%s\": site \"%s\" answers that it serves, with generation %lld",
                    set->name, dpl_set_peer(set), (long long)other.generation);
    if (!set || err.code < 0) {
        dpl_request_fail(c->request, &err);
        return;
    }
    if (rc < 0)
        dpl_log(LOG_WARNING, "set \"%s\" is confirmed by user %u without an answer: %s", set->name,
                (unsigned)c->request->uid, why->text);
    begin(set, c->request, rc == DPL_OK ? other.generation : 0);
}

void dpl_confirm(struct dpl_set *set, struct dpl_request *request)
{
    struct dpl_err err = {0};
    if (check_procedure(set, &err) < 0) {
        dpl_request_fail(request, &err);
        return;
    }
    if (!dpl_set_peer(set)) {
        begin(set, request, 0);
        return;
    }
    struct confirm *c = g_new(struct confirm, 1);
    *c = (struct confirm){set->daemon, request};
    dpl_talk_ask(set->daemon, dpl_set_peer(set), dpl_talk_question("state", set->name), ANSWER_MS,
                 on_answer, c);
}
