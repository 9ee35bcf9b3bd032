/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Reserve and commit: see arena-layout.h for what is true in the shared memory at every
 * instruction.
 */
#include "lib/journal/arena.h"

#include "lib/journal/arena-layout.h"
#include "lib/journal/field.h"

#include <linux/futex.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* How much of the ring is used in turn while little is in it: at most a quarter of it. */
enum { RING_WARM_BYTES = 1024 * 1024 };

const char *dpl_journal_end_text(unsigned end)
{
    static const char *const texts[] = {
        "it runs",
        "closed",
        "the memory for the journal is full",
        "the journal has reached its bound",
        "too little room is left on the journal's file system",
        "the journal could not be written",
        "a record did not fit what was reserved for it",
        "the capture died too often",
        "ended by command",
        "the journal's shared memory is damaged",
    };
    return end < sizeof texts / sizeof texts[0] ? texts[end] : "ended for an unknown reason";
}

void dpl_arena_ring_bell(struct dpl_arena *a)
{
    atomic_fetch_add(&a->wake, 1);
    if (atomic_load(&a->sleeping))
        syscall(SYS_futex, &a->wake, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

enum dpl_journal_end dpl_arena_state(const struct dpl_arena *a)
{
    return (enum dpl_journal_end)atomic_load(&a->shared->state);
}

void dpl_arena_end(struct dpl_arena *a, enum dpl_journal_end reason)
{
    uint32_t runs = DPL_JOURNAL_RUNS;
    atomic_compare_exchange_strong(&a->shared->state, &runs, (uint32_t)reason);
    dpl_arena_ring_bell(a);
}

struct dpl_arena_pending *dpl_arena_pending_find(const struct dpl_arena *a, uint64_t lsn)
{
    for (int i = 0; i < DPL_ARENA_PENDING_MAX; i++)
        if (atomic_load_explicit(&a->shared->pending[i].lsn, memory_order_relaxed) == lsn)
            return &a->shared->pending[i];
    return NULL;
}

bool dpl_arena_pending_add(struct dpl_arena *a, struct dpl_arena_entry *e)
{
    struct dpl_arena_pending *p = dpl_arena_pending_find(a, DPL_ARENA_NONE);
    if (!p)
        return false;
    p->tag = e->tag;
    p->slot = e->slot;
    p->type = e->type;
    p->head_room = e->head_room;
    p->data_room = e->data_room;
    p->buffer = e->buffer;
    p->buffer_offset = e->buffer_offset;
    atomic_store(&p->lsn, e->lsn);
    atomic_store(&e->state, DPL_ENTRY_SPILLED);
    return true;
}

/* Where `room` bytes in one piece begin: the ring's end is skipped if they do not fit before it.
 * False if there is no room. */
static bool ring_place(const struct dpl_arena *a, uint64_t room, uint64_t *at)
{
    uint64_t size = a->shared->ring_bytes, place = a->ring_head;
    if (place % size + room > size)
        place += size - place % size;
    *at = place;
    return place + room - a->ring_tail <= size;
}

/* Makes an entry at the head, all but visible. NULL: there is no room. */
static struct dpl_arena_entry *entry_make(struct dpl_arena *a, size_t head, size_t data, int buffer)
{
    struct dpl_arena_entry *e = dpl_arena_entry(a, a->head);
    uint64_t room = dpl_record_align(head + (buffer < 0 ? data : 0)), at;
    if (a->head - a->tail >= a->shared->entries || !ring_place(a, room, &at))
        return NULL;
    e->lsn = a->next_lsn;
    e->of_lsn = DPL_ARENA_NONE;
    e->ring_at = at;
    e->ring_room = (uint32_t)room;
    e->record_bytes = (uint32_t)dpl_record_align(DPL_RECORD_HEADER + head + data);
    e->head_room = (uint32_t)head;
    e->data_room = (uint32_t)data;
    e->head_bytes = e->data_bytes = 0;
    e->buffer = buffer;
    e->buffer_offset = 0;
    return e;
}

static void entry_show(struct dpl_arena *a, const struct dpl_arena_entry *e)
{
    atomic_store(&a->shared->head, a->head + 1);
    a->head++;
    a->next_lsn += e->record_bytes;
    a->ring_head = e->ring_at + e->ring_room;
}

static int reserve(struct dpl_arena *a, const struct dpl_arena_request *q,
                   struct dpl_arena_res *res)
{
    bool by_reference = q->data_bytes > 0 && dpl_arena_buffer_can_ref(a, q->buffer);
    struct dpl_arena_entry *e =
        entry_make(a, q->head_bytes, q->data_bytes, by_reference ? q->buffer : -1);
    if (!e)
        return DPL_E_NO_SPACE;
    e->tag = q->tag;
    e->time_ns = q->time_ns;
    e->slot = q->slot;
    e->type = q->type;
    e->buffer_offset = q->buffer_offset;
    atomic_store_explicit(&e->state, DPL_ENTRY_RESERVED, memory_order_relaxed);
    *res = (struct dpl_arena_res){e->lsn, a->head, a->shared->epoch_tag};
    entry_show(a, e);
    dpl_arena_buffer_ref(a, e->buffer);
    return 0;
}

static bool request_ok(const struct dpl_arena *a, const struct dpl_arena_request *q)
{
    return q->head_bytes <= DPL_RECORD_MAX && q->data_bytes <= DPL_RECORD_DATA_MAX &&
           DPL_RECORD_HEADER + DPL_ARENA_OUTCOME_BYTES + q->head_bytes + q->data_bytes <=
               DPL_RECORD_MAX &&
           (q->buffer < 0 || (size_t)q->buffer_offset + q->data_bytes <= a->shared->buffer_bytes);
}

int dpl_arena_reserve(struct dpl_arena *a, const struct dpl_arena_request *q,
                      struct dpl_arena_res *res)
{
    if (!request_ok(a, q)) {
        dpl_arena_end(a, DPL_JOURNAL_TOO_LARGE);
        return DPL_E_TOO_LARGE;
    }
    int rc = DPL_E_NO_SPACE;
    pthread_mutex_lock(&a->lock);
    if (dpl_arena_state(a) == DPL_JOURNAL_RUNS && (rc = reserve(a, q, res)) < 0)
        dpl_arena_end(a, DPL_JOURNAL_MEMORY_FULL);
    pthread_mutex_unlock(&a->lock);
    return rc;
}

struct outcome {
    uint32_t state; /* of the entry */
    const void *head, *data;
    size_t head_bytes, data_bytes;
};

static void entry_fill(const struct dpl_arena *a, struct dpl_arena_entry *e, size_t skip,
                       const struct outcome *o)
{
    uint8_t *at = dpl_arena_ring(a, e->ring_at) + skip;
    if (o->head_bytes > 0)
        memcpy(at, o->head, o->head_bytes);
    if (e->buffer < 0 && o->data_bytes > 0)
        memcpy(at + o->head_bytes, o->data, o->data_bytes);
    e->head_bytes = (uint32_t)(skip + o->head_bytes);
    e->data_bytes = (uint32_t)o->data_bytes;
}

/* Commits an entry whose outcome nobody has written yet. */
static int commit_entry(struct dpl_arena *a, struct dpl_arena_entry *e, struct outcome *o)
{
    int rc = 0;
    if (o->head_bytes > e->head_room || o->data_bytes > e->data_room) {
        dpl_arena_end(a, DPL_JOURNAL_TOO_LARGE);
        *o = (struct outcome){.state = DPL_ENTRY_UNKNOWN};
        rc = DPL_E_TOO_LARGE;
    }
    entry_fill(a, e, 0, o);
    atomic_store(&e->state, o->state);
    if (o->state == DPL_ENTRY_VOID)
        dpl_arena_buffer_unref(a, e->buffer);
    return rc;
}

/* The record was written as open: its outcome is a record of its own. */
static int commit_pending(struct dpl_arena *a, struct dpl_arena_pending *p, struct outcome *o)
{
    enum dpl_journal_end state = dpl_arena_state(a);
    if (state != DPL_JOURNAL_RUNS && state != DPL_JOURNAL_CLOSED)
        return DPL_E_NO_SPACE;
    if (o->head_bytes > p->head_room || o->data_bytes > p->data_room) {
        dpl_arena_end(a, DPL_JOURNAL_TOO_LARGE);
        return DPL_E_TOO_LARGE;
    }
    int buffer = o->data_bytes > 0 ? p->buffer : -1;
    struct dpl_arena_entry *e =
        entry_make(a, DPL_ARENA_OUTCOME_BYTES + o->head_bytes, o->data_bytes, buffer);
    if (!e) {
        dpl_arena_end(a, DPL_JOURNAL_MEMORY_FULL);
        return DPL_E_NO_SPACE;
    }
    struct dpl_record prefix = {
        .has = DPL_F_LSN | DPL_F_OF_TYPE, .of_lsn = p->lsn, .of_type = p->type};
    uint8_t *at = dpl_field_put(dpl_arena_ring(a, e->ring_at), &prefix, DPL_FIELD_LSN, true);
    dpl_field_put(at, &prefix, DPL_FIELD_OF_TYPE, true);
    entry_fill(a, e, DPL_ARENA_OUTCOME_BYTES, o);
    e->tag = p->tag;
    e->time_ns = 0;
    e->slot = p->slot;
    e->type = DPL_R_OUTCOME;
    e->of_lsn = p->lsn;
    e->buffer_offset = p->buffer_offset;
    atomic_store_explicit(&e->state, o->state, memory_order_relaxed);
    int held = p->buffer;
    entry_show(a, e);
    atomic_store(&p->lsn, DPL_ARENA_NONE);
    if (buffer < 0)
        dpl_arena_buffer_unref(a, held);
    return 0;
}

static int commit(struct dpl_arena *a, const struct dpl_arena_res *res, struct outcome *o)
{
    struct dpl_arena_entry *e = NULL;
    if (res->epoch_tag != a->shared->epoch_tag)
        return 0; /* of a journal that has ended */
    if (res->index >= a->tail && res->index < a->head)
        e = dpl_arena_entry(a, res->index);
    if (e && e->lsn == res->lsn && atomic_load(&e->state) == DPL_ENTRY_RESERVED)
        return commit_entry(a, e, o);
    struct dpl_arena_pending *p = NULL;
    if (res->lsn != DPL_ARENA_NONE)
        p = dpl_arena_pending_find(a, res->lsn);
    return p ? commit_pending(a, p, o) : 0;
}

int dpl_arena_commit(struct dpl_arena *a, const struct dpl_arena_res *res, enum dpl_outcome outcome,
                     const void *head, size_t head_bytes, const void *data, size_t data_bytes)
{
    static const uint32_t states[] = {[DPL_OUTCOME_OK] = DPL_ENTRY_OK,
                                      [DPL_OUTCOME_VOID] = DPL_ENTRY_VOID,
                                      [DPL_OUTCOME_UNKNOWN] = DPL_ENTRY_UNKNOWN};
    if (outcome < DPL_OUTCOME_OK || outcome > DPL_OUTCOME_UNKNOWN)
        return DPL_E_PARAM;
    struct outcome o = {states[outcome], head, data, head_bytes, data_bytes};
    if (outcome == DPL_OUTCOME_VOID)
        o = (struct outcome){.state = states[outcome]};
    pthread_mutex_lock(&a->lock);
    int rc = commit(a, res, &o);
    pthread_mutex_unlock(&a->lock);
    dpl_arena_ring_bell(a);
    return rc;
}

/* Where the ring goes on after ring_at. When nothing is in it and enough was used, at its start: a
 * small part of it stays in use, whose memory is warm. */
static uint64_t ring_again(const struct dpl_arena *a, uint64_t ring_at)
{
    uint64_t size = a->shared->ring_bytes, used = ring_at % size;
    return used >= RING_WARM_BYTES || used >= size / 4 ? ring_at + size - used : ring_at;
}

void dpl_arena_spill_move(struct dpl_arena *a, const struct dpl_arena_spilled *to)
{
    uint32_t next = (atomic_load(&a->shared->which) & 1) ^ 1;
    struct dpl_arena_spilled *at = &a->shared->spilled[next];
    *at = *to;
    if (to->tail == a->head)
        at->ring_at = a->ring_head = ring_again(a, to->ring_at);
    atomic_store(&a->shared->which, next);
    for (; a->tail < to->tail; a->tail++) {
        const struct dpl_arena_entry *e = dpl_arena_entry(a, a->tail);
        uint32_t state = atomic_load(&e->state);
        if (state != DPL_ENTRY_VOID && state != DPL_ENTRY_SPILLED)
            dpl_arena_buffer_unref(a, e->buffer);
    }
    a->ring_tail = at->ring_at;
}

uint64_t dpl_arena_next_lsn(struct dpl_arena *a)
{
    pthread_mutex_lock(&a->lock);
    uint64_t lsn = a->next_lsn;
    pthread_mutex_unlock(&a->lock);
    return lsn;
}

uint64_t dpl_arena_lowest_open(struct dpl_arena *a)
{
    struct dpl_arena_open first;
    pthread_mutex_lock(&a->lock);
    uint64_t lsn = a->next_lsn;
    pthread_mutex_unlock(&a->lock);
    /* What was reserved since lies above it. */
    return dpl_arena_open_list(a, &first, 1) > 0 && first.res.lsn < lsn ? first.res.lsn : lsn;
}

uint64_t dpl_arena_spilled(struct dpl_arena *a)
{
    pthread_mutex_lock(&a->lock);
    uint64_t lsn = dpl_arena_spill_at(a)->lsn;
    pthread_mutex_unlock(&a->lock);
    return lsn;
}

void dpl_arena_usage(struct dpl_arena *a, struct dpl_arena_usage *usage)
{
    pthread_mutex_lock(&a->lock);
    *usage = (struct dpl_arena_usage){.records = a->head - a->tail,
                                      .ring_bytes = a->ring_head - a->ring_tail,
                                      .buffers = a->buffers - a->buffers_free};
    for (int i = 0; i < DPL_ARENA_PENDING_MAX; i++)
        usage->pending += atomic_load(&a->shared->pending[i].lsn) != DPL_ARENA_NONE;
    pthread_mutex_unlock(&a->lock);
}
