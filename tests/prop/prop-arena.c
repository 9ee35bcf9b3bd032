/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Many threads reserve, commit and read into buffers; a spiller writes; the process is killed at
 * any time and a successor takes over, again and again. Then the journal is read: positions are
 * unique and rise, what was committed is there with its outcome and its bytes, what was not is as
 * the successor decided, and nothing comes twice.
 */
#include "tests/prop/rig.h"
#include "tests/prop/rng.h"
#include "tests/unit/unit.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 4, OPS_MAX = 200000, BUFFER = 64 * 1024, GENERATIONS_MAX = 400 };
enum stage { IDLE, RESERVING, STARTED, COMMITTING, COMMITTED };

/* One per thread, as the capture has them: outlives the process. */
struct slot {
    _Atomic int stage;
    _Atomic int buffer;
    uint64_t mark;
    enum dpl_outcome outcome;
    uint32_t size;
    bool by_reference;
    struct dpl_arena_res res;
};

/* What a mark's op came to: written when commit has returned, or by the successor. */
struct log_entry {
    _Atomic int outcome;
    uint64_t lsn;
};

struct shared {
    struct slot slots[THREADS];
    _Atomic uint64_t marks, committed;
    _Atomic int stop, bad;
    struct log_entry log[OPS_MAX];
};

static struct rig rig;
static struct shared *shared;
static const struct dpl_arena_sizes sizes = {256, 512 * 1024, 3 * THREADS, BUFFER};

static void log_outcome(const struct slot *s, enum dpl_outcome outcome)
{
    shared->log[s->mark].lsn = s->res.lsn;
    atomic_store(&shared->log[s->mark].outcome, (int)outcome);
    atomic_fetch_add(&shared->committed, 1);
}

static void slot_commit(struct slot *s, enum dpl_outcome outcome, uint8_t *data)
{
    struct dpl_record record;
    struct dpl_oid oid;
    rig_write(&record, &oid, s->mark, data, s->size);
    record.outcome = (uint8_t)outcome;
    int rc;
    if (outcome == DPL_OUTCOME_VOID)
        rc = dpl_arena_commit(&rig.arena, &s->res, outcome, NULL, 0, NULL, 0);
    else
        rc = rig_commit(&rig, &record, &s->res);
    if (rc < 0)
        atomic_store(&shared->bad, 1);
}

static void one_op(struct slot *s, struct rng *r, uint8_t *scratch)
{
    uint64_t mark = atomic_fetch_add(&shared->marks, 1);
    if (mark >= OPS_MAX)
        return;
    uint8_t *data = scratch;
    s->mark = mark;
    s->size = rng_below(r, rng_one_in(r, 4) ? 20000 : 300);
    s->by_reference = s->size > 1000 || rng_one_in(r, 4);
    s->outcome = (enum dpl_outcome)(1 + rng_below(r, 3));
    int buffer = atomic_load(&s->buffer);
    if (s->by_reference)
        data = dpl_arena_buffer(&rig.arena, buffer, NULL);
    struct dpl_record record;
    struct dpl_oid oid;
    rig_write(&record, &oid, mark, data, s->size);
    atomic_store(&s->stage, RESERVING);
    while (rig_reserve(&rig, &record, s->by_reference ? buffer : -1, mark, &s->res) < 0) {
        atomic_store(&shared->bad, 2);
        return;
    }
    atomic_store(&s->stage, STARTED);
    if (rng_one_in(r, 50))
        sched_yield();
    atomic_store(&s->stage, COMMITTING);
    slot_commit(s, s->outcome, data);
    log_outcome(s, s->outcome);
    atomic_store(&s->stage, COMMITTED);
    atomic_store(&s->buffer, dpl_arena_buffer_swap(&rig.arena, buffer));
}

static void *worker(void *arg)
{
    struct slot *s = arg;
    struct rng r = {.state = atomic_load(&shared->marks) * 77 + (uint64_t)(s - shared->slots)};
    static _Thread_local uint8_t scratch[BUFFER];
    while (!atomic_load(&shared->stop) && !atomic_load(&shared->bad)) {
        struct dpl_arena_usage usage;
        dpl_arena_usage(&rig.arena, &usage);
        /* A test that keeps the arena from being full: the capture's ops take longer. */
        if (usage.records * 4 < sizes.entries * 3 && usage.ring_bytes * 2 < sizes.ring_bytes)
            one_op(s, &r, scratch);
        else
            sched_yield();
    }
    return NULL;
}

static void *spiller(void *arg)
{
    uint64_t now = 1;
    struct dpl_err err = {0};
    while (!atomic_load((_Atomic int *)arg)) {
        if (dpl_spill_run(&rig.spill, now, &err) < 0)
            atomic_store(&shared->bad, 3);
        else
            dpl_spill_wait(&rig.spill, 1);
        now += DPL_SPILL_STUCK_NS / 3; /* so that some are written around */
    }
    return NULL;
}

