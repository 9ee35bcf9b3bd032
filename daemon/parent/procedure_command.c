/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/parent/procedure_command.h"

#include "daemon/parent/failover.h"
#include "daemon/parent/log.h"
#include "daemon/parent/procedure_doc.h"
#include "daemon/parent/set_edit.h"

#include <string.h>

int dpl_procedure_may_begin(const struct dpl_daemon *daemon, const char *set,
                            const struct dpl_run_kind *kind, struct dpl_err *err)
{
    const char *id;
    const struct dpl_doc *doc = dpl_procedure_open_doc(daemon, set, &id);
    struct dpl_procedure machine;
    if (!doc)
        return DPL_OK;
    const char *open = dpl_doc_text(doc, "kind");
    const struct dpl_run_kind *other = dpl_run_kind_find(open);
    bool past_last = other && dpl_procedure_read(doc, other, &machine, NULL) == DPL_OK &&
                     dpl_procedure_past_last(&machine);
    if (!past_last || other == kind)
        return dpl_err_set(err, DPL_E_REFUSED,
                           "set \"%s\" has an open procedure: doppel procedure show %s; "
                           "doppel procedure resume %s goes on with it%s",
                           set, id, id, past_last ? "" : ", undo takes it back");
    if (dpl_procedure_attended(daemon, id, doc))
        return dpl_err_set(err, DPL_E_REFUSED,
                           "set \"%s\" has an open procedure, a %s that runs: doppel procedure "
                           "stop %s, and a %s takes its place",
                           set, open, id, kind->name);
    return DPL_OK;
}

bool dpl_procedure_is_plan(const struct dpl_request *request)
{
    return dpl_doc_bool(request->args, "plan", false) || dpl_doc_bool(request->args, "test", false);
}

struct dpl_doc *dpl_procedure_plan(const struct dpl_run_kind *kind)
{
    struct dpl_doc *list = dpl_doc_new_list();
    for (size_t i = 0; i < kind->count; i++) {
        struct dpl_doc *row = dpl_doc_add_tree(list);
        dpl_doc_set_text(row, "name", kind->steps[i].name);
        dpl_doc_set_text(row, "plan", kind->steps[i].plan);
        if (kind->steps[i].last)
            dpl_doc_set_bool(row, "last", true);
    }
    return list;
}

/* --- a beginning ------------------------------------------------------------------------------ */

struct begin {
    struct dpl_daemon *daemon;
    struct dpl_request *request;
    const struct dpl_run_kind *kind;
    char *id, *set;
    char *role; /* of the set when it was looked at, with its generation */
    int64_t generation;
    char *old;          /* whose place it takes; NULL: nobody's */
    struct dpl_err why; /* it does not begin */
};

static void begin_end(struct begin *b, const struct dpl_err *err)
{
    struct dpl_doc *answer = dpl_doc_new();
    dpl_doc_set_text(answer, "procedure", b->id);
    dpl_doc_set(answer, "steps", dpl_procedure_plan(b->kind));
    if (err) {
        dpl_doc_free(answer);
        dpl_request_fail(b->request, err);
    } else {
        dpl_request_done(b->request, answer);
    }
    g_free(b->id);
    g_free(b->set);
    g_free(b->role);
    g_free(b->old);
    g_free(b);
}

/* The store may take long, where a node does not answer. What nobody waits for any more does not
 * begin, or go on, by itself, when that node is fenced or wakes. */
static int check_wanted(const struct dpl_request *request, const char *id, struct dpl_err *err)
{
    if (dpl_request_alive(request))
        return DPL_OK;
    dpl_err_set(err, DPL_E_INTERRUPTED, "procedure %s does not run: nobody waits for it any more",
                id);
    dpl_log(LOG_NOTICE, "%s", err->text);
    return err->code;
}

