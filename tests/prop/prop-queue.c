/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The target queue: what was durable is there after a power cut at any call, what is there is a
 * prefix of what was sent, and the queue goes on from its end; what is not valid is never taken.
 */
#include "daemon/apply/queue.h"
#include "lib/base/fd.h"
#include "lib/journal/crc32c.h"
#include "lib/journal/reader.h"
#include "tests/prop/gen.h"
#include "tests/prop/powercut.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STREAM = 9 << 20, RECORDS = 40000 };

/* What the source sends: raw records, one behind the other. */
static struct {
    struct dpl_epoch epoch;
    uint8_t *bytes;
    size_t size, count;
    size_t at[RECORDS + 1];
    uint32_t chain[RECORDS + 1];
} stream;

static const struct dpl_segment_limits limits = {
    .segment_bytes = DPL_SEGMENT_MIN, .max_bytes = 1ULL << 30, .min_free_bytes = 0};
static uint8_t data[DPL_RECORD_DATA_MAX];

static void stream_add(const struct dpl_record *record)
{
    uint8_t *body = stream.bytes + stream.size + DPL_RECORD_HEADER;
    ssize_t n = dpl_record_encode(record, body, DPL_RECORD_MAX - DPL_RECORD_HEADER, NULL);
    CU_ASSERT_TRUE_FATAL(n >= 0);
    struct dpl_record_header h = {
        .size = (uint32_t)dpl_record_align((uint64_t)DPL_RECORD_HEADER + (uint64_t)n),
        .lsn = stream.size,
        .epoch_tag = dpl_epoch_tag(&stream.epoch),
        .body_bytes = (uint32_t)n,
        .body_crc = dpl_crc32c(0, body, (size_t)n),
        .chain = stream.chain[stream.count],
        .type = record->type,
        .outcome = record->outcome,
    };
    memset(body + n, 0, h.size - DPL_RECORD_HEADER - (size_t)n);
    dpl_record_header_encode(&h, stream.bytes + stream.size);
    stream.size += h.size;
    stream.count++;
    stream.at[stream.count] = stream.size;
    stream.chain[stream.count] = h.crc;
}

static void stream_make(uint64_t number, uint64_t seed, size_t bytes)
{
    static struct gen gen;
    struct rng r = {.state = seed};
    if (!stream.bytes)
        stream.bytes = malloc(STREAM + DPL_RECORD_MAX);
    stream.epoch = (struct dpl_epoch){.number = number, .set = "mail"};
    memset(stream.epoch.id, (int)number, sizeof stream.epoch.id);
    stream.size = stream.count = 0;
    stream.chain[0] = dpl_epoch_chain(&stream.epoch);
    gen.data = data;
    while (stream.size < bytes && stream.count < RECORDS) {
        struct dpl_record record;
        gen.data_room = rng_one_in(&r, 3) ? 60000 : 3000;
        gen_record(&r, &gen, 0, &record);
        if (dpl_record_body_bytes(&record) < DPL_RECORD_MAX / 2)
            stream_add(&record);
    }
}

