/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/parent/role_attribute.h"

#include "daemon/parent/cluster.h"
#include "daemon/parent/log.h"
#include "lib/client/role.h"

/* What is being set, and what is cleaned up behind it. */
struct setting {
    struct dpl_daemon *daemon;
    dpl_role_attribute_fn *done;
    void *self;
    char *set, *role;
    GPtrArray *resources;
    int rc; /* the first that failed */
    struct dpl_err err;
};

static struct setting *setting_new(struct dpl_daemon *daemon, const char *set, const char *role,
                                   GPtrArray *resources, dpl_role_attribute_fn *done, void *self)
{
    struct setting *s = g_new0(struct setting, 1);
    s->daemon = daemon;
    s->done = done;
    s->self = self;
    s->set = g_strdup(set);
    s->role = g_strdup(role);
    s->resources = resources;
    return s;
}

static void setting_end(struct setting *s)
{
    s->done(s->self, s->rc, &s->err);
    g_free(s->set);
    g_free(s->role);
    g_ptr_array_unref(s->resources);
    g_free(s);
}

static void note(struct setting *s, int rc, const struct dpl_err *err)
{
    if (rc == DPL_OK || s->rc < 0)
        return;
    s->rc = rc;
    s->err = *err;
}

static void is_clean(void *self, int rc, const struct dpl_doc *answer, const struct dpl_err *err);

/* One after the other. */
static void clean_up(struct setting *s)
{
    if (s->resources->len == 0 || s->daemon->stopping) {
        setting_end(s);
        return;
    }
    struct dpl_doc *ask = dpl_doc_new();
    g_autofree char *id = g_ptr_array_steal_index(s->resources, s->resources->len - 1);
    dpl_doc_set_text(ask, "ask", "cleanup");
    dpl_doc_set_text(ask, "resource", id);
    dpl_cluster_ask(s->daemon, ask, is_clean, s);
}

static void is_clean(void *self, int rc, const struct dpl_doc *answer, const struct dpl_err *err)
{
    (void)answer;
    note(self, rc, err);
    clean_up(self);
}

static void is_set(void *self, int rc, const struct dpl_doc *answer, const struct dpl_err *err)
{
    struct setting *s = self;
    (void)answer;
    note(s, rc, err);
    if (rc < 0)
        g_ptr_array_set_size(s->resources, 0);
    else
        dpl_log(LOG_NOTICE, "set \"%s\" is %s on all nodes, for Pacemaker", s->set,
                s->role ? s->role : "without a role");
    clean_up(s);
}

static bool is_online(const struct dpl_doc *status, const char *name)
{
    const struct dpl_doc *nodes = dpl_doc_list(status, "nodes");
    for (size_t i = 0; name && i < dpl_doc_count(nodes); i++) {
        const struct dpl_doc *row = dpl_doc_at(nodes, i);
        if (g_strcmp0(dpl_doc_text(row, "name"), name) == 0)
            return dpl_doc_bool(row, "online", false);
    }
    return false;
}

static const char *attribute_of(const struct dpl_doc *status, const char *node, const char *name)
{
    const struct dpl_doc *list = dpl_doc_list(status, "attributes");
    for (size_t i = 0; i < dpl_doc_count(list); i++) {
        const struct dpl_doc *row = dpl_doc_at(list, i);
        if (g_strcmp0(dpl_doc_text(row, "node"), node) == 0 &&
            g_strcmp0(dpl_doc_text(row, "name"), name) == 0)
            return dpl_doc_text(row, "value");
    }
    return NULL;
}

/* Whether the resource is one of the set's: an agent of ours names the set. */
static bool is_of_set(const struct dpl_doc *status, const char *id, const char *set)
{
    const struct dpl_doc *list = dpl_doc_list(status, "primitives");
    for (size_t i = 0; id && i < dpl_doc_count(list); i++) {
        const struct dpl_doc *row = dpl_doc_at(list, i);
        if (g_strcmp0(dpl_doc_text(row, "id"), id) == 0 &&
            g_strcmp0(dpl_doc_text(row, "set"), set) == 0)
            return true;
    }
    return false;
}

