/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The steps that every handler goes through, see op.h.
 */
#include "daemon/capture/op.h"

#include "daemon/capture/check.h"
#include "daemon/capture/dirty.h"
#include "daemon/capture/recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

struct node *op_node(const struct op *op, uint32_t index)
{
    return &op->worker->shared->nodes[index];
}

uint32_t op_other_node(const struct op *op, uint64_t nodeid)
{
    return node_index(&op->worker->nodes, op->root_index, nodeid);
}

int op_fd(struct op *op, uint32_t index, unsigned *flags_r)
{
    int fd;

    if (op->held_count == OP_DESCRIPTORS)
        return -EMFILE;
    fd = fdcache_get(&op->worker->cache, index, flags_r);
    if (fd >= 0)
        op->held[op->held_count++] = index;
    return fd;
}

int op_fd_write(struct op *op, uint32_t index, unsigned *flags_r)
{
    unsigned flags = 0;
    int fd = op_fd(op, index, &flags);

    if (flags_r != NULL)
        *flags_r = flags;
    if (fd < 0 || (flags & (FD_READ_ONLY | FD_PATH)) == 0)
        return fd;
    if ((flags & FD_PATH) != 0)
        return -EBADF;
    /* What refused it may have gone since; if not, the reason is the caller's answer. */
    op->own_fd = fdcache_open_held(&op->worker->cache, index, fd, O_RDWR);
    if (op->own_fd >= 0)
        fdcache_revoke(&op->worker->cache, index);
    return op->own_fd;
}

void op_release(struct op *op)
{
    while (op->held_count > 0)
        fdcache_put(&op->worker->cache, op->held[--op->held_count]);
    if (op->own_fd >= 0)
        close(op->own_fd);
    op->own_fd = -1;
    dirty_leave(op);
    lock_release(&op->worker->locks, &op->locks);
    if (op->border_locked)
        pthread_rwlock_unlock(&op->worker->locks.border);
    op->border_locked = false;
}

void op_lock(struct op *op, uint32_t a, uint32_t b, uint32_t c)
{
    const uint32_t indexes[] = {a, b, c};

    if (!op->border_locked)
        pthread_rwlock_rdlock(&op->worker->locks.border);
    op->border_locked = true;
    lock_take(&op->worker->locks, &op->locks, indexes, 3);
    inject(INJECT_LOCKED);
}

int op_cred_as(struct op *op, uint32_t uid, uint32_t gid, bool keep_setid)
{
    struct cred wanted = {
        .uid = uid, .gid = gid, .umask = op->thread->cred.umask, .may_keep_setid = keep_setid};

    return cred_switch(&op->thread->cred, &wanted);
}

int op_cred(struct op *op, bool keep_setid, uint32_t umask_bits)
{
    const struct fuse_in_header *in = op->rq.in;
    struct cred wanted = {
        .uid = in->uid, .gid = in->gid, .umask = umask_bits, .may_keep_setid = keep_setid};

    if (umask_bits == OP_ANY_UMASK)
        wanted.umask = op->thread->cred.umask;
    wanted.group_count = op->rq.group_count < CRED_GROUPS ? op->rq.group_count : CRED_GROUPS;
    if (wanted.group_count > 0)
        memcpy(wanted.groups, op->rq.groups, wanted.group_count * sizeof(uint32_t));
    return cred_switch(&op->thread->cred, &wanted);
}

void op_start(struct op *op)
{
    struct slot *slot = op->slot;

    op->started = true;
    if (!op->redo) {
        slot->lsn = SLOT_NO_RECORD;
        slot->record_type = op->recording ? op->record.type : 0;
        slot->body_bytes = slot->data_bytes = 0;
        slot->error = 0;
        slot->reply_bytes = 0;
        atomic_store(&slot->pre_valid, 0);
        memset(slot->pre, 0, sizeof(slot->pre));
        atomic_store(&slot->state, SLOT_STARTED);
        inject(INJECT_STARTED);
    }
    if (op->recording)
        recorder_reserve(op);
    inject(INJECT_RESERVED);
}

bool op_pre_known(const struct op *op)
{
    if (inject_at != NULL && atomic_load(&inject_at->no_pre) != 0)
        return false;
    return op->redo && atomic_load(&op->slot->pre_valid) != 0 &&
           op->slot->pre_check == check_pre(op->slot);
}

