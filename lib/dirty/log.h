/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The writer of a dirty log: what is changed next is durable in it before the change is made.
 *
 * What must outlive the process (what was written, what is hot) is plain data in shared memory; the
 * process may die by SIGKILL between any two instructions, and the next one attaches to the same
 * memory and goes on. Locks, and the threads that wait, are in struct dpl_dirty, which is private
 * to a process. Only one process at a time may use a log, with any number of threads.
 *
 * A change goes like this:
 *
 *     section = dpl_dirty_enter(log)
 *     if it is to be logged and !dpl_dirty_hot(log, key)
 *         dpl_dirty_add(log, keys, count)        returns when they are durable
 *     the change
 *     dpl_dirty_leave(log, section)
 *
 * Threads that add at the same time share a write. What was added is hot: it needs no entry until
 * the next generation begins. A section keeps a generation's end from being believed while a change
 * that relied on its entries is still under way; it must not be held while waiting for another.
 *
 * Failure. Nothing fails for the caller. When a write fails the log is off for good and its event
 * tells: then everything must be compared, which is written to the header if that can be written.
 * A full log first names whole objects, then says "everything" until the next generation.
 */
#ifndef DPL_DIRTY_LOG_H
#define DPL_DIRTY_LOG_H

#include "lib/dirty/list.h"

#include <pthread.h>
#include <stdatomic.h>

enum {
    DPL_DIRTY_HOT = 1 << 18,    /* places in the table of what is hot; filled to three quarters */
    DPL_DIRTY_ADD_MAX = 16,     /* keys of one call */
    DPL_DIRTY_QUEUE = 1024,     /* keys that wait together */
    DPL_DIRTY_WRITE_BLOCKS = 8, /* of one write */
};

struct dpl_dirty_hot {
    _Atomic uint64_t stamp; /* the key is hot if this is that of the table */
    struct dpl_dirty_key key;
};

/* What is in the file, as far as it was acknowledged. */
struct dpl_dirty_state {
    struct dpl_dirty_head head;
    uint64_t end;                   /* the number of the sector that is filled next */
    struct dpl_dirty_sector sector; /* and what it holds */
    uint8_t block[DPL_DIRTY_BLOCK]; /* the block that it is in, zeros behind it */
};

/* In shared memory, zeroed at first. */
struct dpl_dirty_shared {
    _Atomic uint32_t open;   /* 0: there is no log */
    _Atomic uint32_t failed; /* of enum dpl_dirty_reason: the log is off */
    _Atomic uint32_t which;  /* of the states is true */
    _Atomic uint32_t busy;   /* something may be in the file that the state does not know */
    _Atomic uint64_t reach;  /* sectors below it may have been written */
    _Atomic uint64_t generation;
    _Atomic uint64_t all_generation; /* nothing needs to be logged in this one and before */
    _Atomic int64_t born_ns;         /* objects born at or after it are new */
    _Atomic uint64_t hot_stamp;
    _Atomic uint32_t hot_used, hot_objects;
    _Atomic uint64_t entries, writes, coarsened; /* figures */
    struct dpl_dirty_state state[2];
    struct dpl_dirty_hot hot[DPL_DIRTY_HOT];
};

struct dpl_dirty_events {
    /* The log is off, or full. durable: its header says so too. Called without locks held. */
    void (*all)(void *self, enum dpl_dirty_reason reason, bool durable);
    /* For tests: a point at which a process may die. */
    void (*point)(void *self, int which);
    void *self;
};
enum { DPL_DIRTY_POINT_WRITE, DPL_DIRTY_POINT_WRITTEN, DPL_DIRTY_POINT_HOT };

