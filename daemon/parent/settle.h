/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A replica that is to serve: closed to its source, and applied to its end.
 *
 * A failover, on whatever node, asks for it in the set's document (failing_over: {settle: true});
 * the node whose engine has the replica open does it, and says so in the document of the kind
 * "settled" and the set's name: {procedure, node, consistent, mirroring, wanted, tag, lsn, chain,
 * applied_ms, heard_ms, head, source_time_ms, promise_ms, op_bytes}, or {procedure, node, problem}.
 * The last ones are what the source was last heard to have, and the mean size of an op.
 */
#ifndef DPL_PARENT_SETTLE_H
#define DPL_PARENT_SETTLE_H

#include "daemon/parent/daemon.h"

/* Whether no source is let in. */
bool dpl_settle_closed(const struct dpl_set *set);
/* Looks at the facts again. */
void dpl_settle_review(struct dpl_set *set);

#endif
