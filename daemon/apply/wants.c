/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/apply/wants.h"

static void bytes_free(gpointer data)
{
    g_bytes_unref(data);
}

void dpl_wants_init(struct dpl_wants *wants)
{
    wants->by_id = g_hash_table_new_full(g_bytes_hash, g_bytes_equal, bytes_free, g_free);
    wants->changed = g_hash_table_new_full(g_bytes_hash, g_bytes_equal, bytes_free, NULL);
}

void dpl_wants_done(struct dpl_wants *wants)
{
    g_clear_pointer(&wants->by_id, g_hash_table_destroy);
    g_clear_pointer(&wants->changed, g_hash_table_destroy);
}

static void change(struct dpl_wants *wants, GBytes *id)
{
    g_hash_table_add(wants->changed, g_bytes_ref(id));
}

bool dpl_wants_add(struct dpl_wants *wants, struct dpl_view id, uint32_t reason,
                   struct dpl_position position)
{
    g_autoptr(GBytes) everything = g_bytes_new_static("", 0);
    if (dpl_wants_count(wants) >= DPL_WANTS_MAX) {
        dpl_wants_clear(wants);
        id = (struct dpl_view){(const uint8_t *)"", 0};
    }
    g_autoptr(GBytes) key = g_bytes_new(id.data, id.size);
    if (g_hash_table_contains(wants->by_id, everything) || g_hash_table_contains(wants->by_id, key))
        return false;
    if (id.size == 0)
        dpl_wants_clear(wants);
    struct dpl_wanted *wanted = g_new(struct dpl_wanted, 1);
    *wanted = (struct dpl_wanted){.reason = reason, .position = position};
    g_hash_table_insert(wants->by_id, g_bytes_ref(key), wanted);
    change(wants, key);
    return true;
}

bool dpl_wants_has(const struct dpl_wants *wants, struct dpl_view id)
{
    g_autoptr(GBytes) key = g_bytes_new_static(id.data, id.size);
    return g_hash_table_contains(wants->by_id, key);
}

void dpl_wants_remove(struct dpl_wants *wants, struct dpl_view id)
{
    if (dpl_wants_count(wants) == 0)
        return;
    g_autoptr(GBytes) key = g_bytes_new(id.data, id.size);
    if (g_hash_table_remove(wants->by_id, key))
        change(wants, key);
}

void dpl_wants_clear(struct dpl_wants *wants)
{
    GHashTableIter iter;
    gpointer key;
    g_hash_table_iter_init(&iter, wants->by_id);
    while (g_hash_table_iter_next(&iter, &key, NULL))
        change(wants, key);
    g_hash_table_remove_all(wants->by_id);
}

void dpl_wants_saved(struct dpl_wants *wants)
{
    g_hash_table_remove_all(wants->changed);
}

uint32_t dpl_wants_first(const struct dpl_wants *wants, struct dpl_view *id)
{
    GHashTableIter iter;
    gpointer key, value;
    gsize size;
    g_hash_table_iter_init(&iter, wants->by_id);
    if (!g_hash_table_iter_next(&iter, &key, &value))
        return 0;
    const void *data = g_bytes_get_data(key, &size);
    *id = (struct dpl_view){data, size};
    return ((const struct dpl_wanted *)value)->reason;
}
