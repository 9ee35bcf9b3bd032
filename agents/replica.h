/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The parts of ocf:doppel:replica.
 */
#ifndef DPL_AGENTS_REPLICA_H
#define DPL_AGENTS_REPLICA_H

#include "agents/ask.h"

/* Sees to it that nobody on this node writes the replica whose reserved directory this is: who
 * still holds its lock is asked to end, then killed. OK also where the directory is not there (any
 * more). */
int replica_end_writer(const char *reserve, const char *set, int64_t most_ms, struct dpl_err *err);

#endif
