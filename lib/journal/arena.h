/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The journal in memory: what was reserved, what became of it, and the bytes, until the spiller has
 * written them to segments.
 *
 * The memory is shared and outlives the process that uses it: the worker may die by SIGKILL between
 * any two instructions, the next one attaches to the same memory and goes on. Therefore it is plain
 * data at fixed offsets, without pointers and without locks; each change becomes visible by one
 * atomic store, and what a half-made change has written before that store is not looked at. The
 * lock that orders the threads lives in struct dpl_arena, which is private to a process and dies
 * with it. Only one process at a time may use an arena, with any number of threads.
 *
 * An op goes like this:
 *
 *     lock the objects
 *     dpl_arena_reserve(...)      gives the position, before the effect can be seen
 *     the system call
 *     dpl_arena_commit(...)       ok, void or unknown, with the body and the data
 *     unlock, reply
 *
 * Bodies. The body is encoded by the caller in memory of its own and copied by commit. The ring
 * hands out no pointer: an op may be stuck in its system call for as long as the disk likes, and
 * its place must be free for others meanwhile (the spiller then writes its header without an
 * outcome, and commit appends an OUTCOME record). Bodies without data are some 200 bytes, so the
 * copy is nothing.
 *
 * Data without copies. The arena has a pool of buffers. A worker thread claims one and reads FUSE
 * requests straight into it; the buffer's index is part of the thread's slot. For a large write the
 * thread reserves with {buffer, offset, bytes}: the record then refers to the data where it was
 * read, and the spiller writes it from there. After commit and reply, and before the next read, the
 * thread calls dpl_arena_buffer_swap, which gives the same buffer back if nothing refers to it,
 * else another one; it never fails, because a reservation by reference is made only while a spare
 * one is left (when none is, commit copies the data into the ring, which the caller does not see).
 * Write the new index to the slot in shared memory after swap. The data must not change between
 * commit and swap. Small data (up to DPL_ARENA_COPY_BYTES or what the caller thinks right) is
 * cheaper copied: give buffer -1. Room in front of the data is not needed, any offset will do.
 *
 * Failure. Nothing here waits or allocates. When there is no room the journal ends: reserve says so
 * (NO_SPACE), every later reserve is refused likewise, the state says why, and the spiller writes
 * *mirror needed* to the segment's header. The caller does its op all the same, unjournalled. Ops
 * that hold a reservation then may still commit it.
 */
#ifndef DPL_JOURNAL_ARENA_H
#define DPL_JOURNAL_ARENA_H

#include "lib/base/err.h"
#include "lib/journal/record.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    DPL_ARENA_COPY_BYTES = 16 * 1024,
    DPL_ARENA_BUFFERS_MAX = 256,
    /* Ops that may be stuck at once and still be written around: not below the number of threads.
     */
    DPL_ARENA_PENDING_MAX = 256,
};

/* Why the journal ended. The numbers stand in segment headers. */
enum dpl_journal_end {
    DPL_JOURNAL_RUNS = 0,
    DPL_JOURNAL_CLOSED = 1,      /* cleanly, by the owner: nothing is missing */
    DPL_JOURNAL_MEMORY_FULL = 2, /* the spiller did not follow */
    DPL_JOURNAL_BOUND = 3,       /* max_size */
    DPL_JOURNAL_MIN_FREE = 4,    /* min_free of its file system, or that is full */
    DPL_JOURNAL_IO_ERROR = 5,    /* a write or a sync failed */
    DPL_JOURNAL_TOO_LARGE = 6,   /* a record did not fit its reservation */
    DPL_JOURNAL_CRASH_LOOP = 7,  /* the worker died too often */
    DPL_JOURNAL_OPERATOR = 8,    /* a person said so */
    DPL_JOURNAL_DAMAGED = 9,     /* the shared memory contradicts itself */
};
const char *dpl_journal_end_text(unsigned end);

struct dpl_arena_sizes {
    uint32_t entries;      /* power of two: records between reserve and spill, as 65536 */
    uint64_t ring_bytes;   /* multiple of 4096: bodies and copied data; as 32 MiB */
    uint32_t buffers;      /* the pool; at least two per thread, 0 for none */
    uint32_t buffer_bytes; /* multiple of 4096 */
};

/* Where an epoch's journal starts. A new epoch starts at LSN 0 with dpl_epoch_chain() (segment.h).
 */
struct dpl_arena_start {
    uint64_t epoch_tag;
    uint64_t lsn;
    uint32_t chain;
};

/* A position that was reserved. Plain numbers: keep it in the slot in shared memory. It is one of
 * this epoch alone: after dpl_arena_renew it is none any more. */
struct dpl_arena_res {
    uint64_t lsn;
    uint64_t index;
    uint64_t epoch_tag;
};

struct dpl_arena_request {
    uint16_t type;     /* of enum dpl_record_type */
    uint32_t slot;     /* the caller's, answered by open_list */
    uint64_t tag;      /* the caller's: `unique` of the FUSE request; answered by open_list */
    uint64_t time_ns;  /* wall clock */
    size_t head_bytes; /* an upper bound: dpl_record_head_bytes() */
    size_t data_bytes; /* an upper bound, 0 for none */
    int buffer;        /* a buffer of the pool that this thread has claimed and that will hold the
                          data, or -1: commit copies it */
    uint32_t buffer_offset;
};

struct dpl_arena_shared; /* the layout: arena-layout.h */

