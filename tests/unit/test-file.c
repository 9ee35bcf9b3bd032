/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/base/fd.h"
#include "lib/base/file.h"
#include "tests/unit/unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static int dir_open(void)
{
    int dir = open(unit_tempdir(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CU_ASSERT_FATAL(dir >= 0);
    return dir;
}

static int entries(int dir)
{
    DIR *d = fdopendir(openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    int n = 0;
    while (readdir(d))
        n++;
    closedir(d);
    return n - 2;
}

static void content_and_mode_are_replaced(void)
{
    dpl_autofd int dir = dir_open();
    struct dpl_err err = {0};
    umask(077);
    CU_ASSERT_EQUAL(dpl_file_replace(dir, "doc", "one", 3, 0644, &err), 0);
    CU_ASSERT_EQUAL(dpl_file_replace(dir, "doc", "second", 6, 0640, &err), 0);
    g_autofree char *data = NULL;
    size_t size = 0;
    CU_ASSERT_EQUAL(dpl_file_read(dir, "doc", 100, &data, &size, &err), 0);
    CU_ASSERT_EQUAL(size, 6);
    CU_ASSERT_STRING_EQUAL(data, "second");
    struct stat st;
    CU_ASSERT_EQUAL(fstatat(dir, "doc", &st, 0), 0);
    CU_ASSERT_EQUAL(st.st_mode & 07777, 0640);
    CU_ASSERT_EQUAL(entries(dir), 1);
}

/* A write that fails half way: beyond RLIMIT_FSIZE the kernel answers EFBIG. */
static void failed_replacement_leaves_the_old_one(void)
{
    dpl_autofd int dir = dir_open();
    struct dpl_err err = {0};
    CU_ASSERT_EQUAL(dpl_file_replace(dir, "doc", "old", 3, 0644, &err), 0);
    int before = entries(dir);
    struct rlimit old, tight;
    getrlimit(RLIMIT_FSIZE, &old);
    tight = old;
    tight.rlim_cur = 10;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &tight);
    int rc = dpl_file_replace(dir, "doc", "much longer than ten bytes", 26, 0644, &err);
    setrlimit(RLIMIT_FSIZE, &old);
    CU_ASSERT_EQUAL(rc, DPL_E_TOO_LARGE);
    CU_ASSERT_EQUAL(err.sys_errno, EFBIG);
    CU_ASSERT_EQUAL(entries(dir), before);
    g_autofree char *data = NULL;
    CU_ASSERT_EQUAL(dpl_file_read(dir, "doc", 100, &data, NULL, &err), 0);
    CU_ASSERT_STRING_EQUAL(data, "old");
}

static void a_file_beyond_its_bound_is_refused(void)
{
    dpl_autofd int dir = dir_open();
    struct dpl_err err = {0};
    g_autofree char *big = g_malloc0(10000);
    CU_ASSERT_EQUAL(dpl_file_replace(dir, "big", big, 10000, 0644, &err), 0);
    g_autofree char *data = NULL;
    CU_ASSERT_EQUAL(dpl_file_read(dir, "big", 9999, &data, NULL, &err), DPL_E_TOO_LARGE);
    CU_ASSERT_PTR_NULL(data);
    size_t size = 0;
    CU_ASSERT_EQUAL(dpl_file_read(dir, "big", 10000, &data, &size, &err), 0);
    CU_ASSERT_EQUAL(size, 10000);
}

static void missing_file_is_said_by_name(void)
{
    dpl_autofd int dir = dir_open();
    struct dpl_err err = {0};
    char *data = NULL;
    CU_ASSERT_EQUAL(dpl_file_read(dir, "nowhere", 10, &data, NULL, &err), DPL_E_NOT_FOUND);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "nowhere"));
}

static const struct unit_test tests[] = {
    {"content and mode are replaced", content_and_mode_are_replaced},
    {"a failed replacement leaves the old one", failed_replacement_leaves_the_old_one},
    {"a file beyond its bound is refused", a_file_beyond_its_bound_is_refused},
    {"a missing file is said by name", missing_file_is_said_by_name},
};
UNIT_MAIN(tests)
