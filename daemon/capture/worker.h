/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The worker: the process that serves the mounts. It may die at any moment; see takeover.h for what
 * its successor does, and keeper.h for who starts it.
 */
#ifndef DPL_CAPTURE_WORKER_H
#define DPL_CAPTURE_WORKER_H

#include "daemon/capture/border.h"
#include "daemon/capture/cred.h"
#include "daemon/capture/fdcache.h"
#include "daemon/capture/lock.h"
#include "daemon/capture/node.h"
#include "daemon/capture/options.h"
#include "daemon/capture/pool.h"
#include "lib/dirty/log.h"
#include "lib/journal/arena.h"

struct worker {
    const struct options *options;
    struct memory memory;
    struct shared *shared;
    struct dpl_arena arena;
    struct dpl_dirty dirty;
    struct node_table nodes;
    struct fdcache cache;
    struct lock_table locks;
    struct border border;
    struct pool pools[SHARED_ROOTS];
    struct thread *threads[SHARED_SLOTS]; /* by slot; they live as long as the process */
    bool left;                            /* requests of a takeover have no thread yet */
    pthread_mutex_t journal_lock;         /* held while shared->journal is odd, see renew.h */
};

/* A thread serves one root, in one slot. */
struct thread {
    struct worker *worker;
    struct slot *slot;
    uint32_t index; /* of the slot */
    uint32_t root;
    struct cred cred;
    uint8_t *out; /* SHARED_BUFFER bytes for answers */
};

/* Runs the worker until every mount has ended; returns the exit status of its process. */
int worker_run(const struct options *options, const struct memory *memory);

/* Shared memory is not what was written: it is said, and the journal is believed no more. */
void worker_damaged(struct worker *worker, const char *what);

/* The first records of a journal say what its roots are. */
void worker_record_roots(struct worker *worker, struct thread *thread);
/* Makes a thread of the slot, private parts only. */
int worker_thread_init(struct thread *thread, struct worker *worker, uint32_t slot,
                       struct dpl_err *err);

#endif
