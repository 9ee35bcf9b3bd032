/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * ocf:doppel:virtual-ip: an IPv4 or IPv6 address that moves with its group.
 *
 * Start asks the network for a machine that has the address (a tenth of a second), sets it, tells
 * the neighbours. Monitor reads the kernel's lists, forks nothing. Stop works from what start wrote
 * down, so it needs no parameter but ip, and not even that where start has run; it returns success
 * only when the address was seen to be gone. Everything beneath is in lib/net.
 */
#include "agents/virtual_ip_place.h"
#include "agents/virtual_ip_set.h"
#include "agents/virtual_ip_source.h"
#include "lib/base/fd.h"
#include "lib/net/repeat.h"
#include "virtual-ip.metadata.h"
#include "virtual-ip.params.h"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* A link that carries nothing, if the parameters care. */
static int check_link(const struct vip_want *want, const struct dpl_net_link *link,
                      struct dpl_err *err)
{
    const char *why = want->check_link ? dpl_net_link_why_down(link) : NULL;
    if (why)
        return dpl_err_set(err, DPL_E_FAILED, "the link of %s is down: %s", link->name, why);
    return DPL_OK;
}

/* What is at the address before start: ours (*there_r), nobody's, or somebody's: an error. */
static int check_free(const struct vip_want *want, struct vip_host *host,
                      const struct vip_place *place, const struct dpl_net_ifaddr **there_r,
                      struct dpl_err *err)
{
    struct dpl_net_link other;
    *there_r = NULL;
    for (size_t i = 0; i < host->addrs.count; i++) {
        const struct dpl_net_ifaddr *one = &host->addrs.items[i];
        if (!dpl_net_addr_equal(&one->addr, &want->addr))
            continue;
        if (one->index == place->link.index && one->prefix == place->prefix) {
            *there_r = one;
            continue;
        }
        if (one->index == place->link.index)
            return dpl_err_set(err, DPL_E_EXISTS,
                               "%s is on %s already, with the prefix %d, not %d; it is not ours",
                               want->text, place->link.name, one->prefix, place->prefix);
        if (dpl_net_addr_is_link_local(&want->addr))
            continue; /* each link has its own */
        if (dpl_net_link_by_index(&host->nl, one->index, &other, NULL) < 0)
            snprintf(other.name, sizeof other.name, "number %d", one->index);
        return dpl_err_set(err, DPL_E_EXISTS,
                           "%s is on the interface %s already, not on %s; it is not ours",
                           want->text, other.name, place->link.name);
    }
    return DPL_OK;
}

static int ignore_event(const struct nlmsghdr *message, void *data, struct dpl_err *err)
{
    (void)message;
    (void)data;
    (void)err;
    return DPL_OK;
}

/* Waits while the kernel itself still checks an address that was there (it takes a second or two),
 * by its events. *there is looked up again. */
static int wait_for_kernel(struct dpl_ocf_run *run, const struct vip_want *want,
                           struct vip_host *host, const struct dpl_net_ifaddr **there,
                           struct dpl_err *err)
{
    struct dpl_net_nl events = {0};
    int index = (*there)->index;
    int code = dpl_net_nl_open(&events, RTMGRP_IPV6_IFADDR, err);
    dpl_ocf_step(&run->steps, "waiting for the kernel's duplicate address detection");
    while (code == DPL_OK) {
        code = vip_host_refresh(want, host, err);
        *there = vip_place_look(want, host, index);
        if (code < 0 || !*there || !((*there)->flags & IFA_F_TENTATIVE) ||
            ((*there)->flags & IFA_F_DADFAILED))
            break;
        struct pollfd wait = {.fd = dpl_net_nl_fd(&events), .events = POLLIN};
        (void)poll(&wait, 1, -1); /* the deadline of the action bounds it */
        code = dpl_net_nl_events(&events, ignore_event, NULL, err);
        code = code < 0 ? code : DPL_OK;
    }
    dpl_net_nl_close(&events);
    return code;
}

/* An address that is there and ours: usable, or removed because the kernel found it to be double.
 */
