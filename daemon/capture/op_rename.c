/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Rename: plain, without replacing, exchanging, and leaving a whiteout; within the set and across
 * its border.
 *
 * Noted before: what stood at both names. Done is a rename whose source stands at the target now
 * and no longer at its old name; an exchange when the two have changed places.
 */
#include "daemon/capture/border_entry.h"
#include "daemon/capture/op.h"
#include "daemon/capture/recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PRE_SOURCE_INO, PRE_TARGET_INO, PRE_SOURCE, PRE_TARGET };

struct renaming {
    uint32_t to_dir;
    uint32_t flags;
    const char *from, *to;
    int from_fd, to_fd;
    bool from_inside, to_inside;
};

static bool pins(const struct statx *stx)
{
    return stx->stx_nlink <= 1 || S_ISDIR(stx->stx_mode);
}

static void note(struct op *op, const struct renaming *r)
{
    struct node_table *nodes = &op->worker->nodes;
    struct slot *slot = op->slot;
    struct statx stx;

    if (stat_name(r->from_fd, r->from, &stx) == 0) {
        slot->pre[PRE_SOURCE_INO] = stx.stx_ino;
        slot->pre[PRE_SOURCE] = node_find(nodes, op->root_index, &stx);
    }
    if (stat_name(r->to_fd, r->to, &stx) == 0) {
        uint32_t index = node_find(nodes, op->root_index, &stx);

        slot->pre[PRE_TARGET_INO] = stx.stx_ino;
        slot->pre[PRE_TARGET] = index;
        if ((r->flags & RENAME_EXCHANGE) == 0 && index != 0 && pins(&stx) &&
            fdcache_pin(&op->worker->cache, index) != 0)
            atomic_fetch_add(&op->worker->shared->count.unpinned, 1);
    }
    op_pre_keep(op);
}

static bool is_done(const struct op *op, const struct renaming *r)
{
    uint64_t source = op->slot->pre[PRE_SOURCE_INO];
    uint64_t target = op->slot->pre[PRE_TARGET_INO];
    uint64_t at_source, at_target;

    if (source == 0 || source == target)
        return false;
    at_source = stat_ino(r->from_fd, r->from);
    at_target = stat_ino(r->to_fd, r->to);
    if ((r->flags & RENAME_EXCHANGE) != 0)
        return at_source == target && at_target == source;
    return at_target == source && at_source != source;
}

static int rename_once(struct op *op, const struct renaming *r)
{
    if (!op_pre_known(op)) {
        note(op, r);
    } else if (is_done(op, r)) {
        op_recognised(op);
        return 0;
    }
    return renameat2(r->from_fd, r->from, r->to_fd, r->to, r->flags) != 0 ? -errno : 0;
}

/* What the record will hold, with room for all that may come. */
static void prepare(struct op *op, const struct renaming *r)
{
    if (!r->to_inside) {
        recorder_begin(op, r->from_inside, DPL_R_LEAVE);
        recorder_object(op, 0);
        recorder_parent(op, op->node, r->from);
        recorder_attr_room(op, DPL_F_ATTR | DPL_F_PARENT_ATTR);
        return;
    }
    recorder_begin(op, true, DPL_R_RENAME);
    recorder_object(op, 0);
    recorder_object2(op, 0);
    recorder_parent2(op, r->to_dir, r->to);
    recorder_attr_room(op, DPL_F_ATTR | DPL_F_ATTR2 | DPL_F_PARENT2_ATTR);
    if (r->from_inside) {
        recorder_parent(op, op->node, r->from);
        recorder_attr_room(op, DPL_F_PARENT_ATTR);
    }
    if (op->recording && r->flags != 0) {
        op->record.flags = ((r->flags & RENAME_EXCHANGE) != 0 ? DPL_RF_EXCHANGE : 0) |
                           ((r->flags & RENAME_WHITEOUT) != 0 ? DPL_RF_WHITEOUT : 0);
        op->record.has |= DPL_F_FLAGS;
    }
    if (op->recording && (r->flags & RENAME_WHITEOUT) != 0) {
        op->record.whiteout = recorder_oid_room(op);
        op->record.has |= DPL_F_WHITEOUT;
        recorder_attr_room(op, DPL_F_WHITEOUT_ATTR);
    }
}

/* An object's id and attributes after the rename; false if they cannot be had. */
static bool record_object(struct op *op, uint32_t index, bool second)
{
    struct statx stx;
    int fd = index == 0 ? -ENOENT : op_fd(op, index, NULL);

    if (fd < 0 || stat_fd(fd, &stx) != 0)
        return false;
    if (second)
        recorder_object2(op, index);
    else
        recorder_object(op, index);
    recorder_attr(op, second ? DPL_F_ATTR2 : DPL_F_ATTR, &stx);
    return true;
}