static bool owns(const struct dpl_doc *status, const char *node, const char *set)
{
    const struct dpl_doc *list = dpl_doc_list(status, "resources");
    for (size_t i = 0; i < dpl_doc_count(list); i++) {
        const struct dpl_doc *row = dpl_doc_at(list, i);
        if (g_strcmp0(dpl_doc_text(row, "node"), node) == 0 &&
            is_of_set(status, dpl_doc_text(row, "id"), set))
            return true;
    }
    return false;
}

size_t dpl_role_attribute_read(const struct dpl_doc *status, const char *set,
                               struct dpl_role_node *to, size_t room)
{
    const struct dpl_doc *list = dpl_doc_list(status, "nodes");
    g_autofree char *name = g_strdup_printf("doppel-%s", set);
    size_t n = 0;
    for (size_t i = 0; i < dpl_doc_count(list) && n < room; i++) {
        const char *node = dpl_doc_text(dpl_doc_at(list, i), "name");
        if (!node || !is_online(status, node))
            continue;
        to[n++] =
            (struct dpl_role_node){node, attribute_of(status, node, name), owns(status, node, set)};
    }
    return n;
}

/* Resources of the set whose start failed; `refused`: because of what is over alone. They refused
 * to start in another role, and the daemon that set the right one died before it had cleaned up, or
 * a node's own copy of the role came later; or they found no daemon. */
static GPtrArray *failed_starts(const struct dpl_doc *status, const char *set, bool refused)
{
    const struct dpl_doc *list = dpl_doc_list(status, "failures");
    GPtrArray *ids = g_ptr_array_new_with_free_func(g_free);
    for (size_t i = 0; i < dpl_doc_count(list); i++) {
        const struct dpl_doc *row = dpl_doc_at(list, i);
        const char *id = dpl_doc_text(row, "resource"), *reason = dpl_doc_text(row, "reason");
        bool over =
            reason && (dpl_role_is_refusal(reason, set) || g_str_has_prefix(reason, DPL_NO_DAEMON));
        if (is_of_set(status, id, set) && (over || !refused) &&
            !g_ptr_array_find_with_equal_func(ids, id, g_str_equal, NULL))
            g_ptr_array_add(ids, g_strdup(id));
    }
    return ids;
}

void dpl_role_attribute_set(struct dpl_daemon *daemon, const char *set, const char *role,
                            const char *const *nodes, size_t count, const struct dpl_doc *status,
                            dpl_role_attribute_fn *done, void *self)
{
    /* Nothing else: a cleanup makes Pacemaker forget for a moment what runs, and begin anew. */
    struct setting *s =
        setting_new(daemon, set, role, failed_starts(status, set, false), done, self);
    struct dpl_doc *ask = dpl_doc_new(), *names = dpl_doc_set_list(ask, "nodes");
    dpl_doc_set_text(ask, "ask", "attribute");
    dpl_doc_set_format(ask, "name", "doppel-%s", set);
    if (role)
        dpl_doc_set_text(ask, "value", role);
    for (size_t i = 0; i < count; i++)
        dpl_doc_add_text(names, nodes[i]);
    dpl_cluster_ask(daemon, ask, is_set, s);
}

bool dpl_role_attribute_clean(struct dpl_daemon *daemon, const char *set, const char *role,
                              const struct dpl_doc *status, dpl_role_attribute_fn *done, void *self)
{
    g_autoptr(GPtrArray) ids = failed_starts(status, set, true);
    if (ids->len == 0)
        return false;
    dpl_log(LOG_NOTICE,
            "set \"%s\" is %s: starts that were refused, or found no daemon, are cleaned up", set,
            role);
    clean_up(setting_new(daemon, set, role, g_steal_pointer(&ids), done, self));
    return true;
}
