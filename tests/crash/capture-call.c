/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * One call, or some of a kind, on a file; prints what came of it in a word or two, so that a script
 * can compare two file systems.
 *
 *     capture-call [-u UID] CALL FILE [NUMBER]
 *
 * write N: appends N bytes in pieces of 64 KiB (0: until it fails); overwrite N: N bytes from the
 * beginning; allocate N; allocate-keep N: the same with FALLOC_FL_KEEP_SIZE; fsync; fdatasync;
 * read: all of it; create N: FILE.0 and so on; mkdir; truncate N; setxattr N: of N bytes; rename:
 * to FILE.new; whiteout: the same, leaving one; unlink; map N: stores a byte every 4 KiB into N
 * mapped bytes and msync. Prints "ok" or the error's name, and for create how many were made.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define PIECE 65536

static char piece[PIECE];

static int write_all(const char *file, int flags, long size)
{
    int fd = open(file, O_CREAT | O_WRONLY | O_CLOEXEC | flags, 0644);
    long left = size == 0 ? __LONG_MAX__ : size;

    memset(piece, (flags & O_APPEND) != 0 ? 'w' : 'o', PIECE);
    if (fd < 0)
        return -1;
    while (left > 0) {
        ssize_t n = write(fd, piece, left < PIECE ? (size_t)left : PIECE);

        if (n < 0)
            return -1;
        left -= n;
    }
    return close(fd);
}

static int read_all(const char *file)
{
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : 1;

    while (n > 0)
        n = read(fd, piece, PIECE);
    return (int)n;
}

static int sync_it(const char *file, bool data)
{
    int fd = open(file, O_RDONLY | O_CLOEXEC);

    return fd < 0 ? -1 : data ? fdatasync(fd) : fsync(fd);
}

static int allocate(const char *file, int mode, long size)
{
    int fd = open(file, O_CREAT | O_RDWR | O_CLOEXEC, 0644);

    return fd < 0 ? -1 : fallocate(fd, mode, 0, size);
}

static int create(const char *file, long count)
{
    char name[4096];

    for (long i = 0; i < count; i++) {
        int fd;

        snprintf(name, sizeof(name), "%s.%ld", file, i);
        fd = open(name, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0644);
        if (fd < 0) {
            printf("%ld ", i);
            return -1;
        }
        close(fd);
    }
    return 0;
}

static int set_xattr(const char *file, long size)
{
    return setxattr(file, "user.call", piece, (size_t)size, 0);
}

static int rename_it(const char *file, unsigned flags)
{
    char name[4096];

    snprintf(name, sizeof(name), "%s.new", file);
    return renameat2(AT_FDCWD, file, AT_FDCWD, name, flags);
}

static int store(const char *file, long size)
{
    int fd = open(file, O_CREAT | O_RDWR | O_CLOEXEC, 0644);
    char *at;

    if (fd < 0 || ftruncate(fd, size) != 0)
        return -1;
    at = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (at == MAP_FAILED)
        return -1;
    for (long i = 0; i < size; i += 4096)
        at[i] = 'm';
    return msync(at, (size_t)size, MS_SYNC);
}

static int call(const char *what, const char *file, long number)
{
    if (strcmp(what, "write") == 0)
        return write_all(file, O_APPEND, number);
    if (strcmp(what, "overwrite") == 0)
        return write_all(file, 0, number);
    if (strcmp(what, "allocate") == 0)
        return allocate(file, 0, number);
    if (strcmp(what, "allocate-keep") == 0)
        return allocate(file, FALLOC_FL_KEEP_SIZE, number);
    if (strcmp(what, "fsync") == 0)
        return sync_it(file, false);
    if (strcmp(what, "fdatasync") == 0)
        return sync_it(file, true);
    if (strcmp(what, "read") == 0)
        return read_all(file);
    if (strcmp(what, "create") == 0)
        return create(file, number);
    if (strcmp(what, "mkdir") == 0)
        return mkdir(file, 0755);
    if (strcmp(what, "truncate") == 0)
        return truncate(file, number);
    if (strcmp(what, "setxattr") == 0)
        return set_xattr(file, number);
    if (strcmp(what, "rename") == 0)
        return rename_it(file, 0);
    if (strcmp(what, "whiteout") == 0)
        return rename_it(file, RENAME_WHITEOUT);
    if (strcmp(what, "unlink") == 0)
        return unlink(file);
    if (strcmp(what, "map") == 0)
        return store(file, number);
    fprintf(stderr, "capture-call: there is no call \"%s\"\n", what);
    exit(2);
}

int main(int argc, char **argv)
{
    int rc;

    if (argc > 3 && strcmp(argv[1], "-u") == 0) {
        if (setgid((gid_t)atoi(argv[2])) != 0 || setuid((uid_t)atoi(argv[2])) != 0)
            return 2;
        argc -= 2;
        argv += 2;
    }
    if (argc < 3) {
        fprintf(stderr, "capture-call [-u UID] CALL FILE [NUMBER]\n");
        return 2;
    }
    rc = call(argv[1], argv[2], argc > 3 ? atol(argv[3]) : 0);
    puts(rc == 0 ? "ok" : strerrorname_np(errno));
    return 0;
}
