/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What is hot: an open hash table without removals. Each place carries a stamp; those whose stamp
 * is not the table's are empty, so all are emptied by one store. One thread inserts at a time; any
 * number look up meanwhile, without a lock.
 */
#include "lib/dirty/log-private.h"

#include <string.h>

static uint32_t hash_of(const struct dpl_dirty_key *key)
{
    uint64_t hash = key->extent + UINT64_C(0x9e3779b97f4a7c15);
    uint64_t part;
    for (size_t i = 0; i < sizeof key->id; i += sizeof part) {
        size_t left = sizeof key->id - i;
        part = 0;
        memcpy(&part, key->id + i, left < sizeof part ? left : sizeof part);
        hash = (hash ^ part) * UINT64_C(0xff51afd7ed558ccd);
        hash ^= hash >> 32;
    }
    return (uint32_t)hash % DPL_DIRTY_HOT;
}

/* The key may be overwritten while it is compared: only then the stamp has changed too. */
bool dpl_dirty_hot_find(const struct dpl_dirty_shared *shared, const struct dpl_dirty_key *key)
{
    uint64_t stamp = atomic_load(&shared->hot_stamp);
    for (uint32_t at = hash_of(key);; at = (at + 1) % DPL_DIRTY_HOT) {
        const struct dpl_dirty_hot *hot = &shared->hot[at];
        if (atomic_load(&hot->stamp) != stamp)
            return false;
        bool same = memcmp(&hot->key, key, sizeof *key) == 0;
        atomic_thread_fence(memory_order_acquire);
        if (same)
            return atomic_load(&hot->stamp) == stamp;
    }
}

void dpl_dirty_hot_insert(struct dpl_dirty_shared *shared, const struct dpl_dirty_key *key)
{
    uint64_t stamp = atomic_load(&shared->hot_stamp);
    if (atomic_load(&shared->hot_used) >= DPL_DIRTY_HOT / 4 * 3)
        return; /* it is logged again each time */
    for (uint32_t at = hash_of(key);; at = (at + 1) % DPL_DIRTY_HOT) {
        struct dpl_dirty_hot *hot = &shared->hot[at];
        if (atomic_load(&hot->stamp) != stamp) {
            atomic_store(&hot->stamp, 0);
            atomic_thread_fence(memory_order_seq_cst);
            hot->key = *key;
            atomic_fetch_add(&shared->hot_used, 1);
            if (key->extent == DPL_DIRTY_WHOLE)
                atomic_fetch_add(&shared->hot_objects, 1);
            atomic_store(&hot->stamp, stamp);
            return;
        }
        if (memcmp(&hot->key, key, sizeof *key) == 0)
            return;
    }
}

void dpl_dirty_hot_clear(struct dpl_dirty_shared *shared)
{
    atomic_fetch_add(&shared->hot_stamp, 1);
    atomic_store(&shared->hot_used, 0);
    atomic_store(&shared->hot_objects, 0);
}

bool dpl_dirty_hot(const struct dpl_dirty *log, const struct dpl_dirty_key *key)
{
    const struct dpl_dirty_shared *shared = log->shared;
    struct dpl_dirty_key whole;
    if (dpl_dirty_hot_find(shared, key))
        return true;
    if (atomic_load(&shared->hot_objects) == 0 || key->extent == DPL_DIRTY_WHOLE)
        return false;
    whole = *key;
    whole.extent = DPL_DIRTY_WHOLE;
    return dpl_dirty_hot_find(shared, &whole);
}