/* What was looked at before the store was asked; a confirm may have come between. */
static int check_same(const struct begin *b, const struct dpl_doc *doc, struct dpl_err *err)
{
    const char *role = dpl_doc_text(doc, "role");
    int64_t generation = dpl_doc_int(doc, "generation", 0);
    if (g_strcmp0(role, b->role) == 0 && generation == b->generation)
        return DPL_OK;
    return dpl_err_set(err, DPL_E_REFUSED, "set \"%s\" is %s by now, generation %lld", b->set,
                       role ? role : "nothing", (long long)generation);
}

/* The set's document names it: one procedure at a time, whoever else begins one. */
static int lock(void *self, struct dpl_doc *doc, struct dpl_err *err)
{
    struct begin *b = self;
    if (check_wanted(b->request, b->id, err) < 0 || check_same(b, doc, err) < 0)
        return err->code;
    const char *other = dpl_procedure_open(b->daemon, b->set);
    if (g_strcmp0(other, b->id) != 0) {
        if (dpl_procedure_may_begin(b->daemon, b->set, b->kind, err) < 0)
            return err->code;
        g_free(b->old);
        b->old = g_strdup(other);
    }
    dpl_doc_set_text(doc, "procedure", b->id);
    return 1;
}

/* The one that rests has its place again. */
static int give_back(void *self, struct dpl_doc *doc, struct dpl_err *err)
{
    struct begin *b = self;
    (void)err;
    if (g_strcmp0(dpl_doc_text(doc, "procedure"), b->id) != 0)
        return 0;
    if (b->old)
        dpl_doc_set_text(doc, "procedure", b->old);
    else
        dpl_doc_unset(doc, "procedure");
    return 1;
}

static void given_back(void *self, int rc, const struct dpl_err *err)
{
    struct begin *b = self;
    if (rc < 0)
        dpl_log(LOG_WARNING, "set \"%s\" still names procedure %s, which does not begin: %s",
                b->set, b->id, err->text);
    dpl_store_put(b->daemon->store, "procedure", b->id, NULL, NULL, NULL, NULL);
    begin_end(b, &b->why);
}

static void locked(void *self, int rc, const struct dpl_err *error)
{
    struct begin *b = self;
    b->why = *error;
    if (rc == DPL_OK)
        rc = check_wanted(b->request, b->id, &b->why);
    if (rc == DPL_OK)
        rc = dpl_run_begin(b->daemon, b->id, false, &b->why);
    if (rc < 0 && rc != DPL_E_NOT_RUNNING)
        dpl_set_edit(b->daemon, b->set, give_back, given_back, b);
    else
        begin_end(b, rc < 0 ? &b->why : NULL);
}

static void recorded(void *self, int rc, struct dpl_store_version version,
                     const struct dpl_err *err)
{
    struct begin *b = self;
    struct dpl_err other = {0};
    (void)version;
    if (rc == DPL_E_EXISTS) { /* in this moment, at another node */
        dpl_err_set(&other, DPL_E_REFUSED,
                    "set \"%s\" has a procedure that begins just now: doppel procedure show %s",
                    b->set, b->id);
        begin_end(b, &other);
    } else if (rc < 0) {
        begin_end(b, err);
    } else {
        dpl_set_edit(b->daemon, b->set, lock, locked, b);
    }
}

void dpl_procedure_begin(struct dpl_set *set, const struct dpl_run_kind *kind, int64_t generation,
                         const struct dpl_doc *options, struct dpl_request *request)
{
    const struct dpl_store_version none = {0};
    struct begin *b = g_new0(struct begin, 1);
    *b = (struct begin){.daemon = set->daemon,
                        .request = request,
                        .kind = kind,
                        .id = dpl_procedure_id(set->daemon, set->name),
                        .set = g_strdup(set->name),
                        .role = g_strdup(dpl_doc_text(set->doc, "role")),
                        .generation = dpl_doc_int(set->doc, "generation", 0)};
    g_autoptr(dpl_doc_auto) doc = dpl_procedure_doc(kind, set->name, generation, options);
    g_autofree char *id = g_strdup(b->id); /* b may be gone when the put returns */
    dpl_doc_set_int(doc, "user", (int64_t)request->uid);
    dpl_procedure_sign(b->daemon, doc);
    dpl_store_put(b->daemon->store, "procedure", id, &none, doc, recorded, b);
}

