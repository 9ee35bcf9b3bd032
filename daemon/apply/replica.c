/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/apply/replica.h"

#include "daemon/apply/replica-private.h"
#include "lib/proto/message.h"

#include <stdlib.h>
#include <string.h>

int dpl_replica_find_epoch(const struct dpl_replica *r, uint64_t number)
{
    for (unsigned i = 0; i < r->state.count; i++)
        if (r->state.epochs[i].epoch.number == number)
            return (int)i;
    return -1;
}

uint64_t dpl_replica_epoch_end(const struct dpl_replica *r, unsigned index)
{
    const struct dpl_replica_epoch *e = &r->state.epochs[index];
    return e->ended || index + 1 < r->state.count ? e->end : r->queue.durable;
}

void dpl_replica_reader_close(struct dpl_replica *r)
{
    g_clear_pointer(&r->reader, dpl_journal_close);
    r->has_record = false;
}

int dpl_replica_save(struct dpl_replica *r, struct dpl_err *err)
{
    dpl_checkpoint_hold(r);
    return dpl_replica_state_save(&r->state, r->options.dir_fd, r->options.io, err);
}

void dpl_replica_need_mirror(struct dpl_replica *r, uint32_t reason)
{
    dpl_replica_mirror_void(r);
    if (r->state.flags & DPL_REPLICA_NEEDS_MIRROR)
        return;
    r->state.flags |= DPL_REPLICA_NEEDS_MIRROR;
    r->state.reason = reason;
}

/* Receiving. */

/* An epoch that came before the last one is an old owner's, and one of another file system is of
 * another disk: what they have may not come over what the replica has unless somebody wants it. */
static uint32_t judge_owner(const struct dpl_replica *r, const struct dpl_epoch *last,
                            const struct dpl_epoch *epoch)
{
    static const uint8_t none[16];
    for (unsigned i = 0; i + 1 < r->state.count; i++)
        if (memcmp(r->state.epochs[i].epoch.id, epoch->id, 16) == 0)
            return DPL_COMPARE_OLDER;
    return memcmp(last->fs_uuid, epoch->fs_uuid, 16) != 0 && memcmp(last->fs_uuid, none, 16) != 0 &&
                   memcmp(epoch->fs_uuid, none, 16) != 0
               ? DPL_COMPARE_DISK
               : 0;
}

/* Whether this is the epoch that is open, or its child, at the position that is held; else why not.
 */
static uint32_t judge(struct dpl_replica *r, const struct dpl_epoch *epoch, uint64_t lsn,
                      uint32_t chain, bool *child)
{
    const struct dpl_replica_epoch *last = dpl_replica_state_last(&r->state);
    *child = false;
    if (!last)
        return DPL_COMPARE_NEW;
    uint32_t owner = judge_owner(r, &last->epoch, epoch);
    if (owner)
        return owner;
    if (last->ended == DPL_REPLICA_LEFT)
        return r->state.reason ? r->state.reason : DPL_COMPARE_LOST;
    if (last->epoch.number == epoch->number && memcmp(last->epoch.id, epoch->id, 16) == 0) {
        if (!dpl_queue_is_open(&r->queue))
            return DPL_COMPARE_LOST;
        if (lsn != r->queue.received)
            return DPL_COMPARE_GAP;
        return chain == r->queue.chain ? 0 : DPL_COMPARE_CHAIN;
    }
    if (memcmp(last->epoch.id, epoch->parent_id, 16) != 0 || epoch->number <= last->epoch.number)
        return DPL_COMPARE_EPOCH;
    if (last->ended != DPL_REPLICA_ENDED || last->end != r->queue.received)
        return DPL_COMPARE_UNENDED;
    *child = true;
    return lsn == 0 ? 0 : DPL_COMPARE_GAP;
}

/* Its records come behind all that is held. */
static int epoch_add(struct dpl_replica *r, const struct dpl_epoch *epoch, uint64_t lsn,
                     uint32_t chain, struct dpl_err *err)
{
    struct dpl_replica_epoch *e = dpl_replica_state_add(&r->state);
    *e = (struct dpl_replica_epoch){.epoch = *epoch, .begin = lsn, .begin_chain = chain};
    memcpy(e->epoch.set, r->state.set, sizeof r->state.set);
    r->state.flags &= ~(uint32_t)DPL_REPLICA_CLEAN;
    if (r->state.count == 1)
        r->applied = r->former = r->state.checkpoint = r->state.high_water =
            (struct dpl_position){epoch->number, lsn};
    int rc = dpl_replica_save(r, err);
    return rc < 0 ? rc : dpl_queue_begin(&r->queue, &e->epoch, lsn, chain, err);
}

