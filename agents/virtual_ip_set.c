/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agents/virtual_ip_set.h"

#include "lib/base/fd.h"
#include "lib/net/neighbour.h"
#include "lib/net/repeat.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ASK_MS = 100, ASK_PATIENTLY_MS = 1000, ASK_TIMES = 3 };

int vip_set_ask(struct dpl_ocf_run *run, const struct vip_want *want, const struct vip_place *place,
                struct dpl_err *err)
{
    struct dpl_net_neighbour neighbour = {.fd = -1};
    uint8_t mac[DPL_NET_MAC_MAX];
    char text[DPL_NET_MAC_MAX * 3 + 1];
    if (!dpl_net_link_has_neighbours(&place->link) || dpl_net_link_why_down(&place->link))
        return DPL_OK;
    dpl_ocf_step(&run->steps, "asking the neighbours for the address");
    int code = dpl_net_neighbour_open(&neighbour, &place->link, &want->addr, err);
    int64_t since_ns = dpl_clock_now_ns(run->steps.clock);
    if (code == DPL_OK)
        code = dpl_net_neighbour_ask(&neighbour, err);
    if (code == DPL_OK)
        code = dpl_net_neighbour_listen(&neighbour, run->steps.clock, since_ns,
                                        want->patient ? ASK_PATIENTLY_MS : ASK_MS, ASK_TIMES, mac,
                                        err);
    dpl_net_neighbour_close(&neighbour);
    if (code <= 0)
        return code;
    return dpl_err_set(err, DPL_E_EXISTS,
                       "another machine on %s has %s: its hardware address is %s", place->link.name,
                       want->text, dpl_net_mac_format(mac, place->link.mac_length, text));
}

/* The broadcast address that goes with it; family 0 for none. */
static struct dpl_net_addr choose_broadcast(const struct vip_want *want,
                                            const struct vip_host *host,
                                            const struct vip_place *place)
{
    struct dpl_net_addr none = {0};
    if (want->addr.family != AF_INET)
        return none;
    if (want->broadcast_how == VIP_BROADCAST_GIVEN)
        return want->broadcast;
    if (want->broadcast_how != VIP_BROADCAST_AUTO)
        return dpl_net_addr_fill(&want->addr, place->prefix,
                                 want->broadcast_how == VIP_BROADCAST_ONES);
    for (size_t i = 0; i < host->addrs.count; i++) {
        const struct dpl_net_ifaddr *one = &host->addrs.items[i];
        if (one->index == place->link.index && one->prefix == place->prefix &&
            dpl_net_addr_in(&want->addr, &one->addr, one->prefix))
            return one->broadcast;
    }
    if (place->prefix >= 31 || dpl_net_addr_is_loopback(&want->addr))
        return none;
    return dpl_net_addr_fill(&want->addr, place->prefix, true);
}

static int describe(const struct vip_want *want, const struct vip_host *host,
                    const struct vip_place *place, struct dpl_net_ifaddr *out, struct dpl_err *err)
{
    *out = (struct dpl_net_ifaddr){.addr = want->addr,
                                   .prefix = place->prefix,
                                   .index = place->link.index,
                                   .preferred_s = DPL_NET_FOREVER,
                                   .valid_s = DPL_NET_FOREVER,
                                   .broadcast = choose_broadcast(want, host, place)};
    if (want->noprefixroute)
        out->flags |= IFA_F_NOPREFIXROUTE;
    if (dpl_net_addr_is_loopback(&want->addr))
        out->scope = RT_SCOPE_HOST;
    if (want->addr.family == AF_INET6) {
        out->flags |= IFA_F_NODAD; /* we have asked ourselves */
        out->preferred_s = want->preferred_s;
    } else if (want->label[0]) {
        int n = snprintf(out->label, sizeof out->label, "%s:%s", place->link.name, want->label);
        if (n >= (int)sizeof out->label)
            return dpl_err_set(err, DPL_E_PARAM_HERE,
                               "parameter iflabel=\"%s\": with %s: in front it is longer than 15 "
                               "characters",
                               want->label, place->link.name);
    }
    return DPL_OK;
}

static int disabled_family(const struct vip_want *want, const struct vip_place *place,
                           struct dpl_err *err)
{
    char path[96], value = '0';
    if (want->addr.family != AF_INET6)
        return DPL_OK;
    snprintf(path, sizeof path, "/proc/sys/net/ipv6/conf/%s/disable_ipv6", place->link.name);
    dpl_autofd int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno != ENOENT)
        return DPL_OK; /* the kernel will say */
    if (fd < 0 || (read(fd, &value, 1) == 1 && value != '0'))
        return dpl_err_set(err, DPL_E_PARAM_HERE, "parameter ip=\"%s\": IPv6 is disabled on %s",
                           want->text, place->link.name);
    return DPL_OK;
}

