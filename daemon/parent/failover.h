/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * "failover": this site serves a set in place of the other one. The steps are in the table of
 * failover.c; what each does stands with the part that it is about: the other site
 * (failover_source.c), this one (failover_here.c), the proof (failover_prove.c).
 *
 * Facts of its record: released (the other site was asked to let go, and did), unreachable (a
 * person said that it is down, and it did not say that it serves), source_answered (then), heard
 * (that it was heard since was asked about), end (where its journal ended), unsent_bytes (what it
 * said that it had to send yet), account and missing (what is not here; for people), accepted,
 * points, asked_offline (whether it may end without its services), heard (that was asked about),
 * probe, warning, degraded.
 */
#ifndef DPL_PARENT_FAILOVER_H
#define DPL_PARENT_FAILOVER_H

#include "daemon/parent/run.h"

extern const struct dpl_run_kind dpl_failover_kind;

void dpl_failover_command(struct dpl_set *set, struct dpl_request *request);

/* Options of a record. */
enum dpl_failover_mode { DPL_FAILOVER_GRACEFUL, DPL_FAILOVER_IMMEDIATE, DPL_FAILOVER_DOWN };
enum dpl_failover_mode dpl_failover_mode(const struct dpl_doc *options);
/* --wait in milliseconds; USAGE. */
int dpl_failover_wait_ms(const struct dpl_doc *options, int64_t *ms_r, struct dpl_err *err);

/* Whether the set's name was typed, as --source-is-down wants it: USAGE, or REFUSED where it is
 * another. */
int dpl_failover_check_confirm(const struct dpl_doc *args, const char *set, struct dpl_err *err);
/* Answers {set, evidence: what speaks for and against the other site's being down, in lines}. */
void dpl_failover_evidence(struct dpl_set *set, struct dpl_request *request);

/* An edit of the set's document (set_edit.h): a source that is heard from now on is a surprise. */
int dpl_failover_said_down(void *self, struct dpl_doc *doc, struct dpl_err *err);
/* The same, taken back, with what was heard since. */
int dpl_failover_unsaid_down(void *self, struct dpl_doc *doc, struct dpl_err *err);

/* Steps. */
dpl_run_fn dpl_failover_record, dpl_failover_recorded, dpl_failover_withdraw;
dpl_run_fn dpl_failover_release, dpl_failover_released, dpl_failover_take_back;
dpl_run_fn dpl_failover_drain, dpl_failover_cede;
dpl_run_fn dpl_failover_settle, dpl_failover_settled, dpl_failover_unsettle;
dpl_run_fn dpl_failover_may_raise, dpl_failover_raise, dpl_failover_raised, dpl_failover_online;
dpl_run_fn dpl_failover_pre, dpl_failover_directory, dpl_failover_names;
dpl_run_fn dpl_failover_probe, dpl_failover_post;

/* failover_heard.c: the other site of this set asks or connects. */
void dpl_failover_heard(struct dpl_set *set);
/* The look of steps before this site serves: was a source heard that is said to be down? */
dpl_run_fn dpl_failover_unheard;

/* failover_account.c: what is missing, by the document of settle.h; flaw: what was accepted, or
 * NULL. */
void dpl_failover_account(struct dpl_run *run, const struct dpl_doc *found, const char *flaw);
/* A wall clock's milliseconds, for people; text has room for DPL_FAILOVER_TIME, and is answered. */
enum { DPL_FAILOVER_TIME = 40 };
const char *dpl_failover_time(int64_t ms, char *text, size_t room);

#endif
