/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agents/virtual_ip_place.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

int vip_host_refresh(const struct vip_want *want, struct vip_host *host, struct dpl_err *err)
{
    dpl_net_ifaddrs_done(&host->addrs);
    return dpl_net_ifaddrs_list(&host->nl, want->addr.family, &host->addrs, err);
}

int vip_host_open(struct dpl_ocf_run *run, struct vip_want *want, struct vip_host *host_r,
                  struct dpl_err *err)
{
    char by_hand[DPL_NET_ADDR_TEXT + 8];
    *host_r = (struct vip_host){0};
    dpl_ocf_step(&run->steps, "reading the state");
    snprintf(by_hand, sizeof by_hand, "ip-%s", want->text);
    dpl_ocf_state_path(run, by_hand, "state", host_r->state_path);
    dpl_ocf_state_path(run, by_hand, "pid", host_r->pid_path);
    vip_state_read(host_r->state_path, &host_r->state);
    if (want->addr.family == 0 && host_r->state.addr.family != 0) {
        want->addr = host_r->state.addr;
        dpl_net_addr_format(&want->addr, want->text);
    }
    if (want->addr.family == 0)
        return DPL_OK;
    dpl_ocf_step(&run->steps, "listing addresses");
    int code = dpl_net_nl_open(&host_r->nl, 0, err);
    return code < 0 ? code : vip_host_refresh(want, host_r, err);
}

void vip_host_close(struct vip_host *host)
{
    dpl_net_nl_close(&host->nl);
    dpl_net_ifaddrs_done(&host->addrs);
    vip_state_done(&host->state);
}

/* The most specific prefix of another address that holds ours: for interfaces whose addresses make
 * no routes. */
static const struct dpl_net_ifaddr *holding_address(const struct vip_want *want,
                                                    const struct vip_host *host, int index)
{
    const struct dpl_net_ifaddr *best = NULL;
    for (size_t i = 0; i < host->addrs.count; i++) {
        const struct dpl_net_ifaddr *one = &host->addrs.items[i];
        if ((index == 0 || one->index == index) && !dpl_net_addr_equal(&one->addr, &want->addr) &&
            (want->prefix < 0 || one->prefix <= want->prefix) &&
            dpl_net_addr_in(&want->addr, &one->addr, one->prefix) &&
            (!best || one->prefix > best->prefix))
            best = one;
    }
    return best;
}

/* The interface and the prefix around the address, by route or else by address. */
static int find_network(const struct vip_want *want, struct vip_host *host, int index, int *index_r,
                        int *prefix_r, struct dpl_err *err)
{
    struct dpl_net_routes routes;
    int code = dpl_net_routes_list(&host->nl, want->addr.family, &routes, err);
    const struct dpl_net_route *route =
        code < 0 ? NULL : dpl_net_routes_connected(&routes, &want->addr, want->prefix, index);
    if (route) {
        *index_r = route->index;
        *prefix_r = route->prefix;
    }
    bool found = route;
    dpl_net_routes_done(&routes);
    if (code < 0 || found)
        return code;
    const struct dpl_net_ifaddr *holder = holding_address(want, host, index);
    if (!holder)
        return dpl_err_set(err, DPL_E_NOT_FOUND, "no route holds it");
    *index_r = holder->index;
    *prefix_r = holder->prefix;
    return DPL_OK;
}

static int place_named(const struct vip_want *want, struct vip_host *host,
                       struct vip_place *place_r, struct dpl_err *err)
{
    int index = 0;
    int code = dpl_net_link_by_name(&host->nl, want->nic, &place_r->link, err);
    if (code == DPL_E_NOT_FOUND)
        return dpl_err_set(err, DPL_E_PARAM_HERE,
                           "parameter nic=\"%s\": this node has no such interface", want->nic);
    if (code < 0)
        return code;
    place_r->prefix = want->prefix;
    if (want->prefix >= 0)
        return DPL_OK;
    code = find_network(want, host, place_r->link.index, &index, &place_r->prefix, err);
    if (code == DPL_E_NOT_FOUND)
        return dpl_err_set(err, DPL_E_PARAM_HERE,
                           "parameter cidr_netmask is missing: no route or address of %s holds %s",
                           want->nic, want->text);
    return code;
}

static int place_by_route(const struct vip_want *want, struct vip_host *host,
                          struct vip_place *place_r, struct dpl_err *err)
{
    int index = 0, prefix = -1;
    if (dpl_net_addr_is_loopback(&want->addr)) {
        place_r->prefix = want->prefix >= 0 ? want->prefix : want->addr.family == AF_INET ? 8 : 128;
        return dpl_net_link_by_name(&host->nl, "lo", &place_r->link, err);
    }
    int code = find_network(want, host, 0, &index, &prefix, err);
    if (code == DPL_E_NOT_FOUND)
        return dpl_err_set(err, DPL_E_PARAM_HERE,
                           "parameter nic is missing: no directly connected route of this node "
                           "holds %s",
                           want->text);
    if (code < 0)
        return code;
    place_r->prefix = want->prefix >= 0 ? want->prefix : prefix;
    return dpl_net_link_by_index(&host->nl, index, &place_r->link, err);
}

int vip_place_find(const struct vip_want *want, struct vip_host *host, struct vip_place *place_r,
                   struct dpl_err *err)
{
    *place_r = (struct vip_place){.prefix = -1};
    if (want->nic[0])
        return place_named(want, host, place_r, err);
    return place_by_route(want, host, place_r, err);
}

const struct dpl_net_ifaddr *vip_place_look(const struct vip_want *want,
                                            const struct vip_host *host, int index)
{
    for (size_t i = 0; i < host->addrs.count; i++) {
        const struct dpl_net_ifaddr *one = &host->addrs.items[i];
        if ((index == 0 || one->index == index) && dpl_net_addr_equal(&one->addr, &want->addr))
            return one;
    }
    return NULL;
}

static const struct dpl_net_ifaddr *look_exactly(const struct vip_want *want,
                                                 const struct vip_host *host, int index, int prefix)
{
    for (size_t i = 0; i < host->addrs.count; i++) {
        const struct dpl_net_ifaddr *one = &host->addrs.items[i];
        if (one->index == index && (prefix < 0 || one->prefix == prefix) &&
            dpl_net_addr_equal(&one->addr, &want->addr))
            return one;
    }
    return NULL;
}

int vip_place_locate(const struct vip_want *want, struct vip_host *host,
                     const struct dpl_net_ifaddr **found_r, struct dpl_err *err)
{
    struct vip_place place;
    struct dpl_err why = {0};
    *found_r = NULL;
    if (!vip_place_look(want, host, 0))
        return DPL_OK;
    if (dpl_net_addr_equal(&host->state.addr, &want->addr))
        *found_r = look_exactly(want, host, host->state.index, host->state.prefix);
    if (*found_r)
        return DPL_OK;
    int code = vip_place_find(want, host, &place, &why);
    if (code == DPL_OK)
        *found_r = look_exactly(want, host, place.link.index, place.prefix);
    else if (code == DPL_E_PARAM_HERE || code == DPL_E_NOT_FOUND)
        *found_r = vip_place_look(want, host, place.link.index);
    else if (err)
        *err = why;
    return *found_r || code == DPL_OK || code == DPL_E_PARAM_HERE || code == DPL_E_NOT_FOUND
               ? DPL_OK
               : code;
}
