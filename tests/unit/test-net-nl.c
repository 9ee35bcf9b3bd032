/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Netlink messages, written and read without a kernel.
 */
#include "lib/net/ifaddr.h"
#include "lib/net/link.h"
#include "lib/net/route.h"
#include "tests/unit/unit.h"

#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

static struct dpl_net_addr addr(const char *text)
{
    struct dpl_net_addr out = {0};
    CU_ASSERT_TRUE(dpl_net_addr_parse(text, &out));
    return out;
}

static struct dpl_net_ifaddr sample(const char *text, int prefix)
{
    struct dpl_net_ifaddr one = {.addr = addr(text),
                                 .prefix = prefix,
                                 .index = 7,
                                 .preferred_s = DPL_NET_FOREVER,
                                 .valid_s = DPL_NET_FOREVER};
    return one;
}

static void same(const struct dpl_net_ifaddr *a)
{
    union dpl_net_msg box;
    struct dpl_net_ifaddr b;
    struct dpl_err err = {0};
    dpl_net_ifaddr_encode(&box, RTM_NEWADDR, NLM_F_REPLACE, a);
    CU_ASSERT_EQUAL_FATAL(dpl_net_ifaddr_decode(&box.header, &b, &err), DPL_OK);
    CU_ASSERT_TRUE(dpl_net_addr_equal(&a->addr, &b.addr));
    CU_ASSERT_TRUE(dpl_net_addr_equal(&a->peer, &b.peer));
    CU_ASSERT_TRUE(dpl_net_addr_equal(&a->broadcast, &b.broadcast));
    CU_ASSERT_EQUAL(a->prefix, b.prefix);
    CU_ASSERT_EQUAL(a->index, b.index);
    CU_ASSERT_EQUAL(a->flags, b.flags);
    CU_ASSERT_EQUAL(a->scope, b.scope);
    CU_ASSERT_EQUAL(a->preferred_s, b.preferred_s);
    CU_ASSERT_EQUAL(a->valid_s, b.valid_s);
    CU_ASSERT_STRING_EQUAL(a->label, b.label);
}

static void ifaddr_identity(void)
{
    struct dpl_net_ifaddr a = sample("192.0.2.10", 24);
    same(&a);
    a.broadcast = addr("192.0.2.255");
    strcpy(a.label, "eth0:fifteen_ch");
    a.flags = IFA_F_NOPREFIXROUTE;
    a.scope = RT_SCOPE_HOST;
    same(&a);
    a.peer = addr("192.0.2.99");
    a.preferred_s = 0;
    a.valid_s = 3600;
    same(&a);
    a = sample("2001:db8::10", 64);
    a.flags = IFA_F_NODAD | IFA_F_NOPREFIXROUTE;
    a.preferred_s = 0;
    same(&a);
}

static int any_decode(const struct nlmsghdr *message, void *data, struct dpl_err *err)
{
    union {
        struct dpl_net_ifaddr ifaddr;
        struct dpl_net_link link;
        struct dpl_net_route route;
    } out;
    (void)data;
    if (message->nlmsg_type == RTM_NEWADDR)
        return dpl_net_ifaddr_decode(message, &out.ifaddr, err);
    if (message->nlmsg_type == RTM_NEWLINK)
        return dpl_net_link_decode(message, &out.link, err);
    return dpl_net_route_decode(message, &out.route, err);
}

static const struct nlmsghdr *make_link(union dpl_net_msg *box, unsigned flags, uint8_t operstate)
{
    static const uint8_t mac[6] = {2, 0, 0, 0, 0, 1};
    struct ifinfomsg *info = dpl_net_msg_begin(box, RTM_NEWLINK, 0, sizeof *info);
    info->ifi_index = 4;
    info->ifi_flags = flags;
    dpl_net_msg_put_text(box, IFLA_IFNAME, "eth0");
    dpl_net_msg_put(box, IFLA_OPERSTATE, &operstate, 1);
    dpl_net_msg_put(box, IFLA_ADDRESS, mac, sizeof mac);
    return &box->header;
}

static const struct nlmsghdr *make_route(union dpl_net_msg *box, const char *destination,
                                         uint8_t prefix, uint32_t index, const char *gateway,
                                         uint32_t metric)
{
    struct dpl_net_addr to = addr(destination);
    struct rtmsg *info = dpl_net_msg_begin(box, RTM_NEWROUTE, 0, sizeof *info);
    info->rtm_family = to.family;
    info->rtm_dst_len = prefix;
    info->rtm_table = RT_TABLE_MAIN;
    info->rtm_type = RTN_UNICAST;
    info->rtm_protocol = RTPROT_KERNEL;
    info->rtm_scope = RT_SCOPE_LINK;
    info->rtm_flags = RTNH_F_LINKDOWN;
    if (prefix)
        dpl_net_msg_put(box, RTA_DST, to.bytes, dpl_net_addr_size(&to));
    dpl_net_msg_put_u32(box, RTA_OIF, index);
    if (gateway) {
        struct dpl_net_addr via = addr(gateway);
        dpl_net_msg_put(box, RTA_GATEWAY, via.bytes, dpl_net_addr_size(&via));
    }
    if (metric)
        dpl_net_msg_put_u32(box, RTA_PRIORITY, metric);
    return &box->header;
}

