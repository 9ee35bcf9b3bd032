/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/service/origin.h"

#include "lib/base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME ".doppel-origin"

/* What the stamp of this file would say. */
static int describe(int fd, const char *site, char text[160])
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return -1;
    snprintf(text, 160, "site %.64s\ninode %llu\n", site, (unsigned long long)st.st_ino);
    return 0;
}

bool dpl_origin_moved(const char *dir, const char *site)
{
    char have[160], want[160];
    dpl_autofd int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    dpl_autofd int fd =
        dir_fd < 0 ? -1 : openat(dir_fd, NAME, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    ssize_t size = fd < 0 ? -1 : dpl_fd_read_full(fd, have, sizeof have - 1, NULL);
    if (size < 0 || describe(fd, site, want) < 0)
        return true;
    have[size] = '\0';
    return strcmp(have, want) != 0;
}

int dpl_origin_stamp(const char *dir, const char *site, struct dpl_err *err)
{
    char text[160];
    dpl_autofd int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir_fd < 0)
        return dpl_err_sys(err, errno, "cannot open \"%s\"", dir);
    (void)unlinkat(dir_fd, NAME ".new", 0);
    dpl_autofd int fd =
        openat(dir_fd, NAME ".new", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (fd < 0 || describe(fd, site, text) < 0)
        return dpl_err_sys(err, errno, "cannot write \"%s/" NAME "\"", dir);
    int code = dpl_fd_write_all(fd, text, strlen(text), err);
    if (code == DPL_OK && renameat(dir_fd, NAME ".new", dir_fd, NAME) < 0)
        code = dpl_err_sys(err, errno, "cannot write \"%s/" NAME "\"", dir);
    return code;
}
