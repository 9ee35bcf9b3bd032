/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The files that corosync and Pacemaker want on a host.
 */
#ifndef DPL_LAB_CLUSTER_H
#define DPL_LAB_CLUSTER_H

#include "tests/lab/lab.h"

/* To be called in the host, with its root in place. */
int lab_cluster_write(const struct lab_plan *plan, const struct lab_host_plan *host,
                      struct dpl_err *err);
int lab_hosts_write(const struct lab_plan *plan, const struct lab_host_plan *host,
                    struct dpl_err *err);

#endif