/* This process's view. Members are private. */
struct dpl_dirty {
    struct dpl_dirty_shared *shared;
    struct dpl_dirty_io io;
    struct dpl_dirty_events events;
    pthread_mutex_t lock;
    pthread_cond_t change;
    bool writing; /* somebody has the role of the one who writes */
    uint64_t batch, done;
    struct dpl_dirty_key queue[DPL_DIRTY_QUEUE], taken[DPL_DIRTY_QUEUE];
    size_t queued;
    _Atomic uint32_t sections[2]; /* by the lowest bit of the generation */
    uint8_t *buffer;
};

/* Who owns the set from now on. */
struct dpl_dirty_owner {
    uint64_t epoch;
    uint8_t epoch_id[16];
    uint8_t fs_uuid[16]; /* zeros where it is not known */
    int64_t now_ns;      /* wall clock: the mark's time is never above it */
};

/* Begins an ownership: reads the file into zeroed shared memory, what is hot included, and stamps
 * it. CORRUPT: the file is not valid, or of another file system, and was not touched. IO: it cannot
 * be written. */
int dpl_dirty_begin(struct dpl_dirty_shared *shared, const struct dpl_dirty_io *io,
                    const struct dpl_dirty_owner *owner, struct dpl_err *err);
/* Attaches a process to what begin made, or a process that died left. What a write that was not
 * acknowledged left in the file is taken out. The memory must outlive the log. */
int dpl_dirty_attach(struct dpl_dirty *log, struct dpl_dirty_shared *shared,
                     const struct dpl_dirty_io *io, const struct dpl_dirty_events *events,
                     struct dpl_err *err);
void dpl_dirty_detach(struct dpl_dirty *log);

/* The owner goes on with another epoch. When it returns 0 the stamp names that. */
int dpl_dirty_restamp(struct dpl_dirty *log, uint64_t epoch, const uint8_t epoch_id[16],
                      struct dpl_err *err);

/* Whether changes are to be logged at all: there is a log that works and does not say "everything".
 */
bool dpl_dirty_wants(const struct dpl_dirty *log);
/* Objects that were born before this must be; INT64_MAX while there is no mark. */
static inline int64_t dpl_dirty_born_ns(const struct dpl_dirty *log)
{
    return atomic_load(&log->shared->born_ns);
}

unsigned dpl_dirty_enter(struct dpl_dirty *log);
void dpl_dirty_leave(struct dpl_dirty *log, unsigned section);
bool dpl_dirty_hot(const struct dpl_dirty *log, const struct dpl_dirty_key *key);
/* Returns when the keys are durable, or when the log says "everything" (and then so). At most
 * DPL_DIRTY_ADD_MAX keys. */
void dpl_dirty_add(struct dpl_dirty *log, const struct dpl_dirty_key *keys, size_t count);
/* For an object that no entry can name: everything is dirty in this generation. */
void dpl_dirty_add_all(struct dpl_dirty *log, enum dpl_dirty_reason reason);

/* The mark. A candidate opens a generation in which nothing is hot: what was born before time_ns is
 * old from now on. It counts from the first position at which settled() says that no change that
 * began before is under way; place() says which that is. An earlier candidate is given up. BUSY:
 * changes of the generation before the last are still under way; ask later. */
int dpl_dirty_candidate_open(struct dpl_dirty *log, int64_t time_ns, struct dpl_err *err);
bool dpl_dirty_candidate_settled(const struct dpl_dirty *log);
int dpl_dirty_candidate_place(struct dpl_dirty *log, uint64_t epoch, uint64_t lsn,
                              struct dpl_err *err);
/* The candidate of this position becomes the mark: both sides hold everything before it durably.
 * Older generations are dropped. NOT_FOUND: it is not the candidate. */
int dpl_dirty_mark_set(struct dpl_dirty *log, uint64_t epoch, uint64_t lsn, struct dpl_err *err);
/* The clock was set back: no time of the log is above this. */
int dpl_dirty_mark_lower(struct dpl_dirty *log, int64_t now_ns, struct dpl_err *err);
/* A copy of the header as it is now. */
void dpl_dirty_head_now(const struct dpl_dirty *log, struct dpl_dirty_head *head);

#endif
