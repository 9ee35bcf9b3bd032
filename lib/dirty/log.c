/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Writing entries, many threads' in one write; see log.h.
 *
 * The state in shared memory is a pair: who writes changes the copy that is not in force, makes the
 * file like it, and then switches over by one store. Where a process dies in between, the file has
 * more than the state says; `busy` tells, and the next process makes the file like the state again.
 */
#include "lib/dirty/log-private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct dpl_dirty_state *dpl_dirty_change_begin(struct dpl_dirty_shared *shared)
{
    uint32_t which = atomic_load(&shared->which);
    shared->state[!which] = shared->state[which];
    atomic_store(&shared->busy, 1);
    return &shared->state[!which];
}

void dpl_dirty_change_end(struct dpl_dirty_shared *shared)
{
    const struct dpl_dirty_head *head;
    atomic_store(&shared->which, !atomic_load(&shared->which));
    head = &dpl_dirty_now(shared)->head;
    atomic_store(&shared->all_generation, head->all_generation);
    atomic_store(&shared->busy, 0);
}

void dpl_dirty_take_role(struct dpl_dirty *log)
{
    pthread_mutex_lock(&log->lock);
    while (log->writing)
        pthread_cond_wait(&log->change, &log->lock);
    log->writing = true;
    pthread_mutex_unlock(&log->lock);
}

void dpl_dirty_give_role(struct dpl_dirty *log)
{
    pthread_mutex_lock(&log->lock);
    log->writing = false;
    pthread_cond_broadcast(&log->change);
    pthread_mutex_unlock(&log->lock);
}

static void at_point(const struct dpl_dirty *log, int which)
{
    if (log->events.point)
        log->events.point(log->events.self, which);
}

int dpl_dirty_write_head(struct dpl_dirty *log, struct dpl_dirty_state *next)
{
    uint8_t *bytes = log->buffer;
    next->head.count++;
    dpl_dirty_head_encode(&next->head, bytes);
    return log->io.write(log->io.self, bytes, DPL_DIRTY_BLOCK, dpl_dirty_head_at(next->head.count));
}

void dpl_dirty_fresh_sector(struct dpl_dirty_state *state)
{
    if (state->sector.count == 0)
        return;
    state->end++;
    memset(&state->sector, 0, sizeof state->sector);
    if (state->end % DPL_DIRTY_PER_BLOCK == 0)
        memset(state->block, 0, sizeof state->block);
}

static void put_sector(struct dpl_dirty_state *state, uint64_t generation)
{
    state->sector.number = state->end;
    state->sector.generation = generation;
    state->sector.epoch = state->head.epoch;
    dpl_dirty_sector_encode(&state->head, &state->sector,
                            state->block +
                                state->end % DPL_DIRTY_PER_BLOCK * (size_t)DPL_DIRTY_SECTOR);
}

/* Writes blocks of the buffer, the first of which holds the sector of that number; they may go on
 * at the beginning of the ring. */
static int write_blocks(struct dpl_dirty *log, const struct dpl_dirty_head *head, uint64_t number,
                        size_t blocks)
{
    uint64_t place = number / DPL_DIRTY_PER_BLOCK % (head->sectors / DPL_DIRTY_PER_BLOCK);
    size_t to_end = (size_t)(head->sectors / DPL_DIRTY_PER_BLOCK - place);
    size_t first = blocks < to_end ? blocks : to_end;
    const uint8_t *bytes = log->buffer;
    int code = log->io.write(log->io.self, bytes, first * DPL_DIRTY_BLOCK,
                             DPL_DIRTY_SECTORS_AT + place * DPL_DIRTY_BLOCK);
    atomic_fetch_add(&log->shared->writes, 1);
    if (code == 0 && blocks > first)
        code = log->io.write(log->io.self, bytes + first * DPL_DIRTY_BLOCK,
                             (blocks - first) * DPL_DIRTY_BLOCK, DPL_DIRTY_SECTORS_AT);
    return code;
}

/* As many keys as one write takes. Returns how many, or a negative errno. */
static ssize_t append_some(struct dpl_dirty *log, struct dpl_dirty_state *next,
                           const struct dpl_dirty_key *keys, size_t count, uint64_t generation)
{
    uint64_t first = next->end - next->end % DPL_DIRTY_PER_BLOCK;
    size_t done = 0, blocks = 0;
    while (done < count) {
        if (next->sector.count == DPL_DIRTY_PER_SECTOR) {
            bool whole = next->end % DPL_DIRTY_PER_BLOCK == DPL_DIRTY_PER_BLOCK - 1;
            if (whole && blocks + 1 == DPL_DIRTY_WRITE_BLOCKS)
                break;
            if (whole)
                memcpy(log->buffer + blocks++ * DPL_DIRTY_BLOCK, next->block, DPL_DIRTY_BLOCK);
            dpl_dirty_fresh_sector(next);
        }
        next->sector.keys[next->sector.count++] = keys[done++];
        put_sector(next, generation);
    }
    memcpy(log->buffer + blocks++ * DPL_DIRTY_BLOCK, next->block, DPL_DIRTY_BLOCK);
    atomic_store(&log->shared->reach, first + blocks * DPL_DIRTY_PER_BLOCK);
    int code = write_blocks(log, &next->head, first, blocks);
    return code != 0 ? code : (ssize_t)done;
}

