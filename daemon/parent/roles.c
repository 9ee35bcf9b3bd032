/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/parent/roles.h"

#include "daemon/core/role_order.h"
#include "daemon/parent/change.h"
#include "daemon/parent/cluster.h"
#include "daemon/parent/cold.h"
#include "daemon/parent/group_look.h"
#include "daemon/parent/log.h"
#include "daemon/parent/other.h"
#include "daemon/parent/role_attribute.h"
#include "lib/base/clock.h"

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
        dpl_change_found(set, doc);
}

static void is_set(void *self, int rc, const struct dpl_err *err)
{
    struct dpl_roles *r = self;
    if (rc < 0)
        trouble(r, err->text);
    r->busy = false;
    look_in(r, rc < 0 ? LOOK_MS : 0);
}

/* role: NULL takes it away. */
static void begin_setting(struct dpl_roles *r, const struct dpl_set *set, const char *role,
                          const char *const *nodes, size_t count, const struct dpl_doc *answer)
{
    r->busy = true;
    dpl_role_attribute_set(r->daemon, set->name, role, nodes, count, answer, is_set, r);
}

/* True if something is being cleaned up. One that refuses again and again is left alone meanwhile.
 */
static bool clean_refused(struct dpl_roles *r, const struct dpl_set *set, const char *role,
                          const struct dpl_doc *answer)
{
    int64_t now_ns = dpl_clock_now_ns(&dpl_clock_system);
    if (now_ns < r->clean_ns)
        return false;
    r->busy = true; /* it may be done at once */
    if (!dpl_role_attribute_clean(r->daemon, set->name, role, answer, is_set, r)) {
        r->busy = false;
        return false;
    }
    r->clean_ns = now_ns + CLEAN_MS * INT64_C(1000000);
    return true;
}

/* Whether the store is about to bring another role, or another generation of it, or holds it. */
static bool role_changes(const struct dpl_roles *r, const struct dpl_set *set)
{
    const struct dpl_doc *next = NULL;
    if (!dpl_group_pending(dpl_store_group(r->daemon->store), "set", set->name, &next))
        return false;
    return !next || g_strcmp0(dpl_doc_text(next, "role"), dpl_doc_text(set->doc, "role")) != 0 ||
           dpl_doc_int(next, "generation", 0) != dpl_doc_int(set->doc, "generation", 0) ||
           dpl_doc_bool(next, "held", false) != dpl_doc_bool(set->doc, "held", false);
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
    size_t count = dpl_role_attribute_read(answer, set->name, nodes, NODES_MAX);
    if (!role || count == 0)
        return false;
    if (role_changes(r, set))
        return false;
    const struct dpl_doc *connection =
        dpl_group_look_primitive(answer, set->name, "source-connection");
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

/* True if something is being set. The role is not given again before the other site was asked. */
static bool take_role(struct dpl_roles *r, const struct dpl_set *set,
                      const struct dpl_role_node *nodes, size_t count, const struct dpl_doc *answer)
{
    const char *names[NODES_MAX];
    size_t n = dpl_role_holders(nodes, count, names);
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
    size_t count = dpl_role_attribute_read(answer, set->name, nodes, NODES_MAX);
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
    size_t count = dpl_role_attribute_read(answer, set->name, nodes, NODES_MAX);
    if ((state == DPL_GROUP_FAILED || state == DPL_GROUP_FOREIGN) && count > 1)
        return false;
    return take_role(r, set, nodes, count, answer);
}

/* While the store takes no change another node may have taken the role, by either of these. */
static void see_taken(struct dpl_roles *r, const struct dpl_set *set, const struct dpl_doc *answer)
{
    struct dpl_role_node nodes[NODES_MAX];
    size_t count = dpl_role_attribute_read(answer, set->name, nodes, NODES_MAX);
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
    if (set->met.unnoted)
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
        looks |= ((struct dpl_set *)r->daemon->sets->pdata[i])->met.unnoted;
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
