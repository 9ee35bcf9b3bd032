/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Mounting over a root, see mount.h.
 */
#include "daemon/capture/mount.h"

#include "daemon/capture/capability.h"
#include "daemon/capture/fusectl.h"
#include "daemon/capture/mountinfo.h"
#include "daemon/capture/unmount.h"
#include "lib/base/clock.h"
#include "lib/base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

/* The flags that hold below hold above too. */
static int flags_below(const char *path, unsigned long *flags, struct dpl_err *err)
{
    dpl_automounts struct dpl_mounts *mounts = NULL;
    const struct dpl_mount *below;
    int code = dpl_mountinfo_read(0, &mounts, err);

    if (code != 0)
        return code;
    below = dpl_mounts_covering(mounts, path);
    *flags = below == NULL ? 0 : dpl_capability_mount_flags(below);
    return 0;
}

dev_t mount_ours_at(const char *path)
{
    dpl_automounts struct dpl_mounts *mounts = NULL;
    const struct dpl_mount *mount;

    if (dpl_mountinfo_read(0, &mounts, NULL) != 0)
        return 0;
    mount = dpl_mounts_covering(mounts, path);
    return mount != NULL && dpl_mount_is_ours(mount) && strcmp(mount->point, path) == 0 ? mount->dev
                                                                                        : 0;
}

int mount_root(struct shared_root *root, const char *path, const char *set, struct dpl_err *err)
{
    dpl_autofd int dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    dpl_autofd int sync_fd = -1;
    dpl_autofd int synced_fd = -1;
    dpl_autofd int device_fd = -1;
    unsigned long flags;
    struct stat st;
    char options[160], source[280];
    int code;

    if (dir_fd < 0)
        return dpl_err_sys(err, errno, "root '%s' cannot be opened", path);
    if (fstat(dir_fd, &st) != 0)
        return dpl_err_sys(err, errno, "root '%s' cannot be looked at", path);
    code = flags_below(path, &flags, err);
    if (code != 0)
        return code;
    sync_fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY);
    synced_fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY);
    device_fd = open("/dev/fuse", O_RDWR);
    if (device_fd < 0)
        return dpl_err_sys(err, errno,
                           "/dev/fuse cannot be opened (is the kernel module 'fuse' there?)");
    snprintf(options, sizeof(options),
             "fd=%d,rootmode=%o,user_id=0,group_id=0,default_permissions,allow_other", device_fd,
             (unsigned)(st.st_mode & S_IFMT));
    snprintf(source, sizeof(source), "doppel:%s", set);
    if (mount(source, path, DPL_MOUNT_TYPE, flags, options) != 0)
        return dpl_err_sys(err, errno, "root '%s' cannot be mounted over", path);
    root->device = st.st_dev;
    root->connection = mount_ours_at(path);
    root->dir_fd = dpl_fd_steal(&dir_fd);
    root->sync_fd = dpl_fd_steal(&sync_fd);
    root->synced_fd = dpl_fd_steal(&synced_fd);
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

int mount_abort(const struct shared_root *root, const char *path, struct dpl_err *err)
{
    dpl_autofd int ctl_fd = -1;
    int code = 0;

    if (umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) != 0)
        code = dpl_err_sys(err, errno, "'%s' cannot be detached", path);
    ctl_fd = dpl_fusectl_open(code == 0 ? err : NULL);
    if (ctl_fd < 0)
        return code != 0 ? code : ctl_fd;
    /* With its last user the connection may have ended by itself. */
    dpl_fusectl_abort(ctl_fd, root->connection, NULL);
    return code;
}

int mount_clear_stale(const char *path, struct dpl_err *err)
{
    struct dpl_unmount_result result;
    struct dpl_unmount order = {
        .clock = &dpl_clock_system, .dev = mount_ours_at(path), .unmount_ms = 5000};
    int code;

    if (order.dev == 0)
        return 0;
    if (dpl_fusectl_server(order.dev, NULL, NULL) != DPL_SERVER_DEAD)
        return dpl_err_set(err, DPL_E_EXISTS, "root '%s' is captured already", path);
    code = dpl_unmount_stale(&order, &result, err);
    return code == 0 || code == DPL_E_DEGRADED ? 1 : code;
}
