/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/store/table.h"

#include "lib/base/path.h"

#include <string.h>

struct entry {
    char *kind, *name, *digest;
    struct dpl_store_version version;
    struct dpl_doc *doc;
    size_t bytes; /* encoded */
};

struct dpl_table {
    GPtrArray *entries; /* in the order of kind and name */
    size_t bytes;
};

static void entry_free(gpointer data)
{
    struct entry *e = data;
    g_free(e->kind);
    g_free(e->name);
    g_free(e->digest);
    dpl_doc_free(e->doc);
    g_free(e);
}

static int compare(const struct entry *e, const char *kind, const char *name)
{
    int by_kind = strcmp(e->kind, kind);
    return by_kind ? by_kind : strcmp(e->name, name);
}

/* The index of the entry, or where it would stand. */
static guint place(const struct dpl_table *table, const char *kind, const char *name)
{
    guint low = 0, high = table->entries->len;
    while (low < high) {
        guint middle = low + (high - low) / 2;
        if (compare(table->entries->pdata[middle], kind, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct dpl_store_item item_of(const struct entry *e)
{
    return (struct dpl_store_item){e->kind, e->name, e->version, e->digest, e->doc};
}

struct dpl_table *dpl_table_new(void)
{
    struct dpl_table *table = g_new0(struct dpl_table, 1);
    table->entries = g_ptr_array_new_with_free_func(entry_free);
    return table;
}

void dpl_table_free(struct dpl_table *table)
{
    if (!table)
        return;
    g_ptr_array_unref(table->entries);
    g_free(table);
}

size_t dpl_table_count(const struct dpl_table *table)
{
    return table->entries->len;
}

size_t dpl_table_bytes(const struct dpl_table *table)
{
    return table->bytes;
}

struct dpl_store_item dpl_table_at(const struct dpl_table *table, size_t index)
{
    g_assert(index < table->entries->len);
    return item_of(table->entries->pdata[index]);
}

bool dpl_table_find(const struct dpl_table *table, const char *kind, const char *name,
                    struct dpl_store_item *item_r)
{
    guint at = place(table, kind, name);
    if (at == table->entries->len || compare(table->entries->pdata[at], kind, name) != 0)
        return false;
    *item_r = item_of(table->entries->pdata[at]);
    return true;
}

char **dpl_table_list(const struct dpl_table *table, const char *kind)
{
    GPtrArray *names = g_ptr_array_new();
    for (guint i = place(table, kind, ""); i < table->entries->len; i++) {
        const struct entry *e = table->entries->pdata[i];
        if (strcmp(e->kind, kind) != 0)
            break;
        g_ptr_array_add(names, g_strdup(e->name));
    }
    g_ptr_array_add(names, NULL);
    return (char **)g_ptr_array_free(names, FALSE);
}

static size_t size_of(const struct dpl_doc *doc)
{
    g_autofree uint8_t *data = NULL;
    size_t size = 0;
    return dpl_doc_encode(doc, &data, &size, NULL) < 0 ? 0 : size;
}

void dpl_table_put(struct dpl_table *table, const struct dpl_store_item *item)
{
    guint at = place(table, item->kind, item->name);
    bool there =
        at < table->entries->len && compare(table->entries->pdata[at], item->kind, item->name) == 0;
    struct entry *e = NULL;
    if (item->doc) {
        e = g_new(struct entry, 1);
        *e = (struct entry){g_strdup(item->kind),           g_strdup(item->name),
                            dpl_table_digest_of(item->doc), item->version,
                            dpl_doc_copy(item->doc),        size_of(item->doc)};
        table->bytes += e->bytes;
    }
    if (there) {
        table->bytes -= ((struct entry *)table->entries->pdata[at])->bytes;
        g_ptr_array_remove_index(table->entries, at);
    }
    if (e)
        g_ptr_array_insert(table->entries, (int)at, e);
}

int dpl_table_check(const struct dpl_table *table, const char *kind, const char *name,
                    const struct dpl_store_version *expected, bool deletes, struct dpl_err *err)
{
    struct dpl_store_item item;
    if (!dpl_path_name_ok(kind) || kind[0] == '.' || !dpl_path_name_ok(name) || name[0] == '.')
        return dpl_err_set(err, DPL_E_PARAM, "\"%s\" is no name for a %s", name, kind);
    bool there = dpl_table_find(table, kind, name, &item);
    if (!there && deletes)
        return dpl_err_set(err, DPL_E_NOT_FOUND, "there is no %s \"%s\"", kind, name);
    if (!expected)
        return DPL_OK;
    if (expected->sequence == 0)
        return there ? dpl_err_set(err, DPL_E_EXISTS, "%s \"%s\" exists already", kind, name)
                     : DPL_OK;
    if (!there)
        return dpl_err_set(err, DPL_E_NOT_FOUND, "there is no %s \"%s\" any more", kind, name);
    if (item.version.era != expected->era || item.version.sequence != expected->sequence)
        return dpl_err_set(err, DPL_E_BUSY, "%s \"%s\" was changed by somebody else meanwhile",
                           kind, name);
    return DPL_OK;
}

char *dpl_table_digest_of(const struct dpl_doc *doc)
{
    g_autofree uint8_t *data = NULL;
    size_t size;
    if (!doc || dpl_doc_encode(doc, &data, &size, NULL) < 0)
        return g_strdup("");
    return g_compute_checksum_for_data(G_CHECKSUM_SHA256, data, size);
}

static void add(GChecksum *sum, const struct dpl_store_item *item)
{
    g_autofree char *line = g_strdup_printf(
        "%s/%s %llu.%llu %s\n", item->kind, item->name, (unsigned long long)item->version.era,
        (unsigned long long)item->version.sequence, item->digest);
    g_checksum_update(sum, (const guchar *)line, -1);
}

char *dpl_table_digest(const struct dpl_table *table, const struct dpl_store_item *also)
{
    g_autoptr(GChecksum) sum = g_checksum_new(G_CHECKSUM_SHA256);
    guint at = also ? place(table, also->kind, also->name) : UINT_MAX;
    for (guint i = 0; i < table->entries->len || i == at; i++) {
        const struct entry *e = i < table->entries->len ? table->entries->pdata[i] : NULL;
        bool replaced = i == at && e && compare(e, also->kind, also->name) == 0;
        if (i == at && also->doc)
            add(sum, also);
        if (!e)
            break;
        struct dpl_store_item item = item_of(e);
        if (!replaced)
            add(sum, &item);
    }
    return g_strdup(g_checksum_get_string(sum));
}

struct dpl_doc *dpl_item_doc(const struct dpl_store_item *item)
{
    struct dpl_doc *doc = dpl_doc_new();
    dpl_doc_set_text(doc, "kind", item->kind);
    dpl_doc_set_text(doc, "name", item->name);
    dpl_doc_set_int(doc, "era", (int64_t)item->version.era);
    dpl_doc_set_int(doc, "sequence", (int64_t)item->version.sequence);
    dpl_doc_set_text(doc, "digest", item->digest ? item->digest : "");
    if (item->doc)
        dpl_doc_set(doc, "document", dpl_doc_copy(item->doc));
    return doc;
}

int dpl_item_read(const struct dpl_doc *doc, struct dpl_store_item *item_r, struct dpl_err *err)
{
    struct dpl_store_item item = {
        .kind = dpl_doc_text(doc, "kind"),
        .name = dpl_doc_text(doc, "name"),
        .version = {(uint64_t)dpl_doc_int(doc, "era", 0),
                    (uint64_t)dpl_doc_int(doc, "sequence", 0)},
        .digest = dpl_doc_text(doc, "digest"),
        .doc = dpl_doc_get(doc, "document"),
    };
    if (!item.kind || !item.name || !dpl_path_name_ok(item.kind) || !dpl_path_name_ok(item.name))
        return dpl_err_set(err, DPL_E_CORRUPT, "a document without a kind and a name");
    if (item.version.era == 0 || item.version.sequence == 0 || item.version.era > INT64_MAX ||
        item.version.sequence > INT64_MAX)
        return dpl_err_set(err, DPL_E_CORRUPT, "%s \"%s\" has no version", item.kind, item.name);
    g_autofree char *digest = dpl_table_digest_of(item.doc);
    if (!item.digest || strcmp(item.digest, digest) != 0)
        return dpl_err_set(err, DPL_E_CORRUPT, "%s \"%s\" does not fit its digest", item.kind,
                           item.name);
    *item_r = item;
    return DPL_OK;
}
