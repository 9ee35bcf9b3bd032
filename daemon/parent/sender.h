/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Which node of a cluster sends on what is left of a set that has let go: the one that captured it
 * last, for it has the journal.
 *
 * That stands in the store ("sender", by the set's name: {node, options}), so that this node knows
 * it when its daemon, or the node itself, was started again, and the others know that it is not
 * they, whose journals are older. A stop writes nothing: it is noted while the set is captured.
 */
#ifndef DPL_PARENT_SENDER_H
#define DPL_PARENT_SENDER_H

#include "daemon/parent/daemon.h"

#define DPL_SENDER_KIND "sender"

/* The options with which this node sends on what is left of the set; NULL: it has not let go, or
 * another node does. Good until the store changes. */
const struct dpl_doc *dpl_sender_options(const struct dpl_set *set);
/* Notes that it is this node, where an agent has it captured here. */
void dpl_sender_review(struct dpl_set *set);
/* The set ends. */
void dpl_sender_forget(struct dpl_set *set);

#endif