int dpl_dirty_append(struct dpl_dirty *log, struct dpl_dirty_state *next,
                     const struct dpl_dirty_key *keys, size_t count, uint64_t generation)
{
    while (count > 0) {
        ssize_t done = append_some(log, next, keys, count, generation);
        if (done < 0)
            return (int)done;
        keys += done;
        count -= (size_t)done;
    }
    return 0;
}

/* The keys that were taken from the queue, by who has the role. */
static void write_batch(struct dpl_dirty *log, const struct dpl_dirty_key *keys, size_t count)
{
    struct dpl_dirty_shared *shared = log->shared;
    struct dpl_dirty_state *next;
    if (!dpl_dirty_wants(log))
        return;
    if (dpl_dirty_used(dpl_dirty_now(shared)) >= dpl_dirty_now(shared)->head.sectors / 2)
        dpl_dirty_coarsen(log);
    if (!dpl_dirty_wants(log))
        return;
    next = dpl_dirty_change_begin(shared);
    at_point(log, DPL_DIRTY_POINT_WRITE);
    if (dpl_dirty_append(log, next, keys, count, next->head.generation) != 0) {
        dpl_dirty_fail(log, DPL_DIRTY_IO_ERROR);
        return;
    }
    at_point(log, DPL_DIRTY_POINT_WRITTEN);
    dpl_dirty_change_end(shared);
    atomic_fetch_add(&shared->entries, count);
    for (size_t i = 0; i < count; i++)
        dpl_dirty_hot_insert(shared, &keys[i]);
    at_point(log, DPL_DIRTY_POINT_HOT);
}

void dpl_dirty_add(struct dpl_dirty *log, const struct dpl_dirty_key *keys, size_t count)
{
    uint64_t batch;
    pthread_mutex_lock(&log->lock);
    while (log->queued + count > DPL_DIRTY_QUEUE)
        pthread_cond_wait(&log->change, &log->lock);
    memcpy(log->queue + log->queued, keys, count * sizeof *keys);
    log->queued += count;
    batch = log->batch;
    while (log->done <= batch) {
        if (log->writing) {
            pthread_cond_wait(&log->change, &log->lock);
            continue;
        }
        size_t taken = log->queued;
        memcpy(log->taken, log->queue, taken * sizeof *keys);
        log->queued = 0;
        uint64_t mine = log->batch++;
        log->writing = true;
        pthread_mutex_unlock(&log->lock);
        write_batch(log, log->taken, taken);
        pthread_mutex_lock(&log->lock);
        log->writing = false;
        log->done = mine + 1;
        pthread_cond_broadcast(&log->change);
    }
    pthread_mutex_unlock(&log->lock);
}

void dpl_dirty_add_all(struct dpl_dirty *log, enum dpl_dirty_reason reason)
{
    dpl_dirty_take_role(log);
    if (dpl_dirty_wants(log))
        dpl_dirty_say_all(log, reason);
    dpl_dirty_give_role(log);
}

/* Both copies may be tried: each says the same. */
static int stamp_all(struct dpl_dirty *log, struct dpl_dirty_state *next,
                     enum dpl_dirty_reason reason)
{
    next->head.all_generation = next->head.generation;
    next->head.all_reason = reason;
    int code = dpl_dirty_write_head(log, next);
    return code == 0 ? 0 : dpl_dirty_write_head(log, next);
}

void dpl_dirty_fail(struct dpl_dirty *log, enum dpl_dirty_reason reason)
{
    struct dpl_dirty_shared *shared = log->shared;
    struct dpl_dirty_state *next;
    int code;
    if (atomic_load(&shared->failed) != 0)
        return;
    atomic_store(&shared->failed, reason);
    next = dpl_dirty_change_begin(shared);
    code = stamp_all(log, next, reason);
    dpl_dirty_change_end(shared);
    if (log->events.all)
        log->events.all(log->events.self, reason, code == 0);
}

void dpl_dirty_say_all(struct dpl_dirty *log, enum dpl_dirty_reason reason)
{
    struct dpl_dirty_shared *shared = log->shared;
    struct dpl_dirty_state *next = dpl_dirty_change_begin(shared);
    /* No entry tells more than that: their room is free. */
    dpl_dirty_fresh_sector(next);
    next->head.kept_sector = next->end;
    if (next->head.candidate.set)
        next->head.candidate.sector = next->end;
    next->head.all_generation = next->head.generation;
    next->head.all_reason = reason;
    if (dpl_dirty_write_head(log, next) != 0) {
        dpl_dirty_fail(log, DPL_DIRTY_IO_ERROR);
        return;
    }
    dpl_dirty_change_end(shared);
    if (log->events.all)
        log->events.all(log->events.self, reason, true);
}

bool dpl_dirty_wants(const struct dpl_dirty *log)
{
    const struct dpl_dirty_shared *shared = log->shared;
    return atomic_load(&shared->open) != 0 && atomic_load(&shared->failed) == 0 &&
           atomic_load(&shared->all_generation) < atomic_load(&shared->generation);
}

unsigned dpl_dirty_enter(struct dpl_dirty *log)
{
    for (;;) {
        uint64_t generation = atomic_load(&log->shared->generation);
        atomic_fetch_add(&log->sections[generation & 1], 1);
        if (atomic_load(&log->shared->generation) == generation)
            return (unsigned)(generation & 1);
        atomic_fetch_sub(&log->sections[generation & 1], 1);
    }
}

void dpl_dirty_leave(struct dpl_dirty *log, unsigned section)
{
    atomic_fetch_sub(&log->sections[section & 1], 1);
}
