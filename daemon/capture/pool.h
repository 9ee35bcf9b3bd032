/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Who reads the device next.
 *
 * One thread of a root, the leader, waits in read(2); it serves what it reads itself and comes
 * back, so that its caches stay warm and nobody is woken. When it falls behind and there are CPUs
 * for more than it and its clients, helpers read too, a few, until nothing waits. A request that
 * may wait for a disk makes its thread step down first, and the guard takes the lead from a leader
 * that has been at one request for too long: a stuck op holds up nobody else. When every thread is
 * stuck, the guard asks for another.
 */
#ifndef DPL_CAPTURE_POOL_H
#define DPL_CAPTURE_POOL_H

#include "daemon/capture/shared.h"

#include <pthread.h>

struct thread;

#define POOL_HELPERS 3

/* What is atomic is looked at without the lock, and changed with it. */
struct pool {
    pthread_mutex_t lock;
    int device_fd;
    _Atomic bool ended;
    _Atomic uint32_t leader;  /* slot + 1, or 0 */
    _Atomic uint64_t turns;   /* requests that leaders began */
    _Atomic uint32_t serving; /* the leader is at a request */
    _Atomic uint32_t helpers;
    uint32_t helpers_max;
    _Atomic uint32_t looks, behind; /* of the leader: how often it looked, and saw more in a row */
    uint32_t idle[SHARED_SLOTS];
    _Atomic uint32_t idle_count;
    _Atomic uint8_t role[SHARED_SLOTS]; /* of enum pool_role, by slot */
    pthread_cond_t wake[SHARED_SLOTS];
    uint64_t guard_turns; /* what the guard saw last */
};

enum pool_role { POOL_IDLE, POOL_LEADER, POOL_HELPER };

void pool_init(struct pool *pool, int device_fd);
/* Waits until this thread is to read. False: the root has ended. */
bool pool_turn(struct thread *thread);
/* A request was read. slow: it may wait for a disk. */
void pool_begin(struct thread *thread, bool slow);
/* It has been answered. */
void pool_done(struct thread *thread);
/* The request turns out to be slow: somebody else is to read. */
void pool_step_down(struct thread *thread);
/* Wakes all: the root has ended. */
void pool_end(struct pool *pool);

enum pool_verdict { POOL_QUIET, POOL_BUSY, POOL_WANTS_THREAD };
/* What the guard does at each tick. */
enum pool_verdict pool_guard(struct pool *pool);

#endif
