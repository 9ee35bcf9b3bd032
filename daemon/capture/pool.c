/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Who reads the device next, see pool.h.
 */
#include "daemon/capture/pool.h"

#include "daemon/capture/worker.h"

#include <poll.h>
#include <unistd.h>

#define LOOK_EVERY   4 /* requests */
#define BEHIND_LOOKS 2

void pool_init(struct pool *pool, int device_fd)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);

    pthread_mutex_init(&pool->lock, NULL);
    for (size_t i = 0; i < SHARED_SLOTS; i++)
        pthread_cond_init(&pool->wake[i], NULL);
    pool->device_fd = device_fd;
    /* Clients need a CPU too: where there are two, a helper was measured to slow deliveries. */
    pool->helpers_max = cpus >= POOL_HELPERS + 2 ? POOL_HELPERS : cpus > 2 ? (uint32_t)cpus - 2 : 0;
}

static struct pool *pool_of(const struct thread *thread)
{
    return &thread->worker->pools[thread->root];
}

static bool more_waits(const struct pool *pool)
{
    struct pollfd pfd = {.fd = pool->device_fd, .events = POLLIN};

    return poll(&pfd, 1, 0) == 1 && (pfd.revents & POLLIN) != 0;
}

/* The leader does not keep up: whenever it looked lately, more waited. Asking costs a system call.
 */
static bool falls_behind(struct pool *pool)
{
    if (pool->helpers >= pool->helpers_max || pool->idle_count == 0 ||
        atomic_fetch_add(&pool->looks, 1) % LOOK_EVERY != 0)
        return false;
    pool->behind = more_waits(pool) ? pool->behind + 1 : 0;
    return pool->behind >= BEHIND_LOOKS;
}

/* With the lock held: gives the most recently idle thread a role. */
static bool wake_one(struct pool *pool, enum pool_role role)
{
    uint32_t slot;

    if (pool->idle_count == 0)
        return false;
    slot = pool->idle[--pool->idle_count];
    pool->role[slot] = (uint8_t)role;
    if (role == POOL_LEADER) {
        atomic_store(&pool->serving, 0);
        atomic_store(&pool->leader, slot + 1);
    } else {
        pool->helpers++;
    }
    pthread_cond_signal(&pool->wake[slot]);
    return true;
}

/* With the lock held: this thread reads no more. */
static void lay_down(struct pool *pool, uint32_t slot)
{
    if (pool->role[slot] == POOL_HELPER)
        pool->helpers--;
    pool->role[slot] = POOL_IDLE;
}

static bool wait_for_role(struct pool *pool, uint32_t slot)
{
    pthread_mutex_lock(&pool->lock);
    if (pool->role[slot] == POOL_LEADER && atomic_load(&pool->leader) != slot + 1)
        pool->role[slot] = POOL_IDLE;
    if (pool->role[slot] == POOL_IDLE && !pool->ended) {
        if (atomic_load(&pool->leader) == 0) {
            pool->role[slot] = POOL_LEADER;
            atomic_store(&pool->serving, 0);
            atomic_store(&pool->leader, slot + 1);
        } else {
            pool->idle[pool->idle_count++] = slot;
        }
    }
    while (pool->role[slot] == POOL_IDLE && !pool->ended)
        pthread_cond_wait(&pool->wake[slot], &pool->lock);
    pthread_mutex_unlock(&pool->lock);
    return !pool->ended;
}

bool pool_turn(struct thread *thread)
{
    struct pool *pool = pool_of(thread);
    uint32_t slot = thread->index;

    for (;;) {
        if (atomic_load(&pool->leader) == slot + 1)
            return !pool->ended;
        if (pool->role[slot] == POOL_HELPER) {
            if (more_waits(pool))
                return !pool->ended;
            pthread_mutex_lock(&pool->lock);
            lay_down(pool, slot);
            pthread_mutex_unlock(&pool->lock);
        }
        if (!wait_for_role(pool, slot))
            return false;
    }
}

void pool_step_down(struct thread *thread)
{
    struct pool *pool = pool_of(thread);
    uint32_t slot = thread->index;

    if (thread->slot->attempts != 0)
        return; /* a takeover: nobody reads yet */
    pthread_mutex_lock(&pool->lock);
    if (atomic_load(&pool->leader) == slot + 1) {
        atomic_store(&pool->leader, 0);
        wake_one(pool, POOL_LEADER);
    }
    lay_down(pool, slot);
    pthread_mutex_unlock(&pool->lock);
}

void pool_begin(struct thread *thread, bool slow)
{
    struct pool *pool = pool_of(thread);

    atomic_fetch_add(&pool->turns, 1);
    if (atomic_load(&pool->leader) == thread->index + 1)
        atomic_store(&pool->serving, 1);
    if (slow) {
        pool_step_down(thread);
    } else if (falls_behind(pool)) {
        pool->behind = 0;
        pthread_mutex_lock(&pool->lock);
        if (pool->helpers < pool->helpers_max)
            wake_one(pool, POOL_HELPER);
        pthread_mutex_unlock(&pool->lock);
    }
}

void pool_done(struct thread *thread)
{
    struct pool *pool = pool_of(thread);

    if (atomic_load(&pool->leader) == thread->index + 1)
        atomic_store(&pool->serving, 0);
}

void pool_end(struct pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    pool->ended = true;
    for (size_t i = 0; i < SHARED_SLOTS; i++)
        pthread_cond_signal(&pool->wake[i]);
    pthread_mutex_unlock(&pool->lock);
}

enum pool_verdict pool_guard(struct pool *pool)
{
    enum pool_verdict verdict = POOL_QUIET;
    uint64_t turns = atomic_load(&pool->turns);
    bool stuck = turns == pool->guard_turns && atomic_load(&pool->serving) != 0;

    if (turns != pool->guard_turns || stuck)
        verdict = POOL_BUSY;
    pool->guard_turns = turns;
    pthread_mutex_lock(&pool->lock);
    if (stuck || atomic_load(&pool->leader) == 0) {
        verdict = POOL_BUSY;
        if (!pool->ended && !wake_one(pool, POOL_LEADER)) {
            atomic_store(&pool->leader, 0);
            verdict = POOL_WANTS_THREAD;
        }
    }
    pthread_mutex_unlock(&pool->lock);
    return verdict;
}
