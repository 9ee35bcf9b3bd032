/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Changes of content: write, fallocate, copy_file_range.
 *
 * The kernel names every offset, that of an append too, so a repeat puts the same bytes at the same
 * place. Only what goes to an append-only object has to be recognised, by the size it had.
 */
#include "daemon/capture/dirty.h"
#include "daemon/capture/op.h"
#include "daemon/capture/recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* A copy is recorded as the bytes that it left: replayed twice, a reference to its source would
 * give what stands there by then. So that they fit into a record, a copy is done in parts. */
#define COPY_PART DPL_RECORD_DATA_MAX

/* Refusals that come before anything was changed. */
static bool changed_nothing(int code)
{
    return code == -EFBIG || code == -EINVAL || code == -EBADF || code == -EPERM ||
           code == -EROFS || code == -EOPNOTSUPP || code == -ENODEV;
}

static enum dpl_outcome outcome_of(int code)
{
    if (code >= 0)
        return DPL_OUTCOME_OK;
    return changed_nothing(code) ? DPL_OUTCOME_VOID : DPL_OUTCOME_UNKNOWN;
}

/* Who changes a content without CAP_FSETID takes its set-id bits away: that of the group only where
 * the group may execute. The kernel below would also take it from who is not of the group; it is
 * not known here of which groups the caller is, so he counts as one of them. */
static int content_cred(struct op *op, int fd, bool keep_setid)
{
    struct cred wanted = {.uid = op->rq.in->uid,
                          .gid = op->rq.in->gid,
                          .umask = op->thread->cred.umask,
                          .may_keep_setid = keep_setid};
    struct statx stx;

    if (!keep_setid && stat_fd(fd, &stx) == 0 && (stx.stx_mode & (S_ISGID | S_IXGRP)) == S_ISGID) {
        wanted.groups[0] = stx.stx_gid;
        wanted.group_count = 1;
    }
    return cred_switch(&op->thread->cred, &wanted);
}

/* Pages that the kernel writes back have no caller: they are their owner's. */
static int write_cred(struct op *op, int fd, const struct fuse_write_in *in)
{
    bool keep_setid = (in->write_flags & FUSE_WRITE_KILL_SUIDGID) == 0;
    struct statx stx;
    int code;

    if ((in->write_flags & FUSE_WRITE_CACHE) == 0)
        return content_cred(op, fd, keep_setid);
    code = stat_fd(fd, &stx);
    return code != 0 ? code : op_cred_as(op, stx.stx_uid, stx.stx_gid, keep_setid);
}

static void record_data(struct op *op, uint64_t offset, const void *data, size_t size)
{
    if (!op->recording)
        return;
    op->slot->data_offset =
        (uint32_t)((const uint8_t *)data - (const uint8_t *)(const void *)op->rq.in);
    op->record.offset = offset;
    op->record.data = (struct dpl_view){.data = data, .size = size};
    op->record.has |= DPL_F_OFFSET | DPL_F_DATA;
}

/* What was written in the end: less than reserved, or nothing. */
static void record_size(struct op *op, ssize_t size)
{
    op->record.data.size = size > 0 ? (size_t)size : 0;
}

/* The bytes go to the end, wherever that is: twice, if nobody looks. */
static ssize_t append_once(struct op *op, int fd, const struct fuse_write_in *in)
{
    struct slot *slot = op->slot;
    struct statx stx;
    size_t there = 0; /* of it: a kill may have come in the middle */
    int code = stat_fd(fd, &stx);
    ssize_t more;

    if (code != 0)
        return code;
    if (!op_pre_known(op)) {
        slot->pre[0] = stx.stx_size;
        op_pre_keep(op);
    } else if (stx.stx_size > slot->pre[0]) {
        op_recognised(op);
        there = stx.stx_size - slot->pre[0];
        if (there >= in->size)
            return in->size;
    }
    op->record.offset = slot->pre[0];
    more = write(fd, (const char *)op->rq.data + there, in->size - there);
    if (more < 0)
        return there > 0 ? (ssize_t)there : -errno;
    return (ssize_t)there + more;
}

