/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The golden bytes were computed by another program, checksums included.
 */
#include "lib/net/packet.h"
#include "tests/unit/unit.h"

#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <stdlib.h>
#include <string.h>

static const struct dpl_net_link ours = {.index = 2,
                                         .name = "v0",
                                         .type = ARPHRD_ETHER,
                                         .mac_length = 6,
                                         .mac = {2, 0, 0x5e, 0x10, 0, 1},
                                         .broadcast = {255, 255, 255, 255, 255, 255}};
static const struct dpl_net_link theirs = {.index = 3,
                                           .name = "v1",
                                           .type = ARPHRD_ETHER,
                                           .mac_length = 6,
                                           .mac = {2, 0, 0x5e, 0x10, 0, 2},
                                           .broadcast = {255, 255, 255, 255, 255, 255}};

static struct dpl_net_addr addr(const char *text)
{
    struct dpl_net_addr out = {0};
    CU_ASSERT_TRUE(dpl_net_addr_parse(text, &out));
    return out;
}

static void check(enum dpl_net_packet_kind kind, const char *address, bool router,
                  uint16_t protocol, const char *destination, const char *golden)
{
    struct dpl_net_packet packet;
    struct dpl_net_addr a = addr(address);
    char hex[2 * DPL_NET_PACKET_MAX + 1] = "", to[DPL_NET_MAC_MAX * 3 + 1];
    dpl_net_packet_make(kind, &ours, &a, router, &packet);
    for (size_t i = 0; i < packet.size; i++)
        snprintf(hex + 2 * i, 3, "%02x", packet.bytes[i]);
    CU_ASSERT_STRING_EQUAL(hex, golden);
    CU_ASSERT_EQUAL(packet.protocol, protocol);
    CU_ASSERT_STRING_EQUAL(dpl_net_mac_format(packet.destination, 6, to), destination);
}

static void golden(void)
{
    check(DPL_NET_PACKET_PROBE, "192.0.2.10", false, ETH_P_ARP, "ff:ff:ff:ff:ff:ff",
          "0001080006040001"
          "02005e10000100000000000000000000c000020a");
    check(DPL_NET_PACKET_ANNOUNCE, "192.0.2.10", false, ETH_P_ARP, "ff:ff:ff:ff:ff:ff",
          "0001080006040001"
          "02005e100001c000020a000000000000c000020a");
    check(DPL_NET_PACKET_REPLY, "192.0.2.10", false, ETH_P_ARP, "ff:ff:ff:ff:ff:ff",
          "0001080006040002"
          "02005e100001c000020a02005e100001c000020a");
    check(DPL_NET_PACKET_PROBE, "2001:db8::10", false, ETH_P_IPV6, "33:33:ff:00:00:10",
          "6000000000183aff00000000000000000000000000000000"
          "ff0200000000000000000001ff000010"
          "87004ccf0000000020010db8000000000000000000000010");
    check(DPL_NET_PACKET_ANNOUNCE, "2001:db8::10", false, ETH_P_IPV6, "33:33:00:00:00:01",
          "6000000000203aff20010db8000000000000000000000010"
          "ff020000000000000000000000000001"
          "88009afc2000000020010db8000000000000000000000010020102005e100001");
    struct dpl_net_packet none;
    struct dpl_net_addr six = addr("2001:db8::10");
    dpl_net_packet_make(DPL_NET_PACKET_REPLY, &ours, &six, false, &none);
    CU_ASSERT_EQUAL(none.size, 0);
    dpl_net_packet_make(DPL_NET_PACKET_ANNOUNCE, &ours, &six, true, &none);
    CU_ASSERT_EQUAL(none.bytes[44], 0xa0); /* override and router */
}

/* Whether the packet that `from` makes is a claim to `at`; every strict prefix of it must not be.
 */
static bool claims(enum dpl_net_packet_kind kind, const struct dpl_net_link *from,
                   const char *made_for, const char *asked)
{
    struct dpl_net_packet packet;
    struct dpl_net_addr a = addr(made_for), b = addr(asked);
    uint8_t mac[DPL_NET_MAC_MAX];
    dpl_net_packet_make(kind, from, &a, false, &packet);
    for (size_t size = 0; size < packet.size; size++) {
        uint8_t *cut = malloc(size + 1); /* exact, so that the sanitizer sees a step too far */
        uint8_t *exact = realloc(cut, size ? size : 1);
        memcpy(exact, packet.bytes, size);
        CU_ASSERT_FALSE(dpl_net_packet_is_claim(exact, size, &ours, &b, from->mac, mac));
        free(exact);
    }
    memset(mac, 0, sizeof mac);
    if (!dpl_net_packet_is_claim(packet.bytes, packet.size, &ours, &b, ours.mac, mac))
        return false;
    CU_ASSERT_EQUAL(memcmp(mac, from->mac, 6), 0);
    return true;
}

