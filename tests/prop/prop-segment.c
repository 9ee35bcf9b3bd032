/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The journal's disk fails at the N-th call, for all N: what was committed before is read as a
 * prefix, the journal says how it ended, and no op waited.
 */
#include "tests/prop/rig.h"
#include "tests/prop/rng.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { RECORDS = 60 };
static const struct dpl_arena_sizes sizes = {256, 64 << 20, 0, 0};
static struct rig rig;
static uint8_t data[DPL_RECORD_DATA_MAX];

static int put(struct rng *r, uint64_t mark)
{
    struct dpl_oid oid;
    struct dpl_record record;
    rig_write(&record, &oid, mark, data, rng_below(r, rng_one_in(r, 3) ? 1000000 : 500));
    return rig_put(&rig, &record, NULL);
}

static uint64_t read_prefix(int *how)
{
    struct dpl_journal *journal;
    struct dpl_record record;
    struct dpl_err err = {0};
    uint64_t count = 0;
    CU_ASSERT_EQUAL_FATAL(dpl_journal_open(&journal, rig.dir_fd, 3, 0, &err), 0);
    while ((*how = dpl_journal_next(journal, &record, &err)) == DPL_NEXT_RECORD) {
        CU_ASSERT_EQUAL_FATAL(rig_mark(&record), count);
        count++;
    }
    dpl_journal_close(journal);
    return count;
}

/* One run with a fault at call `at`. Returns how many calls there were. */
static unsigned run(unsigned at, bool tear, int sys_errno)
{
    struct rig_fault fault;
    struct rng r = {.state = 5};
    rig_fault_init(&fault, at, sys_errno, tear);
    int rc = rig_init(&rig, "segment", &sizes, &fault.io);
    if (rc < 0) { /* no journal, and nothing left of one */
        struct dpl_segment_entry *list = NULL;
        ssize_t left = dpl_segments_list(rig.dir_fd, &list, NULL);
        CU_ASSERT_TRUE(left == 0 || (left == 1 && fault.at == fault.calls));
        free(list);
        rig_done(&rig);
        return fault.calls;
    }
    CU_ASSERT_EQUAL_FATAL(rig_attach(&rig), 0);
    uint64_t taken = 0, spilled = 0;
    for (uint64_t mark = 0; mark < RECORDS; mark++) {
        if (put(&r, mark) == 0)
            taken++;
        if (rig_drain(&rig) == 0 && !rig.ended)
            spilled = taken;
    }
    int how;
    uint64_t count = read_prefix(&how);
    CU_ASSERT_TRUE(count >= spilled && count <= taken);
    if (at == 0 || at > fault.calls) {
        CU_ASSERT_TRUE(how == DPL_NEXT_END && count == RECORDS && rig.ended == 0);
    } else {
        CU_ASSERT_EQUAL(rig.ended, 1);
        CU_ASSERT_NOT_EQUAL(rig.reason, DPL_JOURNAL_RUNS);
        CU_ASSERT_TRUE(dpl_spill_idle(&rig.spill));
        /* The header could not be written either, for all later calls fail: the event said so. */
        CU_ASSERT_EQUAL(rig.ended_durable, 0);
        CU_ASSERT_TRUE(how == DPL_NEXT_END || how == DPL_NEXT_TORN ||
                       (tear && how == DPL_NEXT_DAMAGED));
    }
    rig_done(&rig);
    return fault.calls;
}

static void every_call(void)
{
    unsigned calls = run(0, false, EIO);
    printf("%u calls\n", calls);
    CU_ASSERT_TRUE(calls > 60);
    for (unsigned at = 1; at <= calls; at++) {
        run(at, false, EIO);
        run(at, true, ENOSPC);
    }
}

/* The disk refuses data but still takes the header's sector: a full disk, and a passing fault. */
struct once {
    struct dpl_segment_io io;
    unsigned calls, at;
};

static ssize_t once_pwritev(void *self, int fd, const struct iovec *iov, int count, off_t at)
{
    struct once *once = self;
    if (++once->calls == once->at) {
        errno = EIO;
        return -1;
    }
    return dpl_segment_io_system.pwritev(NULL, fd, iov, count, at);
}

static void said_in_header(void)
{
    for (unsigned at = 2; at < 40; at++) {
        struct once once = {.io = dpl_segment_io_system, .at = at};
        struct rng r = {.state = 6};
        once.io.pwritev = once_pwritev;
        once.io.self = &once;
        CU_ASSERT_EQUAL_FATAL(rig_init(&rig, "once", &sizes, &once.io), 0);
        CU_ASSERT_EQUAL_FATAL(rig_attach(&rig), 0);
        for (uint64_t mark = 0; mark < RECORDS; mark++) {
            put(&r, mark);
            rig_drain(&rig);
        }
        int how;
        read_prefix(&how);
        CU_ASSERT_EQUAL(how, DPL_NEXT_MIRROR);
        CU_ASSERT_TRUE(rig.ended == 1 && rig.ended_durable == 1);
        rig_done(&rig);
    }
}

