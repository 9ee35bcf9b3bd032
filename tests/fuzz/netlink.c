/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Netlink messages of any content: reading them harms nothing, and what could be read is written
 * and read again the same.
 */
#include "lib/net/ifaddr.h"
#include "lib/net/link.h"
#include "lib/net/route.h"

#include <glib.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ifaddr_again(const struct dpl_net_ifaddr *one)
{
    union dpl_net_msg msg;
    struct dpl_net_ifaddr again;
    dpl_net_ifaddr_encode(&msg, RTM_NEWADDR, NLM_F_REPLACE, one);
    g_assert(dpl_net_ifaddr_decode(&msg.header, &again, NULL) == DPL_OK);
    g_assert(dpl_net_addr_equal(&one->addr, &again.addr) && one->prefix == again.prefix);
    g_assert(strcmp(one->label, again.label) == 0 && one->index == again.index);
    g_assert(one->preferred_s == again.preferred_s && one->valid_s == again.valid_s);
}

static void route_again(const struct dpl_net_route *one)
{
    union dpl_net_msg msg;
    struct dpl_net_route again;
    if (one->size == 0)
        return;
    dpl_net_route_encode(&msg, one, &one->source);
    g_assert(msg.header.nlmsg_len > 0 && msg.header.nlmsg_len <= sizeof msg);
    g_assert(dpl_net_route_decode(&msg.header, &again, NULL) == DPL_OK);
    g_assert(dpl_net_addr_equal(&one->source, &again.source) && one->metric == again.metric);
    struct dpl_net_routes list = {.items = &again, .count = 1};
    g_assert(dpl_net_routes_same(&list, one) == &again);
}

static int each(const struct nlmsghdr *message, void *unused, struct dpl_err *err)
{
    struct dpl_net_ifaddr ifaddr;
    struct dpl_net_link link;
    struct dpl_net_route route;
    (void)unused;
    if (dpl_net_ifaddr_decode(message, &ifaddr, err) == DPL_OK)
        ifaddr_again(&ifaddr);
    if (dpl_net_link_decode(message, &link, err) == DPL_OK)
        g_assert(memchr(link.name, 0, sizeof link.name) && link.mac_length <= DPL_NET_MAC_MAX);
    if (dpl_net_route_decode(message, &route, err) == DPL_OK)
        route_again(&route);
    if (message->nlmsg_type == NLMSG_ERROR)
        g_assert(dpl_net_nl_refusal(message, "fuzz", err) <= 0);
    return DPL_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dpl_err err = {0};
    int count = dpl_net_nl_walk(data, size, each, NULL, &err);
    g_assert(count >= 0 || count == DPL_E_TRUNCATED);
    return 0;
}
