/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the super block of a file system says, where no mount option does: ext4 and XFS.
 */
#ifndef DPL_CAPTURE_CAP_SUPER_H
#define DPL_CAPTURE_CAP_SUPER_H

#include "daemon/capture/mountinfo.h"

#include <stdint.h>

#define DPL_SUPER_BYTES 2048
#define DPL_UUID_SIZE   37

enum dpl_super_feature {
    DPL_SUPER_CASEFOLD = 1, /* names may compare without case */
    DPL_SUPER_ENCRYPT = 2,  /* directories may be encrypted */
    DPL_SUPER_PROJECT = 4,  /* files carry project ids */
};

/* The first DPL_SUPER_BYTES of a device. Returns features; 0 if it is of neither kind, or shorter.
 */
unsigned dpl_super_parse(const uint8_t *bytes, size_t size);
/* Those of a mounted file system, read from its device. False: there is none that can be read. */
bool dpl_super_read(const struct dpl_mount *mount, unsigned *features_r);

/* The UUID of the file system beneath an open directory, in small letters; by the kernel's word,
 * else by the names in by_uuid_dir (/dev/disk/by-uuid). False: none is known. */
bool dpl_super_uuid(int fd, dev_t dev, const char *by_uuid_dir, char uuid[DPL_UUID_SIZE]);

#endif
