/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/net/link.h"

#include <errno.h>
#include <linux/if.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

static uint8_t copy_mac(const struct dpl_net_attr *attr, uint8_t mac[DPL_NET_MAC_MAX])
{
    if (attr->size > DPL_NET_MAC_MAX)
        return 0;
    memcpy(mac, attr->data, attr->size);
    return (uint8_t)attr->size;
}

int dpl_net_link_decode(const struct nlmsghdr *message, struct dpl_net_link *link_r,
                        struct dpl_err *err)
{
    const struct ifinfomsg *info = dpl_net_msg_fixed(message, sizeof *info);
    if (message->nlmsg_type != RTM_NEWLINK || !info)
        return dpl_err_set(err, DPL_E_CORRUPT, "netlink: not a message about an interface");
    struct dpl_net_link link = {
        .index = info->ifi_index, .flags = info->ifi_flags, .type = info->ifi_type};
    struct dpl_net_attrs attrs = dpl_net_msg_attrs(message, sizeof *info);
    struct dpl_net_attr attr;
    while (dpl_net_attrs_next(&attrs, &attr)) {
        switch (attr.type) {
        case IFLA_IFNAME:
            if (dpl_net_attr_text(&attr) && attr.size <= sizeof link.name)
                memcpy(link.name, attr.data, attr.size);
            break;
        case IFLA_OPERSTATE:
            (void)dpl_net_attr_u8(&attr, &link.operstate);
            break;
        case IFLA_ADDRESS:
            link.mac_length = copy_mac(&attr, link.mac);
            break;
        case IFLA_BROADCAST:
            copy_mac(&attr, link.broadcast);
            break;
        default:
            break;
        }
    }
    if (link.index <= 0 || link.name[0] == '\0')
        return dpl_err_set(err, DPL_E_CORRUPT, "netlink: an interface without index or name");
    *link_r = link;
    return DPL_OK;
}

static int decode_each(const struct nlmsghdr *message, void *data, struct dpl_err *err)
{
    return dpl_net_link_decode(message, data, err);
}

static int get(struct dpl_net_nl *nl, int index, const char *name, struct dpl_net_link *link_r,
               const char *what, struct dpl_err *err)
{
    union dpl_net_msg request;
    struct ifinfomsg *info = dpl_net_msg_begin(&request, RTM_GETLINK, 0, sizeof *info);
    info->ifi_index = index;
    if (name)
        dpl_net_msg_put_text(&request, IFLA_IFNAME, name);
    /* The counters are not wanted, and some drivers ask the hardware for them. */
    dpl_net_msg_put_u32(&request, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
    return dpl_net_nl_talk(nl, &request, decode_each, link_r, what, err);
}

int dpl_net_link_by_name(struct dpl_net_nl *nl, const char *name, struct dpl_net_link *link_r,
                         struct dpl_err *err)
{
    char what[64];
    size_t length = strlen(name);
    if (length == 0 || length >= IF_NAMESIZE)
        return dpl_err_set(err, DPL_E_NOT_FOUND, "\"%s\" is not the name of an interface", name);
    snprintf(what, sizeof what, "interface %s", name);
    return get(nl, 0, name, link_r, what, err);
}

int dpl_net_link_by_index(struct dpl_net_nl *nl, int index, struct dpl_net_link *link_r,
                          struct dpl_err *err)
{
    char what[64];
    snprintf(what, sizeof what, "interface number %d", index);
    return get(nl, index, NULL, link_r, what, err);
}

const char *dpl_net_link_why_down(const struct dpl_net_link *link)
{
    if (!(link->flags & IFF_UP))
        return "it is set down";
    if (link->operstate == IF_OPER_DORMANT)
        return "it waits for authentication (dormant)";
    if (link->operstate == IF_OPER_TESTING)
        return "it is under test";
    return link->flags & IFF_LOWER_UP ? NULL : "it has no carrier";
}

bool dpl_net_link_has_neighbours(const struct dpl_net_link *link)
{
    return !(link->flags & (IFF_LOOPBACK | IFF_NOARP | IFF_POINTOPOINT)) && link->mac_length > 0;
}
