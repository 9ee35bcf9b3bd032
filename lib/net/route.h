/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Routes of the main table: which interface and prefix hold an address, and the preferred source of
 * a route, which can be given back exactly because a route keeps its message whole.
 */
#ifndef DPL_NET_ROUTE_H
#define DPL_NET_ROUTE_H

#include "lib/net/addr.h"
#include "lib/net/nl.h"

#include <stdint.h>

enum { DPL_NET_ROUTE_ROOM = 512 };

struct dpl_net_route {
    struct dpl_net_addr destination;
    int prefix;
    int index;      /* of the interface that it leaves by; 0 when it has several or none */
    uint32_t table; /* RT_TABLE_* */
    uint8_t type;   /* RTN_* */
    bool gateway;   /* it goes through a router */
    uint32_t metric;
    struct dpl_net_addr source; /* preferred source; family is 0 when there is none */
    uint16_t size;              /* of message; 0 when it was too long to keep */
    uint8_t message[DPL_NET_ROUTE_ROOM] __attribute__((aligned(4)));
};

struct dpl_net_routes {
    struct dpl_net_route *items;
    size_t count;
};

/* Reads one RTM_NEWROUTE message. */
int dpl_net_route_decode(const struct nlmsghdr *message, struct dpl_net_route *route_r,
                         struct dpl_err *err);
/* Writes the request that puts the route in the place of the one with the same key, with this
 * source (family 0: with none). The route has kept its message (size is not 0). */
void dpl_net_route_encode(union dpl_net_msg *msg, const struct dpl_net_route *route,
                          const struct dpl_net_addr *source);

/* The unicast routes of the main table. End with dpl_net_routes_done, after an error too. */
int dpl_net_routes_list(struct dpl_net_nl *nl, uint8_t family, struct dpl_net_routes *list_r,
                        struct dpl_err *err);
void dpl_net_routes_done(struct dpl_net_routes *list);

/* The most specific directly connected route that holds the address and a network of this prefix
 * around it (-1: any), on this interface (0: any); the lowest metric among equals. NULL when there
 * is none. Default routes do not count. */
const struct dpl_net_route *dpl_net_routes_connected(const struct dpl_net_routes *list,
                                                     const struct dpl_net_addr *addr, int prefix,
                                                     int index);
/* The route of the list with the same key, or NULL. */
const struct dpl_net_route *dpl_net_routes_same(const struct dpl_net_routes *list,
                                                const struct dpl_net_route *route);

/* Puts the route in place with this source. */
int dpl_net_route_set_source(struct dpl_net_nl *nl, const struct dpl_net_route *route,
                             const struct dpl_net_addr *source, struct dpl_err *err);

#endif
