/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/parent/roles.h"

#include "daemon/core/role_order.h"
#include "daemon/parent/change.h"
#include "daemon/parent/cluster.h"
#include "daemon/parent/cold.h"
#include "daemon/parent/log.h"
#include "daemon/parent/other.h"
#include "lib/base/clock.h"
#include "lib/client/role.h"

#include <string.h>

enum { LOOK_MS = 2000, NODES_MAX = 64, CLEAN_MS = 10000 };

struct dpl_roles {
    struct dpl_daemon *daemon;
    struct dpl_timer timer;
    bool busy;         /* Pacemaker was asked or told */
    GHashTable *known; /* names of sets to their role and generation, as text */
    GHashTable *born;  /* names of sets whose role was made or changed while we were there */
    int64_t clean_ns;  /* refusals are cleaned up again from then on */
    char last_error[400];
};

/* What is being set, and what is cleaned up behind it. */
struct setting {
    struct dpl_roles *roles;
    char *set, *role;
    GPtrArray *resources;
};

static void look(void *self);

static void look_in(struct dpl_roles *r, int64_t ms)
{
    if (!r->daemon->stopping)
        dpl_timer_set(&r->timer, r->daemon->loop, ms, look, r);
}

/* The same trouble is logged once. */
static void trouble(struct dpl_roles *r, const char *text)
{
    if (strcmp(text, r->last_error) == 0)
        return;
    g_strlcpy(r->last_error, text, sizeof r->last_error);
    if (text[0])
        dpl_log(LOG_WARNING, "roles: %s", text);
}

static void setting_free(struct setting *s)
{
    g_free(s->set);
    g_free(s->role);
    g_ptr_array_unref(s->resources);
    g_free(s);
}

/* The failures of agents that refused to run in the role before are over, one after the other. */
static void clean_up(void *self, int rc, const struct dpl_doc *answer, const struct dpl_err *err)
{
    struct setting *s = self;
    struct dpl_roles *r = s->roles;
    (void)answer;
    if (rc < 0)
        trouble(r, err->text);
    if (s->resources->len == 0 || r->daemon->stopping) {
        setting_free(s);
        r->busy = false;
        look_in(r, rc < 0 ? LOOK_MS : 0);
        return;
    }
    struct dpl_doc *ask = dpl_doc_new();
    g_autofree char *id = g_ptr_array_steal_index(s->resources, s->resources->len - 1);
    dpl_doc_set_text(ask, "ask", "cleanup");
    dpl_doc_set_text(ask, "resource", id);
    dpl_cluster_ask(r->daemon, ask, clean_up, s);
}

static void is_set(void *self, int rc, const struct dpl_doc *answer, const struct dpl_err *err)
{
    struct setting *s = self;
    if (rc < 0)
        g_ptr_array_set_size(s->resources, 0);
    else
        dpl_log(LOG_NOTICE, "set \"%s\" is %s on all nodes, for Pacemaker", s->set, s->role);
    clean_up(s, rc, answer, err);
}

static bool is_online(const struct dpl_doc *answer, const char *name)
{
    const struct dpl_doc *nodes = dpl_doc_list(answer, "nodes");
    for (size_t i = 0; name && i < dpl_doc_count(nodes); i++) {
        const struct dpl_doc *row = dpl_doc_at(nodes, i);
        if (g_strcmp0(dpl_doc_text(row, "name"), name) == 0)
            return dpl_doc_bool(row, "online", false);
    }
    return false;
}

static const char *attribute_of(const struct dpl_doc *answer, const char *node, const char *name)
{
    const struct dpl_doc *list = dpl_doc_list(answer, "attributes");
    for (size_t i = 0; i < dpl_doc_count(list); i++) {
        const struct dpl_doc *row = dpl_doc_at(list, i);
        if (g_strcmp0(dpl_doc_text(row, "node"), node) == 0 &&
            g_strcmp0(dpl_doc_text(row, "name"), name) == 0)
            return dpl_doc_text(row, "value");
    }
    return NULL;
}

