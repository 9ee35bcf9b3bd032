/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The packets by which neighbours find each other: ARP (RFC 826, 5227) and IPv6 neighbour discovery
 * (RFC 4861), without the link's header. Pure: bytes in, bytes out.
 */
#ifndef DPL_NET_PACKET_H
#define DPL_NET_PACKET_H

#include "lib/net/addr.h"
#include "lib/net/link.h"

enum { DPL_NET_PACKET_MAX = 128 };

enum dpl_net_packet_kind {
    DPL_NET_PACKET_PROBE,    /* who has it? ARP request or solicitation, from nobody's address */
    DPL_NET_PACKET_ANNOUNCE, /* we have it: ARP request, or neighbour advertisement */
    DPL_NET_PACKET_REPLY,    /* we have it: ARP reply; IPv6 has none */
};

struct dpl_net_packet {
    uint16_t protocol;                    /* ETH_P_ARP or ETH_P_IPV6 */
    uint8_t destination[DPL_NET_MAC_MAX]; /* hardware address, of the link's length */
    size_t size;                          /* 0 when there is no such packet */
    uint8_t bytes[DPL_NET_PACKET_MAX];
};

/* Makes the packet about addr as this link sends it. router: the node forwards IPv6. */
void dpl_net_packet_make(enum dpl_net_packet_kind kind, const struct dpl_net_link *link,
                         const struct dpl_net_addr *addr, bool router,
                         struct dpl_net_packet *packet_r);

/* Whether a packet that came in says that another machine has addr. mac_r then holds its hardware
 * address, mac_length bytes of the link's. Probes of others are no claim: switches that track
 * devices send such too. from: the hardware address in the link's header. */
bool dpl_net_packet_is_claim(const void *bytes, size_t size, const struct dpl_net_link *link,
                             const struct dpl_net_addr *addr, const uint8_t *from,
                             uint8_t mac_r[DPL_NET_MAC_MAX]);

/* "02:00:5e:10:00:01". Returns text. */
const char *dpl_net_mac_format(const uint8_t *mac, size_t length,
                               char text[DPL_NET_MAC_MAX * 3 + 1]);

#endif