static void bounds(void)
{
    struct rng r = {.state = 7};
    int how;
    CU_ASSERT_EQUAL_FATAL(rig_init(&rig, "bounds", &sizes, NULL), 0);
    rig.limits.max_bytes = DPL_SEGMENT_HEADER + DPL_SEGMENT_MIN;
    CU_ASSERT_EQUAL_FATAL(rig_attach(&rig), 0);
    for (uint64_t mark = 0; mark < RECORDS; mark++) {
        put(&r, mark);
        rig_drain(&rig);
    }
    CU_ASSERT_EQUAL(rig.reason, DPL_JOURNAL_BOUND);
    read_prefix(&how);
    CU_ASSERT_EQUAL(how, DPL_NEXT_MIRROR);
    rig_done(&rig);

    CU_ASSERT_EQUAL_FATAL(rig_init(&rig, "min-free", &sizes, NULL), 0);
    rig.limits.min_free_bytes = 1ULL << 60;
    CU_ASSERT_EQUAL_FATAL(rig_attach(&rig), 0);
    for (uint64_t mark = 0; mark < RECORDS; mark++) {
        put(&r, mark);
        rig_drain(&rig);
    }
    CU_ASSERT_EQUAL(rig.reason, DPL_JOURNAL_MIN_FREE);
    read_prefix(&how);
    CU_ASSERT_EQUAL(how, DPL_NEXT_MIRROR);
    rig_done(&rig);
}

/* Counts syncs of files that hold records: such a sync waits for their data. */
struct syncs {
    struct dpl_segment_io io;
    unsigned files, with_records;
    ino_t written; /* the segment that was last written into */
};

static ssize_t syncs_pwritev(void *self, int fd, const struct iovec *iov, int count, off_t at)
{
    struct syncs *syncs = self;
    struct stat st;
    if (at >= DPL_SEGMENT_HEADER && fstat(fd, &st) == 0)
        syncs->written = st.st_ino;
    return dpl_segment_io_system.pwritev(NULL, fd, iov, count, at);
}

static int syncs_datasync(void *self, int fd)
{
    struct syncs *syncs = self;
    struct stat st;
    CU_ASSERT_EQUAL(fstat(fd, &st), 0);
    syncs->files += S_ISREG(st.st_mode);
    syncs->with_records += S_ISREG(st.st_mode) && st.st_ino == syncs->written;
    return dpl_segment_io_system.datasync(NULL, fd);
}

static void no_wait_at_close(void)
{
    struct syncs syncs = {.io = dpl_segment_io_system};
    struct dpl_segment_entry *list = NULL;
    struct rng r = {.state = 8};
    syncs.io.pwritev = syncs_pwritev;
    syncs.io.datasync = syncs_datasync;
    syncs.io.self = &syncs;
    CU_ASSERT_EQUAL_FATAL(rig_init(&rig, "close", &sizes, &syncs.io), 0);
    CU_ASSERT_EQUAL_FATAL(rig_attach(&rig), 0);
    for (uint64_t mark = 0; mark < RECORDS; mark++) {
        CU_ASSERT_EQUAL(put(&r, mark), 0);
        CU_ASSERT_EQUAL(rig_drain(&rig), 0);
    }
    ssize_t segments = dpl_segments_list(rig.dir_fd, &list, NULL);
    free(list);
    CU_ASSERT_TRUE(segments >= 3);
    /* Each new one, while it is empty. */
    CU_ASSERT_TRUE(syncs.files >= (unsigned)segments);
    CU_ASSERT_EQUAL(syncs.with_records, 0);
    dpl_arena_end(&rig.arena, DPL_JOURNAL_CLOSED);
    CU_ASSERT_EQUAL(rig_drain(&rig), 0);
    CU_ASSERT_TRUE(syncs.with_records > 0);
    rig_done(&rig);
}

static const struct unit_test tests[] = {
    {"whichever call fails, a prefix is read and the end is told", every_call},
    {"mirror needed stands in the header when the data could not be written", said_in_header},
    {"closing a segment waits for none of its data, the end of the journal does", no_wait_at_close},
    {"max_size and min_free end the journal with their own reasons", bounds},
};
UNIT_MAIN(tests)
