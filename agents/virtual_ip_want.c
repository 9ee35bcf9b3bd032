/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agents/virtual_ip_want.h"

#include "lib/base/units.h"
#include "virtual-ip.params.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* The parameter's text, or NULL if it was not given. */
static const char *given(const struct dpl_ocf_run *run, int index)
{
    return run->values[index].given && !run->values[index].bad ? run->values[index].text : NULL;
}

static int wrong(const struct dpl_ocf_run *run, int index, const char *expected,
                 struct dpl_err *err)
{
    return dpl_ocf_param_wrong(&run->agent->params[index], &run->values[index], expected, err);
}

static int read_ip(const struct dpl_ocf_run *run, struct vip_want *want, struct dpl_err *err)
{
    const char *text = given(run, VIRTUAL_IP_IP);
    struct dpl_net_addr addr;
    if (!text)
        return dpl_err_set(err, DPL_E_PARAM, "parameter ip is missing");
    if (!dpl_net_addr_parse(text, &addr))
        return wrong(run, VIRTUAL_IP_IP,
                     "an IPv4 or IPv6 address, as 192.0.2.10 or 2001:db8::10, without a prefix",
                     err);
    if (!dpl_net_addr_is_host(&addr))
        return wrong(run, VIRTUAL_IP_IP, "an address that a host can have", err);
    want->addr = addr;
    dpl_net_addr_format(&addr, want->text);
    return DPL_OK;
}

/* What the kernel takes as the name of an interface. */
static bool is_interface_name(const char *name, size_t length)
{
    return length > 0 && length < IF_NAMESIZE && !memchr(name, '/', length) &&
           strcspn(name, " \t\n") >= length && !(length == 1 && name[0] == '.') &&
           !(length == 2 && name[0] == '.' && name[1] == '.');
}

static int read_nic(const struct dpl_ocf_run *run, struct vip_want *want, struct dpl_err *err)
{
    const char *text = given(run, VIRTUAL_IP_NIC);
    const char *label = given(run, VIRTUAL_IP_IFLABEL);
    size_t length = text ? strcspn(text, ":") : 0;
    if (text && !is_interface_name(text, length))
        return wrong(run, VIRTUAL_IP_NIC, "the name of a network interface", err);
    if (text)
        memcpy(want->nic, text, length);
    bool in_nic = text && text[length] == ':';
    if (in_nic)
        label = text + length + 1;
    if (!label)
        return DPL_OK;
    /* One more is left for the colon, and the name of the interface takes at least one. */
    if (strlen(label) == 0 || strlen(label) + length + 1 > IF_NAMESIZE - 1 ||
        strlen(label) > IF_NAMESIZE - 3 || strpbrk(label, " \t\n/:"))
        return wrong(run, in_nic ? VIRTUAL_IP_NIC : VIRTUAL_IP_IFLABEL,
                     "a label that makes INTERFACE:LABEL at most 15 characters", err);
    memcpy(want->label, label, strlen(label) + 1);
    return DPL_OK;
}

static int read_netmask(const struct dpl_ocf_run *run, struct vip_want *want, struct dpl_err *err)
{
    const char *text = given(run, VIRTUAL_IP_CIDR_NETMASK);
    int prefix = text ? dpl_net_prefix_parse(text, want->addr.family) : -1;
    if (text && prefix < 1)
        return wrong(run, VIRTUAL_IP_CIDR_NETMASK,
                     want->addr.family == AF_INET6 ? "a prefix length from 1 to 128, as ip is IPv6"
                                                   : "a prefix length from 1 to 32, or a netmask "
                                                     "as 255.255.255.0",
                     err);
    want->prefix = prefix;
    return DPL_OK;
}

static int read_broadcast(const struct dpl_ocf_run *run, struct vip_want *want, struct dpl_err *err)
{
    const char *text = given(run, VIRTUAL_IP_BROADCAST);
    want->broadcast_how = VIP_BROADCAST_AUTO;
    if (!text)
        return DPL_OK;
    if (want->addr.family == AF_INET6)
        return wrong(run, VIRTUAL_IP_BROADCAST, "nothing: IPv6 has no broadcast", err);
    if (strcmp(text, "+") == 0)
        want->broadcast_how = VIP_BROADCAST_ONES;
    else if (strcmp(text, "-") == 0)
        want->broadcast_how = VIP_BROADCAST_ZEROS;
    else if (dpl_net_addr_parse(text, &want->broadcast) && want->broadcast.family == AF_INET)
        want->broadcast_how = VIP_BROADCAST_GIVEN;
    else
        return wrong(run, VIRTUAL_IP_BROADCAST, "an IPv4 address, + or -", err);
    return DPL_OK;
}

