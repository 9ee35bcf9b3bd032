/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/net/ifaddr.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

enum { DUMP_TRIES = 10 };

static struct dpl_net_addr attr_addr(const struct nlattr *attr, uint8_t family)
{
    struct dpl_net_addr addr = {0};
    dpl_net_addr_from_bytes(family, mnl_attr_get_payload(attr), mnl_attr_get_payload_len(attr),
                            &addr);
    return addr;
}

static void decode_attr(const struct nlattr *attr, uint8_t family, struct dpl_net_ifaddr *out,
                        struct dpl_net_addr *far)
{
    struct ifa_cacheinfo cache;
    switch (mnl_attr_get_type(attr)) {
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
        if (mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) == 0 &&
            mnl_attr_get_payload_len(attr) <= sizeof out->label)
            memcpy(out->label, mnl_attr_get_payload(attr), mnl_attr_get_payload_len(attr));
        break;
    case IFA_FLAGS:
        if (mnl_attr_validate(attr, MNL_TYPE_U32) == 0)
            out->flags = mnl_attr_get_u32(attr);
        break;
    case IFA_CACHEINFO:
        if (mnl_attr_get_payload_len(attr) >= sizeof cache) {
            memcpy(&cache, mnl_attr_get_payload(attr), sizeof cache);
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
    const struct ifaddrmsg *info = mnl_nlmsg_get_payload(message);
    if ((message->nlmsg_type != RTM_NEWADDR && message->nlmsg_type != RTM_DELADDR) ||
        mnl_nlmsg_get_payload_len(message) < sizeof *info)
        return dpl_err_set(err, DPL_E_CORRUPT, "netlink: not a message about an address");
    struct dpl_net_ifaddr out = {.prefix = info->ifa_prefixlen,
                                 .index = (int)info->ifa_index,
                                 .flags = info->ifa_flags,
                                 .scope = info->ifa_scope,
                                 .preferred_s = DPL_NET_FOREVER,
                                 .valid_s = DPL_NET_FOREVER};
    struct dpl_net_addr far = {0};
    const struct nlattr *attr;
    DPL_NET_NL_EACH_ATTR (attr, message, sizeof *info)
        decode_attr(attr, info->ifa_family, &out, &far);
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

struct nlmsghdr *dpl_net_ifaddr_encode(void *buffer, uint16_t type, uint16_t nl_flags,
                                       const struct dpl_net_ifaddr *ifaddr)
{
    struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
    size_t size = dpl_net_addr_size(&ifaddr->addr);
    request->nlmsg_type = type;
    request->nlmsg_flags = nl_flags;
    struct ifaddrmsg *info = mnl_nlmsg_put_extra_header(request, sizeof *info);
    info->ifa_family = ifaddr->addr.family;
    info->ifa_prefixlen = (uint8_t)ifaddr->prefix;
    info->ifa_flags = (uint8_t)ifaddr->flags;
    info->ifa_scope = ifaddr->scope;
    info->ifa_index = (unsigned)ifaddr->index;
    const struct dpl_net_addr *far = ifaddr->peer.family ? &ifaddr->peer : &ifaddr->addr;
    mnl_attr_put(request, IFA_LOCAL, size, ifaddr->addr.bytes);
    mnl_attr_put(request, IFA_ADDRESS, size, far->bytes);
    if (ifaddr->label[0])
        mnl_attr_put_strz(request, IFA_LABEL, ifaddr->label);
    if (type == RTM_DELADDR)
        return request;
    if (ifaddr->broadcast.family)
        mnl_attr_put(request, IFA_BROADCAST, size, ifaddr->broadcast.bytes);
    if (ifaddr->flags > UINT8_MAX)
        mnl_attr_put_u32(request, IFA_FLAGS, ifaddr->flags);
    struct ifa_cacheinfo cache = {.ifa_prefered = ifaddr->preferred_s,
                                  .ifa_valid = ifaddr->valid_s};
    if (cache.ifa_prefered != DPL_NET_FOREVER || cache.ifa_valid != DPL_NET_FOREVER ||
        (nl_flags & NLM_F_REPLACE))
        mnl_attr_put(request, IFA_CACHEINFO, sizeof cache, &cache);
    return request;
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
        char buffer[DPL_NET_NL_ROOM] __attribute__((aligned(NLMSG_ALIGNTO)));
        struct nlmsghdr *request = mnl_nlmsg_put_header(buffer);
        request->nlmsg_type = RTM_GETADDR;
        request->nlmsg_flags = NLM_F_DUMP;
        struct ifaddrmsg *info = mnl_nlmsg_put_extra_header(request, sizeof *info);
        info->ifa_family = family;
        list_r->count = 0;
        code = dpl_net_nl_talk(nl, request, list_each, list_r, "list of addresses", err);
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
    char buffer[DPL_NET_NL_ROOM] __attribute__((aligned(NLMSG_ALIGNTO)));
    char text[DPL_NET_ADDR_TEXT], what[128];
    snprintf(what, sizeof what, "%s %s/%d", verb, dpl_net_addr_format(&ifaddr->addr, text),
             ifaddr->prefix);
    return dpl_net_nl_talk(nl, dpl_net_ifaddr_encode(buffer, type, nl_flags, ifaddr), NULL, NULL,
                           what, err);
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