/* --- show ------------------------------------------------------------------------------------- */

static bool can_be_undone(const struct dpl_doc *doc)
{
    const struct dpl_run_kind *kind = dpl_run_kind_find(dpl_doc_text(doc, "kind"));
    struct dpl_procedure machine;
    return kind && dpl_procedure_read(doc, kind, &machine, NULL) == DPL_OK &&
           !dpl_procedure_past_last(&machine);
}

/* What may be typed, a command each: one for each answer to a question ("--then=wait|abort"). */
static struct dpl_doc *ways_on(const char *id, const char *question)
{
    struct dpl_doc *list = dpl_doc_new_list();
    const char *words = question ? strchr(question, '=') : NULL;
    g_auto(GStrv) answers = g_strsplit(words ? words + 1 : "", "|", -1);
    for (size_t i = 0; answers[i]; i++) {
        g_autofree char *text = g_strdup_printf("doppel procedure resume %s %.*s=%s", id,
                                                (int)(words - question), question, answers[i]);
        dpl_doc_add_text(list, text);
    }
    g_autofree char *text = g_strdup_printf("doppel procedure resume %s%s%s", id,
                                            question ? " " : "", question ? question : "");
    if (!words)
        dpl_doc_add_text(list, text);
    return list;
}

static void put_next(struct dpl_doc *out, const char *id, const struct dpl_doc *doc, bool attended)
{
    if (attended) {
        dpl_doc_set_text(out, "next", "nothing: it runs");
        return;
    }
    if (dpl_procedure_has_ended(doc)) {
        dpl_doc_set_text(out, "next", "nothing: it has ended");
        return;
    }
    struct dpl_doc *on = ways_on(id, dpl_doc_text(doc, "question"));
    g_autoptr(GString) next = g_string_new(NULL);
    for (size_t i = 0; i < dpl_doc_count(on); i++)
        g_string_append_printf(next, "%s%s", i > 0 ? "; or: " : "",
                               dpl_doc_as_text(dpl_doc_at(on, i)));
    if (can_be_undone(doc)) {
        dpl_doc_set_format(out, "go_back", "doppel procedure undo %s", id);
        g_string_append_printf(next, "; or: doppel procedure undo %s", id);
    }
    dpl_doc_set(out, "go_on", on);
    dpl_doc_set_text(out, "next", next->str);
}

static bool has_begun(const struct dpl_doc *doc)
{
    const struct dpl_doc *steps = dpl_doc_list(doc, "steps");
    const char *to_do = dpl_step_state_text(DPL_STEP_TODO);
    for (size_t i = 0; i < dpl_doc_count(steps); i++)
        if (g_strcmp0(dpl_doc_text(dpl_doc_at(steps, i), "state"), to_do) != 0)
            return true;
    return false;
}

/* A confirm gave it up, and did not let the set serve: what it did to the set is as it was. */
static bool is_unfinished(const struct dpl_daemon *daemon, const char *id,
                          const struct dpl_store_item *set)
{
    const struct dpl_doc *pending = dpl_doc_tree(set->doc, "failing_over");
    return g_strcmp0(dpl_doc_text(pending, "procedure"), id) == 0 &&
           !dpl_procedure_open(daemon, set->name);
}

/* The record of one whose place another took, or that a confirm ended, stays as it was; so does
 * that of one whose set was deleted. One that is not named yet may be on its way. */
