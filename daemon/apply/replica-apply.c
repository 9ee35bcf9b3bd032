/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Applying the queue.
 */
#include "daemon/apply/replica-private.h"

#include <string.h>

enum { BURST_SHARE = 16 }; /* of what makes a checkpoint due at once */

int dpl_replica_stop(struct dpl_replica *r, struct dpl_err *err)
{
    int rc = dpl_replica_sync(r, err);
    if (rc == 0)
        rc = dpl_replica_checkpoint(r, err);
    if (rc < 0 || r->failed.code || dpl_position_below(r->applied, r->former) ||
        (dpl_queue_is_open(&r->queue) && r->applied.lsn != r->queue.received))
        return rc;
    r->state.flags |= DPL_REPLICA_CLEAN;
    return dpl_replica_save(r, err);
}

int dpl_replica_settle(struct dpl_replica *r, struct dpl_err *err)
{
    r->objects->former = (struct dpl_position){0};
    ssize_t n = dpl_apply_settle(r->apply, err);
    return n < 0 ? (int)n : 0;
}

static void want(struct dpl_replica *r, struct dpl_view id, uint32_t reason)
{
    bool needs = r->state.flags & DPL_REPLICA_NEEDS_MIRROR;
    if (r->wanted_again)
        g_hash_table_add(r->wanted_again, g_bytes_new(id.data, id.size));
    /* What is not here comes with the mirror that runs, or is needed. What is here may have the
     * size and the times of the source's, and yet not its content: that a mirror has to know. */
    if (reason == DPL_WANTED_UNKNOWN && (r->mirroring || needs))
        return;
    dpl_wants_add(&r->wants, id, reason, r->objects->now);
    if (needs && !r->mirroring)
        dpl_replica_mirror_void(r); /* it may have been compared already */
}

static void want_all(struct dpl_replica *r, const struct dpl_record *record, uint32_t reason)
{
    const struct dpl_view none = {(const uint8_t *)"", 0};
    const struct {
        uint32_t bit;
        struct dpl_view id;
    } ids[] = {{DPL_F_OBJECT, record->object},
               {DPL_F_OBJECT2, record->object2},
               {DPL_F_PARENT, record->parent},
               {DPL_F_PARENT2, record->parent2},
               {DPL_F_WHITEOUT, record->whiteout}};
    bool any = false;
    for (size_t i = 0; i < G_N_ELEMENTS(ids); i++) {
        if (record->has & ids[i].bit)
            want(r, ids[i].id, reason);
        any |= record->has & ids[i].bit;
    }
    if (!any)
        want(r, none, reason);
}

static bool is_missing(const struct dpl_replica *r, struct dpl_view id)
{
    const struct dpl_view *missing;
    for (unsigned i = 0, n = dpl_apply_missing(r->apply, &missing); i < n; i++)
        if (missing[i].size == id.size && memcmp(missing[i].data, id.data, id.size) == 0)
            return true;
    return false;
}

/* A name that could not be given, for its object is not here: who brings the object need not know
 * this name of it, its directory does. */
static void want_places(struct dpl_replica *r, const struct dpl_record *record)
{
    bool moved = record->type == DPL_R_RENAME;
    bool exchanged = moved && (record->flags & DPL_RF_EXCHANGE);
    if (moved && is_missing(r, record->object))
        want(r, record->parent2, DPL_WANTED_UNKNOWN);
    if (record->type == DPL_R_LINK && is_missing(r, record->object))
        want(r, record->parent, DPL_WANTED_UNKNOWN);
    if (exchanged && (record->has & DPL_F_OBJECT2) && is_missing(r, record->object2))
        want(r, record->parent, DPL_WANTED_UNKNOWN);
}

