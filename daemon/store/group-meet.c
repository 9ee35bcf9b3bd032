/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Meetings. After each change of membership the first member calls one ("meet"); every member tells
 * what it has ("state"); when all have, all decide the same (group-decide.c). Where an era has to
 * be made, the one who has most sends what others lack ("copy") and the era ("era"); each member
 * makes it durable and says so ("era-ack"); with the last of these it is ready.
 *
 * A meeting has a random name, so that what belongs to one before is known and passed over.
 */
#include "daemon/store/group-private.h"

#include <stdlib.h>
#include <string.h>

static void random_id(struct dpl_group *g, char id[DPL_GROUP_ID_SIZE])
{
    uint8_t bytes[(DPL_GROUP_ID_SIZE - 1) / 2];
    g->ops->random(g->self, bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++)
        g_snprintf(id + 2 * i, 3, "%02x", bytes[i]);
}

static void forget_meeting(struct dpl_group *g)
{
    g->round[0] = '\0';
    g->era_waits = false;
    g_hash_table_remove_all(g->told);
    g_hash_table_remove_all(g->acks);
    g_clear_pointer(&g->coming, dpl_table_free);
    dpl_group_drop_queue(g);
}

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

void dpl_group_meet(struct dpl_group *g)
{
    char round[DPL_GROUP_ID_SIZE];
    if (g->present_count == 0 || g->present[0] != g->id)
        return;
    random_id(g, round);
    struct dpl_doc *m = dpl_group_message_new("meet");
    dpl_doc_set_text(m, "round", round);
    dpl_group_send(g, m);
}

void dpl_group_members(struct dpl_group *g, const uint32_t *ids, size_t count)
{
    g->present_count = MIN(count, (size_t)DPL_GROUP_NODES_MAX);
    memcpy(g->present, ids, g->present_count * sizeof *ids);
    qsort(g->present, g->present_count, sizeof *ids, by_number);
    forget_meeting(g);
    for (size_t i = 0; i < g->present_count; i++) {
        const char *name = g_hash_table_lookup(g->names, GUINT_TO_POINTER(ids[i]));
        if (name)
            g_hash_table_remove(g->down, name);
    }
    if (g->state == DPL_GROUP_FAILED || g->state == DPL_GROUP_LEFT)
        return;
    if (count == 0) {
        dpl_group_note(g, DPL_GROUP_APART,
                       "this node is not connected with the others: look "
                       "whether corosync runs");
        return;
    }
    if (count > DPL_GROUP_NODES_MAX) {
        dpl_group_note(g, DPL_GROUP_CONFLICT, "%zu nodes are there, and %d are supported", count,
                       DPL_GROUP_NODES_MAX);
        return;
    }
    dpl_group_note(g, DPL_GROUP_MEETING, "the nodes tell each other what they have");
    dpl_group_meet(g);
}

static void add_set(struct dpl_doc *doc, const char *key, GHashTable *set)
{
    struct dpl_doc *list = dpl_doc_set_list(doc, key);
    GHashTableIter iter;
    gpointer name;
    g_hash_table_iter_init(&iter, set);
    while (g_hash_table_iter_next(&iter, &name, NULL))
        dpl_doc_add_text(list, name);
}

static struct dpl_doc *state_message(struct dpl_group *g)
{
    const struct dpl_pending *p = g->pending;
    struct dpl_store_version last = p ? p->item.version : g->last;
    g_autofree char *digest = dpl_table_digest(g->table, p ? &p->item : NULL);
    struct dpl_doc *m = dpl_group_message_new("state");
    dpl_doc_set_text(m, "round", g->round);
    dpl_doc_set_int(m, "format", DPL_GROUP_FORMAT);
    dpl_doc_set_text(m, "name", g->name);
    dpl_era_write(&g->era, m);
    dpl_doc_set_int(m, "last_era", (int64_t)last.era);
    dpl_doc_set_int(m, "last_sequence", (int64_t)last.sequence);
    dpl_doc_set_text(m, "digest", digest);
    dpl_doc_set_bool(m, "pending", p != NULL);
    dpl_doc_set_bool(m, "warm", g->warm);
    dpl_doc_set_bool(m, "yields", g->yields);
    add_set(m, "down", g->down);
    add_set(m, "confirmed", g->confirmed);
    dpl_names_write(m, "nodes", g->nodes);
    return m;
}

