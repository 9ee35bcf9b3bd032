/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/base/path.h"

#include "lib/base/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

int dpl_path_open_beneath(int root_fd, const char *path, int flags, mode_t mode,
                          enum dpl_path_limits limits, struct dpl_err *err)
{
    struct open_how how = {
        .flags = (unsigned)flags | O_CLOEXEC,
        .mode = (flags & (O_CREAT | __O_TMPFILE)) ? mode : 0,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
    };
    if (limits == DPL_PATH_SAME_MOUNT)
        how.resolve |= RESOLVE_NO_XDEV;
    long fd;
    do
        fd = syscall(SYS_openat2, root_fd, path, &how, sizeof how);
    while (fd < 0 && (errno == EINTR || errno == EAGAIN));
    if (fd >= 0)
        return (int)fd;
    if (errno == EXDEV || errno == ELOOP)
        return dpl_err_set(err, DPL_E_REFUSED, "open \"%s\": it leads out of its root (%s)", path,
                           errno == ELOOP ? "a symbolic link" : "\"..\", a root or a mount");
    return dpl_err_sys(err, errno, "open \"%s\"", path);
}

/* The length of the valid component at p, or 0. */
static size_t component(const char *p)
{
    size_t n = strcspn(p, "/");
    if (n == 0 || n > NAME_MAX || (n == 1 && p[0] == '.') || (n == 2 && p[0] == '.' && p[1] == '.'))
        return 0;
    return n;
}

bool dpl_path_name_ok(const char *name)
{
    size_t n = component(name);
    return n > 0 && name[n] == '\0';
}

bool dpl_path_relative_ok(const char *path)
{
    for (;;) {
        size_t n = component(path);
        if (n == 0)
            return false;
        if (path[n] == '\0')
            return true;
        path += n + 1;
    }
}

bool dpl_path_absolute_ok(const char *path)
{
    return path[0] == '/' && dpl_path_relative_ok(path + 1);
}

bool dpl_path_is_beneath(const char *path, const char *dir)
{
    size_t n = strlen(dir);
    while (n > 0 && dir[n - 1] == '/')
        n--;
    return strncmp(path, dir, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

/* The name in its parent of the directory with this inode; NULL: none. */
static char *name_in(int parent_fd, ino_t ino)
{
    int fd = openat(parent_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *d;
    char *name = NULL;
    if (!dir) {
        dpl_fd_clear(&fd);
        return NULL;
    }
    while (!name && (d = readdir(dir)))
        if (d->d_ino == ino && dpl_path_name_ok(d->d_name))
            name = g_strdup(d->d_name);
    closedir(dir);
    return name;
}

/* As the kernel says it: at most PATH_MAX. */
static char *known_path(int fd)
{
    char own[40], path[PATH_MAX];
    snprintf(own, sizeof own, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(own, path, sizeof path - 1);
    return size > 0 && path[0] == '/' ? g_strndup(path, (gsize)size) : NULL;
}

char *dpl_path_of_dir(int fd)
{
    char *path = known_path(fd);
    if (path || errno != ENAMETOOLONG)
        return path;
    struct stat st;
    dpl_autofd int parent = openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (parent < 0 || fstat(fd, &st) < 0)
        return NULL;
    g_autofree char *name = name_in(parent, st.st_ino);
    g_autofree char *above = name ? dpl_path_of_dir(parent) : NULL;
    return above ? g_strdup_printf("%s/%s", above, name) : NULL;
}
