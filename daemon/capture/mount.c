/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Mounting over a root, see mount.h.
 */
#include "daemon/capture/mount.h"

#include "daemon/capture/mountinfo.h"
#include "lib/base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* What the file system beneath was mounted with holds above too. */
static unsigned long flags_of(const struct statvfs *vfs)
{
    static const struct {
        unsigned long statvfs_flag, mount_flag;
    } table[] = {
        {ST_NOSUID, MS_NOSUID},     {ST_NODEV, MS_NODEV},
        {ST_NOEXEC, MS_NOEXEC},     {ST_RDONLY, MS_RDONLY},
        {ST_NOATIME, MS_NOATIME},   {ST_NODIRATIME, MS_NODIRATIME},
        {ST_RELATIME, MS_RELATIME}, {ST_SYNCHRONOUS, MS_SYNCHRONOUS},
    };
    unsigned long flags = 0;

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if ((vfs->f_flag & table[i].statvfs_flag) != 0)
            flags |= table[i].mount_flag;
    return flags;
}

/* The connection's number is the minor of the mount's device; it is read without asking the server.
 */
static uint32_t connection_of(const char *path)
{
    struct mountinfo_entry entry;

    return mountinfo_find(path, &entry) == 1 ? entry.device_minor : 0;
}

int mount_root(struct shared_root *root, const char *path, const char *set, struct dpl_err *err)
{
    dpl_autofd int dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    dpl_autofd int sync_fd = -1;
    dpl_autofd int device_fd = -1;
    struct statvfs vfs;
    struct stat st;
    char options[160], source[280];

    if (dir_fd < 0)
        return dpl_err_sys(err, errno, "root '%s' cannot be opened", path);
    if (fstat(dir_fd, &st) != 0 || fstatvfs(dir_fd, &vfs) != 0)
        return dpl_err_sys(err, errno, "root '%s' cannot be looked at", path);
    sync_fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY);
    device_fd = open("/dev/fuse", O_RDWR);
    if (device_fd < 0)
        return dpl_err_sys(err, errno,
                           "/dev/fuse cannot be opened (is the kernel module 'fuse' there?)");
    snprintf(options, sizeof(options),
             "fd=%d,rootmode=%o,user_id=0,group_id=0,default_permissions,allow_other", device_fd,
             (unsigned)(st.st_mode & S_IFMT));
    snprintf(source, sizeof(source), "doppel:%s", set);
    if (mount(source, path, MOUNT_TYPE, flags_of(&vfs), options) != 0)
        return dpl_err_sys(err, errno, "root '%s' cannot be mounted over", path);
    root->device = st.st_dev;
    root->connection = connection_of(path);
    root->dir_fd = dpl_fd_steal(&dir_fd);
    root->sync_fd = dpl_fd_steal(&sync_fd);
    root->device_fd = dpl_fd_steal(&device_fd);
    return 0;
}

int mount_release(const char *path, struct dpl_err *err)
{
    if (umount2(path, UMOUNT_NOFOLLOW) == 0)
        return 0;
    if (errno == EBUSY)
        return dpl_err_set(err, DPL_E_BUSY, "'%s' is in use", path);
    return dpl_err_sys(err, errno, "'%s' cannot be unmounted", path);
}

static void abort_connection(uint32_t connection)
{
    char file[80];
    dpl_autofd int fd = -1;

    snprintf(file, sizeof(file), "/sys/fs/fuse/connections/%u/abort", connection);
    fd = open(file, O_WRONLY | O_CLOEXEC);
    if (fd >= 0)
        dpl_fd_write_all(fd, "1", 1, NULL);
}

int mount_abort(const struct shared_root *root, const char *path, struct dpl_err *err)
{
    int code = 0;

    if (umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) != 0)
        code = dpl_err_sys(err, errno, "'%s' cannot be detached", path);
    abort_connection(root->connection);
    return code;
}

/* A mount whose server is gone answers ENOTCONN to everything. */
static bool is_dead(const char *path)
{
    struct stat st;

    return stat(path, &st) != 0 && (errno == ENOTCONN || errno == ECONNABORTED);
}

int mount_clear_stale(const char *path, struct dpl_err *err)
{
    struct mountinfo_entry entry;
    int found = mountinfo_find(path, &entry);

    if (found <= 0 || strcmp(entry.type, MOUNT_TYPE) != 0)
        return found < 0 ? dpl_err_sys(err, -found, "mounts cannot be read") : 0;
    if (!is_dead(path))
        return dpl_err_set(err, DPL_E_EXISTS, "root '%s' is captured already (%s)", path,
                           entry.source);
    if (umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) != 0)
        return dpl_err_sys(err, errno, "the stale mount at '%s' cannot be removed", path);
    return 1;
}
