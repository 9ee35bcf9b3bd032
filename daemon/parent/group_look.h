/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What Pacemaker shows of a set's services: read from its answer to "status" (cluster/pacemaker.c).
 */
#ifndef DPL_PARENT_GROUP_LOOK_H
#define DPL_PARENT_GROUP_LOOK_H

#include "lib/ctl/doc.h"

/* The row of the set's agent of that name in the configuration; NULL: there is none. */
const struct dpl_doc *dpl_group_look_primitive(const struct dpl_doc *status, const char *set,
                                               const char *agent);
/* Why it cannot be said that nothing of the set's services runs on any node; NULL: it can be. */
const char *dpl_group_look_running(const struct dpl_doc *status, const char *set);
/* The resources of the set's services that do not run, or failed, for people; the caller frees.
 * NULL: all run. */
char *dpl_group_look_missing(const struct dpl_doc *status, const char *set);
/* The node on which Pacemaker runs the set's replica; NULL: on none. Borrowed. */
const char *dpl_group_look_replica(const struct dpl_doc *status, const char *set);
/* What a client reaches: "smtp:198.51.100.10:25". The caller frees the array. */
GPtrArray *dpl_group_look_points(const struct dpl_doc *status, const char *set);

#endif