static int take_over(struct dpl_ocf_run *run, const struct vip_want *want, struct vip_host *host,
                     const struct vip_place *place, const struct dpl_net_ifaddr **there,
                     struct dpl_err *err)
{
    int code = DPL_OK;
    /* Without a carrier the kernel does not begin. */
    if ((*there)->flags & IFA_F_TENTATIVE && !((*there)->flags & IFA_F_DADFAILED) &&
        !dpl_net_link_why_down(&place->link))
        code = wait_for_kernel(run, want, host, there, err);
    if (code == DPL_OK && *there && (*there)->flags & IFA_F_DADFAILED) {
        dpl_autofd int lock = vip_set_lock(run);
        code = vip_set_remove(run, want, host, *there, err);
        *there = NULL;
    }
    return code;
}

/* Lifetimes and routes of an address that is set. */
static int finish(struct dpl_ocf_run *run, const struct vip_want *want, struct vip_host *host,
                  const struct dpl_net_ifaddr *ours, struct dpl_err *err)
{
    int code = DPL_OK;
    if (want->addr.family == AF_INET6 && ours->preferred_s != want->preferred_s) {
        struct dpl_net_ifaddr changed = *ours;
        changed.preferred_s = want->preferred_s;
        changed.flags &= IFA_F_NODAD | IFA_F_NOPREFIXROUTE;
        code = dpl_net_ifaddr_change(&host->nl, &changed, err);
    }
    if (code < 0)
        return code;
    dpl_ocf_step(&run->steps, "setting the source of routes");
    if (want->preferred_source)
        return vip_source_take(want, host, ours, err);
    if (host->state.routes.count == 0)
        return DPL_OK;
    code = vip_source_give_back(run, want, host, err);
    return code < 0 ? code : vip_state_write(host->state_path, &host->state, err);
}

/* Takes back what a start did that failed afterwards. */
static void undo(struct dpl_ocf_run *run, const struct vip_want *want, struct vip_host *host,
                 const struct dpl_net_ifaddr *ours)
{
    struct dpl_err why = {0};
    dpl_autofd int lock = vip_set_lock(run);
    int code = vip_source_give_back(run, want, host, &why);
    if (code == DPL_OK)
        code = vip_set_remove(run, want, host, ours, &why);
    if (code == DPL_OK)
        code = dpl_ocf_state_remove(host->state_path, &why);
    if (code < 0)
        dpl_ocf_log(run, "WARNING", "not undone: %s", why.text);
}

static int start_at(struct dpl_ocf_run *run, const struct vip_want *want, struct vip_host *host,
                    const struct vip_place *place, struct dpl_err *err)
{
    const struct dpl_net_ifaddr *ours;
    int code = check_free(want, host, place, &ours, err);
    if (code == DPL_OK && ours)
        code = take_over(run, want, host, place, &ours, err);
    bool fresh = !ours;
    if (code == DPL_OK && fresh) {
        code = vip_set_add(run, want, host, place, err);
        ours = vip_place_look(want, host, place->link.index);
    } else if (code == DPL_OK) {
        host->state.addr = want->addr;
        host->state.index = ours->index;
        host->state.prefix = ours->prefix;
        code = vip_state_write(host->state_path, &host->state, err);
    }
    if (code < 0)
        return code;
    if (!ours)
        return dpl_err_set(err, DPL_E_FAILED, "%s went away while it was set", want->text);
    struct dpl_net_ifaddr set = *ours;
    code = finish(run, want, host, &set, err);
    if (code == DPL_OK)
        code = vip_set_announce(run, want, host, &place->link, want->arp_count, err);
    if (code < 0 && fresh)
        undo(run, want, host, &set);
    return code;
}