/* Cut at every byte, by the end of the buffer and by the length that the header gives. */
static void cut_everywhere(const struct nlmsghdr *message)
{
    for (uint32_t size = 0; size < message->nlmsg_len; size++) {
        struct dpl_err err = {0};
        char *exact = malloc(size ? size : 1);
        memcpy(exact, message, size);
        int code = dpl_net_nl_walk(exact, size, any_decode, NULL, &err);
        CU_ASSERT_EQUAL(code, size == 0 ? 0 : DPL_E_TRUNCATED);
        if (size >= sizeof *message) {
            memcpy(exact, &size, sizeof size);
            (void)dpl_net_nl_walk(exact, size, any_decode, NULL, &err); /* no step too far */
        }
        free(exact);
    }
    CU_ASSERT_EQUAL(dpl_net_nl_walk(message, message->nlmsg_len, any_decode, NULL, NULL), 1);
}

static void truncation(void)
{
    union dpl_net_msg box;
    struct dpl_net_ifaddr a = sample("192.0.2.10", 24);
    strcpy(a.label, "eth0:x");
    dpl_net_ifaddr_encode(&box, RTM_NEWADDR, NLM_F_REPLACE, &a);
    cut_everywhere(&box.header);
    cut_everywhere(make_link(&box, IFF_UP, 6));
    cut_everywhere(make_route(&box, "192.0.2.0", 24, 3, "198.51.100.1", 5));
}

static void nonsense(void)
{
    union dpl_net_msg box;
    struct dpl_net_ifaddr a = sample("192.0.2.10", 24), out;
    struct dpl_net_route route;
    const struct nlmsghdr *message = &box.header;
    struct ifaddrmsg *info = (void *)(box.bytes + sizeof(struct nlmsghdr));
    dpl_net_ifaddr_encode(&box, RTM_NEWADDR, 0, &a);
    info->ifa_prefixlen = 33;
    CU_ASSERT_EQUAL(dpl_net_ifaddr_decode(message, &out, NULL), DPL_E_CORRUPT);
    info->ifa_prefixlen = 24;
    info->ifa_family = AF_INET6; /* attributes of four bytes */
    CU_ASSERT_EQUAL(dpl_net_ifaddr_decode(message, &out, NULL), DPL_E_CORRUPT);
    info->ifa_family = AF_INET;
    info->ifa_index = 0;
    CU_ASSERT_EQUAL(dpl_net_ifaddr_decode(message, &out, NULL), DPL_E_CORRUPT);
    box.header.nlmsg_type = RTM_NEWROUTE;
    CU_ASSERT_EQUAL(dpl_net_ifaddr_decode(message, &out, NULL), DPL_E_CORRUPT);
    message = make_route(&box, "192.0.2.0", 33, 3, NULL, 0);
    CU_ASSERT_EQUAL(dpl_net_route_decode(message, &route, NULL), DPL_E_CORRUPT);
}

