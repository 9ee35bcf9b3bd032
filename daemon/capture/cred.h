/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Whose rights a thread works with below.
 *
 * New objects belong to the caller, and blocks, inodes and quotas are charged to it, so each
 * request that changes something runs with its file system ids. The kernel has already decided
 * whether it may (default_permissions): the capabilities that go with these ids are raised again at
 * once. Changes cost system calls, so a thread keeps what it has until a request wants something
 * else.
 */
#ifndef DPL_CAPTURE_CRED_H
#define DPL_CAPTURE_CRED_H

#include "lib/base/err.h"

#include <stdbool.h>
#include <stdint.h>

#define CRED_GROUPS 4

struct cred {
    uint32_t uid, gid;
    uint32_t group_count;
    uint32_t groups[CRED_GROUPS];
    uint32_t umask;
    bool may_keep_setid; /* CAP_FSETID: writing and changing owners leaves set-id bits alone */
};

/* At a worker's start: drops CAP_SYS_RESOURCE (it would write into reserved blocks and past quotas)
 * and all supplementary groups. */
int cred_init_process(struct dpl_err *err);
/* At a thread's start: its ids and umask become its own, and *now says which they are. */
int cred_init_thread(struct cred *now, struct dpl_err *err);
/* Makes the thread work as wanted. Returns 0 or a negative errno. */
int cred_switch(struct cred *now, const struct cred *wanted);

#endif
