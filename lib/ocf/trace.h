/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The trace file of an action, where the agents of resource-agents put theirs.
 */
#ifndef DPL_OCF_TRACE_H
#define DPL_OCF_TRACE_H

#include "lib/ocf/agent.h"

/* Opens the trace of this run if trace_ra asks for one: OCF_RESKEY_trace_file, or
 * DIRECTORY/TYPE/INSTANCE.ACTION.TIME, where the directory is OCF_RESKEY_trace_dir or
 * /var/lib/heartbeat/trace_ra. A trace that cannot be opened is a warning. */
void dpl_ocf_trace_open(struct dpl_ocf_run *run);

#endif
