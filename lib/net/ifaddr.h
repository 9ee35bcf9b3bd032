/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Addresses of network interfaces.
 */
#ifndef DPL_NET_IFADDR_H
#define DPL_NET_IFADDR_H

#include "lib/net/addr.h"
#include "lib/net/nl.h"

#include <net/if.h>
#include <stdint.h>

#define DPL_NET_FOREVER UINT32_MAX

struct dpl_net_ifaddr {
    struct dpl_net_addr addr;
    struct dpl_net_addr peer;      /* of a point-to-point address; else family is 0 */
    struct dpl_net_addr broadcast; /* family is 0 when there is none */
    int prefix;
    int index;      /* of the interface */
    uint32_t flags; /* IFA_F_* */
    uint8_t scope;
    uint32_t preferred_s; /* DPL_NET_FOREVER: for ever */
    uint32_t valid_s;
    char label[IF_NAMESIZE]; /* IPv4 alone; empty when there is none */
};

struct dpl_net_ifaddrs {
    struct dpl_net_ifaddr *items;
    size_t count;
};

/* Reads one RTM_NEWADDR or RTM_DELADDR message. */
int dpl_net_ifaddr_decode(const struct nlmsghdr *message, struct dpl_net_ifaddr *ifaddr_r,
                          struct dpl_err *err);
/* Writes the request that sets the address (RTM_NEWADDR) or removes it (RTM_DELADDR). nl_flags:
 * NLM_F_CREATE | NLM_F_EXCL, NLM_F_REPLACE. */
void dpl_net_ifaddr_encode(union dpl_net_msg *msg, uint16_t type, uint16_t nl_flags,
                           const struct dpl_net_ifaddr *ifaddr);

/* All addresses of a family. The caller ends with dpl_net_ifaddrs_done, after an error too. */
int dpl_net_ifaddrs_list(struct dpl_net_nl *nl, uint8_t family, struct dpl_net_ifaddrs *list_r,
                         struct dpl_err *err);
void dpl_net_ifaddrs_done(struct dpl_net_ifaddrs *list);

/* Sets an address that is not there yet: DPL_E_EXISTS if it is. */
int dpl_net_ifaddr_add(struct dpl_net_nl *nl, const struct dpl_net_ifaddr *ifaddr,
                       struct dpl_err *err);
/* Gives an address that is there new lifetimes. */
int dpl_net_ifaddr_change(struct dpl_net_nl *nl, const struct dpl_net_ifaddr *ifaddr,
                          struct dpl_err *err);
/* Removes it. DPL_OK too when it, or its interface, is not there. */
int dpl_net_ifaddr_remove(struct dpl_net_nl *nl, const struct dpl_net_ifaddr *ifaddr,
                          struct dpl_err *err);

#endif
