/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What source-connection and replica have in common: what they remember beneath the runtime
 * directory while they run, and what they ask of doppeld.
 */
#ifndef DPL_AGENTS_ASK_H
#define DPL_AGENTS_ASK_H

#include "agents/host.h"
#include "lib/ctl/doc.h"
#include "lib/ocf/state.h"

/* A boot forgets it. All is "" where nothing is remembered. */
struct ask_state {
    char path[DPL_OCF_STATE_PATH];
    char set[64], run_dir[512], reserve[1024];
    bool started; /* a start has ended well */
};
void ask_state_read(const struct dpl_ocf_run *run, struct ask_state *state_r);
int ask_state_write(const struct ask_state *state, struct dpl_err *err);

/* One command of doppel(8). args is borrowed. A daemon that is being started again is waited for,
 * up to patience_ms. NOT_RUNNING: there is none. */
int ask_daemon(const char *command, const struct dpl_doc *args, int64_t patience_ms,
               int64_t timeout_ms, struct dpl_doc **result_r, struct dpl_err *err);
/* The set's part of "status". The caller owns it. */
int ask_status(const char *set, int64_t timeout_ms, struct dpl_doc **status_r, struct dpl_err *err);
/* Whether the set is in its state for long enough to be worth a word: a connection that is being
 * made, or a mirror that is about to begin, is not. */
bool ask_lasts(const struct dpl_doc *status);
/* What doppeld keeps to go on after its own restart: it shall not. */
void ask_forget(const char *run_dir, const char *set);
/* NOT_RUNNING is an answer of monitors alone: for a start it is a failure, with what to do. */
int ask_no_daemon(int code, struct dpl_err *err);

#endif
