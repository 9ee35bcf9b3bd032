/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Attributes, see stat.h.
 */
#include "daemon/capture/stat.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sysmacros.h>

#define WANTED (STATX_BASIC_STATS | STATX_BTIME)

int stat_fd(int fd, struct statx *stx)
{
    return stat_name(fd, "", stx);
}

int stat_name(int dir_fd, const char *name, struct statx *stx)
{
    int flags = AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH;

    return statx(dir_fd, name, flags, WANTED, stx) != 0 ? -errno : 0;
}

uint64_t stat_ino(int dir_fd, const char *name)
{
    struct statx stx;

    return stat_name(dir_fd, name, &stx) != 0 ? 0 : stx.stx_ino;
}

/* The encoding of device numbers that FUSE uses: that of the kernel's old 32-bit form. */
static uint32_t encode_rdev(uint32_t major_number, uint32_t minor_number)
{
    return (minor_number & 0xff) | (major_number << 8) | ((minor_number & ~0xffU) << 12);
}

void stat_to_fuse(const struct statx *stx, struct fuse_attr *attr)
{
    memset(attr, 0, sizeof(*attr));
    attr->ino = stx->stx_ino;
    attr->size = stx->stx_size;
    attr->blocks = stx->stx_blocks;
    attr->atime = (uint64_t)stx->stx_atime.tv_sec;
    attr->mtime = (uint64_t)stx->stx_mtime.tv_sec;
    attr->ctime = (uint64_t)stx->stx_ctime.tv_sec;
    attr->atimensec = stx->stx_atime.tv_nsec;
    attr->mtimensec = stx->stx_mtime.tv_nsec;
    attr->ctimensec = stx->stx_ctime.tv_nsec;
    attr->mode = stx->stx_mode;
    attr->nlink = stx->stx_nlink;
    attr->uid = stx->stx_uid;
    attr->gid = stx->stx_gid;
    attr->rdev = encode_rdev(stx->stx_rdev_major, stx->stx_rdev_minor);
    attr->blksize = stx->stx_blksize;
}

static struct fuse_sx_time fuse_time(const struct statx_timestamp *time)
{
    return (struct fuse_sx_time){.tv_sec = time->tv_sec, .tv_nsec = time->tv_nsec};
}

void stat_to_fuse_statx(const struct statx *stx, struct fuse_statx *out)
{
    memset(out, 0, sizeof(*out));
    out->mask = stx->stx_mask;
    out->blksize = stx->stx_blksize;
    out->attributes = stx->stx_attributes;
    out->attributes_mask = stx->stx_attributes_mask;
    out->nlink = stx->stx_nlink;
    out->uid = stx->stx_uid;
    out->gid = stx->stx_gid;
    out->mode = stx->stx_mode;
    out->ino = stx->stx_ino;
    out->size = stx->stx_size;
    out->blocks = stx->stx_blocks;
    out->atime = fuse_time(&stx->stx_atime);
    out->btime = fuse_time(&stx->stx_btime);
    out->ctime = fuse_time(&stx->stx_ctime);
    out->mtime = fuse_time(&stx->stx_mtime);
    out->rdev_major = stx->stx_rdev_major;
    out->rdev_minor = stx->stx_rdev_minor;
    out->dev_major = stx->stx_dev_major;
    out->dev_minor = stx->stx_dev_minor;
}

static struct dpl_time record_time(const struct statx_timestamp *time)
{
    return (struct dpl_time){.sec = time->tv_sec, .nsec = time->tv_nsec};
}

void stat_to_record(const struct statx *stx, struct dpl_attr *attr)
{
    memset(attr, 0, sizeof(*attr));
    attr->has = DPL_A_ALL & ~(unsigned)DPL_A_IFLAGS;
    if ((stx->stx_mask & STATX_BTIME) == 0)
        attr->has &= ~(unsigned)DPL_A_BTIME;
    attr->mode = stx->stx_mode;
    attr->uid = stx->stx_uid;
    attr->gid = stx->stx_gid;
    attr->nlink = stx->stx_nlink;
    attr->size = stx->stx_size;
    attr->atime = record_time(&stx->stx_atime);
    attr->mtime = record_time(&stx->stx_mtime);
    attr->ctime = record_time(&stx->stx_ctime);
    attr->btime = record_time(&stx->stx_btime);
}
