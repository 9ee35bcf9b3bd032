/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Which fencing counts: when all members are there, Pacemaker's history is looked at, and what
 * stands in it for each is remembered. When one is missing, only what is not that, and not older
 * than that look, means that it was fenced. While no such look was made, none counts.
 */
#include "daemon/parent/cluster.h"

#include "daemon/parent/log.h"
#include "daemon/parent/procedure_doc.h"

#include <string.h>
#include <time.h>

enum { LOOK_MS = 1000, LEAVE_MS = 3000, QUESTIONS_MAX = 64 };

static const struct dpl_child_kind cluster_kind = {.name = "cluster",
                                                   .program = "doppel-cluster",
                                                   .channel = true,
                                                   .restart = true,
                                                   .stop_ms = 3000,
                                                   .backoff = {500, 5000, 60000}};
static const struct dpl_child_kind pacemaker_kind = {.name = "pacemaker",
                                                     .program = "doppel-pacemaker",
                                                     .channel = true,
                                                     .restart = true,
                                                     .stop_ms = 3000,
                                                     .backoff = {500, 10000, 60000}};

struct question {
    int64_t id;
    dpl_pacemaker_fn *fn;
    void *self;
};

struct dpl_cluster {
    struct dpl_daemon *daemon;
    struct dpl_child *child, *pacemaker;
    char *group;
    GPtrArray *questions;
    int64_t last_id;
    GHashTable *fenced; /* node to when it was fenced last, of the look; NULL: none was made */
    int64_t looked_s;
    unsigned readiness; /* how often the store became ready */
    bool asking;
    struct dpl_timer look;
    struct dpl_timer leave;
    dpl_timer_fn *left;
    void *left_self;
};

static struct dpl_group *group_of(const struct dpl_cluster *c)
{
    return dpl_store_group(c->daemon->store);
}

/* Fencing. */

static void look_later(struct dpl_cluster *c);

static void remember(struct dpl_cluster *c, const struct dpl_doc *fences)
{
    c->fenced = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    for (size_t i = 0; i < dpl_doc_count(fences); i++) {
        const struct dpl_doc *row = dpl_doc_at(fences, i);
        const char *node = dpl_doc_text(row, "node"), *when = dpl_doc_text(row, "completed");
        int64_t at = dpl_doc_int(row, "completed_s", 0), *last;
        if (!node || !when)
            continue;
        last = g_hash_table_lookup(c->fenced, node);
        if (!last || *last < at)
            g_hash_table_replace(c->fenced, g_strdup(node), g_memdup2(&at, sizeof at));
    }
}

static void judge(struct dpl_cluster *c, const struct dpl_doc *fences)
{
    for (size_t i = 0; c->fenced && i < dpl_doc_count(fences); i++) {
        const struct dpl_doc *row = dpl_doc_at(fences, i);
        const char *node = dpl_doc_text(row, "node");
        int64_t at = dpl_doc_int(row, "completed_s", 0);
        const int64_t *before = node ? g_hash_table_lookup(c->fenced, node) : NULL;
        if (!node || at < c->looked_s || (before && at <= *before))
            continue;
        if (dpl_group_fenced(group_of(c), node))
            dpl_log(LOG_NOTICE, "the fencing of node \"%s\" is confirmed by Pacemaker (%s)", node,
                    dpl_doc_text(row, "completed"));
    }
}

static void on_fences(void *self, int rc, const struct dpl_doc *answer, const struct dpl_err *err)
{
    struct dpl_cluster *c = self;
    enum dpl_group_state state = dpl_group_state(group_of(c));
    c->asking = false;
    if (rc < 0)
        dpl_log(LOG_DEBUG, "the history of fencing: %s", err->text);
    else if (state == DPL_GROUP_WAITING)
        judge(c, dpl_doc_list(answer, "fences"));
    look_later(c);
}

/* Only what is asked while all are there, and answered while they still are, was before. */
struct first_look {
    struct dpl_cluster *cluster;
    unsigned readiness;
    int64_t asked_s;
};