static void put_closed(struct dpl_daemon *daemon, struct dpl_doc *out)
{
    const char *set = dpl_doc_text(out, "set");
    struct dpl_store_item item;
    bool there = set && dpl_store_get(daemon->store, "set", set, &item, NULL) == DPL_OK;
    bool given_up = dpl_doc_tree(out, "given_up") || (there && has_begun(out));
    dpl_doc_set_bool(out, "attended", false);
    dpl_doc_set_text(out, "state", given_up || !there ? "given up" : "not begun");
    if (given_up && there && is_unfinished(daemon, dpl_doc_text(out, "procedure"), &item))
        dpl_doc_set_format(out, "next",
                           "a confirm gave it up and did not end: doppel site confirm %s again; "
                           "or: doppel failover %s",
                           set, set);
    else if (given_up)
        dpl_doc_set_text(out, "next", "nothing: another one, or site confirm, took its place");
    else if (!there)
        dpl_doc_set_format(out, "next", "nothing: set %s was deleted", set ? set : "?");
    else
        dpl_doc_set_text(out, "next", "nothing: it begins just now, or never began");
}

static struct dpl_doc *shown(struct dpl_daemon *daemon, const char *id, const struct dpl_doc *doc)
{
    struct dpl_doc *out = dpl_doc_new();
    bool attended = dpl_procedure_attended(daemon, id, doc);
    const struct dpl_run *run = dpl_run_find(daemon, id);
    dpl_doc_set_text(out, "procedure", id);
    for (size_t i = 0; i < dpl_doc_count(doc); i++) {
        const struct dpl_doc *value = dpl_doc_at(doc, i);
        if (strcmp(dpl_doc_key(value), "token") != 0)
            dpl_doc_set(out, dpl_doc_key(value), dpl_doc_copy(value));
    }
    bool closed = !dpl_procedure_has_ended(doc) &&
                  g_strcmp0(dpl_procedure_open(daemon, dpl_doc_text(doc, "set")), id) != 0;
    if (!attended && (closed || dpl_doc_tree(doc, "given_up"))) {
        put_closed(daemon, out);
        return out;
    }
    const char *state = dpl_procedure_state_seen(doc, attended);
    if (g_strcmp0(state, dpl_doc_text(doc, "state")) != 0) {
        dpl_doc_set_text(out, "state", state);
        dpl_doc_set_format(out, "why", "doppeld of node \"%s\" ended, or that node is gone",
                           dpl_doc_text(doc, "node"));
    }
    dpl_doc_set_bool(out, "attended", attended);
    if (run && (run->unsaved[0] || run->text[0]))
        dpl_doc_set_text(out, "now", run->unsaved[0] ? run->unsaved : run->text);
    put_next(out, id, doc, attended);
    return out;
}

static void show_all(struct dpl_daemon *daemon, struct dpl_request *request)
{
    g_auto(GStrv) names = dpl_store_list(daemon->store, "procedure");
    struct dpl_doc *answer = dpl_doc_new(), *list = dpl_doc_set_list(answer, "procedures");
    for (size_t i = 0; names[i]; i++) {
        struct dpl_store_item item;
        if (dpl_store_get(daemon->store, "procedure", names[i], &item, NULL) < 0)
            continue;
        g_autoptr(dpl_doc_auto) all = shown(daemon, names[i], item.doc);
        struct dpl_doc *row = dpl_doc_add_tree(list);
        static const char *const keys[] = {"procedure", "set", "kind", "state", "node"};
        for (size_t k = 0; k < G_N_ELEMENTS(keys); k++)
            dpl_doc_set_text(row, keys[k], dpl_doc_text(all, keys[k]));
        dpl_doc_set_int(row, "begun_ms", dpl_doc_int(all, "begun_ms", 0));
    }
    dpl_request_done(request, answer);
}

/* --- the others ------------------------------------------------------------------------------- */

/* The one that is named, or the one that is open. */
static int find(struct dpl_daemon *daemon, const struct dpl_request *request,
                struct dpl_store_item *item_r, struct dpl_err *err)
{
    const char *id = dpl_doc_text(request->args, "id"), *only = NULL;
    unsigned open = 0;
    for (guint i = 0; !id && i < daemon->sets->len; i++) {
        const struct dpl_set *set = daemon->sets->pdata[i];
        const char *one = dpl_procedure_open(daemon, set->name);
        open += one != NULL;
        only = one ? one : only;
    }
    if (!id && open == 0)
        return dpl_err_set(err, DPL_E_NOT_FOUND, "no procedure is open");
    if (!id && open > 1)
        return dpl_err_set(err, DPL_E_USAGE,
                           "%u procedures are open: name one; see doppel procedure show", open);
    if (dpl_store_get(daemon->store, "procedure", id ? id : only, item_r, NULL) == DPL_OK)
        return DPL_OK;
    return dpl_err_set(err, DPL_E_NOT_FOUND, "there is no procedure \"%.80s\" at this site", id);
}