void dpl_group_on_meet(struct dpl_group *g, uint32_t from, const struct dpl_doc *m)
{
    const char *round = dpl_doc_text(m, "round");
    if (!round || strlen(round) != DPL_GROUP_ID_SIZE - 1 || from != g->present[0])
        return;
    forget_meeting(g);
    g_strlcpy(g->round, round, sizeof g->round);
    if (g->state != DPL_GROUP_WAITING) /* which is not over with a meeting of the same nodes */
        dpl_group_note(g, DPL_GROUP_MEETING, "the nodes tell each other what they have");
    dpl_group_send(g, state_message(g));
}

static bool is_of_round(const struct dpl_group *g, const struct dpl_doc *m)
{
    return g->round[0] && g_strcmp0(dpl_doc_text(m, "round"), g->round) == 0;
}

void dpl_group_on_state(struct dpl_group *g, uint32_t from, const struct dpl_doc *m)
{
    const char *name = dpl_doc_text(m, "name");
    if (!is_of_round(g, m))
        return;
    if (name && name[0] && strlen(name) <= DPL_GROUP_NAME_MAX) {
        g_hash_table_replace(g->names, GUINT_TO_POINTER(from), g_strdup(name));
        g_hash_table_remove(g->down, name);
    }
    g_hash_table_replace(g->told, GUINT_TO_POINTER(from), dpl_doc_copy(m));
    if (g_hash_table_size(g->told) == g->present_count && !g->era_waits)
        dpl_group_decide(g);
}

/* What others lack, and the era. */

static void send_item(struct dpl_group *g, const struct dpl_store_item *item)
{
    struct dpl_doc *m = dpl_item_doc(item);
    dpl_doc_set_text(m, "message", "copy");
    dpl_doc_set_text(m, "round", g->round);
    dpl_group_send(g, m);
}

static void send_copy(struct dpl_group *g)
{
    const struct dpl_pending *p = g->pending;
    struct dpl_doc *m = dpl_group_message_new("copy");
    dpl_doc_set_text(m, "round", g->round);
    dpl_doc_set_bool(m, "begin", true);
    dpl_group_send(g, m);
    for (size_t i = 0; i < dpl_table_count(g->table); i++) {
        struct dpl_store_item item = dpl_table_at(g->table, i);
        bool replaced =
            p && strcmp(item.kind, p->item.kind) == 0 && strcmp(item.name, p->item.name) == 0;
        if (!replaced)
            send_item(g, &item);
    }
    if (p && p->item.doc)
        send_item(g, &p->item);
}

static GPtrArray *longer_history(const struct dpl_era *era, struct dpl_store_version last)
{
    GPtrArray *history = g_ptr_array_new_with_free_func(g_free);
    guint have = era->history ? era->history->len - 1 : 0;
    for (guint i = have >= DPL_GROUP_HISTORY ? have - DPL_GROUP_HISTORY + 1 : 0; i < have; i++)
        g_ptr_array_add(history, g_strdup(era->history->pdata[i]));
    if (era->number > 0)
        g_ptr_array_add(history, g_strdup_printf("%llu %s %llu", (unsigned long long)era->number,
                                                 era->id, (unsigned long long)last.sequence));
    g_ptr_array_add(history, NULL);
    return history;
}

void dpl_group_form(struct dpl_group *g, uint64_t number, const char *const *members, bool copy)
{
    const struct dpl_pending *p = g->pending;
    struct dpl_store_version last = p ? p->item.version : g->last;
    g_autofree char *digest = dpl_table_digest(g->table, p ? &p->item : NULL);
    struct dpl_era era = {.number = number, .tentative = true};
    era.members = g_ptr_array_new_with_free_func(g_free);
    for (; *members; members++)
        g_ptr_array_add(era.members, g_strdup(*members));
    g_ptr_array_add(era.members, NULL);
    era.history = longer_history(&g->era, last);
    random_id(g, era.id);
    if (g->era.number > 0)
        g_strlcpy(era.store, g->era.store, sizeof era.store);
    else
        random_id(g, era.store);
    struct dpl_doc *m = dpl_group_message_new("era");
    dpl_doc_set_text(m, "round", g->round);
    dpl_era_write(&era, m);
    dpl_doc_set_int(m, "last_era", (int64_t)last.era);
    dpl_doc_set_int(m, "last_sequence", (int64_t)last.sequence);
    dpl_doc_set_text(m, "digest", digest);
    dpl_era_clear(&era);
    if (copy)
        send_copy(g);
    dpl_group_send(g, m);
}

void dpl_group_on_copy(struct dpl_group *g, uint32_t from, const struct dpl_doc *m)
{
    struct dpl_store_item item;
    (void)from;
    if (!is_of_round(g, m) || g->era_waits)
        return;
    if (dpl_doc_bool(m, "begin", false)) {
        dpl_table_free(g->coming);
        g->coming = dpl_table_new();
    } else if (g->coming && dpl_item_read(m, &item, NULL) == DPL_OK && item.doc) {
        dpl_table_put(g->coming, &item);
    }
}

