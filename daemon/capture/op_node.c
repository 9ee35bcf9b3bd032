/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Requests about nodes as such: lookup and forget, and those that need nothing done.
 */
#include "daemon/capture/op.h"
#include "daemon/capture/recorder.h"

#include <errno.h>
#include <string.h>

int op_lookup(struct op *op)
{
    struct fuse_entry_out entry;
    int dir_fd = op_fd(op, op->node, NULL);
    int code;

    if (dir_fd < 0)
        return dir_fd;
    code = op_entry(op, op->node, dir_fd, op->rq.name, &entry, NULL, NULL);
    if (code == -ENOENT) {
        memset(&entry, 0, sizeof(entry));
        entry.entry_valid = STAT_FOREVER_SECONDS;
    } else if (code != 0) {
        return code;
    }
    memcpy(op->thread->out, &entry, sizeof(entry));
    return op_answer(op, op->thread->out, sizeof(entry));
}

/* The last reference to an object without names goes: its life ends in the journal too. */
static void record_drop(struct op *op, uint32_t index)
{
    struct dpl_record record = {.type = DPL_R_DROP, .has = DPL_F_OBJECT};
    struct statx stx;
    int fd;

    if (op_node(op, index)->pin_fd < 0 || !border_inside(&op->worker->border, index))
        return;
    fd = op_fd(op, index, NULL);
    if (fd >= 0 && stat_fd(fd, &stx) == 0 && stx.stx_nlink == 0) {
        record.object = recorder_oid(op, index);
        recorder_extra(op, &record);
    }
    op_release(op);
}

static void forget_one(struct op *op, uint64_t nodeid, uint64_t count, uint64_t next)
{
    uint32_t index = op_other_node(op, nodeid);

    if (index > SHARED_ROOTS && op_node(op, index)->lookups <= count)
        record_drop(op, index);
    node_forget(&op->worker->nodes, op->slot, index, index > SHARED_ROOTS ? count : 0,
                PENDING_FORGET, next);
}

int op_forget(struct op *op)
{
    const struct fuse_forget_in *in = op->rq.fixed;

    op->no_answer = true;
    if (op->slot->forgotten == 0)
        forget_one(op, op->rq.in->nodeid, in->nlookup, 1);
    return 0;
}

int op_batch_forget(struct op *op)
{
    const struct fuse_batch_forget_in *in = op->rq.fixed;
    const struct fuse_forget_one *list = op->rq.data;

    op->no_answer = true;
    for (uint64_t i = op->slot->forgotten; i < in->count; i++)
        forget_one(op, list[i].nodeid, list[i].nlookup, i + 1);
    return 0;
}

/* No request waits for anything that an interrupt could shorten. */
int op_interrupt(struct op *op)
{
    op->no_answer = true;
    return 0;
}

/* Nothing is open here: descriptors belong to objects, not to opens. */
int op_release_file(struct op *op)
{
    return op_answer(op, NULL, 0);
}
