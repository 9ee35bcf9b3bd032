/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A run looks at what is there and marks (under the lock), writes (without it), and then moves the
 * tail (under it). What is written follows from the arena alone, so a successor writes the same.
 */
#include "lib/journal/spill.h"

#include "lib/journal/arena-layout.h"
#include "lib/journal/crc32c.h"

#include <linux/futex.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Padding, as much as a reservation may leave unused; never written, so it takes no memory. */
static const uint8_t zeros[DPL_RECORD_MAX];

void dpl_spill_open(struct dpl_spill *spill, struct dpl_arena *arena, struct dpl_segments *segments,
                    const struct dpl_spill_events *events)
{
    memset(spill, 0, sizeof *spill);
    spill->arena = arena;
    spill->segments = segments;
    spill->blocked_lsn = DPL_ARENA_NONE;
    if (events)
        spill->events = *events;
}

/* Whether an op that is under way may be written around, now. */
static bool may_pass(struct dpl_spill *spill, uint64_t lsn, uint64_t now_ns)
{
    const struct dpl_arena *a = spill->arena;
    if (spill->blocked_lsn != lsn) {
        spill->blocked_lsn = lsn;
        spill->blocked_since_ns = now_ns;
    }
    return now_ns - spill->blocked_since_ns >= DPL_SPILL_STUCK_NS ||
           (a->head - a->tail) * 2 > a->shared->entries ||
           (a->ring_head - a->ring_tail) * 2 > a->shared->ring_bytes ||
           (a->buffers > 0 && (a->buffers_free - a->buffers_booked) * 4 < a->buffers);
}

/* Chooses the records of this batch; to is where it ends. With the lock held. */
static unsigned collect(struct dpl_spill *spill, uint64_t now_ns, struct dpl_arena_spilled *to)
{
    struct dpl_arena *a = spill->arena;
    uint64_t room = dpl_segments_room(spill->segments, to->lsn), bytes = 0;
    unsigned count = 0;
    while (to->tail < a->head && count < DPL_SPILL_BATCH && bytes < DPL_SPILL_BATCH_BYTES) {
        struct dpl_arena_entry *e = dpl_arena_entry(a, to->tail);
        if (e->record_bytes > room - bytes)
            break;
        if (atomic_load(&e->state) == DPL_ENTRY_RESERVED &&
            (!may_pass(spill, e->lsn, now_ns) || !dpl_arena_pending_add(a, e)))
            break;
        count++;
        bytes += e->record_bytes;
        to->tail++;
        to->lsn += e->record_bytes;
        to->ring_at = e->ring_at + e->ring_room;
    }
    return count;
}

static enum dpl_outcome outcome_of(uint32_t state)
{
    switch (state) {
    case DPL_ENTRY_OK:
        return DPL_OUTCOME_OK;
    case DPL_ENTRY_VOID:
        return DPL_OUTCOME_VOID;
    case DPL_ENTRY_UNKNOWN:
        return DPL_OUTCOME_UNKNOWN;
    default:
        return DPL_OUTCOME_OPEN;
    }
}

/* Appends to the iovec what is not empty. */
static struct iovec *piece(struct iovec *iov, const void *bytes, size_t size)
{
    if (size == 0)
        return iov;
    *iov = (struct iovec){.iov_base = (void *)(uintptr_t)bytes, .iov_len = size};
    return iov + 1;
}

/* One record as pieces: header, head, data, padding. */
static struct iovec *build(const struct dpl_arena *a, const struct dpl_arena_entry *e,
                           uint8_t *header, uint32_t *chain, struct iovec *iov)
{
    struct dpl_record_header h = {
        .size = e->record_bytes,
        .lsn = e->lsn,
        .epoch_tag = a->shared->epoch_tag,
        .time_ns = e->time_ns,
        .chain = *chain,
        .type = e->type,
        .outcome = (uint8_t)outcome_of(atomic_load(&e->state)),
    };
    const uint8_t *head = dpl_arena_ring(a, e->ring_at), *data = head + e->head_bytes;
    size_t head_bytes = e->head_bytes, data_bytes = e->data_bytes;
    if (h.outcome == DPL_OUTCOME_OPEN)
        head_bytes = data_bytes = 0;
    if (e->buffer >= 0)
        data = (uint8_t *)dpl_arena_buffer(a, e->buffer, NULL) + e->buffer_offset;
    h.body_bytes = (uint32_t)(head_bytes + data_bytes);
    h.body_crc = dpl_crc32c(dpl_crc32c(0, head, head_bytes), data, data_bytes);
    dpl_record_header_encode(&h, header);
    *chain = h.crc;
    iov = piece(iov, header, DPL_RECORD_HEADER);
    iov = piece(iov, head, head_bytes);
    iov = piece(iov, data, data_bytes);
    return piece(iov, zeros, h.size - DPL_RECORD_HEADER - h.body_bytes);
}