static void claim(void)
{
    CU_ASSERT_TRUE(claims(DPL_NET_PACKET_ANNOUNCE, &theirs, "192.0.2.10", "192.0.2.10"));
    CU_ASSERT_TRUE(claims(DPL_NET_PACKET_REPLY, &theirs, "192.0.2.10", "192.0.2.10"));
    CU_ASSERT_TRUE(claims(DPL_NET_PACKET_ANNOUNCE, &theirs, "2001:db8::1", "2001:db8::1"));
}

static void no_claim(void)
{
    CU_ASSERT_FALSE(claims(DPL_NET_PACKET_PROBE, &theirs, "192.0.2.10", "192.0.2.10"));
    CU_ASSERT_FALSE(claims(DPL_NET_PACKET_ANNOUNCE, &ours, "192.0.2.10", "192.0.2.10"));
    CU_ASSERT_FALSE(claims(DPL_NET_PACKET_ANNOUNCE, &theirs, "192.0.2.10", "192.0.2.11"));
    CU_ASSERT_FALSE(claims(DPL_NET_PACKET_PROBE, &theirs, "2001:db8::1", "2001:db8::1"));
    CU_ASSERT_FALSE(claims(DPL_NET_PACKET_ANNOUNCE, &ours, "2001:db8::1", "2001:db8::1"));
    CU_ASSERT_FALSE(claims(DPL_NET_PACKET_ANNOUNCE, &theirs, "2001:db8::1", "2001:db8::2"));
}

/* Each bit of an advertisement matters to its checksum, but those that it does not cover. */
static void checksum(void)
{
    struct dpl_net_packet packet;
    struct dpl_net_addr a = addr("2001:db8::1");
    uint8_t mac[DPL_NET_MAC_MAX];
    dpl_net_packet_make(DPL_NET_PACKET_ANNOUNCE, &theirs, &a, false, &packet);
    for (size_t bit = 64; bit < packet.size * 8; bit++) {
        packet.bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        CU_ASSERT_FALSE(
            dpl_net_packet_is_claim(packet.bytes, packet.size, &ours, &a, theirs.mac, mac));
        packet.bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
    CU_ASSERT_TRUE(dpl_net_packet_is_claim(packet.bytes, packet.size, &ours, &a, theirs.mac, mac));
}

/* The longest hardware address fits, and comes back whole. */
static void long_mac(void)
{
    struct dpl_net_link a = ours, b = theirs;
    struct dpl_net_packet packet;
    struct dpl_net_addr four = addr("192.0.2.10"), six = addr("2001:db8::10");
    uint8_t mac[DPL_NET_MAC_MAX];
    a.type = b.type = ARPHRD_INFINIBAND;
    a.mac_length = b.mac_length = 20;
    memset(b.mac, 0xbb, sizeof b.mac);
    dpl_net_packet_make(DPL_NET_PACKET_ANNOUNCE, &b, &four, false, &packet);
    CU_ASSERT_EQUAL(packet.size, 8 + 2 * 24);
    CU_ASSERT_TRUE(dpl_net_packet_is_claim(packet.bytes, packet.size, &a, &four, b.mac, mac));
    CU_ASSERT_EQUAL(memcmp(mac, b.mac, 20), 0);
    dpl_net_packet_make(DPL_NET_PACKET_ANNOUNCE, &b, &six, false, &packet);
    CU_ASSERT_EQUAL(packet.size, 40 + 24 + 24);
    CU_ASSERT_TRUE(dpl_net_packet_is_claim(packet.bytes, packet.size, &a, &six, b.mac, mac));
    CU_ASSERT_EQUAL(memcmp(mac, b.mac, 20), 0);
    a.mac_length = b.mac_length = DPL_NET_MAC_MAX;
    dpl_net_packet_make(DPL_NET_PACKET_REPLY, &b, &four, false, &packet);
    CU_ASSERT_TRUE(packet.size <= DPL_NET_PACKET_MAX);
    dpl_net_packet_make(DPL_NET_PACKET_ANNOUNCE, &b, &six, false, &packet);
    CU_ASSERT_TRUE(packet.size <= DPL_NET_PACKET_MAX);
}

static const struct unit_test tests[] = {
    {"ARP and neighbour discovery packets are these bytes", golden},
    {"a claim of another is seen with its hardware address, and no strict prefix of it", claim},
    {"probes, our own packets and other addresses are no claim", no_claim},
    {"an advertisement with any bit turned is no claim", checksum},
    {"hardware addresses longer than Ethernet's fit", long_mac},
};
UNIT_MAIN(tests)
