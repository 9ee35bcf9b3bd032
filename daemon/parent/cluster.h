/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * This node in its cluster: the store's network by doppel-cluster, and what Pacemaker says and is
 * told by doppel-pacemaker. Without corosync the daemon goes on; changes are suspended.
 *
 * On a stand-alone server the store begins at once, and nothing of this runs.
 */
#ifndef DPL_PARENT_CLUSTER_H
#define DPL_PARENT_CLUSTER_H

#include "daemon/parent/daemon.h"

/* What Pacemaker answered: err is set when rc is negative, else answer (pacemaker.c). */
typedef void dpl_pacemaker_fn(void *self, int rc, const struct dpl_doc *answer,
                              const struct dpl_err *err);

/* The store's network begins. */
void dpl_cluster_begin(struct dpl_daemon *daemon);
/* Takes leave of the other nodes, within a bounded time, then calls fn. */
void dpl_cluster_leave(struct dpl_daemon *daemon, dpl_timer_fn *fn, void *self);
void dpl_cluster_end(struct dpl_daemon *daemon);

/* Asks doppel-pacemaker; takes the question. One that cannot be asked is answered at once. */
void dpl_cluster_ask(struct dpl_daemon *daemon, struct dpl_doc *question, dpl_pacemaker_fn *fn,
                     void *self);

#endif
