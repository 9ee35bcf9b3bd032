/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The mark, its candidate, and the generations between them; see log.h.
 */
#include "lib/dirty/log-private.h"

#include <inttypes.h>
#include <string.h>

static int cannot_write(struct dpl_dirty *log, struct dpl_err *err)
{
    dpl_dirty_fail(log, DPL_DIRTY_IO_ERROR);
    return dpl_err_set(err, DPL_E_IO, "the dirty log's header cannot be written");
}

static int open_candidate(struct dpl_dirty *log, int64_t time_ns, struct dpl_err *err)
{
    struct dpl_dirty_shared *shared = log->shared;
    struct dpl_dirty_state *next = dpl_dirty_change_begin(shared);
    dpl_dirty_fresh_sector(next);
    next->head.generation++;
    next->head.candidate = (struct dpl_dirty_point){
        .set = true, .time_ns = time_ns, .generation = next->head.generation, .sector = next->end};
    if (dpl_dirty_write_head(log, next) != 0)
        return cannot_write(log, err);
    dpl_dirty_change_end(shared);
    /* In this order: who sees the generation must see that nothing is hot, and what is old. */
    atomic_store(&shared->born_ns, time_ns);
    dpl_dirty_hot_clear(shared);
    atomic_store(&shared->generation, dpl_dirty_now(shared)->head.generation);
    return 0;
}

static int check_works(const struct dpl_dirty *log, struct dpl_err *err)
{
    if (atomic_load(&log->shared->open) == 0 || atomic_load(&log->shared->failed) != 0)
        return dpl_err_set(err, DPL_E_IO, "there is no dirty log that works");
    return 0;
}

int dpl_dirty_candidate_open(struct dpl_dirty *log, int64_t time_ns, struct dpl_err *err)
{
    dpl_dirty_take_role(log);
    int code = check_works(log, err);
    uint64_t generation = atomic_load(&log->shared->generation);
    /* The new generation counts its sections where that before this one did. */
    if (code == 0 && atomic_load(&log->sections[(generation + 1) & 1]) != 0)
        code = dpl_err_set(err, DPL_E_BUSY, "earlier changes are still under way");
    if (code == 0)
        code = open_candidate(log, time_ns, err);
    dpl_dirty_give_role(log);
    return code;
}

bool dpl_dirty_candidate_settled(const struct dpl_dirty *log)
{
    uint64_t generation = atomic_load(&log->shared->generation);
    return atomic_load(&log->sections[(generation + 1) & 1]) == 0;
}

int dpl_dirty_candidate_place(struct dpl_dirty *log, uint64_t epoch, uint64_t lsn,
                              struct dpl_err *err)
{
    dpl_dirty_take_role(log);
    int code = check_works(log, err);
    if (code == 0 && !dpl_dirty_now(log->shared)->head.candidate.set)
        code = dpl_err_set(err, DPL_E_NOT_FOUND, "no candidate of the mark is open");
    if (code == 0 && !dpl_dirty_candidate_settled(log))
        code = dpl_err_set(err, DPL_E_BUSY, "changes from before the candidate are under way");
    if (code == 0) {
        struct dpl_dirty_state *next = dpl_dirty_change_begin(log->shared);
        next->head.candidate.placed = true;
        next->head.candidate.epoch = epoch;
        next->head.candidate.lsn = lsn;
        if (dpl_dirty_write_head(log, next) != 0)
            code = cannot_write(log, err);
        else
            dpl_dirty_change_end(log->shared);
    }
    dpl_dirty_give_role(log);
    return code;
}

static int set_mark(struct dpl_dirty *log, struct dpl_err *err)
{
    struct dpl_dirty_shared *shared = log->shared;
    struct dpl_dirty_state *next = dpl_dirty_change_begin(shared);
    struct dpl_dirty_head *head = &next->head;
    head->kept_generation = head->candidate.generation;
    head->kept_sector = head->candidate.sector;
    head->mark = head->candidate;
    head->mark.generation = head->mark.sector = 0;
    head->candidate = (struct dpl_dirty_point){0};
    if (head->all_generation < head->kept_generation)
        head->all_generation = head->all_reason = 0;
    if (dpl_dirty_write_head(log, next) != 0)
        return cannot_write(log, err);
    dpl_dirty_change_end(shared);
    return 0;
}

int dpl_dirty_mark_set(struct dpl_dirty *log, uint64_t epoch, uint64_t lsn, struct dpl_err *err)
{
    const struct dpl_dirty_point *next;
    dpl_dirty_take_role(log);
    int code = check_works(log, err);
    next = &dpl_dirty_now(log->shared)->head.candidate;
    if (code == 0 && (!next->set || !next->placed || next->epoch != epoch || next->lsn != lsn))
        code = dpl_err_set(err, DPL_E_NOT_FOUND,
                           "position %" PRIu64 " of epoch %" PRIu64
                           " is not the candidate of the mark",
                           lsn, epoch);
    if (code == 0)
        code = set_mark(log, err);
    dpl_dirty_give_role(log);
    return code;
}

int dpl_dirty_mark_lower(struct dpl_dirty *log, int64_t now_ns, struct dpl_err *err)
{
    dpl_dirty_take_role(log);
    int code = check_works(log, err);
    if (code == 0) {
        struct dpl_dirty_state *next = dpl_dirty_change_begin(log->shared);
        struct dpl_dirty_head *head = &next->head;
        if (head->mark.time_ns > now_ns)
            head->mark.time_ns = now_ns;
        if (head->candidate.time_ns > now_ns)
            head->candidate.time_ns = now_ns;
        /* What is logged stays as it was: an object that is old by the higher time may be logged
         * for nothing. */
        if (dpl_dirty_write_head(log, next) != 0)
            code = cannot_write(log, err);
        else
            dpl_dirty_change_end(log->shared);
    }
    dpl_dirty_give_role(log);
    return code;
}

int dpl_dirty_restamp(struct dpl_dirty *log, uint64_t epoch, const uint8_t epoch_id[16],
                      struct dpl_err *err)
{
    dpl_dirty_take_role(log);
    int code = check_works(log, err);
    if (code == 0) {
        struct dpl_dirty_state *next = dpl_dirty_change_begin(log->shared);
        next->head.epoch = epoch;
        memcpy(next->head.epoch_id, epoch_id, sizeof next->head.epoch_id);
        if (dpl_dirty_write_head(log, next) != 0)
            code = cannot_write(log, err);
        else
            dpl_dirty_change_end(log->shared);
    }
    dpl_dirty_give_role(log);
    return code;
}

void dpl_dirty_head_now(const struct dpl_dirty *log, struct dpl_dirty_head *head)
{
    *head = dpl_dirty_now(log->shared)->head;
}