/* Whether the resource is one of the set's: an agent of ours names the set. */
static const struct dpl_doc *primitive_of(const struct dpl_doc *answer, const char *id,
                                          const char *set)
{
    const struct dpl_doc *list = dpl_doc_list(answer, "primitives");
    for (size_t i = 0; id && i < dpl_doc_count(list); i++) {
        const struct dpl_doc *row = dpl_doc_at(list, i);
        if (g_strcmp0(dpl_doc_text(row, "id"), id) == 0 &&
            g_strcmp0(dpl_doc_text(row, "set"), set) == 0)
            return row;
    }
    return NULL;
}

static bool owns(const struct dpl_doc *answer, const char *node, const char *set)
{
    const struct dpl_doc *list = dpl_doc_list(answer, "resources");
    for (size_t i = 0; i < dpl_doc_count(list); i++) {
        const struct dpl_doc *row = dpl_doc_at(list, i);
        if (g_strcmp0(dpl_doc_text(row, "node"), node) == 0 &&
            primitive_of(answer, dpl_doc_text(row, "id"), set))
            return true;
    }
    return false;
}

static size_t read_nodes(const struct dpl_doc *answer, const char *set, struct dpl_role_node *to)
{
    const struct dpl_doc *list = dpl_doc_list(answer, "nodes");
    g_autofree char *name = g_strdup_printf("doppel-%s", set);
    size_t n = 0;
    for (size_t i = 0; i < dpl_doc_count(list) && n < NODES_MAX; i++) {
        const char *node = dpl_doc_text(dpl_doc_at(list, i), "name");
        if (!node || !is_online(answer, node))
            continue;
        to[n++] =
            (struct dpl_role_node){node, attribute_of(answer, node, name), owns(answer, node, set)};
    }
    return n;
}

/* The set's source-connection, as the CIB has it. */
static const struct dpl_doc *connection_of(const struct dpl_doc *answer, const char *set)
{
    const struct dpl_doc *list = dpl_doc_list(answer, "primitives");
    for (size_t i = 0; i < dpl_doc_count(list); i++) {
        const struct dpl_doc *row = dpl_doc_at(list, i);
        if (g_strcmp0(dpl_doc_text(row, "set"), set) == 0 &&
            g_strcmp0(dpl_doc_text(row, "agent"), "source-connection") == 0)
            return row;
    }
    return NULL;
}

static bool take_parameter(struct dpl_doc *doc, const char *key, const char *value)
{
    if (!value || !value[0] || g_strcmp0(dpl_doc_text(doc, key), value) == 0)
        return false;
    dpl_doc_set_text(doc, key, value);
    return true;
}

/* What is needed of the connection where it does not run goes into the document. */
static void note_connection(struct dpl_set *set, const struct dpl_doc *connection)
{
    if (!set->source || !connection)
        return;
    const char *how = dpl_doc_text(connection, "on_superseded");
    g_autoptr(dpl_doc_auto) doc = dpl_doc_copy(set->doc);
    bool changed = take_parameter(doc, "peer", dpl_doc_text(connection, "target"));
    if ((how && how[0]) || dpl_doc_get(doc, "on_superseded"))
        changed |= take_parameter(doc, "on_superseded", how && how[0] ? how : "stop");
    if (changed)
        dpl_change(set->daemon, "set", set->name, &set->version, doc, NULL, NULL);
}

/* Resources of the set whose start failed; `refused`: because of what is over alone. They refused
 * to start in another role, and the daemon that set the right one died before it had cleaned up, or
 * a node's own copy of the role came later; or they found no daemon. */
