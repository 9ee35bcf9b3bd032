/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the parameters of virtual-ip ask for.
 */
#ifndef DPL_AGENTS_VIRTUAL_IP_WANT_H
#define DPL_AGENTS_VIRTUAL_IP_WANT_H

#include "lib/net/ifaddr.h"
#include "lib/ocf/agent.h"

enum vip_broadcast {
    VIP_BROADCAST_AUTO,
    VIP_BROADCAST_ONES,
    VIP_BROADCAST_ZEROS,
    VIP_BROADCAST_GIVEN
};

struct vip_want {
    struct dpl_net_addr addr; /* family 0: the parameter cannot be read */
    char text[DPL_NET_ADDR_TEXT];
    char nic[IF_NAMESIZE];   /* empty: by route */
    char label[IF_NAMESIZE]; /* behind the colon; empty: none */
    int prefix;              /* -1: by route */
    enum vip_broadcast broadcast_how;
    struct dpl_net_addr broadcast;
    uint32_t preferred_s;
    int arp_count, arp_interval_ms, arp_count_refresh;
    bool arp_bg, patient, nodad, noprefixroute, preferred_source, check_link;
};

/* Reads all of it. Strictly, the first value that is wrong is the error. Otherwise what is wrong
 * counts as not given, and even an unreadable ip is no error: addr.family is 0 then. */
int vip_want_read(const struct dpl_ocf_run *run, bool strict, struct vip_want *want_r,
                  struct dpl_err *err);
/* The frame's check: refuses what is known and not supported, then reads strictly. Warns of what
 * has no effect. */
int vip_want_check(struct dpl_ocf_run *run, struct dpl_err *err);

extern const struct dpl_ocf_agent vip_agent;

#endif
