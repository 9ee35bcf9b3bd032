/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Rename: plain, without replacing, exchanging, and leaving a whiteout; within the set and across
 * its border.
 *
 * Noted before: what stood at both names. Done is a rename whose source stands at the target now
 * and no longer at its old name; an exchange when the two have changed places.
 */
#include "daemon/capture/border_entry.h"
#include "daemon/capture/dirty.h"
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
    uint32_t source; /* its node, 0 if unknown */
    bool source_is_dir;
    bool walks; /* moves names across the border by a walk, alone */
    /* whether what moves is in the set by its old name, by its new one; the same for what stands at
     * the new name, by that and, in an exchange, by the old one */
    bool from_inside, to_inside, target_inside, back_inside;
    bool whiteout_inside; /* whether one at the old name is in the set */
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

/* In the set: one outside is none of the journal's, though the directory that stood there may have
 * been on the way to what is inside. */
static bool leaves_whiteout(const struct renaming *r)
{
    return (r->flags & RENAME_WHITEOUT) != 0 && r->from_inside && r->whiteout_inside;
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
                           (leaves_whiteout(r) ? DPL_RF_WHITEOUT : 0);
        op->record.has |= DPL_F_FLAGS;
    }
    if (op->recording && leaves_whiteout(r)) {
        op->record.whiteout = recorder_oid_room(op);
        op->record.has |= DPL_F_WHITEOUT;
        recorder_attr_room(op, DPL_F_WHITEOUT_ATTR);
        recorder_inherited_room(op, r->from_fd);
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

/* The node that was left at the old name. Returns a descriptor of it, or -1. */
static int open_whiteout(const struct renaming *r, struct node_handle *handle, struct statx *stx)
{
    if (node_handle_get(r->from_fd, r->from, handle) != 0 ||
        stat_name(r->from_fd, r->from, stx) != 0)
        return -1;
    return openat(r->from_fd, r->from, O_PATH | O_NOFOLLOW | O_CLOEXEC);
}

static bool record_whiteout(struct op *op, const struct renaming *r)
{
    struct node_handle handle = {0};
    struct statx stx;
    int fd = open_whiteout(r, &handle, &stx);

    if (fd < 0)
        return false;
    recorder_whiteout_handle(op, &handle);
    recorder_attr(op, DPL_F_WHITEOUT_ATTR, &stx);
    recorder_inherited(op, fd);
    close(fd);
    return true;
}

/* The same where what was moved has left the set: the whiteout is an object that was made. */
static void record_whiteout_alone(struct op *op, const struct renaming *r)
{
    struct dpl_record record = {.type = DPL_R_CREATE};
    struct node_handle handle = {0};
    struct statx stx, parent;
    struct dpl_oid oid;
    int fd = open_whiteout(r, &handle, &stx);

    if (fd < 0 || stat_fd(r->from_fd, &parent) != 0) {
        if (fd >= 0)
            close(fd);
        return;
    }
    dpl_oid_make(&oid, handle.type, 0, handle.bytes, handle.size, NULL);
    record.has =
        DPL_F_OBJECT | DPL_F_PARENT | DPL_F_NAME | DPL_F_ATTR | DPL_F_PARENT_ATTR | DPL_F_RDEV;
    record.object = dpl_oid_view(&oid);
    record.parent = recorder_oid(op, op->node);
    record.name = (struct dpl_view){.data = (const uint8_t *)r->from, .size = strlen(r->from)};
    stat_to_record(&stx, &record.attr);
    stat_to_record(&parent, &record.parent_attr);
    record.xattrs.size = recorder_inherited_list(op, fd, &record.xattrs.data);
    if (record.xattrs.size > 0)
        record.has |= DPL_F_XATTRS;
    recorder_extra(op, &record);
    close(fd);
}

/* Names cannot be told any more: the target asks for both directories. */
static enum dpl_outcome record_unknown(struct op *op, const struct renaming *r)
{
    struct statx stx;

    recorder_object(op, r->to_inside ? r->to_dir : op->node);
    if (stat_fd(r->to_inside ? r->to_fd : r->from_fd, &stx) == 0)
        recorder_attr(op, DPL_F_ATTR, &stx);
    recorder_without(op, DPL_F_OBJECT2 | DPL_F_ATTR2 | DPL_F_WHITEOUT | DPL_F_WHITEOUT_ATTR |
                             DPL_F_XATTRS);
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
    if (leaves_whiteout(r) && !record_whiteout(op, r))
        return record_unknown(op, r);
    return DPL_OUTCOME_OK;
}

/* Looks at what is to be moved, and how: by an entry of one record, or by a walk over a tree. */
static void look(struct op *op, struct renaming *r)
{
    struct border *border = &op->worker->border;
    struct statx stx;

    r->from_inside = r->to_inside = r->whiteout_inside = true;
    if (border->rules == NULL)
        return;
    if (stat_name(r->from_fd, r->from, &stx) == 0) {
        r->source_is_dir = S_ISDIR(stx.stx_mode);
        r->source = node_find(&op->worker->nodes, op->root_index, &stx);
    }
    r->from_inside = border_name_inside(border, op->node, r->from, r->source_is_dir);
    r->whiteout_inside = border_name_inside(border, op->node, r->from, false);
    r->to_inside = border_name_inside(border, r->to_dir, r->to, r->source_is_dir);
    if ((r->flags & RENAME_EXCHANGE) != 0 || r->source_is_dir)
        r->walks = !(border_all_beneath(border, op->node, r->from) &&
                     border_all_beneath(border, r->to_dir, r->to)) &&
                   !(border_none_beneath(border, op->node, r->from) &&
                     border_none_beneath(border, r->to_dir, r->to));
}

/* A name's object has left its place in the set, with all that was beneath. */
static void record_left(struct op *op, uint32_t dir, int dir_fd, const char *name, uint32_t index)
{
    struct dpl_record record = {.type = DPL_R_LEAVE};
    struct statx stx, object;
    int fd = index == 0 ? -ENOENT : op_fd(op, index, NULL);

    if (fd < 0 || stat_fd(fd, &object) != 0 || stat_fd(dir_fd, &stx) != 0)
        return;
    record.has = DPL_F_OBJECT | DPL_F_PARENT | DPL_F_NAME | DPL_F_PARENT_ATTR;
    record.object = recorder_oid(op, index);
    record.parent = recorder_oid(op, dir);
    record.name = (struct dpl_view){.data = (const uint8_t *)name, .size = strlen(name)};
    stat_to_record(&stx, &record.parent_attr);
    recorder_extra(op, &record);
    /* What has other names may have one inside. */
    if (S_ISDIR(object.stx_mode) || object.stx_nlink <= 1)
        border_drop_object(op, index);
}

/* A name has got an object: its state, then the name. */
static void record_came(struct op *op, uint32_t dir, int dir_fd, const char *name, uint32_t index)
{
    struct dpl_record record = {.type = DPL_R_RENAME};
    struct statx stx, parent;

    if (index == 0 || stat_name(dir_fd, name, &stx) != 0 || stat_fd(dir_fd, &parent) != 0)
        return;
    if (S_ISDIR(stx.stx_mode) || stx.stx_nlink <= 1 || !border_inside(&op->worker->border, index))
        border_enter_tree(op, dir, dir_fd, name);
    record.has = DPL_F_OBJECT | DPL_F_PARENT2 | DPL_F_NAME2 | DPL_F_ATTR | DPL_F_PARENT2_ATTR;
    record.object = recorder_oid(op, index);
    record.parent2 = recorder_oid(op, dir);
    record.name2 = (struct dpl_view){.data = (const uint8_t *)name, .size = strlen(name)};
    stat_to_record(&stx, &record.attr);
    stat_to_record(&parent, &record.parent2_attr);
    recorder_extra(op, &record);
}

/* A directory across the border, or an exchange: alone, and recorded after the effect. Nothing else
 * can be recorded in between, so the order holds; a repeat records the same again. */
static int rename_alone(struct op *op, struct renaming *r)
{
    struct slot *slot = op->slot;
    uint32_t source, target;
    int code;

    recorder_begin(op, false, DPL_R_RENAME);
    op_start(op);
    code = rename_once(op, r);
    inject(INJECT_EFFECT_PART);
    if (code != 0)
        return op_finish(op, DPL_OUTCOME_VOID, code, NULL, 0);
    source = (uint32_t)slot->pre[PRE_SOURCE];
    target = (uint32_t)slot->pre[PRE_TARGET];
    if (r->from_inside)
        record_left(op, op->node, r->from_fd, r->from, source);
    if (leaves_whiteout(r))
        record_whiteout_alone(op, r);
    if (r->target_inside)
        record_left(op, r->to_dir, r->to_fd, r->to, target);
    if (r->to_inside)
        record_came(op, r->to_dir, r->to_fd, r->to, source);
    else
        border_relearn_tree(op, r->to_dir, r->to_fd, r->to);
    if ((r->flags & RENAME_EXCHANGE) == 0)
        return op_finish(op, DPL_OUTCOME_OK, 0, NULL, 0);
    if (r->back_inside)
        record_came(op, op->node, r->from_fd, r->from, target);
    else
        border_relearn_tree(op, op->node, r->from_fd, r->from);
    return op_finish(op, DPL_OUTCOME_OK, 0, NULL, 0);
}

/* The other object of the two names: whether it was inside, and is after an exchange. */
static void look_at_target(struct op *op, struct renaming *r)
{
    struct border *border = &op->worker->border;
    struct statx stx;
    bool is_dir;

    if (stat_name(r->to_fd, r->to, &stx) != 0)
        return;
    is_dir = S_ISDIR(stx.stx_mode);
    r->target_inside = border_name_inside(border, r->to_dir, r->to, is_dir);
    r->back_inside = border_name_inside(border, op->node, r->from, is_dir);
}

static void lock_alone(struct op *op)
{
    pthread_rwlock_wrlock(&op->worker->locks.border);
    op->border_locked = true;
}

/* Within the set, outside of it, or one object that is no directory across its border. */
static int rename_one(struct op *op, struct renaming *r)
{
    struct border *border = &op->worker->border;
    bool enters = r->to_inside && !r->from_inside && r->source != 0;
    int fd = enters ? op_fd(op, r->source, NULL) : -1;
    enum dpl_outcome outcome;
    struct statx stx;
    int code;

    prepare(op, r);
    if (enters && fd >= 0 && !border_inside(border, r->source))
        dirty_node(op, r->source);
    if (enters && op->recording && fd >= 0 && !border_inside(border, r->source))
        border_enter_object(op, r->source, fd);
    else if (enters && op->recording)
        border_doubt(op, r->source);
    op_start(op);
    code = rename_once(op, r);
    inject(INJECT_EFFECT_PART);
    if (code != 0)
        return op_finish(op, DPL_OUTCOME_VOID, code, NULL, 0);
    if (enters)
        border_set(border, r->source, SIDE_INSIDE);
    outcome = record_result(op, r);
    if (leaves_whiteout(r) && !r->to_inside && op->recording)
        record_whiteout_alone(op, r);
    if (r->from_inside && !r->to_inside && r->source != 0 &&
        stat_name(r->to_fd, r->to, &stx) == 0 && stx.stx_nlink <= 1) {
        border_drop_object(op, r->source);
        border_set(border, r->source, SIDE_OUTSIDE);
    }
    return op_finish(op, outcome, 0, NULL, 0);
}

static int rename_names(struct op *op, uint64_t to_nodeid, uint32_t flags)
{
    struct renaming r = {.to_dir = op_other_node(op, to_nodeid),
                         .flags = flags,
                         .from = op->rq.name,
                         .to = op->rq.name2};
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
    look(op, &r);
    if (r.walks)
        lock_alone(op);
    op_lock(op, op->node, r.to_dir, r.from_inside != r.to_inside ? r.source : 0);
    op_watch(op, op->node, r.from_fd);
    op_watch(op, r.to_dir, r.to_fd);
    if (r.walks)
        look_at_target(op, &r);
    return r.walks ? rename_alone(op, &r) : rename_one(op, &r);
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
