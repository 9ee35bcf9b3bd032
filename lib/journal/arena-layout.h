/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Private to lib/journal: what the arena's shared memory looks like, and what the spiller does with
 * it.
 *
 *     struct dpl_arena_shared | entries | ring | buffers
 *
 * Truth is:
 * - Records are entries [tail, head), by index modulo their number. `head` alone makes a new entry
 *   visible; its LSN and its place in the ring follow from the entry before it.
 * - An entry's `state` alone makes its outcome visible; the bytes in the ring are written before.
 * - `tail`, with what belongs to it, is the one of two struct dpl_arena_spilled that `which` names.
 * - A record that was written without its outcome is in `pending` while its outcome is not in an
 * entry. It is put there before the state says SPILLED (so: an entry still RESERVED overrules it),
 * and removed after its OUTCOME entry became visible (so: such an entry overrules it too).
 * - A buffer is in use while an entry in [tail, head) that is not void, or a pending one, refers to
 * it.
 */
#ifndef DPL_JOURNAL_ARENA_LAYOUT_H
#define DPL_JOURNAL_ARENA_LAYOUT_H

#include "lib/journal/arena.h"

enum dpl_arena_entry_state {
    DPL_ENTRY_RESERVED = 1,
    DPL_ENTRY_OK = 2,
    DPL_ENTRY_VOID = 3,
    DPL_ENTRY_UNKNOWN = 4,
    DPL_ENTRY_SPILLED = 5, /* written without an outcome */
};

#define DPL_ARENA_NONE UINT64_MAX
/* The two fields in front of an OUTCOME record's others. */
enum { DPL_ARENA_OUTCOME_BYTES = (6 + 8) + (6 + 4) };

struct dpl_arena_entry {
    uint64_t lsn, tag, time_ns;
    uint64_t of_lsn;  /* of an OUTCOME record: which one it completes; else NONE */
    uint64_t ring_at; /* never wraps: modulo the ring's size */
    uint32_t ring_room;
    uint32_t record_bytes;
    uint32_t head_room, data_room;
    uint32_t head_bytes, data_bytes; /* committed */
    int32_t buffer;                  /* where the data is, or -1: in the ring behind the head */
    uint32_t buffer_offset;
    uint32_t slot;
    uint16_t type, unused;
    _Atomic uint32_t state;
};

struct dpl_arena_pending {
    _Atomic uint64_t lsn; /* NONE: free */
    uint64_t tag;
    uint32_t slot;
    uint32_t head_room, data_room;
    int32_t buffer;
    uint32_t buffer_offset;
    uint16_t type, unused;
};

struct dpl_arena_spilled {
    uint64_t tail, lsn, ring_at; /* lsn and ring_at: where the entry `tail` begins */
    uint32_t chain, unused;
};

struct dpl_arena_shared {
    uint64_t magic;
    uint64_t bytes, ring_bytes, epoch_tag;
    uint32_t entries, buffers, buffer_bytes, unused;
    uint64_t entries_at, ring_start, buffers_at; /* from the beginning of the memory */
    _Atomic uint64_t head;
    _Atomic uint32_t state; /* of enum dpl_journal_end */
    _Atomic uint32_t which;
    struct dpl_arena_spilled spilled[2];
    struct dpl_arena_pending pending[DPL_ARENA_PENDING_MAX];
};

#define DPL_ARENA_MAGIC 0x444a61726e610001ULL

static inline struct dpl_arena_entry *dpl_arena_entry(const struct dpl_arena *arena, uint64_t index)
{
    struct dpl_arena_shared *s = arena->shared;
    struct dpl_arena_entry *entries = (void *)((char *)s + s->entries_at);
    return &entries[index & (s->entries - 1)];
}

static inline uint8_t *dpl_arena_ring(const struct dpl_arena *arena, uint64_t at)
{
    struct dpl_arena_shared *s = arena->shared;
    return (uint8_t *)s + s->ring_start + at % s->ring_bytes;
}

static inline struct dpl_arena_spilled *dpl_arena_spill_at(const struct dpl_arena *arena)
{
    return &arena->shared->spilled[atomic_load(&arena->shared->which) & 1];
}

/* All of these with the lock held. */
struct dpl_arena_pending *dpl_arena_pending_find(const struct dpl_arena *arena, uint64_t lsn);
/* Marks this reserved entry as written without an outcome. False if the table is full. */
bool dpl_arena_pending_add(struct dpl_arena *arena, struct dpl_arena_entry *entry);
/* Makes this the tail, and frees what was before it. */
void dpl_arena_spill_move(struct dpl_arena *arena, const struct dpl_arena_spilled *to);
/* A record begins or ceases to refer to a buffer; -1 is none. can_ref: a thread that reads into it
 * would find another one. */
bool dpl_arena_buffer_can_ref(const struct dpl_arena *arena, int buffer);
void dpl_arena_buffer_ref(struct dpl_arena *arena, int buffer);
void dpl_arena_buffer_unref(struct dpl_arena *arena, int buffer);

/* Without the lock. */
void dpl_arena_ring_bell(struct dpl_arena *arena);

#endif
