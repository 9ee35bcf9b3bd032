/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Packets of any content, as ARP and as neighbour advertisement: a claim names another machine.
 */
#include "lib/net/packet.h"

#include <glib.h>
#include <linux/if_arp.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const addresses[] = {"192.0.2.10", "2001:db8::10"};
    static const uint8_t from[DPL_NET_MAC_MAX] = {2, 0, 0, 0, 0, 9};
    for (size_t i = 0; i < 2; i++) {
        struct dpl_net_link link = {.type = ARPHRD_ETHER, .mac_length = 6};
        struct dpl_net_addr addr;
        uint8_t mac[DPL_NET_MAC_MAX];
        g_assert(dpl_net_addr_parse(addresses[i], &addr));
        if (dpl_net_packet_is_claim(data, size, &link, &addr, from, mac))
            g_assert(memcmp(mac, link.mac, link.mac_length) != 0);
    }
    return 0;
}
