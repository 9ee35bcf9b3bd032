/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A log that is half full names whole objects in place of their extents; where these are too many
 * it says "everything".
 *
 * The objects are written behind what is there, those of older generations first, and then the
 * header drops what is in front of them. So at every moment the file says at least what it did.
 */
#include "lib/dirty/log-private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct named {
    struct dpl_dirty_key key;
    uint32_t current; /* of the current generation */
};

static int compare(const void *a, const void *b)
{
    const struct named *x = a, *y = b;
    if (x->current != y->current)
        return x->current < y->current ? -1 : 1;
    return dpl_dirty_key_compare(&x->key, &y->key);
}

/* The objects that the file names, older ones first; both counts. NULL if it cannot be done. */
static struct dpl_dirty_key *objects(struct dpl_dirty *log, size_t *older, size_t *current)
{
    struct dpl_dirty_list list = {0};
    dpl_dirty_read_raw(&list, &log->io);
    struct named *all = list.valid ? calloc(list.count + 1, sizeof *all) : NULL;
    struct dpl_dirty_key *keys = all ? list.keys : NULL;
    size_t unique = 0;
    *older = *current = 0;
    for (size_t i = 0; all && i < list.count; i++) {
        all[i].key = list.keys[i];
        all[i].key.extent = DPL_DIRTY_WHOLE;
        all[i].current = list.generations[i] == list.head.generation;
    }
    if (all)
        qsort(all, list.count, sizeof *all, compare);
    for (size_t i = 0; all && i < list.count; i++) {
        if (i > 0 && compare(&all[i], &all[i - 1]) == 0)
            continue;
        keys[unique++] = all[i].key;
        *(all[i].current ? current : older) += 1;
    }
    free(all);
    if (keys)
        list.keys = NULL; /* the caller's now */
    dpl_dirty_list_clear(&list);
    return keys;
}

static size_t sectors_for(size_t keys)
{
    return (keys + DPL_DIRTY_PER_SECTOR - 1) / DPL_DIRTY_PER_SECTOR;
}

static int write_objects(struct dpl_dirty *log, struct dpl_dirty_state *next,
                         const struct dpl_dirty_key *keys, size_t older, size_t current)
{
    struct dpl_dirty_head *head = &next->head;
    dpl_dirty_fresh_sector(next);
    uint64_t kept = next->end;
    int code = dpl_dirty_append(log, next, keys, older, head->generation - (older > 0));
    dpl_dirty_fresh_sector(next);
    uint64_t candidate = next->end;
    if (code == 0)
        code = dpl_dirty_append(log, next, keys + older, current, head->generation);
    head->kept_sector = kept;
    if (head->candidate.set)
        head->candidate.sector = candidate;
    return code == 0 ? dpl_dirty_write_head(log, next) : code;
}

void dpl_dirty_coarsen(struct dpl_dirty *log)
{
    struct dpl_dirty_shared *shared = log->shared;
    size_t older, current;
    struct dpl_dirty_key *keys = objects(log, &older, &current);
    uint64_t room = dpl_dirty_now(shared)->head.sectors / 4;
    if (!keys || sectors_for(older) + sectors_for(current) > room) {
        free(keys);
        dpl_dirty_say_all(log, DPL_DIRTY_FULL);
        return;
    }
    struct dpl_dirty_state *next = dpl_dirty_change_begin(shared);
    int code = write_objects(log, next, keys, older, current);
    if (code != 0) {
        dpl_dirty_fail(log, DPL_DIRTY_IO_ERROR);
    } else {
        dpl_dirty_hot_clear(shared);
        dpl_dirty_change_end(shared);
        for (size_t i = 0; i < current; i++)
            dpl_dirty_hot_insert(shared, &keys[older + i]);
        atomic_fetch_add(&shared->coarsened, 1);
    }
    free(keys);
}
