/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
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