static void on_first_look(void *self, int rc, const struct dpl_doc *answer,
                          const struct dpl_err *err)
{
    g_autofree struct first_look *l = self;
    struct dpl_cluster *c = l->cluster;
    c->asking = false;
    if (rc < 0)
        dpl_log(LOG_DEBUG, "the history of fencing: %s", err->text);
    else if (l->readiness == c->readiness && dpl_store_ready(c->daemon->store) && !c->fenced) {
        c->looked_s = l->asked_s;
        remember(c, dpl_doc_list(answer, "fences"));
        dpl_log(LOG_INFO, "the history of fencing was read: what comes from now on counts");
    }
    look_later(c);
}

static void look(void *self)
{
    struct dpl_cluster *c = self;
    enum dpl_group_state state = dpl_group_state(group_of(c));
    bool first = state == DPL_GROUP_READY && !c->fenced;
    if (c->asking || (!first && !(state == DPL_GROUP_WAITING && c->fenced)))
        return;
    if (first)
        dpl_procedures_left(c->daemon);
    struct dpl_doc *question = dpl_doc_new();
    dpl_doc_set_text(question, "ask", "fences");
    c->asking = true;
    if (first) {
        struct first_look *l = g_new(struct first_look, 1);
        *l = (struct first_look){c, c->readiness, (int64_t)time(NULL)};
        dpl_cluster_ask(c->daemon, question, on_first_look, l);
    } else {
        dpl_cluster_ask(c->daemon, question, on_fences, c);
    }
}

static void look_later(struct dpl_cluster *c)
{
    if (!c->daemon->stopping)
        dpl_timer_set(&c->look, c->daemon->loop, LOOK_MS, look, c);
}

/* The store has another state. */
static void on_state(void *self)
{
    struct dpl_cluster *c = self;
    const struct dpl_group *group = group_of(c);
    enum dpl_group_state state = dpl_group_state(group);
    const char *text = dpl_group_state_text(state), *why = dpl_group_why(group);
    if (state == DPL_GROUP_READY) {
        g_autofree char *names = g_strjoinv(", ", (char **)(uintptr_t)dpl_group_era_members(group));
        dpl_log(LOG_NOTICE, "the store is ready: %s", names);
        g_clear_pointer(&c->fenced, g_hash_table_unref);
        c->readiness++;
    } else if (state != DPL_GROUP_MEETING) {
        dpl_log(LOG_WARNING, "nothing can be changed: %s", why);
    }
    if (state != DPL_GROUP_MEETING && state != DPL_GROUP_LEFT)
        dpl_alert(c->daemon, "doppel-store.state", text, why[0] ? why : "changes can be made");
    /* Who is there has changed, and with it who is known to have a set. */
    for (guint i = 0;
         state != DPL_GROUP_MEETING && !c->daemon->stopping && i < c->daemon->sets->len; i++)
        dpl_set_review(c->daemon->sets->pdata[i]);
    if (!c->asking && !c->daemon->stopping)
        dpl_timer_set(&c->look, c->daemon->loop, 0, look, c);
}

/* The network. */

static void on_send(void *self, const struct dpl_doc *message)
{
    struct dpl_cluster *c = self;
    g_autoptr(dpl_doc_auto) doc = dpl_doc_new();
    struct dpl_err err = {0};
    dpl_doc_set(doc, "send", dpl_doc_copy(message));
    if (!c->child || dpl_child_send(c->child, doc, NULL, 0, &err) == DPL_OK)
        return;
    dpl_log(LOG_ERR, "doppel-cluster: %s", err.text);
    dpl_child_restart(c->child); /* what it has not said, nobody must believe to have been said */
}

static void finish_leaving(void *self)
{
    struct dpl_cluster *c = self;
    dpl_timer_fn *fn = c->left;
    c->left = NULL;
    dpl_timer_clear(&c->leave);
    if (fn)
        fn(c->left_self);
}

