/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The state of one object behind a descriptor: attributes, extended attributes, data. What is so
 * already is not written again (a chown would drop capabilities, a write would cost).
 */
#ifndef DPL_APPLY_STATE_H
#define DPL_APPLY_STATE_H

#include "daemon/apply/objects.h"
#include "lib/base/err.h"
#include "lib/journal/record.h"

#include <linux/fs.h>

enum {
    DPL_STATE_LOCKS = FS_IMMUTABLE_FL | FS_APPEND_FL,
    DPL_STATE_FLAGS = FS_NODUMP_FL | FS_NOATIME_FL | FS_SYNC_FL | FS_DIRSYNC_FL,
};

/* The descriptor is one of dpl_objects_fd: for anything but regular files and directories a path
 * only, which takes other calls. */

/* Owner, mode (without set-ID bits unless allowed) and times. */
int dpl_state_attr(int fd, const struct dpl_attr *attr, bool allow_setid, struct dpl_err *err);
/* Inode flags, as far as they can be here; the locks among them when the record has been applied.
 */
void dpl_state_flags(struct dpl_objects *objects, struct dpl_object *object, uint32_t flags);
/* Extended attributes of an object of this type; those of DPL_APPLY_TAGS are refused. */
int dpl_state_setxattr(int fd, mode_t type, struct dpl_view name, struct dpl_view value,
                       struct dpl_err *err);
int dpl_state_removexattr(int fd, mode_t type, const char *name, struct dpl_err *err);
/* The object has these and no others; of the name space trusted others may stay. */
int dpl_state_xattrs(int fd, mode_t type, struct dpl_view list, bool keep_trusted,
                     struct dpl_err *err);

/* 1: it has these already, and no others but of the name space trusted; 0: it has not. */
int dpl_state_same_xattrs(int fd, struct dpl_view list, struct dpl_err *err);

/* These want a regular file open for writing. */
int dpl_state_write(int fd, uint64_t offset, struct dpl_view data, struct dpl_err *err);
int dpl_state_size(int fd, uint64_t size, struct dpl_err *err);
/* Where the file system cannot punch or zero, zeros are written. */
int dpl_state_fallocate(int fd, uint32_t mode, uint64_t offset, uint64_t length,
                        struct dpl_err *err);
int dpl_state_copy(int to_fd, uint64_t to, int from_fd, uint64_t from, uint64_t length,
                   struct dpl_err *err);

#endif
