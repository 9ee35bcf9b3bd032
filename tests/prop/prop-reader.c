/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A journal is never misread: whatever bit flips, wherever the file is cut, whichever segment is
 * gone, the reader answers a prefix of what was written and says that something is wrong.
 */
#include "tests/prop/gen.h"
#include "tests/prop/rig.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static const struct dpl_arena_sizes sizes = {256, 16 << 20, 0, 0};
static struct rig rig;
static uint8_t data[DPL_RECORD_DATA_MAX];

static void put(uint64_t mark, size_t size)
{
    struct dpl_oid oid;
    struct dpl_record record;
    rig_write(&record, &oid, mark, data, size);
    CU_ASSERT_EQUAL_FATAL(rig_put(&rig, &record, NULL), 0);
}

static void begin(void)
{
    CU_ASSERT_EQUAL_FATAL(rig_init(&rig, "reader", &sizes, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(rig_attach(&rig), 0);
}

/* Reads all: checks that marks are 0, 1, 2 ... and answers how it ended. */
static int read_all(uint64_t *count)
{
    struct dpl_journal *journal;
    struct dpl_record record;
    struct dpl_err err;
    *count = 0;
    int rc = dpl_journal_open(&journal, rig.dir_fd, 3, 0, &err);
    if (rc < 0)
        return rc;
    while ((rc = dpl_journal_next(journal, &record, &err)) == DPL_NEXT_RECORD) {
        CU_ASSERT_EQUAL_FATAL(rig_mark(&record), *count);
        ++*count;
    }
    dpl_journal_close(journal);
    return rc;
}

static int segment(uint64_t first_lsn)
{
    char name[DPL_SEGMENT_NAME];
    snprintf(name, sizeof name, "%016x-%016llx.seg", 3, (unsigned long long)first_lsn);
    return openat(rig.dir_fd, name, O_RDWR | O_CLOEXEC);
}

static void flips(bool ended)
{
    begin();
    for (uint64_t i = 0; i < 6; i++)
        put(i, 20 + 13 * i);
    if (ended)
        dpl_arena_end(&rig.arena, DPL_JOURNAL_CLOSED);
    CU_ASSERT_EQUAL(rig_drain(&rig), 0);
    uint64_t end = DPL_SEGMENT_HEADER + dpl_arena_spilled(&rig.arena) + DPL_RECORD_HEADER, count;
    int fd = segment(0), good = ended ? DPL_NEXT_ENDED : DPL_NEXT_END;
    CU_ASSERT_EQUAL_FATAL(read_all(&count), good);
    CU_ASSERT_EQUAL_FATAL(count, 6);
    for (uint64_t bit = 0; bit < 8 * end; bit++) {
        uint8_t byte, flipped;
        if (ended && bit / 8 >= end - DPL_RECORD_HEADER)
            break; /* behind the end nothing is read */
        if (bit / 8 >= 1536 && bit / 8 < DPL_SEGMENT_HEADER && bit % 61 != 0)
            continue; /* zeros, checked in one piece */
        (void)!pread(fd, &byte, 1, (off_t)(bit / 8));
        flipped = (uint8_t)(byte ^ 1 << bit % 8);
        (void)!pwrite(fd, &flipped, 1, (off_t)(bit / 8));
        int rc = read_all(&count);
        if (rc != DPL_E_CORRUPT && rc != DPL_NEXT_TORN && rc != DPL_NEXT_DAMAGED) {
            printf("bit %llu: %d after %llu\n", (unsigned long long)bit, rc,
                   (unsigned long long)count);
            CU_FAIL_FATAL("a flipped bit was not noticed");
        }
        /* A broken record in front of whole ones is damage; the last one may be torn. */
        if (rc == DPL_NEXT_TORN)
            CU_ASSERT_TRUE(count >= 5);
        (void)!pwrite(fd, &byte, 1, (off_t)(bit / 8));
    }
    CU_ASSERT_EQUAL(read_all(&count), good);
    close(fd);
    rig_done(&rig);
}

static void each_bit(void)
{
    flips(false);
    flips(true);
}

static void each_cut(void)
{
    begin();
    for (uint64_t i = 0; i < 5; i++)
        put(i, 20 + 30 * i);
    CU_ASSERT_EQUAL(rig_drain(&rig), 0);
    uint64_t end = DPL_SEGMENT_HEADER + dpl_arena_spilled(&rig.arena), count, last = 0;
    static uint8_t whole[65536];
    int fd = segment(0);
    (void)!pread(fd, whole, sizeof whole, 0);
    for (uint64_t size = 0; size <= end + 100; size++) {
        (void)!ftruncate(fd, (off_t)size);
        (void)!pwrite(fd, whole, size, 0);
        int rc = read_all(&count);
        CU_ASSERT_EQUAL_FATAL(rc, size < DPL_SEGMENT_HEADER ? DPL_E_TRUNCATED : DPL_NEXT_TORN);
        CU_ASSERT_TRUE(count >= last);
        last = count;
    }
    CU_ASSERT_EQUAL(last, 5);
    (void)!ftruncate(fd, DPL_SEGMENT_HEADER + DPL_SEGMENT_MIN);
    CU_ASSERT_EQUAL(read_all(&count), DPL_NEXT_END);
    close(fd);
    rig_done(&rig);
}

/* Blocks of zeros or junk in the middle: what comes after must not be taken for the end. */
static void holes(void)
{
    struct rng r = rng_start(21);
    for (unsigned round = 0, n = rounds(100); round < n; round++) {
        begin();
        for (uint64_t i = 0; i < 40; i++)
            put(i, rng_below(&r, 2000));
        CU_ASSERT_EQUAL(rig_drain(&rig), 0);
        uint64_t bytes = dpl_arena_spilled(&rig.arena), count;
        uint8_t junk[4096] = {0};
        uint32_t size = 8 + rng_below(&r, 4000), at = rng_below(&r, (uint32_t)bytes - size - 200);
        if (rng_one_in(&r, 2))
            for (uint32_t i = 0; i < size; i++)
                junk[i] = (uint8_t)rng_next(&r);
        at &= ~7U;
        int fd = segment(0);
        (void)!pwrite(fd, junk, size, DPL_SEGMENT_HEADER + (off_t)at);
        int rc = read_all(&count);
        CU_ASSERT_EQUAL_FATAL(rc, bytes - at - size > 2200 ? DPL_NEXT_DAMAGED : rc);
        CU_ASSERT_TRUE(rc == DPL_NEXT_DAMAGED || rc == DPL_NEXT_TORN);
        close(fd);
        rig_done(&rig);
    }
}

/* Bytes of another run: whole records of this epoch, at their place, with right CRCs. */
static void stale(void)
{
    static uint8_t other[4096];
    uint64_t count;
    for (int run = 0; run < 2; run++) {
        begin();
        put(run == 0 ? 7 : 0, 100);
        for (uint64_t i = 1; i < 5; i++)
            put(i, 100);
        CU_ASSERT_EQUAL(rig_drain(&rig), 0);
        uint64_t size = dpl_arena_spilled(&rig.arena) / 5;
        int fd = segment(0);
        if (run == 0)
            (void)!pread(fd, other, size, (off_t)(DPL_SEGMENT_HEADER + size));
        else
            (void)!pwrite(fd, other, size, (off_t)(DPL_SEGMENT_HEADER + size));
        if (run == 1) {
            CU_ASSERT_EQUAL(read_all(&count), DPL_NEXT_DAMAGED);
            CU_ASSERT_EQUAL(count, 1);
        }
        close(fd);
        rig_done(&rig);
    }
}

static ssize_t list(struct dpl_segment_entry **entries)
{
    return dpl_segments_list(rig.dir_fd, entries, NULL);
}

static void missing(void)
{
    for (size_t gone = 0; gone < 4; gone++) {
        begin();
        for (uint64_t i = 0; i < 14; i++) {
            put(i, 1000000);
            CU_ASSERT_EQUAL_FATAL(rig_drain(&rig), 0);
        }
        uint64_t count;
        struct dpl_segment_entry *entries;
        CU_ASSERT_EQUAL_FATAL(list(&entries), 4);
        CU_ASSERT_EQUAL(read_all(&count), DPL_NEXT_END);
        CU_ASSERT_EQUAL(count, 14);
        if (gone > 0) {
            unlinkat(rig.dir_fd, entries[gone].name, 0);
            CU_ASSERT_EQUAL(read_all(&count), DPL_NEXT_MISSING);
            CU_ASSERT_EQUAL(count, 4 * gone);
        }
        free(entries);
        rig_done(&rig);
    }
}

static void from_any(void)
{
    begin();
    struct dpl_arena_res res[50];
    struct rng r = rng_start(22);
    for (uint64_t i = 0; i < 50; i++) {
        struct dpl_oid oid;
        struct dpl_record record;
        rig_write(&record, &oid, i, data, rng_below(&r, 600000));
        CU_ASSERT_EQUAL_FATAL(rig_put(&rig, &record, &res[i]), 0);
        CU_ASSERT_EQUAL_FATAL(rig_drain(&rig), 0);
    }
    for (uint64_t i = 0; i < 50; i++) {
        struct dpl_journal *journal;
        struct dpl_record record;
        CU_ASSERT_EQUAL_FATAL(dpl_journal_open(&journal, rig.dir_fd, 0, res[i].lsn, NULL), 0);
        CU_ASSERT_EQUAL(dpl_journal_next(journal, &record, NULL), DPL_NEXT_RECORD);
        CU_ASSERT_EQUAL(rig_mark(&record), i);
        dpl_journal_close(journal);
        CU_ASSERT_EQUAL(dpl_journal_open(&journal, rig.dir_fd, 0, res[i].lsn + 8, NULL),
                        DPL_E_PARAM);
    }
    struct dpl_segment_entry *entries;
    ssize_t before = list(&entries);
    uint64_t third = entries[2].first_lsn;
    free(entries);
    CU_ASSERT_EQUAL(dpl_segments_trim(rig.dir_fd, 3, third, NULL), 2);
    CU_ASSERT_EQUAL(dpl_segments_trim(rig.dir_fd, 3, UINT64_MAX, NULL), before - 3);
    struct dpl_journal *journal;
    CU_ASSERT_EQUAL(dpl_journal_open(&journal, rig.dir_fd, 0, res[1].lsn, NULL), DPL_E_NOT_FOUND);
    rig_done(&rig);
}

/* Records of every type come back as they went in, void and unknown ones too. */
static void every_type(void)
{
    struct rng r = rng_start(23);
    struct gen g = {.data = data, .data_room = 3000};
    begin();
    struct dpl_journal *journal = NULL;
    for (unsigned i = 0, n = rounds(3000); i < n; i++) {
        struct dpl_record in, out;
        struct dpl_arena_res res;
        gen_record(&r, &g, 0, &in);
        CU_ASSERT_EQUAL_FATAL(rig_put(&rig, &in, &res), 0);
        CU_ASSERT_EQUAL_FATAL(rig_drain(&rig), 0);
        if (!journal)
            CU_ASSERT_EQUAL_FATAL(dpl_journal_open(&journal, rig.dir_fd, 3, 0, NULL), 0);
        CU_ASSERT_EQUAL_FATAL(dpl_journal_next(journal, &out, NULL), DPL_NEXT_RECORD);
        in.lsn = res.lsn;
        in.time_ns = 1;
        CU_ASSERT_TRUE_FATAL(gen_equal(&in, &out));
        CU_ASSERT_EQUAL(dpl_journal_next(journal, &out, NULL), DPL_NEXT_END);
    }
    dpl_journal_close(journal);
    rig_done(&rig);
}

static const struct unit_test tests[] = {
    {"each flipped bit of header and records is noticed", each_bit},
    {"each cut of the last segment is torn, and what is before it is read", each_cut},
    {"zeros and junk in the middle are damage, not the end", holes},
    {"a whole record of another run in its place is damage", stale},
    {"a missing segment is said to be missing", missing},
    {"reading begins at any record, and trimmed ones are not found", from_any},
    {"records of every type come back as they went in, while the writer goes on", every_type},
};
UNIT_MAIN(tests)