/* What the capture's recovery does: ties what is open to the slots and settles it. */
static void recover(void)
{
    static uint8_t scratch[BUFFER];
    struct dpl_arena_open open[64];
    for (int i = 0; i < THREADS; i++)
        dpl_arena_buffer_claim(&rig.arena, atomic_load(&shared->slots[i].buffer));
    size_t count = dpl_arena_open_list(&rig.arena, open, 64);
    for (size_t k = 0; k < count && k < 64; k++) {
        struct slot *s = NULL;
        for (int i = 0; i < THREADS; i++)
            if (shared->slots[i].mark == open[k].tag)
                s = &shared->slots[i];
        if (!s || atomic_load(&s->stage) == COMMITTED || atomic_load(&s->stage) == IDLE) {
            atomic_store(&shared->bad, 4); /* committed, and open again; or of nobody */
            return;
        }
        s->res = open[k].res;
        bool redo = atomic_load(&s->stage) == COMMITTING;
        uint8_t *data = scratch;
        if (redo && s->by_reference)
            data = dpl_arena_buffer(&rig.arena, atomic_load(&s->buffer), NULL);
        enum dpl_outcome outcome = redo ? s->outcome : DPL_OUTCOME_VOID;
        slot_commit(s, outcome, data);
        log_outcome(s, outcome);
        atomic_store(&s->stage, COMMITTED);
    }
    for (int i = 0; i < THREADS; i++) {
        struct slot *s = &shared->slots[i];
        int buffer = atomic_load(&s->buffer);
        /* In COMMITTING and not open: it was committed, and its log entry may be missing. */
        if (atomic_load(&s->stage) == COMMITTING && !atomic_load(&shared->log[s->mark].outcome))
            log_outcome(s, s->outcome);
        atomic_store(&s->stage, IDLE);
        s->mark = UINT64_MAX;
        atomic_store(&s->buffer, dpl_arena_buffer_swap(&rig.arena, buffer));
    }
}

static void generation(void)
{
    pthread_t threads[THREADS], spill;
    _Atomic int spill_stop = 0;
    if (rig_attach(&rig) < 0)
        _exit(1);
    recover();
    for (int i = 0; i < THREADS; i++)
        if (atomic_load(&shared->slots[i].buffer) < 0)
            atomic_store(&shared->slots[i].buffer, dpl_arena_buffer_take(&rig.arena));
    pthread_create(&spill, NULL, spiller, &spill_stop);
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, worker, &shared->slots[i]);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    dpl_arena_end(&rig.arena, DPL_JOURNAL_CLOSED);
    atomic_store(&spill_stop, 1);
    dpl_spill_wake(&rig.arena);
    pthread_join(spill, NULL);
    struct dpl_err err;
    uint64_t now = 1;
    while (!dpl_spill_idle(&rig.spill))
        dpl_spill_run(&rig.spill, now += DPL_SPILL_STUCK_NS, &err);
    _exit(atomic_load(&shared->bad));
}

/* Lets a generation work until `commits` more, then kills it. False when it ended by itself. */
static bool kill_after(uint64_t commits)
{
    uint64_t until = atomic_load(&shared->committed) + commits;
    pid_t pid = fork();
    if (pid == 0)
        generation();
    int status = 0;
    while (atomic_load(&shared->committed) < until && waitpid(pid, &status, WNOHANG) == 0)
        sched_yield();
    kill(pid, SIGKILL);
    if (status == 0)
        waitpid(pid, &status, 0);
    return WIFSIGNALED(status);
}

static void read_back(void)
{
    struct dpl_journal *journal;
    struct dpl_record record;
    struct dpl_err err = {0};
    static uint8_t seen[OPS_MAX];
    uint64_t last = 0, count = 0;
    int rc;
    memset(seen, 0, sizeof seen);
    CU_ASSERT_EQUAL_FATAL(dpl_journal_open(&journal, rig.dir_fd, 3, 0, &err), 0);
    while ((rc = dpl_journal_next(journal, &record, &err)) == DPL_NEXT_RECORD) {
        CU_ASSERT_TRUE_FATAL(count == 0 || record.lsn > last);
        last = record.lsn;
        count++;
        if (record.outcome == DPL_OUTCOME_VOID)
            continue;
        uint64_t mark = rig_mark(&record);
        CU_ASSERT_TRUE_FATAL(mark < OPS_MAX);
        CU_ASSERT_EQUAL_FATAL(seen[mark], 0);
        seen[mark] = record.outcome;
        CU_ASSERT_EQUAL_FATAL(shared->log[mark].lsn, record.lsn);
    }
    if (rc != DPL_NEXT_ENDED)
        printf("%s\n", err.text);
    CU_ASSERT_EQUAL(rc, DPL_NEXT_ENDED);
    uint64_t committed = 0;
    for (uint64_t mark = 0; mark < OPS_MAX; mark++) {
        int want = atomic_load(&shared->log[mark].outcome);
        CU_ASSERT_EQUAL_FATAL(seen[mark], want == DPL_OUTCOME_VOID ? 0 : want);
        committed += want != 0;
    }
    printf("%llu records\n", (unsigned long long)count);
    CU_ASSERT_TRUE(count >= committed);
    dpl_journal_close(journal);
}

static void kills(void)
{
    struct rng r = rng_start(31);
    CU_ASSERT_EQUAL_FATAL(rig_init(&rig, "kills", &sizes, NULL), 0);
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (int i = 0; i < THREADS; i++) {
        atomic_store(&shared->slots[i].buffer, -1);
        shared->slots[i].mark = UINT64_MAX;
    }
    unsigned killed = 0;
    for (unsigned n = rounds(60); killed < n; killed++)
        if (!kill_after(1 + rng_below(&r, 300)))
            break;
    CU_ASSERT_EQUAL(shared->bad, 0);
    atomic_store(&shared->stop, 1);
    pid_t pid = fork();
    if (pid == 0)
        generation();
    int status = 0;
    waitpid(pid, &status, 0);
    CU_ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    printf("%u kills, %llu ops\n", killed, (unsigned long long)shared->marks);
    CU_ASSERT_TRUE(killed > 50);
    read_back();
    munmap(shared, sizeof *shared);
    rig_done(&rig);
}

static const struct unit_test tests[] = {
    {"killed at any time, again and again, the journal is whole and true", kills},
};
UNIT_MAIN(tests)
