/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/apply/guard.h"

#include "daemon/apply/apply.h"
#include "lib/base/fd.h"
#include "lib/base/file.h"
#include "lib/base/path.h"
#include "lib/base/uuid.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

/* Of newer kernel headers: the UUID that a file system has. */
struct fs_uuid {
    uint8_t size, uuid[16];
};
#define GET_FS_UUID _IOR(0x15, 0, struct fs_uuid)

static int open_plain(const char *path, struct dpl_err *err)
{
    struct open_how how = {.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
                           .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
    long fd = syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof how);
    if (fd >= 0)
        return (int)fd;
    if (errno == ELOOP)
        return dpl_err_set(err, DPL_E_REFUSED, "\"%s\" is reached through a symbolic link", path);
    return dpl_err_sys(err, errno, "open the root \"%s\"", path);
}

static int is_allowed(const char *path, const char *const *allowed, size_t count,
                      struct dpl_err *err)
{
    if (!dpl_path_absolute_ok(path))
        return dpl_err_set(err, DPL_E_PARAM, "\"%s\" is not an absolute path", path);
    for (size_t i = 0; i < count; i++)
        if (dpl_path_is_beneath(path, allowed[i]))
            return 0;
    return dpl_err_set(err, DPL_E_REFUSED, "\"%s\" is beneath no [target] root", path);
}

/* Whether the device of that UUID, as the host knows it, is what lies here. */
static bool is_device(const char *uuid, dev_t dev)
{
    char path[80];
    struct stat st;
    if (strlen(uuid) > 40 || strchr(uuid, '/'))
        return false;
    snprintf(path, sizeof path, "/dev/disk/by-uuid/%s", uuid);
    return stat(path, &st) == 0 && S_ISBLK(st.st_mode) && st.st_rdev == dev;
}

static int check_uuid(int fd, const char *path, const char *uuid, dev_t dev, struct dpl_err *err)
{
    struct fs_uuid found = {0};
    char text[DPL_UUID_TEXT] = "unknown";
    if (is_device(uuid, dev))
        return 0;
    if (ioctl(fd, GET_FS_UUID, &found) == 0 && found.size == 16) {
        dpl_uuid_format(found.uuid, text);
        if (g_ascii_strcasecmp(text, uuid) == 0)
            return 0;
    }
    return dpl_err_set(err, DPL_E_REFUSED,
                       "\"%s\" is on the file system %s, not on %s: is its disk mounted?", path,
                       text, uuid);
}

int dpl_guard_root(const char *path, const char *const *allowed, size_t allowed_count,
                   const char *uuid, struct dpl_err *err)
{
    struct statx stx;
    struct statvfs vfs;
    struct stat st;
    int rc = is_allowed(path, allowed, allowed_count, err);
    if (rc < 0)
        return rc;
    dpl_autofd int fd = open_plain(path, err);
    if (fd < 0)
        return fd;
    if (statx(fd, "", AT_EMPTY_PATH, STATX_TYPE, &stx) < 0 || fstatvfs(fd, &vfs) < 0 ||
        fstat(fd, &st) < 0)
        return dpl_err_sys(err, errno, "look at the root \"%s\"", path);
    if (stx.stx_attributes & STATX_ATTR_MOUNT_ROOT)
        return dpl_err_set(err, DPL_E_REFUSED,
                           "the root \"%s\" is a mount point: name a directory beneath it", path);
    if (vfs.f_flag & ST_RDONLY)
        return dpl_err_set(err, DPL_E_REFUSED, "\"%s\" is mounted read-only", path);
    if (uuid && (rc = check_uuid(fd, path, uuid, st.st_dev, err)) < 0)
        return rc;
    return dpl_fd_steal(&fd);
}

static int make_dir(int dir_fd, const char *name, dev_t dev, struct dpl_err *err)
{
    struct stat st;
    if (mkdirat(dir_fd, name, 0700) < 0 && errno != EEXIST)
        return dpl_err_sys(err, errno, "make the directory \"%s\"", name);
    dpl_autofd int fd =
        dpl_path_open_beneath(dir_fd, name, O_RDONLY | O_DIRECTORY, 0, DPL_PATH_SAME_MOUNT, err);
    if (fd < 0)
        return fd;
    if (fstat(fd, &st) < 0)
        return dpl_err_sys(err, errno, "look at \"%s\"", name);
    if (st.st_dev != dev || st.st_uid != 0 || (st.st_mode & 077))
        return dpl_err_set(err, DPL_E_REFUSED,
                           "\"%s\" beside the roots must belong to root, with mode 0700, on their "
                           "file system",
                           name);
    return dpl_fd_steal(&fd);
}

/* Each object carries its id in an attribute; what else may fail here fails later, with its reason.
 */
static int can_tag(int fd, const char *root_path, struct dpl_err *err)
{
    static const char name[] = DPL_APPLY_TAGS "try";
    if (fsetxattr(fd, name, "1", 1, 0) == 0)
        (void)fremovexattr(fd, name);
    else if (errno == EOPNOTSUPP)
        return dpl_err_set(
            err, DPL_E_REFUSED,
            "the file system of \"%s\" has no extended attributes (trusted.*), which "
            "a replica needs: ext4 and XFS have them",
            root_path);
    return 0;
}

int dpl_guard_reserve(const char *root_path, int root_fd, const char *set, struct dpl_err *err)
{
    struct stat st;
    g_autofree char *parent = g_path_get_dirname(root_path);
    if (fstat(root_fd, &st) < 0)
        return dpl_err_sys(err, errno, "look at the root \"%s\"", root_path);
    dpl_autofd int dir = open_plain(parent, err);
    dpl_autofd int all = dir < 0 ? dir : make_dir(dir, ".doppel", st.st_dev, err);
    dpl_autofd int own = all < 0 ? all : make_dir(all, set, st.st_dev, err);
    int rc = own < 0 ? own : can_tag(own, root_path, err);
    return rc < 0 ? rc : dpl_fd_steal(&own);
}

int dpl_guard_lock(int reserve_fd, const char *node, const char *instance, struct dpl_err *err)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    char text[400];
    dpl_autofd int fd = openat(reserve_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return dpl_err_sys(err, errno, "open the replica's lock");
    if (fcntl(fd, F_OFD_SETLK, &lock) < 0) {
        if (errno != EAGAIN && errno != EACCES)
            return dpl_err_sys(err, errno, "take the replica's lock");
        ssize_t n = pread(fd, text, sizeof text - 1, 0);
        text[n > 0 ? n : 0] = '\0';
        text[strcspn(text, "\n")] = '\0';
        return dpl_err_set(err, DPL_E_BUSY, "the replica has a writer already: %s", text);
    }
    int size = snprintf(text, sizeof text, "%.255s %.100s %ld\n", node ? node : "-",
                        instance && *instance ? instance : "-", (long)getpid());
    if (ftruncate(fd, 0) < 0 || pwrite(fd, text, (size_t)size, 0) != size)
        return dpl_err_sys(err, errno, "write the replica's lock");
    return dpl_fd_steal(&fd);
}