/* An epoch whose number is not above all others: what is held is applied, and forgotten. */
static int forget_epochs(struct dpl_replica *r, uint64_t number, struct dpl_err *err)
{
    bool hasty = dpl_checkpoint_haste(r, true);
    int rc = dpl_replica_apply(r, INT64_MAX, err);
    if (rc >= 0)
        rc = dpl_replica_checkpoint(r, err);
    dpl_checkpoint_haste(r, hasty);
    struct dpl_segment_entry *list = NULL;
    ssize_t count = rc < 0 ? rc : dpl_segments_list(r->queue_fd, &list, err);
    for (ssize_t i = 0; i < count; i++)
        if (list[i].epoch != number)
            dpl_segments_remove(r->queue_fd, list[i].epoch, NULL);
    free(list);
    if (count < 0)
        return (int)count;
    r->state.count = 0;
    r->objects->former = (struct dpl_position){0};
    dpl_replica_reader_close(r);
    return 0;
}

int dpl_replica_begin(struct dpl_replica *r, const struct dpl_epoch *epoch, uint64_t lsn,
                      uint32_t chain, uint32_t reason, struct dpl_err *err)
{
    struct dpl_replica_epoch *last = dpl_replica_state_last(&r->state);
    int rc = dpl_replica_sync(r, err);
    if (rc < 0)
        return rc;
    dpl_checkpoint_finish(r); /* it trims the queue, which may get an epoch of the same number */
    if (reason) {
        dpl_replica_need_mirror(r, reason);
    } else { /* in one step with the epoch: what is durable says both or neither */
        r->state.flags &= ~(uint32_t)(DPL_REPLICA_NEEDS_MIRROR | DPL_REPLICA_LOST_MAP);
        r->state.reason = 0;
        dpl_wants_clear(&r->wants);
    }
    r->state.mirror = 0;
    r->state.mirror_kind = 0;
    r->state.mirror_end = (struct dpl_position){0};
    dpl_replica_mirror_void(r);
    r->mirroring = false;
    if (last && !last->ended) {
        last->ended = DPL_REPLICA_LEFT;
        last->end = r->queue.durable;
        last->end_chain = r->queue.durable_chain;
    }
    bool lower = last && last->epoch.number >= epoch->number;
    if (lower && (rc = forget_epochs(r, epoch->number, err)) < 0)
        return rc;
    rc = epoch_add(r, epoch, lsn, chain, err);
    return rc < 0 || !lower ? rc : dpl_replica_checkpoint(r, err);
}

int dpl_replica_offer(struct dpl_replica *r, const struct dpl_epoch *epoch, uint64_t lsn,
                      uint32_t chain, bool equal, uint32_t *reason_r, struct dpl_err *err)
{
    bool child;
    uint32_t reason = judge(r, epoch, lsn, chain, &child);
    *reason_r = reason;
    if (reason && !equal)
        return 0;
    int rc = 0;
    if (reason) {
        rc = dpl_replica_begin(r, epoch, lsn, chain, 0, err);
    } else if (child) {
        rc = epoch_add(r, epoch, lsn, chain, err);
    }
    return rc < 0 ? rc : 1;
}

ssize_t dpl_replica_put(struct dpl_replica *r, uint64_t epoch_tag, uint64_t lsn, uint32_t chain,
                        const void *bytes, size_t size, struct dpl_err *err)
{
    const struct dpl_replica_epoch *last = dpl_replica_state_last(&r->state);
    if (last && last->ended)
        return dpl_err_set(err, DPL_E_CORRUPT, "records came behind the end of their epoch");
    return dpl_queue_put(&r->queue, epoch_tag, lsn, chain, bytes, size, err);
}

int dpl_replica_sync(struct dpl_replica *r, struct dpl_err *err)
{
    int rc = dpl_queue_is_open(&r->queue) ? dpl_queue_sync(&r->queue, err) : 0;
    if (rc == 0 && r->reader && r->applied.epoch == r->queue.epoch.number)
        dpl_journal_limit(r->reader, r->queue.durable);
    return rc;
}

