/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A journal that ended before the changes did is followed by a new one, by itself.
 *
 * While there is none, changes pass through and a mirror is needed. When the wait is over and there
 * is room, a thread of the worker drops the segments of the old journal (without its end they are
 * worth nothing), makes the first one of a new epoch, a child of the last, and opens it in one cut:
 * what begins after the cut is in the new journal, what began before it passes through. The new
 * epoch is shown to others (the status page) only when the last of these has ended, so that a
 * mirror that begins then covers them. An op that is stuck below holds up this showing, and nothing
 * else.
 *
 * The cut stands in the shared memory as a phase: a worker that dies in RENEW_FLIP has a successor
 * that makes the cut again, before it serves; one that dies in RENEW_SETTLING has one that finishes
 * what was under way in its takeover, which ends the phase; one that dies before leaves at most a
 * segment that nobody uses.
 *
 * A journal that ends again and again must not thrash: each that lived shortly doubles the wait,
 * from the shortest to the longest of --renew-wait.
 */
#ifndef DPL_CAPTURE_RENEW_H
#define DPL_CAPTURE_RENEW_H

#include "daemon/capture/worker.h"

/* The guard's, at each turn: looks whether it is time, and never waits. */
void renew_look(struct worker *worker);
/* All is unmounted: waits for the thread, so that nobody but the caller uses the journal. */
void renew_stop(void);

/* A successor's, before it attaches to the arena: makes a half-made cut anew. True if there was
 * one; then the roots are to be recorded before anything else, and renew_open is to be called. */
bool renew_resume(const struct memory *memory, struct dpl_err *err);
/* The new journal has its roots: what begins from here on is in it. */
void renew_open(struct worker *worker);
/* A takeover has finished all that began before the cut. */
void renew_taken_over(struct worker *worker);

/* The journal with this number (of shared->journal) has ended: changes pass through, unless another
 * one has begun since. */
void renew_ended(struct worker *worker, uint32_t journal);
/* How long from the end of a journal to the next one; short_lived: how many in a row ended soon.
 * Pure. */
int64_t renew_wait_ns(const struct options *options, uint32_t short_lived, bool crash_loop,
                      bool wanted);

#endif
