/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Naming what is about to change, see dirty.h.
 */
#include "daemon/capture/dirty.h"

#include "daemon/capture/recorder.h"

#include <errno.h>
#include <linux/falloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

_Static_assert(SHARED_HANDLE_BYTES + 12 <= DPL_DIRTY_ID_MAX, "an object's id fits an entry");

/* Everything is dirty from now on: the target is told too. */
static void all_dirty(void *self, enum dpl_dirty_reason reason, bool durable)
{
    struct worker *worker = self;
    struct dpl_record record = {
        .type = DPL_R_BARRIER, .has = DPL_F_NUMBER, .number = DPL_BARRIER_ALL_DIRTY};

    recorder_note(worker, &record, NULL);
    atomic_store(&worker->shared->dirty_told, 1);
    fprintf(stderr,
            "doppel-capture: set '%s': %s: after a crash of this node everything must be "
            "compared%s\n",
            worker->options->set, dpl_dirty_reason_text(reason),
            durable ? "" : "; this could not be written to the dirty log");
}

static void at_point(void *self, int which)
{
    (void)self;
    inject(which == DPL_DIRTY_POINT_WRITE     ? INJECT_DIRTY
           : which == DPL_DIRTY_POINT_WRITTEN ? INJECT_DIRTY_WRITTEN
                                              : INJECT_DIRTY_HOT);
}

int dirty_attach(struct worker *worker, struct dpl_err *err)
{
    struct shared *shared = worker->shared;
    const struct dpl_dirty_events events = {.all = all_dirty, .point = at_point, .self = worker};
    struct dpl_dirty_io io = dpl_dirty_io_file(shared->dirty_fd);
    int code = dpl_dirty_attach(&worker->dirty, &shared->dirty, &io, &events, err);

    if (code == 0 && atomic_load(&shared->dirty.failed) != 0 &&
        atomic_load(&shared->dirty_told) == 0)
        all_dirty(worker, (enum dpl_dirty_reason)atomic_load(&shared->dirty.failed), false);
    return code;
}

/* From the first look at what is old and hot on, the op is under way. */
static bool enter(struct op *op)
{
    struct dpl_dirty *log = &op->worker->dirty;

    if (!dpl_dirty_wants(log))
        return false;
    if (!op->dirty_entered)
        op->dirty_section = dpl_dirty_enter(log);
    op->dirty_entered = true;
    return true;
}

/* Whether changes of this object are to be named: it is in the set, and older than the mark. */
static bool is_old(struct op *op, uint32_t index)
{
    int64_t btime_ns = op_node(op, index)->btime_ns;

    if (!border_inside(&op->worker->border, index) || !enter(op))
        return false;
    return btime_ns == 0 || btime_ns < dpl_dirty_born_ns(&op->worker->dirty);
}

void dirty_leave(struct op *op)
{
    if (op->dirty_entered)
        dpl_dirty_leave(&op->worker->dirty, op->dirty_section);
    op->dirty_entered = false;
}

/* Extents first to last of the object, or, where these are many, all of it. */
static void name_extents(struct op *op, const struct dpl_oid *oid, uint64_t first, uint64_t last)
{
    struct dpl_dirty *log = &op->worker->dirty;
    struct dpl_dirty_key keys[DPL_DIRTY_ADD_MAX];
    bool whole = last - first >= DPL_DIRTY_ADD_MAX;
    size_t cold = 0;

    for (uint64_t at = first; at <= (whole ? first : last); at++) {
        dpl_dirty_key_make(&keys[cold], oid->bytes, oid->size, whole ? DPL_DIRTY_WHOLE : at);
        cold += !dpl_dirty_hot(log, &keys[cold]);
    }
    if (cold == 0)
        return;
    pool_step_down(op->thread);
    dpl_dirty_add(log, keys, cold);
}

static void name_range(struct op *op, uint32_t index, uint64_t from, uint64_t to)
{
    const struct node *node = op_node(op, index);
    struct dpl_oid oid;

    if (from >= to)
        return;
    dpl_oid_make(&oid, node->handle_type, 0, node->handle, node->handle_bytes, NULL);
    name_extents(op, &oid, from >> DPL_DIRTY_EXTENT_SHIFT, (to - 1) >> DPL_DIRTY_EXTENT_SHIFT);
}

/* False: the size cannot be had, and the whole object was named. */
static bool size_of(struct op *op, uint32_t index, int fd, uint64_t *size)
{
    struct statx stx;

    if (stat_fd(fd, &stx) != 0) {
        name_range(op, index, 0, INT64_MAX);
        return false;
    }
    *size = stx.stx_size;
    return true;
}

/* What lies between the old end and the offset becomes a hole: that is a change too. */
void dirty_write(struct op *op, uint32_t index, int fd, uint64_t offset, uint64_t length,
                 bool append)
{
    uint64_t size;

    if (length == 0 || !is_old(op, index) || !size_of(op, index, fd, &size))
        return;
    if (append)
        offset = size;
    name_range(op, index, size < offset ? size : offset, offset + length);
}

void dirty_truncate(struct op *op, uint32_t index, int fd, uint64_t size)
{
    uint64_t old;

    if (is_old(op, index) && size_of(op, index, fd, &old))
        name_range(op, index, old < size ? old : size, old < size ? size : old);
}

void dirty_fallocate(struct op *op, uint32_t index, int fd, uint32_t mode, uint64_t offset,
                     uint64_t length)
{
    const uint32_t known = FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE;
    uint64_t from = offset, to = offset + length, size;

    if (mode == FALLOC_FL_KEEP_SIZE || !is_old(op, index) || !size_of(op, index, fd, &size))
        return;
    if ((mode & ~known) != 0)
        from = 0, to = INT64_MAX;
    else if (mode == 0)
        from = size; /* what is there stays; a hole that gets blocks reads as before */
    else if ((mode & FALLOC_FL_KEEP_SIZE) != 0)
        to = to < size ? to : size;
    else if (size < from)
        from = size;
    name_range(op, index, from, to);
}

void dirty_whole(struct op *op, const struct node_handle *handle)
{
    struct dpl_oid oid;

    if (!enter(op))
        return;
    dpl_oid_make(&oid, handle->type, 0, handle->bytes, handle->size, NULL);
    name_extents(op, &oid, 0, INT64_MAX >> DPL_DIRTY_EXTENT_SHIFT);
}

void dirty_node(struct op *op, uint32_t index)
{
    const struct node *node = op_node(op, index);
    struct node_handle handle = {.type = node->handle_type, .size = node->handle_bytes};

    memcpy(handle.bytes, node->handle, node->handle_bytes);
    if (S_ISREG(node->mode))
        dirty_whole(op, &handle);
}

void dirty_bypassed(struct worker *worker, const struct dpl_oid *oid)
{
    struct dpl_dirty *log = &worker->dirty;
    struct dpl_dirty_key key;
    unsigned section;

    if (!dpl_dirty_wants(log))
        return;
    section = dpl_dirty_enter(log);
    if (oid == NULL || dpl_dirty_key_make(&key, oid->bytes, oid->size, DPL_DIRTY_WHOLE) != 0)
        dpl_dirty_add_all(log, DPL_DIRTY_BYPASS);
    else if (!dpl_dirty_hot(log, &key))
        dpl_dirty_add(log, &key, 1);
    dpl_dirty_leave(log, section);
}
