/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The preferred source: the directly connected route of the address's prefix and the default routes
 * that leave by its interface choose it for outgoing connections, until they are given back.
 */
#ifndef DPL_AGENTS_VIRTUAL_IP_SOURCE_H
#define DPL_AGENTS_VIRTUAL_IP_SOURCE_H

#include "agents/virtual_ip_place.h"

/* Writes the routes down in the state, as they are, then changes them. Again: only what is not yet
 * so. */
int vip_source_take(const struct vip_want *want, struct vip_host *host,
                    const struct dpl_net_ifaddr *ours, struct dpl_err *err);
/* Gives the remembered routes back as they were, those that still have our source, and those that
 * the kernel dropped with an address that is gone; forgets them. To be called before the address
 * goes: with it the kernel drops the routes that name it. A route that cannot be given back is a
 * warning. */
int vip_source_give_back(struct dpl_ocf_run *run, const struct vip_want *want,
                         struct vip_host *host, struct dpl_err *err);

#endif