/* An answer has to be one of those that the question names ("--then=wait|abort"). */
static int check_answer(const struct dpl_doc *args, const char *question, struct dpl_err *err)
{
    const char *then = dpl_doc_text(args, "then");
    const char *allowed = question && g_str_has_prefix(question, "--then=")
                              ? question + strlen("--then=")
                              : "wait|ask|immediate|abort";
    g_auto(GStrv) words = g_strsplit(allowed, "|", -1);
    int64_t wait_ms;
    if (then && strcmp(then, "abort") != 0 &&
        !g_strv_contains((const char *const *)(void *)words, then))
        return dpl_err_set(err, DPL_E_USAGE, "--then: \"%.40s\" is none of %s", then, allowed);
    return dpl_failover_wait_ms(args, &wait_ms, err);
}

/* A person says by now that the other site is lost: it is waited for no more. The plan of that is
 * what speaks for it. */
static int check_down(const struct dpl_request *request, const char *set,
                      const struct dpl_run_kind *kind, struct dpl_err *err)
{
    bool down = dpl_doc_bool(request->args, "source_is_down", false);
    if (dpl_procedure_is_plan(request) && !down)
        return dpl_err_set(err, DPL_E_USAGE, "it has no plan but that of --source-is-down");
    if (!down)
        return DPL_OK;
    if (kind != &dpl_failover_kind)
        return dpl_err_set(err, DPL_E_USAGE, "--source-is-down goes with a failover, not a %s",
                           kind->name);
    return dpl_procedure_is_plan(request) ? DPL_OK
                                          : dpl_failover_check_confirm(request->args, set, err);
}

/* Whether a person was asked what then, and says so now, or says again what was answered once. */
static bool is_answer(const struct dpl_doc *options, const struct dpl_doc *args,
                      const char *question)
{
    return (question && g_str_has_prefix(question, "--then=")) ||
           (dpl_doc_bool(options, "person_answered", false) &&
            g_strcmp0(dpl_doc_text(options, "then"), dpl_doc_text(args, "then")) == 0);
}

/* What was typed now counts more than what was typed first. */
static void merge(struct dpl_doc *options, const struct dpl_doc *args, const char *question)
{
    if (dpl_doc_text(args, "then"))
        dpl_doc_set_bool(options, "person_answered", is_answer(options, args, question));
    if (dpl_doc_bool(args, "source_is_down", false)) {
        if (!dpl_doc_bool(options, "source_is_down", false))
            dpl_doc_set_bool(options, "down_later", true);
        dpl_doc_set_bool(options, "immediate", true);
        dpl_doc_unset(options, "graceful");
    }
    for (size_t i = 0; i < dpl_doc_count(args); i++) {
        const struct dpl_doc *value = dpl_doc_at(args, i);
        if (strcmp(dpl_doc_key(value), "id") != 0)
            dpl_doc_set(options, dpl_doc_key(value), dpl_doc_copy(value));
    }
}

/* What was typed counts with the run that it begins, and no other: that the source is down is said
 * first, then the record, upon the version that was judged, has the options, and at once it runs.
 * What does not run takes both back. */
struct again {
    struct dpl_daemon *daemon;
    struct dpl_request *request;
    char *id, *set;
    struct dpl_doc *doc, *was; /* the record, with what was typed now, and without */
    struct dpl_store_version version;
    bool back, said;
    int rc;
    struct dpl_err why;
};

