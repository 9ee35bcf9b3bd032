/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Names of objects that exist: link, unlink, rmdir.
 *
 * A removal is recognised as done when the name was there before and is gone now; a link when the
 * name was absent before and stands now. What may lose its last name is pinned first: the kernel
 * may go on using it, and no name leads to it any more.
 */
#include "daemon/capture/border_entry.h"
#include "daemon/capture/dirty.h"
#include "daemon/capture/op.h"
#include "daemon/capture/recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Needs no path; where the kernel wants CAP_DAC_READ_SEARCH for that, we have it. */
static int link_fd(int fd, int dir_fd, const char *name)
{
    return linkat(fd, "", dir_fd, name, AT_EMPTY_PATH) != 0 ? -errno : 0;
}

static int link_once(struct op *op, int fd, int dir_fd)
{
    struct slot *slot = op->slot;
    bool repeat = op_pre_known(op);
    int code;

    if (!repeat) {
        slot->pre[0] = stat_ino(dir_fd, op->rq.name);
        op_pre_keep(op);
    }
    code = link_fd(fd, dir_fd, op->rq.name);
    if (code == -EEXIST && repeat && slot->pre[0] == 0) {
        op_recognised(op);
        code = 0;
    }
    return code;
}

int op_link(struct op *op)
{
    const struct fuse_link_in *in = op->rq.fixed;
    uint32_t object = op_other_node(op, in->oldnodeid);
    struct border *border = &op->worker->border;
    struct fuse_entry_out entry;
    struct statx stx;
    uint32_t index;
    bool inside;
    int dir_fd, fd, effect, code;

    if (object == 0)
        return -ESTALE;
    dir_fd = op_fd(op, op->node, NULL);
    fd = dir_fd < 0 ? dir_fd : op_fd(op, object, NULL);
    if (fd < 0)
        return fd;
    code = op_cred(op, true, OP_ANY_UMASK);
    if (code != 0)
        return code;
    op_lock(op, op->node, object, 0);
    inside = border_name_inside(border, op->node, op->rq.name, false);
    recorder_begin(op, inside, DPL_R_LINK);
    recorder_object(op, object);
    recorder_parent(op, op->node, op->rq.name);
    recorder_attr_room(op, DPL_F_ATTR | DPL_F_PARENT_ATTR);
    if (inside && !border_inside(border, object))
        dirty_node(op, object);
    if (op->recording && !border_inside(border, object))
        border_enter_object(op, object, fd);
    else if (op->recording && op_node(op, object)->side == SIDE_DOUBT)
        border_doubt(op, object);
    op_watch(op, op->node, dir_fd);
    op_watch(op, object, fd);
    op_start(op);
    effect = link_once(op, fd, dir_fd);
    inject(INJECT_EFFECT_PART);
    if (effect != 0)
        return op_finish(op, DPL_OUTCOME_VOID, effect, NULL, 0);
    if (inside)
        border_set(border, object, SIDE_INSIDE);
    recorder_attr_fd(op, DPL_F_ATTR, fd);
    recorder_attr_fd(op, DPL_F_PARENT_ATTR, dir_fd);
    code = op_entry(op, op->node, dir_fd, op->rq.name, &entry, &stx, &index);
    return op_finish(op, DPL_OUTCOME_OK, code, &entry, sizeof(entry));
}

enum { PRE_INO, PRE_NODE };

/* Notes what stands at the name, and holds it if this may be its last name. */
static void note_victim(struct op *op, int dir_fd)
{
    struct slot *slot = op->slot;
    struct statx stx;

    if (stat_name(dir_fd, op->rq.name, &stx) == 0) {
        uint32_t index = node_find(&op->worker->nodes, op->root_index, &stx);

        slot->pre[PRE_INO] = stx.stx_ino;
        slot->pre[PRE_NODE] = index;
        if (index != 0 && (stx.stx_nlink <= 1 || S_ISDIR(stx.stx_mode)) &&
            fdcache_pin(&op->worker->cache, index) != 0)
            atomic_fetch_add(&op->worker->shared->count.unpinned, 1);
    }
    op_pre_keep(op);
}

/* After the removal: the object's attributes, if it is known. */
static enum dpl_outcome record_victim(struct op *op, int dir_fd)
{
    uint32_t victim = (uint32_t)op->slot->pre[PRE_NODE];
    struct statx stx;
    int fd;

    if (!op->recording)
        return DPL_OUTCOME_OK;
    recorder_attr_fd(op, DPL_F_PARENT_ATTR, dir_fd);
    fd = victim == 0 ? -ENOENT : op_fd(op, victim, NULL);
    if (fd < 0 || stat_fd(fd, &stx) != 0) {
        recorder_object(op, op->node);
        recorder_attr_fd(op, DPL_F_ATTR, dir_fd);
        return DPL_OUTCOME_UNKNOWN;
    }
    recorder_object(op, victim);
    recorder_attr(op, DPL_F_ATTR, &stx);
    return DPL_OUTCOME_OK;
}

static int remove_name(struct op *op, int flags)
{
    struct slot *slot = op->slot;
    int dir_fd = op_fd(op, op->node, NULL);
    bool repeat;
    int code;

    if (dir_fd < 0)
        return dir_fd;
    code = op_cred(op, true, OP_ANY_UMASK);
    if (code != 0)
        return code;
    op_lock(op, op->node, 0, 0);
    recorder_begin(
        op, border_name_inside(&op->worker->border, op->node, op->rq.name, flags == AT_REMOVEDIR),
        DPL_R_REMOVE);
    recorder_object(op, 0);
    recorder_parent(op, op->node, op->rq.name);
    recorder_attr_room(op, DPL_F_ATTR | DPL_F_PARENT_ATTR);
    op_watch(op, op->node, dir_fd);
    op_start(op);
    repeat = op_pre_known(op);
    if (!repeat)
        note_victim(op, dir_fd);
    code = unlinkat(dir_fd, op->rq.name, flags) != 0 ? -errno : 0;
    if (code == -ENOENT && repeat && slot->pre[PRE_INO] != 0) {
        op_recognised(op);
        code = 0;
    }
    inject(INJECT_EFFECT_PART);
    if (code != 0)
        return op_finish(op, DPL_OUTCOME_VOID, code, NULL, 0);
    return op_finish(op, record_victim(op, dir_fd), 0, NULL, 0);
}

int op_unlink(struct op *op)
{
    return remove_name(op, 0);
}

int op_rmdir(struct op *op)
{
    return remove_name(op, AT_REMOVEDIR);
}
