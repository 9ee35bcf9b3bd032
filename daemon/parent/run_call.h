/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a procedure asked for and has not come back: for run.c.
 */
#ifndef DPL_PARENT_RUN_CALL_H
#define DPL_PARENT_RUN_CALL_H

#include "daemon/parent/run.h"

/* The run ends: nothing comes back any more. */
void dpl_run_calls_end(struct dpl_run *run);

#endif