static int open_dir(const char *name)
{
    int base = open(unit_tempdir(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    mkdirat(base, name, 0700);
    int fd = openat(base, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CU_ASSERT_TRUE_FATAL(fd >= 0);
    dpl_fd_clear(&base);
    return fd;
}

static void empty_dir(int *fd)
{
    dpl_segments_remove(*fd, stream.epoch.number, NULL);
    dpl_fd_clear(fd);
}

static size_t index_of(uint64_t lsn)
{
    size_t i = 0, end = stream.count;
    while (i < end) {
        size_t middle = (i + end) / 2;
        if (stream.at[middle] < lsn)
            i = middle + 1;
        else
            end = middle;
    }
    if (stream.at[i] != lsn)
        CU_FAIL_FATAL("no record begins there");
    return i;
}

/* Sends from where the queue is, in frames of any size. Stops at the first failure. */
static int send_all(struct dpl_queue *q, struct rng *r, struct dpl_err *err)
{
    int rc = 0;
    while (rc >= 0 && q->received < stream.size) {
        size_t i = index_of(q->received), n = i + 1 + rng_below(r, 40);
        if (n > stream.count)
            n = stream.count;
        ssize_t took = dpl_queue_put(q, dpl_epoch_tag(&stream.epoch), stream.at[i], stream.chain[i],
                                     stream.bytes + stream.at[i], stream.at[n] - stream.at[i], err);
        rc = took < 0 ? (int)took : 0;
        if (rc == 0 && rng_one_in(r, 3))
            rc = dpl_queue_sync(q, err);
    }
    return rc < 0 ? rc : dpl_queue_sync(q, err);
}

/* Reads the queue to this LSN and demands the stream's bytes. */
static void check(int dir_fd, uint64_t lsn)
{
    struct dpl_journal *journal;
    struct dpl_record record;
    struct dpl_err err = {0};
    CU_ASSERT_EQUAL_FATAL(dpl_journal_open(&journal, dir_fd, stream.epoch.number, 0, &err), 0);
    size_t count = 0;
    bool same = true;
    int rc;
    dpl_journal_limit(journal, lsn);
    while ((rc = dpl_journal_next_raw(journal, &record, &err)) == DPL_NEXT_RECORD) {
        count++;
        same &= dpl_journal_lsn(journal) == stream.at[count] &&
                dpl_journal_chain(journal) == stream.chain[count];
    }
    CU_ASSERT_TRUE(same);
    CU_ASSERT_EQUAL(rc, DPL_NEXT_END);
    CU_ASSERT_EQUAL(dpl_journal_lsn(journal), lsn);
    dpl_journal_close(journal);
}

/* One power cut at call `at`; then the same again without one. Returns how many calls there were.
 */
static unsigned cut_run(unsigned at, uint64_t seed)
{
    struct powercut cut;
    struct rng r = {.state = seed};
    struct dpl_queue q;
    struct dpl_err err = {0};
    int dir_fd = open_dir("cut");
    powercut_init(&cut, at, seed + 1);
    dpl_queue_init(&q, dir_fd, &limits, &cut.io);
    int rc = dpl_queue_begin(&q, &stream.epoch, 0, stream.chain[0], &err);
    bool begun = rc == 0;
    if (begun)
        rc = send_all(&q, &r, &err);
    CU_ASSERT_EQUAL(rc < 0, powercut_is_off(&cut));
    uint64_t durable = begun ? q.durable : 0;
    unsigned calls = cut.calls;
    dpl_queue_done(&q);
    powercut_happen(&cut);
    if (begun) {
        powercut_init(&cut, 0, 0);
        dpl_queue_init(&q, dir_fd, &limits, &cut.io);
        rc = dpl_queue_recover(&q, &stream.epoch, 0, &err);
        CU_ASSERT_EQUAL_FATAL(rc, 0);
        CU_ASSERT_TRUE(q.received >= durable);
        CU_ASSERT_EQUAL(q.chain, stream.chain[index_of(q.received)]);
        check(dir_fd, q.received);
        CU_ASSERT_EQUAL(send_all(&q, &r, &err), 0);
        CU_ASSERT_EQUAL(q.durable, stream.size);
        check(dir_fd, stream.size);
        dpl_queue_done(&q);
        powercut_forget(&cut);
    }
    empty_dir(&dir_fd);
    return calls;
}

static void power_cuts(void)
{
    struct rng r = rng_start(61);
    stream_make(7, rng_next(&r), 5 << 20);
    unsigned calls = cut_run(0, 5);
    CU_ASSERT_TRUE(calls > 30);
    for (unsigned at = 1; at <= calls; at++)
        for (unsigned i = 0, n = rounds(1); i < n; i++)
            cut_run(at, i == 0 ? 5 : rng_next(&r));
}

/* Every change of a byte is seen, and nothing of it is kept. */
static void bad_bytes(void)
{
    struct rng r = rng_start(62);
    struct dpl_err err = {0};
    struct dpl_queue q;
    stream_make(8, rng_next(&r), 60000);
    int dir_fd = open_dir("bad");
    dpl_queue_init(&q, dir_fd, &limits, &dpl_segment_io_system);
    CU_ASSERT_EQUAL_FATAL(dpl_queue_begin(&q, &stream.epoch, 0, stream.chain[0], &err), 0);
    uint64_t tag = dpl_epoch_tag(&stream.epoch);
    for (size_t i = 0; i < 2000; i++) {
        size_t k = index_of(q.received), n = k + 3 < stream.count ? k + 3 : stream.count;
        size_t size = stream.at[n] - stream.at[k];
        g_autofree uint8_t *copy = g_memdup2(stream.bytes + stream.at[k], size);
        size_t at = rng_below(&r, (uint32_t)size);
        copy[at] ^= (uint8_t)(1 + rng_below(&r, 255));
        ssize_t took = dpl_queue_put(&q, tag, stream.at[k], stream.chain[k], copy, size, &err);
        size_t good = k;
        while (stream.at[good + 1] - stream.at[k] <= at)
            good++;
        CU_ASSERT_EQUAL_FATAL(q.received, stream.at[good]);
        CU_ASSERT_TRUE(good > k ? took == (ssize_t)(stream.at[good] - stream.at[k])
                                : took == DPL_E_CORRUPT || took == DPL_E_UNSUPPORTED);
        if (q.received == stream.size)
            break;
    }
    size_t k = index_of(q.received);
    CU_ASSERT_EQUAL(dpl_queue_put(&q, tag + 1, stream.at[k], stream.chain[k],
                                  stream.bytes + stream.at[k], 64, &err),
                    DPL_E_CORRUPT);
    CU_ASSERT_EQUAL(dpl_queue_put(&q, tag, stream.at[k], stream.chain[k] + 1,
                                  stream.bytes + stream.at[k], 64, &err),
                    DPL_E_CORRUPT);
    CU_ASSERT_EQUAL(dpl_queue_put(&q, tag, stream.at[k] + 8, stream.chain[k],
                                  stream.bytes + stream.at[k], 64, &err),
                    DPL_E_CORRUPT);
    CU_ASSERT_EQUAL(dpl_queue_sync(&q, &err), 0);
    check(dir_fd, q.received);
    dpl_queue_done(&q);
    empty_dir(&dir_fd);
}

/* The bound: full, whole records only; after a trim it goes on where it stopped. */
static void full(void)
{
    struct dpl_segment_limits small = {.segment_bytes = DPL_SEGMENT_MIN,
                                       .max_bytes = 2 * (DPL_SEGMENT_MIN + DPL_SEGMENT_HEADER)};
    struct rng r = rng_start(63);
    struct dpl_err err = {0};
    struct dpl_queue q;
    stream_make(9, rng_next(&r), STREAM);
    int dir_fd = open_dir("full");
    dpl_queue_init(&q, dir_fd, &small, &dpl_segment_io_system);
    CU_ASSERT_EQUAL_FATAL(dpl_queue_begin(&q, &stream.epoch, 0, stream.chain[0], &err), 0);
    uint64_t room = dpl_queue_room(&q);
    CU_ASSERT_EQUAL(send_all(&q, &r, &err), DPL_E_NO_SPACE);
    CU_ASSERT_TRUE(room > 0 && room <= q.received); /* never more than there is */
    CU_ASSERT_EQUAL(dpl_queue_room(&q), 0);
    uint64_t stopped = q.received;
    CU_ASSERT_TRUE(stopped > 0 && stopped < stream.size);
    CU_ASSERT_EQUAL(dpl_queue_sync(&q, &err), 0);
    check(dir_fd, stopped);
    CU_ASSERT_EQUAL(send_all(&q, &r, &err), DPL_E_NO_SPACE);
    CU_ASSERT_EQUAL(q.received, stopped);
    CU_ASSERT_EQUAL(dpl_queue_trim(&q, stream.epoch.number, stopped, false, &err), 0);
    CU_ASSERT_EQUAL(send_all(&q, &r, &err), 0);
    CU_ASSERT_EQUAL(q.durable, stream.size);
    dpl_queue_done(&q);
    /* What was trimmed is gone, the rest is read from where it begins. */
    dpl_queue_init(&q, dir_fd, &small, &dpl_segment_io_system);
    CU_ASSERT_EQUAL(dpl_queue_recover(&q, &stream.epoch, stopped, &err), 0);
    CU_ASSERT_EQUAL(q.received, stream.size);
    CU_ASSERT_EQUAL(dpl_queue_recover(&q, &stream.epoch, 0, &err), DPL_E_NOT_FOUND);
    dpl_queue_done(&q);
    empty_dir(&dir_fd);
}

static const struct unit_test tests[] = {
    {"a power cut at any call loses nothing that was durable, and leaves a prefix", power_cuts},
    {"a changed byte is never taken", bad_bytes},
    {"a full queue takes whole records only, and goes on after a trim", full},
};
UNIT_MAIN(tests)
