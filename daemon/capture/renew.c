/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The next journal, see renew.h.
 */
#include "daemon/capture/renew.h"

#include "daemon/capture/dirty.h"
#include "daemon/capture/recorder.h"
#include "daemon/capture/spiller.h"
#include "lib/base/clock.h"
#include "lib/journal/segment.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#define SECOND_NS INT64_C(1000000000)
#define WANTED_NS (30 * SECOND_NS) /* somebody waits for a journal: no longer than this */
#define RETRY_NS  (5 * SECOND_NS)  /* while there is no room for one */
#define LOOK_MS   5
#define SAY_LOOKS 2000 /* an op that is stuck is said after so many looks */
#define DOUBLINGS 32U

static struct {
    pthread_t thread;
    bool running;
    _Atomic bool done, stopping;
    int64_t not_before_ns;
    bool failed;
    char said[512]; /* why, said once */
} at;

static int64_t now_ns(void)
{
    return dpl_clock_now_ns(&dpl_clock_system);
}

static void pause_ms(long ms)
{
    const struct timespec time = {.tv_nsec = ms * 1000000};

    nanosleep(&time, NULL);
}

/* --- when ------------------------------------------------------------------------------------- */

/* What a new journal would mend. One whose memory is damaged, and one that a person ended, stay. */
static bool may_follow(enum dpl_journal_end end)
{
    switch (end) {
    case DPL_JOURNAL_MEMORY_FULL:
    case DPL_JOURNAL_BOUND:
    case DPL_JOURNAL_MIN_FREE:
    case DPL_JOURNAL_IO_ERROR:
    case DPL_JOURNAL_TOO_LARGE:
    case DPL_JOURNAL_CRASH_LOOP:
        return true;
    default:
        return false;
    }
}

int64_t renew_wait_ns(const struct options *options, uint32_t short_lived, bool crash_loop,
                      bool wanted)
{
    int64_t shortest = (int64_t)options->renew_shortest_s * SECOND_NS;
    int64_t longest = (int64_t)options->renew_longest_s * SECOND_NS;
    int64_t wait = shortest;

    for (uint32_t i = 1; i < short_lived && i < DOUBLINGS && wait < longest; i++)
        wait *= 2;
    if (wait > longest)
        wait = longest;
    if (wanted && wait > WANTED_NS)
        wait = WANTED_NS;
    /* What killed the workers may be there still. */
    if (crash_loop && wait < (int64_t)options->crash_seconds * SECOND_NS)
        wait = (int64_t)options->crash_seconds * SECOND_NS;
    return wait;
}

static int64_t wait_of(const struct worker *worker)
{
    const struct shared_renew *renew = &worker->shared->renew;

    return renew_wait_ns(worker->options, atomic_load(&renew->short_lived),
                         dpl_arena_state(&worker->arena) == DPL_JOURNAL_CRASH_LOOP,
                         atomic_load(&renew->wanted) != 0);
}

/* Seen for the first time. */
static void note_end(struct worker *worker, int64_t at_ns)
{
    struct shared_renew *renew = &worker->shared->renew;
    int64_t lived_ns = at_ns - atomic_load(&renew->began_ns);
    bool soon = lived_ns < (int64_t)worker->options->renew_longest_s * SECOND_NS;
    uint32_t count = soon ? atomic_load(&renew->short_lived) + 1 : 1;

    atomic_store(&renew->short_lived, count);
    atomic_store(&renew->wanted, 0);
    atomic_fetch_add(&worker->shared->count.journal_ends, 1);
    atomic_store(&renew->ended_ns, at_ns);
    if (count > 1)
        fprintf(stderr,
                "doppel-capture: set '%s': %u journals in a row ended soon: the next one begins in "
                "%lld s\n",
                worker->options->set, count, (long long)(wait_of(worker) / SECOND_NS));
}

/* --- the cut ---------------------------------------------------------------------------------- */

static struct dpl_arena_start start_of(const struct dpl_epoch *epoch)
{
    return (struct dpl_arena_start){
        .epoch_tag = dpl_epoch_tag(epoch), .lsn = 0, .chain = dpl_epoch_chain(epoch)};
}

bool renew_resume(const struct memory *memory, struct dpl_err *err)
{
    struct shared *shared = memory->shared;
    struct dpl_arena_start start;

    if (atomic_load(&shared->renew.phase) != RENEW_FLIP)
        return false;
    shared->epoch = shared->renew.next;
    atomic_store(&shared->synced_lsn, 0);
    atomic_store(&shared->rooted, 0);
    start = start_of(&shared->epoch);
    /* What contradicts itself is found by who attaches. */
    (void)dpl_arena_restart(memory->arena, shared->arena_bytes, &start, err);
    return true;
}

