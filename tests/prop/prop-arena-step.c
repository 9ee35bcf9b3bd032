/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Death at every instruction. A child works on an arena under single-step; after each instruction
 * the parent attaches to a copy of the shared memory, as a successor would, and checks what it
 * finds against how far the child had come.
 */
#include "lib/journal/arena-layout.h"
#include "tests/prop/rig.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OPS = 5 };

/* What the child has done, in shared memory: a number is stored after a call returned. */
struct progress {
    _Atomic int reserving, reserved, committing, committed;
    _Atomic int done;
    struct dpl_arena_res res[OPS];
};

static const struct dpl_arena_sizes sizes = {32, 8192, 2, 4096};
static struct rig rig;
static struct progress *progress;
static uint8_t data[256];
static struct dpl_oid oids[OPS];
static struct dpl_record records[OPS];
static const enum dpl_outcome outcomes[OPS] = {DPL_OUTCOME_OK, DPL_OUTCOME_VOID, DPL_OUTCOME_OK,
                                               DPL_OUTCOME_UNKNOWN, DPL_OUTCOME_OK};

static void commit_one(int i)
{
    struct dpl_record record = records[i];
    record.outcome = (uint8_t)outcomes[i];
    atomic_store(&progress->committing, i + 1);
    if (record.outcome == DPL_OUTCOME_VOID)
        dpl_arena_commit(&rig.arena, &progress->res[i], DPL_OUTCOME_VOID, NULL, 0, NULL, 0);
    else
        rig_commit(&rig, &record, &progress->res[i]);
    atomic_store(&progress->committed, i + 1);
}

/* Reserves all, writes them as open (so that outcomes become records of their own) if `spill`, and
 * commits them one by one, spilling in between. */
static void child(bool spill)
{
    int buffer = dpl_arena_buffer_take(&rig.arena);
    ptrace(PTRACE_TRACEME, 0, NULL, NULL);
    raise(SIGSTOP);
    for (int i = 0; i < OPS; i++) {
        atomic_store(&progress->reserving, i + 1);
        rig_reserve(&rig, &records[i], i == 2 ? buffer : -1, (uint64_t)i, &progress->res[i]);
        atomic_store(&progress->reserved, i + 1);
    }
    if (spill) {
        dpl_spill_run(&rig.spill, 1, NULL);
        dpl_spill_run(&rig.spill, 1 + DPL_SPILL_STUCK_NS, NULL);
    }
    for (int i = 0; i < OPS; i++) {
        commit_one(i);
        if (spill)
            dpl_spill_run(&rig.spill, 2, NULL);
    }
    atomic_store(&progress->done, 1);
    _exit(0);
}

/* What is committed is whole, and no outcome is there twice. */
static bool check_entries(const struct dpl_arena *arena)
{
    unsigned outcomes_of[OPS] = {0};
    for (uint64_t i = arena->tail; i < arena->head; i++) {
        const struct dpl_arena_entry *e = dpl_arena_entry(arena, i);
        uint32_t state = atomic_load(&e->state);
        if (e->of_lsn != DPL_ARENA_NONE && ++outcomes_of[e->tag] > 1)
            return false;
        if (state != DPL_ENTRY_OK && state != DPL_ENTRY_UNKNOWN)
            continue;
        struct dpl_record record = records[e->tag];
        uint8_t want[400];
        record.outcome = (uint8_t)outcomes[e->tag];
        ssize_t size = dpl_record_encode_head(&record, want, sizeof want, NULL);
        size_t skip = e->of_lsn != DPL_ARENA_NONE ? DPL_ARENA_OUTCOME_BYTES : 0;
        const uint8_t *ring = dpl_arena_ring(arena, e->ring_at) + skip;
        if (e->head_bytes != skip + (size_t)size || e->data_bytes != 100 ||
            memcmp(ring, want, (size_t)size) != 0)
            return false;
        if (e->buffer < 0 && memcmp(ring + size, record.data.data, 100) != 0)
            return false;
    }
    return true;
}

/* Whether this op has its outcome in the arena. */
static bool is_committed(const struct dpl_arena *arena, int op)
{
    for (uint64_t i = arena->tail; i < arena->head; i++) {
        const struct dpl_arena_entry *e = dpl_arena_entry(arena, i);
        uint32_t state = atomic_load(&e->state);
        if (e->tag == (uint64_t)op && state != DPL_ENTRY_RESERVED && state != DPL_ENTRY_SPILLED)
            return true;
    }
    return false;
}

