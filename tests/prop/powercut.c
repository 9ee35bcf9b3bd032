/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/prop/powercut.h"

#include "lib/base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SECTOR = 512 };

struct powercut_write {
    struct powercut_write *next;
    int fd;
    ino_t ino;
    off_t at;
    size_t size, had; /* written; of those, how many were there before */
    uint8_t *before;
};

static bool off(struct powercut *cut)
{
    cut->calls++;
    errno = EIO;
    return powercut_is_off(cut);
}

static ino_t inode(int fd)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        abort();
    return st.st_ino;
}

/* A descriptor of the same file, to read and write. */
static int again(int fd)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return open(path, O_RDWR | O_CLOEXEC);
}

static void remember(struct powercut *cut, int fd, off_t at, size_t size)
{
    struct powercut_write *w = calloc(1, sizeof *w);
    if (!w)
        abort();
    *w = (struct powercut_write){.next = cut->writes,
                                 .fd = again(fd),
                                 .ino = inode(fd),
                                 .at = at,
                                 .size = size,
                                 .before = calloc(1, size + 1)};
    ssize_t n = w->before ? pread(w->fd, w->before, size, at) : -1;
    if (n < 0)
        abort();
    w->had = (size_t)n;
    cut->writes = w;
}

static void release(struct powercut_write *w)
{
    dpl_fd_clear(&w->fd);
    free(w->before);
    free(w);
}

static ssize_t cut_pwritev(void *self, int fd, const struct iovec *iov, int count, off_t at)
{
    struct powercut *cut = self;
    size_t size = 0;
    bool dead = off(cut);
    if (dead && cut->calls > cut->at)
        return -1;
    for (int i = 0; i < count; i++)
        size += iov[i].iov_len;
    remember(cut, fd, at, size);
    ssize_t n = pwritev(fd, iov, count, at);
    errno = EIO;
    return dead ? -1 : n; /* the last one may have come to the disk in part */
}

static int cut_datasync(void *self, int fd)
{
    struct powercut *cut = self;
    if (off(cut))
        return -1;
    ino_t ino = inode(fd);
    for (struct powercut_write **w = &cut->writes; *w;) {
        struct powercut_write *one = *w;
        if (one->ino == ino) {
            *w = one->next;
            release(one);
        } else {
            w = &one->next;
        }
    }
    return 0;
}

static int cut_allocate(void *self, int fd, off_t bytes)
{
    return off(self) ? -1 : posix_fallocate(fd, 0, bytes);
}

static int cut_truncate(void *self, int fd, off_t bytes)
{
    return off(self) ? -1 : ftruncate(fd, bytes);
}

static int cut_free_bytes(void *self, int dir_fd, uint64_t *bytes)
{
    (void)dir_fd;
    *bytes = 1ULL << 40;
    return off(self) ? -1 : 0;
}

/* What lies beside the files of a replica is never lost here, so there is nothing to write. */
static int cut_sync_all(void *self, int dir_fd)
{
    (void)dir_fd;
    return off(self) ? -1 : 0;
}

void powercut_init(struct powercut *cut, unsigned at, uint64_t seed)
{
    *cut = (struct powercut){
        .io = {cut_pwritev, cut_datasync, cut_allocate, cut_truncate, cut_free_bytes, cut_sync_all,
               cut},
        .at = at,
        .rng = {.state = seed},
    };
}

/* Takes a write back, as a whole, or some of its sectors. */
static void undo(struct powercut *cut, const struct powercut_write *w)
{
    struct stat st;
    bool all = rng_one_in(&cut->rng, 3);
    if (fstat(w->fd, &st) < 0)
        abort();
    for (size_t i = 0; i < w->size;) {
        size_t step = SECTOR - (size_t)((w->at + (off_t)i) % SECTOR);
        if (step > w->size - i)
            step = w->size - i;
        if ((all || rng_one_in(&cut->rng, 2)) && w->at + (off_t)(i + step) <= st.st_size &&
            pwrite(w->fd, w->before + i, step, w->at + (off_t)i) != (ssize_t)step)
            abort();
        i += step;
    }
    if (w->had < w->size && rng_one_in(&cut->rng, 2) && st.st_size > w->at + (off_t)w->had &&
        ftruncate(w->fd, w->at + (off_t)w->had) < 0)
        abort();
}

static void drop(struct powercut *cut, bool happen)
{
    while (cut->writes) {
        struct powercut_write *w = cut->writes;
        cut->writes = w->next;
        if (happen && !rng_one_in(&cut->rng, 3))
            undo(cut, w);
        release(w);
    }
}

void powercut_happen(struct powercut *cut)
{
    drop(cut, true);
}

void powercut_forget(struct powercut *cut)
{
    drop(cut, false);
}
