/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * By system call: the C library has these functions only since 2.36.
 */
#include "daemon/capture/privmount.h"

#include "lib/base/fd.h"

#include <errno.h>
#include <linux/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

static int set(int fs, const struct dpl_privmount_option *option)
{
    unsigned command = option->value ? FSCONFIG_SET_STRING : FSCONFIG_SET_FLAG;
    return (int)syscall(SYS_fsconfig, fs, command, option->name, option->value, 0);
}

int dpl_privmount_open(const char *type, const struct dpl_privmount_option *options,
                       struct dpl_err *err)
{
    dpl_autofd int fs = (int)syscall(SYS_fsopen, type, FSOPEN_CLOEXEC);
    if (fs < 0)
        return dpl_err_sys(err, errno, "fsopen \"%s\"", type);
    for (; options && options->name; options++)
        if (set(fs, options) < 0)
            return dpl_err_sys(err, errno, "mount %s: option \"%s\"", type, options->name);
    if (syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
        return dpl_err_sys(err, errno, "mount %s", type);
    int root = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
    return root < 0 ? dpl_err_sys(err, errno, "fsmount %s", type) : root;
}
