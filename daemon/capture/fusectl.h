/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The kernel's door to FUSE connections (/sys/fs/fuse/connections), wherever it is mounted or not,
 * and who serves a connection. A connection is named by the device number of its mount.
 */
#ifndef DPL_CAPTURE_FUSECTL_H
#define DPL_CAPTURE_FUSECTL_H

#include "daemon/capture/proc.h"

/* Returns a descriptor of the directory of connections. */
int dpl_fusectl_open(struct dpl_err *err);
/* How many requests wait for the server, those in its hands included. DPL_E_NOT_FOUND: no such
 * connection. */
int dpl_fusectl_waiting(int ctl_fd, dev_t dev, uint64_t *waiting_r, struct dpl_err *err);
/* Ends the connection: whoever waits gets an error, as does all that comes after. */
int dpl_fusectl_abort(int ctl_fd, dev_t dev, struct dpl_err *err);

enum dpl_server {
    DPL_SERVER_UNKNOWN, /* the kernel does not tell, and there is doubt */
    DPL_SERVER_ALIVE,   /* a process has the connection open, or the keeper lives */
    DPL_SERVER_DEAD,    /* nobody can answer */
};

/* Whether this connection is served. keeper may be NULL. One of the three, or a negative code. */
int dpl_fusectl_server(dev_t dev, const struct dpl_proc_id *keeper, struct dpl_err *err);

#endif
