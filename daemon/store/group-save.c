/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The group in its book. Records are documents with "record":
 *
 *   state    store, number, id, tentative, members, history, before, last_era, last_sequence
 *   change   an item (table.h), origin, serial, committed: whether it was so at once
 *   commit   the change before it is committed
 *   confirm  the era is not tentative any more
 *
 * Of the last two nothing is lost with them: what they say is found out anew in a meeting.
 */
#include "daemon/store/group-private.h"

#include <string.h>

#define NAMES_MAX 256

void dpl_era_clear(struct dpl_era *era)
{
    g_clear_pointer(&era->members, g_ptr_array_unref);
    g_clear_pointer(&era->history, g_ptr_array_unref);
    dpl_doc_free(era->before);
    *era = (struct dpl_era){0};
}

GPtrArray *dpl_names_read(const struct dpl_doc *list)
{
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
    for (size_t i = 0; i < dpl_doc_count(list) && i < NAMES_MAX; i++) {
        const char *name = dpl_doc_as_text(dpl_doc_at(list, i));
        if (name && name[0])
            g_ptr_array_add(names, g_strdup(name));
    }
    g_ptr_array_add(names, NULL);
    return names;
}

void dpl_names_write(struct dpl_doc *doc, const char *key, const GPtrArray *names)
{
    struct dpl_doc *list = dpl_doc_set_list(doc, key);
    for (guint i = 0; names && i < names->len; i++)
        if (names->pdata[i])
            dpl_doc_add_text(list, names->pdata[i]);
}

bool dpl_names_have(const GPtrArray *names, const char *name)
{
    for (guint i = 0; names && i < names->len; i++)
        if (g_strcmp0(names->pdata[i], name) == 0)
            return name != NULL;
    return false;
}

static bool id_ok(const char *id)
{
    return id && strlen(id) == DPL_GROUP_ID_SIZE - 1 &&
           strspn(id, "0123456789abcdef") == DPL_GROUP_ID_SIZE - 1;
}

int dpl_era_read(const struct dpl_doc *doc, struct dpl_era *era_r, struct dpl_err *err)
{
    int64_t number = dpl_doc_int(doc, "number", 0);
    const char *id = dpl_doc_text(doc, "id"), *store = dpl_doc_text(doc, "store");
    size_t count = dpl_doc_count(dpl_doc_list(doc, "members"));
    if (number <= 0 || !id_ok(id) || !id_ok(store) || count == 0 || count > DPL_GROUP_NODES_MAX)
        return dpl_err_set(err, DPL_E_CORRUPT, "an era that is none");
    *era_r = (struct dpl_era){.number = (uint64_t)number,
                              .tentative = dpl_doc_bool(doc, "tentative", false),
                              .members = dpl_names_read(dpl_doc_list(doc, "members")),
                              .history = dpl_names_read(dpl_doc_list(doc, "history"))};
    if (dpl_doc_list(doc, "before"))
        era_r->before = dpl_doc_copy(dpl_doc_list(doc, "before"));
    g_strlcpy(era_r->id, id, sizeof era_r->id);
    g_strlcpy(era_r->store, store, sizeof era_r->store);
    return DPL_OK;
}

void dpl_era_write(const struct dpl_era *era, struct dpl_doc *doc)
{
    dpl_doc_set_int(doc, "number", (int64_t)era->number);
    dpl_doc_set_text(doc, "id", era->id);
    dpl_doc_set_text(doc, "store", era->store);
    dpl_doc_set_bool(doc, "tentative", era->tentative);
    dpl_names_write(doc, "members", era->members);
    dpl_names_write(doc, "history", era->history);
    if (era->before)
        dpl_doc_set(doc, "before", dpl_doc_copy(era->before));
}

struct dpl_doc *dpl_group_mark(const char *what)
{
    struct dpl_doc *doc = dpl_doc_new();
    dpl_doc_set_text(doc, "record", what);
    return doc;
}

struct dpl_doc *dpl_group_state_record(const struct dpl_group *g)
{
    struct dpl_doc *doc = dpl_group_mark("state");
    dpl_era_write(&g->era, doc);
    dpl_doc_set_int(doc, "last_era", (int64_t)g->last.era);
    dpl_doc_set_int(doc, "last_sequence", (int64_t)g->last.sequence);
    return doc;
}

