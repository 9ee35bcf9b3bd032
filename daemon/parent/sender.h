/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Which node of a cluster has a set, by what an agent asked there last. It stands in the store by
 * the set's name. A stop writes nothing: it is noted while the agent's wish holds.
 *
 * Of a source, "sender" ({node, options}): that node sends on what is left of a set that has let
 * go, for it has the journal. It knows so when its daemon, or the node itself, was started again,
 * and the others know that it is not they, whose journals are older. Of a target, "replica"
 * ({node}): the others know where to look.
 */
#ifndef DPL_PARENT_SENDER_H
#define DPL_PARENT_SENDER_H

#include "daemon/parent/daemon.h"

#define DPL_SENDER_KIND         "sender"
#define DPL_SENDER_REPLICA_KIND "replica"

/* The options with which this node sends on what is left of the set; NULL: it has not let go, or
 * another node does. Good until the store changes. */
const struct dpl_doc *dpl_sender_options(const struct dpl_set *set);
/* Another node of this cluster, which is there and had the connection or the replica last; NULL:
 * this node has it, or nobody is known to. Good until the store changes. */
const char *dpl_sender_elsewhere(const struct dpl_set *set);
/* Notes that it is this node, where an agent has it captured or replicated to here. */
void dpl_sender_review(struct dpl_set *set);
/* The set ends. */
void dpl_sender_forget(struct dpl_set *set);

#endif
