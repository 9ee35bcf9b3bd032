/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * load: calls that nobody fights about, so that every kind of request is made; and one who does
 * nothing but wait for an answer, to measure what an application sees of a takeover.
 */
#include "tests/crash/load.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#define HOLE 8192

static void odd_attributes(struct load_worker *w, int fd)
{
    struct statx stx;
    struct stat st;
    char text[64];
    mode_t mode = 0600 | (mode_t)load_random(w, 0100);
    LOAD_MUST(w, fsetxattr(fd, "user.odd", "value", 5, 0));
    if (LOAD_MUST(w, flistxattr(fd, text, sizeof text)) != (long)sizeof "user.odd")
        load_bad(w, "a list of attributes is wrong");
    if (LOAD_MUST(w, fgetxattr(fd, "user.odd", text, sizeof text)) != 5)
        load_bad(w, "an attribute has changed");
    LOAD_MUST(w, fremovexattr(fd, "user.odd"));
    LOAD_MUST(w, futimens(fd, NULL));
    LOAD_MUST(w, fchmod(fd, mode));
    if (LOAD_MUST(w, fstat(fd, &st)) == 0 && (st.st_mode & 07777) != mode)
        load_bad(w, "mode is %o, not %o", st.st_mode & 07777, mode);
    /* The time of birth is asked for each time. */
    if (LOAD_MUST(w, statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | STATX_BTIME, &stx)) == 0 &&
        (stx.stx_mode & 07777) != mode)
        load_bad(w, "statx says that the mode is %o, not %o", stx.stx_mode & 07777, mode);
}

static void odd_flags(struct load_worker *w, int fd)
{
    int flags = 0;
    LOAD_MUST(w, ioctl(fd, FS_IOC_GETFLAGS, &flags));
    flags |= FS_NODUMP_FL;
    LOAD_MUST(w, ioctl(fd, FS_IOC_SETFLAGS, &flags));
    flags = 0;
    LOAD_MUST(w, ioctl(fd, FS_IOC_GETFLAGS, &flags));
    if ((flags & FS_NODUMP_FL) == 0)
        load_bad(w, "a flag was lost");
}

static void odd_content(struct load_worker *w, int fd)
{
    struct stat st;
    LOAD_MUST(w, pwrite(fd, "data", 4, HOLE));
    if (LOAD_MUST(w, lseek(fd, 0, SEEK_HOLE)) != 0)
        load_bad(w, "a hole is not one");
    LOAD_MUST(w, fallocate(fd, FALLOC_FL_KEEP_SIZE, HOLE, 2L * HOLE));
    LOAD_MUST(w, ftruncate(fd, 100));
    if (LOAD_MUST(w, fstat(fd, &st)) == 0 && st.st_size != 100)
        load_bad(w, "size is %lld, not 100", (long long)st.st_size);
    LOAD_MUST(w, fsync(fd));
}

static void play_odd(struct load_worker *w)
{
    const char *name = load_name(w, "odd.%d", w->id), *link = load_name(w, "oddlink.%d", w->id);
    char text[64];
    struct statvfs vfs;
    int fd =
        (int)LOAD_MUST(w, openat(w->dir_fd, name, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600));
    if (fd < 0)
        return;
    LOAD_MUST(w, symlinkat("somewhere", w->dir_fd, link));
    if (LOAD_MUST(w, readlinkat(w->dir_fd, link, text, sizeof text)) != 9)
        load_bad(w, "a link has changed");
    odd_content(w, fd);
    odd_attributes(w, fd);
    odd_flags(w, fd);
    LOAD_MUST(w, fstatvfs(fd, &vfs));
    LOAD_MUST(w, fsync(w->dir_fd));
    LOAD_MUST(w, unlinkat(w->dir_fd, link, 0));
    LOAD_MUST(w, unlinkat(w->dir_fd, name, 0));
    close(fd);
}

const struct load_game load_odd_games[] = {
    {"odd", 1, play_odd},
    {NULL, 0, NULL},
};

void load_watch(struct load_worker *w, bool (*finished)(void))
{
    int fd = (int)LOAD_MUST(w, openat(w->dir_fd, "watch", O_CREAT | O_RDWR | O_CLOEXEC, 0600));
    while (!finished()) {
        int64_t start_ns = load_now_ns();
        if (pwrite(fd, "x", 1, 0) != 1)
            load_bad(w, "the watcher's write: %m");
        int64_t ns = load_now_ns() - start_ns;
        if (ns < LOAD_WAIT_NS)
            continue;
        long n = load_shared->wait_count++;
        if (n < LOAD_STALLS)
            load_shared->waits_ns[n] = ns;
    }
    close(fd);
}

static int by_length(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

void load_watch_print(void)
{
    long count =
        load_shared->wait_count < LOAD_STALLS ? (long)load_shared->wait_count : LOAD_STALLS;
    int64_t *waits = load_shared->waits_ns;
    qsort(waits, (size_t)count, sizeof waits[0], by_length);
    printf("load: a watcher waited %ld times for more than 2 ms, median %.1f ms, longest %.1f ms\n",
           (long)load_shared->wait_count, count > 0 ? (double)waits[count / 2] / 1e6 : 0.0,
           count > 0 ? (double)waits[count - 1] / 1e6 : 0.0);
}
