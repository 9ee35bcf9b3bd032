/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Beginning an ownership, and going on after the death of a process; see log.h.
 */
#include "lib/dirty/log-private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Makes the memory say what the file does. The next entry stands in a sector of its own. */
static int fill_state(struct dpl_dirty_shared *shared, const struct dpl_dirty_io *io,
                      const struct dpl_dirty_list *list)
{
    struct dpl_dirty_state *state = &shared->state[0];
    uint64_t number = list->end - list->end % DPL_DIRTY_PER_BLOCK;
    uint8_t *block = aligned_alloc(DPL_DIRTY_BLOCK, DPL_DIRTY_BLOCK);
    int code = -ENOMEM;
    state->head = list->head;
    state->end = list->end;
    if (block)
        code = io->read(io->self, block, DPL_DIRTY_BLOCK, dpl_dirty_sector_at(&list->head, number));
    if (code == 0)
        memcpy(state->block, block, list->end % DPL_DIRTY_PER_BLOCK * (size_t)DPL_DIRTY_SECTOR);
    free(block);
    return code;
}

static void fill_hot(struct dpl_dirty_shared *shared, const struct dpl_dirty_list *list)
{
    atomic_store(&shared->hot_stamp, 1);
    for (size_t i = 0; i < list->count; i++)
        if (list->generations[i] == list->head.generation)
            dpl_dirty_hot_insert(shared, &list->keys[i]);
}

static int64_t born_ns(const struct dpl_dirty_head *head)
{
    if (head->candidate.set)
        return head->candidate.time_ns;
    return head->mark.set ? head->mark.time_ns : INT64_MAX;
}

static void own(struct dpl_dirty_head *head, const struct dpl_dirty_owner *owner)
{
    head->epoch = owner->epoch > head->epoch ? owner->epoch : head->epoch;
    memcpy(head->epoch_id, owner->epoch_id, sizeof head->epoch_id);
    head->stamp++;
    head->count++;
    if (head->mark.time_ns > owner->now_ns)
        head->mark.time_ns = owner->now_ns;
    if (head->candidate.time_ns > owner->now_ns)
        head->candidate.time_ns = owner->now_ns;
    memcpy(head->fs_uuid, owner->fs_uuid, sizeof head->fs_uuid);
    /* Its position belongs to an epoch that has ended. */
    head->candidate.placed = false;
}

int dpl_dirty_begin(struct dpl_dirty_shared *shared, const struct dpl_dirty_io *io,
                    const struct dpl_dirty_owner *owner, struct dpl_err *err)
{
    struct dpl_dirty_list list = {0};
    struct dpl_dirty_head *head = &shared->state[0].head;
    uint8_t *copy = NULL;
    dpl_dirty_read_raw(&list, io);
    int code = 0;
    static const uint8_t unknown[16];
    if (list.valid && memcmp(list.head.fs_uuid, unknown, sizeof unknown) != 0 &&
        memcmp(list.head.fs_uuid, owner->fs_uuid, sizeof unknown) != 0)
        code = dpl_err_set(err, DPL_E_CORRUPT, "it is of another file system");
    else if (!list.valid)
        code = dpl_err_set(err, DPL_E_CORRUPT, "%s", list.why);
    else if (fill_state(shared, io, &list) != 0)
        code = dpl_err_set(err, DPL_E_IO, "the dirty log cannot be read");
    if (code == 0) {
        fill_hot(shared, &list);
        own(head, owner);
        copy = aligned_alloc(DPL_DIRTY_BLOCK, DPL_DIRTY_BLOCK);
    }
    if (copy) {
        dpl_dirty_head_encode(head, copy);
        if (io->write(io->self, copy, DPL_DIRTY_BLOCK, dpl_dirty_head_at(head->count)) != 0)
            code = dpl_err_set(err, DPL_E_IO, "the dirty log's header cannot be written");
    } else if (code == 0) {
        code = dpl_err_set(err, DPL_E_NO_MEMORY, "no memory for the dirty log");
    }
    free(copy);
    dpl_dirty_list_clear(&list);
    if (code != 0)
        return code;
    atomic_store(&shared->which, 0);
    atomic_store(&shared->reach, 0);
    atomic_store(&shared->all_generation, head->all_generation);
    atomic_store(&shared->born_ns, born_ns(head));
    atomic_store(&shared->generation, head->generation);
    atomic_store(&shared->open, 1);
    return 0;
}

/* Zeros from the block of the sector that is filled next to where a write may have reached. */
static int wipe(struct dpl_dirty *log, const struct dpl_dirty_state *state, uint64_t reach)
{
    uint64_t number = state->end - state->end % DPL_DIRTY_PER_BLOCK;
    memcpy(log->buffer, state->block, DPL_DIRTY_BLOCK);
    for (; number < reach; number += DPL_DIRTY_PER_BLOCK) {
        int code = log->io.write(log->io.self, log->buffer, DPL_DIRTY_BLOCK,
                                 dpl_dirty_sector_at(&state->head, number));
        if (code != 0)
            return code;
        memset(log->buffer, 0, DPL_DIRTY_BLOCK);
    }
    return 0;
}

/* The header comes first: what it says is kept must be in the file at every moment. */
static void take_back(struct dpl_dirty *log)
{
    struct dpl_dirty_shared *shared = log->shared;
    uint64_t reach = atomic_load(&shared->reach);
    struct dpl_dirty_state *next = dpl_dirty_change_begin(shared);
    int code = dpl_dirty_write_head(log, next);
    if (code == 0)
        code = wipe(log, next, reach);
    if (code != 0) {
        dpl_dirty_fail(log, DPL_DIRTY_IO_ERROR);
        return;
    }
    dpl_dirty_change_end(shared);
}

int dpl_dirty_attach(struct dpl_dirty *log, struct dpl_dirty_shared *shared,
                     const struct dpl_dirty_io *io, const struct dpl_dirty_events *events,
                     struct dpl_err *err)
{
    memset(log, 0, sizeof *log);
    log->shared = shared;
    log->io = *io;
    log->events = *events;
    log->buffer = aligned_alloc(DPL_DIRTY_BLOCK, DPL_DIRTY_WRITE_BLOCKS * (size_t)DPL_DIRTY_BLOCK);
    if (!log->buffer)
        return dpl_err_set(err, DPL_E_NO_MEMORY, "no memory for the dirty log");
    pthread_mutex_init(&log->lock, NULL);
    pthread_cond_init(&log->change, NULL);
    if (atomic_load(&shared->open) == 0 || atomic_load(&shared->failed) != 0)
        return 0;
    if (atomic_load(&shared->busy) != 0)
        take_back(log);
    /* A candidate that its process could not finish to open. */
    const struct dpl_dirty_head *head = &dpl_dirty_now(shared)->head;
    if (atomic_load(&shared->generation) != head->generation) {
        atomic_store(&shared->born_ns, born_ns(head));
        dpl_dirty_hot_clear(shared);
        atomic_store(&shared->generation, head->generation);
    }
    return 0;
}

void dpl_dirty_detach(struct dpl_dirty *log)
{
    if (!log->buffer)
        return;
    free(log->buffer);
    log->buffer = NULL;
    pthread_mutex_destroy(&log->lock);
    pthread_cond_destroy(&log->change);
}
