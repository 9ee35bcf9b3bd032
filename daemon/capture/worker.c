/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The worker, see worker.h: it takes over what is there, starts its threads, and then watches them.
 */
#include "daemon/capture/worker.h"

#include "daemon/capture/dirty.h"
#include "daemon/capture/keeper.h"
#include "daemon/capture/recorder.h"
#include "daemon/capture/remote.h"
#include "daemon/capture/renew.h"
#include "daemon/capture/runstate.h"
#include "daemon/capture/serve.h"
#include "daemon/capture/spiller.h"
#include "daemon/capture/synced.h"
#include "daemon/capture/takeover.h"
#include "daemon/capture/watch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define GUARD_BUSY_MS 5
#define GUARD_IDLE_MS 50
#define FIRST_THREADS 4

int worker_thread_init(struct thread *thread, struct worker *worker, uint32_t slot,
                       struct dpl_err *err)
{
    memset(thread, 0, sizeof(*thread));
    thread->worker = worker;
    thread->index = slot;
    thread->slot = &worker->shared->slots[slot];
    thread->root = thread->slot->root;
    thread->out = memory_private(SHARED_BUFFER);
    if (thread->out == NULL)
        return dpl_err_sys(err, errno, "no memory for a thread");
    return cred_init_thread(&thread->cred, err);
}

/* Every page that a read may fill must be in our page table: a fault in the middle of the kernel's
 * copy, together with a SIGKILL, would give the application an error. */
static void make_present(const struct worker *worker, int buffer)
{
    size_t size;
    void *at = dpl_arena_buffer(&worker->arena, buffer, &size);

    mlock(at, size);
    madvise(at, size, MADV_POPULATE_WRITE);
}

static void sleep_ms(long ms)
{
    struct timespec time = {.tv_nsec = ms * 1000000};

    nanosleep(&time, NULL);
}

static void *thread_main(void *arg)
{
    struct thread *thread = arg;
    struct worker *worker = thread->worker;
    uint32_t slot = thread->index;
    struct dpl_err err = {0};
    bool told = false;

    /* A request may be in its slot, which nobody else would answer: so it does not give up. */
    while (worker_thread_init(thread, worker, slot, &err) != 0) {
        if (!told)
            fprintf(stderr, "doppel-capture: %s: trying again\n", err.text);
        told = true;
        sleep_ms(GUARD_IDLE_MS);
    }
    if (atomic_load(&thread->slot->state) == SLOT_GOT)
        serve_request(thread, true); /* left by the takeover */
    serve_loop(thread);
    return NULL;
}

/* Starts the thread of a slot. */
static int start_in_slot(struct worker *worker, uint32_t slot)
{
    struct shared *shared = worker->shared;
    struct thread *thread = calloc(1, sizeof(*thread));
    pthread_attr_t attr;
    pthread_t id;
    int code;

    if (thread == NULL)
        return -ENOMEM;
    if (shared->slots[slot].buffer < 0)
        shared->slots[slot].buffer = dpl_arena_buffer_take(&worker->arena);
    if (shared->slots[slot].buffer < 0) {
        free(thread);
        return -ENOMEM;
    }
    make_present(worker, shared->slots[slot].buffer);
    thread->worker = worker;
    thread->index = slot;
    worker->threads[slot] = thread;
    atomic_fetch_add(&shared->threads, 1);
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attr, 256 * 1024);
    code = pthread_create(&id, &attr, thread_main, thread);
    pthread_attr_destroy(&attr);
    if (code == 0)
        return 0;
    /* The slot is free for the next try: there are not many. */
    atomic_fetch_sub(&shared->threads, 1);
    worker->threads[slot] = NULL;
    free(thread);
    return -code;
}

/* Whether a takeover has left a request there that nobody serves yet. */
static bool is_left(const struct worker *worker, uint32_t slot)
{
    return worker->threads[slot] == NULL &&
           atomic_load(&worker->shared->slots[slot].state) == SLOT_GOT;
}

/* Gives each of these a thread. True: for some there is none yet. */
static bool start_left(struct worker *worker)
{
    bool left = false;

    for (uint32_t i = 0; i < SHARED_SLOTS; i++)
        if (is_left(worker, i) && start_in_slot(worker, i) != 0)
            left = true;
    return left;
}

/* Starts one more thread of this root. */
static int start_thread(struct worker *worker, uint32_t root)
{
    uint32_t slot = 0;

    while (slot < SHARED_SLOTS && (worker->threads[slot] || is_left(worker, slot)))
        slot++;
    if (slot == SHARED_SLOTS)
        return -EAGAIN;
    worker->shared->slots[slot].root = root;
    return start_in_slot(worker, slot);
}

void worker_damaged(struct worker *worker, const char *what)
{
    atomic_fetch_add(&worker->shared->count.damaged, 1);
    dpl_arena_end(&worker->arena, DPL_JOURNAL_DAMAGED);
    atomic_store(&worker->shared->mode, MODE_PASS);
    fprintf(stderr, "doppel-capture: set '%s': the shared memory is damaged: %s\n",
            worker->options->set, what);
}

/* What contradicts itself is given up, and the mount goes on without a journal. */
static int attach_arena(struct worker *worker, struct dpl_err *err)
{
    struct shared *shared = worker->shared;
    void *memory = worker->memory.arena;
    int code = dpl_arena_attach(&worker->arena, memory, shared->arena_bytes, err);

    if (code != DPL_E_CORRUPT)
        return code;
    code = dpl_arena_give_up(memory, shared->arena_bytes, err);
    if (code == 0)
        code = dpl_arena_attach(&worker->arena, memory, shared->arena_bytes, err);
    if (code == 0)
        worker_damaged(worker, "the journal is not what was noted: it has ended");
    return code;
}

