/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/net/route.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

enum { DUMP_TRIES = 10 };

static void decode_attr(const struct nlattr *attr, uint8_t family, struct dpl_net_route *out)
{
    const void *payload = mnl_attr_get_payload(attr);
    size_t size = mnl_attr_get_payload_len(attr);
    bool u32 = mnl_attr_validate(attr, MNL_TYPE_U32) == 0;
    switch (mnl_attr_get_type(attr)) {
    case RTA_DST:
        dpl_net_addr_from_bytes(family, payload, size, &out->destination);
        break;
    case RTA_PREFSRC:
        dpl_net_addr_from_bytes(family, payload, size, &out->source);
        break;
    case RTA_OIF:
        if (u32)
            out->index = (int)mnl_attr_get_u32(attr);
        break;
    case RTA_TABLE:
        if (u32)
            out->table = mnl_attr_get_u32(attr);
        break;
    case RTA_PRIORITY:
        if (u32)
            out->metric = mnl_attr_get_u32(attr);
        break;
    case RTA_GATEWAY:
    case RTA_VIA:
    case RTA_MULTIPATH:
    case RTA_NH_ID:
        out->gateway = true;
        break;
    default:
        break;
    }
}

int dpl_net_route_decode(const struct nlmsghdr *message, struct dpl_net_route *route_r,
                         struct dpl_err *err)
{
    const struct rtmsg *info = mnl_nlmsg_get_payload(message);
    if (message->nlmsg_type != RTM_NEWROUTE || mnl_nlmsg_get_payload_len(message) < sizeof *info)
        return dpl_err_set(err, DPL_E_CORRUPT, "netlink: not a message about a route");
    struct dpl_net_route out = {.prefix = info->rtm_dst_len,
                                .table = info->rtm_table,
                                .type = info->rtm_type,
                                .destination = {.family = info->rtm_family}};
    if (dpl_net_addr_size(&out.destination) == 0 ||
        out.prefix > (int)dpl_net_addr_size(&out.destination) * 8)
        return dpl_err_set(err, DPL_E_CORRUPT, "netlink: a route that makes no sense");
    const struct nlattr *attr;
    DPL_NET_NL_EACH_ATTR (attr, message, sizeof *info)
        decode_attr(attr, info->rtm_family, &out);
    if (message->nlmsg_len <= sizeof out.message) {
        memcpy(out.message, message, message->nlmsg_len);
        out.size = (uint16_t)message->nlmsg_len;
    }
    *route_r = out;
    return DPL_OK;
}

struct nlmsghdr *dpl_net_route_encode(void *buffer, const struct dpl_net_route *route,
                                      const struct dpl_net_addr *source)
{
    const struct nlmsghdr *old = (const void *)route->message;
    struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
    request->nlmsg_type = RTM_NEWROUTE;
    request->nlmsg_flags = NLM_F_CREATE | NLM_F_REPLACE;
    struct rtmsg *info = mnl_nlmsg_put_extra_header(request, sizeof *info);
    memcpy(info, mnl_nlmsg_get_payload(old), sizeof *info);
    /* What the kernel reports of a next hop's state is not for it to be told. */
    info->rtm_flags &= ~(unsigned)(RTNH_F_DEAD | RTNH_F_LINKDOWN | RTM_F_CLONED | RTNH_F_OFFLOAD);
    const struct nlattr *attr;
    DPL_NET_NL_EACH_ATTR (attr, old, sizeof *info) {
        uint16_t type = mnl_attr_get_type(attr);
        if (type != RTA_PREFSRC && type != RTA_CACHEINFO)
            mnl_attr_put(request, attr->nla_type, mnl_attr_get_payload_len(attr),
                         mnl_attr_get_payload(attr));
    }
    if (source->family)
        mnl_attr_put(request, RTA_PREFSRC, dpl_net_addr_size(source), source->bytes);
    return request;
}

static int list_each(const struct nlmsghdr *message, void *data, struct dpl_err *err)
{
    struct dpl_net_routes *list = data;
    struct dpl_net_route one = {0};
    if (message->nlmsg_type != RTM_NEWROUTE)
        return DPL_OK;
    int code = dpl_net_route_decode(message, &one, err);
    if (code < 0)
        return code;
    if (one.table != RT_TABLE_MAIN || one.type != RTN_UNICAST)
        return DPL_OK;
    struct dpl_net_route *items = reallocarray(list->items, list->count + 1, sizeof *items);
    if (!items)
        return dpl_err_set(err, DPL_E_NO_MEMORY, "no memory for the list of routes");
    list->items = items;
    items[list->count++] = one;
    return DPL_OK;
}

int dpl_net_routes_list(struct dpl_net_nl *nl, uint8_t family, struct dpl_net_routes *list_r,
                        struct dpl_err *err)
{
    int code = DPL_E_BUSY;
    *list_r = (struct dpl_net_routes){0};
    for (int i = 0; i < DUMP_TRIES && code == DPL_E_BUSY; i++) {
        char buffer[DPL_NET_NL_ROOM] __attribute__((aligned(NLMSG_ALIGNTO)));
        struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
        request->nlmsg_type = RTM_GETROUTE;
        request->nlmsg_flags = NLM_F_DUMP;
        struct rtmsg *info = mnl_nlmsg_put_extra_header(request, sizeof *info);
        info->rtm_family = family;
        list_r->count = 0;
        code = dpl_net_nl_talk(nl, request, list_each, list_r, "list of routes", err);
    }
    return code;
}

void dpl_net_routes_done(struct dpl_net_routes *list)
{
    free(list->items);
    *list = (struct dpl_net_routes){0};
}

static bool better(const struct dpl_net_route *a, const struct dpl_net_route *b)
{
    if (!b || a->prefix != b->prefix)
        return !b || a->prefix > b->prefix;
    return a->metric < b->metric;
}

const struct dpl_net_route *dpl_net_routes_connected(const struct dpl_net_routes *list,
                                                     const struct dpl_net_addr *addr, int prefix,
                                                     int index)
{
    const struct dpl_net_route *best = NULL;
    for (size_t i = 0; i < list->count; i++) {
        const struct dpl_net_route *route = &list->items[i];
        if (!route->gateway && route->index > 0 && route->prefix > 0 &&
            (index == 0 || route->index == index) && (prefix < 0 || route->prefix <= prefix) &&
            dpl_net_addr_in(addr, &route->destination, route->prefix) && better(route, best))
            best = route;
    }
    return best;
}

const struct dpl_net_route *dpl_net_routes_same(const struct dpl_net_routes *list,
                                                const struct dpl_net_route *route)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct dpl_net_route *other = &list->items[i];
        if (other->table == route->table && other->prefix == route->prefix &&
            other->index == route->index && other->metric == route->metric &&
            other->gateway == route->gateway &&
            dpl_net_addr_equal(&other->destination, &route->destination))
            return other;
    }
    return NULL;
}

int dpl_net_route_set_source(struct dpl_net_nl *nl, const struct dpl_net_route *route,
                             const struct dpl_net_addr *source, struct dpl_err *err)
{
    char buffer[DPL_NET_NL_ROOM] __attribute__((aligned(NLMSG_ALIGNTO)));
    char text[DPL_NET_ADDR_TEXT], what[128];
    snprintf(what, sizeof what, "cannot change the source of the route to %s/%d",
             dpl_net_addr_format(&route->destination, text), route->prefix);
    if (route->size == 0)
        return dpl_err_set(err, DPL_E_TOO_LARGE, "%s: it is too long to be kept", what);
    return dpl_net_nl_talk(nl, dpl_net_route_encode(buffer, route, source), NULL, NULL, what, err);
}
