/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Mounting over a root, and taking the mount away.
 */
#ifndef DPL_CAPTURE_MOUNT_H
#define DPL_CAPTURE_MOUNT_H

#include "daemon/capture/shared.h"

#include <sys/types.h>

/* Opens the directory beneath and the device, and mounts. On failure nothing is left mounted or
 * open.
 */
int mount_root(struct shared_root *root, const char *path, const char *set, struct dpl_err *err);
/* Unmounts if nobody uses it. 0, BUSY, or another negative code. */
int mount_release(const char *path, struct dpl_err *err);
/* Takes it out of the tree although it is in use, and ends its connection: users get errors. */
int mount_abort(const struct shared_root *root, const char *path, struct dpl_err *err);
/* The device number of our mount at this path, whatever state it is in, or 0: read from the list of
 * mounts, nobody is asked. */
dev_t mount_ours_at(const char *path);
/* Removes a mount of ours at this path whose server is gone. 1 if there was one, 0 if not. */
int mount_clear_stale(const char *path, struct dpl_err *err);

#endif