void renew_open(struct worker *worker)
{
    struct shared *shared = worker->shared;

    atomic_store(&shared->crash_loop, 0);
    atomic_store(&shared->renew.wanted, 0);
    atomic_store(&shared->renew.began_ns, now_ns());
    atomic_store(&shared->renew.ended_ns, 0);
    atomic_store(&shared->renew.phase, RENEW_SETTLING);
    inject(INJECT_RENEW_SETTLING);
    atomic_store(&shared->journal, (atomic_load(&shared->journal) | 1U) + 1);
    if (dpl_arena_state(&worker->arena) == DPL_JOURNAL_RUNS)
        atomic_store(&shared->mode, MODE_JOURNAL);
    inject(INJECT_RENEW_OPEN);
}

/* The arena's threads may be anywhere: those that hold a position of the old journal find that it
 * is none any more. */
static void cut(struct worker *worker, struct thread *thread, const struct dpl_epoch *next)
{
    struct shared *shared = worker->shared;
    struct dpl_arena_start start = start_of(next);

    pthread_mutex_lock(&worker->journal_lock);
    shared->renew.next = *next;
    atomic_store(&shared->journal, atomic_load(&shared->journal) | 1U);
    atomic_store(&shared->rooted, 0);
    atomic_store(&shared->renew.phase, RENEW_FLIP);
    inject(INJECT_RENEW_FLIP);
    shared->epoch = *next;
    atomic_store(&shared->synced_lsn, 0);
    dpl_arena_renew(&worker->arena, &start);
    inject(INJECT_RENEW_EMPTY);
    worker_record_roots(worker, thread);
    atomic_store(&shared->rooted, 1);
    inject(INJECT_RENEW_ROOTS);
    renew_open(worker);
    pthread_mutex_unlock(&worker->journal_lock);
}

void renew_ended(struct worker *worker, uint32_t journal)
{
    pthread_mutex_lock(&worker->journal_lock);
    if (atomic_load(&worker->shared->journal) == journal)
        atomic_store(&worker->shared->mode, MODE_PASS);
    pthread_mutex_unlock(&worker->journal_lock);
}

/* --- before it: room and a segment ------------------------------------------------------------ */

/* Removes what is older than this epoch; of the newest that is left, all but its last segment,
 * whose header says how it ended. */
static int drop_before(int dir_fd, uint64_t epoch, bool last_too, struct dpl_err *err)
{
    struct dpl_segment_entry *list = NULL;
    ssize_t count = dpl_segments_list(dir_fd, &list, err), code = count;
    ssize_t last = -1;

    for (ssize_t i = 0; i < count; i++)
        if (list[i].epoch < epoch)
            last = i;
    for (ssize_t i = 0; i <= last && code >= 0; i++) {
        if (i > 0 && list[i].epoch == list[i - 1].epoch)
            continue;
        if (list[i].epoch != list[last].epoch || last_too)
            code = dpl_segments_remove(dir_fd, list[i].epoch, err);
        else
            code = dpl_segments_trim(dir_fd, list[i].epoch, UINT64_MAX, err);
    }
    free(list);
    return code < 0 ? (int)code : 0;
}

/* Above all that the directory knows, and a child of the one that ended. */
static int choose(const struct worker *worker, struct dpl_epoch *next, struct dpl_err *err)
{
    const struct shared *shared = worker->shared;
    struct dpl_segment_entry *list = NULL;
    ssize_t count = dpl_segments_list(shared->journal_fd, &list, err);

    if (count < 0)
        return (int)count;
    *next = shared->epoch;
    for (ssize_t i = 0; i < count; i++)
        if (list[i].epoch > next->number)
            next->number = list[i].epoch;
    free(list);
    next->number++;
    memcpy(next->parent_id, shared->epoch.id, sizeof(next->parent_id));
    if (getrandom(next->id, sizeof(next->id), 0) != sizeof(next->id))
        return dpl_err_sys(err, errno, "no random number");
    return 0;
}

static int make_segment(struct worker *worker, struct dpl_epoch *next, struct dpl_err *err)
{
    int dir_fd = worker->shared->journal_fd;
    struct dpl_segment_limits limits = spiller_limits(worker->options);
    int code = drop_before(dir_fd, UINT64_MAX, false, err);

    inject(INJECT_RENEW_DROPPED);
    if (code == 0)
        code = choose(worker, next, err);
    if (code == 0)
        code = dpl_segments_create(dir_fd, next, &limits, &dpl_segment_io_system, err);
    if (code == 0)
        return 0;
    /* The last segment of the old journal may be what takes the room. */
    (void)drop_before(dir_fd, UINT64_MAX, true, NULL);
    return dpl_err_context(err, "no new journal yet");
}

/* --- after it: what began before -------------------------------------------------------------- */

static bool is_busy(const struct slot *slot)
{
    uint32_t state = atomic_load(&slot->state);

    return state == SLOT_GOT || state == SLOT_STARTED || state == SLOT_DONE;
}

struct before {
    bool busy[SHARED_SLOTS];
    uint64_t served[SHARED_SLOTS];
};

