/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/capture/dirty.h"
#include "lib/journal/arena-layout.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <linux/falloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NODE (SHARED_ROOTS + 1)
#define MIB  ((uint64_t)1 << 20)
#define BORN INT64_C(1000000000)

static const struct dpl_arena_sizes sizes = {64, 16384, 4, 4096};
static struct options options = {.set = "test", .dirty_log_bytes = DPL_DIRTY_MIN_BYTES};
static struct worker worker;
static struct thread thread = {.worker = &worker};
static struct op op;
static void *memory;
static char path[256];
static int file;

/* Zeroed whole pages: the layouts of shared memory begin at one. */
static void *pages(size_t bytes)
{
    size_t rounded = (bytes + 4095) / 4096 * 4096;
    void *start = aligned_alloc(4096, rounded);

    CU_ASSERT_PTR_NOT_NULL_FATAL(start);
    memset(start, 0, rounded);
    return start;
}

static void begin_op(void)
{
    op = (struct op){.thread = &thread, .worker = &worker, .slot = &worker.shared->slots[0]};
    op.slot->attempts = 1; /* nobody else is to read a device */
    thread.slot = op.slot;
}

/* made: a person made the log; else it is missing. */
static void begin(bool made)
{
    struct dpl_arena_start start = {.epoch_tag = 1};
    size_t bytes = (size_t)dpl_arena_bytes(&sizes, NULL);
    struct dpl_err err = {0};

    snprintf(path, sizeof(path), "%s/.doppel/dirty", unit_tempdir());
    unlink(path);
    options.dirty_log = path;
    memory = pages(bytes);
    CU_ASSERT_EQUAL_FATAL(dpl_arena_format(memory, bytes, &sizes, &start, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(dpl_arena_attach(&worker.arena, memory, bytes, NULL), 0);
    worker.options = &options;
    worker.shared = pages(sizeof(struct shared) + (NODE + 1) * sizeof(struct node));
    worker.shared->epoch.number = 3;
    worker.border.shared = worker.shared;
    worker.shared->nodes[NODE] = (struct node){
        .handle_type = 1, .handle_bytes = 8, .btime_ns = BORN, .mode = S_IFREG, .handle = {7}};
    if (made)
        CU_ASSERT_EQUAL_FATAL(dirty_create(&options, &err), 0);
    CU_ASSERT_EQUAL_FATAL(dirty_setup(&options, worker.shared, &err), 0);
    CU_ASSERT_EQUAL_FATAL(dirty_attach(&worker, &err), 0);
    begin_op();
    file = open(unit_tempdir(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    CU_ASSERT_EQUAL_FATAL(ftruncate(file, 10 * (off_t)MIB), 0);
}

static void end(void)
{
    dirty_leave(&op);
    dpl_dirty_detach(&worker.dirty);
    dpl_arena_detach(&worker.arena);
    close(worker.shared->dirty_fd);
    close(worker.shared->dirty_dir_fd);
    close(file);
    free(worker.shared);
    free(memory);
}

/* The extents that the log names, as bits; bit 63: the whole object. */
static uint64_t named(void)
{
    struct dpl_dirty_list list = {0};
    struct dpl_dirty_io io = dpl_dirty_io_file(worker.shared->dirty_fd);
    uint64_t bits = 0;

    dpl_dirty_read(&list, &io);
    CU_ASSERT_FALSE(list.everything);
    for (size_t i = 0; i < list.count; i++)
        bits |= list.keys[i].extent == DPL_DIRTY_WHOLE ? UINT64_C(1) << 63
                                                       : UINT64_C(1) << list.keys[i].extent;
    dpl_dirty_list_clear(&list);
    return bits;
}

#define WHOLE (UINT64_C(1) << 63)
#define CASE(expected, call)                                                                       \
    do {                                                                                           \
        begin(true);                                                                               \
        call;                                                                                      \
        CU_ASSERT_EQUAL(named(), (expected));                                                      \
        end();                                                                                     \
    } while (0)

/* The file has 10 MiB: extents 0 and 1, and half of 2. */
static void ranges(void)
{
    const uint32_t keep = FALLOC_FL_KEEP_SIZE, punch = FALLOC_FL_PUNCH_HOLE | keep;

    CASE(0, dirty_write(&op, NODE, file, MIB, 0, false));
    CASE(1, dirty_write(&op, NODE, file, MIB, 1, false));
    CASE(3, dirty_write(&op, NODE, file, 4 * MIB - 1, 2, false));
    CASE(1, dirty_write(&op, NODE, file, 4 * MIB - 2, 2, false));
    CASE(4, dirty_write(&op, NODE, file, 0, 1, true));
    CASE(4 | 8, dirty_write(&op, NODE, file, 13 * MIB, 1, false));
    CASE(0, dirty_truncate(&op, NODE, file, 10 * MIB));
    CASE(2 | 4, dirty_truncate(&op, NODE, file, 5 * MIB));
    CASE(4 | 8, dirty_truncate(&op, NODE, file, 13 * MIB));
    CASE(WHOLE, dirty_truncate(&op, NODE, file, 1000 * MIB));
    CASE(0, dirty_fallocate(&op, NODE, file, keep, 0, 100 * MIB));
    CASE(0, dirty_fallocate(&op, NODE, file, 0, MIB, MIB));
    CASE(4 | 8, dirty_fallocate(&op, NODE, file, 0, MIB, 12 * MIB));
    CASE(2, dirty_fallocate(&op, NODE, file, punch, 5 * MIB, MIB));
    CASE(2 | 4, dirty_fallocate(&op, NODE, file, punch, 5 * MIB, 500 * MIB));
    CASE(0, dirty_fallocate(&op, NODE, file, punch, 11 * MIB, MIB));
    CASE(2, dirty_fallocate(&op, NODE, file, FALLOC_FL_ZERO_RANGE, 5 * MIB, MIB));
    CASE(4 | 8, dirty_fallocate(&op, NODE, file, FALLOC_FL_ZERO_RANGE, 12 * MIB, MIB));
    CASE(WHOLE, dirty_fallocate(&op, NODE, file, FALLOC_FL_COLLAPSE_RANGE, 0, MIB));
    CASE(WHOLE, dirty_node(&op, NODE));
}

static bool has_barrier(uint64_t index, uint32_t number)
{
    const struct dpl_arena_entry *e = dpl_arena_entry(&worker.arena, index);
    struct dpl_record record = {0};

    return dpl_record_decode(&record, e->type, DPL_OUTCOME_OK,
                             dpl_arena_ring(&worker.arena, e->ring_at), e->head_bytes, NULL) == 0 &&
           record.type == DPL_R_BARRIER && record.number == number;
}

static void mark(void)
{
    struct dpl_dirty_head head;
    struct dpl_err err = {0};
    uint64_t lsn = 0;

    begin(false);
    dirty_write(&op, NODE, file, 0, 1, false);
    CU_ASSERT_FALSE(op.dirty_entered);
    CU_ASSERT_EQUAL(dirty_mark_candidate(&worker, 1000, &lsn, &err), 0);
    CU_ASSERT_TRUE(has_barrier(0, DPL_BARRIER_MARK));
    dirty_write(&op, NODE, file, 0, 1, false);
    CU_ASSERT_TRUE(op.dirty_entered);
    dirty_leave(&op);
    CU_ASSERT_EQUAL(dirty_mark_set(&worker, lsn + 8, &err), DPL_E_NOT_FOUND);
    CU_ASSERT_EQUAL(dirty_mark_set(&worker, lsn, &err), 0);
    CU_ASSERT_EQUAL(named(), 1);
    dpl_dirty_head_now(&worker.dirty, &head);
    CU_ASSERT_TRUE(head.mark.set && head.mark.epoch == 3 && head.mark.lsn == lsn);
    /* Older by the birth time, unless that is later than the mark, or unknown. */
    worker.shared->nodes[NODE].btime_ns = head.mark.time_ns;
    dirty_write(&op, NODE, file, 5 * MIB, 1, false);
    CU_ASSERT_EQUAL(named(), 1);
    worker.shared->nodes[NODE].btime_ns = head.mark.time_ns - 1;
    dirty_write(&op, NODE, file, 5 * MIB, 1, false);
    CU_ASSERT_EQUAL(named(), 3);
    worker.shared->nodes[NODE].btime_ns = 0;
    dirty_write(&op, NODE, file, 9 * MIB, 1, false);
    CU_ASSERT_EQUAL(named(), 7);
    end();
}

static void under_way(void)
{
    struct dpl_err err = {0};
    uint64_t lsn;

    begin(true);
    dirty_write(&op, NODE, file, 0, 1, false);
    CU_ASSERT_EQUAL(dirty_mark_candidate(&worker, 2, &lsn, &err), DPL_E_BUSY);
    dirty_leave(&op);
    CU_ASSERT_EQUAL(dirty_mark_candidate(&worker, 2, &lsn, &err), 0);
    end();
}

/* Its descriptor is gone: the op goes on, the journal tells. */
static void failed(void)
{
    int null = open("/dev/full", O_RDWR | O_CLOEXEC);

    begin(true);
    dup2(null, worker.shared->dirty_fd);
    close(null);
    dirty_write(&op, NODE, file, 0, 1, false);
    CU_ASSERT_EQUAL(worker.shared->dirty.failed, DPL_DIRTY_IO_ERROR);
    CU_ASSERT_EQUAL(worker.shared->dirty_told, 1);
    CU_ASSERT_TRUE(has_barrier(0, DPL_BARRIER_ALL_DIRTY));
    /* A worker that died before it could tell. */
    worker.shared->dirty_told = 0;
    dpl_dirty_detach(&worker.dirty);
    CU_ASSERT_EQUAL(dirty_attach(&worker, NULL), 0);
    CU_ASSERT_TRUE(has_barrier(1, DPL_BARRIER_ALL_DIRTY));
    end();
}

static void outside(void)
{
    begin(true);
    worker.border.rules = (void *)&worker; /* any */
    worker.shared->nodes[NODE].side = SIDE_OUTSIDE;
    dirty_write(&op, NODE, file, 0, 1, false);
    worker.border.rules = NULL;
    CU_ASSERT_EQUAL(named(), 0);
    end();
}

static void bypassed(void)
{
    struct dpl_dirty_list list = {0};
    struct dpl_dirty_io io;
    struct dpl_oid oid;

    begin(true);
    dpl_oid_make(&oid, 1, 0, "12345678", 8, NULL);
    dirty_bypassed(&worker, &oid);
    CU_ASSERT_EQUAL(named(), WHOLE);
    dirty_bypassed(&worker, NULL);
    io = dpl_dirty_io_file(worker.shared->dirty_fd);
    dpl_dirty_read(&list, &io);
    CU_ASSERT_TRUE(list.valid && list.everything);
    CU_ASSERT_EQUAL(list.head.all_reason, DPL_DIRTY_BYPASS);
    dpl_dirty_list_clear(&list);
    end();
}

static const struct unit_test tests[] = {
    {"each kind of change names what it changes", ranges},
    {"a mark makes objects old by their birth, and a log that was made anew useful", mark},
    {"a candidate waits for changes under way", under_way},
    {"a log that fails is told once, to the journal too", failed},
    {"what is not in the set is not named", outside},
    {"what was changed past the capture is named whole", bypassed},
};
UNIT_MAIN(tests)
