/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Roles of sets as Pacemaker sees them: the transient node attribute doppel-SET on every node, set
 * by one daemon for all, and again where it is missing. On a stand-alone server nothing of this
 * runs.
 *
 * When serving is taken away, the other nodes lose it first, and the owner last; when it is given,
 * the owner gets it first; each is seen in Pacemaker's status before the next is told. So the
 * service is never begun on another node while it ends on its own.
 *
 * A set that serves, and of which no node has the attribute when this daemon has not seen its role
 * made or changed either, starts cold: the whole cluster was down, and the other site may serve by
 * now. It is held until cold.h says otherwise, or never with cold_start=go. A cluster that lost its
 * quorum, and stopped the set for that, takes the role away: it comes back by the same way.
 * So does one whose store takes no change when it hears that the other site serves it
 * (superseded.h).
 */
#ifndef DPL_PARENT_ROLES_H
#define DPL_PARENT_ROLES_H

#include "daemon/parent/daemon.h"

void dpl_roles_begin(struct dpl_daemon *daemon);
void dpl_roles_end(struct dpl_daemon *daemon);
/* Something that roles depend on may have changed. */
void dpl_roles_look(struct dpl_daemon *daemon);

#endif