/* What the result means for the list of objects that are asked for. */
static void note(struct dpl_replica *r, const struct dpl_record *record, int result)
{
    const struct dpl_view *missing;
    r->objects->now.lsn = record->lsn;
    /* What it copied may not have come yet. */
    if (record->type == DPL_R_COPY && (r->state.flags & DPL_REPLICA_NEEDS_MIRROR))
        dpl_replica_mirror_void(r);
    /* Nor is it known what it was copied from. */
    if (record->type == DPL_R_COPY && dpl_wants_has(&r->wants, record->object2))
        want(r, record->object, DPL_WANTED_FAILED);
    switch (result) {
    case DPL_APPLY_UNKNOWN:
        for (unsigned i = 0, n = dpl_apply_missing(r->apply, &missing); i < n; i++)
            want(r, missing[i], DPL_WANTED_UNKNOWN);
        want_places(r, record);
        if (record->type == DPL_R_COPY)
            want(r, record->object, DPL_WANTED_FAILED);
        break;
    case DPL_APPLY_ASK:
        want_all(r, record,
                 record->outcome == DPL_OUTCOME_UNKNOWN ? DPL_WANTED_OUTCOME : record->number);
        break;
    default:
        break;
    }
    if (record->outcome == DPL_OUTCOME_OK &&
        (record->type == DPL_R_DROP || record->type == DPL_R_ENTER))
        dpl_wants_remove(&r->wants, record->object);
}

/* An error of the disk, or of this record? */
static bool is_ours(const struct dpl_err *err)
{
    return err->code == DPL_E_NO_SPACE || err->code == DPL_E_IO || err->code == DPL_E_NO_MEMORY ||
           err->sys_errno == EROFS || err->sys_errno == EIO || err->sys_errno == EMFILE ||
           err->sys_errno == ENFILE || err->sys_errno == EUCLEAN;
}

static int apply_one(struct dpl_replica *r, const struct dpl_record *record, struct dpl_err *err)
{
    struct dpl_err why = {0};
    int rc = dpl_apply_record(r->apply, r->applied.epoch, record, &why);
    /* A root that has no place is a matter of the configuration, for all that is beneath it. */
    if (rc < 0 && (is_ours(&why) || record->type == DPL_R_ROOT)) {
        if (err)
            *err = why;
        r->failed = why;
        return rc;
    }
    if (rc < 0)
        want_all(r, record, DPL_WANTED_FAILED);
    else
        note(r, record, rc);
    if (r->on_record && record->outcome == DPL_OUTCOME_OK)
        r->on_record(r->on_record_self, record);
    r->ops++;
    if (record->time_ns > 0)
        r->time_ns = record->time_ns;
    return 0;
}

/* The reader stands where applying goes on. 1: it does; 0: nothing is there to be applied. */
static int reader_ready(struct dpl_replica *r, struct dpl_err *err)
{
    int index = dpl_replica_find_epoch(r, r->applied.epoch);
    if (index < 0)
        return 0;
    uint64_t end = dpl_replica_epoch_end(r, (unsigned)index);
    if (r->applied.lsn >= end) {
        if ((unsigned)index + 1 >= r->state.count)
            return 0;
        dpl_replica_reader_close(r);
        r->applied = (struct dpl_position){r->state.epochs[index + 1].epoch.number,
                                           r->state.epochs[index + 1].begin};
        return reader_ready(r, err);
    }
    if (!r->reader) {
        int rc = dpl_journal_open(&r->reader, r->queue_fd, r->applied.epoch, r->applied.lsn, err);
        if (rc < 0)
            return rc;
    }
    dpl_journal_limit(r->reader, end);
    return 1;
}

/* Nothing more is applied before there is a checkpoint right here. */
static int checkpoint_here(struct dpl_replica *r, struct dpl_err *err)
{
    r->stands = dpl_checkpoint_is_helped(r);
    return r->stands ? 0 : dpl_replica_checkpoint(r, err);
}

/* 1: applying may go on; 0: not yet. */
static int stand(struct dpl_replica *r, struct dpl_err *err)
{
    if (r->stands && r->checkpoint.step == DPL_CHECKPOINT_NONE && r->since_bytes > 0) {
        r->hurry = true;
        int rc = dpl_checkpoint_if_due(r, err);
        if (rc < 0)
            return rc;
    }
    r->stands &= r->since_bytes > 0 || r->checkpoint.step == DPL_CHECKPOINT_DATA;
    return !r->stands;
}

/* The record behind this position has been applied whole. */
static int advance(struct dpl_replica *r, uint64_t lsn, struct dpl_err *err)
{
    bool again = dpl_position_below(r->applied, r->former);
    if (r->since_bytes == 0)
        r->checkpoint_ns = dpl_clock_now_ns(r->options.clock);
    r->since_bytes += lsn - r->applied.lsn;
    r->op_bytes += lsn - r->applied.lsn;
    r->applied.lsn = lsn;
    int rc = dpl_apply_wants_checkpoint(r->apply) ? checkpoint_here(r, err) : 0;
    if (rc == 0 && again && !dpl_position_below(r->applied, r->former)) {
        rc = dpl_replica_settle(r, err);
        if (rc == 0)
            rc = checkpoint_here(r, err);
    }
    return rc;
}

