/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Announcements that are repeated by a process of their own, which outlives the caller.
 *
 * It has a session of its own and none of the caller's descriptors, so nobody waits for it. It ends
 * after the last announcement, when the address or its interface goes away (netlink tells it), or
 * when dpl_net_repeat_end is called: after that has returned, nothing is sent any more.
 */
#ifndef DPL_NET_REPEAT_H
#define DPL_NET_REPEAT_H

#include "lib/net/addr.h"
#include "lib/net/link.h"

struct dpl_net_repeat {
    struct dpl_net_link link;
    struct dpl_net_addr addr;
    int count; /* announcements, the first after one interval */
    int interval_ms;
    const char *pid_path; /* who does it is written here: "PID STARTTIME" */
};

/* Ends the one that runs for this path, if any, and starts another. When it returns DPL_OK the new
 * process runs, is written down and watches the address. */
int dpl_net_repeat_start(const struct dpl_net_repeat *repeat, struct dpl_err *err);
/* Ends the process of this path and waits until it is gone, at most a second. DPL_OK too when there
 * is none. */
int dpl_net_repeat_end(const char *pid_path, struct dpl_err *err);

#endif
