/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What follows from what the members of a meeting have. All of them look at the same messages, and
 * come to the same.
 */
#include "daemon/store/group-private.h"

#include <stdlib.h>
#include <string.h>

struct meeting {
    struct dpl_peer peers[DPL_GROUP_NODES_MAX];
    size_t count;
    uint64_t number; /* the greatest of all eras that anybody has */
    const struct dpl_peer *leader;
};

static int by_id(const void *a, const void *b)
{
    const struct dpl_peer *x = a, *y = b;
    return x->id < y->id ? -1 : x->id > y->id;
}

static bool read_peer(uint32_t id, const struct dpl_doc *m, struct dpl_peer *p)
{
    *p = (struct dpl_peer){
        .id = id,
        .name = dpl_doc_text(m, "name"),
        .store = dpl_doc_text(m, "store"),
        .era_id = dpl_doc_text(m, "id"),
        .digest = dpl_doc_text(m, "digest"),
        .era = (uint64_t)dpl_doc_int(m, "number", 0),
        .last = {(uint64_t)dpl_doc_int(m, "last_era", 0),
                 (uint64_t)dpl_doc_int(m, "last_sequence", 0)},
        .tentative = dpl_doc_bool(m, "tentative", false),
        .pending = dpl_doc_bool(m, "pending", false),
        .warm = dpl_doc_bool(m, "warm", false),
        .yields = dpl_doc_bool(m, "yields", false),
        .members = dpl_doc_list(m, "members"),
        .history = dpl_doc_list(m, "history"),
        .before = dpl_doc_list(m, "before"),
        .down = dpl_doc_list(m, "down"),
        .confirmed = dpl_doc_list(m, "confirmed"),
        .nodes = dpl_doc_list(m, "nodes"),
    };
    p->empty = p->era == 0;
    return dpl_doc_int(m, "format", 0) == DPL_GROUP_FORMAT && p->name && p->name[0] && p->store &&
           p->era_id && p->digest;
}

static bool has(const struct dpl_doc *list, const char *name)
{
    for (size_t i = 0; i < dpl_doc_count(list); i++)
        if (g_strcmp0(dpl_doc_as_text(dpl_doc_at(list, i)), name) == 0)
            return true;
    return false;
}

static bool holds(const struct dpl_peer *p)
{
    return !p->empty && !p->yields;
}

static const struct dpl_peer *by_name(const struct meeting *m, const char *name)
{
    for (size_t i = 0; i < m->count; i++)
        if (strcmp(m->peers[i].name, name) == 0)
            return &m->peers[i];
    return NULL;
}

static bool read_all(struct dpl_group *g, struct meeting *m)
{
    GHashTableIter iter;
    gpointer id, message;
    g_hash_table_iter_init(&iter, g->told);
    while (g_hash_table_iter_next(&iter, &id, &message)) {
        struct dpl_peer *p = &m->peers[m->count];
        if (!read_peer(GPOINTER_TO_UINT(id), message, p)) {
            dpl_group_note(g, DPL_GROUP_CONFLICT,
                           "node %u speaks another version: install the same on all nodes",
                           GPOINTER_TO_UINT(id));
            return false;
        }
        if (by_name(m, p->name)) {
            dpl_group_note(g, DPL_GROUP_CONFLICT, "two nodes have the name \"%s\"", p->name);
            return false;
        }
        m->count++;
    }
    qsort(m->peers, m->count, sizeof m->peers[0], by_id);
    return true;
}

/* The line of an era in a history, or NULL. */
static const char *line_of(const struct dpl_doc *history, uint64_t number, const char *id)
{
    g_autofree char *head = g_strdup_printf("%llu %s ", (unsigned long long)number, id);
    for (size_t i = 0; i < dpl_doc_count(history); i++) {
        const char *line = dpl_doc_as_text(dpl_doc_at(history, i));
        if (line && g_str_has_prefix(line, head))
            return line + strlen(head);
    }
    return NULL;
}

/* Whether the peer has taken this era, now or in its past. */
static bool has_taken(const struct dpl_peer *p, uint64_t number, const char *id)
{
    if (strcmp(p->era_id, id) == 0 || line_of(p->history, number, id))
        return true;
    for (size_t i = 0; i < dpl_doc_count(p->before); i++)
        if (g_strcmp0(dpl_doc_text(dpl_doc_at(p->before, i), "id"), id) == 0)
            return true;
    return false;
}

/* An era that a member of it has not taken was never begun. */
static bool is_void(const struct meeting *m, uint64_t number, const char *id,
                    const struct dpl_doc *members)
{
    for (size_t i = 0; i < m->count; i++)
        if (has(members, m->peers[i].name) && !has_taken(&m->peers[i], number, id))
            return true;
    return false;
}