/* Tells the owner what is another than before. */
static void tell_changes(struct dpl_group *g, const struct dpl_table *before)
{
    struct dpl_store_item old, new;
    for (size_t i = 0; i < dpl_table_count(before); i++) {
        old = dpl_table_at(before, i);
        if (dpl_table_find(g->table, old.kind, old.name, &new))
            continue;
        old.doc = NULL;
        old.digest = "";
        g->ops->changed(g->self, &old);
    }
    for (size_t i = 0; i < dpl_table_count(g->table); i++) {
        new = dpl_table_at(g->table, i);
        if (dpl_table_find(before, new.kind, new.name, &old) &&
            strcmp(old.digest, new.digest) == 0 && old.version.era == new.version.era &&
            old.version.sequence == new.version.sequence)
            continue;
        g->ops->changed(g->self, &new);
    }
}

/* What was pending here and is not in what the others have was not made. */
static void drop_pending(struct dpl_group *g)
{
    struct dpl_pending *p = g_steal_pointer(&g->pending);
    struct dpl_store_item item;
    struct dpl_err err = {0};
    if (!p)
        return;
    bool made = dpl_table_find(g->table, p->item.kind, p->item.name, &item) &&
                strcmp(item.digest, p->item.digest) == 0 &&
                item.version.sequence == p->item.version.sequence &&
                item.version.era == p->item.version.era;
    if (g_strcmp0(p->origin, g->name) == 0) {
        if (!made)
            dpl_err_set(&err, DPL_E_BUSY,
                        "%s \"%s\" was not changed: the members of the cluster "
                        "changed at that moment; try again",
                        p->item.kind, p->item.name);
        dpl_group_end(g, p->serial, err.code, p->item.version, &err);
    }
    dpl_group_pending_free(p);
}

/* This node's documents become those that came. */
static int take_copy(struct dpl_group *g, struct dpl_store_version last)
{
    struct dpl_table *before = g->table;
    struct dpl_pending *pending = g->pending;
    g->table = g_steal_pointer(&g->coming);
    g->last = last;
    g->pending = NULL;
    int rc = dpl_group_save_all(g);
    g->pending = pending;
    if (rc == DPL_OK) {
        tell_changes(g, before);
        drop_pending(g);
    }
    dpl_table_free(before);
    return rc;
}

/* What this node has is what the others have: it is committed. */
static int keep_own(struct dpl_group *g)
{
    if (g->pending) {
        dpl_group_commit(g);
        if (dpl_group_save(g, dpl_group_mark("commit"), false) < 0)
            return DPL_E_IO;
    }
    return dpl_group_save(g, dpl_group_state_record(g), true);
}

static bool has_the_same(const struct dpl_group *g, const struct dpl_doc *m)
{
    const struct dpl_pending *p = g->pending;
    struct dpl_store_version last = p ? p->item.version : g->last;
    g_autofree char *digest = dpl_table_digest(g->table, p ? &p->item : NULL);
    return g->era.number > 0 && !g->yields &&
           g_strcmp0(dpl_doc_text(m, "store"), g->era.store) == 0 &&
           g_strcmp0(dpl_doc_text(m, "digest"), digest) == 0 &&
           (uint64_t)dpl_doc_int(m, "last_era", -1) == last.era &&
           (uint64_t)dpl_doc_int(m, "last_sequence", -1) == last.sequence;
}

static bool copy_is_whole(const struct dpl_group *g, const struct dpl_doc *m)
{
    g_autofree char *digest = g->coming ? dpl_table_digest(g->coming, NULL) : NULL;
    return digest && g_strcmp0(digest, dpl_doc_text(m, "digest")) == 0;
}

/* What this node was in until now: it is of use until all members of the new era are known to have
 * taken that. One that gave up its store has none. */
static struct dpl_doc *before_of(const struct dpl_group *g)
{
    struct dpl_doc *list = dpl_doc_new_list(), *row = dpl_doc_add_tree(list);
    dpl_doc_set_int(row, "number", g->yields ? 0 : (int64_t)g->era.number);
    dpl_doc_set_text(row, "id", g->era.id);
    dpl_names_write(row, "members", g->era.members);
    const struct dpl_doc *older = g->era.tentative && !g->yields ? g->era.before : NULL;
    size_t count = dpl_doc_count(older);
    for (size_t i = 0; i < count; i++)
        if (i + 1 == count || i < DPL_GROUP_HISTORY) /* the oldest is the one that surely was */
            dpl_doc_add(list, dpl_doc_copy(dpl_doc_at(older, i)));
    return list;
}

