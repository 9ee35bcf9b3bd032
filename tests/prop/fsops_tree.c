/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * fsops: the tree that a sequence begins with, and its removal.
 */
#include "tests/prop/fsops.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

/* A default ACL in the kernel's form: version 2, then tag, permission and id of each entry. */
static const unsigned char default_acl[] = {
    2, 0,    0,   0,   1,   0,   7,  0, 255, 255, 255, 255, 2,   0,   6,
    0, 0xe9, 3,   0,   0,   4,   0,  5, 0,   255, 255, 255, 255, 16,  0,
    7, 0,    255, 255, 255, 255, 32, 0, 4,   0,   255, 255, 255, 255,
};

static int make_dir(int root, const char *name, mode_t mode, gid_t group)
{
    if (mkdirat(root, name, 0700) < 0 || fchownat(root, name, 0, group, 0) < 0)
        return -1;
    return fchmodat(root, name, mode, 0);
}

/* A file, open in every slot. */
static int make_file(struct fsops_side *side)
{
    int root = side->root_fd;
    char data[10000];
    memset(data, 'x', sizeof data);
    int fd = openat(root, "f0", O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0666);
    if (fd < 0)
        return -1;
    ssize_t n = write(fd, data, sizeof data);
    for (int i = 0; i < FSOPS_FDS; i++)
        side->fds[i] = dup(fd);
    return close(fd) < 0 || n != (ssize_t)sizeof data ? -1 : 0;
}

int fsops_prepare(struct fsops_side *side)
{
    static const char *const names[] = {"f0",   "loop",   "d0/d2", "d0", "d1",
                                        "sgid", "sticky", "acl",   "."};
    const struct timespec past[2] = {{900000000, 0}, {900000000, 0}};
    int root = side->root_fd;
    umask(0);
    if (fchdir(root) < 0 || fchmod(root, 0777) < 0 || make_file(side) < 0 ||
        make_dir(root, "d0", 0777, 0) < 0 || make_dir(root, "d0/d2", 0777, 0) < 0 ||
        make_dir(root, "d1", 0755, 0) < 0 || make_dir(root, "sgid", 02770, 2000) < 0 ||
        make_dir(root, "sticky", 01777, 0) < 0 || make_dir(root, "acl", 0777, 0) < 0 ||
        symlinkat("loop", root, "loop") < 0 ||
        setxattr("acl", "system.posix_acl_default", default_acl, sizeof default_acl, 0) < 0)
        return -1;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (utimensat(root, names[i], past, AT_SYMLINK_NOFOLLOW) < 0)
            return -1;
    return 0;
}

static void unprotect(int dir_fd, const char *name)
{
    unsigned flags = 0;
    int fd = openat(dir_fd, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return;
    if (ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0 && (flags & (FS_IMMUTABLE_FL | FS_APPEND_FL))) {
        flags &= ~(unsigned)(FS_IMMUTABLE_FL | FS_APPEND_FL);
        ioctl(fd, FS_IOC_SETFLAGS, &flags);
    }
    close(fd);
}

static int remove_one(int dir_fd, const char *name)
{
    struct stat st;
    if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return -1;
    if (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode))
        unprotect(dir_fd, name);
    if (!S_ISDIR(st.st_mode))
        return unlinkat(dir_fd, name, 0);
    int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -1;
    int rc = fsops_wipe(fd);
    int saved = errno;
    close(fd);
    errno = saved;
    return rc < 0 ? -1 : unlinkat(dir_fd, name, AT_REMOVEDIR);
}

int fsops_wipe(int dir_fd)
{
    int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    int rc = dir ? 0 : -1;
    const struct dirent *entry;
    unprotect(dir_fd, ".");
    while (rc == 0 && (entry = readdir(dir)) != NULL)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            rc = remove_one(dir_fd, entry->d_name);
    int saved = errno;
    if (dir)
        closedir(dir);
    errno = saved;
    return rc;
}