/* The era in which the peer really is: behind those that were never begun. */
static void find_era(const struct meeting *m, const struct dpl_peer *p, struct dpl_peer *found)
{
    *found = *p;
    for (size_t i = 0; found->tentative && i < dpl_doc_count(p->before); i++) {
        const struct dpl_doc *row = dpl_doc_at(p->before, i);
        if (!is_void(m, found->era, found->era_id, found->members))
            return;
        const char *id = dpl_doc_text(row, "id");
        found->era = (uint64_t)dpl_doc_int(row, "number", 0);
        found->era_id = id ? id : "";
        found->members = dpl_doc_list(row, "members");
        found->tentative = i + 1 < dpl_doc_count(p->before);
        found->moved = true;
        found->empty = found->era == 0;
    }
}

static void find_eras(struct meeting *m)
{
    struct dpl_peer found[DPL_GROUP_NODES_MAX] = {0};
    for (size_t i = 0; i < m->count; i++) {
        find_era(m, &m->peers[i], &found[i]);
        m->number = MAX(m->number, m->peers[i].era);
    }
    memcpy(m->peers, found, m->count * sizeof found[0]);
}

/* Whether a has more than b. */
static bool better(const struct dpl_peer *a, const struct dpl_peer *b)
{
    if (a->era != b->era)
        return a->era > b->era;
    if (a->tentative != b->tentative)
        return b->tentative;
    int by_era = strcmp(a->era_id, b->era_id);
    if (by_era != 0)
        return by_era < 0;
    if (dpl_version_later(a->last, b->last) || dpl_version_later(b->last, a->last))
        return dpl_version_later(a->last, b->last);
    return a->id < b->id;
}

/* The store that counts: of those who have been in it since their start, or else of all. NULL: two
 * of them do. */
static const char *choose_store(const struct meeting *m, bool warm, bool *any)
{
    const char *store = NULL;
    *any = false;
    for (size_t i = 0; i < m->count; i++) {
        const struct dpl_peer *p = &m->peers[i];
        if (!holds(p) || (warm && !p->warm))
            continue;
        *any = true;
        if (store && strcmp(store, p->store) != 0)
            return NULL;
        store = p->store;
    }
    return store;
}

/* Whether a holder's past is a part of the leader's: its era is, and has made no change since. */
static bool related(const struct dpl_peer *p, const struct dpl_peer *leader)
{
    if (p->tentative || p->moved ||
        (p->era == leader->era && strcmp(p->era_id, leader->era_id) == 0))
        return true;
    const char *line = line_of(leader->history, p->era, p->era_id);
    uint64_t end = line ? g_ascii_strtoull(line, NULL, 10) : 0;
    return line && p->last.sequence <= end + (p->pending ? 1 : 0);
}

static bool choose_leader(struct dpl_group *g, struct meeting *m, const char *store)
{
    for (size_t i = 0; i < m->count; i++) {
        const struct dpl_peer *p = &m->peers[i];
        if (holds(p) && strcmp(p->store, store) == 0 && (!m->leader || better(p, m->leader)))
            m->leader = p;
    }
    for (size_t i = 0; i < m->count; i++) {
        const struct dpl_peer *p = &m->peers[i];
        if (!holds(p) || strcmp(p->store, store) != 0 || related(p, m->leader))
            continue;
        dpl_group_note(g, DPL_GROUP_CONFLICT,
                       "nodes \"%s\" and \"%s\" have both made changes that the other has not "
                       "seen: look at both with doppel store show and export, then, on the node "
                       "whose changes shall be given up: doppel store join",
                       m->leader->name, p->name);
        return false;
    }
    return true;
}

/* Those who take part in the next era. */
static bool admitted(const struct meeting *m, const struct dpl_peer *p)
{
    return !holds(p) || (m->leader && strcmp(p->store, m->leader->store) == 0);
}

static bool excused(const struct meeting *m, const char *name)
{
    for (size_t i = 0; i < m->count; i++) {
        const struct dpl_peer *p = &m->peers[i];
        if (!admitted(m, p))
            continue;
        if (has(p->confirmed, name))
            return true;
        if (m->leader && p->warm && strcmp(p->era_id, m->leader->era_id) == 0 && has(p->down, name))
            return true;
    }
    return false;
}