static void on_leave(void *self)
{
    struct dpl_cluster *c = self;
    if (c->left)
        finish_leaving(c);
    else if (c->child)
        dpl_child_stop(c->child);
}

static const struct dpl_store_net net = {on_send, on_leave};

static void child_started(void *self)
{
    struct dpl_cluster *c = self;
    g_autoptr(dpl_doc_auto) doc = dpl_doc_new();
    dpl_doc_set_text(doc, "group", c->group);
    dpl_child_send(c->child, doc, NULL, 0, NULL);
}

static void take_nodes(struct dpl_cluster *c, const struct dpl_doc *nodes)
{
    const struct dpl_doc *list = dpl_doc_list(nodes, "nodes");
    const char *name = dpl_doc_text(nodes, "name");
    GPtrArray *names = g_ptr_array_new();
    for (size_t i = 0; i < dpl_doc_count(list); i++)
        if (dpl_doc_as_text(dpl_doc_at(list, i)))
            g_ptr_array_add(names, (gpointer)(uintptr_t)dpl_doc_as_text(dpl_doc_at(list, i)));
    g_ptr_array_add(names, NULL);
    dpl_group_set_self(group_of(c), (uint32_t)dpl_doc_int(nodes, "id", 0),
                       name ? name : c->daemon->settings.node);
    dpl_group_set_nodes(group_of(c), (const char *const *)names->pdata);
    g_ptr_array_unref(names);
}

static void take_members(struct dpl_cluster *c, const struct dpl_doc *list)
{
    g_autofree uint32_t *ids = g_new(uint32_t, dpl_doc_count(list) + 1);
    size_t count = dpl_doc_count(list);
    for (size_t i = 0; i < count; i++)
        ids[i] = (uint32_t)dpl_doc_as_int(dpl_doc_at(list, i), 0);
    dpl_group_members(group_of(c), ids, count);
}

static void child_message(void *self, const struct dpl_doc *doc)
{
    struct dpl_cluster *c = self;
    if (dpl_doc_tree(doc, "nodes"))
        take_nodes(c, dpl_doc_tree(doc, "nodes"));
    if (dpl_doc_list(doc, "members"))
        take_members(c, dpl_doc_list(doc, "members"));
    if (dpl_doc_tree(doc, "message"))
        dpl_group_message(group_of(c), (uint32_t)dpl_doc_int(doc, "from", 0),
                          dpl_doc_tree(doc, "message"));
}

static void child_ended(void *self, int status, bool again)
{
    struct dpl_cluster *c = self;
    (void)status;
    (void)again;
    if (c->left)
        finish_leaving(c);
    dpl_group_members(group_of(c), NULL, 0);
}

static const struct dpl_child_fns child_fns = {child_started, child_message, child_ended};

/* Pacemaker. */

static void answer_question(struct dpl_cluster *c, guint at, int rc, const struct dpl_doc *answer,
                            const struct dpl_err *err)
{
    struct question *q = g_ptr_array_steal_index(c->questions, at);
    q->fn(q->self, rc, answer, err);
    g_free(q);
}

static void pacemaker_message(void *self, const struct dpl_doc *doc)
{
    struct dpl_cluster *c = self;
    int64_t id = dpl_doc_int(doc, "id", -1), code = dpl_doc_int(doc, "code", 0);
    const char *text = dpl_doc_text(doc, "text");
    struct dpl_err err = {0};
    for (guint i = 0; i < c->questions->len; i++) {
        const struct question *q = c->questions->pdata[i];
        if (q->id != id)
            continue;
        if (code < 0)
            dpl_err_set(&err, code > -1000 ? (int)code : DPL_E_FAILED, "%s", text ? text : "?");
        answer_question(c, i, err.code, doc, &err);
        return;
    }
}

