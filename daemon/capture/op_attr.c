/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Attributes: getattr, statx, setattr, statfs.
 */
#include "daemon/capture/dirty.h"
#include "daemon/capture/op.h"
#include "daemon/capture/recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/statfs.h>
#include <unistd.h>

int op_getattr(struct op *op)
{
    struct fuse_attr_out *out = (void *)op->thread->out;
    struct statx stx;
    int fd = op_fd(op, op->node, NULL);
    int code = fd < 0 ? fd : stat_fd(fd, &stx);

    if (code != 0)
        return code;
    op_fill_attr(&stx, out);
    return op_answer(op, out, sizeof(*out));
}

int op_statx(struct op *op)
{
    struct fuse_statx_out *out = (void *)op->thread->out;
    struct statx stx;
    int fd = op_fd(op, op->node, NULL);
    int code = fd < 0 ? fd : stat_fd(fd, &stx);

    if (code != 0)
        return code;
    memset(out, 0, sizeof(*out));
    out->attr_valid = STAT_FOREVER_SECONDS;
    stat_to_fuse_statx(&stx, &out->stat);
    return op_answer(op, out, sizeof(*out));
}

static int change_owner(int fd, const struct fuse_setattr_in *in)
{
    uid_t uid = (in->valid & FATTR_UID) != 0 ? in->uid : (uid_t)-1;
    gid_t gid = (in->valid & FATTR_GID) != 0 ? in->gid : (gid_t)-1;

    return fchownat(fd, "", uid, gid, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) != 0 ? -errno : 0;
}

static int change_mode(int fd, unsigned flags, mode_t mode)
{
    char path[48];

    if ((flags & FD_PATH) == 0)
        return fchmod(fd, mode) != 0 ? -errno : 0;
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    return chmod(path, mode) != 0 ? -errno : 0;
}

static struct timespec wanted_time(uint64_t sec, uint32_t nsec, bool set, bool now)
{
    if (!set)
        return (struct timespec){.tv_nsec = UTIME_OMIT};
    if (now)
        return (struct timespec){.tv_nsec = UTIME_NOW};
    return (struct timespec){.tv_sec = (time_t)sec, .tv_nsec = nsec};
}

static int change_times(int fd, const struct fuse_setattr_in *in)
{
    struct timespec times[2] = {
        wanted_time(in->atime, in->atimensec, (in->valid & FATTR_ATIME) != 0,
                    (in->valid & FATTR_ATIME_NOW) != 0),
        wanted_time(in->mtime, in->mtimensec, (in->valid & FATTR_MTIME) != 0,
                    (in->valid & FATTR_MTIME_NOW) != 0),
    };

    return utimensat(fd, "", times, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) != 0 ? -errno : 0;
}

/* The parts in the order in which the kernel's own setattr would do them. */
static int change(int fd, unsigned flags, const struct fuse_setattr_in *in)
{
    int code = 0;

    if ((in->valid & (FATTR_UID | FATTR_GID)) != 0)
        code = change_owner(fd, in);
    inject(INJECT_EFFECT_PART);
    if (code == 0 && (in->valid & FATTR_MODE) != 0)
        code = change_mode(fd, flags, in->mode & 07777);
    inject(INJECT_EFFECT_PART);
    if (code == 0 && (in->valid & FATTR_SIZE) != 0)
        code = ftruncate(fd, (off_t)in->size) != 0 ? -errno : 0;
    if (code == 0 && (in->valid & (FATTR_ATIME | FATTR_MTIME)) != 0)
        code = change_times(fd, in);
    return code;
}

/* A part that failed may have left others done. Attributes are recorded as they are now, whatever
 * was asked for; a truncation that failed leaves a content that must be looked at. */
static enum dpl_outcome outcome_of(int effect, int code, bool size)
{
    if (code != 0)
        return DPL_OUTCOME_UNKNOWN;
    if (effect == 0 || !size)
        return DPL_OUTCOME_OK;
    return effect == -EPERM || effect == -EFBIG || effect == -EINVAL ? DPL_OUTCOME_VOID
                                                                     : DPL_OUTCOME_UNKNOWN;
}

int op_setattr(struct op *op)
{
    const struct fuse_setattr_in *in = op->rq.fixed;
    bool size = (in->valid & FATTR_SIZE) != 0;
    struct fuse_attr_out out;
    struct statx stx;
    unsigned flags = 0;
    int effect, code, fd;

    op_lock(op, op->node, 0, 0);
    fd = size ? op_fd_write(op, op->node, NULL) : op_fd(op, op->node, &flags);
    if (fd < 0)
        return fd;
    code = op_cred(op, (in->valid & FATTR_KILL_SUIDGID) == 0, OP_ANY_UMASK);
    if (code != 0)
        return code;
    if (size)
        dirty_truncate(op, op->node, fd, in->size);
    recorder_begin(op, border_inside(&op->worker->border, op->node),
                   size ? DPL_R_TRUNCATE : DPL_R_SETATTR);
    recorder_object(op, op->node);
    recorder_attr_room(op, DPL_F_ATTR);
    if (size && op->recording) {
        op->record.length = in->size;
        op->record.has |= DPL_F_LENGTH;
    }
    op_watch(op, op->node, fd);
    op_start(op);
    effect = change(fd, flags, in);
    code = stat_fd(fd, &stx);
    if (code == 0) {
        recorder_attr(op, DPL_F_ATTR, &stx);
        op_fill_attr(&stx, &out);
    }
    return op_finish(op, outcome_of(effect, code, size), effect != 0 ? effect : code, &out,
                     sizeof(out));
}

int op_statfs(struct op *op)
{
    struct fuse_statfs_out *out = (void *)op->thread->out;
    struct statfs st;

    if (fstatfs(op->root->dir_fd, &st) != 0)
        return -errno;
    memset(out, 0, sizeof(*out));
    out->st.blocks = st.f_blocks;
    out->st.bfree = st.f_bfree;
    out->st.bavail = st.f_bavail;
    out->st.files = st.f_files;
    out->st.ffree = st.f_ffree;
    out->st.bsize = (uint32_t)st.f_bsize;
    out->st.namelen = (uint32_t)st.f_namelen;
    out->st.frsize = (uint32_t)st.f_frsize;
    return op_answer(op, out, sizeof(*out));
}