/* The names of a list that are neither here nor excused, ended by NULL. */
static GPtrArray *missing_of(const struct meeting *m, const struct dpl_doc *list)
{
    GPtrArray *missing = g_ptr_array_new_with_free_func(g_free);
    for (size_t i = 0; i < dpl_doc_count(list); i++) {
        const char *name = dpl_doc_as_text(dpl_doc_at(list, i));
        const struct dpl_peer *p = name ? by_name(m, name) : NULL;
        if (name && !(p && admitted(m, p)) && !excused(m, name))
            g_ptr_array_add(missing, g_strdup(name));
    }
    g_ptr_array_add(missing, NULL);
    return missing;
}

/* True if it waits for nobody. */
static bool check_missing(struct dpl_group *g, const struct meeting *m, const struct dpl_doc *list)
{
    GPtrArray *missing = missing_of(m, list);
    g_ptr_array_unref(g->missing);
    g->missing = missing;
    if (missing->len == 1)
        return true;
    g_autofree char *names = g_strjoinv(", ", (char **)missing->pdata);
    dpl_group_note(g, DPL_GROUP_WAITING,
                   "it waits for %s, until that is there, or Pacemaker has confirmed its fencing; "
                   "when you know that it is down: doppel store confirm-down %s",
                   names, (const char *)missing->pdata[0]);
    return false;
}

static char **member_names(const struct meeting *m)
{
    GPtrArray *names = g_ptr_array_new();
    for (size_t i = 0; i < m->count; i++)
        if (admitted(m, &m->peers[i]))
            g_ptr_array_add(names, g_strdup(m->peers[i].name));
    g_ptr_array_add(names, NULL);
    return (char **)g_ptr_array_free(names, FALSE);
}

static bool equal_to(const struct dpl_peer *p, const struct dpl_peer *leader)
{
    return holds(p) && strcmp(p->digest, leader->digest) == 0 && p->last.era == leader->last.era &&
           p->last.sequence == leader->last.sequence;
}

/* The last era goes on as it is: the same members, who all have the same. */
static bool unchanged(const struct meeting *m)
{
    size_t members = 0;
    for (size_t i = 0; i < m->count; i++) {
        const struct dpl_peer *p = &m->peers[i];
        if (!admitted(m, p))
            continue;
        if (!equal_to(p, m->leader) || p->pending || p->tentative || p->moved ||
            strcmp(p->era_id, m->leader->era_id) != 0 || !has(m->leader->members, p->name))
            return false;
        members++;
    }
    return members == dpl_doc_count(m->leader->members);
}

static void make_era(struct dpl_group *g, const struct meeting *m, const struct dpl_peer *maker)
{
    bool copy = false;
    for (size_t i = 0; i < m->count; i++)
        if (admitted(m, &m->peers[i]) && (!m->leader || !equal_to(&m->peers[i], m->leader)))
            copy = true;
    dpl_group_note(g, DPL_GROUP_MEETING, "the nodes begin a new era");
    if (maker->id != g->id)
        return;
    g_auto(GStrv) names = member_names(m);
    dpl_group_form(g, m->number + 1, (const char *const *)names, copy);
}

/* Nobody holds a store. */
static void begin(struct dpl_group *g, const struct meeting *m)
{
    for (size_t i = 0; i < m->count; i++)
        if (m->peers[i].yields) {
            dpl_group_note(g, DPL_GROUP_CONFLICT, "no node is there whose store could be joined");
            return;
        }
    if (check_missing(g, m, m->peers[0].nodes))
        make_era(g, m, &m->peers[0]);
}

void dpl_group_decide(struct dpl_group *g)
{
    struct meeting m = {0};
    bool any;
    if (!read_all(g, &m))
        return;
    find_eras(&m);
    const char *store = choose_store(&m, true, &any);
    if (!any)
        store = choose_store(&m, false, &any);
    if (!any) {
        begin(g, &m);
        return;
    }
    if (!store) {
        dpl_group_note(g, DPL_GROUP_CONFLICT,
                       "the nodes have stores that began apart: look at each with doppel store "
                       "show and export, then, on the nodes whose documents shall be given up: "
                       "doppel store join");
        return;
    }
    if (!choose_leader(g, &m, store))
        return;
    const struct dpl_peer *own = by_name(&m, g->name);
    if (!own || !admitted(&m, own)) {
        dpl_group_note(g, DPL_GROUP_FOREIGN,
                       "this node has a store of its own, and the others another: to give up this "
                       "node's documents, which doppel store export saves: doppel store join");
        return;
    }
    if (!check_missing(g, &m, m.leader->members))
        return;
    if (unchanged(&m))
        dpl_group_ready(g);
    else
        make_era(g, &m, m.leader);
}