static GPtrArray *failed_starts(const struct dpl_doc *answer, const char *set, bool refused)
{
    const struct dpl_doc *list = dpl_doc_list(answer, "failures");
    GPtrArray *ids = g_ptr_array_new_with_free_func(g_free);
    for (size_t i = 0; i < dpl_doc_count(list); i++) {
        const struct dpl_doc *row = dpl_doc_at(list, i);
        const char *id = dpl_doc_text(row, "resource"), *reason = dpl_doc_text(row, "reason");
        bool over =
            reason && (dpl_role_is_refusal(reason, set) || g_str_has_prefix(reason, DPL_NO_DAEMON));
        if (primitive_of(answer, id, set) && (over || !refused) &&
            !g_ptr_array_find_with_equal_func(ids, id, g_str_equal, NULL))
            g_ptr_array_add(ids, g_strdup(id));
    }
    return ids;
}

/* role: NULL takes it away. */
static void begin_setting(struct dpl_roles *r, const struct dpl_set *set, const char *role,
                          const char *const *nodes, size_t count, const struct dpl_doc *answer)
{
    struct setting *s = g_new(struct setting, 1);
    /* Nothing else: a cleanup makes Pacemaker forget for a moment what runs, and begin anew. */
    *s = (struct setting){r, g_strdup(set->name), g_strdup(role ? role : "without a role"),
                          failed_starts(answer, set->name, false)};
    struct dpl_doc *ask = dpl_doc_new(), *names = dpl_doc_set_list(ask, "nodes");
    dpl_doc_set_text(ask, "ask", "attribute");
    dpl_doc_set_format(ask, "name", "doppel-%s", set->name);
    if (role)
        dpl_doc_set_text(ask, "value", role);
    for (size_t i = 0; i < count; i++)
        dpl_doc_add_text(names, nodes[i]);
    r->busy = true;
    dpl_cluster_ask(r->daemon, ask, is_set, s);
}

/* True if something is being cleaned up. One that refuses again and again is left alone meanwhile.
 */
static bool clean_refused(struct dpl_roles *r, const struct dpl_set *set, const char *role,
                          const struct dpl_doc *answer)
{
    int64_t now_ns = dpl_clock_now_ns(&dpl_clock_system);
    if (now_ns < r->clean_ns)
        return false;
    g_autoptr(GPtrArray) ids = failed_starts(answer, set->name, true);
    if (ids->len == 0)
        return false;
    struct setting *s = g_new(struct setting, 1);
    *s = (struct setting){r, g_strdup(set->name), g_strdup(role), g_steal_pointer(&ids)};
    dpl_log(LOG_NOTICE,
            "set \"%s\" is %s: starts that were refused, or found no daemon, are cleaned up",
            set->name, role);
    r->clean_ns = now_ns + CLEAN_MS * INT64_C(1000000);
    r->busy = true;
    clean_up(s, DPL_OK, NULL, NULL);
    return true;
}

/* It runs on a node that takes no part in the store, and cannot write what it hears. */
static bool owner_is_outside(const struct dpl_roles *r, const struct dpl_role_node *nodes,
                             size_t count)
{
    const char *const *members = dpl_group_era_members(dpl_store_group(r->daemon->store));
    for (size_t i = 0; i < count; i++)
        if (nodes[i].owner && !g_strv_contains(members, nodes[i].name))
            return true;
    return false;
}

/* True if something is being set. */
static bool review(struct dpl_roles *r, struct dpl_set *set, const struct dpl_doc *answer)
{
    const char *role = dpl_doc_text(set->doc, "role");
    struct dpl_role_node nodes[NODES_MAX];
    const char *order[NODES_MAX];
    size_t count = read_nodes(answer, set->name, nodes);
    if (!role || count == 0)
        return false;
    if (dpl_group_changes(dpl_store_group(r->daemon->store), "set", set->name))
        return false; /* it may be another role */
    const struct dpl_doc *connection = connection_of(answer, set->name);
    note_connection(set, connection);
    dpl_other_watch(set, owner_is_outside(r, nodes, count));
    bool cold = strcmp(role, "serving") == 0 && dpl_role_is_cold(nodes, count) &&
                !g_hash_table_contains(r->born, set->name) &&
                g_strcmp0(dpl_doc_text(connection, "cold_start"), "go") != 0;
    if (dpl_doc_bool(set->doc, "held", false)) {
        dpl_cold_waits_for_person(set);
        return false;
    }
    if (cold && dpl_cold_holds(set))
        return false;
    dpl_cold_over(set);
    size_t n = dpl_role_order(role, nodes, count, order);
    if (n > 0)
        begin_setting(r, set, role, order, n, answer);
    return n > 0 || clean_refused(r, set, role, answer);
}

