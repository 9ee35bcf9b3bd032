/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/apply/mirror-kept.h"

#include "lib/base/fd.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <string.h>

static int dir = -1;

static struct dpl_view id_of(unsigned i)
{
    static uint8_t bytes[16];
    memset(bytes, 7, sizeof bytes);
    memcpy(bytes, &i, sizeof i);
    return (struct dpl_view){bytes, sizeof bytes};
}

static void add(struct dpl_kept *k, unsigned from, unsigned to)
{
    for (unsigned i = from; i < to; i++)
        dpl_kept_add(k, id_of(i));
}

static unsigned count(const struct dpl_kept *k, unsigned from, unsigned to)
{
    unsigned n = 0;
    for (unsigned i = from; i < to; i++)
        n += dpl_kept_has(k, id_of(i));
    return n;
}

/* Three hundred objects: a checkpoint made, one that failed, one that was made behind it, and some
 * that no checkpoint has seen. */
static void write_list(void)
{
    struct dpl_kept k = {0};
    dpl_kept_begin(&k, dir, 42, 5);
    add(&k, 0, 100);
    dpl_kept_checkpoint_begins(&k);
    add(&k, 100, 150);
    dpl_kept_checkpoint_made(&k);
    dpl_kept_checkpoint_begins(&k);
    dpl_kept_checkpoint_failed(&k);
    add(&k, 150, 200);
    dpl_kept_checkpoint_begins(&k);
    dpl_kept_checkpoint_made(&k);
    add(&k, 200, 300);
    CU_ASSERT_EQUAL(count(&k, 0, 300), 300);
    dpl_kept_close(&k);
}

static void comes_again(void)
{
    struct dpl_kept k = {0};
    write_list();
    CU_ASSERT_FALSE(dpl_kept_go_on(&k, dir, 41));
    CU_ASSERT_TRUE_FATAL(dpl_kept_go_on(&k, dir, 42));
    CU_ASSERT_EQUAL(k.loaded, 200);
    CU_ASSERT_EQUAL(count(&k, 0, 200), 200);
    CU_ASSERT_EQUAL(count(&k, 200, 300), 0);
    add(&k, 200, 210);
    dpl_kept_checkpoint_begins(&k);
    dpl_kept_checkpoint_made(&k);
    dpl_kept_close(&k);
    CU_ASSERT_TRUE_FATAL(dpl_kept_go_on(&k, dir, 42));
    CU_ASSERT_EQUAL(k.loaded, 210);
    dpl_kept_close(&k);
    dpl_kept_remove(dir);
    CU_ASSERT_FALSE(dpl_kept_go_on(&k, dir, 42));
}

/* Whatever byte is damaged or missing: never one object that was not in it, and what comes later is
 * found again. */
static void damaged(void)
{
    struct stat st;
    write_list();
    dpl_autofd int fd = openat(dir, "compared", O_RDWR | O_CLOEXEC);
    CU_ASSERT_EQUAL_FATAL(fstat(fd, &st), 0);
    for (off_t at = 0; at < st.st_size; at += 13) {
        struct dpl_kept k = {0};
        uint8_t byte;
        write_list();
        dpl_autofd int own = openat(dir, "compared", O_RDWR | O_CLOEXEC);
        CU_ASSERT_EQUAL_FATAL(pread(own, &byte, 1, at), 1);
        byte ^= 16;
        if (at % 2)
            CU_ASSERT_EQUAL_FATAL(pwrite(own, &byte, 1, at), 1);
        if (at % 2 == 0)
            CU_ASSERT_EQUAL_FATAL(ftruncate(own, at), 0);
        if (!dpl_kept_go_on(&k, dir, 42)) {
            CU_ASSERT_TRUE(at < 32);
            continue;
        }
        CU_ASSERT_TRUE(k.loaded == 0 || k.loaded == 100);
        CU_ASSERT_EQUAL(count(&k, 100, 300), 0);
        add(&k, 500, 501);
        dpl_kept_checkpoint_begins(&k);
        dpl_kept_checkpoint_made(&k);
        size_t before = k.loaded;
        dpl_kept_close(&k);
        CU_ASSERT_TRUE_FATAL(dpl_kept_go_on(&k, dir, 42));
        CU_ASSERT_EQUAL(k.loaded, before + 1);
        dpl_kept_close(&k);
    }
    dpl_kept_remove(dir);
}

static const struct unit_test tests[] = {
    {"what a checkpoint made durable comes again, nothing else does", comes_again},
    {"a damaged list ends before the damage", damaged},
};

int main(void)
{
    dir = open(unit_tempdir(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return unit_main(__FILE__, tests, sizeof tests / sizeof tests[0]);
}
