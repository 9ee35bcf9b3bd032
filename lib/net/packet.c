/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/net/packet.h"

#include <arpa/inet.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <stdio.h>
#include <string.h>

enum {
    ARP_HEADER = 8,
    IPV6_HEADER = 40,
    ND_FIXED = 24, /* type, code, checksum, flags, target */
    NEXT_ICMPV6 = 58,
    TYPE_SOLICIT = 135,
    TYPE_ADVERT = 136,
    OPTION_TARGET_MAC = 2,
    FLAG_ROUTER = 0x80,
    FLAG_OVERRIDE = 0x20,
};

static void put16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static unsigned get16(const uint8_t *at)
{
    return (unsigned)at[0] << 8 | at[1];
}

static void make_arp(enum dpl_net_packet_kind kind, const struct dpl_net_link *link,
                     const struct dpl_net_addr *addr, struct dpl_net_packet *out)
{
    size_t mac = link->mac_length;
    uint8_t *p = out->bytes + ARP_HEADER;
    put16(out->bytes, link->type);
    put16(out->bytes + 2, ETH_P_IP);
    out->bytes[4] = (uint8_t)mac;
    out->bytes[5] = 4;
    put16(out->bytes + 6, kind == DPL_NET_PACKET_REPLY ? ARPOP_REPLY : ARPOP_REQUEST);
    memcpy(p, link->mac, mac);
    if (kind != DPL_NET_PACKET_PROBE)
        memcpy(p + mac, addr->bytes, 4);
    if (kind == DPL_NET_PACKET_REPLY) /* RFC 5944, 4.6: both hardware addresses are the sender's */
        memcpy(p + mac + 4, link->mac, mac);
    memcpy(p + 2 * mac + 4, addr->bytes, 4);
    out->size = ARP_HEADER + 2 * (mac + 4);
    out->protocol = ETH_P_ARP;
    memcpy(out->destination, link->broadcast, DPL_NET_MAC_MAX);
}

/* The checksum of an ICMPv6 packet with its pseudo header; over a right one it gives 0. */
static unsigned icmpv6_sum(const uint8_t *packet, size_t size)
{
    size_t length = size - IPV6_HEADER;
    uint32_t sum = NEXT_ICMPV6 + (uint32_t)length;
    for (size_t i = 8; i < size; i += 2)
        sum += (unsigned)packet[i] << 8 | (i + 1 < size ? packet[i + 1] : 0);
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return ~sum & 0xffff;
}

static void make_nd(enum dpl_net_packet_kind kind, const struct dpl_net_link *link,
                    const struct dpl_net_addr *addr, bool router, struct dpl_net_packet *out)
{
    uint8_t *ip = out->bytes, *nd = ip + IPV6_HEADER, *target = ip + 24;
    size_t size = ND_FIXED;
    target[0] = 0xff;
    target[1] = 0x02;
    target[15] = 1;
    if (kind == DPL_NET_PACKET_PROBE) { /* to the solicited-node group, from the unspecified */
        target[11] = 1;
        target[12] = 0xff;
        memcpy(target + 13, addr->bytes + 13, 3);
        nd[0] = TYPE_SOLICIT;
    } else {
        memcpy(ip + 8, addr->bytes, 16);
        nd[0] = TYPE_ADVERT;
        nd[4] = FLAG_OVERRIDE | (router ? FLAG_ROUTER : 0);
        size_t option = (2 + (size_t)link->mac_length + 7) / 8;
        nd[ND_FIXED] = OPTION_TARGET_MAC;
        nd[ND_FIXED + 1] = (uint8_t)option;
        memcpy(nd + ND_FIXED + 2, link->mac, link->mac_length);
        size += option * 8;
    }
    memcpy(nd + 8, addr->bytes, 16);
    ip[0] = 0x60;
    put16(ip + 4, (unsigned)size);
    ip[6] = NEXT_ICMPV6;
    ip[7] = 255;
    out->size = IPV6_HEADER + size;
    put16(nd + 2, icmpv6_sum(ip, out->size));
    out->protocol = ETH_P_IPV6;
    memcpy(out->destination, link->broadcast, DPL_NET_MAC_MAX);
    if (link->type == ARPHRD_ETHER) { /* RFC 2464: 33:33 and the group's last four bytes */
        out->destination[0] = out->destination[1] = 0x33;
        memcpy(out->destination + 2, target + 12, 4);
    }
}

