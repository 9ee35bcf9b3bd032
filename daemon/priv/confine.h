/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Giving up rights, for good, before a peer's bytes are read.
 *
 *   become   another user without groups; what it takes to change the root is kept
 *   enclose  the root is a directory that was removed: nothing is in it and nothing can be made;
 *            no capability is left; nobody may trace or dump the process; limits on files,
 *            processes, memory
 *   filter   of the system calls those remain that reading, writing and waiting need; no file,
 *            socket or process can be opened, made or changed any more, nor memory be executed
 *
 * Each step is looked at after it was made; a step that did not hold is an error, and the process
 * must end. None can be undone.
 */
#ifndef DPL_PRIV_CONFINE_H
#define DPL_PRIV_CONFINE_H

#include "lib/base/err.h"

#include <sys/types.h>

struct dpl_confine {
    uid_t uid;
    gid_t gid;
    int empty_fd; /* of the removed directory; -1 */
};

/* Looks up the user (a name, or a number, which is then its group too) and makes the directory in
 * run_dir or, without one, where temporary files go. PARAM if there is no such user, or it is
 * root; PERM if this process is not root. */
int dpl_confine_prepare(struct dpl_confine *confine, const char *user, const char *run_dir,
                        struct dpl_err *err);
int dpl_confine_become(const struct dpl_confine *confine, struct dpl_err *err);
int dpl_confine_enclose(struct dpl_confine *confine, struct dpl_err *err);
int dpl_confine_filter(struct dpl_err *err);

#endif