int dpl_replica_ended(struct dpl_replica *r, uint64_t epoch_tag, uint64_t lsn, bool clean,
                      struct dpl_err *err)
{
    struct dpl_replica_epoch *last = dpl_replica_state_last(&r->state);
    if (!last || !dpl_queue_is_open(&r->queue) || dpl_epoch_tag(&last->epoch) != epoch_tag ||
        lsn != r->queue.received)
        return dpl_err_set(err, DPL_E_CORRUPT, "the journal is said to have ended elsewhere");
    int rc = dpl_replica_sync(r, err);
    if (rc < 0 || last->ended)
        return rc;
    last->ended = clean ? DPL_REPLICA_ENDED : DPL_REPLICA_LEFT;
    last->end = lsn;
    last->end_chain = r->queue.chain;
    if (!clean)
        dpl_replica_need_mirror(r, DPL_COMPARE_ENDED);
    struct dpl_err why = {0};
    rc = dpl_replica_save(r, &why);
    /* All of it is here. Until the next save a crash forgets the end, and it is told again. */
    if (clean && rc == DPL_E_NO_SPACE)
        return 0;
    if (rc < 0 && err)
        *err = why;
    return rc;
}

void dpl_replica_synced(struct dpl_replica *r, uint64_t epoch_tag, uint64_t lsn)
{
    const struct dpl_replica_epoch *last = dpl_replica_state_last(&r->state);
    if (!last || dpl_epoch_tag(&last->epoch) != epoch_tag)
        return;
    struct dpl_position synced = {last->epoch.number, lsn};
    if (dpl_position_below(r->state.synced, synced))
        r->state.synced = synced;
}

/* Standing. */

int dpl_replica_pause(struct dpl_replica *r, bool paused, struct dpl_err *err)
{
    uint32_t flags = paused ? r->state.flags | DPL_REPLICA_PAUSED
                            : r->state.flags & ~(uint32_t)DPL_REPLICA_PAUSED;
    if (flags == r->state.flags)
        return 0;
    r->state.flags = flags;
    return dpl_replica_save(r, err);
}

void dpl_replica_retry(struct dpl_replica *r)
{
    r->failed = (struct dpl_err){0};
}

const char *dpl_replica_failed(const struct dpl_replica *r)
{
    return r->failed.code ? r->failed.text : NULL;
}

const struct dpl_wants *dpl_replica_wants(const struct dpl_replica *r)
{
    return &r->wants;
}

uint64_t dpl_replica_room(const struct dpl_replica *r)
{
    return dpl_queue_room(&r->queue);
}

static uint64_t queue_bytes(const struct dpl_replica *r)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < r->state.count; i++) {
        const struct dpl_replica_epoch *e = &r->state.epochs[i];
        if (e->epoch.number < r->applied.epoch)
            continue;
        uint64_t end = e->ended ? e->end : r->queue.received;
        uint64_t from = e->epoch.number == r->applied.epoch ? r->applied.lsn : e->begin;
        sum += end > from ? end - from : 0;
    }
    return sum;
}

void dpl_replica_status(const struct dpl_replica *r, struct dpl_replica_status *status)
{
    const struct dpl_replica_state *s = &r->state;
    const struct dpl_replica_epoch *last = s->count > 0 ? &s->epochs[s->count - 1] : NULL;
    bool again = dpl_position_below(r->applied, r->former);
    *status = (struct dpl_replica_status){
        .replica = s->replica,
        .open = dpl_queue_is_open(&r->queue),
        .epoch = last ? last->epoch : (struct dpl_epoch){0},
        .received = r->queue.received,
        .durable = r->queue.durable,
        .durable_chain = r->queue.durable_chain,
        .applied = r->applied,
        .checkpoint = s->checkpoint,
        .high_water = r->former,
        .queue_bytes = queue_bytes(r),
        .time_ns = r->time_ns,
        .ops = r->ops,
        .op_bytes = r->op_bytes,
        .reason = s->flags & DPL_REPLICA_NEEDS_MIRROR ? s->reason : 0,
        .wanted = dpl_wants_count(&r->wants),
        .mirror = r->mirroring || s->mirror_end.epoch ? s->mirror : 0,
        .paused = s->flags & DPL_REPLICA_PAUSED,
        .again = again,
        .ended = last && last->ended,
        .saved = !again && r->since_bytes == 0 && r->checkpoint.step != DPL_CHECKPOINT_DATA &&
                 !r->unsynced.code,
        .failed = r->failed.code,
    };
    /* One that was given up is not opened again; what it has is known. */
    if (last && !status->open && status->ended) {
        status->received = status->durable = last->end;
        status->durable_chain = last->end_chain;
    }
    status->consistent =
        last && !again && !status->reason && !s->mirror && status->wanted == 0 && !r->failed.code;
}