int dpl_group_save_all(struct dpl_group *g)
{
    g_autoptr(GPtrArray) all = g_ptr_array_new_with_free_func((GDestroyNotify)dpl_doc_free);
    struct dpl_err err = {0};
    g_ptr_array_add(all, dpl_group_state_record(g));
    for (size_t i = 0; i < dpl_table_count(g->table); i++) {
        struct dpl_store_item item = dpl_table_at(g->table, i);
        struct dpl_doc *doc = dpl_item_doc(&item);
        dpl_doc_set_text(doc, "record", "change");
        dpl_doc_set_bool(doc, "committed", true);
        g_ptr_array_add(all, doc);
    }
    if (g->pending)
        g_ptr_array_add(all, dpl_doc_copy(g->pending->record));
    int rc = g->ops->replace(g->self, (struct dpl_doc *const *)all->pdata, all->len, &err);
    if (rc < 0)
        dpl_group_fail(g, &err);
    return rc;
}

int dpl_group_save(struct dpl_group *g, struct dpl_doc *record, bool sync)
{
    g_autoptr(dpl_doc_auto) doc = record;
    struct dpl_err err = {0};
    int rc = g->ops->append(g->self, doc, sync, &err);
    if (rc == DPL_E_NO_SPACE) /* memory has what the record says */
        return dpl_group_save_all(g);
    if (rc < 0)
        dpl_group_fail(g, &err);
    return rc;
}

static int load_state(struct dpl_group *g, const struct dpl_doc *record, struct dpl_err *err)
{
    struct dpl_era era;
    int64_t last_era = dpl_doc_int(record, "last_era", -1);
    int64_t sequence = dpl_doc_int(record, "last_sequence", -1);
    int rc = last_era < 0 || sequence < 0
                 ? dpl_err_set(err, DPL_E_CORRUPT, "a state without its last change")
                 : dpl_era_read(record, &era, err);
    if (rc < 0)
        return rc;
    dpl_era_clear(&g->era);
    g->era = era;
    g->last = (struct dpl_store_version){(uint64_t)last_era, (uint64_t)sequence};
    return DPL_OK;
}

static int load_change(struct dpl_group *g, const struct dpl_doc *record, struct dpl_err *err)
{
    struct dpl_pending *p = g_new0(struct dpl_pending, 1);
    p->record = dpl_doc_copy(record);
    int rc = dpl_item_read(p->record, &p->item, err);
    if (rc < 0) {
        dpl_group_pending_free(p);
        return rc;
    }
    p->origin = dpl_doc_text(p->record, "origin");
    p->serial = (uint64_t)dpl_doc_int(p->record, "serial", 0);
    g_clear_pointer(&g->pending, dpl_group_pending_free);
    g->pending = p;
    if (dpl_doc_bool(record, "committed", false))
        dpl_group_commit(g);
    return DPL_OK;
}

int dpl_group_load(struct dpl_group *g, const struct dpl_doc *record, struct dpl_err *err)
{
    const char *what = dpl_doc_text(record, "record");
    if (g_strcmp0(what, "state") == 0)
        return load_state(g, record, err);
    if (g_strcmp0(what, "change") == 0)
        return load_change(g, record, err);
    if (g_strcmp0(what, "commit") == 0) {
        if (g->pending)
            dpl_group_commit(g);
        return DPL_OK;
    }
    if (g_strcmp0(what, "confirm") == 0) {
        g->era.tentative = false;
        g_clear_pointer(&g->era.before, dpl_doc_free);
        return DPL_OK;
    }
    return dpl_err_set(err, DPL_E_CORRUPT, "a record \"%s\", which is not known", what ? what : "");
}

int dpl_group_import(struct dpl_group *g, struct dpl_table *table, struct dpl_err *err)
{
    uint8_t bytes[DPL_GROUP_ID_SIZE - 1];
    g_assert(g->era.number == 0 && dpl_table_count(g->table) == 0);
    dpl_table_free(g->table);
    g->table = table;
    for (size_t i = 0; i < dpl_table_count(table); i++) {
        struct dpl_store_version version = dpl_table_at(table, i).version;
        if (dpl_version_later(version, g->last))
            g->last = version;
    }
    g->ops->random(g->self, bytes, sizeof bytes);
    for (size_t i = 0; i < sizeof bytes / 2; i++) {
        g_snprintf(g->era.id + 2 * i, 3, "%02x", bytes[i]);
        g_snprintf(g->era.store + 2 * i, 3, "%02x", bytes[i + sizeof bytes / 2]);
    }
    g->era.number = g->last.era > 0 ? g->last.era : 1;
    g->era.members = g_ptr_array_new_with_free_func(g_free);
    g_ptr_array_add(g->era.members, g_strdup(g->name));
    g_ptr_array_add(g->era.members, NULL);
    g->era.history = dpl_names_read(NULL);
    return dpl_group_save_all(g) == DPL_OK ? DPL_OK : dpl_err_set(err, DPL_E_IO, "%s", g->why);
}
