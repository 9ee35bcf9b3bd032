/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/core/procedure.h"

#include <assert.h>
#include <string.h>

static const enum dpl_procedure_deed deeds[] = {
#define PHASE(name, deed) [DPL_PHASE_##name] = DPL_DEED_##deed,
#define MOVE(phase, outcome, next)
#include "daemon/core/procedure.tbl.h"
#undef PHASE
#undef MOVE
};

static const struct {
    enum dpl_procedure_phase phase, next;
    enum dpl_procedure_outcome outcome;
} moves[] = {
#define PHASE(name, deed)
#define MOVE(phase, outcome, next) {DPL_PHASE_##phase, DPL_PHASE_##next, DPL_OUTCOME_##outcome},
#include "daemon/core/procedure.tbl.h"
#undef PHASE
#undef MOVE
};

static const char *const state_texts[] = {
    [DPL_PROCEDURE_RUNNING] = "running",
    [DPL_PROCEDURE_WAITING] = "waiting",
    [DPL_PROCEDURE_INTERRUPTED] = "interrupted",
    [DPL_PROCEDURE_FAILED] = "failed",
    [DPL_PROCEDURE_DONE] = "done",
    [DPL_PROCEDURE_UNDONE] = "undone",
};

static const char *const step_texts[] = {
    [DPL_STEP_TODO] = "to do",      [DPL_STEP_BEGUN] = "begun",   [DPL_STEP_DONE] = "done",
    [DPL_STEP_UNDOING] = "undoing", [DPL_STEP_UNDONE] = "undone",
};

static int find(const char *const *texts, int count, const char *text)
{
    for (int i = 0; text && i < count; i++)
        if (strcmp(texts[i], text) == 0)
            return i;
    return -1;
}

const char *dpl_procedure_state_text(enum dpl_procedure_state state)
{
    return state_texts[state];
}

const char *dpl_step_state_text(enum dpl_step_state state)
{
    return step_texts[state];
}

int dpl_procedure_state_find(const char *text)
{
    return find(state_texts, DPL_PROCEDURE_STATES, text);
}

int dpl_step_state_find(const char *text)
{
    return find(step_texts, DPL_STEP_STATES, text);
}

void dpl_procedure_init(struct dpl_procedure *p, size_t count)
{
    assert(count > 0 && count <= DPL_PROCEDURE_STEPS);
    *p = (struct dpl_procedure){.count = count, .phase = DPL_PHASE_REST};
}

bool dpl_procedure_over(const struct dpl_procedure *p)
{
    return p->state == DPL_PROCEDURE_DONE || p->state == DPL_PROCEDURE_UNDONE;
}

/* The step past which nothing can be undone, once it has begun; else the count. */
static size_t last_begun(const struct dpl_procedure *p)
{
    size_t i = 0;
    while (i < p->count && (!p->last[i] || p->steps[i] == DPL_STEP_TODO))
        i++;
    return i;
}

bool dpl_procedure_past_last(const struct dpl_procedure *p)
{
    return last_begun(p) < p->count;
}

static bool may_have_acted(enum dpl_step_state state)
{
    return state == DPL_STEP_BEGUN || state == DPL_STEP_DONE || state == DPL_STEP_UNDOING;
}

/* Forwards: done ones, one that may be begun, then those that are to do. Backwards the same, with
 * undone ones before those that are to do. */
int dpl_procedure_check(const struct dpl_procedure *p, struct dpl_err *err)
{
    size_t i = 0;
    while (i < p->count && p->steps[i] == DPL_STEP_DONE)
        i++;
    bool whole = i == p->count;
    if (i < p->count &&
        (p->steps[i] == DPL_STEP_BEGUN || (p->back && p->steps[i] == DPL_STEP_UNDOING)))
        i++;
    while (p->back && i < p->count && p->steps[i] == DPL_STEP_UNDONE)
        i++;
    while (i < p->count && p->steps[i] == DPL_STEP_TODO)
        i++;
    if (i < p->count)
        return dpl_err_set(err, DPL_E_CORRUPT, "step %zu is %s", i + 1,
                           dpl_step_state_text(p->steps[i]));
    if (p->back && dpl_procedure_past_last(p))
        return dpl_err_set(err, DPL_E_CORRUPT, "it is undone past what can be undone");
    if ((p->state == DPL_PROCEDURE_DONE && (p->back || !whole)) ||
        (p->state == DPL_PROCEDURE_UNDONE && (!p->back || may_have_acted(p->steps[0]))))
        return dpl_err_set(err, DPL_E_CORRUPT, "it is %s, and its steps are not",
                           dpl_procedure_state_text(p->state));
    return DPL_OK;
}

