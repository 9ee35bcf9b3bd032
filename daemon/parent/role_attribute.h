/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The node attribute of a set's role at Pacemaker: read from its answer to "status"
 * (cluster/pacemaker.c), set on nodes in a given order, and the refusals of agents cleaned up
 * behind it. Who decides what it is to be is roles.c.
 */
#ifndef DPL_PARENT_ROLE_ATTRIBUTE_H
#define DPL_PARENT_ROLE_ATTRIBUTE_H

#include "daemon/core/role_order.h"
#include "daemon/parent/daemon.h"

/* rc of the last thing that was asked of Pacemaker; called once. */
typedef void dpl_role_attribute_fn(void *self, int rc, const struct dpl_err *err);

/* The nodes that are online, borrowed from the status, `room` of them at most. How many. */
size_t dpl_role_attribute_read(const struct dpl_doc *status, const char *set,
                               struct dpl_role_node *to, size_t room);
/* Sets it on these nodes, one after the other; role NULL: takes it away. Then the set's starts that
 * had failed are cleaned up. */
void dpl_role_attribute_set(struct dpl_daemon *daemon, const char *set, const char *role,
                            const char *const *nodes, size_t count, const struct dpl_doc *status,
                            dpl_role_attribute_fn *done, void *self);
/* Cleans up what refused to start in another role, or found no daemon. False: there is nothing, and
 * done is not called. */
bool dpl_role_attribute_clean(struct dpl_daemon *daemon, const char *set, const char *role,
                              const struct dpl_doc *status, dpl_role_attribute_fn *done,
                              void *self);

#endif
