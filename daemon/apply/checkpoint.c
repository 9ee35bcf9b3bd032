/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Checkpoints, in steps: what changes the replica is done between two records by who owns it, what
 * waits for the disk may be done by a helper meanwhile.
 *
 *   begin     the map's changes are written; the position is what has been applied until now
 *   DATA      (helper) syncfs; the map's checkpoint entry, and its fdatasync
 *             positions and the map's size become the state's
 *   STATE     (helper) the state is replaced; the queue trimmed
 *
 * From the end of DATA on a restart begins there, whatever becomes of STATE. A syncfs that failed
 * may have left behind pages that look clean and never reached the disk: no later one is believed,
 * until the replica is opened again and has applied everything since the last checkpoint anew.
 */
#include "daemon/apply/replica-private.h"

#include <errno.h>

/* The steps of the helper. They touch the struct alone. */

static int run_data(struct dpl_checkpoint *c)
{
    /* A root that went would take the descriptors of its file system with it: they are not ours. */
    if (c->io->sync_all(c->io->self, c->objects_fd) < 0) {
        c->unsynced = true;
        return dpl_err_sys(&c->why, errno, "sync the replica");
    }
    return dpl_map_save_commit(&c->saving, &c->why);
}

/* What is below the checkpoint, and below what the source has on its disk, is not needed again. */
static int trim(const struct dpl_checkpoint *c, struct dpl_err *err)
{
    struct dpl_position keep = c->state.checkpoint;
    if (dpl_position_below(c->state.synced, keep))
        keep = c->state.synced;
    ssize_t rc = 0;
    for (unsigned i = 0; i < c->state.count && rc >= 0; i++) {
        uint64_t number = c->state.epochs[i].epoch.number;
        if (number < keep.epoch)
            rc = dpl_segments_remove(c->queue_fd, number, err);
        else if (number == keep.epoch)
            rc = dpl_segments_trim(c->queue_fd, number, keep.lsn, err);
    }
    return rc < 0 ? (int)rc : 0;
}

static int run_state(struct dpl_checkpoint *c)
{
    int rc = dpl_replica_state_save(&c->state, c->dir_fd, c->io, &c->why);
    return rc < 0 ? rc : trim(c, &c->why);
}

void dpl_checkpoint_run(struct dpl_checkpoint *c)
{
    c->rc = c->step == DPL_CHECKPOINT_DATA ? run_data(c) : run_state(c);
}

/* The steps of the owner. */

bool dpl_checkpoint_is_helped(const struct dpl_replica *r)
{
    return r->options.helper && !r->checkpoint.hasty;
}

static void tell(const struct dpl_replica *r, enum dpl_checkpoint_news news)
{
    if (r->on_checkpoint)
        r->on_checkpoint(r->on_checkpoint_self, news);
}

static void start(struct dpl_replica *r, enum dpl_checkpoint_step step)
{
    const struct dpl_replica_helper *helper = r->options.helper;
    r->checkpoint.step = step;
    r->checkpoint.why = (struct dpl_err){0};
    r->checkpoint.rc = dpl_err_set(&r->checkpoint.why, DPL_E_INTERRUPTED, "nobody did it");
    r->checkpoint.done = false;
    r->checkpoint.helped = dpl_checkpoint_is_helped(r);
    if (r->checkpoint.helped)
        helper->start(helper->self, &r->checkpoint);
}

static int begin(struct dpl_replica *r, struct dpl_position position, struct dpl_err *err)
{
    struct dpl_checkpoint *c = &r->checkpoint;
    if (r->unsynced.code) {
        if (err)
            *err = r->unsynced;
        return r->unsynced.code;
    }
    int rc = dpl_map_save_begin(&r->map, r->objects, &r->wants, position, &c->saving, err);
    if (rc < 0)
        return rc;
    r->state.flags &= ~(uint32_t)DPL_REPLICA_CLEAN;
    r->begun_bytes = r->since_bytes;
    r->since_bytes = 0;
    c->io = r->options.io;
    c->dir_fd = r->options.dir_fd;
    c->queue_fd = r->queue_fd;
    c->objects_fd = r->objects_fd;
    tell(r, DPL_CHECKPOINT_BEGINS);
    start(r, DPL_CHECKPOINT_DATA);
    return 0;
}

static int failed(struct dpl_replica *r, struct dpl_err *err)
{
    struct dpl_checkpoint *c = &r->checkpoint;
    if (c->unsynced && !r->unsynced.code) {
        r->unsynced = c->why;
        r->unsynced.code = c->rc;
        dpl_err_context(&r->unsynced, "what was applied since the last checkpoint is not known to "
                                      "be on the disk until the replica is opened again");
        c->why = r->unsynced;
    }
    tell(r, DPL_CHECKPOINT_FAILED);
    c->step = DPL_CHECKPOINT_NONE;
    r->since_bytes += r->begun_bytes;
    if (err)
        *err = c->why;
    return c->rc;
}