static void pacemaker_ended(void *self, int status, bool again)
{
    struct dpl_cluster *c = self;
    struct dpl_err err = {0};
    (void)status;
    (void)again;
    dpl_err_set(&err, DPL_E_NOT_RUNNING, "doppel-pacemaker ended");
    for (guint n = c->questions->len; n > 0 && c->questions->len > 0; n--)
        answer_question(c, 0, err.code, NULL, &err);
}

static const struct dpl_child_fns pacemaker_fns = {NULL, pacemaker_message, pacemaker_ended};

void dpl_cluster_ask(struct dpl_daemon *daemon, struct dpl_doc *question, dpl_pacemaker_fn *fn,
                     void *self)
{
    struct dpl_cluster *c = daemon->cluster;
    g_autoptr(dpl_doc_auto) doc = question;
    struct dpl_err err = {0};
    int rc = DPL_OK;
    if (!c || daemon->stopping)
        rc = dpl_err_set(&err, DPL_E_NOT_RUNNING, "there is no Pacemaker");
    else if (c->questions->len >= QUESTIONS_MAX)
        rc = dpl_err_set(&err, DPL_E_BUSY, "too many questions wait for Pacemaker");
    if (rc == DPL_OK) {
        dpl_doc_set_int(doc, "id", ++c->last_id);
        rc = dpl_child_send(c->pacemaker, doc, NULL, 0, &err);
    }
    if (rc < 0) {
        fn(self, rc, NULL, &err);
        return;
    }
    struct question *q = g_new(struct question, 1);
    *q = (struct question){c->last_id, fn, self};
    g_ptr_array_add(c->questions, q);
}

void dpl_cluster_begin(struct dpl_daemon *daemon)
{
    const char *instance = daemon->settings.instance;
    struct dpl_err err = {0};
    if (!daemon->settings.cluster) {
        dpl_store_start_alone(daemon->store);
        if (!dpl_store_ready(daemon->store))
            dpl_log(LOG_WARNING, "nothing can be changed: %s",
                    dpl_group_why(dpl_store_group(daemon->store)));
        return;
    }
    struct dpl_cluster *c = g_new0(struct dpl_cluster, 1);
    c->daemon = daemon;
    c->questions = g_ptr_array_new_with_free_func(g_free);
    c->group = g_strdup_printf("doppel%s%s", instance ? "-" : "", instance ? instance : "");
    const char *args[] = {"--set", c->group, NULL};
    daemon->cluster = c;
    dpl_store_start(daemon->store, &net, c);
    dpl_store_watch_state(daemon->store, on_state, c);
    c->child = dpl_child_new(daemon->children, &cluster_kind, c->group, args, &child_fns, c);
    c->pacemaker =
        dpl_child_new(daemon->children, &pacemaker_kind, c->group, args, &pacemaker_fns, c);
    if (dpl_child_start(c->child, &err) < 0 || dpl_child_start(c->pacemaker, &err) < 0)
        dpl_log(LOG_ERR, "%s", err.text);
}

void dpl_cluster_leave(struct dpl_daemon *daemon, dpl_timer_fn *fn, void *self)
{
    struct dpl_cluster *c = daemon->cluster;
    if (!c || dpl_group_state(group_of(c)) == DPL_GROUP_APART) {
        fn(self);
        return;
    }
    c->left = fn;
    c->left_self = self;
    dpl_timer_set(&c->leave, daemon->loop, LEAVE_MS, finish_leaving, c);
    dpl_group_goodbye(group_of(c));
}

void dpl_cluster_end(struct dpl_daemon *daemon)
{
    struct dpl_cluster *c = daemon->cluster;
    if (!c)
        return;
    dpl_timer_clear(&c->look);
    dpl_timer_clear(&c->leave);
    g_clear_pointer(&c->child, dpl_child_free);
    g_clear_pointer(&c->pacemaker, dpl_child_free);
    pacemaker_ended(c, 0, false);
    g_ptr_array_unref(c->questions);
    g_clear_pointer(&c->fenced, g_hash_table_unref);
    g_free(c->group);
    daemon->cluster = NULL;
    g_free(c);
}
