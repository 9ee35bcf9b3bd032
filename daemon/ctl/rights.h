/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Who may do what: root and the group doppel-admin may command, doppel-monitor may look, nobody
 * else is heard.
 *
 * Groups are those that the kernel knows of the client's process: no directory service is asked
 * while somebody waits. The numbers of the two groups are looked up once.
 */
#ifndef DPL_CTL_RIGHTS_H
#define DPL_CTL_RIGHTS_H

#include "lib/ctl/command.h"

#include <sys/types.h>

struct dpl_rights {
    gid_t admin; /* -1: there is no such group */
    gid_t monitor;
};

/* Looks up the groups. */
void dpl_rights_init(struct dpl_rights *rights);
/* What a process may that connected as this user. */
enum dpl_right dpl_rights_of(const struct dpl_rights *rights, pid_t pid, uid_t uid, gid_t gid);
/* The same from the text of /proc/PID/status; NONE unless that is still the user's. */
enum dpl_right dpl_rights_of_status(const struct dpl_rights *rights, const char *status, uid_t uid,
                                    gid_t gid);

#endif
