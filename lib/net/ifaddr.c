/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/net/ifaddr.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DUMP_TRIES = 10 };

static struct dpl_net_addr attr_addr(const struct dpl_net_attr *attr, uint8_t family)
{
    struct dpl_net_addr addr = {0};
    dpl_net_addr_from_bytes(family, attr->data, attr->size, &addr);
    return addr;
}

static void decode_attr(const struct dpl_net_attr *attr, uint8_t family, struct dpl_net_ifaddr *out,
                        struct dpl_net_addr *far)
{
    struct ifa_cacheinfo cache;
    switch (attr->type) {
    case IFA_LOCAL:
        out->addr = attr_addr(attr, family);
        break;
    case IFA_ADDRESS:
        *far = attr_addr(attr, family);
        break;
    case IFA_BROADCAST:
        out->broadcast = attr_addr(attr, family);
        break;
    case IFA_LABEL:
        if (dpl_net_attr_text(attr) && attr->size <= sizeof out->label)
            memcpy(out->label, attr->data, attr->size);
        break;
    case IFA_FLAGS:
        (void)dpl_net_attr_u32(attr, &out->flags);
        break;
    case IFA_CACHEINFO:
        if (attr->size >= sizeof cache) {
            memcpy(&cache, attr->data, sizeof cache);
            out->preferred_s = cache.ifa_prefered;
            out->valid_s = cache.ifa_valid;
        }
        break;
    default:
        break;
    }
}

int dpl_net_ifaddr_decode(const struct nlmsghdr *message, struct dpl_net_ifaddr *ifaddr_r,
                          struct dpl_err *err)
{
    const struct ifaddrmsg *info = dpl_net_msg_fixed(message, sizeof *info);
    if ((message->nlmsg_type != RTM_NEWADDR && message->nlmsg_type != RTM_DELADDR) || !info)
        return dpl_err_set(err, DPL_E_CORRUPT, "netlink: not a message about an address");
    struct dpl_net_ifaddr out = {.prefix = info->ifa_prefixlen,
                                 .index = (int)info->ifa_index,
                                 .flags = info->ifa_flags,
                                 .scope = info->ifa_scope,
                                 .preferred_s = DPL_NET_FOREVER,
                                 .valid_s = DPL_NET_FOREVER};
    struct dpl_net_addr far = {0};
    struct dpl_net_attrs attrs = dpl_net_msg_attrs(message, sizeof *info);
    struct dpl_net_attr attr;
    while (dpl_net_attrs_next(&attrs, &attr))
        decode_attr(&attr, info->ifa_family, &out, &far);
    /* Without IFA_LOCAL (IPv6 of most kinds) the address is in IFA_ADDRESS; with it, that is the
     * other end, if it differs. */
    if (out.addr.family == 0)
        out.addr = far;
    else if (far.family != 0 && !dpl_net_addr_equal(&far, &out.addr))
        out.peer = far;
    if (out.addr.family == 0 || out.prefix > (int)dpl_net_addr_size(&out.addr) * 8 ||
        out.index <= 0)
        return dpl_err_set(err, DPL_E_CORRUPT, "netlink: an address that makes no sense");
    *ifaddr_r = out;
    return DPL_OK;
}

void dpl_net_ifaddr_encode(union dpl_net_msg *msg, uint16_t type, uint16_t nl_flags,
                           const struct dpl_net_ifaddr *ifaddr)
{
    size_t size = dpl_net_addr_size(&ifaddr->addr);
    struct ifaddrmsg *info = dpl_net_msg_begin(msg, type, nl_flags, sizeof *info);
    info->ifa_family = ifaddr->addr.family;
    info->ifa_prefixlen = (uint8_t)ifaddr->prefix;
    info->ifa_flags = (uint8_t)ifaddr->flags;
    info->ifa_scope = ifaddr->scope;
    info->ifa_index = (unsigned)ifaddr->index;
    const struct dpl_net_addr *far = ifaddr->peer.family ? &ifaddr->peer : &ifaddr->addr;
    dpl_net_msg_put(msg, IFA_LOCAL, ifaddr->addr.bytes, size);
    dpl_net_msg_put(msg, IFA_ADDRESS, far->bytes, size);
    if (ifaddr->label[0])
        dpl_net_msg_put_text(msg, IFA_LABEL, ifaddr->label);
    if (type == RTM_DELADDR)
        return;
    if (ifaddr->broadcast.family)
        dpl_net_msg_put(msg, IFA_BROADCAST, ifaddr->broadcast.bytes, size);
    if (ifaddr->flags > UINT8_MAX)
        dpl_net_msg_put_u32(msg, IFA_FLAGS, ifaddr->flags);
    struct ifa_cacheinfo cache = {.ifa_prefered = ifaddr->preferred_s,
                                  .ifa_valid = ifaddr->valid_s};
    if (cache.ifa_prefered != DPL_NET_FOREVER || cache.ifa_valid != DPL_NET_FOREVER ||
        (nl_flags & NLM_F_REPLACE))
        dpl_net_msg_put(msg, IFA_CACHEINFO, &cache, sizeof cache);
}