static void again_end(struct again *a)
{
    if (a->rc < 0) {
        dpl_request_fail(a->request, &a->why);
    } else {
        struct dpl_doc *answer = dpl_doc_new();
        dpl_doc_set_text(answer, "procedure", a->id);
        dpl_request_done(a->request, answer);
    }
    dpl_doc_free(a->doc);
    dpl_doc_free(a->was);
    g_free(a->id);
    g_free(a->set);
    g_free(a);
}

/* Another one may have said it, too, and run. */
static int unsay(void *self, struct dpl_doc *doc, struct dpl_err *err)
{
    struct again *a = self;
    struct dpl_store_item item;
    const char *whose = dpl_doc_text(dpl_doc_tree(doc, "failing_over"), "procedure");
    bool counts = dpl_store_get(a->daemon->store, "procedure", a->id, &item, NULL) == DPL_OK &&
                  dpl_failover_mode(dpl_doc_tree(item.doc, "options")) == DPL_FAILOVER_DOWN;
    return counts || g_strcmp0(whose, a->id) != 0 ? 0 : dpl_failover_unsaid_down(NULL, doc, err);
}

static void unsaid(void *self, int rc, const struct dpl_err *err)
{
    struct again *a = self;
    if (rc < 0)
        dpl_log(LOG_WARNING,
                "set \"%s\" still counts its source as down, though procedure %s does not run: %s",
                a->set, a->id, err->text);
    again_end(a);
}

static void not_again(struct again *a)
{
    if (a->said && a->rc != DPL_E_NOT_RUNNING)
        dpl_set_edit(a->daemon, a->set, unsay, unsaid, a);
    else
        again_end(a);
}

static void restored(void *self, int rc, struct dpl_store_version version,
                     const struct dpl_err *err)
{
    struct again *a = self;
    (void)version;
    if (rc < 0)
        dpl_log(LOG_WARNING, "procedure %s keeps the options of a run that does not begin: %s",
                a->id, err->text);
    not_again(a);
}

static void optioned(void *self, int rc, struct dpl_store_version version,
                     const struct dpl_err *error)
{
    struct again *a = self;
    a->rc = rc;
    if (rc < 0) {
        a->why = *error;
        if (rc == DPL_E_BUSY)
            dpl_err_set(&a->why, rc, "procedure %s was changed meanwhile: look at it again", a->id);
        not_again(a);
        return;
    }
    a->rc = check_wanted(a->request, a->id, &a->why);
    if (a->rc == DPL_OK)
        a->rc = dpl_run_begin(a->daemon, a->id, a->back, &a->why);
    if (a->rc == DPL_OK) {
        again_end(a);
        return;
    }
    g_autofree char *id = g_strdup(a->id); /* a may be gone when the put returns */
    g_autoptr(dpl_doc_auto) was = g_steal_pointer(&a->was);
    dpl_store_put(a->daemon->store, "procedure", id, &version, was, restored, a);
}

static void put_options(struct again *a)
{
    struct dpl_store_version version = a->version;
    g_autofree char *id = g_strdup(a->id); /* a may be gone when the put returns */
    g_autoptr(dpl_doc_auto) doc = g_steal_pointer(&a->doc);
    dpl_store_put(a->daemon->store, "procedure", id, &version, doc, optioned, a);
}

static int say_down(void *self, struct dpl_doc *doc, struct dpl_err *err)
{
    struct again *a = self;
    int rc = check_wanted(a->request, a->id, err);
    if (rc == DPL_OK)
        rc = dpl_failover_said_down(NULL, doc, err);
    a->said = rc > 0;
    return rc;
}

static void said_down(void *self, int rc, const struct dpl_err *err)
{
    struct again *a = self;
    a->rc = rc;
    a->why = *err;
    if (rc == DPL_OK)
        a->rc = check_wanted(a->request, a->id, &a->why);
    if (a->rc == DPL_OK)
        put_options(a);
    else
        not_again(a);
}

