/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * How a procedure goes on: PHASE(name, what is done in it), and
 * MOVE(phase, outcome of what was done, next phase).
 *
 * NEXT chooses by the record what comes next; CLOSE ends with the state that was decided. A move
 * that is not here is none: OK and LOST alone end a SAVE, for who cannot save tries again. Who was
 * stopped meanwhile goes from LOOK, BEGIN and UNBEGIN to CLOSE, and what that BEGIN began is to do
 * again.
 */
/* clang-format off */
PHASE(TAKE,    SAVE)    /* the record is ours from here on: our token stands in it */
PHASE(LOOK,    LOOK)    /* the step's precondition */
PHASE(BEGIN,   SAVE)    /* "begun" is durable before the action, and so is the token */
PHASE(ACT,     ACT)
PHASE(CHECK,   CHECK)   /* what the action was to bring about is there */
PHASE(END,     SAVE)    /* "done" */
PHASE(UNBEGIN, SAVE)    /* "undoing" */
PHASE(REVERT,  REVERT)
PHASE(UNEND,   SAVE)    /* "undone" */
PHASE(CLOSE,   SAVE)    /* the state in which it rests */
PHASE(REST,    NONE)    /* nothing is to be done any more, here */

MOVE(TAKE,    OK,     NEXT)
MOVE(LOOK,    OK,     BEGIN)
MOVE(BEGIN,   OK,     ACT)
MOVE(ACT,     OK,     CHECK)
MOVE(CHECK,   OK,     END)
MOVE(END,     OK,     NEXT)
MOVE(UNBEGIN, OK,     REVERT)
MOVE(REVERT,  OK,     UNEND)
MOVE(UNEND,   OK,     NEXT)
MOVE(CLOSE,   OK,     REST)

MOVE(LOOK,    WAITS,  CLOSE)
MOVE(ACT,     WAITS,  CLOSE)
MOVE(CHECK,   WAITS,  CLOSE)
MOVE(LOOK,    FAILED, CLOSE)
MOVE(ACT,     FAILED, CLOSE)
MOVE(CHECK,   FAILED, CLOSE)
MOVE(REVERT,  FAILED, CLOSE)

MOVE(TAKE,    LOST,   REST)
MOVE(BEGIN,   LOST,   REST)
MOVE(END,     LOST,   REST)
MOVE(UNBEGIN, LOST,   REST)
MOVE(UNEND,   LOST,   REST)
MOVE(CLOSE,   LOST,   REST)
MOVE(LOOK,    LOST,   REST)
MOVE(ACT,     LOST,   REST)
MOVE(CHECK,   LOST,   REST)
MOVE(REVERT,  LOST,   REST)
/* clang-format on */
