/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Telling the neighbours on a link about an address, and asking them for it.
 *
 * Needs CAP_NET_RAW. Interfaces without neighbours (loopback, point to point) are the caller's to
 * leave out: dpl_net_link_has_neighbours.
 */
#ifndef DPL_NET_NEIGHBOUR_H
#define DPL_NET_NEIGHBOUR_H

#include "lib/base/clock.h"
#include "lib/net/packet.h"

struct dpl_net_neighbour {
    int fd;
    struct dpl_net_link link;
    struct dpl_net_addr addr;
    bool router;
};

/* A socket that sends packets about addr on the link, and hears the claims of others. */
int dpl_net_neighbour_open(struct dpl_net_neighbour *neighbour, const struct dpl_net_link *link,
                           const struct dpl_net_addr *addr, struct dpl_err *err);
void dpl_net_neighbour_close(struct dpl_net_neighbour *neighbour);

/* Tells once: ARP request and reply, or neighbour advertisement. */
int dpl_net_neighbour_announce(struct dpl_net_neighbour *neighbour, struct dpl_err *err);

/* Sends one question. */
int dpl_net_neighbour_ask(struct dpl_net_neighbour *neighbour, struct dpl_err *err);
/* Goes on asking, times altogether, the first time having been at since_ns. Each question has its
 * share of span_ms to be answered, also when this process was held up. Returns 1 as soon as another
 * machine claims the address, with its hardware address in mac_r, or 0 if none did. */
int dpl_net_neighbour_listen(struct dpl_net_neighbour *neighbour, const struct dpl_clock *clock,
                             int64_t since_ns, int span_ms, int times,
                             uint8_t mac_r[DPL_NET_MAC_MAX], struct dpl_err *err);

#endif