void dpl_group_on_era(struct dpl_group *g, uint32_t from, const struct dpl_doc *m)
{
    struct dpl_era era = {0};
    struct dpl_err err = {0};
    (void)from;
    if (!is_of_round(g, m) || g->era_waits || dpl_era_read(m, &era, NULL) < 0)
        return;
    bool same = has_the_same(g, m);
    struct dpl_store_version last = {(uint64_t)dpl_doc_int(m, "last_era", 0),
                                     (uint64_t)dpl_doc_int(m, "last_sequence", 0)};
    if (!dpl_names_have(era.members, g->name)) {
        dpl_era_clear(&era);
        return;
    }
    if (!same && !copy_is_whole(g, m)) {
        dpl_era_clear(&era);
        dpl_err_set(&err, DPL_E_CORRUPT, "what the others sent did not come whole");
        dpl_group_fail(g, &err);
        return;
    }
    g_clear_pointer(&era.before, dpl_doc_free);
    era.before = before_of(g);
    dpl_era_clear(&g->era);
    g->era = era;
    g->yields = false;
    g->warm = false;
    int rc = same ? keep_own(g) : take_copy(g, last);
    if (rc < 0)
        return;
    g->era_waits = true;
    g_hash_table_remove_all(g->acks);
    struct dpl_doc *ack = dpl_group_message_new("era-ack");
    dpl_doc_set_text(ack, "round", g->round);
    dpl_group_send(g, ack);
}

void dpl_group_on_era_ack(struct dpl_group *g, uint32_t from, const struct dpl_doc *m)
{
    if (!is_of_round(g, m) || !g->era_waits ||
        !dpl_names_have(g->era.members, g_hash_table_lookup(g->names, GUINT_TO_POINTER(from))))
        return;
    g_hash_table_add(g->acks, GUINT_TO_POINTER(from));
    if (g_hash_table_size(g->acks) + 1 < g->era.members->len)
        return;
    g->era.tentative = false;
    g_clear_pointer(&g->era.before, dpl_doc_free);
    if (dpl_group_save(g, dpl_group_mark("confirm"), false) == DPL_OK)
        dpl_group_ready(g);
}

void dpl_group_ready(struct dpl_group *g)
{
    forget_meeting(g);
    g->warm = true;
    g_hash_table_remove_all(g->down);
    g_hash_table_remove_all(g->confirmed);
    dpl_group_note(g, DPL_GROUP_READY, "%s", "");
    dpl_group_propose_again(g);
}

/* What others say. */

static bool is_missing(const struct dpl_group *g, const char *name)
{
    return dpl_names_have(g->missing, name);
}

static void send_down(struct dpl_group *g, const char *name, bool person)
{
    struct dpl_doc *m = dpl_group_message_new("down");
    dpl_doc_set_text(m, "name", name);
    dpl_doc_set_text(m, "id", g->era.id);
    dpl_doc_set_bool(m, "person", person);
    dpl_group_send(g, m);
}

bool dpl_group_fenced(struct dpl_group *g, const char *name)
{
    if (!g->warm || g->state != DPL_GROUP_WAITING || !is_missing(g, name) ||
        !dpl_names_have(g->era.members, name))
        return false;
    send_down(g, name, false);
    return true;
}

int dpl_group_confirm_down(struct dpl_group *g, const char *name, struct dpl_err *err)
{
    if (dpl_group_present(g, name))
        return dpl_err_set(err, DPL_E_REFUSED, "node \"%s\" is there", name);
    if (g->state != DPL_GROUP_WAITING || !is_missing(g, name))
        return dpl_err_set(err, DPL_E_NOT_FOUND, "nobody waits for a node \"%s\"%s%s", name,
                           g->why[0] ? ": " : "", g->why);
    send_down(g, name, true);
    return DPL_OK;
}

int dpl_group_join(struct dpl_group *g, struct dpl_err *err)
{
    if (g->state != DPL_GROUP_CONFLICT && g->state != DPL_GROUP_FOREIGN)
        return dpl_err_set(err, DPL_E_REFUSED, "this node's store %s",
                           g->state == DPL_GROUP_READY ? "is that of its cluster"
                                                       : "is in no conflict with another");
    g->yields = true;
    g->warm = false;
    struct dpl_doc *m = dpl_group_message_new("again");
    dpl_group_send(g, m);
    return DPL_OK;
}