static int ended(const struct dpl_procedure *p, struct dpl_err *err)
{
    return dpl_err_set(err, DPL_E_REFUSED, "it has ended: it is %s",
                       dpl_procedure_state_text(p->state));
}

static void take(struct dpl_procedure *p)
{
    p->state = DPL_PROCEDURE_RUNNING;
    p->phase = DPL_PHASE_TAKE;
    p->stop = false;
}

int dpl_procedure_resume(struct dpl_procedure *p, struct dpl_err *err)
{
    if (dpl_procedure_over(p))
        return ended(p, err);
    take(p);
    return DPL_OK;
}

int dpl_procedure_undo(struct dpl_procedure *p, struct dpl_err *err)
{
    if (dpl_procedure_over(p))
        return ended(p, err);
    if (dpl_procedure_past_last(p))
        return dpl_err_set(err, DPL_E_REFUSED,
                           "step %zu has begun, and what it does cannot be undone",
                           last_begun(p) + 1);
    p->back = true;
    take(p);
    return DPL_OK;
}

void dpl_procedure_stop(struct dpl_procedure *p)
{
    p->stop = true;
}

enum dpl_procedure_deed dpl_procedure_deed(const struct dpl_procedure *p)
{
    return deeds[p->phase];
}

static void close_as(struct dpl_procedure *p, enum dpl_procedure_state state)
{
    p->phase = DPL_PHASE_CLOSE;
    p->state = state;
}

static void begin(struct dpl_procedure *p)
{
    p->phase = DPL_PHASE_BEGIN;
    p->steps[p->at] = DPL_STEP_BEGUN;
}

static void forwards(struct dpl_procedure *p)
{
    for (p->at = 0; p->at < p->count && p->steps[p->at] == DPL_STEP_DONE;)
        p->at++;
    if (p->at == p->count) {
        p->at--;
        close_as(p, DPL_PROCEDURE_DONE);
    } else if (p->steps[p->at] == DPL_STEP_BEGUN) {
        begin(p); /* what it needed was there, and may not be any more */
        p->fresh = false;
    } else if (p->stop) {
        close_as(p, DPL_PROCEDURE_INTERRUPTED);
    } else {
        p->phase = DPL_PHASE_LOOK;
    }
}

static void backwards(struct dpl_procedure *p)
{
    size_t i = p->count;
    while (i > 0 && !may_have_acted(p->steps[i - 1]))
        i--;
    p->at = i > 0 ? i - 1 : 0;
    if (i == 0) {
        close_as(p, DPL_PROCEDURE_UNDONE);
    } else if (p->stop && p->steps[p->at] != DPL_STEP_UNDOING) {
        close_as(p, DPL_PROCEDURE_INTERRUPTED);
    } else {
        p->phase = DPL_PHASE_UNBEGIN;
        p->steps[p->at] = DPL_STEP_UNDOING;
    }
}

static enum dpl_procedure_phase move(enum dpl_procedure_phase phase,
                                     enum dpl_procedure_outcome outcome)
{
    for (size_t i = 0; i < sizeof moves / sizeof moves[0]; i++)
        if (moves[i].phase == phase && moves[i].outcome == outcome)
            return moves[i].next;
    assert(!"a deed does not end so");
    return DPL_PHASE_REST;
}

void dpl_procedure_ended(struct dpl_procedure *p, enum dpl_procedure_outcome outcome)
{
    enum dpl_procedure_phase next = move(p->phase, outcome);
    if (next == DPL_PHASE_CLOSE) {
        close_as(p, outcome == DPL_OUTCOME_WAITS ? DPL_PROCEDURE_WAITING : DPL_PROCEDURE_FAILED);
        return;
    }
    if (next == DPL_PHASE_NEXT) {
        if (p->back)
            backwards(p);
        else
            forwards(p);
        return;
    }
    /* Who wants it to rest may have waited for the store, or for what the step needs. */
    if (p->stop && (next == DPL_PHASE_BEGIN || next == DPL_PHASE_ACT || next == DPL_PHASE_REVERT)) {
        if (next == DPL_PHASE_ACT && p->fresh)
            p->steps[p->at] = DPL_STEP_TODO; /* it has not acted: it can still be undone */
        close_as(p, DPL_PROCEDURE_INTERRUPTED);
        return;
    }
    p->phase = next;
    p->fresh = next == DPL_PHASE_BEGIN;
    if (next == DPL_PHASE_BEGIN)
        begin(p);
    else if (next == DPL_PHASE_END)
        p->steps[p->at] = DPL_STEP_DONE;
    else if (next == DPL_PHASE_UNEND)
        p->steps[p->at] = DPL_STEP_UNDONE;
}