int op_write(struct op *op)
{
    const struct fuse_write_in *in = op->rq.fixed;
    struct fuse_write_out out = {0};
    unsigned flags;
    ssize_t size;
    int fd, code;

    op_lock(op, op->node, 0, 0);
    fd = op_fd_write(op, op->node, &flags);
    if (fd < 0)
        return fd;
    code = write_cred(op, fd, in);
    if (code != 0)
        return code;
    dirty_write(op, op->node, fd, in->offset, in->size, (flags & FD_APPEND) != 0);
    recorder_begin(op, border_inside(&op->worker->border, op->node), DPL_R_WRITE);
    recorder_object(op, op->node);
    recorder_attr_room(op, DPL_F_ATTR);
    record_data(op, in->offset, op->rq.data, in->size);
    op_start(op);
    if ((flags & FD_APPEND) != 0) {
        size = append_once(op, fd, in);
    } else {
        size = pwrite(fd, op->rq.data, in->size, (off_t)in->offset);
        if (size < 0)
            size = -errno;
    }
    record_size(op, size);
    recorder_attr_fd(op, DPL_F_ATTR, fd);
    out.size = size > 0 ? (uint32_t)size : 0;
    return op_finish(op, outcome_of((int)size), size < 0 ? (int)size : 0, &out, sizeof(out));
}

int op_fallocate(struct op *op)
{
    const struct fuse_fallocate_in *in = op->rq.fixed;
    int fd, code;

    op_lock(op, op->node, 0, 0);
    fd = op_fd_write(op, op->node, NULL);
    if (fd < 0)
        return fd;
    code = content_cred(op, fd, op->rq.in->uid == 0);
    if (code != 0)
        return code;
    dirty_fallocate(op, op->node, fd, in->mode, in->offset, in->length);
    recorder_begin(op, border_inside(&op->worker->border, op->node), DPL_R_FALLOCATE);
    recorder_object(op, op->node);
    recorder_attr_room(op, DPL_F_ATTR);
    if (op->recording) {
        op->record.mode = in->mode;
        op->record.offset = in->offset;
        op->record.length = in->length;
        op->record.has |= DPL_F_MODE | DPL_F_OFFSET | DPL_F_LENGTH;
    }
    op_watch(op, op->node, fd);
    op_start(op);
    code = fallocate(fd, (int)in->mode, (off_t)in->offset, (off_t)in->length) != 0 ? -errno : 0;
    recorder_attr_fd(op, DPL_F_ATTR, fd);
    return op_finish(op, outcome_of(code), code, NULL, 0);
}

/* The copied bytes, read back behind the request in the same buffer. */
static bool record_copied(struct op *op, int fd, uint64_t offset, ssize_t size)
{
    uint8_t *room = (uint8_t *)(uintptr_t)op->record.data.data;
    ssize_t got;

    if (!op->recording || size <= 0)
        return true;
    got = pread(fd, room, (size_t)size, (off_t)offset);
    record_size(op, got);
    return got == size;
}

int op_copy_file_range(struct op *op)
{
    const struct fuse_copy_file_range_in *in = op->rq.fixed;
    uint32_t to = op_other_node(op, in->nodeid_out);
    loff_t from_offset = (loff_t)in->off_in, to_offset = (loff_t)in->off_out;
    uint8_t *room = (uint8_t *)(uintptr_t)op->rq.in + 4096;
    struct fuse_write_out out = {0};
    enum dpl_outcome outcome;
    size_t length = in->len;
    int from_fd, to_fd, code;
    ssize_t size;

    if (to == 0)
        return -ESTALE;
    op_lock(op, op->node, to, 0);
    from_fd = op_fd(op, op->node, NULL);
    to_fd = from_fd < 0 ? from_fd : op_fd_write(op, to, NULL);
    if (to_fd < 0)
        return to_fd;
    code = content_cred(op, to_fd, op->rq.in->uid == 0);
    if (code != 0)
        return code;
    if (length > COPY_PART)
        length = COPY_PART;
    dirty_write(op, to, to_fd, in->off_out, length, false);
    recorder_begin(op, border_inside(&op->worker->border, to), DPL_R_WRITE);
    recorder_object(op, to);
    recorder_attr_room(op, DPL_F_ATTR);
    record_data(op, in->off_out, room, length);
    op->worker->shared->buffer_used[op->slot->buffer] = SHARED_BUFFER;
    op_start(op);
    size = copy_file_range(from_fd, &from_offset, to_fd, &to_offset, length, 0);
    if (size < 0)
        size = -errno;
    inject(INJECT_EFFECT_PART);
    outcome = outcome_of((int)size);
    if (!record_copied(op, to_fd, in->off_out, size))
        outcome = DPL_OUTCOME_UNKNOWN;
    if (size <= 0)
        record_size(op, 0);
    recorder_attr_fd(op, DPL_F_ATTR, to_fd);
    out.size = size > 0 ? (uint32_t)size : 0;
    return op_finish(op, size == 0 ? DPL_OUTCOME_VOID : outcome, size < 0 ? (int)size : 0, &out,
                     sizeof(out));
}