int vip_set_check_here(const struct vip_want *want, const struct vip_host *host,
                       const struct vip_place *place, struct dpl_err *err)
{
    struct dpl_net_ifaddr unused;
    int code = disabled_family(want, place, err);
    return code < 0 ? code : describe(want, host, place, &unused, err);
}

int vip_set_lock(struct dpl_ocf_run *run)
{
    dpl_ocf_step(&run->steps, "waiting for other actions on addresses");
    int fd = open(DPL_RUN_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    while (fd >= 0 && flock(fd, LOCK_EX) < 0 && errno == EINTR)
        ;
    return fd;
}

int vip_set_add(struct dpl_ocf_run *run, const struct vip_want *want, struct vip_host *host,
                const struct vip_place *place, struct dpl_err *err)
{
    struct dpl_net_ifaddr ifaddr;
    int code = disabled_family(want, place, err);
    if (code == DPL_OK)
        code = describe(want, host, place, &ifaddr, err);
    if (code == DPL_OK && !want->nodad)
        code = vip_set_ask(run, want, place, err);
    if (code < 0)
        return code;
    dpl_autofd int lock = vip_set_lock(run);
    dpl_ocf_step(&run->steps, "setting the address");
    host->state.addr = want->addr;
    host->state.index = place->link.index;
    host->state.prefix = place->prefix;
    code = vip_state_write(host->state_path, &host->state, err);
    if (code == DPL_OK)
        code = dpl_net_ifaddr_add(&host->nl, &ifaddr, err);
    if (code == DPL_OK)
        code = vip_host_refresh(want, host, err);
    /* Also when only the kernel's answer was lost. What came in between is not ours. */
    if (code < 0 && code != DPL_E_EXISTS)
        (void)dpl_net_ifaddr_remove(&host->nl, &ifaddr, NULL);
    if (code < 0)
        (void)dpl_ocf_state_remove(host->state_path, NULL);
    return code;
}

/* A setting of this interface or of all: whether the kernel itself keeps the secondary addresses.
 */
static bool promotes(const char *name)
{
    char path[96], value = '0';
    snprintf(path, sizeof path, "/proc/sys/net/ipv4/conf/%s/promote_secondaries", name);
    dpl_autofd int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd >= 0 && read(fd, &value, 1) == 1 && value != '0';
}

static bool set_promotes(const char *name)
{
    char path[96];
    snprintf(path, sizeof path, "/proc/sys/net/ipv4/conf/%s/promote_secondaries", name);
    dpl_autofd int fd = open(path, O_WRONLY | O_CLOEXEC);
    return fd >= 0 && write(fd, "1\n", 2) == 2;
}

/* Whether others are in the same network behind a primary one, which the kernel takes along. */
static bool has_secondaries(const struct vip_host *host, const struct dpl_net_ifaddr *ours)
{
    if (ours->addr.family != AF_INET || (ours->flags & IFA_F_SECONDARY))
        return false;
    for (size_t i = 0; i < host->addrs.count; i++) {
        const struct dpl_net_ifaddr *one = &host->addrs.items[i];
        if (one->index == ours->index && one->prefix == ours->prefix &&
            (one->flags & IFA_F_SECONDARY) &&
            dpl_net_addr_in(&one->addr, &ours->addr, ours->prefix))
            return true;
    }
    return false;
}

/* Makes the kernel keep them. False if it cannot be made to: they must be set again. The setting
 * stays: put back, it could be missing in the middle of another resource's stop. */
static bool keep_others(struct dpl_ocf_run *run, struct vip_host *host,
                        const struct dpl_net_ifaddr *ours)
{
    struct dpl_net_link link;
    if (!has_secondaries(host, ours) ||
        dpl_net_link_by_index(&host->nl, ours->index, &link, NULL) < 0 || promotes("all") ||
        promotes(link.name))
        return true;
    if (set_promotes(link.name)) {
        dpl_ocf_log(run, "INFO",
                    "promote_secondaries is set on %s, so that its other addresses stay",
                    link.name);
        return true;
    }
    dpl_ocf_log(run, "WARNING",
                "cannot set promote_secondaries on %s: its other addresses go for a moment",
                link.name);
    return false;
}

/* Sets again what went with ours and is not back. */
static int restore_others(struct dpl_ocf_run *run, struct vip_host *host,
                          const struct dpl_net_ifaddrs *before, const struct dpl_net_ifaddr *ours,
                          struct dpl_err *err)
{
    for (size_t i = 0; i < before->count; i++) {
        const struct dpl_net_ifaddr *one = &before->items[i];
        bool there = one->index != ours->index || one->prefix != ours->prefix ||
                     dpl_net_addr_equal(&one->addr, &ours->addr);
        for (size_t k = 0; k < host->addrs.count && !there; k++)
            there = host->addrs.items[k].index == one->index &&
                    dpl_net_addr_equal(&host->addrs.items[k].addr, &one->addr);
        if (there || !(one->flags & IFA_F_SECONDARY))
            continue;
        struct dpl_net_ifaddr again = *one;
        again.flags &= ~(uint32_t)(IFA_F_SECONDARY | IFA_F_PERMANENT);
        char text[DPL_NET_ADDR_TEXT];
        int code = dpl_net_ifaddr_add(&host->nl, &again, err);
        if (code < 0 && code != DPL_E_EXISTS)
            return code;
        dpl_ocf_log(run, "WARNING", "the kernel removed %s with ours; it is set again",
                    dpl_net_addr_format(&one->addr, text));
    }
    return DPL_OK;
}

static bool still_there(const struct vip_host *host, const struct dpl_net_ifaddr *ours)
{
    for (size_t i = 0; i < host->addrs.count; i++)
        if (host->addrs.items[i].index == ours->index &&
            host->addrs.items[i].prefix == ours->prefix &&
            dpl_net_addr_equal(&host->addrs.items[i].addr, &ours->addr))
            return true;
    return false;
}

int vip_set_remove(struct dpl_ocf_run *run, const struct vip_want *want, struct vip_host *host,
                   const struct dpl_net_ifaddr *found, struct dpl_err *err)
{
    struct dpl_net_ifaddr copy = *found, *ours = &copy; /* the list that it is in goes */
    bool kept = keep_others(run, host, ours);
    dpl_ocf_step(&run->steps, "removing the address");
    int code = dpl_net_ifaddr_remove(&host->nl, ours, err);
    if (code < 0)
        return code;
    dpl_ocf_step(&run->steps, "seeing that it is gone");
    struct dpl_net_ifaddrs before = host->addrs;
    host->addrs = (struct dpl_net_ifaddrs){0};
    code = vip_host_refresh(want, host, err);
    if (code == DPL_OK && !kept)
        code = restore_others(run, host, &before, ours, err);
    dpl_net_ifaddrs_done(&before);
    if (code == DPL_OK && still_there(host, ours))
        code = dpl_err_set(err, DPL_E_FAILED, "%s is still there after it was removed", want->text);
    return code;
}

static int announce_here(struct dpl_ocf_run *run, struct dpl_net_neighbour *neighbour, int count,
                         int interval_ms, struct dpl_err *err)
{
    int64_t next_ns = dpl_clock_now_ns(run->steps.clock);
    for (int i = 0; i < count; i++) {
        int left_ms;
        while ((left_ms = dpl_clock_left_ms(run->steps.clock, next_ns)) > 0)
            (void)poll(NULL, 0, left_ms);
        int code = dpl_net_neighbour_announce(neighbour, err);
        if (code < 0)
            return code;
        next_ns += interval_ms * INT64_C(1000000);
    }
    return DPL_OK;
}

int vip_set_announce(struct dpl_ocf_run *run, const struct vip_want *want,
                     const struct vip_host *host, const struct dpl_net_link *link, int count,
                     struct dpl_err *err)
{
    struct dpl_net_neighbour neighbour = {.fd = -1};
    if (count == 0 || !dpl_net_link_has_neighbours(link) || dpl_net_link_why_down(link))
        return DPL_OK;
    dpl_ocf_step(&run->steps, "announcing");
    int code = dpl_net_neighbour_open(&neighbour, link, &want->addr, err);
    if (code == DPL_OK)
        code = announce_here(run, &neighbour, want->arp_bg ? 1 : count, want->arp_interval_ms, err);
    dpl_net_neighbour_close(&neighbour);
    if (count == 1 || !want->arp_bg || code == DPL_E_PERM)
        return code;
    if (code < 0) /* the repetitions say it again */
        dpl_ocf_log(run, "WARNING", "%s", err->text);
    dpl_ocf_step(&run->steps, "starting the announcing process");
    struct dpl_net_repeat repeat = {.link = *link,
                                    .addr = want->addr,
                                    .count = count - 1,
                                    .interval_ms = want->arp_interval_ms,
                                    .pid_path = host->pid_path};
    return dpl_net_repeat_start(&repeat, err);
}
