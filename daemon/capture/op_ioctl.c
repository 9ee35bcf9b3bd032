/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Inode flags: FS_IOC_GETFLAGS and FS_IOC_SETFLAGS and their XFS forms. No other ioctl passes.
 *
 * The kernel does not check here who may set immutable and append-only, and what the file system
 * below does with them decides for all later requests.
 */
#include "daemon/capture/op.h"
#include "daemon/capture/recorder.h"

#include <errno.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>

#define PRIVILEGED  (FS_IMMUTABLE_FL | FS_APPEND_FL)
#define XPRIVILEGED (FS_XFLAG_IMMUTABLE | FS_XFLAG_APPEND)

union argument {
    uint32_t flags;
    struct fsxattr xattr;
};

static size_t size_of(uint32_t command)
{
    switch (command) {
    case FS_IOC_GETFLAGS:
    case FS_IOC_SETFLAGS:
        return sizeof(uint32_t);
    case FS_IOC_FSGETXATTR:
    case FS_IOC_FSSETXATTR:
        return sizeof(struct fsxattr);
    default:
        return 0;
    }
}

static int answer(struct op *op, const union argument *argument, size_t size)
{
    struct fuse_ioctl_out *out = (void *)op->thread->out;

    memset(out, 0, sizeof(*out));
    memcpy(out + 1, argument, size);
    return op_answer(op, out, sizeof(*out) + size);
}

static int get_flags(struct op *op, int fd, uint32_t command)
{
    union argument argument = {0};

    if (ioctl(fd, command, &argument) != 0)
        return -errno;
    return answer(op, &argument, size_of(command));
}

/* Whether the caller is root, or leaves alone what only root may change. */
static bool may_set(struct op *op, int fd, uint32_t command, const union argument *wanted)
{
    union argument now = {0};

    if (op->rq.in->uid == 0)
        return true;
    if (command == FS_IOC_SETFLAGS)
        return ioctl(fd, FS_IOC_GETFLAGS, &now) == 0 &&
               ((now.flags ^ wanted->flags) & PRIVILEGED) == 0;
    return ioctl(fd, FS_IOC_FSGETXATTR, &now) == 0 &&
           ((now.xattr.fsx_xflags ^ wanted->xattr.fsx_xflags) & XPRIVILEGED) == 0;
}

static int set_flags(struct op *op, int fd, uint32_t command)
{
    static const struct fuse_ioctl_out out;
    union argument argument = {0};
    struct statx stx;
    int code = op_cred(op, true, OP_ANY_UMASK);

    if (code != 0)
        return code;
    memcpy(&argument, op->rq.data, size_of(command));
    op_lock(op, op->node, 0, 0);
    if (!may_set(op, fd, command, &argument))
        return -EPERM;
    recorder_begin(op, border_inside(&op->worker->border, op->node), DPL_R_SETATTR);
    recorder_object(op, op->node);
    recorder_attr_room(op, DPL_F_ATTR);
    op->record.attr.has |= DPL_A_IFLAGS;
    op_watch(op, op->node, fd);
    op_start(op);
    code = ioctl(fd, command, &argument) != 0 ? -errno : 0;
    inject(INJECT_EFFECT_PART);
    /* Flags decide how an object can be opened. A repeat comes by here too, whoever made the
     * change. */
    fdcache_revoke(&op->worker->cache, op->node);
    if (op->recording && stat_fd(fd, &stx) == 0) {
        uint32_t flags = 0;

        recorder_attr(op, DPL_F_ATTR, &stx);
        if (ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0) {
            op->record.attr.iflags = flags;
            op->record.attr.has |= DPL_A_IFLAGS;
        }
    }
    return op_finish(op, code == 0 ? DPL_OUTCOME_OK : DPL_OUTCOME_VOID, code, &out, sizeof(out));
}

int op_ioctl(struct op *op)
{
    const struct fuse_ioctl_in *in = op->rq.fixed;
    bool get = in->cmd == FS_IOC_GETFLAGS || in->cmd == FS_IOC_FSGETXATTR;
    size_t size = size_of(in->cmd);
    unsigned flags;
    int fd;

    if (size == 0 || (get ? in->out_size : in->in_size) < size)
        return -ENOTTY;
    fd = op_fd(op, op->node, &flags);
    if (fd < 0)
        return fd;
    if ((flags & FD_PATH) != 0)
        return -ENOTTY;
    return get ? get_flags(op, fd, in->cmd) : set_flags(op, fd, in->cmd);
}
