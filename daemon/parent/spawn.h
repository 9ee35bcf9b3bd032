/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Starts a program with the descriptors that it shall have and no others.
 */
#ifndef DPL_PARENT_SPAWN_H
#define DPL_PARENT_SPAWN_H

#include "lib/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { DPL_SPAWN_FDS_MAX = 16 };

struct dpl_spawn {
    const char *path;
    char *const *argv;
    char *const *env;
    int fds[DPL_SPAWN_FDS_MAX]; /* become 0, 1, 2 ...; borrowed; -1: that number is left closed */
    size_t fd_count;
    bool session; /* in a session of its own, and outlives us; else it is killed when we die */
};

/* The pid, and a pidfd that the caller owns. A program that cannot be run is an error here. */
pid_t dpl_spawn(const struct dpl_spawn *spawn, int *pidfd_r, struct dpl_err *err);

#endif
