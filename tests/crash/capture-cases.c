/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Single cases of a captured directory that random calls meet too seldom.
 *
 *     capture-cases DIRECTORY [border | killed INJECT | across OTHER]
 *
 * The directory is captured, empty, and on ext4; for the cases of the border it has a directory
 * "out" that is not in the set. OTHER is another root of the same set. Prints what is wrong; exit
 * status 0 if nothing is.
 */
#include "daemon/capture/inject.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/fuse.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#define SOMEBODY 1000

static unsigned failures;
static struct inject *injected;

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            printf("line %d: not %s (%s)\n", __LINE__, #condition, strerror(errno));               \
            failures++;                                                                            \
        }                                                                                          \
    } while (0)

static bool lists(const char *list, ssize_t size, const char *name)
{
    for (ssize_t at = 0; at < size; at += (ssize_t)strlen(list + at) + 1)
        if (strcmp(list + at, name) == 0)
            return true;
    return false;
}

static void list_as_somebody(void)
{
    char list[256] = "";
    ssize_t size = listxattr("listed", list, sizeof(list));

    CHECK(size == (ssize_t)sizeof("user.a") && lists(list, size, "user.a"));
    CHECK(listxattr("listed", NULL, 0) == size);
    CHECK(listxattr("listed", list, sizeof("user.a")) == size);
    CHECK(listxattr("listed", list, sizeof("user.a") - 1) == -1 && errno == ERANGE);
}

/* Only root sees that there are trusted attributes. */
static void listing(void)
{
    char list[256];
    ssize_t size;
    int status = -1;
    int fd = open("listed", O_CREAT | O_RDWR | O_CLOEXEC, 0644);
    pid_t child;

    CHECK(fsetxattr(fd, "trusted.t", "x", 1, 0) == 0);
    CHECK(fsetxattr(fd, "user.a", "x", 1, 0) == 0);
    size = flistxattr(fd, list, sizeof(list));
    CHECK(lists(list, size, "trusted.t") && lists(list, size, "user.a"));
    CHECK(flistxattr(fd, NULL, 0) == size);
    CHECK(flistxattr(fd, list, 3) == -1 && errno == ERANGE);
    fflush(stdout);
    child = fork();
    if (child == 0) {
        CHECK(setgid(SOMEBODY) == 0 && setuid(SOMEBODY) == 0);
        list_as_somebody();
        fflush(stdout);
        _exit(failures != 0);
    }
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    close(fd);
}

static long size_of(int fd)
{
    struct stat st;

    return fstat(fd, &st) == 0 ? (long)st.st_size : -1;
}

/* The worker dies between the change of flags that comes next and all that belongs to it. */
static void die_at_flags(void)
{
    if (injected == NULL)
        return;
    atomic_store(&injected->opcode, FUSE_IOCTL);
    atomic_store(&injected->point, INJECT_EFFECT_PART);
    atomic_store(&injected->armed, 1);
}

static int set_flags(int fd, unsigned flags, bool set)
{
    unsigned now = 0;

    if (ioctl(fd, FS_IOC_GETFLAGS, &now) != 0)
        return -1;
    now = set ? now | flags : now & ~flags;
    die_at_flags();
    return ioctl(fd, FS_IOC_SETFLAGS, &now);
}

/* The same by the other ioctl. */
static int set_xflags(int fd, unsigned flags, bool set)
{
    struct fsxattr now;

    if (ioctl(fd, FS_IOC_FSGETXATTR, &now) != 0)
        return -1;
    now.fsx_xflags = set ? now.fsx_xflags | flags : now.fsx_xflags & ~flags;
    die_at_flags();
    return ioctl(fd, FS_IOC_FSSETXATTR, &now);
}

/* What a flag forbade is possible when it has gone, and where it was written before. A removal that
 * is refused pins the object first. */
