/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Locks of objects: one per node, private to the worker, so that they vanish with it.
 *
 * An op takes all it needs at once, in the order of their indexes, and gives them back together.
 * The border lock stands above them: every change holds it shared, and what moves a directory
 * across the set's border holds it alone.
 */
#ifndef DPL_CAPTURE_LOCK_H
#define DPL_CAPTURE_LOCK_H

#include "lib/base/err.h"

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#define LOCK_MAX 4

struct lock_table {
    pthread_mutex_t *objects; /* by node index; zeroed memory is an open mutex */
    pthread_rwlock_t border;
};

struct lock_set {
    uint32_t count;
    uint32_t index[LOCK_MAX]; /* ascending, no two the same */
};

int lock_table_init(struct lock_table *table, struct dpl_err *err);
/* Takes these; zeros among them are skipped. */
void lock_take(struct lock_table *table, struct lock_set *set, const uint32_t *indexes,
               size_t count);
void lock_release(struct lock_table *table, struct lock_set *set);

#endif
