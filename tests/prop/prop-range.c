/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the raw reader answers, put together, is the journal byte for byte, whatever the pieces,
 * while the writer goes on and segments are trimmed.
 */
#include "lib/journal/crc32c.h"
#include "lib/journal/range.h"
#include "tests/prop/gen.h"
#include "tests/prop/rig.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct rig rig;
static uint8_t data[600000];
static const struct dpl_arena_sizes sizes = {.entries = 1024, .ring_bytes = 4 << 20};

static void begin(const char *name)
{
    CU_ASSERT_EQUAL_FATAL(rig_init(&rig, name, &sizes, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(rig_attach(&rig), 0);
}

/* Writes some records; every so often one that stays open while others pass it. */
static void write_some(struct rng *r, unsigned count)
{
    static uint64_t mark;
    for (unsigned i = 0; i < count; i++) {
        struct dpl_oid oid;
        struct dpl_record record;
        struct dpl_arena_res res;
        rig_write(&record, &oid, mark++, data, rng_below(r, rng_one_in(r, 4) ? 500000 : 3000));
        CU_ASSERT_EQUAL_FATAL(rig_reserve(&rig, &record, -1, 0, &res), 0);
        bool late = rng_one_in(r, 10);
        if (late) {
            struct dpl_err err;
            /* Stuck for longer than the spiller waits: written as open. */
            for (uint64_t now = 1; now < UINT64_C(1) << 40; now <<= 8)
                dpl_spill_run(&rig.spill, now, &err);
        }
        CU_ASSERT_EQUAL_FATAL(rig_commit(&rig, &record, &res), 0);
        CU_ASSERT_EQUAL_FATAL(rig_drain(&rig), 0);
    }
}

/* The journal from its files: what the reader must answer. */
static uint8_t *whole(size_t *size)
{
    struct dpl_segment_entry *list;
    ssize_t count = dpl_segments_list(rig.dir_fd, &list, NULL);
    CU_ASSERT_FATAL(count > 0);
    uint64_t end = dpl_arena_spilled(&rig.arena), base = list[0].first_lsn;
    uint8_t *bytes = malloc(end - base + 1);
    for (ssize_t i = 0; i < count; i++) {
        uint64_t to = i + 1 < count ? list[i + 1].first_lsn : end;
        int fd = openat(rig.dir_fd, list[i].name, O_RDONLY);
        ssize_t n = pread(fd, bytes + (list[i].first_lsn - base), to - list[i].first_lsn,
                          DPL_SEGMENT_HEADER);
        CU_ASSERT_EQUAL_FATAL((uint64_t)n, to - list[i].first_lsn);
        close(fd);
    }
    free(list);
    *size = end - base;
    return bytes;
}

static void verbatim(void)
{
    struct rng r = rng_start(31);
    begin("verbatim");
    for (unsigned round = 0, n = rounds(6); round < n; round++) {
        struct dpl_range *range;
        struct dpl_view v;
        struct dpl_err err = {0};
        size_t size, at = 0, pieces = 0;
        write_some(&r, 40);
        uint8_t *bytes = whole(&size);
        CU_ASSERT_EQUAL_FATAL(dpl_range_open(&range, rig.dir_fd, 3, 0, &err), 0);
        while (dpl_range_next(range, 1 + rng_below(&r, 1 << 20), &v, &err) == DPL_NEXT_RECORD) {
            CU_ASSERT_EQUAL_FATAL(dpl_range_lsn(range), at + v.size);
            /* The last piece may hold what was written meanwhile. */
            size_t known = v.size < size - at ? v.size : size - at;
            CU_ASSERT_EQUAL_FATAL(memcmp(bytes + at, v.data, known), 0);
            at += known;
            if (++pieces == 5)
                write_some(&r, 1); /* behind its back: not in `bytes` */
            if (at == size)
                break;
        }
        CU_ASSERT_EQUAL(at, size);
        dpl_range_close(range);
        free(bytes);
    }
    rig_done(&rig);
}

/* From any record on, with the digest there; nowhere else. */
static void from_any(void)
{
    struct rng r = rng_start(32);
    begin("any");
    write_some(&r, 60);
    size_t size, at = 0;
    uint8_t *bytes = whole(&size);
    uint32_t chain = dpl_epoch_chain(&rig.epoch);
    while (at <= size) {
        struct dpl_range *range;
        struct dpl_record_header h = {0};
        struct dpl_view v;
        struct dpl_err err;
        CU_ASSERT_EQUAL_FATAL(dpl_range_open(&range, rig.dir_fd, 3, at, &err), 0);
        CU_ASSERT_EQUAL(dpl_range_chain(range), chain);
        int rc = dpl_range_next(range, 1, &v, &err);
        CU_ASSERT_EQUAL_FATAL(rc, at < size ? DPL_NEXT_RECORD : DPL_NEXT_END);
        if (at == size) {
            dpl_range_close(range);
            break;
        }
        CU_ASSERT_EQUAL_FATAL(dpl_record_header_decode(&h, v.data), 0);
        CU_ASSERT_EQUAL(v.size, h.size);
        CU_ASSERT_EQUAL(dpl_range_time_ns(range), h.time_ns);
        dpl_range_close(range);
        if (h.size > 8)
            CU_ASSERT_EQUAL(dpl_range_open(&range, rig.dir_fd, 3, at + 8, &err), DPL_E_PARAM);
        at += h.size;
        chain = h.crc;
    }
    struct dpl_range *range;
    CU_ASSERT_EQUAL(dpl_range_open(&range, rig.dir_fd, 3, size + 8, NULL), DPL_E_NOT_FOUND);
    CU_ASSERT_EQUAL(dpl_range_open(&range, rig.dir_fd, 4, 0, NULL), DPL_E_NOT_FOUND);
    free(bytes);
    rig_done(&rig);
}

/* A flipped bit anywhere stops it there: nothing behind is answered. */
static void damage(void)
{
    struct rng r = rng_start(33);
    begin("damage");
    write_some(&r, 30);
    size_t size;
    uint8_t *bytes = whole(&size);
    struct dpl_segment_entry *list;
    ssize_t count = dpl_segments_list(rig.dir_fd, &list, NULL);
    for (unsigned i = 0, n = rounds(100); i < n; i++) {
        ssize_t seg = (ssize_t)rng_below(&r, (uint32_t)count);
        uint64_t end = seg + 1 < count ? list[seg + 1].first_lsn : size;
        uint64_t lsn = list[seg].first_lsn + rng_below(&r, (uint32_t)(end - list[seg].first_lsn));
        int fd = openat(rig.dir_fd, list[seg].name, O_RDWR);
        uint8_t was = bytes[lsn], now = (uint8_t)(was ^ 1U << rng_below(&r, 8));
        off_t place = (off_t)(DPL_SEGMENT_HEADER + lsn - list[seg].first_lsn);
        CU_ASSERT_EQUAL(pwrite(fd, &now, 1, place), 1);
        struct dpl_range *range;
        struct dpl_view v;
        CU_ASSERT_EQUAL_FATAL(dpl_range_open(&range, rig.dir_fd, 3, 0, NULL), 0);
        int rc;
        while ((rc = dpl_range_next(range, 1 << 20, &v, NULL)) == DPL_NEXT_RECORD)
            CU_ASSERT_TRUE(dpl_range_lsn(range) <= lsn);
        CU_ASSERT_TRUE(rc == DPL_NEXT_DAMAGED || rc == DPL_NEXT_TORN);
        dpl_range_close(range);
        CU_ASSERT_EQUAL(pwrite(fd, &was, 1, place), 1);
        close(fd);
    }
    free(list);
    free(bytes);
    rig_done(&rig);
}

static void catalogue(void)
{
    struct rng r = rng_start(34);
    struct dpl_journal_epoch *list;
    begin("catalogue");
    write_some(&r, 200);
    struct dpl_epoch next = rig.epoch;
    next.number = 7;
    next.id[0] = 1;
    memcpy(next.parent_id, rig.epoch.id, 16);
    CU_ASSERT_EQUAL_FATAL(dpl_segments_create(rig.dir_fd, &next, &rig.limits, rig.io, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(dpl_journal_epochs(rig.dir_fd, &list, NULL), 2);
    CU_ASSERT_TRUE(list[0].epoch.number == 3 && list[0].oldest_lsn == 0);
    CU_ASSERT_EQUAL(list[0].oldest_chain, dpl_epoch_chain(&rig.epoch));
    CU_ASSERT_EQUAL(list[1].epoch.number, 7);
    CU_ASSERT_EQUAL(memcmp(list[1].epoch.parent_id, rig.epoch.id, 16), 0);
    free(list);
    struct dpl_segment_entry *entries;
    CU_ASSERT_FATAL(dpl_segments_list(rig.dir_fd, &entries, NULL) > 3);
    uint64_t second = entries[1].first_lsn;
    free(entries);
    CU_ASSERT_EQUAL(dpl_segments_trim(rig.dir_fd, 3, second, NULL), 1);
    CU_ASSERT_EQUAL_FATAL(dpl_journal_epochs(rig.dir_fd, &list, NULL), 2);
    CU_ASSERT_EQUAL(list[0].oldest_lsn, second);
    struct dpl_range *range;
    CU_ASSERT_EQUAL_FATAL(dpl_range_open(&range, rig.dir_fd, 3, second, NULL), 0);
    CU_ASSERT_EQUAL(dpl_range_chain(range), list[0].oldest_chain);
    dpl_range_close(range);
    CU_ASSERT_EQUAL(dpl_range_open(&range, rig.dir_fd, 3, 0, NULL), DPL_E_NOT_FOUND);
    free(list);
    CU_ASSERT_EQUAL(dpl_segments_remove(rig.dir_fd, 7, NULL), 1);
    rig_done(&rig);
}

/* Bytes that this process has read by system calls. */
static uint64_t read_so_far(void)
{
    unsigned long long bytes = 0;
    FILE *file = fopen("/proc/self/io", "re");
    if (!file || fscanf(file, "rchar: %llu", &bytes) != 1)
        printf("SKIP: the kernel does not count what is read\n");
    if (file)
        fclose(file);
    return bytes;
}

/* Who looks behind each record does not read the rest of the segment each time. */
static void follower(void)
{
    enum { RECORDS = 200, EACH = 64 * 1024 };
    struct dpl_range *range;
    struct dpl_err err = {0};
    begin("follower");
    CU_ASSERT_EQUAL_FATAL(dpl_range_open(&range, rig.dir_fd, 3, 0, &err), 0);
    uint64_t before = read_so_far();
    for (uint64_t i = 0; i < RECORDS; i++) {
        struct dpl_oid oid;
        struct dpl_record record;
        struct dpl_arena_res res;
        struct dpl_view v;
        rig_write(&record, &oid, i, data, 500);
        CU_ASSERT_EQUAL_FATAL(rig_put(&rig, &record, &res), 0);
        CU_ASSERT_EQUAL_FATAL(rig_drain(&rig), 0);
        CU_ASSERT_EQUAL_FATAL(dpl_range_next(range, 1, &v, &err), DPL_NEXT_RECORD);
        CU_ASSERT_EQUAL_FATAL(dpl_range_next(range, 1, &v, &err), DPL_NEXT_END);
    }
    CU_ASSERT_TRUE(read_so_far() - before < (uint64_t)RECORDS * EACH);
    dpl_range_close(range);
    rig_done(&rig);
}

static const struct unit_test tests[] = {
    {"the pieces put together are the journal, byte for byte", verbatim},
    {"reading begins at any record, with the digest there, and nowhere else", from_any},
    {"behind a flipped bit nothing is answered", damage},
    {"who follows a writer reads little more than is written", follower},
    {"the epochs of a directory are listed with what is left of them", catalogue},
};
UNIT_MAIN(tests)