/* Whoever ran it is gone, or it rests: it goes on here. */
static void again(struct dpl_daemon *daemon, const struct dpl_store_item *item,
                  struct dpl_request *request, bool back)
{
    const struct dpl_run_kind *kind = dpl_run_kind_find(dpl_doc_text(item->doc, "kind"));
    const char *set = dpl_doc_text(item->doc, "set"), *node = dpl_doc_text(item->doc, "node");
    struct dpl_procedure machine;
    struct dpl_err err = {0};
    int rc = kind ? dpl_procedure_read(item->doc, kind, &machine, &err)
                  : dpl_err_set(&err, DPL_E_UNSUPPORTED, "its kind is unknown here");
    if (rc == DPL_OK)
        rc = check_answer(request->args, dpl_doc_text(item->doc, "question"), &err);
    if (rc == DPL_OK)
        rc = check_down(request, set, kind, &err);
    if (rc == DPL_OK)
        rc = back ? dpl_procedure_undo(&machine, &err) : dpl_procedure_resume(&machine, &err);
    if (rc == DPL_OK && dpl_procedure_attended(daemon, item->name, item->doc))
        rc = dpl_err_set(&err, DPL_E_REFUSED,
                         "it runs at node \"%s\": doppel procedure stop there "
                         "ends it after its step",
                         dpl_run_find(daemon, item->name) ? daemon->settings.node : node);
    if (rc == DPL_OK && g_strcmp0(dpl_procedure_open(daemon, set), item->name) != 0)
        rc = dpl_err_set(&err, DPL_E_REFUSED,
                         "it never began, or it was given up, or set \"%s\" is gone", set);
    struct dpl_set *of = NULL;
    if (rc == DPL_OK)
        rc = dpl_set_get(daemon, set, &of, &err);
    if (rc < 0) {
        dpl_err_context(&err, "procedure %s", item->name);
        dpl_request_fail(request, &err);
        return;
    }
    if (dpl_procedure_is_plan(request)) {
        dpl_failover_evidence(of, request);
        return;
    }
    struct again *a = g_new(struct again, 1);
    *a = (struct again){.daemon = daemon,
                        .request = request,
                        .id = g_strdup(item->name),
                        .set = g_strdup(set),
                        .doc = dpl_doc_copy(item->doc),
                        .was = dpl_doc_copy(item->doc),
                        .version = item->version,
                        .back = back};
    struct dpl_doc *options = dpl_doc_get_mutable(a->doc, "options");
    merge(options ? options : dpl_doc_set_tree(a->doc, "options"), request->args,
          dpl_doc_text(a->doc, "question"));
    if (dpl_doc_bool(request->args, "source_is_down", false))
        dpl_set_edit(daemon, set, say_down, said_down, a);
    else
        put_options(a);
}

static void stop(struct dpl_daemon *daemon, const struct dpl_store_item *item,
                 struct dpl_request *request)
{
    struct dpl_run *run = dpl_run_find(daemon, item->name);
    struct dpl_err err = {0};
    if (run) {
        dpl_run_stop(run);
        dpl_request_done(request, NULL);
        return;
    }
    dpl_err_set(&err, DPL_E_REFUSED, "procedure %s does not run at this node%s%s", item->name,
                dpl_procedure_attended(daemon, item->name, item->doc) ? ", but at " : "",
                dpl_procedure_attended(daemon, item->name, item->doc)
                    ? dpl_doc_text(item->doc, "node")
                    : "");
    dpl_request_fail(request, &err);
}

void dpl_procedure_command(struct dpl_daemon *daemon, struct dpl_request *request)
{
    const char *verb = strchr(request->command->words, ' ') + 1;
    struct dpl_store_item item;
    struct dpl_err err = {0};
    if (strcmp(verb, "show") == 0 && !dpl_doc_text(request->args, "id"))
        show_all(daemon, request);
    else if (find(daemon, request, &item, &err) < 0)
        dpl_request_fail(request, &err);
    else if (strcmp(verb, "show") == 0)
        dpl_request_done(request, shown(daemon, item.name, item.doc));
    else if (strcmp(verb, "stop") == 0)
        stop(daemon, &item, request);
    else
        again(daemon, &item, request, strcmp(verb, "undo") == 0);
}