static void flags(bool x)
{
    int fd = open("flagged", O_CREAT | O_RDWR | O_TRUNC | O_CLOEXEC, 0644);

    CHECK(pwrite(fd, "0123456789", 10, 0) == 10);
    CHECK((x ? set_xflags(fd, FS_XFLAG_APPEND, true) : set_flags(fd, FS_APPEND_FL, true)) == 0);
    CHECK(unlink("flagged") == -1 && errno == EPERM);
    CHECK(ftruncate(fd, 0) == -1 && errno == EPERM);
    CHECK(pwrite(fd, "a", 1, 10) == 1 && size_of(fd) == 11);
    CHECK((x ? set_xflags(fd, FS_XFLAG_APPEND, false) : set_flags(fd, FS_APPEND_FL, false)) == 0);
    CHECK(pwrite(fd, "b", 1, 0) == 1 && size_of(fd) == 11);
    CHECK(ftruncate(fd, 10) == 0 && size_of(fd) == 10);
    CHECK(set_flags(fd, FS_IMMUTABLE_FL, true) == 0);
    CHECK(unlink("flagged") == -1 && errno == EPERM);
    CHECK(pwrite(fd, "c", 1, 0) == -1 && errno == EPERM);
    CHECK(set_flags(fd, FS_IMMUTABLE_FL, false) == 0);
    CHECK(unlink("flagged") == 0);
    CHECK(set_flags(fd, FS_APPEND_FL, true) == 0);
    CHECK(pwrite(fd, "d", 1, 10) == 1 && size_of(fd) == 11);
    CHECK(set_flags(fd, FS_APPEND_FL, false) == 0);
    CHECK(pwrite(fd, "e", 1, 0) == 1 && size_of(fd) == 11);
    close(fd);
}

/* Whether the kernel says of it what the file system below would. */
static bool is_fresh(const char *name)
{
    struct statx known, now;

    if (statx(AT_FDCWD, name, AT_STATX_DONT_SYNC, STATX_BASIC_STATS, &known) != 0 ||
        statx(AT_FDCWD, name, AT_STATX_FORCE_SYNC, STATX_BASIC_STATS, &now) != 0)
        return false;
    return known.stx_mtime.tv_sec == now.stx_mtime.tv_sec &&
           known.stx_mtime.tv_nsec == now.stx_mtime.tv_nsec &&
           known.stx_ctime.tv_sec == now.stx_ctime.tv_sec &&
           known.stx_ctime.tv_nsec == now.stx_ctime.tv_nsec;
}

/* The whiteout stood for a moment, and the directory's times have changed: the replay tells whether
 * that was journalled. */
static void failed_rename(void)
{
    const struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    struct stat st;

    CHECK(mkdir("failed", 0755) == 0);
    CHECK(mkdir("failed/x", 0755) == 0 && mkdir("failed/x/d0", 0755) == 0);
    CHECK(mkdir("failed/x/d1", 0755) == 0 && mkdir("failed/x/d0/full", 0755) == 0);
    CHECK(utimensat(AT_FDCWD, "failed/x", times, 0) == 0);
    CHECK(stat("failed/x", &st) == 0 && st.st_mtime == 1000);
    CHECK(renameat2(AT_FDCWD, "failed/x/d1", AT_FDCWD, "failed/x/d0", RENAME_WHITEOUT) == -1 &&
          errno == ENOTEMPTY);
    /* DONT_SYNC answers even what is known to be old: stat() asks if it must. */
    CHECK(stat("failed/x", &st) == 0 && is_fresh("failed/x"));
}