static int read_preferred(const struct dpl_ocf_run *run, struct vip_want *want, struct dpl_err *err)
{
    const char *text = dpl_ocf_text(run, VIRTUAL_IP_PREFERRED_LFT);
    int64_t number = DPL_NET_FOREVER;
    want->preferred_s = DPL_NET_FOREVER;
    if (strcmp(text, "forever") != 0 &&
        dpl_units_number(text, 0, DPL_NET_FOREVER, &number, NULL) < 0)
        return wrong(run, VIRTUAL_IP_PREFERRED_LFT, "a number of seconds, or forever", err);
    want->preferred_s = (uint32_t)number;
    return DPL_OK;
}

static void read_plain(const struct dpl_ocf_run *run, struct vip_want *want)
{
    want->arp_count = (int)dpl_ocf_number(run, VIRTUAL_IP_ARP_COUNT);
    want->arp_interval_ms = (int)dpl_ocf_number(run, VIRTUAL_IP_ARP_INTERVAL);
    want->arp_count_refresh = (int)dpl_ocf_number(run, VIRTUAL_IP_ARP_COUNT_REFRESH);
    want->arp_bg = dpl_ocf_number(run, VIRTUAL_IP_ARP_BG);
    want->patient = dpl_ocf_number(run, VIRTUAL_IP_RUN_ARPING);
    want->nodad = dpl_ocf_number(run, VIRTUAL_IP_NODAD);
    want->noprefixroute = dpl_ocf_number(run, VIRTUAL_IP_NOPREFIXROUTE);
    want->preferred_source = dpl_ocf_number(run, VIRTUAL_IP_PREFERRED_SOURCE);
    want->check_link = dpl_ocf_number(run, VIRTUAL_IP_CHECK_LINK);
}

int vip_want_read(const struct dpl_ocf_run *run, bool strict, struct vip_want *want_r,
                  struct dpl_err *err)
{
    static int (*const readers[])(const struct dpl_ocf_run *, struct vip_want *,
                                  struct dpl_err *) = {
        read_ip, read_nic, read_netmask, read_broadcast, read_preferred,
    };
    *want_r = (struct vip_want){.prefix = -1, .preferred_s = DPL_NET_FOREVER};
    read_plain(run, want_r);
    for (size_t i = 0; i < sizeof readers / sizeof readers[0]; i++) {
        int code = readers[i](run, want_r, strict ? err : NULL);
        if (code < 0 && strict)
            return code;
    }
    if (strict && !want_r->nic[0] && dpl_net_addr_is_link_local(&want_r->addr))
        return dpl_err_set(err, DPL_E_PARAM,
                           "parameter nic is missing: the link-local address %s is on every link",
                           want_r->text);
    return DPL_OK;
}

/* Parameters of IPaddr2 that are refused rather than ignored. */
static int refuse_unsupported(const struct dpl_ocf_run *run, struct dpl_err *err)
{
    static const int when_set[] = {VIRTUAL_IP_CLUSTERIP_HASH, VIRTUAL_IP_MAC};
    if (dpl_ocf_number(run, VIRTUAL_IP_LVS_SUPPORT))
        return wrong(run, VIRTUAL_IP_LVS_SUPPORT,
                     "false: addresses are not moved to the loopback interface for LVS (use "
                     "ocf:heartbeat:IPaddr2)",
                     err);
    for (size_t i = 0; i < 2; i++)
        if (given(run, when_set[i]))
            return wrong(run, when_set[i],
                         "nothing: the kernel has no CLUSTERIP, by which nodes share an address",
                         err);
    return DPL_OK;
}

int vip_want_check(struct dpl_ocf_run *run, struct dpl_err *err)
{
    struct vip_want want = {0};
    int code = refuse_unsupported(run, err);
    if (code == DPL_OK)
        code = vip_want_read(run, true, &want, err);
    if (code < 0 || strcmp(run->action->name, "monitor") == 0)
        return code;
    if (want.addr.family == AF_INET6 && want.label[0])
        dpl_ocf_log(run, "WARNING", "iflabel has no effect: IPv6 addresses have no labels");
    if (want.addr.family == AF_INET && want.preferred_s != DPL_NET_FOREVER)
        dpl_ocf_log(run, "WARNING", "preferred_lft has no effect on IPv4 addresses");
    return DPL_OK;
}