void dpl_net_packet_make(enum dpl_net_packet_kind kind, const struct dpl_net_link *link,
                         const struct dpl_net_addr *addr, bool router,
                         struct dpl_net_packet *packet_r)
{
    *packet_r = (struct dpl_net_packet){0};
    if (addr->family == AF_INET)
        make_arp(kind, link, addr, packet_r);
    else if (kind != DPL_NET_PACKET_REPLY)
        make_nd(kind, link, addr, router, packet_r);
}

static bool arp_is_claim(const uint8_t *p, size_t size, const struct dpl_net_link *link,
                         const struct dpl_net_addr *addr, uint8_t *mac_r)
{
    size_t mac = link->mac_length;
    if (size < ARP_HEADER + 2 * (mac + 4) || get16(p) != link->type || get16(p + 2) != ETH_P_IP ||
        p[4] != mac || p[5] != 4 || get16(p + 6) < ARPOP_REQUEST || get16(p + 6) > ARPOP_REPLY)
        return false;
    if (memcmp(p + ARP_HEADER + mac, addr->bytes, 4) != 0)
        return false;
    memcpy(mac_r, p + ARP_HEADER, mac);
    return true;
}

/* The hardware address of the option, if there is one, else that of the link's header. */
static bool advert_is_claim(const uint8_t *p, size_t size, const struct dpl_net_link *link,
                            const struct dpl_net_addr *addr, const uint8_t *from, uint8_t *mac_r)
{
    size_t mac = link->mac_length;
    if (size < IPV6_HEADER + ND_FIXED || p[0] >> 4 != 6 || p[6] != NEXT_ICMPV6 || p[7] != 255)
        return false;
    size_t length = get16(p + 4);
    const uint8_t *nd = p + IPV6_HEADER;
    if (length < ND_FIXED || length > size - IPV6_HEADER || nd[0] != TYPE_ADVERT || nd[1] != 0 ||
        icmpv6_sum(p, IPV6_HEADER + length) != 0 || memcmp(nd + 8, addr->bytes, 16) != 0)
        return false;
    memcpy(mac_r, from, mac);
    for (size_t at = ND_FIXED; at + 8 <= length && nd[at + 1] > 0; at += (size_t)nd[at + 1] * 8)
        if (nd[at] == OPTION_TARGET_MAC && at + 2 + mac <= length)
            memcpy(mac_r, nd + at + 2, mac);
    return true;
}

bool dpl_net_packet_is_claim(const void *bytes, size_t size, const struct dpl_net_link *link,
                             const struct dpl_net_addr *addr, const uint8_t *from,
                             uint8_t mac_r[DPL_NET_MAC_MAX])
{
    uint8_t mac[DPL_NET_MAC_MAX] = {0};
    bool claim = addr->family == AF_INET ? arp_is_claim(bytes, size, link, addr, mac)
                                         : advert_is_claim(bytes, size, link, addr, from, mac);
    if (!claim || memcmp(mac, link->mac, link->mac_length) == 0)
        return false; /* nobody's, or our own come back */
    memcpy(mac_r, mac, sizeof mac);
    return true;
}

const char *dpl_net_mac_format(const uint8_t *mac, size_t length,
                               char text[DPL_NET_MAC_MAX * 3 + 1])
{
    text[0] = '\0';
    for (size_t i = 0; i < length && i < DPL_NET_MAC_MAX; i++)
        snprintf(text + i * 3, 4, "%02x:", mac[i]);
    if (length > 0 && length <= DPL_NET_MAC_MAX)
        text[length * 3 - 1] = '\0';
    return text;
}
