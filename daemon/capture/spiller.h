/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The thread that writes the journal from memory to its segments.
 */
#ifndef DPL_CAPTURE_SPILLER_H
#define DPL_CAPTURE_SPILLER_H

#include "daemon/capture/worker.h"

/* Opens the segments where the predecessor stopped and starts the thread. A journal that cannot be
 * written ends (mirror needed); that is no failure of the capture. */
int spiller_start(struct worker *worker, struct dpl_err *err);
/* Ends the thread of a journal that has ended, whose header says so. False: not yet. */
bool spiller_retire(void);
struct dpl_segment_limits spiller_limits(const struct options *options);
/* Closes the journal when all is served: waits until everything is on disk. */
void spiller_stop(struct worker *worker);

#endif