static bool any_left(const struct shared *shared, struct before *before)
{
    bool any = false;

    for (uint32_t i = 0; i < SHARED_SLOTS; i++) {
        const struct slot *slot = &shared->slots[i];

        before->busy[i] =
            before->busy[i] && is_busy(slot) && atomic_load(&slot->served) == before->served[i];
        any |= before->busy[i];
    }
    return any;
}

static void shown(struct worker *worker)
{
    atomic_store(&worker->shared->renew.phase, RENEW_NONE);
    fprintf(stderr,
            "doppel-capture: set '%s': a new journal has begun, epoch %llu: a mirror makes the "
            "sites equal\n",
            worker->options->set, (unsigned long long)worker->shared->epoch.number);
}

/* Waits until all is done that was under way when the cut was made. A slot that reads now began
 * after it. */
static void settle(struct worker *worker)
{
    struct shared *shared = worker->shared;
    struct before before;

    for (uint32_t i = 0; i < SHARED_SLOTS; i++) {
        before.served[i] = atomic_load(&shared->slots[i].served);
        before.busy[i] = is_busy(&shared->slots[i]);
    }
    for (uint32_t looks = 0; any_left(shared, &before); looks++) {
        if (atomic_load(&at.stopping) || atomic_load(&shared->mode) != MODE_JOURNAL)
            return;
        if (looks == SAY_LOOKS)
            fprintf(stderr,
                    "doppel-capture: set '%s': the new journal waits for an op that began before "
                    "it and is stuck below\n",
                    worker->options->set);
        pause_ms(LOOK_MS);
    }
    inject(INJECT_RENEW_SETTLED);
    if (atomic_load(&shared->mode) == MODE_JOURNAL)
        shown(worker);
}

void renew_taken_over(struct worker *worker)
{
    struct shared *shared = worker->shared;

    if (atomic_load(&shared->renew.phase) != RENEW_SETTLING)
        return;
    /* The cut may have been made but for its last step. */
    if (dpl_arena_state(&worker->arena) == DPL_JOURNAL_RUNS)
        shown(worker);
    else
        atomic_store(&shared->renew.phase, RENEW_NONE);
}

/* --- the thread ------------------------------------------------------------------------------- */

static int begin_anew(struct worker *worker, struct dpl_err *err)
{
    static struct thread thread;
    struct dpl_epoch next = {0};
    int code = thread.out != NULL ? 0 : worker_thread_init(&thread, worker, 0, err);

    if (code == 0 && !spiller_retire())
        code = dpl_err_set(err, DPL_E_BUSY, "the old journal is still being written");
    if (code == 0)
        code = make_segment(worker, &next, err);
    if (code != 0)
        return code;
    inject(INJECT_RENEW_MADE);
    dirty_new_epoch(worker, &next);
    cut(worker, &thread, &next);
    code = spiller_start(worker, err);
    if (code != 0) /* it cannot be written: it ends at once */
        dpl_arena_end(&worker->arena, DPL_JOURNAL_IO_ERROR);
    (void)drop_before(worker->shared->journal_fd, next.number, true, NULL);
    return code;
}

static void *renew_main(void *arg)
{
    struct worker *worker = arg;
    struct dpl_err err = {0};

    inject_context(0, 0);
    at.failed = begin_anew(worker, &err) != 0;
    if (!at.failed) {
        at.said[0] = '\0';
        settle(worker);
    } else if (strcmp(err.text, at.said) != 0) {
        snprintf(at.said, sizeof(at.said), "%s", err.text);
        fprintf(stderr, "doppel-capture: set '%s': %s\n", worker->options->set, err.text);
    }
    /* What ended before it was shown is over: the next one is begun from the beginning. */
    atomic_store(&worker->shared->renew.phase, RENEW_NONE);
    atomic_store(&at.done, true);
    return NULL;
}

static void join(void)
{
    pthread_join(at.thread, NULL);
    at.running = false;
    at.not_before_ns = at.failed ? now_ns() + RETRY_NS : 0;
}

void renew_look(struct worker *worker)
{
    struct shared *shared = worker->shared;
    int64_t at_ns;

    if (at.running && atomic_load(&at.done))
        join();
    if (at.running || atomic_load(&shared->mode) == MODE_JOURNAL ||
        worker->options->renew_longest_s == 0 || !may_follow(dpl_arena_state(&worker->arena)))
        return;
    at_ns = now_ns();
    if (atomic_load(&shared->renew.ended_ns) == 0)
        note_end(worker, at_ns);
    if (at_ns < at.not_before_ns || at_ns < atomic_load(&shared->renew.ended_ns) + wait_of(worker))
        return;
    atomic_store(&at.done, false);
    at.running = pthread_create(&at.thread, NULL, renew_main, worker) == 0;
}

void renew_stop(void)
{
    atomic_store(&at.stopping, true);
    if (at.running)
        join();
}
