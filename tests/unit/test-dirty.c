/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/prop/dirtydisk.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SIZE = DPL_DIRTY_MIN_BYTES, THREADS = 16, EACH = 50 };

static struct dirtydisk disk;
static struct dpl_dirty log_;
static struct dpl_dirty_shared *memory;
static unsigned told;
static bool told_durable;

static void said_all(void *self, enum dpl_dirty_reason reason, bool durable)
{
    (void)self, (void)reason;
    told++;
    told_durable = durable;
}

static const struct dpl_dirty_events events = {.all = said_all};
static const struct dpl_dirty_owner owner = {.epoch = 7, .epoch_id = {1}, .now_ns = 1000};

static void begin(unsigned reason)
{
    struct dpl_dirty_io io;
    told = 0;
    dirtydisk_make(&disk, SIZE, reason);
    io = dirtydisk_io(&disk);
    memory = dirtydisk_memory();
    CU_ASSERT_EQUAL_FATAL(dpl_dirty_begin(memory, &io, &owner, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(dpl_dirty_attach(&log_, memory, &io, &events, NULL), 0);
}

static void end(void)
{
    dpl_dirty_detach(&log_);
    dirtydisk_free(&disk);
    free(memory);
}

static struct dpl_dirty_key key_of(uint32_t object, uint64_t extent)
{
    struct dpl_dirty_key key;
    dpl_dirty_key_make(&key, &object, sizeof object, extent);
    return key;
}

static void add(uint32_t object, uint64_t extent)
{
    struct dpl_dirty_key key = key_of(object, extent);
    if (dpl_dirty_wants(&log_) && !dpl_dirty_hot(&log_, &key))
        dpl_dirty_add(&log_, &key, 1);
}

static bool covers(uint32_t object, uint64_t extent)
{
    struct dpl_dirty_list list = {0};
    struct dpl_dirty_io io = dirtydisk_io(&disk);
    bool answer;
    dpl_dirty_read(&list, &io);
    answer = dpl_dirty_list_covers(&list, &object, sizeof object, extent);
    dpl_dirty_list_clear(&list);
    return answer;
}

static bool everything(void)
{
    return covers(0xffffffff, 0);
}

static void once(void)
{
    begin(0);
    for (unsigned i = 0; i < 10; i++)
        add(1, 3);
    CU_ASSERT_EQUAL(memory->writes, 1);
    CU_ASSERT_TRUE(covers(1, 3));
    CU_ASSERT_FALSE(covers(1, 2));
    CU_ASSERT_FALSE(covers(2, 3));
    end();
}

static void whole(void)
{
    begin(0);
    add(1, DPL_DIRTY_WHOLE);
    add(1, 17);
    CU_ASSERT_EQUAL(memory->writes, 1);
    CU_ASSERT_TRUE(covers(1, 12345));
    CU_ASSERT_FALSE(covers(2, 12345));
    end();
}

static void mark(void)
{
    struct dpl_dirty_head head;
    begin(0);
    CU_ASSERT_EQUAL(dpl_dirty_born_ns(&log_), INT64_MAX);
    add(1, 0);
    CU_ASSERT_EQUAL(dpl_dirty_candidate_open(&log_, 500, NULL), 0);
    CU_ASSERT_EQUAL(dpl_dirty_born_ns(&log_), 500);
    add(1, 0); /* not hot any more */
    add(2, 0);
    CU_ASSERT_EQUAL(memory->writes, 3);
    CU_ASSERT_EQUAL(dpl_dirty_mark_set(&log_, 7, 64, NULL), DPL_E_NOT_FOUND);
    CU_ASSERT_EQUAL(dpl_dirty_candidate_place(&log_, 7, 64, NULL), 0);
    add(3, 0);
    CU_ASSERT_EQUAL(dpl_dirty_mark_set(&log_, 7, 65, NULL), DPL_E_NOT_FOUND);
    CU_ASSERT_EQUAL(dpl_dirty_mark_set(&log_, 7, 64, NULL), 0);
    dpl_dirty_head_now(&log_, &head);
    CU_ASSERT_TRUE(head.mark.set && head.mark.time_ns == 500 && head.mark.lsn == 64);
    CU_ASSERT_TRUE(covers(1, 0) && covers(2, 0) && covers(3, 0));
    CU_ASSERT_EQUAL(dpl_dirty_candidate_open(&log_, 600, NULL), 0);
    CU_ASSERT_EQUAL(dpl_dirty_candidate_place(&log_, 7, 128, NULL), 0);
    CU_ASSERT_TRUE(covers(2, 0));
    CU_ASSERT_EQUAL(dpl_dirty_mark_set(&log_, 7, 128, NULL), 0);
    CU_ASSERT_FALSE(covers(1, 0) || covers(2, 0) || covers(3, 0));
    end();
}

/* A change that began before is under way: the candidate has no position yet. */
static void settles(void)
{
    unsigned section;
    begin(0);
    section = dpl_dirty_enter(&log_);
    CU_ASSERT_EQUAL(dpl_dirty_candidate_open(&log_, 500, NULL), 0);
    CU_ASSERT_FALSE(dpl_dirty_candidate_settled(&log_));
    CU_ASSERT_EQUAL(dpl_dirty_candidate_place(&log_, 7, 64, NULL), DPL_E_BUSY);
    CU_ASSERT_EQUAL(dpl_dirty_candidate_open(&log_, 501, NULL), DPL_E_BUSY);
    dpl_dirty_leave(&log_, section);
    CU_ASSERT_EQUAL(dpl_dirty_candidate_place(&log_, 7, 64, NULL), 0);
    section = dpl_dirty_enter(&log_);
    CU_ASSERT_TRUE(dpl_dirty_candidate_settled(&log_));
    dpl_dirty_leave(&log_, section);
    end();
}

static void lowered(void)
{
    struct dpl_dirty_head head;
    begin(0);
    CU_ASSERT_EQUAL(dpl_dirty_candidate_open(&log_, 500, NULL), 0);
    CU_ASSERT_EQUAL(dpl_dirty_mark_lower(&log_, 400, NULL), 0);
    dpl_dirty_head_now(&log_, &head);
    CU_ASSERT_EQUAL(head.candidate.time_ns, 400);
    CU_ASSERT_EQUAL(dpl_dirty_born_ns(&log_), 500);
    CU_ASSERT_EQUAL(dpl_dirty_candidate_place(&log_, 7, 64, NULL), 0);
    CU_ASSERT_EQUAL(dpl_dirty_mark_set(&log_, 7, 64, NULL), 0);
    dpl_dirty_head_now(&log_, &head);
    CU_ASSERT_EQUAL(head.mark.time_ns, 400);
    end();
}

/* Extents become objects, these everything, until the next generation is the mark's. */
static void overflow(void)
{
    begin(0);
    for (unsigned i = 0; atomic_load(&memory->coarsened) == 0; i++)
        add(i % 3, i);
    CU_ASSERT_EQUAL(told, 0);
    CU_ASSERT_TRUE(covers(0, 0) && covers(1, 999999) && covers(2, 5));
    CU_ASSERT_FALSE(covers(3, 0));
    for (uint32_t i = 0; told == 0; i++)
        add(i, 0);
    CU_ASSERT_TRUE(told_durable);
    CU_ASSERT_FALSE(dpl_dirty_wants(&log_));
    CU_ASSERT_TRUE(everything());
    CU_ASSERT_EQUAL(dpl_dirty_candidate_open(&log_, 500, NULL), 0);
    CU_ASSERT_TRUE(dpl_dirty_wants(&log_));
    add(5, 5);
    CU_ASSERT_TRUE(everything());
    CU_ASSERT_EQUAL(dpl_dirty_candidate_place(&log_, 7, 64, NULL), 0);
    CU_ASSERT_EQUAL(dpl_dirty_mark_set(&log_, 7, 64, NULL), 0);
    CU_ASSERT_FALSE(everything());
    CU_ASSERT_TRUE(covers(5, 5));
    end();
}

static void fresh(void)
{
    begin(DPL_DIRTY_FRESH);
    CU_ASSERT_TRUE(everything());
    CU_ASSERT_FALSE(dpl_dirty_wants(&log_));
    end();
}

/* The header's other copy says so, where only the place of entries has failed. */
static void failed(void)
{
    begin(0);
    add(1, 0);
    disk.end = DISK_FAILS;
    disk.end_at = 1;
    add(2, 0);
    CU_ASSERT_EQUAL(told, 1);
    CU_ASSERT_FALSE(told_durable);
    CU_ASSERT_FALSE(dpl_dirty_wants(&log_));
    CU_ASSERT_EQUAL(dpl_dirty_candidate_open(&log_, 500, NULL), DPL_E_IO);
    end();
    begin(0);
    dpl_dirty_add_all(&log_, DPL_DIRTY_UNNAMED);
    CU_ASSERT_TRUE(told == 1 && told_durable);
    CU_ASSERT_TRUE(everything());
    end();
}

static void *adds(void *arg)
{
    for (uint32_t i = 0; i < EACH; i++)
        add((uint32_t)(uintptr_t)arg, i);
    return NULL;
}

static int slow_write(void *self, const void *bytes, size_t size, uint64_t at)
{
    const struct timespec moment = {.tv_nsec = 200000};
    nanosleep(&moment, NULL);
    return dirtydisk_io(self).write(self, bytes, size, at);
}

static void together(void)
{
    pthread_t threads[THREADS];
    unsigned missing = 0;
    begin(0);
    log_.io.write = slow_write;
    for (uintptr_t i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, adds, (void *)i);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    CU_ASSERT_EQUAL(memory->entries, THREADS * EACH);
    CU_ASSERT(memory->writes < THREADS * EACH / 2);
    for (uint32_t i = 0; i < THREADS * EACH; i++)
        missing += !covers(i / EACH, i % EACH);
    CU_ASSERT_EQUAL(missing, 0);
    end();
}

static void on_disk(void)
{
    static const struct dpl_dirty_owner other = {.epoch = 8, .fs_uuid = {8}};
    struct dpl_dirty_owner ours = {.epoch = 7, .epoch_id = {1}, .fs_uuid = {9}, .now_ns = 1000};
    struct dpl_dirty_origin origin = {.bytes = 4096, .mark = true, .mark_ns = 2000};
    char path[256];
    struct stat st;
    struct dpl_dirty_list list = {0};
    struct dpl_dirty_io io;
    struct dpl_err err;
    snprintf(path, sizeof path, "%s/dirty", unit_tempdir());
    CU_ASSERT_EQUAL(dpl_dirty_open_file(path, &err), DPL_E_NOT_FOUND);
    CU_ASSERT_EQUAL(dpl_dirty_create(path, &origin, &err), DPL_E_PARAM);
    origin.bytes = SIZE + 100;
    CU_ASSERT_EQUAL_FATAL(dpl_dirty_create(path, &origin, &err), 0);
    CU_ASSERT_TRUE(stat(path, &st) == 0 && st.st_size == SIZE && st.st_blocks * 512 >= SIZE);
    int fd = dpl_dirty_open_file(path, &err);
    CU_ASSERT_FATAL(fd >= 0);
    io = dpl_dirty_io_file(fd);
    memory = dirtydisk_memory();
    CU_ASSERT_EQUAL(dpl_dirty_begin(memory, &io, &ours, &err), 0);
    CU_ASSERT_EQUAL(dpl_dirty_attach(&log_, memory, &io, &events, &err), 0);
    add(1, 1);
    dpl_dirty_read(&list, &io);
    CU_ASSERT_FALSE(list.everything);
    CU_ASSERT_EQUAL(list.head.stamp, 1);
    CU_ASSERT_EQUAL(list.head.epoch, 7);
    CU_ASSERT_EQUAL(memcmp(list.head.fs_uuid, ours.fs_uuid, 16), 0);
    CU_ASSERT_TRUE(list.head.mark.set && list.head.mark.time_ns == 1000);
    CU_ASSERT_EQUAL(list.count, 1);
    dpl_dirty_list_clear(&list);
    CU_ASSERT_TRUE(stat(path, &st) == 0 && st.st_size == SIZE);
    dpl_dirty_detach(&log_);
    memset(memory, 0, sizeof *memory);
    CU_ASSERT_EQUAL(dpl_dirty_begin(memory, &io, &other, &err), DPL_E_CORRUPT);
    free(memory);
    close(fd);
}

static const struct unit_test tests[] = {
    {"what is hot is not written again", once},
    {"a whole object covers its extents", whole},
    {"a candidate makes nothing hot, the mark drops what was before", mark},
    {"a candidate waits for changes that began before", settles},
    {"a clock that was set back lowers the mark", lowered},
    {"a full log names objects, then everything", overflow},
    {"a log that was made anew says everything and logs nothing", fresh},
    {"a write that fails turns the log off and tells", failed},
    {"threads that wait share a write", together},
    {"the file has its blocks from the beginning", on_disk},
};

UNIT_MAIN(tests)
