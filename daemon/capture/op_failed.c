/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A mutation that failed may have changed something all the same: a rename that could not replace a
 * directory had put its whiteout there before, and the times of the directory tell.
 *
 * What an op names is looked at before its effect (op_watch) and, if the effect failed, again
 * (op_failed, by op_finish). What is not as it was is journalled: its attributes, if the names are
 * as they were, else the op's outcome is unknown. The kernel is told to ask for its attributes,
 * and, by the teller, to look the names up again: that waits for the directory, which our caller
 * holds. A repeat by a successor has not seen what was there before: it counts everything as
 * changed.
 */
#include "daemon/capture/op.h"
#include "daemon/capture/recorder.h"
#include "daemon/capture/teller.h"

#include <string.h>
#include <unistd.h>

static int64_t time_ns(const struct statx_timestamp *t)
{
    return (int64_t)t->tv_sec * 1000000000 + t->tv_nsec;
}

static void take(struct watched *watched, const struct statx *stx)
{
    watched->ctime_ns = time_ns(&stx->stx_ctime);
    watched->mtime_ns = time_ns(&stx->stx_mtime);
    watched->size = stx->stx_size;
    watched->blocks = stx->stx_blocks;
    watched->nlink = stx->stx_nlink;
    watched->mode = stx->stx_mode;
}

void op_watch(struct op *op, uint32_t index, int fd)
{
    struct watched *watched = &op->watched[op->watched_count];
    struct statx stx;

    for (uint32_t i = 0; i < op->watched_count; i++)
        if (op->watched[i].index == index)
            return;
    if (op->watched_count == OP_WATCHED)
        return;
    memset(watched, 0, sizeof(*watched));
    watched->index = index;
    watched->fd = fd;
    if (!op->redo && stat_fd(fd, &stx) == 0)
        take(watched, &stx);
    op->watched_count++;
}

/* Attributes alone, no pages: this waits for nobody, the caller's locks in the kernel neither. */
static void tell_kernel(const struct op *op, uint32_t index)
{
    struct {
        struct fuse_out_header head;
        struct fuse_notify_inval_inode_out body;
    } notice = {
        .head = {.len = sizeof(notice), .error = FUSE_NOTIFY_INVAL_INODE},
        .body = {.ino = index == 1 + op->root_index ? FUSE_ROOT_ID : index, .off = -1},
    };

    /* It may know the inode no more. */
    if (write(op->root->device_fd, &notice, sizeof(notice)) < 0)
        return;
}

/* Whether the names of the op lead to what they led to before: handlers note that in pre[]. */
static bool names_stand(const struct op *op)
{
    const uint64_t *pre = op->slot->pre;
    const struct watched *last = &op->watched[op->watched_count - 1];

    switch (op->rq.in->opcode) {
    case FUSE_RENAME:
    case FUSE_RENAME2:
        return stat_ino(op->watched[0].fd, op->rq.name) == pre[0] &&
               stat_ino(last->fd, op->rq.name2) == pre[1];
    case FUSE_CREATE:
    case FUSE_MKDIR:
    case FUSE_MKNOD:
    case FUSE_SYMLINK:
    case FUSE_LINK:
    case FUSE_UNLINK:
    case FUSE_RMDIR:
        return stat_ino(op->watched[0].fd, op->rq.name) == pre[0];
    default:
        return true;
    }
}

static void look_up_again(const struct op *op, uint32_t dir, const char *name)
{
    struct shared_tell order = {.root = op->root_index,
                                .kind = TELL_ENTRY,
                                .node = dir == 1 + op->root_index ? FUSE_ROOT_ID : dir};

    strncpy(order.name, name, sizeof(order.name) - 1);
    teller_order(op->worker->shared, false, &order);
}

/* The names are not what the kernel thinks. */
static void tell_names(const struct op *op)
{
    bool renames = op->rq.in->opcode == FUSE_RENAME || op->rq.in->opcode == FUSE_RENAME2;

    /* The name that a symbolic link or a link gets is the first, as in all but a rename. */
    look_up_again(op, op->watched[0].index, op->rq.name);
    if (renames)
        look_up_again(op, op->watched[op->watched_count - 1].index, op->rq.name2);
}

static void record_changed(struct op *op, uint32_t index, const struct statx *stx)
{
    struct dpl_record record = {.type = DPL_R_SETATTR, .has = DPL_F_OBJECT | DPL_F_ATTR};

    if (!op->recording || !border_inside(&op->worker->border, index))
        return;
    record.object = recorder_oid(op, index);
    stat_to_record(stx, &record.attr);
    recorder_extra(op, &record);
}

enum dpl_outcome op_failed(struct op *op, enum dpl_outcome outcome)
{
    bool changed = false;

    for (uint32_t i = 0; i < op->watched_count; i++) {
        struct watched now = op->watched[i];
        struct statx stx;

        if (stat_fd(now.fd, &stx) != 0)
            continue;
        take(&now, &stx);
        if (memcmp(&now, &op->watched[i], sizeof(now)) == 0)
            continue;
        changed = true;
        if (outcome == DPL_OUTCOME_VOID)
            record_changed(op, now.index, &stx);
        tell_kernel(op, now.index);
    }
    if (!changed || outcome != DPL_OUTCOME_VOID || names_stand(op))
        return outcome;
    tell_names(op);
    /* The target asks for the directories; the others were never filled in. */
    recorder_without(op, DPL_F_OBJECT | DPL_F_OBJECT2 | DPL_F_WHITEOUT | DPL_F_XATTRS);
    return DPL_OUTCOME_UNKNOWN;
}
