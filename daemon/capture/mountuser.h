/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Who uses a mounted file system: open files, working and root directories, programs, maps, in any
 * mount namespace. Found through /proc by device number; no path on the mount is touched.
 *
 * Not seen: descriptors on their way through a socket or held by io_uring alone, threads that left
 * their process's descriptor table or directory, loop devices and swap over a file.
 */
#ifndef DPL_CAPTURE_MOUNTUSER_H
#define DPL_CAPTURE_MOUNTUSER_H

#include "daemon/capture/proc.h"

enum dpl_use {
    DPL_USE_FILE = 1,
    DPL_USE_CWD = 2,
    DPL_USE_ROOT = 4,
    DPL_USE_PROGRAM = 8,
    DPL_USE_MAP = 16,
};

struct dpl_mount_user {
    pid_t pid;
    char comm[DPL_COMM_SIZE];
    unsigned how;     /* enum dpl_use */
    char sample[256]; /* one of the names, as /proc shows it */
};

/* Whether this process uses it. Fills *user_r, which may be NULL. */
bool dpl_mount_user_look(pid_t pid, dev_t dev, struct dpl_mount_user *user_r);
/* All of them, but for those that is_ours (may be NULL) claims. The caller frees *users_r. Returns
 * how many. */
int dpl_mount_users_find(dev_t dev, dpl_proc_is_ours_fn is_ours, void *ours,
                         struct dpl_mount_user **users_r, struct dpl_err *err);

#endif