/* This process's view. Members are private to arena.c and spill.c. */
struct dpl_arena {
    struct dpl_arena_shared *shared;
    pthread_mutex_t lock;
    uint64_t head, tail; /* copies of what the shared memory says */
    uint64_t next_lsn, ring_head, ring_tail;
    uint32_t buffers, buffers_free, buffers_booked;
    _Atomic uint32_t wake, sleeping;        /* the spiller's bell */
    uint32_t refs[DPL_ARENA_BUFFERS_MAX];   /* records that refer to it */
    uint8_t claimed[DPL_ARENA_BUFFERS_MAX]; /* a thread reads into it */
};

/* Bytes of memory that an arena of these sizes needs, or a negative code (PARAM). */
ssize_t dpl_arena_bytes(const struct dpl_arena_sizes *sizes, struct dpl_err *err);
/* Makes an arena in zeroed, page-aligned shared memory of that many bytes. The caller populates and
 * locks it (mlock) as it needs. */
int dpl_arena_format(void *memory, size_t bytes, const struct dpl_arena_sizes *sizes,
                     const struct dpl_arena_start *start, struct dpl_err *err);
/* Attaches to an arena, fresh or left by a process that died; the memory stays the caller's and
 * must outlive the arena. Half-made changes are finished or forgotten. CORRUPT if it contradicts
 * itself: then the caller gives it up. After it, and before anything
 * else, a successor: claims the buffers of its slots, reads open_list, and commits each of these.
 */
int dpl_arena_attach(struct dpl_arena *arena, void *memory, size_t bytes, struct dpl_err *err);
/* Makes an arena that contradicts itself one that can be attached: what was not spilled is
 * forgotten, the journal has ended (DAMAGED), the buffers are what they were. CORRUPT if not even
 * its sizes can be believed. */
int dpl_arena_give_up(void *memory, size_t bytes, struct dpl_err *err);
/* Makes an arena whose journal has ended that of another epoch, while threads use it: what was not
 * spilled is forgotten, positions that were reserved in the old one are none any more (to commit
 * one changes nothing), the buffers are what they were. The old epoch's spiller has ended before.
 */
void dpl_arena_renew(struct dpl_arena *arena, const struct dpl_arena_start *start);
/* The same on memory that nobody is attached to, also where a process died within the other.
 * CORRUPT if not even its sizes can be believed. */
int dpl_arena_restart(void *memory, size_t bytes, const struct dpl_arena_start *start,
                      struct dpl_err *err);
/* Releases what is private. */
void dpl_arena_detach(struct dpl_arena *arena);

/* Gives the next position. 0, or NO_SPACE: the journal has ended (now or before), the op goes on
 * unjournalled. TOO_LARGE: more than DPL_RECORD_MAX; the journal has ended likewise. */
int dpl_arena_reserve(struct dpl_arena *arena, const struct dpl_arena_request *request,
                      struct dpl_arena_res *res);
/* Says what became of it. For OK and UNKNOWN: head is what dpl_record_encode_head wrote, data the
 * data_bytes behind it (not read if the reservation was by reference: they are where reserve said).
 * At most what was reserved. For VOID: no bytes. To commit what is committed changes nothing, so a
 * successor may repeat it. 0, or NO_SPACE/TOO_LARGE: the outcome could not be recorded and the
 * journal has ended; there is nothing for the caller to do. */
int dpl_arena_commit(struct dpl_arena *arena, const struct dpl_arena_res *res,
                     enum dpl_outcome outcome, const void *head, size_t head_bytes,
                     const void *data, size_t data_bytes);

/* What is reserved and not committed, in order of position. Returns how many there are; fills up to
 * max. */
struct dpl_arena_open {
    struct dpl_arena_res res;
    uint64_t tag;
    uint32_t slot;
    uint16_t type;
    bool spilled; /* its place was written without an outcome */
    int buffer;   /* as reserved */
};
size_t dpl_arena_open_list(struct dpl_arena *arena, struct dpl_arena_open *list, size_t max);

/* Buffers of the pool. take answers -1 when none is free. claim is for a successor: the slot says
 * that it uses this one (it may be referred to by a record too: then swap before the next read). */
int dpl_arena_buffer_take(struct dpl_arena *arena);
int dpl_arena_buffer_swap(struct dpl_arena *arena, int buffer);
void dpl_arena_buffer_claim(struct dpl_arena *arena, int buffer);
void dpl_arena_buffer_release(struct dpl_arena *arena, int buffer);
void *dpl_arena_buffer(const struct dpl_arena *arena, int buffer, size_t *bytes);

/* Ends the journal for this reason, unless it has ended. CLOSED is for an owner whose ops are all
 * committed or will be; for the others the spiller writes *mirror needed*. */
void dpl_arena_end(struct dpl_arena *arena, enum dpl_journal_end reason);
enum dpl_journal_end dpl_arena_state(const struct dpl_arena *arena);

/* Positions. next: what a reserve now would get; a remote fsync waits for it. lowest_open: the
 * lowest that is reserved and not committed, else next: `synced` is its value when a syncfs began.
 * spilled: what is in segments (all below it). */
uint64_t dpl_arena_next_lsn(struct dpl_arena *arena);
uint64_t dpl_arena_lowest_open(struct dpl_arena *arena);
uint64_t dpl_arena_spilled(struct dpl_arena *arena);

/* Figures for the monitor. */
struct dpl_arena_usage {
    uint64_t records, ring_bytes, buffers, pending; /* in use now */
};
void dpl_arena_usage(struct dpl_arena *arena, struct dpl_arena_usage *usage);

#endif