static int write_batch(struct dpl_spill *spill, const struct dpl_arena_spilled *from,
                       unsigned count, uint32_t *chain, struct dpl_err *err)
{
    const struct dpl_arena *a = spill->arena;
    struct iovec *iov = spill->iov;
    for (unsigned i = 0; i < count; i++)
        iov = build(a, dpl_arena_entry(a, from->tail + i), spill->headers[i], chain, iov);
    return dpl_segments_append(spill->segments, from->lsn, spill->iov, (int)(iov - spill->iov),
                               err);
}

/* Says in the header that the journal has ended, and tells. */
static int mark_end(struct dpl_spill *spill, enum dpl_journal_end reason, uint64_t end_lsn,
                    struct dpl_err *err)
{
    uint32_t flag = reason == DPL_JOURNAL_CLOSED ? DPL_SEGMENT_ENDED : DPL_SEGMENT_MIRROR_NEEDED;
    int rc = dpl_segments_flag(spill->segments, flag, reason, end_lsn, err);
    bool first = !spill->told;
    spill->told = true;
    if (first && spill->events.ended)
        spill->events.ended(spill->events.self, reason, rc == 0);
    return rc;
}

/* The disk refuses: what could not be written will not be. */
static ssize_t give_up(struct dpl_spill *spill, enum dpl_journal_end reason, uint64_t end_lsn,
                       int rc)
{
    spill->failed = true;
    dpl_arena_end(spill->arena, reason);
    mark_end(spill, reason, end_lsn, NULL);
    return rc;
}

/* After the end: *mirror needed* is said at once, a clean end when all is written. */
static ssize_t end_check(struct dpl_spill *spill, const struct dpl_arena_spilled *at,
                         struct dpl_err *err)
{
    enum dpl_journal_end state = dpl_arena_state(spill->arena);
    if (state == DPL_JOURNAL_RUNS || spill->told)
        return 0;
    struct dpl_arena_usage usage;
    dpl_arena_usage(spill->arena, &usage);
    if (state == DPL_JOURNAL_CLOSED && usage.records + usage.pending > 0)
        return 0;
    int rc = mark_end(spill, state, dpl_arena_next_lsn(spill->arena), err);
    return rc < 0 ? give_up(spill, DPL_JOURNAL_IO_ERROR, at->lsn, rc) : 0;
}

ssize_t dpl_spill_run(struct dpl_spill *spill, uint64_t now_ns, struct dpl_err *err)
{
    struct dpl_arena *a = spill->arena;
    spill->more = false;
    if (spill->failed)
        return 0;
    spill->heard = atomic_load(&a->wake);
    pthread_mutex_lock(&a->lock);
    struct dpl_arena_spilled to = *dpl_arena_spill_at(a), from = to;
    unsigned count = collect(spill, now_ns, &to);
    bool full =
        count == 0 && a->head > a->tail &&
        dpl_arena_entry(a, a->tail)->record_bytes > dpl_segments_room(spill->segments, from.lsn);
    pthread_mutex_unlock(&a->lock);
    ssize_t ended = end_check(spill, &from, err);
    if (ended < 0)
        return ended;
    if (full) {
        enum dpl_journal_end reason;
        int rc = dpl_segments_rotate(spill->segments, from.lsn, from.chain, &reason, err);
        return rc < 0 ? give_up(spill, reason, from.lsn, rc) : dpl_spill_run(spill, now_ns, err);
    }
    if (count == 0)
        return 0;
    int rc = write_batch(spill, &from, count, &to.chain, err);
    if (rc < 0)
        return give_up(spill, DPL_JOURNAL_IO_ERROR, from.lsn, rc);
    pthread_mutex_lock(&a->lock);
    dpl_arena_spill_move(a, &to);
    pthread_mutex_unlock(&a->lock);
    spill->more = count == DPL_SPILL_BATCH || to.lsn - from.lsn >= DPL_SPILL_BATCH_BYTES;
    return (ssize_t)count;
}

void dpl_spill_wait(struct dpl_spill *spill, int timeout_ms)
{
    struct dpl_arena *a = spill->arena;
    struct timespec ts = {.tv_sec = timeout_ms / 1000,
                          .tv_nsec = (long)(timeout_ms % 1000) * 1000000};
    atomic_store(&a->sleeping, 1);
    if (atomic_load(&a->wake) == spill->heard)
        syscall(SYS_futex, &a->wake, FUTEX_WAIT_PRIVATE, spill->heard, timeout_ms < 0 ? NULL : &ts,
                NULL, 0);
    atomic_store(&a->sleeping, 0);
}

void dpl_spill_wake(struct dpl_arena *arena)
{
    dpl_arena_ring_bell(arena);
}

bool dpl_spill_idle(const struct dpl_spill *spill)
{
    struct dpl_arena_usage usage;
    dpl_arena_usage(spill->arena, &usage);
    bool ended = dpl_arena_state(spill->arena) != DPL_JOURNAL_RUNS;
    return spill->failed || (usage.records == 0 && (!ended || spill->told));
}
