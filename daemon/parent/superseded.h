/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A set that serves here while the other site serves it with a higher generation: its role becomes
 * superseded, which ends its services. That waits for no store: one that takes no change, because a
 * node is missing or the disk has failed, is told when it takes changes again, and until then
 * set->met.unnoted ends what runs: roles.c takes the role from Pacemaker, agents read a copy of the
 * role that says so, and a stand-alone server ends its services.
 */
#ifndef DPL_PARENT_SUPERSEDED_H
#define DPL_PARENT_SUPERSEDED_H

#include "daemon/parent/daemon.h"

/* It was heard; again and again, until the store has it. */
void dpl_superseded(struct dpl_set *set, int64_t generation);
/* The other site says something else by now, and the store was not told. */
void dpl_superseded_over(struct dpl_set *set);

#endif