/* Those that have the attribute, in the order in which they lose it: who runs it last. */
static size_t holders(const struct dpl_role_node *nodes, size_t count, const char **names)
{
    size_t n = 0;
    for (int owners = 0; owners < 2; owners++)
        for (size_t i = 0; i < count; i++)
            if (nodes[i].owner == owners && nodes[i].value && nodes[i].value[0])
                names[n++] = nodes[i].name;
    return n;
}

/* True if something is being set. The role is not given again before the other site was asked. */
static bool take_role(struct dpl_roles *r, const struct dpl_set *set,
                      const struct dpl_role_node *nodes, size_t count, const struct dpl_doc *answer)
{
    const char *names[NODES_MAX];
    size_t n = holders(nodes, count, names);
    g_hash_table_remove(r->born, set->name);
    if (n > 0)
        begin_setting(r, set, NULL, names, n, answer);
    return n > 0;
}

/* Without a quorum Pacemaker stops what the site serves, for nobody knows how long, and a person
 * may let the other site serve meanwhile. So it has no role here when the quorum returns, and the
 * other site is asked first, as after a cold start. True if something is being set. */
static bool lose_role(struct dpl_roles *r, const struct dpl_set *set, const struct dpl_doc *answer)
{
    struct dpl_role_node nodes[NODES_MAX];
    size_t count = read_nodes(answer, set->name, nodes);
    if (g_strcmp0(dpl_doc_text(set->doc, "role"), "serving") != 0)
        return false;
    for (size_t i = 0; i < count; i++)
        if (nodes[i].owner)
            return false; /* it runs yet, or by no-quorum-policy */
    return take_role(r, set, nodes, count, answer);
}

/* The other site serves, and the store cannot be told. Where only this node cannot write it, the
 * others can, and would give the role again: they watch (review). */
static bool end_role(struct dpl_roles *r, const struct dpl_set *set, const struct dpl_doc *answer)
{
    enum dpl_group_state state = dpl_group_state(dpl_store_group(r->daemon->store));
    struct dpl_role_node nodes[NODES_MAX];
    size_t count = read_nodes(answer, set->name, nodes);
    if ((state == DPL_GROUP_FAILED || state == DPL_GROUP_FOREIGN) && count > 1)
        return false;
    return take_role(r, set, nodes, count, answer);
}

/* While the store takes no change another node may have taken the role, by either of these. */
static void see_taken(struct dpl_roles *r, const struct dpl_set *set, const struct dpl_doc *answer)
{
    struct dpl_role_node nodes[NODES_MAX];
    size_t count = read_nodes(answer, set->name, nodes);
    if (count > 0 && dpl_role_is_cold(nodes, count))
        g_hash_table_remove(r->born, set->name);
}

static bool is_first(const struct dpl_roles *r)
{
    return dpl_group_first(dpl_store_group(r->daemon->store));
}

/* True if something is being set. */
static bool act(struct dpl_roles *r, struct dpl_set *set, const struct dpl_doc *answer)
{
    if (set->met.refused)
        return end_role(r, set, answer);
    if (dpl_doc_bool(answer, "no_quorum", false))
        return lose_role(r, set, answer);
    if (is_first(r))
        return review(r, set, answer);
    if (!dpl_store_ready(r->daemon->store))
        see_taken(r, set, answer);
    return false;
}

