/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Reading and syncing: what changes nothing below, takes no locks and reserves no position.
 */
#include "daemon/capture/op.h"
#include "daemon/capture/recorder.h"
#include "daemon/capture/remote.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

/* What is cached below is answered at once; for the disk another thread is sent to the device
 * first. */
int op_read(struct op *op)
{
    const struct fuse_read_in *in = op->rq.fixed;
    struct iovec iov = {.iov_base = op->thread->out,
                        .iov_len = in->size < SHARED_BUFFER ? in->size : SHARED_BUFFER};
    int fd = op_fd(op, op->node, NULL);
    ssize_t size;

    if (fd < 0)
        return fd;
    size = preadv2(fd, &iov, 1, (off_t)in->offset, RWF_NOWAIT);
    if (size < (ssize_t)iov.iov_len) {
        if (size < 0)
            pool_step_down(op->thread);
        size = pread(fd, iov.iov_base, iov.iov_len, (off_t)in->offset);
    }
    return size < 0 ? -errno : op_answer(op, op->thread->out, (size_t)size);
}

int op_readlink(struct op *op)
{
    int fd = op_fd(op, op->node, NULL);
    ssize_t size;

    if (fd < 0)
        return fd;
    size = readlinkat(fd, "", (char *)op->thread->out, 4096);
    return size < 0 ? -errno : op_answer(op, op->thread->out, (size_t)size);
}

/* Moves the position of a shared descriptor, which nobody else looks at. */
int op_lseek(struct op *op)
{
    const struct fuse_lseek_in *in = op->rq.fixed;
    struct fuse_lseek_out *out = (void *)op->thread->out;
    int fd = op_fd(op, op->node, NULL);
    off_t at;

    if (fd < 0)
        return fd;
    at = lseek(fd, (off_t)in->offset, (int)in->whence);
    if (at < 0)
        return -errno;
    out->offset = (uint64_t)at;
    return op_answer(op, out, sizeof(*out));
}

/* What was written and journalled may not be what is below: the target asks for the object. Noted
 * first: who takes over asks for the error again, and notes it again. */
static int sync_failed(struct op *op, int error)
{
    struct dpl_record record = {
        .type = DPL_R_MIRROR, .has = DPL_F_NUMBER | DPL_F_OBJECT, .number = DPL_MIRROR_FAILED};

    if (border_inside(&op->worker->border, op->node)) {
        record.object = recorder_oid(op, op->node);
        recorder_extra(op, &record);
    }
    op_node(op, op->node)->sync_error = (uint16_t)error;
    return -error;
}

/* A failed sync is told to everybody from then on: by shared descriptors the kernel below would
 * tell it to one of several applications only. */
static int sync_node(struct op *op, bool data_only)
{
    struct node *node = op_node(op, op->node);
    int fd;

    if (node->sync_error != 0)
        return -node->sync_error;
    fd = op_fd(op, op->node, NULL);
    if (fd < 0)
        return fd;
    /* A worker that died may have been told of an error and taken it along. */
    if (op->in_takeover && syncfs(op->root->sync_fd) != 0) {
        atomic_store(&op->worker->shared->sync_failed, 1);
        return sync_failed(op, EIO);
    }
    if ((data_only ? fdatasync(fd) : fsync(fd)) == 0)
        return op_answer(op, NULL, 0);
    if (errno == EIO || errno == ENOSPC || errno == EDQUOT)
        return sync_failed(op, errno);
    return -errno;
}

/* First the source's own disk, then, if so configured, the target's. */
static int sync_both(struct op *op)
{
    const struct fuse_fsync_in *in = op->rq.fixed;
    struct remote_arrival arrival = remote_arrive(op);
    int code;

    if (op->in_takeover && remote_waits(op)) {
        op->no_answer = true;
        return 0;
    }
    code = sync_node(op, (in->fsync_flags & FUSE_FSYNC_FDATASYNC) != 0);
    if (code != 0)
        return code;
    code = remote_settle(op, &arrival);
    op->no_answer = code == REMOTE_WAITS;
    return code == REMOTE_WAITS ? 0 : code;
}

int op_fsync(struct op *op)
{
    return sync_both(op);
}

int op_fsyncdir(struct op *op)
{
    return sync_both(op);
}

int op_syncfs(struct op *op)
{
    return syncfs(op->root->dir_fd) != 0 ? -errno : op_answer(op, NULL, 0);
}
