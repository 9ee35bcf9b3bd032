/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * "failover": this site serves a set in place of the other one. The steps are in the table of
 * failover.c; what each does stands with the part that it is about: the other site
 * (failover_source.c), this one (failover_here.c), the proof (failover_prove.c).
 *
 * Facts of its record: released (the other site was asked to let go, and did), unreachable (it did
 * not answer, and a person said that it is down), end (where its journal ended), missing (what is
 * not here, for people), accepted, points, probe, warning, degraded.
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

/* Steps. */
dpl_run_fn dpl_failover_record, dpl_failover_recorded, dpl_failover_withdraw;
dpl_run_fn dpl_failover_release, dpl_failover_released, dpl_failover_take_back;
dpl_run_fn dpl_failover_drain, dpl_failover_cede;
dpl_run_fn dpl_failover_settle, dpl_failover_settled, dpl_failover_unsettle;
dpl_run_fn dpl_failover_raise, dpl_failover_raised, dpl_failover_online;
dpl_run_fn dpl_failover_pre, dpl_failover_directory, dpl_failover_names;
dpl_run_fn dpl_failover_probe, dpl_failover_post;

#endif
