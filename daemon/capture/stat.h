/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Attributes: from the lower file system by statx(2), to the kernel's and to the journal's form.
 */
#ifndef DPL_CAPTURE_STAT_H
#define DPL_CAPTURE_STAT_H

#include "daemon/capture/proto.h"
#include "lib/journal/record.h"

#include <sys/stat.h>

/* Attributes never expire by themselves: we are the only writer. */
#define STAT_FOREVER_SECONDS 0x7fffffffU

/* Return 0 or a negative errno. Links are not followed. */
int stat_fd(int fd, struct statx *stx);
int stat_name(int dir_fd, const char *name, struct statx *stx);
/* The inode number of a name, or 0 if there is none. */
uint64_t stat_ino(int dir_fd, const char *name);

void stat_to_fuse(const struct statx *stx, struct fuse_attr *attr);
void stat_to_fuse_statx(const struct statx *stx, struct fuse_statx *out);
void stat_to_record(const struct statx *stx, struct dpl_attr *attr);

#endif
