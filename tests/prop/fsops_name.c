/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * fsops: names. Open and close, make, move, link, remove, list.
 */
#include "tests/prop/fsops.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

static bool is_fifo(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISFIFO(st.st_mode);
}

static int open_flags(const struct fsops_op *op)
{
    static const int access_modes[] = {O_RDONLY, O_WRONLY, O_RDWR, O_RDWR, O_RDWR};
    static const int more[] = {0,
                               0,
                               0,
                               0,
                               0,
                               0,
                               O_APPEND,
                               O_DIRECT,
                               O_SYNC,
                               O_DSYNC,
                               O_NOFOLLOW,
                               O_NOATIME,
                               O_APPEND,
                               O_PATH,
                               O_DIRECTORY,
                               0,
                               O_DIRECT | O_SYNC,
                               O_NONBLOCK,
                               O_TMPFILE};
    uint32_t bits = op->r[3];
    int flags = FSOPS_ONE_OF(op, 1, access_modes) | FSOPS_ONE_OF(op, 2, more);
    if ((flags & O_TMPFILE) == O_TMPFILE)
        return flags | (bits % 4 == 0 ? O_EXCL : 0);
    return flags | (bits & 128 || bits & 1 ? O_CREAT : 0) | ((bits & 14) == 2 ? O_EXCL : 0) |
           ((bits & 112) == 16 ? O_TRUNC : 0);
}

void fsops_open(struct fsops_side *side, const struct fsops_op *op, struct fsops_out *out)
{
    static const mode_t modes[] = {0644, 0600, 0666, 0666, 0666, 06755, 02775, 0, 01777};
    int flags = open_flags(op);
    bool temporary = (flags & O_TMPFILE) == O_TMPFILE;
    const char *path = temporary ? fsops_dir(op, 0) : fsops_path(op, 0);
    mode_t mode = fsops_mode(op, FSOPS_ONE_OF(op, 4, modes));
    unsigned slot = fsops_pick(op, 5, FSOPS_FDS);
    fsops_call(out, "fd%u = open(\"%.80s\", 0%o, 0%o)", slot, path, (unsigned)flags, mode);
    if (is_fifo(path))
        flags = (flags & ~O_ACCMODE) | O_NONBLOCK;
    int fd = open(path, flags | O_CLOEXEC, mode);
    fsops_result(out, fd < 0 ? -1 : 0);
    out->paths[0] = path;
    if (fd < 0)
        return;
    if (side->fds[slot] >= 0)
        fsops_say(out, "close %d ", close(side->fds[slot]));
    side->fds[slot] = fd;
    side->direct[slot] = (flags & O_DIRECT) != 0;
    out->fd = (int)slot;
}

void fsops_close(struct fsops_side *side, const struct fsops_op *op, struct fsops_out *out)
{
    unsigned slot = fsops_pick(op, 0, FSOPS_FDS);
    fsops_call(out, "close(fd%u)", slot);
    fsops_result(out, close(side->fds[slot]));
    side->fds[slot] = -1;
}

void fsops_rename(struct fsops_side *side, const struct fsops_op *op, struct fsops_out *out)
{
    static const unsigned flags[] = {0, 0, 0, 0, 1, 1, 2, 2, 4, 5, 3, 8};
    (void)side;
    const char *from = fsops_path(op, 0);
    const char *to = fsops_path(op, 1);
    unsigned flag = FSOPS_ONE_OF(op, 2, flags);
    fsops_call(out, "renameat2(\"%.80s\", \"%.80s\", %u)", from, to, flag);
    fsops_result(out, syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, flag));
    out->paths[0] = from;
    out->paths[1] = to;
}

void fsops_link(struct fsops_side *side, const struct fsops_op *op, struct fsops_out *out)
{
    (void)side;
    const char *from = fsops_path(op, 0);
    const char *to = fsops_path(op, 1);
    int flags = op->r[2] % 3 == 0 ? AT_SYMLINK_FOLLOW : 0;
    fsops_call(out, "linkat(\"%.80s\", \"%.80s\", %#x)", from, to, (unsigned)flags);
    fsops_result(out, linkat(AT_FDCWD, from, AT_FDCWD, to, flags));
    out->paths[0] = from;
    out->paths[1] = to;
}

/* A name for an open file, a nameless one too. */
void fsops_link_fd(struct fsops_side *side, const struct fsops_op *op, struct fsops_out *out)
{
    unsigned slot = fsops_pick(op, 0, FSOPS_FDS);
    const char *to = fsops_path(op, 1);
    char proc[64];
    snprintf(proc, sizeof proc, "/proc/self/fd/%d", side->fds[slot]);
    if (op->r[2] % 2 == 0) {
        fsops_call(out, "linkat(fd%u, \"\", \"%.80s\", AT_EMPTY_PATH)", slot, to);
        fsops_result(out, linkat(side->fds[slot], "", AT_FDCWD, to, AT_EMPTY_PATH));
    } else {
        fsops_call(out, "linkat(\"/proc/self/fd/\" fd%u, \"%.80s\", AT_SYMLINK_FOLLOW)", slot, to);
        fsops_result(out, linkat(AT_FDCWD, proc, AT_FDCWD, to, AT_SYMLINK_FOLLOW));
    }
    out->paths[0] = to;
    out->fd = (int)slot;
}