static int start(struct dpl_ocf_run *run, struct dpl_err *err)
{
    struct vip_want want;
    struct vip_host host = {0};
    struct vip_place place;
    int code = vip_want_read(run, true, &want, err);
    if (code == DPL_OK)
        code = vip_host_open(run, &want, &host, err);
    dpl_ocf_step(&run->steps, "finding the interface");
    if (code == DPL_OK)
        code = vip_place_find(&want, &host, &place, err);
    if (code == DPL_OK)
        code = check_link(&want, &place.link, err);
    if (code == DPL_OK)
        code = start_at(run, &want, &host, &place, err);
    vip_host_close(&host);
    return code;
}

static int stop_found(struct dpl_ocf_run *run, struct vip_want *want, struct vip_host *host,
                      struct dpl_err *err)
{
    const struct dpl_net_ifaddr *found = NULL;
    int code = DPL_OK;
    if (want->addr.family != 0)
        code = vip_place_locate(want, host, &found, err);
    /* Also of an address that is gone already: the kernel dropped the routes with it. */
    if (code == DPL_OK && want->addr.family != 0)
        code = vip_source_give_back(run, want, host, err);
    if (code == DPL_OK && found)
        code = vip_set_remove(run, want, host, found, err);
    if (code == DPL_OK && want->addr.family != 0 && vip_place_look(want, host, 0))
        dpl_ocf_log(run, "WARNING", "%s is left on an interface where it is not this resource's",
                    want->text);
    return code;
}

static int stop(struct dpl_ocf_run *run, struct dpl_err *err)
{
    struct vip_want want, old;
    struct vip_host host = {0};
    (void)vip_want_read(run, false, &want, NULL);
    dpl_autofd int lock = vip_set_lock(run);
    int code = vip_host_open(run, &want, &host, err);
    if (code == DPL_OK && want.addr.family == 0)
        dpl_ocf_log(run, "WARNING",
                    "no address can be read from ip, and none was set: nothing to "
                    "stop");
    dpl_ocf_step(&run->steps, "ending the announcing process");
    if (code == DPL_OK)
        code = dpl_net_repeat_end(host.pid_path, err);
    /* What this resource set under an earlier ip goes too. */
    old = want;
    old.addr = host.state.addr;
    if (code == DPL_OK && old.addr.family != 0 && !dpl_net_addr_equal(&old.addr, &want.addr)) {
        dpl_net_addr_format(&old.addr, old.text);
        code = vip_host_refresh(&old, &host, err);
        if (code == DPL_OK)
            code = stop_found(run, &old, &host, err);
        if (code == DPL_OK)
            code = vip_host_refresh(&want, &host, err);
    }
    if (code == DPL_OK)
        code = stop_found(run, &want, &host, err);
    if (code == DPL_OK)
        code = dpl_ocf_state_remove(host.state_path, err);
    vip_host_close(&host);
    return code;
}

static int not_running(const struct vip_want *want, const struct vip_host *host,
                       struct dpl_err *err)
{
    if (vip_place_look(want, host, 0))
        return dpl_err_set(err, DPL_E_NOT_RUNNING,
                           "%s is set, but on another interface or with another prefix",
                           want->text);
    return dpl_err_set(err, DPL_E_NOT_RUNNING, "%s is not set on this node", want->text);
}

/* What monitor asks of an address that is there. */
static int inspect(const struct vip_want *want, const struct dpl_net_link *link,
                   const struct dpl_net_ifaddr *found, struct dpl_err *err)
{
    if (found->flags & IFA_F_DADFAILED)
        return dpl_err_set(err, DPL_E_FAILED, "the kernel found another machine on %s that has %s",
                           link->name, want->text);
    return check_link(want, link, err);
}

/* Opens the host and finds the address there; NULL, and why in *code_r, when it is not. */
static const struct dpl_net_ifaddr *find_running(struct dpl_ocf_run *run, struct vip_want *want,
                                                 struct vip_host *host, int *code_r,
                                                 struct dpl_err *err)
{
    const struct dpl_net_ifaddr *found = NULL;
    *code_r = vip_host_open(run, want, host, err);
    if (*code_r == DPL_OK)
        *code_r = vip_place_locate(want, host, &found, err);
    if (*code_r == DPL_OK && !found)
        *code_r = not_running(want, host, err);
    return *code_r == DPL_OK ? found : NULL;
}

