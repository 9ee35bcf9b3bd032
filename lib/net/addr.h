/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * IPv4 and IPv6 addresses and prefixes as values. Pure: no system calls.
 */
#ifndef DPL_NET_ADDR_H
#define DPL_NET_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DPL_NET_ADDR_TEXT = 46 }; /* room for any address as text */

struct dpl_net_addr {
    uint8_t family;    /* AF_INET or AF_INET6; 0 when there is none */
    uint8_t bytes[16]; /* network order; an IPv4 address uses the first four */
};

/* 4 or 16; 0 when there is none. */
size_t dpl_net_addr_size(const struct dpl_net_addr *addr);
/* An address without prefix or zone. False, and *addr_r untouched, for anything else. */
bool dpl_net_addr_parse(const char *text, struct dpl_net_addr *addr_r);
/* From the bytes of a packet: size must be that of the family. */
bool dpl_net_addr_from_bytes(uint8_t family, const void *bytes, size_t size,
                             struct dpl_net_addr *addr_r);
/* Writes the canonical text, RFC 5952 for IPv6. Returns text. */
const char *dpl_net_addr_format(const struct dpl_net_addr *addr, char text[DPL_NET_ADDR_TEXT]);
bool dpl_net_addr_equal(const struct dpl_net_addr *a, const struct dpl_net_addr *b);
/* Whether addr lies in net/prefix. False for another family or a prefix that cannot be. */
bool dpl_net_addr_in(const struct dpl_net_addr *addr, const struct dpl_net_addr *net, int prefix);
/* The address with all bits behind the prefix set, or cleared. */
struct dpl_net_addr dpl_net_addr_fill(const struct dpl_net_addr *addr, int prefix, bool ones);

bool dpl_net_addr_is_loopback(const struct dpl_net_addr *addr);
bool dpl_net_addr_is_link_local(const struct dpl_net_addr *addr); /* IPv6 fe80::/10 alone */
/* Whether a host can have it: not unspecified, multicast, broadcast or 0.0.0.0/8, nor IPv4-mapped.
 */
bool dpl_net_addr_is_host(const struct dpl_net_addr *addr);

/* "24", and for IPv4 "255.255.255.0". Returns the length of the prefix, or -1. */
int dpl_net_prefix_parse(const char *text, uint8_t family);

#endif
