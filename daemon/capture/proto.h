/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The protocol of /dev/fuse as capture speaks it: the system's header, and what came after it.
 * Definitions here are of protocol 7.39 to 7.41; each is guarded, so that a newer header wins.
 */
#ifndef DPL_CAPTURE_PROTO_H
#define DPL_CAPTURE_PROTO_H

#include <linux/fuse.h>

/* The newest minor version that we know all of. */
#define PROTO_MINOR 39
/* Older kernels lack HANDLE_KILLPRIV_V2 and would cost one GETXATTR per write. */
#define PROTO_MINOR_MIN 33

#ifndef FUSE_CREATE_SUPP_GROUP
#define FUSE_CREATE_SUPP_GROUP (1ULL << 34)
#endif
#ifndef FUSE_NO_EXPORT_SUPPORT
#define FUSE_NO_EXPORT_SUPPORT (1ULL << 38)
#endif
#ifndef FUSE_HAS_RESEND
#define FUSE_HAS_RESEND (1ULL << 39)
#endif

#if FUSE_KERNEL_MINOR_VERSION < 39
#define FUSE_STATX      52
#define FUSE_EXT_GROUPS 32

struct fuse_supp_groups {
    uint32_t nr_groups;
    uint32_t groups[];
};

struct fuse_sx_time {
    int64_t tv_sec;
    uint32_t tv_nsec;
    int32_t reserved;
};

struct fuse_statx {
    uint32_t mask;
    uint32_t blksize;
    uint64_t attributes;
    uint32_t nlink;
    uint32_t uid;
    uint32_t gid;
    uint16_t mode;
    uint16_t spare0[1];
    uint64_t ino;
    uint64_t size;
    uint64_t blocks;
    uint64_t attributes_mask;
    struct fuse_sx_time atime;
    struct fuse_sx_time btime;
    struct fuse_sx_time ctime;
    struct fuse_sx_time mtime;
    uint32_t rdev_major;
    uint32_t rdev_minor;
    uint32_t dev_major;
    uint32_t dev_minor;
    uint64_t spare2[14];
};

struct fuse_statx_in {
    uint32_t getattr_flags;
    uint32_t reserved;
    uint64_t fh;
    uint32_t sx_flags;
    uint32_t sx_mask;
};

struct fuse_statx_out {
    uint64_t attr_valid;
    uint32_t attr_valid_nsec;
    uint32_t flags;
    uint64_t spare[2];
    struct fuse_statx stat;
};
#endif

#endif
