/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Which processes belong to a service: those that the start remembered, the one that its pid file
 * names, all that run its program for its configuration, the sessions that these lead or led, and
 * what descends from any of them. So nothing of it is missed when its master was killed, its pid
 * file is gone, or its configuration is. What lives in another pid namespace never belongs to it.
 */
#ifndef DPL_SERVICE_OWN_H
#define DPL_SERVICE_OWN_H

#include "lib/service/kind.h"

/* A process that led, or leads, a session of the service. */
struct dpl_service_known {
    pid_t pid;
    uint64_t start;
};

enum { DPL_SERVICE_KNOWN_MAX = 4 };

struct dpl_service_memory {
    /* The master, what started it, what runs beside it; pid 0: none. */
    struct dpl_service_known known[DPL_SERVICE_KNOWN_MAX];
    char pid_file[DPL_FACTS_PATH]; /* or empty */
};

/* Reads all processes into *procs_r and sets ours on those of the service. Returns how many. */
int dpl_service_own(const struct dpl_service *service, const struct dpl_service_memory *memory,
                    struct dpl_procs *procs_r, struct dpl_err *err);
/* Its master among them: remembered, or named by the pid file, or the first that is neither a child
 * of another of ours nor outside of a session of its own. NULL if there is none. */
struct dpl_proc *dpl_service_master(const struct dpl_service *service,
                                    const struct dpl_service_memory *memory,
                                    const struct dpl_procs *procs);
/* Whether none of ours is its parent. */
bool dpl_service_is_top(const struct dpl_procs *procs, const struct dpl_proc *proc);

#endif