/* A step has been done. 1: the next one was started; 0: that was the last. */
static int step_done(struct dpl_replica *r, struct dpl_err *err)
{
    struct dpl_checkpoint *c = &r->checkpoint;
    if (c->step == DPL_CHECKPOINT_DATA)
        dpl_map_save_end(&r->map, &c->saving, c->rc);
    if (c->rc < 0)
        return failed(r, err);
    if (c->step == DPL_CHECKPOINT_STATE) {
        c->step = DPL_CHECKPOINT_NONE;
        return 0;
    }
    r->state.checkpoint = c->saving.checkpoint;
    r->state.map_generation = r->map.generation;
    r->state.map_bytes = r->map.bytes;
    if (dpl_position_below(r->state.high_water, r->state.checkpoint))
        r->state.high_water = r->state.checkpoint;
    dpl_replica_mirror_settle(r, r->state.checkpoint);
    tell(r, DPL_CHECKPOINT_MADE);
    c->state = r->state;
    start(r, DPL_CHECKPOINT_STATE);
    return 1;
}

/* The step that was started has been done when this returns. */
static void wait_for_step(struct dpl_replica *r)
{
    const struct dpl_replica_helper *helper = r->options.helper;
    if (r->checkpoint.done)
        return;
    if (r->checkpoint.helped)
        helper->wait(helper->self);
    else
        dpl_checkpoint_run(&r->checkpoint);
    r->checkpoint.done = true;
}

int dpl_replica_helped(struct dpl_replica *r, struct dpl_err *err)
{
    struct dpl_err why = {0};
    if (r->checkpoint.step == DPL_CHECKPOINT_NONE)
        return 0;
    wait_for_step(r);
    int rc = step_done(r, &why);
    if (rc >= 0)
        return 0;
    r->failed = why;
    r->failed.code = rc;
    if (err)
        *err = r->failed;
    return rc;
}

/* Until no checkpoint is under way. */
static int finish(struct dpl_replica *r, struct dpl_err *err)
{
    int rc = 0;
    while (r->checkpoint.step != DPL_CHECKPOINT_NONE) {
        wait_for_step(r);
        rc = step_done(r, err);
    }
    return rc < 0 ? rc : 0;
}

void dpl_checkpoint_hold(struct dpl_replica *r)
{
    if (r->checkpoint.step == DPL_CHECKPOINT_STATE)
        wait_for_step(r);
}

void dpl_checkpoint_finish(struct dpl_replica *r)
{
    (void)finish(r, NULL);
}

void dpl_checkpoint_abandon(struct dpl_replica *r)
{
    struct dpl_checkpoint *c = &r->checkpoint;
    if (c->step == DPL_CHECKPOINT_NONE)
        return;
    if (c->helped && !c->done)
        r->options.helper->wait(r->options.helper->self);
    if (c->step == DPL_CHECKPOINT_DATA)
        dpl_map_save_end(&r->map, &c->saving, c->rc);
    c->step = DPL_CHECKPOINT_NONE;
}

int dpl_checkpoint_at(struct dpl_replica *r, struct dpl_position position, struct dpl_err *err)
{
    /* What becomes of an earlier one does not matter: this one is about more. */
    bool hasty = dpl_checkpoint_haste(r, true);
    int rc = begin(r, position, err);
    if (rc == 0)
        rc = finish(r, err);
    dpl_checkpoint_haste(r, hasty);
    return rc;
}

bool dpl_checkpoint_haste(struct dpl_replica *r, bool hasty)
{
    bool before = r->checkpoint.hasty;
    dpl_checkpoint_finish(r);
    r->checkpoint.hasty = hasty;
    return before;
}

int dpl_replica_barrier(void *self, uint64_t epoch, uint64_t lsn, struct dpl_err *err)
{
    struct dpl_replica *r = self;
    /* Applying stood until there was one. */
    if (dpl_checkpoint_is_helped(r) && r->since_bytes == 0 &&
        r->checkpoint.step != DPL_CHECKPOINT_DATA)
        return 0;
    return dpl_checkpoint_at(self, (struct dpl_position){epoch, lsn}, err);
}

int dpl_replica_checkpoint(struct dpl_replica *r, struct dpl_err *err)
{
    return dpl_checkpoint_at(r, r->applied, err);
}

void dpl_replica_hurry(struct dpl_replica *r)
{
    if (r->since_bytes > 0)
        r->hurry = true;
}

int64_t dpl_replica_due_ns(const struct dpl_replica *r)
{
    if (r->since_bytes == 0 || r->failed.code || r->checkpoint.step != DPL_CHECKPOINT_NONE)
        return INT64_MAX;
    if (r->hurry || r->since_bytes >= r->options.checkpoint_bytes)
        return 0;
    return r->checkpoint_ns + r->options.checkpoint_ms * 1000000;
}

int dpl_checkpoint_if_due(struct dpl_replica *r, struct dpl_err *err)
{
    int64_t due = dpl_replica_due_ns(r);
    if (due == INT64_MAX || (due > 0 && dpl_clock_now_ns(r->options.clock) < due))
        return 0;
    r->hurry = false;
    return dpl_checkpoint_is_helped(r) ? begin(r, r->applied, err) : dpl_replica_checkpoint(r, err);
}
