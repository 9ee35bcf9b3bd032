/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Random trees on a real file system: see mirrorrig.h. Few names, so that changes meet each other.
 */
#include "tests/prop/mirrorrig.h"

#include <dirent.h>
#include <fcntl.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { NAMES = 6, DEPTH = 3, BLOCK = 4096 };

/* A random directory of the tree, opened; and a random name in it. */
static int some_dir(struct rng *r, int dir)
{
    int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int depth = 0; depth < DEPTH && !rng_one_in(r, 3); depth++) {
        char name[8];
        snprintf(name, sizeof name, "n%u", rng_below(r, NAMES));
        int next = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (next < 0)
            break;
        close(fd);
        fd = next;
    }
    return fd;
}

static void remove_tree(int dir, const char *name)
{
    int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *e;
    while (d && (e = readdir(d)))
        if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
            remove_tree(dirfd(d), e->d_name);
    if (d)
        closedir(d);
    unlinkat(dir, name, d ? AT_REMOVEDIR : 0);
}

static void write_some(struct rng *r, int dir, const char *name)
{
    uint8_t block[BLOCK];
    int fd = openat(dir, name, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0644);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        if (fd >= 0)
            close(fd);
        return;
    }
    off_t far = rng_one_in(r, 4) ? 700 : 12;
    for (unsigned i = rng_below(r, 6); i > 0; i--) {
        memset(block, (int)rng_below(r, 256), sizeof block);
        size_t size = 1 + rng_below(r, BLOCK);
        off_t at = (off_t)rng_below(r, (uint32_t)far) * BLOCK + rng_below(r, 100);
        if (pwrite(fd, block, size, at) < 0)
            perror("pwrite");
    }
    if (rng_one_in(r, 3) && ftruncate(fd, rng_below(r, 300000)) < 0)
        perror("ftruncate");
    if (rng_one_in(r, 4))
        fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)rng_below(r, 20) * BLOCK,
                  BLOCK * 3);
    close(fd);
}

static void make_special(struct rng *r, int dir, const char *name)
{
    if (rng_one_in(r, 2))
        mkfifoat(dir, name, 0600);
    else if (symlinkat(rng_one_in(r, 2) ? "n1" : "../elsewhere", dir, name) < 0)
        return;
}

static void dress(struct rng *r, int dir, const char *name)
{
    char path[64];
    struct stat st;
    struct timespec times[2] = {
        {.tv_nsec = UTIME_OMIT},
        {.tv_sec = 1000000000 + rng_below(r, 1000000), .tv_nsec = rng_below(r, 1000000000)}};
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return;
    snprintf(path, sizeof path, "/proc/self/fd/%d/%s", dir, name);
    if (rng_one_in(r, 2) &&
        fchownat(dir, name, rng_below(r, 3), rng_below(r, 3), AT_SYMLINK_NOFOLLOW) < 0)
        perror("chown");
    if (rng_one_in(r, 2) && !S_ISLNK(st.st_mode) && fchmodat(dir, name, rng_below(r, 07777), 0) < 0)
        perror("chmod");
    if (rng_one_in(r, 3) && (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)))
        lsetxattr(path, rng_one_in(r, 2) ? "user.one" : "trusted.two", name, strlen(name), 0);
    if (rng_one_in(r, 5))
        lremovexattr(path, "user.one");
    utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW);
}

static void change_one(struct rng *r, int top)
{
    char name[8], other[8];
    int dir = some_dir(r, top), dir2 = some_dir(r, top);
    snprintf(name, sizeof name, "n%u", rng_below(r, NAMES));
    snprintf(other, sizeof other, "n%u", rng_below(r, NAMES));
    switch (rng_below(r, 12)) {
    case 0:
    case 1:
        mkdirat(dir, name, 0755);
        break;
    case 2:
        remove_tree(dir, name);
        break;
    case 3:
        renameat2(dir, name, dir2, other, 0);
        break;
    case 4:
        renameat2(dir, name, dir2, other, RENAME_EXCHANGE);
        break;
    case 5:
        if (linkat(dir, name, dir2, other, 0) < 0)
            break;
        break;
    case 6:
        make_special(r, dir, name);
        break;
    case 7:
    case 8:
        dress(r, dir, name);
        break;
    default:
        write_some(r, dir, name);
    }
    close(dir);
    close(dir2);
}

void randomtree_change(struct rng *r, int dir, unsigned changes)
{
    while (changes-- > 0)
        change_one(r, dir);
}
