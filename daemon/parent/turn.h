/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What runs of a set follows its role while the daemon runs.
 *
 * With the role the side may change: then everything of the one ends, in order, before anything of
 * the other begins. A replica's engine closes its queue; a capture ends, and its journal is no more
 * than what the link still sends. In a cluster agents end both, and the side changes when they
 * have; on a stand-alone server the daemon does, and takes the capture away too from a set that was
 * released, once its services have stopped: who else uses the mount then is ended with it.
 */
#ifndef DPL_PARENT_TURN_H
#define DPL_PARENT_TURN_H

#include "daemon/parent/daemon.h"

/* The document has changed, or something that stood in the way has ended. */
void dpl_turn_review(struct dpl_set *set);
/* The set ends. */
void dpl_turn_forget(struct dpl_set *set);
/* Whether its role is this one. */
bool dpl_turn_role_is(const struct dpl_set *set, const char *role);
/* Whether it runs at the side that its document says. */
bool dpl_turn_is_done(const struct dpl_set *set);
/* Whether its role and what else runs let its engine run. */
bool dpl_turn_engine(struct dpl_set *set);

#endif
