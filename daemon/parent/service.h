/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The services of a set on a stand-alone server: what Pacemaker does in a cluster, as far as one
 * server needs it. [service NAME] of doppel.conf(5) names an OCF agent and its parameters; they
 * start in the order of the file when the set serves and is captured, and stop in the opposite
 * order when it does not any more. What fails is stopped and started again, with growing waits.
 * Around them, and where there are none too, the hooks of the set run (online.h).
 *
 * They outlive us, as captures do: a daemon that starts looks how each one is.
 */
#ifndef DPL_PARENT_SERVICE_H
#define DPL_PARENT_SERVICE_H

#include "daemon/parent/daemon.h"

void dpl_services_begin(struct dpl_set *set);
void dpl_services_end(struct dpl_set *set);
/* The role or the capture may have changed. */
void dpl_services_review(struct dpl_set *set);
/* Whether none of them runs, and the hooks of offline.d have: only then may what they stand on go.
 */
bool dpl_services_stopped(const struct dpl_set *set);
/* Whether the hooks of online.d have run, and all of them run. */
bool dpl_services_up(const struct dpl_set *set);
/* What failed, until all is as it should be; "": nothing. Borrowed. */
const char *dpl_services_why(const struct dpl_set *set);
/* The services as Pacemaker's answer to "status" would name them, for group_look.h. The caller owns
 * it. */
struct dpl_doc *dpl_services_status(const struct dpl_set *set);
/* For status: a list of {service, state}. NULL where there are none. The caller owns it. */
struct dpl_doc *dpl_services_doc(const struct dpl_set *set);

#endif