static void link_states(void)
{
    static const struct {
        unsigned flags;
        uint8_t operstate;
        const char *why;
    } rows[] = {
        {IFF_UP | IFF_LOWER_UP, IF_OPER_UP, NULL},
        {IFF_UP | IFF_LOWER_UP, IF_OPER_UNKNOWN, NULL}, /* loopback, dummy */
        {IFF_UP | IFF_LOWER_UP, IF_OPER_DOWN, NULL},    /* the state follows the carrier late */
        {IFF_UP | IFF_LOWER_UP, IF_OPER_DORMANT, "it waits for authentication (dormant)"},
        {IFF_UP | IFF_LOWER_UP, IF_OPER_TESTING, "it is under test"},
        {IFF_UP, IF_OPER_UP, "it has no carrier"},
        {IFF_UP, IF_OPER_LOWERLAYERDOWN, "it has no carrier"},
        {IFF_LOWER_UP, IF_OPER_UP, "it is set down"},
        {0, IF_OPER_DOWN, "it is set down"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        union dpl_net_msg box;
        struct dpl_net_link link;
        CU_ASSERT_EQUAL_FATAL(
            dpl_net_link_decode(make_link(&box, rows[i].flags, rows[i].operstate), &link, NULL),
            DPL_OK);
        const char *why = dpl_net_link_why_down(&link);
        CU_ASSERT_STRING_EQUAL(why ? why : "up", rows[i].why ? rows[i].why : "up");
        CU_ASSERT_STRING_EQUAL(link.name, "eth0");
        CU_ASSERT_EQUAL(link.mac_length, 6);
    }
}

static void neighbours(void)
{
    struct dpl_net_link link = {.flags = IFF_UP, .mac_length = 6};
    CU_ASSERT_TRUE(dpl_net_link_has_neighbours(&link));
    link.flags = IFF_LOOPBACK;
    CU_ASSERT_FALSE(dpl_net_link_has_neighbours(&link));
    link.flags = IFF_NOARP;
    CU_ASSERT_FALSE(dpl_net_link_has_neighbours(&link));
    link.flags = 0;
    link.mac_length = 0;
    CU_ASSERT_FALSE(dpl_net_link_has_neighbours(&link));
}

static void add_route(struct dpl_net_routes *list, const struct nlmsghdr *message)
{
    list->items = reallocarray(list->items, list->count + 1, sizeof *list->items);
    CU_ASSERT_EQUAL(dpl_net_route_decode(message, &list->items[list->count++], NULL), DPL_OK);
}

static int connected(const struct dpl_net_routes *list, const char *text, int prefix, int index)
{
    struct dpl_net_addr a = addr(text);
    const struct dpl_net_route *route = dpl_net_routes_connected(list, &a, prefix, index);
    return route ? route->index * 1000 + route->prefix : 0;
}

static void choice_of_route(void)
{
    union dpl_net_msg box;
    struct dpl_net_routes list = {0};
    add_route(&list, make_route(&box, "0.0.0.0", 0, 9, "192.0.2.1", 0));
    add_route(&list, make_route(&box, "0.0.0.0", 0, 9, NULL, 7));
    add_route(&list, make_route(&box, "192.0.2.0", 24, 3, NULL, 100));
    add_route(&list, make_route(&box, "192.0.2.0", 24, 2, NULL, 50));
    add_route(&list, make_route(&box, "192.0.2.128", 26, 4, NULL, 900));
    add_route(&list, make_route(&box, "192.0.2.192", 27, 5, "192.0.2.1", 0));
    CU_ASSERT_EQUAL(connected(&list, "192.0.2.10", -1, 0), 2024);  /* the lower metric */
    CU_ASSERT_EQUAL(connected(&list, "192.0.2.10", -1, 3), 3024);  /* by interface */
    CU_ASSERT_EQUAL(connected(&list, "192.0.2.130", -1, 0), 4026); /* the longer prefix */
    CU_ASSERT_EQUAL(connected(&list, "192.0.2.130", 32, 0), 4026);
    CU_ASSERT_EQUAL(connected(&list, "192.0.2.130", 24, 0), 2024); /* that holds the network */
    CU_ASSERT_EQUAL(connected(&list, "192.0.2.200", -1, 0), 2024); /* not by a router */
    CU_ASSERT_EQUAL(connected(&list, "198.51.100.1", -1, 0), 0);   /* not by a default route */
    CU_ASSERT_EQUAL(connected(&list, "2001:db8::1", -1, 0), 0);
    dpl_net_routes_done(&list);
}

static void source_of_route(void)
{
    union dpl_net_msg box, again;
    const struct nlmsghdr *request = &again.header;
    struct dpl_net_route route, changed, back;
    struct dpl_net_addr source = addr("192.0.2.10");
    CU_ASSERT_EQUAL_FATAL(
        dpl_net_route_decode(make_route(&box, "0.0.0.0", 0, 9, "192.0.2.1", 77), &route, NULL),
        DPL_OK);
    CU_ASSERT_EQUAL(route.source.family, 0);
    dpl_net_route_encode(&again, &route, &source);
    CU_ASSERT_EQUAL(request->nlmsg_flags, NLM_F_CREATE | NLM_F_REPLACE);
    CU_ASSERT_EQUAL_FATAL(dpl_net_route_decode(request, &changed, NULL), DPL_OK);
    CU_ASSERT_TRUE(dpl_net_addr_equal(&changed.source, &source));
    CU_ASSERT_TRUE(changed.gateway);
    CU_ASSERT_EQUAL(changed.metric, 77);
    const struct rtmsg *info = dpl_net_msg_fixed(request, sizeof *info);
    CU_ASSERT_EQUAL(info->rtm_flags, 0); /* the state of the link is not asked for */
    CU_ASSERT_EQUAL(info->rtm_protocol, RTPROT_KERNEL);
    /* And back: what was, without a source. */
    dpl_net_route_encode(&again, &changed, &route.source);
    CU_ASSERT_EQUAL_FATAL(dpl_net_route_decode(request, &back, NULL), DPL_OK);
    CU_ASSERT_EQUAL(back.source.family, 0);
    struct dpl_net_routes list = {.items = &back, .count = 1};
    CU_ASSERT_PTR_EQUAL(dpl_net_routes_same(&list, &route), &back);
    back.metric = 1;
    CU_ASSERT_PTR_NULL(dpl_net_routes_same(&list, &route));
}

static const struct unit_test tests[] = {
    {"an address comes back from its message as it went in", ifaddr_identity},
    {"messages that are cut anywhere are refused", truncation},
    {"messages that make no sense are refused", nonsense},
    {"the carrier decides whether a link is up, not a late state", link_states},
    {"neighbours are on links with hardware addresses and ARP", neighbours},
    {"the most specific connected route holds an address", choice_of_route},
    {"a route takes a source and gives it back, all else unchanged", source_of_route},
};
UNIT_MAIN(tests)