void op_pre_keep(struct op *op)
{
    op->slot->pre_check = check_pre(op->slot);
    atomic_store(&op->slot->pre_valid, 1);
    inject(INJECT_PRE);
}

void op_recognised(struct op *op)
{
    atomic_fetch_add(&op->worker->shared->count.recognised, 1);
}

int op_finish(struct op *op, enum dpl_outcome outcome, int error, const void *reply, size_t size)
{
    struct slot *slot = op->slot;

    inject(INJECT_EFFECT);
    if (error != 0)
        outcome = op_failed(op, outcome);
    if (op->recording)
        recorder_encode(op, outcome);
    inject(INJECT_RESULT);
    slot->error = error;
    slot->reply_bytes = error == 0 ? (uint32_t)size : 0;
    if (slot->reply_bytes > 0)
        memcpy(slot->reply, reply, size);
    slot->done_check = check_done(slot);
    atomic_store(&slot->state, SLOT_DONE);
    inject(INJECT_DONE);
    if (op->recording)
        recorder_commit(op->worker, slot);
    inject(INJECT_COMMITTED);
    op->finished = true;
    return error;
}

int op_answer(struct op *op, const void *data, size_t size)
{
    op->answer.iov_base = (void *)(uintptr_t)data;
    op->answer.iov_len = size;
    return 0;
}

void op_fill_attr(const struct statx *stx, struct fuse_attr_out *out)
{
    memset(out, 0, sizeof(*out));
    out->attr_valid = STAT_FOREVER_SECONDS;
    stat_to_fuse(stx, &out->attr);
}

static void fill_entry(const struct op *op, uint32_t index, const struct statx *stx,
                       struct fuse_entry_out *entry)
{
    memset(entry, 0, sizeof(*entry));
    entry->nodeid = index;
    entry->generation = op_node(op, index)->generation;
    entry->entry_valid = entry->attr_valid = STAT_FOREVER_SECONDS;
    stat_to_fuse(stx, &entry->attr);
}

/* Takes a reference; an object that is new to the table needs its handle too, and since that comes
 * from a second look at the name, a third one tells whether it was the same object. */
static int64_t reference_name(struct op *op, int dir_fd, const char *name, struct statx *stx)
{
    struct node_table *nodes = &op->worker->nodes;
    struct node_handle handle = {0};
    int64_t index;
    int code;

    for (int tries = 0; tries < 8; tries++) {
        struct statx again;

        code = stat_name(dir_fd, name, stx);
        if (code != 0)
            return code;
        if (makedev(stx->stx_dev_major, stx->stx_dev_minor) != op->root->device)
            return -EXDEV;
        index = node_reference(nodes, op->slot, op->root_index, stx, NULL);
        if (index != 0)
            return index;
        code = node_handle_get(dir_fd, name, &handle);
        if (code == 0)
            code = stat_name(dir_fd, name, &again);
        if (code != 0)
            return code;
        if (again.stx_ino == stx->stx_ino && node_btime_ns(&again) == node_btime_ns(stx))
            return node_reference(nodes, op->slot, op->root_index, stx, &handle);
    }
    return -EAGAIN;
}

int op_entry(struct op *op, uint32_t dir, int dir_fd, const char *name,
             struct fuse_entry_out *entry, struct statx *stx, uint32_t *index_r)
{
    struct statx own;
    int64_t index;

    if (stx == NULL)
        stx = &own;
    index = reference_name(op, dir_fd, name, stx);
    if (index <= 0)
        return (int)index;
    border_learn(&op->worker->border, dir, name, (uint32_t)index, stx);
    fill_entry(op, (uint32_t)index, stx, entry);
    if (index_r != NULL)
        *index_r = (uint32_t)index;
    return 0;
}

int op_entry_fd(struct op *op, int fd, bool pin, struct fuse_entry_out *entry, struct statx *stx,
                uint32_t *index_r)
{
    struct node_handle handle = {0};
    int64_t index;
    int code = stat_fd(fd, stx);

    if (code == 0)
        code = node_handle_get(fd, "", &handle);
    if (code != 0) {
        close(fd);
        return code;
    }
    index = node_reference(&op->worker->nodes, op->slot, op->root_index, stx, &handle);
    if (index <= 0) {
        close(fd);
        return (int)index;
    }
    fdcache_give(&op->worker->cache, (uint32_t)index, fd, pin);
    fill_entry(op, (uint32_t)index, stx, entry);
    *index_r = (uint32_t)index;
    return 0;
}
