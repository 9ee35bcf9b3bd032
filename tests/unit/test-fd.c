/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/base/fd.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void autofd_closes_and_keeps_errno(void)
{
    int seen;
    errno = ENOTTY;
    {
        dpl_autofd int fd = dup(2);
        seen = fd;
        errno = ENOTTY;
    }
    CU_ASSERT_EQUAL(errno, ENOTTY);
    CU_ASSERT_EQUAL(fcntl(seen, F_GETFD), -1);
}

static void stolen_fd_stays_open(void)
{
    int kept;
    {
        dpl_autofd int fd = dup(2);
        kept = dpl_fd_steal(&fd);
        CU_ASSERT_EQUAL(fd, -1);
    }
    CU_ASSERT_EQUAL(fcntl(kept, F_GETFD), 0);
    dpl_fd_clear(&kept);
    CU_ASSERT_EQUAL(kept, -1);
}

static void short_input_is_a_count_not_an_error(void)
{
    int p[2];
    CU_ASSERT_EQUAL_FATAL(pipe(p), 0);
    struct dpl_err err = {0};
    CU_ASSERT_EQUAL(dpl_fd_write_all(p[1], "hello", 5, &err), 0);
    close(p[1]);
    char got[16];
    CU_ASSERT_EQUAL(dpl_fd_read_full(p[0], got, sizeof got, &err), 5);
    CU_ASSERT_EQUAL(memcmp(got, "hello", 5), 0);
    close(p[0]);
}

static void a_file_is_read_from_an_offset_to_its_end(void)
{
    FILE *file = tmpfile();
    CU_ASSERT_PTR_NOT_NULL_FATAL(file);
    int fd = fileno(file);
    char got[16];
    CU_ASSERT_EQUAL(dpl_fd_write_all(fd, "hello", 5, NULL), 0);
    CU_ASSERT_EQUAL(dpl_fd_pread_full(fd, 2, got, sizeof got, NULL), 3);
    CU_ASSERT_EQUAL(memcmp(got, "llo", 3), 0);
    CU_ASSERT_EQUAL(dpl_fd_pread_full(fd, 5, got, sizeof got, NULL), 0);
    CU_ASSERT(dpl_fd_pread_full(-1, 0, got, 1, NULL) < 0);
    fclose(file);
}

static void failure_is_said(void)
{
    struct dpl_err err = {0};
    CU_ASSERT(dpl_fd_write_all(-1, "x", 1, &err) < 0);
    CU_ASSERT_EQUAL(err.sys_errno, EBADF);
    CU_ASSERT(dpl_fd_read_full(-1, &err, 1, NULL) < 0);
    CU_ASSERT_EQUAL(dpl_fd_write_all(-1, NULL, 0, &err), 0);
}

static const struct unit_test tests[] = {
    {"an auto-fd closes and keeps errno", autofd_closes_and_keeps_errno},
    {"a stolen descriptor stays open", stolen_fd_stays_open},
    {"short input is a count, not an error", short_input_is_a_count_not_an_error},
    {"a file is read from an offset to its end", a_file_is_read_from_an_offset_to_its_end},
    {"a failure is said", failure_is_said},
};
UNIT_MAIN(tests)