static int monitor(struct dpl_ocf_run *run, struct dpl_err *err)
{
    struct vip_want want;
    struct vip_host host = {0};
    struct dpl_net_link link = {0};
    struct dpl_err why = {0};
    int code = vip_want_read(run, true, &want, err);
    if (code < 0)
        return code;
    const struct dpl_net_ifaddr *found = find_running(run, &want, &host, &code, err);
    dpl_ocf_step(&run->steps, "reading the link");
    if (found)
        code = dpl_net_link_by_index(&host.nl, found->index, &link, err);
    if (found && code == DPL_OK)
        code = inspect(&want, &link, found, err);
    /* A refresh that cannot be sent is no reason to restart what serves. */
    if (code == DPL_OK &&
        vip_set_announce(run, &want, &host, &link, want.arp_count_refresh, &why) < 0)
        dpl_ocf_log(run, "WARNING", "%s", why.text);
    vip_host_close(&host);
    return code;
}

/* Whether it is there: nothing but ip counts, and what is wrong with this host is an answer. */
static int probe(struct dpl_ocf_run *run, struct dpl_err *err)
{
    struct vip_want want;
    struct vip_host host = {0};
    int code;
    (void)vip_want_read(run, false, &want, NULL);
    if (want.addr.family == 0)
        return vip_want_read(run, true, &want, err);
    const struct dpl_net_ifaddr *found = find_running(run, &want, &host, &code, err);
    if (found && found->flags & IFA_F_DADFAILED)
        code = dpl_err_set(err, DPL_E_FAILED, "the kernel found another machine that has %s",
                           want.text);
    vip_host_close(&host);
    return code;
}

static int reload_agent(struct dpl_ocf_run *run, struct dpl_err *err)
{
    struct vip_want want;
    struct vip_host host = {0};
    int code = vip_want_read(run, true, &want, err);
    if (code < 0)
        return code;
    const struct dpl_net_ifaddr *found = find_running(run, &want, &host, &code, err);
    if (found) {
        host.state.addr = want.addr;
        host.state.index = found->index;
        host.state.prefix = found->prefix;
        code = finish(run, &want, &host, found, err);
    }
    vip_host_close(&host);
    return code;
}

/* Level 0 is the frame's check of the parameters; 10 looks at this host, 20 at the network. */
static int validate_all(struct dpl_ocf_run *run, struct dpl_err *err)
{
    struct vip_want want;
    struct vip_host host = {0};
    struct vip_place place;
    const struct dpl_net_ifaddr *there = NULL;
    int code = vip_want_read(run, true, &want, err);
    if (code < 0 || run->level < 10)
        return code;
    code = vip_host_open(run, &want, &host, err);
    if (code == DPL_OK)
        code = vip_place_find(&want, &host, &place, err);
    if (code == DPL_OK)
        code = vip_set_check_here(&want, &host, &place, err);
    if (code == DPL_OK && run->level >= 20)
        code = check_link(&want, &place.link, err);
    if (code == DPL_OK && run->level >= 20)
        code = check_free(&want, &host, &place, &there, err);
    if (code == DPL_OK && run->level >= 20 && !there)
        code = vip_set_ask(run, &want, &place, err);
    vip_host_close(&host);
    return code;
}

static const struct dpl_ocf_action actions[] = {
    {.name = "start", .run = start},
    {.name = "stop", .run = stop, .lenient = true},
    {.name = "monitor", .run = monitor, .probe = probe},
    {.name = "reload-agent", .run = reload_agent},
    {.name = "validate-all", .run = validate_all},
    {.name = NULL},
};

const struct dpl_ocf_agent vip_agent = {
    .name = "virtual-ip",
    .metadata = virtual_ip_metadata,
    .params = virtual_ip_params,
    .param_count = VIRTUAL_IP_PARAMS,
    .actions = actions,
    .check = vip_want_check,
};

int main(int argc, char **argv)
{
    return dpl_ocf_main(&vip_agent, argc, argv);
}