/* How far the spiller came, and the digest there, belong together. */
static bool check_spilled(const struct dpl_arena *arena)
{
    static struct dpl_arena_spilled last;
    const struct dpl_arena_spilled *now = dpl_arena_spill_at(arena);
    if (now->lsn == last.lsn && now->chain == last.chain)
        return true;
    last = *now;
    struct dpl_journal *journal;
    if (dpl_journal_open(&journal, rig.dir_fd, 3, now->lsn, NULL) < 0)
        return false;
    bool same = dpl_journal_chain(journal) == now->chain;
    dpl_journal_close(journal);
    return same;
}

/* What a successor finds in this copy must agree with the child's progress. */
static bool check(void *copy)
{
    static struct dpl_arena arena;
    struct dpl_arena_open list[OPS + 1];
    struct dpl_err err = {0};
    bool open[OPS] = {false};
    if (dpl_arena_attach(&arena, copy, rig.bytes, &err) < 0) {
        printf("%s\n", err.text);
        return false;
    }
    size_t count = dpl_arena_open_list(&arena, list, OPS + 1);
    bool ok = count <= OPS;
    for (size_t i = 0; i < count && ok; i++) {
        ok = list[i].tag < OPS && !open[list[i].tag] &&
             (i == 0 || list[i].res.lsn > list[i - 1].res.lsn);
        if (ok)
            open[list[i].tag] = true;
    }
    for (int i = 0; i < OPS && ok; i++) {
        if (i < atomic_load(&progress->committed))
            ok = !open[i]; /* nothing committed is lost */
        else if (i >= atomic_load(&progress->committing) && i < atomic_load(&progress->reserved))
            ok = open[i]; /* nothing uncommitted appears committed */
        else if (i >= atomic_load(&progress->reserving))
            ok = !open[i];
        else if (i < atomic_load(&progress->reserved))
            ok = open[i] != is_committed(&arena, i);
    }
    /* A successor can go on from here: commit what is open, and reserve above all. */
    for (size_t i = 0; i < count && ok; i++)
        ok = dpl_arena_commit(&arena, &list[i].res, DPL_OUTCOME_VOID, NULL, 0, NULL, 0) == 0;
    ok = ok && dpl_arena_open_list(&arena, list, 1) == 0 &&
         dpl_arena_next_lsn(&arena) >=
             (atomic_load(&progress->reserved) > 0
                  ? progress->res[atomic_load(&progress->reserved) - 1].lsn + 64
                  : 0);
    struct dpl_arena_usage usage;
    dpl_arena_usage(&arena, &usage);
    ok = ok && usage.pending == 0 && check_entries(&arena) && check_spilled(&arena);
    dpl_arena_detach(&arena);
    return ok;
}

static void step_through(bool spill)
{
    CU_ASSERT_EQUAL_FATAL(rig_init(&rig, spill ? "step-spill" : "step", &sizes, NULL), 0);
    progress = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CU_ASSERT_EQUAL_FATAL(rig_attach(&rig), 0);
    for (int i = 0; i < OPS; i++)
        rig_write(&records[i], &oids[i], (uint64_t)i, data, 100);
    void *copy = malloc(rig.bytes), *last = calloc(1, rig.bytes);
    pid_t pid = fork();
    if (pid == 0)
        child(spill);
    int status = 0;
    unsigned long steps = 0, changes = 0;
    waitpid(pid, &status, 0);
    while (WIFSTOPPED(status)) {
        if (memcmp(last, rig.memory, rig.bytes) != 0) {
            memcpy(last, rig.memory, rig.bytes);
            changes++;
        }
        memcpy(copy, rig.memory, rig.bytes);
        if (!check(copy)) {
            printf("step %lu, reserved %d, committed %d\n", steps, progress->reserved,
                   progress->committed);
            kill(pid, SIGKILL);
            waitpid(pid, &status, 0);
            CU_FAIL_FATAL("a successor would go wrong");
        }
        if (ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL) < 0)
            break;
        waitpid(pid, &status, 0);
        steps++;
    }
    printf("%lu instructions, %lu states of the memory\n", steps, changes);
    CU_ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0 && progress->done == 1);
    CU_ASSERT_TRUE(changes > 50);
    free(copy);
    free(last);
    munmap(progress, 4096);
    rig_done(&rig);
}

static void in_memory(void)
{
    step_through(false);
}

static void with_spiller(void)
{
    step_through(true);
}

static const struct unit_test tests[] = {
    {"a successor finds the truth after every instruction of reserve and commit", in_memory},
    {"and of the spiller, with records written as open and their outcomes later", with_spiller},
};

int main(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
            _exit(1);
        _exit(0);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        printf("SKIP: ptrace is refused here: %s\n", strerror(errno));
        return 77;
    }
    return unit_main(__FILE__, tests, sizeof tests / sizeof tests[0]);
}
