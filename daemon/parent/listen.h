/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Listening on a TCP port, and moving to another one while the old is kept until the new is there.
 */
#ifndef DPL_PARENT_LISTEN_H
#define DPL_PARENT_LISTEN_H

#include "daemon/parent/loop.h"

struct dpl_listener {
    int fd; /* -1: none */
    char *host, *port;
    struct dpl_watch watch;
};

/* A socket that listens, not blocking. host is a numeric address. CONFIG if it is none. */
int dpl_listen(const char *host, const char *port, int backlog, struct dpl_err *err);
/* Takes the socket, in place of the one that it had. */
int dpl_listener_take(struct dpl_listener *listener, int fd, const char *host, const char *port,
                      qb_loop_t *loop, dpl_fd_fn *fn, void *self, struct dpl_err *err);
void dpl_listener_close(struct dpl_listener *listener);

#endif