static void on_status(void *self, int rc, const struct dpl_doc *answer, const struct dpl_err *err)
{
    struct dpl_roles *r = self;
    r->busy = false;
    trouble(r, rc < 0 && is_first(r) ? err->text : "");
    for (guint i = 0; rc == DPL_OK && i < r->daemon->sets->len; i++)
        if (act(r, r->daemon->sets->pdata[i], answer))
            return;
    look_in(r, LOOK_MS);
}

/* Whether this node has to know what Pacemaker does. */
static bool has_to_look(const struct dpl_roles *r)
{
    bool looks = is_first(r) || !dpl_store_ready(r->daemon->store);
    for (guint i = 0; i < r->daemon->sets->len; i++)
        looks |= ((struct dpl_set *)r->daemon->sets->pdata[i])->met.refused;
    return looks && r->daemon->sets->len > 0;
}

/* What only the first of the nodes does. */
static void leave_to_first(const struct dpl_roles *r)
{
    for (guint i = 0; i < r->daemon->sets->len; i++) {
        dpl_other_want(r->daemon->sets->pdata[i], false);
        dpl_other_watch(r->daemon->sets->pdata[i], false);
    }
}

static void look(void *self)
{
    struct dpl_roles *r = self;
    if (r->busy)
        return;
    if (!is_first(r))
        leave_to_first(r);
    if (!has_to_look(r)) {
        look_in(r, LOOK_MS);
        return;
    }
    struct dpl_doc *ask = dpl_doc_new();
    dpl_doc_set_text(ask, "ask", "status");
    r->busy = true;
    dpl_cluster_ask(r->daemon, ask, on_status, r);
}

/* Whether the document brings another role, or another generation of it. */
static bool note_role(struct dpl_roles *r, const char *name, const struct dpl_doc *doc)
{
    const char *role = dpl_doc_text(doc, "role");
    g_autofree char *now =
        g_strdup_printf("%s %lld", role ? role : "", (long long)dpl_doc_int(doc, "generation", 0));
    if (g_strcmp0(g_hash_table_lookup(r->known, name), now) == 0)
        return false;
    g_hash_table_replace(r->known, g_strdup(name), g_steal_pointer(&now));
    return true;
}

static void on_change(void *self, const struct dpl_store_item *item)
{
    struct dpl_roles *r = self;
    if (strcmp(item->kind, "set") != 0)
        return;
    /* What came by a copy of the others' is not known to be new. */
    if (!item->doc) {
        g_hash_table_remove(r->known, item->name);
        g_hash_table_remove(r->born, item->name);
    } else if (note_role(r, item->name, item->doc) && dpl_store_ready(r->daemon->store)) {
        g_hash_table_add(r->born, g_strdup(item->name));
    }
    dpl_roles_look(r->daemon);
}

void dpl_roles_look(struct dpl_daemon *daemon)
{
    struct dpl_roles *r = daemon->roles;
    if (r && !r->busy)
        look_in(r, 0);
}

void dpl_roles_begin(struct dpl_daemon *daemon)
{
    if (!daemon->settings.cluster)
        return;
    struct dpl_roles *r = g_new0(struct dpl_roles, 1);
    r->daemon = daemon;
    r->known = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    r->born = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    for (guint i = 0; i < daemon->sets->len; i++) {
        const struct dpl_set *set = daemon->sets->pdata[i];
        note_role(r, set->name, set->doc);
    }
    daemon->roles = r;
    dpl_store_watch(daemon->store, on_change, r);
    look_in(r, LOOK_MS);
}

void dpl_roles_end(struct dpl_daemon *daemon)
{
    struct dpl_roles *r = daemon->roles;
    if (!r)
        return;
    dpl_timer_clear(&r->timer);
    g_hash_table_unref(r->born);
    g_hash_table_unref(r->known);
    daemon->roles = NULL;
    g_free(r);
}
