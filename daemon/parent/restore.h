/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * "restore": the site that served before becomes the target of this one, which serves since a
 * failover. Nothing is stopped for it. "failback": that site serves again, and this one is its
 * target; restore.c and failback.c have the tables of their steps.
 *
 * Facts of a restore's record: kept (kept.h). Of a failback's: end (where the journal of this site
 * ended), settle (that the other site was asked to close its replica), released_ms (when nothing of
 * the set ran here any more), changed (what was changed here since: kept.h).
 */
#ifndef DPL_PARENT_RESTORE_H
#define DPL_PARENT_RESTORE_H

#include "daemon/core/set_role.h"
#include "daemon/parent/run.h"

extern const struct dpl_run_kind dpl_restore_kind, dpl_failback_kind, dpl_discard_kind;

void dpl_restore_command(struct dpl_set *set, struct dpl_request *request);
void dpl_failback_command(struct dpl_set *set, struct dpl_request *request);
/* "restore --discard-target". */
void dpl_discard_command(struct dpl_set *set, struct dpl_request *request);

/* What these and a failover use (restore_ask.c). The other site, for sentences. */
const char *dpl_restore_peer(const struct dpl_run *run);
/* What this site knows of the role of the set; DPL_SET_ROLES where it is gone. */
struct dpl_set_side dpl_restore_side(const struct dpl_run *run);
/* A question about the set, with generation and procedure. */
struct dpl_doc *dpl_restore_question(const struct dpl_run *run, const char *ask);
/* That it stands by, with what it needs to know for that. */
struct dpl_doc *dpl_restore_standby_question(const struct dpl_run *run);
/* That it closes its replica, with the rules by which it is going to serve. */
struct dpl_doc *dpl_restore_settle_question(const struct dpl_run *run);
/* Waits on by calling again in a while, or fails when the time that the step has is over; 0: it has
 * all the time. */
void dpl_restore_wait(struct dpl_run *run, int64_t most_ms, dpl_run_fn *again, const char *format,
                      ...) __attribute__((format(printf, 4, 5)));
/* The services of a site that serves have not come up. After three minutes a person is asked
 * whether the procedure ends all the same, so that another one can begin, as the way back; once
 * that was agreed to it ends at once. False: it is to be waited for. */
bool dpl_restore_offline(struct dpl_run *run, const char *site, const char *missing);
/* Refuses where its answer to "state" knows this generation already, or a later one. */
int dpl_restore_judge_generation(const struct dpl_set *set, const struct dpl_doc *state,
                                 int64_t generation, struct dpl_err *err);
/* Whether the other site's answer to "state" says that it stands by and equals this site. */
bool dpl_restore_is_equal(const struct dpl_doc *state);
/* Why that answer cannot say so: it came from a node that has not the replica. The caller frees;
 * NULL: it can. */
char *dpl_restore_unknown(const struct dpl_set *set, const struct dpl_doc *state);
/* REFUSED unless it serves here, by a failover, and a procedure of that kind may begin. */
int dpl_restore_may(const struct dpl_set *set, const struct dpl_run_kind *kind,
                    struct dpl_err *err);
/* What the other site's answer to "state" says against it: REFUSED. generation: that of the
 * procedure. */
typedef int dpl_restore_judge_fn(const struct dpl_set *set, const struct dpl_doc *state,
                                 int64_t generation, struct dpl_err *err);
/* A command: asks the other site first, and begins nothing that its answer forbids; or prints the
 * plan. */
void dpl_restore_begin(struct dpl_set *set, const struct dpl_run_kind *kind, int64_t generation,
                       dpl_restore_judge_fn *judge, struct dpl_request *request);
dpl_restore_judge_fn dpl_restore_judge, dpl_failback_judge, dpl_discard_judge;
/* Ends a step that looked, by the judge. */
void dpl_restore_looked(struct dpl_run *run, int rc, const struct dpl_doc *state,
                        const struct dpl_err *err, dpl_restore_judge_fn *judge);

/* A step of a restore (restore_kept.c). */
dpl_run_fn dpl_restore_kept;
/* Steps of a failback (failback_here.c, failback_there.c). */
dpl_run_fn dpl_failback_look, dpl_failback_pre;
dpl_run_fn dpl_failback_release, dpl_failback_released, dpl_failback_take_back;
dpl_run_fn dpl_failback_drained;
dpl_run_fn dpl_failback_settle, dpl_failback_settled, dpl_failback_withdraw;
dpl_run_fn dpl_failback_directory, dpl_failback_names;
dpl_run_fn dpl_failback_cede, dpl_failback_uncede;
dpl_run_fn dpl_failback_serve, dpl_failback_serves;
dpl_run_fn dpl_failback_online;
dpl_run_fn dpl_failback_stand_by, dpl_failback_look_changed, dpl_failback_changed;
dpl_run_fn dpl_failback_protect, dpl_failback_protected;

#endif