/* The whiteout stays where the name was, outside of the set. */
static void whiteout_outside(void)
{
    struct stat st;
    int fd = open("out/file", O_CREAT | O_RDWR | O_CLOEXEC, 0644);

    CHECK(write(fd, "text", 4) == 4);
    CHECK(renameat2(AT_FDCWD, "out/file", AT_FDCWD, "came", RENAME_WHITEOUT) == 0);
    CHECK(stat("out/file", &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == 0);
    CHECK(unlink("out/file") == 0);
    close(fd);
}

/* The whiteout is made in the set by what leaves it: the replay tells whether that was journalled.
 */
static void whiteout_inside(void)
{
    struct stat st;
    int fd = open("goes", O_CREAT | O_RDWR | O_CLOEXEC, 0644);

    CHECK(write(fd, "text", 4) == 4);
    CHECK(renameat2(AT_FDCWD, "goes", AT_FDCWD, "out/goes", RENAME_WHITEOUT) == 0);
    CHECK(stat("goes", &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == 0);
    CHECK(unlink("out/goes") == 0);
    close(fd);
}

/* What stands in a directory with a default ACL has one of its own, whatever it is: the replay
 * tells whether that was journalled. */
static void inherited_lists(void)
{
    static const struct {
        uint32_t version;
        struct {
            uint16_t tag, perm;
            uint32_t id;
        } entries[5];
    } acl = {2, {{1, 7, ~0U}, {2, 6, 1001}, {4, 5, ~0U}, {16, 7, ~0U}, {32, 4, ~0U}}};
    uint8_t found[256];

    CHECK(mkdir("lists", 0777) == 0);
    CHECK(setxattr("lists", "system.posix_acl_default", &acl, sizeof(acl), 0) == 0);
    CHECK(mknod("lists/fifo", S_IFIFO | 0666, 0) == 0);
    CHECK(mknod("lists/socket", S_IFSOCK | 0666, 0) == 0);
    CHECK(mknod("lists/device", S_IFCHR | 0666, makedev(1, 3)) == 0);
    CHECK(mknod("lists/file", S_IFREG | 0666, 0) == 0);
    CHECK(mkdir("lists/dir", 0777) == 0);
    CHECK(symlink("any", "lists/link") == 0);
    CHECK(mknod("lists/moved", S_IFREG | 0666, 0) == 0);
    CHECK(renameat2(AT_FDCWD, "lists/moved", AT_FDCWD, "moved", RENAME_WHITEOUT) == 0);
    CHECK(getxattr("lists/moved", "system.posix_acl_access", found, sizeof(found)) == sizeof(acl));
    CHECK(getxattr("lists/fifo", "system.posix_acl_access", found, sizeof(found)) == sizeof(acl));
    CHECK(getxattr("lists/device", "system.posix_acl_access", found, sizeof(found)) == sizeof(acl));
}

/* The same cases of flags, with a worker that dies in each change. */
static void flags_killed(const char *file)
{
    int fd = open(file, O_RDWR | O_CLOEXEC);
    void *at = mmap(NULL, sizeof(*injected), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    CHECK(at != MAP_FAILED);
    if (at == MAP_FAILED)
        return;
    injected = at;
    flags(false);
    flags(true);
    CHECK(atomic_load(&injected->deaths) == 12);
}

/* Two roots are two mounts: no name goes from one to the other, bytes do. */
static void across(const char *directory)
{
    char text[8] = "";
    int from = open("file", O_CREAT | O_RDWR | O_CLOEXEC, 0644);
    int other = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int to = openat(other, "file", O_CREAT | O_RDWR | O_CLOEXEC, 0644);
    loff_t a = 0, b = 0;

    CHECK(other >= 0 && to >= 0 && pwrite(from, "across", 6, 0) == 6);
    CHECK(mkdir("dir", 0755) == 0 && mkdirat(other, "dir", 0755) == 0);
    CHECK(renameat2(AT_FDCWD, "file", other, "moved", 0) == -1 && errno == EXDEV);
    CHECK(renameat2(AT_FDCWD, "file", other, "file", 0) == -1 && errno == EXDEV);
    CHECK(renameat2(AT_FDCWD, "file", other, "moved", RENAME_NOREPLACE) == -1 && errno == EXDEV);
    CHECK(renameat2(AT_FDCWD, "file", other, "file", RENAME_EXCHANGE) == -1 && errno == EXDEV);
    CHECK(renameat2(AT_FDCWD, "dir", other, "dir", 0) == -1 && errno == EXDEV);
    CHECK(linkat(AT_FDCWD, "file", other, "linked", 0) == -1 && errno == EXDEV);
    CHECK(linkat(from, "", other, "linked", AT_EMPTY_PATH) == -1 && errno == EXDEV);
    CHECK(copy_file_range(from, &a, to, &b, 6, 0) == 6);
    CHECK(pread(to, text, 8, 0) == 6 && strcmp(text, "across") == 0);
    close(from);
    close(to);
    close(other);
}

int main(int argc, char **argv)
{
    if (argc < 2 || chdir(argv[1]) != 0 || chmod(".", 0755) != 0) {
        fprintf(stderr, "capture-cases DIRECTORY [border | killed INJECT | across OTHER]\n");
        return 2;
    }
    umask(022);
    if (argc > 3) {
        if (strcmp(argv[2], "across") == 0)
            across(argv[3]);
        else
            flags_killed(argv[3]);
        return failures != 0;
    }
    if (argc > 2) {
        whiteout_outside();
        whiteout_inside();
        return failures != 0;
    }
    listing();
    flags(false);
    flags(true);
    failed_rename();
    inherited_lists();
    return failures != 0;
}
