/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Questions between two sites: one daemon asks another site's, whichever of its nodes answers, and
 * answers that site's questions. Each question is a connection of its own over the port and the
 * certificates of replication, so it needs no set to be connected; see doppel-protocol(5), "Talk".
 *
 * A question is a tree with the texts "ask" (a row of talk_table.c) and "set". It may be asked more
 * than once (an answer may be lost, and then another address of the site is asked), so whatever
 * changes something is made to be repeated. Who asks is the site that the set is shared with, by
 * its certificate; nobody else gets to a handler.
 */
#ifndef DPL_PARENT_TALK_H
#define DPL_PARENT_TALK_H

#include "daemon/parent/daemon.h"

void dpl_talks_begin(struct dpl_daemon *daemon);
/* After all who might answer have ended. Who waits for an answer gets NOT_RUNNING. */
void dpl_talks_end(struct dpl_daemon *daemon);

/* --- asking --- */

/* rc is DPL_OK with an answer, which is borrowed; else negative, err says why and answer is NULL:
 * UNREACHABLE when nobody answered, NOT_FOUND when the other site has no such set that it shares
 * with us, or the code and the sentence of whoever refused there. */
typedef void dpl_talk_fn(void *self, int rc, const struct dpl_doc *answer,
                         const struct dpl_err *err);

/* Asks at all addresses of the set's route and of the site's pairing, until one answers; the
 * question is with one of them at a time. Takes the question. fn is called once, never before this
 * returns, and at the latest after the time-out. */
void dpl_talk_ask(struct dpl_daemon *daemon, const char *site, struct dpl_doc *question,
                  int64_t timeout_ms, dpl_talk_fn *fn, void *self);
/* The same, but given up after reach_ms where not one machine has taken a connection until then. */
void dpl_talk_ask_soon(struct dpl_daemon *daemon, const char *site, struct dpl_doc *question,
                       int64_t reach_ms, int64_t timeout_ms, dpl_talk_fn *fn, void *self);
/* Nobody waits any more for the questions with this self. */
void dpl_talk_forget(struct dpl_daemon *daemon, const void *self);
/* {ask, set}; more may be put into it. */
struct dpl_doc *dpl_talk_question(const char *ask, const char *set);

/* --- answering --- */

/* A question of another site, from its arrival to its answer. A handler answers it once, now or
 * later, and within a minute, or nobody hears it. */
struct dpl_talk;
/* The set is at this site, shared with the one that asks. It may be gone by the time of an answer
 * that comes later. */
typedef void dpl_talk_handler(struct dpl_daemon *daemon, struct dpl_set *set,
                              struct dpl_talk *talk);

const struct dpl_doc *dpl_talk_args(const struct dpl_talk *talk);
const char *dpl_talk_site(const struct dpl_talk *talk);
const char *dpl_talk_set(const struct dpl_talk *talk);
/* Takes the answer, a tree; frees the question. */
void dpl_talk_answer(struct dpl_talk *talk, struct dpl_doc *answer);
/* BUSY: it may be asked again; so is every refusal while the store here takes no change. */
void dpl_talk_fail(struct dpl_talk *talk, const struct dpl_err *err);

/* talk_table.c: NULL if there is none of that name. */
dpl_talk_handler *dpl_talk_find(const char *ask);

/* --- for talk.c --- */

void dpl_talk_asks_end(struct dpl_daemon *daemon);

/* --- for door.c --- */

/* Whether a site may ask about a set now: NULL, or the name of a refusal, and a sentence in text.
 * One that may is counted until left. */
const char *dpl_talk_admit(struct dpl_daemon *daemon, const char *site, const char *set, char *text,
                           size_t room);
void dpl_talk_left(struct dpl_daemon *daemon, const char *site);
/* Whether a visit of the site for something else is within what it may ask; it counts as one. */
bool dpl_talk_visits(struct dpl_daemon *daemon, const char *site);
/* The question that a door read: it is answered by dpl_door_answer, as long as the door is there.
 */
struct dpl_talk *dpl_talk_take(struct dpl_daemon *daemon, struct dpl_door *door, const char *site,
                               const struct dpl_doc *question);
void dpl_talk_door_gone(struct dpl_talk *talk);

#endif
