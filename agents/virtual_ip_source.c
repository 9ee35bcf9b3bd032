/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agents/virtual_ip_source.h"

#include <stdlib.h>

/* The connected route of the address's own prefix, or a default route, by its interface. */
static bool concerns(const struct dpl_net_route *route, const struct dpl_net_ifaddr *ours)
{
    if (route->index != ours->index)
        return false;
    return route->prefix == 0 ||
           (!route->gateway && route->prefix < (int)dpl_net_addr_size(&ours->addr) * 8 &&
            dpl_net_addr_in(&ours->addr, &route->destination, route->prefix));
}

static int remember(struct vip_state *state, const struct dpl_net_route *route, struct dpl_err *err)
{
    if (dpl_net_routes_same(&state->routes, route))
        return DPL_OK;
    struct dpl_net_route *items =
        reallocarray(state->routes.items, state->routes.count + 1, sizeof *items);
    if (!items)
        return dpl_err_set(err, DPL_E_NO_MEMORY, "no memory for the state");
    state->routes.items = items;
    items[state->routes.count++] = *route;
    return DPL_OK;
}

int vip_source_take(const struct vip_want *want, struct vip_host *host,
                    const struct dpl_net_ifaddr *ours, struct dpl_err *err)
{
    struct dpl_net_routes routes;
    int code = dpl_net_routes_list(&host->nl, want->addr.family, &routes, err);
    for (int pass = 0; pass < 2 && code == DPL_OK; pass++) {
        for (size_t i = 0; i < routes.count && code == DPL_OK; i++) {
            const struct dpl_net_route *route = &routes.items[i];
            if (!concerns(route, ours) || dpl_net_addr_equal(&route->source, &want->addr))
                continue;
            code = pass == 0 ? remember(&host->state, route, err)
                             : dpl_net_route_set_source(&host->nl, route, &want->addr, err);
        }
        if (pass == 0 && code == DPL_OK)
            code = vip_state_write(host->state_path, &host->state, err);
    }
    dpl_net_routes_done(&routes);
    return code;
}

static int give_back_one(const struct vip_want *want, struct vip_host *host,
                         const struct dpl_net_routes *now, const struct dpl_net_route *old,
                         struct dpl_err *err)
{
    static const struct dpl_net_addr none = {0};
    const struct dpl_net_route *route = dpl_net_routes_same(now, old);
    bool dropped = !route && !vip_place_look(want, host, old->index);
    if (!dropped && (!route || !dpl_net_addr_equal(&route->source, &want->addr)))
        return DPL_OK; /* gone, or somebody else's meanwhile */
    int code = dpl_net_route_set_source(&host->nl, old, &old->source, err);
    if (code < 0 && old->source.family) /* the source before ours is gone: any, then */
        code = dpl_net_route_set_source(&host->nl, old, &none, err);
    return code;
}

int vip_source_give_back(struct dpl_ocf_run *run, const struct vip_want *want,
                         struct vip_host *host, struct dpl_err *err)
{
    struct dpl_net_routes now;
    if (host->state.routes.count == 0 || !dpl_net_addr_equal(&host->state.addr, &want->addr))
        return DPL_OK;
    dpl_ocf_step(&run->steps, "giving the routes back");
    int code = dpl_net_routes_list(&host->nl, want->addr.family, &now, err);
    /* Those that lead to routers come last: they need the others. */
    for (int pass = 0; pass < 2 && code == DPL_OK; pass++) {
        for (size_t i = 0; i < host->state.routes.count; i++) {
            const struct dpl_net_route *old = &host->state.routes.items[i];
            struct dpl_err why = {0};
            if (old->gateway == (pass == 1) && give_back_one(want, host, &now, old, &why) < 0)
                dpl_ocf_log(run, "WARNING", "%s", why.text);
        }
    }
    dpl_net_routes_done(&now);
    dpl_net_routes_done(&host->state.routes);
    return code;
}
