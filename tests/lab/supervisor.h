/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The supervisor: pid 1 of the lab's outer namespaces. Builds the lab, then serves requests.
 */
#ifndef DPL_LAB_SUPERVISOR_H
#define DPL_LAB_SUPERVISOR_H

#include "tests/lab/lab.h"

struct lab_supervisor_fds {
    int cgroup; /* the root of the cgroup hierarchy */
    int ready;  /* it writes "ok" or the reason of its failure here, and closes it */
    int life;   /* ends when the keeper ends */
};

void lab_supervisor(const struct lab_plan *plan, const struct lab_supervisor_fds *fds)
    __attribute__((noreturn));

#endif
