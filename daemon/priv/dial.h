/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Making the TCP connection: names are looked up while files can still be read, then the addresses
 * are tried in turn.
 */
#ifndef DPL_PRIV_DIAL_H
#define DPL_PRIV_DIAL_H

#include "daemon/priv/start.h"

#include <stdint.h>
#include <sys/socket.h>

enum { DPL_DIAL_MAX = 16, DPL_DIAL_EACH_MS = 3000 };

struct dpl_dial {
    struct {
        struct sockaddr_storage address;
        socklen_t size;
    } to[DPL_DIAL_MAX];
    size_t count;
    struct sockaddr_storage from; /* where it is said; else from_size 0 */
    socklen_t from_size;
};

/* Looks up all addresses. UNREACHABLE with the resolver's reason if none was found. */
int dpl_dial_resolve(struct dpl_dial *dial, const struct dpl_door_start *start,
                     struct dpl_err *err);
/* Connects. Returns the descriptor, non-blocking and close-on-exec, and writes the address as text;
 * UNREACHABLE with each address' reason, TIMEOUT past the deadline. */
int dpl_dial_connect(const struct dpl_dial *dial, int64_t deadline_ns, char *text, size_t room,
                     struct dpl_err *err);
/* For a connection of either origin: a peer that vanished is noticed, small messages go at once. */
void dpl_dial_options(int fd);

#endif
