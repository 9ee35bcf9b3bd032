/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a capture shows of itself beneath the runtime directory: its lock and its status page, see
 * lib/capstat/capstat.h. Nothing there is ever read back as an order: who wants the capture to do
 * something sends the keeper a signal or unmounts it.
 */
#ifndef DPL_CAPTURE_RUNSTATE_H
#define DPL_CAPTURE_RUNSTATE_H

#include "daemon/capture/options.h"

struct worker;

/* Makes the set's directory and takes its lock, both as descriptors that outlive the keeper. BUSY:
 * a capture of this set runs. */
int runstate_lock(const struct options *options, int *run_fd_r, int *lock_fd_r,
                  struct dpl_err *err);
/* Shows the page, once the roots are mounted. */
int runstate_publish(const struct options *options, struct memory *memory, struct dpl_err *err);
/* Goes on with the page that an earlier keeper made; without it, with one that nobody sees. */
void runstate_resume(const struct options *options, struct memory *memory);
/* Says who the keeper is. */
void runstate_set_keeper(const struct memory *memory);
/* All is unmounted: nothing is shown any more. */
void runstate_end(const struct memory *memory);

/* Starts what looks at the journal's directory, which may take its time. */
int runstate_start(struct worker *worker, struct dpl_err *err);
/* The guard's: the heartbeat each time, the rest when it is due. */
void runstate_beat(struct worker *worker);

#endif
