/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Network interfaces, as rtnetlink tells of them.
 */
#ifndef DPL_NET_LINK_H
#define DPL_NET_LINK_H

#include "lib/net/nl.h"

#include <net/if.h>
#include <stdint.h>

enum { DPL_NET_MAC_MAX = 32 };

struct dpl_net_link {
    int index;
    char name[IF_NAMESIZE];
    unsigned flags;     /* IFF_* */
    uint16_t type;      /* ARPHRD_* */
    uint8_t operstate;  /* IF_OPER_* */
    uint8_t mac_length; /* 0 when it has none */
    uint8_t mac[DPL_NET_MAC_MAX];
    uint8_t broadcast[DPL_NET_MAC_MAX];
};

/* Reads one RTM_NEWLINK message. */
int dpl_net_link_decode(const struct nlmsghdr *message, struct dpl_net_link *link_r,
                        struct dpl_err *err);

/* The interface of this name. DPL_E_NOT_FOUND when there is none. */
int dpl_net_link_by_name(struct dpl_net_nl *nl, const char *name, struct dpl_net_link *link_r,
                         struct dpl_err *err);
int dpl_net_link_by_index(struct dpl_net_nl *nl, int index, struct dpl_net_link *link_r,
                          struct dpl_err *err);

/* Why the interface carries no packets now, or NULL if it does. The carrier counts, not the
 * operational state alone: that follows a carrier late (up to a second), and stays "unknown" on
 * loopback, dummy and many virtual interfaces. */
const char *dpl_net_link_why_down(const struct dpl_net_link *link);
/* Whether neighbours are found by ARP or neighbour discovery on it. */
bool dpl_net_link_has_neighbours(const struct dpl_net_link *link);

#endif
