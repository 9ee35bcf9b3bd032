/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Where the address belongs on this host, and whether it is there.
 */
#ifndef DPL_AGENTS_VIRTUAL_IP_PLACE_H
#define DPL_AGENTS_VIRTUAL_IP_PLACE_H

#include "agents/virtual_ip_state.h"
#include "agents/virtual_ip_want.h"
#include "lib/net/link.h"

/* One look at the host. */
struct vip_host {
    struct dpl_net_nl nl;
    struct dpl_net_ifaddrs addrs; /* all of the family */
    struct vip_state state;
    char state_path[DPL_OCF_STATE_PATH];
    char pid_path[DPL_OCF_STATE_PATH];
};

struct vip_place {
    struct dpl_net_link link;
    int prefix; /* -1: cannot be known */
};

/* Opens netlink, reads the state and the addresses of the family. Without a readable ip the
 * remembered one takes its place in *want. End with vip_host_close, after an error too. */
int vip_host_open(struct dpl_ocf_run *run, struct vip_want *want, struct vip_host *host_r,
                  struct dpl_err *err);
void vip_host_close(struct vip_host *host);
/* Reads the addresses again. */
int vip_host_refresh(const struct vip_want *want, struct vip_host *host, struct dpl_err *err);

/* Where start would put it. DPL_E_PARAM_HERE when this host has no place for it. */
int vip_place_find(const struct vip_want *want, struct vip_host *host, struct vip_place *place_r,
                   struct dpl_err *err);
/* The address as it is there now and ours; NULL when it is not. Ours is what we remember to have
 * put there; else what is at its place, with its prefix; else, when there is no place for it (the
 * interface is unknown, the route gone), wherever it is. */
int vip_place_locate(const struct vip_want *want, struct vip_host *host,
                     const struct dpl_net_ifaddr **found_r, struct dpl_err *err);
/* The address on this interface, any prefix; index 0: on any. NULL when it is not there. */
const struct dpl_net_ifaddr *vip_place_look(const struct vip_want *want,
                                            const struct vip_host *host, int index);

#endif
