/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Locks of objects, see lock.h.
 */
#include "daemon/capture/lock.h"

#include "daemon/capture/shared.h"

#include <errno.h>
#include <string.h>

int lock_table_init(struct lock_table *table, struct dpl_err *err)
{
    void *at = memory_private(sizeof(pthread_mutex_t) * (size_t)SHARED_NODES);

    if (at == NULL)
        return dpl_err_sys(err, errno, "no memory for locks");
    table->objects = at;
    pthread_rwlock_init(&table->border, NULL);
    return 0;
}

static void insert(struct lock_set *set, uint32_t index)
{
    uint32_t at = 0;

    while (at < set->count && set->index[at] < index)
        at++;
    if (at < set->count && set->index[at] == index)
        return;
    memmove(&set->index[at + 1], &set->index[at], (set->count - at) * sizeof(set->index[0]));
    set->index[at] = index;
    set->count++;
}

void lock_take(struct lock_table *table, struct lock_set *set, const uint32_t *indexes,
               size_t count)
{
    set->count = 0;
    for (size_t i = 0; i < count && set->count < LOCK_MAX; i++)
        if (indexes[i] != 0)
            insert(set, indexes[i]);
    for (uint32_t i = 0; i < set->count; i++)
        pthread_mutex_lock(&table->objects[set->index[i]]);
}

void lock_release(struct lock_table *table, struct lock_set *set)
{
    while (set->count > 0)
        pthread_mutex_unlock(&table->objects[set->index[--set->count]]);
}