static int attach(struct worker *worker, struct dpl_err *err)
{
    struct shared *shared = worker->shared;
    struct rlimit files = {0};
    int code;

    code = attach_arena(worker, err);
    if (code != 0)
        return code;
    code = dirty_attach(worker, err);
    if (code != 0)
        return code;
    if (atomic_load(&shared->crash_loop) != 0)
        dpl_arena_end(&worker->arena, DPL_JOURNAL_CRASH_LOOP);
    for (uint32_t i = 0; i < SHARED_SLOTS; i++)
        if (shared->slots[i].buffer >= 0 && shared->slots[i].buffer < SHARED_BUFFERS)
            dpl_arena_buffer_claim(&worker->arena, shared->slots[i].buffer);
    getrlimit(RLIMIT_NOFILE, &files);
    code = fdcache_init(&worker->cache, shared, (uint32_t)(files.rlim_cur / 2), err);
    if (code == 0)
        code = node_table_init(&worker->nodes, shared, &worker->cache, err);
    if (code == 0 && worker->nodes.damaged > 0)
        worker_damaged(worker, "objects are not what was noted: they are refused");
    if (code == 0)
        code = lock_table_init(&worker->locks, err);
    if (code == 0)
        code = border_init(&worker->border, shared, worker->options, err);
    return code;
}

void worker_record_roots(struct worker *worker, struct thread *thread)
{
    struct op op = {.thread = thread, .worker = worker, .slot = thread->slot, .own_fd = -1};

    for (uint32_t i = 0; i < worker->shared->root_count; i++) {
        struct dpl_record record = {.type = DPL_R_ROOT, .number = i};
        struct statx stx;

        record.has = DPL_F_OBJECT | DPL_F_NUMBER | DPL_F_PATH | DPL_F_ATTR;
        record.object = recorder_oid(&op, 1 + i);
        record.path.data = (const uint8_t *)worker->options->roots[i];
        record.path.size = strlen(worker->options->roots[i]);
        if (stat_fd(worker->shared->roots[i].dir_fd, &stx) == 0)
            stat_to_record(&stx, &record.attr);
        recorder_first(&op, &record);
    }
}

static bool all_ended(const struct shared *shared)
{
    for (uint32_t i = 0; i < shared->root_count; i++)
        if (atomic_load(&shared->roots[i].ended) == 0)
            return false;
    return true;
}

/* Takes the lead from threads that are stuck, and says that we live. */
static void guard(struct worker *worker)
{
    struct shared *shared = worker->shared;

    while (!all_ended(shared)) {
        bool busy = false;

        if (!worker->options->single && getppid() != shared->keeper)
            keeper_replace(&worker->memory);

        for (uint32_t i = 0; i < shared->root_count; i++) {
            enum pool_verdict verdict = pool_guard(&worker->pools[i]);

            if (verdict == POOL_WANTS_THREAD)
                start_thread(worker, i);
            busy |= verdict != POOL_QUIET;
        }
        if (worker->left)
            worker->left = start_left(worker);
        renew_look(worker);
        runstate_beat(worker);
        sleep_ms(busy ? GUARD_BUSY_MS : GUARD_IDLE_MS);
    }
}

/* What stands before all else in a journal; a predecessor may have died before it was there. */
static void begin_journal(struct worker *worker, struct thread *thread, bool resumed)
{
    struct shared *shared = worker->shared;

    if (atomic_load(&shared->rooted) == 0) {
        worker_record_roots(worker, thread);
        if (!resumed)
            watch_record_mapped(worker);
        atomic_store(&shared->rooted, 1);
    }
    if (resumed || (atomic_load(&shared->renew.phase) == RENEW_SETTLING &&
                    atomic_load(&shared->mode) == MODE_PASS))
        renew_open(worker);
}

int worker_run(const struct options *options, const struct memory *memory)
{
    static struct worker worker;
    static struct thread thread;
    struct shared *shared = memory->shared;
    struct dpl_err err = {0};
    bool resumed;
    int code;

    worker.options = options;
    worker.memory = *memory;
    worker.shared = shared;
    pthread_mutex_init(&worker.journal_lock, NULL);
    if (!options->single)
        prctl(PR_SET_NAME, "doppel-worker");
    watch_note_own(shared);
    takeover_counts(shared);
    if (inject_no_start())
        return 1;
    resumed = renew_resume(memory, &err);
    code = cred_init_process(&err);
    if (code == 0)
        code = attach(&worker, &err);
    if (code == 0)
        code = worker_thread_init(&thread, &worker, 0, &err);
    if (code == 0)
        code = spiller_start(&worker, &err);
    if (code == 0)
        code = runstate_start(&worker, &err);
    if (code == 0)
        code = remote_start(&worker, &err);
    if (code != 0) {
        fprintf(stderr, "doppel-capture: %s\n", err.text);
        return 1;
    }
    for (uint32_t i = 0; i < shared->root_count; i++)
        pool_init(&worker.pools[i], shared->roots[i].device_fd);
    atomic_fetch_add(&shared->incarnation, 1);
    begin_journal(&worker, &thread, resumed);
    takeover_run(&worker, &thread);
    renew_taken_over(&worker);
    atomic_store(&shared->threads, 0);
    worker.left = start_left(&worker);
    for (uint32_t root = 0; root < shared->root_count; root++)
        for (uint32_t i = 0; i < FIRST_THREADS; i++)
            start_thread(&worker, root);
    if (watch_start(&worker, &err) != 0)
        fprintf(stderr, "doppel-capture: %s\n", err.text);
    if (synced_start(&worker, &err) != 0)
        fprintf(stderr, "doppel-capture: %s\n", err.text);
    guard(&worker);
    renew_stop();
    spiller_stop(&worker);
    return 0;
}