static bool record_whiteout(struct op *op, const struct renaming *r)
{
    struct node_handle handle;
    struct statx stx;

    if (node_handle_get(r->from_fd, r->from, &handle) != 0 ||
        stat_name(r->from_fd, r->from, &stx) != 0)
        return false;
    recorder_whiteout_handle(op, &handle);
    recorder_attr(op, DPL_F_WHITEOUT_ATTR, &stx);
    return true;
}

/* Names cannot be told any more: the target asks for both directories. */
static enum dpl_outcome record_unknown(struct op *op, const struct renaming *r)
{
    struct statx stx;

    recorder_object(op, r->to_inside ? r->to_dir : op->node);
    if (stat_fd(r->to_inside ? r->to_fd : r->from_fd, &stx) == 0)
        recorder_attr(op, DPL_F_ATTR, &stx);
    recorder_without(op, DPL_F_OBJECT2 | DPL_F_ATTR2 | DPL_F_WHITEOUT | DPL_F_WHITEOUT_ATTR);
    return DPL_OUTCOME_UNKNOWN;
}

static enum dpl_outcome record_result(struct op *op, const struct renaming *r)
{
    const struct slot *slot = op->slot;

    if (!op->recording)
        return DPL_OUTCOME_OK;
    /* Two names of one object: POSIX says that nothing happens. */
    if (slot->pre[PRE_SOURCE_INO] == slot->pre[PRE_TARGET_INO] && (r->flags & RENAME_WHITEOUT) == 0)
        return DPL_OUTCOME_VOID;
    if ((op->record.has & DPL_F_PARENT) != 0)
        recorder_attr_fd(op, DPL_F_PARENT_ATTR, r->from_fd);
    if (r->to_inside)
        recorder_attr_fd(op, DPL_F_PARENT2_ATTR, r->to_fd);
    if (!record_object(op, (uint32_t)slot->pre[PRE_SOURCE], false))
        return record_unknown(op, r);
    if (!r->to_inside)
        return DPL_OUTCOME_OK;
    if (slot->pre[PRE_TARGET_INO] == 0)
        recorder_without(op, DPL_F_OBJECT2 | DPL_F_ATTR2);
    else if (!record_object(op, (uint32_t)slot->pre[PRE_TARGET], true))
        return record_unknown(op, r);
    if ((r->flags & RENAME_WHITEOUT) != 0 && !record_whiteout(op, r))
        return record_unknown(op, r);
    return DPL_OUTCOME_OK;
}

static int rename_names(struct op *op, uint64_t to_nodeid, uint32_t flags)
{
    struct border *border = &op->worker->border;
    struct renaming r = {.to_dir = op_other_node(op, to_nodeid),
                         .flags = flags,
                         .from = op->rq.name,
                         .to = op->rq.name2};
    enum dpl_outcome outcome;
    int code;

    if (r.to_dir == 0)
        return -ESTALE;
    r.from_fd = op_fd(op, op->node, NULL);
    r.to_fd = r.from_fd < 0 ? r.from_fd : op_fd(op, r.to_dir, NULL);
    if (r.to_fd < 0)
        return r.to_fd;
    code = op_cred(op, true, OP_ANY_UMASK);
    if (code != 0)
        return code;
    border_lock_rename(op, r.from_fd, r.from, r.to_dir, r.to);
    op_lock(op, op->node, r.to_dir, 0);
    r.from_inside = border_name_inside(border, op->node, r.from);
    r.to_inside = border_name_inside(border, r.to_dir, r.to);
    border_before_rename(op, r.from_fd, r.from, r.from_inside, r.to_fd, r.to, r.to_inside, flags);
    prepare(op, &r);
    op_start(op);
    code = rename_once(op, &r);
    inject(INJECT_EFFECT_PART);
    if (code != 0)
        return op_finish(op, DPL_OUTCOME_VOID, code, NULL, 0);
    border_after_rename(op, r.from_inside, r.to_inside, flags);
    outcome = record_result(op, &r);
    return op_finish(op, outcome, 0, NULL, 0);
}

int op_rename(struct op *op)
{
    const struct fuse_rename_in *in = op->rq.fixed;

    return rename_names(op, in->newdir, 0);
}

int op_rename2(struct op *op)
{
    const struct fuse_rename2_in *in = op->rq.fixed;

    return rename_names(op, in->newdir, in->flags);
}
