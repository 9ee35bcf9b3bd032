/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/net/route.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DUMP_TRIES = 10 };

static void decode_attr(const struct dpl_net_attr *attr, uint8_t family, struct dpl_net_route *out)
{
    uint32_t index;
    switch (attr->type) {
    case RTA_DST:
        dpl_net_addr_from_bytes(family, attr->data, attr->size, &out->destination);
        break;
    case RTA_PREFSRC:
        dpl_net_addr_from_bytes(family, attr->data, attr->size, &out->source);
        break;
    case RTA_OIF:
        if (dpl_net_attr_u32(attr, &index))
            out->index = (int)index;
        break;
    case RTA_TABLE:
        (void)dpl_net_attr_u32(attr, &out->table);
        break;
    case RTA_PRIORITY:
        (void)dpl_net_attr_u32(attr, &out->metric);
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
    const struct rtmsg *info = dpl_net_msg_fixed(message, sizeof *info);
    if (message->nlmsg_type != RTM_NEWROUTE || !info)
        return dpl_err_set(err, DPL_E_CORRUPT, "netlink: not a message about a route");
    struct dpl_net_route out = {.prefix = info->rtm_dst_len,
                                .table = info->rtm_table,
                                .type = info->rtm_type,
                                .destination = {.family = info->rtm_family}};
    if (dpl_net_addr_size(&out.destination) == 0 ||
        out.prefix > (int)dpl_net_addr_size(&out.destination) * 8)
        return dpl_err_set(err, DPL_E_CORRUPT, "netlink: a route that makes no sense");
    struct dpl_net_attrs attrs = dpl_net_msg_attrs(message, sizeof *info);
    struct dpl_net_attr attr;
    while (dpl_net_attrs_next(&attrs, &attr))
        decode_attr(&attr, info->rtm_family, &out);
    if (message->nlmsg_len <= sizeof out.message) {
        memcpy(out.message, message, message->nlmsg_len);
        out.size = (uint16_t)message->nlmsg_len;
    }
    *route_r = out;
    return DPL_OK;
}

void dpl_net_route_encode(union dpl_net_msg *msg, const struct dpl_net_route *route,
                          const struct dpl_net_addr *source)
{
    const struct nlmsghdr *old = (const void *)route->message;
    struct rtmsg *info =
        dpl_net_msg_begin(msg, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, sizeof *info);
    memcpy(info, route->message + sizeof(struct nlmsghdr), sizeof *info);
    /* What the kernel reports of a next hop's state is not for it to be told. */
    info->rtm_flags &= ~(unsigned)(RTNH_F_DEAD | RTNH_F_LINKDOWN | RTM_F_CLONED | RTNH_F_OFFLOAD);
    struct dpl_net_attrs attrs = dpl_net_msg_attrs(old, sizeof *info);
    struct dpl_net_attr attr;
    while (dpl_net_attrs_next(&attrs, &attr))
        if (attr.type != RTA_PREFSRC && attr.type != RTA_CACHEINFO)
            dpl_net_msg_put(msg, attr.type | attr.flags, attr.data, attr.size);
    if (source->family)
        dpl_net_msg_put(msg, RTA_PREFSRC, source->bytes, dpl_net_addr_size(source));
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
        union dpl_net_msg request;
        struct rtmsg *info = dpl_net_msg_begin(&request, RTM_GETROUTE, NLM_F_DUMP, sizeof *info);
        info->rtm_family = family;
        list_r->count = 0;
        code = dpl_net_nl_talk(nl, &request, list_each, list_r, "list of routes", err);
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
    union dpl_net_msg request;
    char text[DPL_NET_ADDR_TEXT], what[128];
    snprintf(what, sizeof what, "cannot change the source of the route to %s/%d",
             dpl_net_addr_format(&route->destination, text), route->prefix);
    if (route->size == 0)
        return dpl_err_set(err, DPL_E_TOO_LARGE, "%s: it is too long to be kept", what);
    dpl_net_route_encode(&request, route, source);
    return dpl_net_nl_talk(nl, &request, NULL, NULL, what, err);
}
