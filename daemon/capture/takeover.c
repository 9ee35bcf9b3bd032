/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Finishing a predecessor's work, see takeover.h.
 */
#include "daemon/capture/takeover.h"

#include "daemon/capture/check.h"
#include "daemon/capture/inject.h"
#include "daemon/capture/proto.h"
#include "daemon/capture/serve.h"

#include "lib/base/clock.h"

#include <stdlib.h>

void takeover_counts(struct shared *shared)
{
    for (size_t i = 0; i < SHARED_SLOTS; i++)
        if (atomic_load(&shared->slots[i].pending.valid) != 0)
            node_pending_apply(shared, &shared->slots[i]);
}

static bool owns(const struct slot *slot, const struct dpl_arena_open *open)
{
    uint32_t state = atomic_load(&slot->state);

    return (state == SLOT_STARTED || state == SLOT_DONE) && slot->unique == open->tag &&
           slot->record_type == open->type &&
           (slot->lsn == SLOT_NO_RECORD || slot->lsn_epoch != open->res.epoch_tag ||
            slot->lsn == open->res.lsn);
}

/* Ties what is open in the journal to its slot. What belongs to none was reserved for nothing. */
static void tie_records(struct worker *worker)
{
    static struct dpl_arena_open list[DPL_ARENA_PENDING_MAX * 2];
    size_t count = dpl_arena_open_list(&worker->arena, list, sizeof(list) / sizeof(list[0]));

    for (size_t i = 0; i < count && i < sizeof(list) / sizeof(list[0]); i++) {
        struct slot *slot =
            list[i].slot < SHARED_SLOTS ? &worker->shared->slots[list[i].slot] : NULL;

        if (slot != NULL && owns(slot, &list[i])) {
            slot->lsn_index = list[i].res.index;
            slot->lsn_epoch = list[i].res.epoch_tag;
            slot->lsn = list[i].res.lsn;
        } else {
            dpl_arena_commit(&worker->arena, &list[i].res, DPL_OUTCOME_VOID, NULL, 0, NULL, 0);
            atomic_fetch_add(&worker->shared->count.orphans, 1);
        }
    }
}

static const struct fuse_in_header *header_of(const struct worker *worker, const struct slot *slot)
{
    return dpl_arena_buffer(&worker->arena, slot->buffer, NULL);
}

/* A request that was read while the state said READING. */
static void settle_reading(struct worker *worker, struct slot *slot)
{
    uint32_t size = header_of(worker, slot)->len;

    if (size == 0) {
        atomic_store(&slot->state, SLOT_IDLE);
        return;
    }
    worker->shared->buffer_used[slot->buffer] = size < SHARED_BUFFER ? size : SHARED_BUFFER;
    if (serve_request_torn(worker, slot->buffer)) {
        /* The kernel could not copy all of it, and has told the caller so. */
        atomic_fetch_add(&worker->shared->count.half_copied, 1);
        atomic_store(&slot->state, SLOT_IDLE);
        return;
    }
    atomic_fetch_add(&worker->shared->count.found_reading, 1);
    atomic_store(&slot->state, SLOT_GOT);
}

static void finish_slot(struct worker *worker, struct thread *thread, uint32_t index)
{
    struct slot *slot = &worker->shared->slots[index];

    thread->slot = slot;
    thread->index = index;
    thread->root = slot->root;
    slot->attempts++;
    serve_request(thread, true);
    inject(INJECT_TAKEOVER);
}

struct found {
    uint32_t index;
    uint64_t lsn;
};

static int by_position(const void *a, const void *b)
{
    uint64_t x = ((const struct found *)a)->lsn, y = ((const struct found *)b)->lsn;

    return x < y ? -1 : x > y;
}

/* What waits for a disk and has done nothing yet is left to a thread of its own: nobody else waits.
 */
static bool is_deferred(const struct worker *worker, const struct slot *slot)
{
    uint32_t opcode = header_of(worker, slot)->opcode;

    return atomic_load(&slot->state) == SLOT_GOT &&
           (opcode == FUSE_FSYNC || opcode == FUSE_FSYNCDIR || opcode == FUSE_SYNCFS);
}

static void finish_all(struct worker *worker, struct thread *thread, enum slot_state state,
                       _Atomic uint64_t *counter)
{
    struct found found[SHARED_SLOTS] = {{0}};
    size_t count = 0;

    for (uint32_t i = 0; i < SHARED_SLOTS; i++)
        if (atomic_load(&worker->shared->slots[i].state) == state &&
            !is_deferred(worker, &worker->shared->slots[i]))
            found[count++] = (struct found){.index = i, .lsn = worker->shared->slots[i].lsn};
    qsort(found, count, sizeof(found[0]), by_position);
    for (size_t i = 0; i < count; i++) {
        atomic_fetch_add(counter, 1);
        finish_slot(worker, thread, found[i].index);
    }
}

/* What cannot be believed is done once more: what was there before tells what has happened. */
static void check_slots(struct worker *worker)
{
    for (uint32_t i = 0; i < SHARED_SLOTS; i++) {
        struct slot *slot = &worker->shared->slots[i];
        uint32_t state = atomic_load(&slot->state);

        if (state == SLOT_IDLE)
            continue;
        if (slot->root >= worker->shared->root_count || slot->buffer < 0 ||
            slot->buffer >= SHARED_BUFFERS) {
            worker_damaged(worker, "a slot names what is not there: its request is lost");
            slot->root = 0;
            slot->buffer = -1;
            atomic_store(&slot->state, SLOT_IDLE);
        } else if (state == SLOT_DONE && slot->done_check != check_done(slot)) {
            worker_damaged(worker, "a result is not what was noted: it is made again");
            slot->lsn = SLOT_NO_RECORD;
            slot->earlier = slot->references = 0;
            atomic_store(&slot->state, SLOT_STARTED);
        }
    }
}

void takeover_run(struct worker *worker, struct thread *thread)
{
    struct shared *shared = worker->shared;
    struct shared_counters *count = &shared->count;
    int64_t begin_ns = dpl_clock_now_ns(&dpl_clock_system);
    uint64_t took_ns;

    inject_context(0, 1);
    check_slots(worker);
    tie_records(worker);
    for (uint32_t i = 0; i < SHARED_SLOTS; i++) {
        struct slot *slot = &shared->slots[i];
        uint32_t state = atomic_load(&slot->state);

        if (state == SLOT_REPLIED)
            node_drop(&worker->nodes, slot);
        else if (state == SLOT_READING)
            settle_reading(worker, slot);
    }
    finish_all(worker, thread, SLOT_STARTED, &count->found_started);
    finish_all(worker, thread, SLOT_DONE, &count->found_done);
    finish_all(worker, thread, SLOT_GOT, &count->found_got);
    tie_records(worker);
    inject_context(0, 0);
    took_ns = (uint64_t)(dpl_clock_now_ns(&dpl_clock_system) - begin_ns);
    count->takeover_ns_last = took_ns;
    count->takeover_ns_sum += took_ns;
    if (took_ns > count->takeover_ns_max)
        count->takeover_ns_max = took_ns;
    for (uint32_t i = 0; i < SHARED_SLOTS; i++)
        shared->slots[i].attempts = atomic_load(&shared->slots[i].state) == SLOT_GOT;
}
