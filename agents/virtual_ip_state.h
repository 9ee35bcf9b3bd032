/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What virtual-ip remembers while it runs, beneath /run, so a boot forgets it: where it put the
 * address, so that stop finds it when the configuration or the interface's name has changed since,
 * and the routes that it changed, as they were.
 *
 * The file is text: "addr A", "index N", "prefix P" and any number of "route HEX" (a netlink
 * message).
 */
#ifndef DPL_AGENTS_VIRTUAL_IP_STATE_H
#define DPL_AGENTS_VIRTUAL_IP_STATE_H

#include "lib/net/route.h"
#include "lib/ocf/state.h"

struct vip_state {
    struct dpl_net_addr addr; /* family 0: nothing is remembered */
    int index;
    int prefix;
    struct dpl_net_routes routes;
};

/* Reads it; a file that is not there or damaged is nothing remembered. End with vip_state_done. */
void vip_state_read(const char *path, struct vip_state *state_r);
int vip_state_write(const char *path, const struct vip_state *state, struct dpl_err *err);
void vip_state_done(struct vip_state *state);

#endif
