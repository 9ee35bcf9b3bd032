/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A procedure: the ordered steps of a failover, a restore or a failback, as a machine. Pure: it
 * says what is to be done (deeds), and hears how that ended; who runs it keeps the record in the
 * store.
 *
 * A record is the state, the direction and the state of each step. "Begun" is durable before a
 * step's action and "done" only after its check, so whoever takes the record over knows what may
 * have happened: actions are repeated, and must bear that. Undoing goes back from the last step
 * that was begun, and never past one that is marked `last`.
 *
 * Two nodes never act for one procedure: each record holds its runner's token, a record is saved
 * only upon the version that was read (so a save is lost when another took it over), and before
 * each action the runner looks for its token again.
 */
#ifndef DPL_CORE_PROCEDURE_H
#define DPL_CORE_PROCEDURE_H

#include "lib/base/err.h"

#include <stdbool.h>
#include <stddef.h>

enum { DPL_PROCEDURE_STEPS = 16 };

enum dpl_step_state {
    DPL_STEP_TODO,
    DPL_STEP_BEGUN,
    DPL_STEP_DONE,
    DPL_STEP_UNDOING,
    DPL_STEP_UNDONE,
    DPL_STEP_STATES
};

enum dpl_procedure_state {
    DPL_PROCEDURE_RUNNING,
    DPL_PROCEDURE_WAITING,     /* for a person's answer */
    DPL_PROCEDURE_INTERRUPTED, /* by a person */
    DPL_PROCEDURE_FAILED,
    DPL_PROCEDURE_DONE,
    DPL_PROCEDURE_UNDONE,
    DPL_PROCEDURE_STATES
};

enum dpl_procedure_deed {
    DPL_DEED_NONE,
    DPL_DEED_SAVE,
    DPL_DEED_LOOK,
    DPL_DEED_ACT,
    DPL_DEED_CHECK,
    DPL_DEED_REVERT
};

enum dpl_procedure_outcome {
    DPL_OUTCOME_OK,
    DPL_OUTCOME_WAITS,
    DPL_OUTCOME_FAILED,
    DPL_OUTCOME_LOST, /* another runs it now */
    DPL_OUTCOMES
};

enum dpl_procedure_phase {
#define PHASE(name, deed) DPL_PHASE_##name,
#define MOVE(phase, outcome, next)
#include "daemon/core/procedure.tbl.h"
#undef PHASE
#undef MOVE
    DPL_PHASES,
    DPL_PHASE_NEXT = DPL_PHASES
};

struct dpl_procedure {
    size_t count;
    bool last[DPL_PROCEDURE_STEPS]; /* once it has begun nothing is undone any more */
    /* The record. */
    enum dpl_procedure_state state;
    bool back; /* it is being undone */
    enum dpl_step_state steps[DPL_PROCEDURE_STEPS];
    /* Of who runs it. */
    enum dpl_procedure_phase phase;
    size_t at;  /* the step */
    bool stop;  /* after the step that runs */
    bool fresh; /* the step begins now: nobody has acted for it yet */
};

/* A new one, of so many steps; nothing is done yet. */
void dpl_procedure_init(struct dpl_procedure *p, size_t count);
/* Whether a record that was read can be one: CORRUPT. */
int dpl_procedure_check(const struct dpl_procedure *p, struct dpl_err *err);

/* Begins, or goes on with a record that rests, or whose runner is gone. REFUSED when it has ended.
 */
int dpl_procedure_resume(struct dpl_procedure *p, struct dpl_err *err);
/* The same, backwards. REFUSED when it has ended, or when a step has begun past which nothing can
 * be undone. */
int dpl_procedure_undo(struct dpl_procedure *p, struct dpl_err *err);
/* It rests after the step that runs; one that has not acted yet does not, and is still to do unless
 * it was begun before. */
void dpl_procedure_stop(struct dpl_procedure *p);

/* What is to be done now; p->at is the step. */
enum dpl_procedure_deed dpl_procedure_deed(const struct dpl_procedure *p);
/* How that ended. */
void dpl_procedure_ended(struct dpl_procedure *p, enum dpl_procedure_outcome outcome);

/* It came to its end, one way or the other. */
bool dpl_procedure_over(const struct dpl_procedure *p);
/* Whether a step past which nothing can be undone has begun. */
bool dpl_procedure_past_last(const struct dpl_procedure *p);

const char *dpl_procedure_state_text(enum dpl_procedure_state state);
const char *dpl_step_state_text(enum dpl_step_state state);
/* By its text; -1 if there is none. */
int dpl_procedure_state_find(const char *text);
int dpl_step_state_find(const char *text);

#endif