static int list_each(const struct nlmsghdr *message, void *data, struct dpl_err *err)
{
    struct dpl_net_ifaddrs *list = data;
    struct dpl_net_ifaddr one;
    if (message->nlmsg_type != RTM_NEWADDR)
        return DPL_OK;
    int code = dpl_net_ifaddr_decode(message, &one, err);
    if (code < 0)
        return code;
    struct dpl_net_ifaddr *items = reallocarray(list->items, list->count + 1, sizeof *items);
    if (!items)
        return dpl_err_set(err, DPL_E_NO_MEMORY, "no memory for the list of addresses");
    list->items = items;
    items[list->count++] = one;
    return DPL_OK;
}

int dpl_net_ifaddrs_list(struct dpl_net_nl *nl, uint8_t family, struct dpl_net_ifaddrs *list_r,
                         struct dpl_err *err)
{
    int code = DPL_E_BUSY;
    *list_r = (struct dpl_net_ifaddrs){0};
    for (int i = 0; i < DUMP_TRIES && code == DPL_E_BUSY; i++) {
        union dpl_net_msg request;
        struct ifaddrmsg *info = dpl_net_msg_begin(&request, RTM_GETADDR, NLM_F_DUMP, sizeof *info);
        info->ifa_family = family;
        list_r->count = 0;
        code = dpl_net_nl_talk(nl, &request, list_each, list_r, "list of addresses", err);
    }
    return code;
}

void dpl_net_ifaddrs_done(struct dpl_net_ifaddrs *list)
{
    free(list->items);
    *list = (struct dpl_net_ifaddrs){0};
}

static int change(struct dpl_net_nl *nl, uint16_t type, uint16_t nl_flags, const char *verb,
                  const struct dpl_net_ifaddr *ifaddr, struct dpl_err *err)
{
    union dpl_net_msg request;
    char text[DPL_NET_ADDR_TEXT], what[128];
    snprintf(what, sizeof what, "%s %s/%d", verb, dpl_net_addr_format(&ifaddr->addr, text),
             ifaddr->prefix);
    dpl_net_ifaddr_encode(&request, type, nl_flags, ifaddr);
    return dpl_net_nl_talk(nl, &request, NULL, NULL, what, err);
}

int dpl_net_ifaddr_add(struct dpl_net_nl *nl, const struct dpl_net_ifaddr *ifaddr,
                       struct dpl_err *err)
{
    return change(nl, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, "cannot set", ifaddr, err);
}

int dpl_net_ifaddr_change(struct dpl_net_nl *nl, const struct dpl_net_ifaddr *ifaddr,
                          struct dpl_err *err)
{
    return change(nl, RTM_NEWADDR, NLM_F_REPLACE, "cannot change", ifaddr, err);
}

int dpl_net_ifaddr_remove(struct dpl_net_nl *nl, const struct dpl_net_ifaddr *ifaddr,
                          struct dpl_err *err)
{
    struct dpl_err local = {0};
    int code = change(nl, RTM_DELADDR, 0, "cannot remove", ifaddr, &local);
    if (local.sys_errno == EADDRNOTAVAIL || local.sys_errno == ENODEV)
        return DPL_OK;
    if (code < 0 && err)
        *err = local;
    return code;
}
