/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Private to the source's side of a session: one step through its table.
 */
#ifndef DPL_CORE_SESSION_SOURCE_STEP_H
#define DPL_CORE_SESSION_SOURCE_STEP_H

#include "daemon/core/session_source.h"

/* The event's action, then the next state. Out of place: PARAM where it is our own, else the end.
 */
int dpl_source_step(struct dpl_source *source, enum dpl_source_event event, int64_t now_ns);
/* An action failed: the peer's message made no sense, or nothing can be sent any more. */
int dpl_source_step_failed(struct dpl_source *source, enum dpl_source_event event, int rc);
/* The peer broke the protocol: `why` says how. */
int dpl_source_broken(struct dpl_source *source);
/* Sends, and notes when. */
int dpl_source_send(struct dpl_source *source, const struct dpl_message *message);

#endif
