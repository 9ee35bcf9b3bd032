/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Whether what runs serves: its master, its answers, and what silence means.
 */
#ifndef DPL_AGENTS_MAIL_SERVER_CHECK_H
#define DPL_AGENTS_MAIL_SERVER_CHECK_H

#include "agents/mail_server_state.h"
#include "agents/mail_server_want.h"

struct ms_check {
    struct dpl_ocf_run *run;
    const struct ms_want *want;
    struct ms_state *state;
    int64_t deadline_ns;
};

/* The master: the remembered one, or the one that took its place, which is remembered then.
 * NOT_RUNNING when nothing of the service runs; FAILED when something does, and no master. */
int ms_check_master(struct ms_check *check, struct dpl_err *err);
/* Asks it, as deep as level says: 0; DEGRADED; else it does not work, as far as this one time says.
 */
int ms_check_probe(struct ms_check *check, int level, struct dpl_err *err);
/* What the last answer means after those before it, which are remembered: a failure that is not the
 * probe_failures-th in a row is DEGRADED. */
int ms_check_judge(struct ms_check *check, int code, struct dpl_err *err);
/* Whether anything of the service runs: 1 or 0. */
int ms_check_any(const struct ms_want *want, const struct ms_state *state, struct dpl_err *err);

#endif
