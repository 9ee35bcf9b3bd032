/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Whether an address can be listened on, and who does so already.
 */
#ifndef DPL_SERVICE_HOLDER_H
#define DPL_SERVICE_HOLDER_H

#include "lib/service/facts.h"
#include "lib/service/proc.h"

/* REFUSED, with the process that has it and what it is, or that the address is not on this node. */
int dpl_holder_check(const struct dpl_service_listen *listen, struct dpl_err *err);
/* The process that listens on this port, on any address. */
bool dpl_holder_find(unsigned port, struct dpl_proc *proc_r);
/* How many connections wait to be accepted on this port, on any address. */
unsigned dpl_holder_backlog(unsigned port);
/* A line of /proc/net/tcp or tcp6: the inode of a socket that listens on the port, or 0;
 * and how many connections wait there. */
unsigned long dpl_holder_parse(const char *line, unsigned port, unsigned *backlog_r);

#endif