/* An op of an epoch that was given up, whose outcome was in the part that never came: the mirror
 * that follows tells what became of it, and of all behind it. */
static int skip_open(struct dpl_replica *r, struct dpl_err *err)
{
    int index = dpl_replica_find_epoch(r, r->applied.epoch);
    if (index < 0 || r->state.epochs[index].ended != DPL_REPLICA_LEFT)
        return 0;
    dpl_replica_reader_close(r);
    int rc = advance(r, r->state.epochs[index].end, err);
    return rc < 0 ? rc : 1;
}

/* One record. 1: applied; 0: there is none now. */
static int step(struct dpl_replica *r, struct dpl_err *err)
{
    int rc = r->has_record ? DPL_NEXT_RECORD : dpl_journal_next(r->reader, &r->record, err);
    if (rc == DPL_NEXT_END || rc == DPL_NEXT_OPEN) {
        /* Records that say nothing of their own may stand before the end. */
        uint64_t lsn = dpl_journal_lsn(r->reader);
        if (rc == DPL_NEXT_END && lsn > r->applied.lsn)
            return advance(r, lsn, err);
        return rc == DPL_NEXT_OPEN ? skip_open(r, err) : 0;
    }
    if (rc > 0 && rc != DPL_NEXT_RECORD)
        rc = DPL_E_CORRUPT;
    /* The applier wants one in front of it. */
    if (rc == DPL_NEXT_RECORD && r->record.type == DPL_R_COPY && dpl_checkpoint_is_helped(r) &&
        (r->since_bytes > 0 || r->checkpoint.step == DPL_CHECKPOINT_DATA)) {
        r->has_record = r->stands = true;
        return 1;
    }
    r->has_record = false;
    if (rc == DPL_NEXT_RECORD)
        rc = apply_one(r, &r->record, err);
    if (rc < 0) {
        /* It comes again: the reader goes back to it. */
        dpl_replica_reader_close(r);
        return rc;
    }
    rc = advance(r, dpl_journal_lsn(r->reader), err);
    return rc < 0 ? rc : 1;
}

static int run(struct dpl_replica *r, struct dpl_position stop, int64_t deadline_ns,
               struct dpl_err *err)
{
    int rc = dpl_checkpoint_if_due(r, err);
    if (rc < 0 || (r->state.flags & DPL_REPLICA_PAUSED))
        return rc;
    while ((rc = stand(r, err)) > 0 && (rc = reader_ready(r, err)) > 0) {
        if (!dpl_position_below(r->applied, stop))
            return 0;
        rc = step(r, err);
        if (rc <= 0)
            break;
        if (r->since_bytes >= r->options.checkpoint_bytes &&
            (rc = dpl_checkpoint_if_due(r, err)) < 0)
            break;
        if (dpl_clock_now_ns(r->options.clock) >= deadline_ns)
            return 1;
    }
    /* Behind a burst, when there is nothing else to do: the disk has time now. */
    if (rc == 0 && dpl_checkpoint_is_helped(r) &&
        r->since_bytes >= r->options.checkpoint_bytes / BURST_SHARE) {
        r->hurry = true;
        rc = dpl_checkpoint_if_due(r, err);
    }
    return rc;
}

int dpl_replica_apply(struct dpl_replica *r, int64_t deadline_ns, struct dpl_err *err)
{
    const struct dpl_position end = {UINT64_MAX, UINT64_MAX};
    return dpl_replica_apply_to(r, end, deadline_ns, err);
}

int dpl_replica_apply_to(struct dpl_replica *r, struct dpl_position end, int64_t deadline_ns,
                         struct dpl_err *err)
{
    struct dpl_err why = r->unsynced;
    if (r->failed.code)
        return 0;
    int rc = why.code ? why.code : run(r, end, deadline_ns, &why);
    if (rc >= 0)
        return rc;
    if (!r->failed.code) {
        r->failed = why;
        r->failed.code = rc;
    }
    if (err)
        *err = r->failed;
    return rc;
}
