/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a mirror means for the replica as a whole: from when to when it is not consistent, durably.
 */
#include "daemon/apply/replica-private.h"
#include "lib/proto/message.h"

int dpl_replica_mirror_begin(struct dpl_replica *r, uint64_t id, uint32_t kind, struct dpl_err *err)
{
    r->state.flags |= DPL_REPLICA_NEEDS_MIRROR;
    r->state.flags &= ~(uint32_t)DPL_REPLICA_CLEAN;
    r->state.reason = DPL_COMPARE_UNFINISHED;
    r->state.mirror = id;
    r->state.mirror_kind = kind;
    r->state.mirror_end = (struct dpl_position){0};
    int rc = dpl_replica_save(r, err);
    if (rc < 0)
        return rc;
    /* All that is asked for comes with it. What is asked for from here on is not. */
    dpl_wants_clear(&r->wants);
    r->mirroring = true;
    return 0;
}

int dpl_replica_mirror_end(struct dpl_replica *r, struct dpl_position end, struct dpl_err *err)
{
    r->mirroring = false;
    int rc = dpl_replica_checkpoint(r, err);
    if (rc < 0)
        return rc;
    r->state.flags &= ~(uint32_t)(DPL_REPLICA_NEEDS_MIRROR | DPL_REPLICA_LOST_MAP);
    r->state.reason = 0;
    r->state.mirror_end = end;
    dpl_replica_mirror_settle(r, r->state.checkpoint);
    return dpl_replica_save(r, err);
}

void dpl_replica_mirror_left(struct dpl_replica *r)
{
    r->mirroring = false;
}

void dpl_replica_mirror_settle(struct dpl_replica *r, struct dpl_position checkpoint)
{
    if (r->state.mirror == 0 || r->state.mirror_end.epoch == 0 ||
        dpl_position_below(checkpoint, r->state.mirror_end))
        return;
    r->state.mirror = 0;
    r->state.mirror_kind = 0;
    r->state.mirror_end = (struct dpl_position){0};
}

void dpl_replica_changed(struct dpl_replica *r, uint64_t bytes)
{
    if (r->since_bytes == 0)
        r->checkpoint_ns = dpl_clock_now_ns(r->options.clock);
    r->since_bytes += bytes;
}

void dpl_replica_follow(struct dpl_replica *r,
                        void (*applied)(void *self, const struct dpl_record *record), void *self)
{
    r->on_record = applied;
    r->on_record_self = self;
}

struct dpl_apply *dpl_replica_applier(struct dpl_replica *r)
{
    return r->apply;
}
