/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the other site of a set says of it: asked by "state" (talk.h) while it may matter, and kept
 * for a moment.
 *
 * A set that serves here with its connection down is asked about every few seconds, so that a site
 * that was cut off hears that the other one serves by now, without a connection; so is one that is
 * held (cold.h), and one that runs on a node whose store has failed, by the node that sets the
 * roles. Who hears that the other site serves with a higher generation is superseded
 * (superseded.h), or with on_superseded=alert a person is told.
 */
#ifndef DPL_PARENT_OTHER_H
#define DPL_PARENT_OTHER_H

#include "daemon/core/meeting.h"
#include "daemon/parent/daemon.h"

/* The facts of the set have changed: asks, or asks no more. */
void dpl_other_review(struct dpl_set *set);
void dpl_other_forget(struct dpl_set *set);
/* Asks now, and on until the answer is not wanted any more: a held set. */
void dpl_other_want(struct dpl_set *set, bool wanted);
/* Asks every few seconds while it serves, in the place of the node that runs it. */
void dpl_other_watch(struct dpl_set *set, bool watched);
/* A refusal spoke of a higher generation: asks now what that is. */
void dpl_other_ask_now(struct dpl_set *set);
/* A source at the other site has greeted us with this generation. */
void dpl_other_greeted(struct dpl_set *set, int64_t generation);

/* What follows from what it said last, if that was just now; in why, of 400 bytes, what that was.
 * False: it is being asked. */
bool dpl_other_meeting(const struct dpl_set *set, enum dpl_meeting *meeting_r, char *why,
                       size_t room);
/* Reads an answer to "state". */
struct dpl_other_side dpl_other_side_of(const struct dpl_doc *answer);

#endif