void fsops_unlink(struct fsops_side *side, const struct fsops_op *op, struct fsops_out *out)
{
    (void)side;
    const char *path = fsops_path(op, 0);
    fsops_call(out, "unlink(\"%.80s\")", path);
    fsops_result(out, unlink(path));
    out->paths[0] = path;
    out->fd = (int)fsops_pick(op, 1, FSOPS_FDS);
}

void fsops_mkdir(struct fsops_side *side, const struct fsops_op *op, struct fsops_out *out)
{
    static const mode_t modes[] = {0777, 0777, 0755, 0700, 01777, 02775, 0};
    (void)side;
    const char *path = fsops_path(op, 0);
    mode_t mode = FSOPS_ONE_OF(op, 1, modes);
    fsops_call(out, "mkdir(\"%.80s\", 0%o)", path, mode);
    fsops_result(out, mkdir(path, mode));
    out->paths[0] = path;
}

void fsops_rmdir(struct fsops_side *side, const struct fsops_op *op, struct fsops_out *out)
{
    (void)side;
    const char *path = fsops_path(op, 0);
    fsops_call(out, "rmdir(\"%.80s\")", path);
    fsops_result(out, rmdir(path));
    out->paths[0] = path;
}

void fsops_mknod(struct fsops_side *side, const struct fsops_op *op, struct fsops_out *out)
{
    static const mode_t types[] = {S_IFIFO, S_IFSOCK, S_IFCHR, S_IFBLK, S_IFREG, S_IFIFO, S_IFDIR};
    (void)side;
    const char *path = fsops_path(op, 0);
    mode_t type = FSOPS_ONE_OF(op, 1, types);
    dev_t dev = S_ISCHR(type) ? makedev(1, 3) : S_ISBLK(type) ? makedev(240, 70000) : 0;
    fsops_call(out, "mknod(\"%.80s\", 0%o, %u:%u)", path, type | 0640, major(dev), minor(dev));
    fsops_result(out, mknod(path, type | 0640, dev));
    out->paths[0] = path;
}

void fsops_symlink(struct fsops_side *side, const struct fsops_op *op, struct fsops_out *out)
{
    (void)side;
    static char target[5000];
    size_t length = op->r[2] % 8 == 0 ? 4000 + op->r[3] % 200 : 0;
    memset(target, 't', length);
    snprintf(target + length, sizeof target - length, "%s", length ? "" : fsops_path(op, 1));
    const char *path = fsops_path(op, 0);
    fsops_call(out, "symlink(\"%.60s\", \"%.80s\") with %zu bytes", target, path, strlen(target));
    fsops_result(out, symlink(target, path));
    out->paths[0] = path;
}

void fsops_readlink(struct fsops_side *side, const struct fsops_op *op, struct fsops_out *out)
{
    (void)side;
    char target[5000];
    const char *path = fsops_path(op, 0);
    size_t size = op->r[1] % 3 == 0 ? op->r[1] % 16 : sizeof target;
    fsops_call(out, "readlink(\"%.80s\", %zu)", path, size);
    long n = fsops_result(out, readlink(path, target, size));
    if (n > 0)
        fsops_say_hash(out, target, (size_t)n);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* All names with their types, sorted: the order in a directory is the file system's own. */
void fsops_readdir(struct fsops_side *side, const struct fsops_op *op, struct fsops_out *out)
{
    (void)side;
    enum { MOST = 200, WIDTH = 280 };
    static char names[MOST][WIDTH];
    size_t count = 0;
    const char *path = fsops_dir(op, 0);
    fsops_call(out, "readdir(\"%.80s\")", path);
    DIR *dir = opendir(path);
    fsops_result(out, dir ? 0 : -1);
    const struct dirent *entry;
    while (dir && count < MOST && (errno = 0, entry = readdir(dir)) != NULL)
        snprintf(names[count++], WIDTH, "%s/%d", entry->d_name, entry->d_type);
    if (dir)
        fsops_say(out, "end %d, %zu names ", errno, count);
    qsort(names, count, WIDTH, by_name);
    for (size_t i = 0; i < count; i++)
        fsops_say(out, "%s ", names[i]);
    if (dir)
        closedir(dir);
}

/* A listing that goes back to a remembered place while a name comes and another goes: each name
 * that was there all the time is seen exactly once in each pass. */
void fsops_seekdir(struct fsops_side *side, const struct fsops_op *op, struct fsops_out *out)
{
    (void)side;
    const char *path = fsops_dir(op, 0);
    unsigned stop = op->r[1] % 8;
    char change[512];
    snprintf(change, sizeof change, "%.400s/seek.%u", path, op->index);
    fsops_call(out, "readdir(\"%.80s\"), telldir after %u, create and unlink, seekdir", path, stop);
    DIR *dir = opendir(path);
    if (fsops_result(out, dir ? 0 : -1) < 0 || !dir)
        return;
    const struct dirent *entry;
    long place = telldir(dir);
    unsigned before = 0, first = 0, second = 0;
    for (; before < stop && readdir(dir); before++)
        place = telldir(dir);
    for (; readdir(dir);)
        first++;
    int fd = open(change, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
    fsops_result(out, fd < 0 ? -1 : 0);
    if (fd >= 0) {
        close(fd);
        fsops_result(out, unlink(change));
    }
    seekdir(dir, place);
    for (; (entry = readdir(dir)) != NULL;)
        second += strncmp(entry->d_name, "seek.", 5) != 0;
    rewinddir(dir);
    unsigned all = 0;
    while (readdir(dir))
        all++;
    fsops_say(out, "same rest: %d, all: %d ", first == second, all == before + first);
    closedir(dir);
}
