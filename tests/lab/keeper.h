/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The keeper: the one process of a lab that lives outside its namespaces. It starts the
 * supervisor, ends it with the processes that the lab was bound to, and removes what outlives
 * processes: cgroups and the lab's directory. Who holds the lock on that directory runs the lab.
 */
#ifndef DPL_LAB_KEEPER_H
#define DPL_LAB_KEEPER_H

#include "tests/lab/lab.h"

struct lab_keeper_fds {
    int lock;  /* the lab's directory, locked */
    int ready; /* for the supervisor */
    int armed; /* a byte comes when the lab may outlive who started it; an end without: it ends */
};

/* Removes what labs left whose keeper was killed together with all the rest, as by the end of a pid
 * namespace around both: a directory and empty cgroups. */
void lab_keeper_sweep(void);
/* Locks the lab's directory, made if need be. Returns the descriptor; DPL_E_BUSY if that lab is
 * up. */
int lab_keeper_lock(const struct lab_plan *plan, struct dpl_err *err);
/* Starts the keeper and with it the lab; arm is the other end of fds->armed, which the keeper must
 * not keep. Returns its pid. */
pid_t lab_keeper_start(const struct lab_plan *plan, const struct lab_keeper_fds *fds, int arm,
                       struct dpl_err *err);
/* The root of the unified cgroup hierarchy, wherever it is mounted, if at all. */
int lab_keeper_cgroup_root(struct dpl_err *err);
/* Removes the lab's cgroups and directory. */
void lab_keeper_clean(const struct lab_plan *plan, int cgroup_root);

#endif
