/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Setting the address and taking it away, without harm to those of others.
 */
#ifndef DPL_AGENTS_VIRTUAL_IP_SET_H
#define DPL_AGENTS_VIRTUAL_IP_SET_H

#include "agents/virtual_ip_place.h"

/* Asks the network for the address, unless told not to, and sets it. The state is written before.
 * When it fails nothing is left. */
int vip_set_add(struct dpl_ocf_run *run, const struct vip_want *want, struct vip_host *host,
                const struct vip_place *place, struct dpl_err *err);
/* What of the parameters this host and place cannot fulfil, before anything is done. */
int vip_set_check_here(const struct vip_want *want, const struct vip_host *host,
                       const struct vip_place *place, struct dpl_err *err);
/* Whether another machine has it: DPL_E_EXISTS with its hardware address in the sentence. */
int vip_set_ask(struct dpl_ocf_run *run, const struct vip_want *want, const struct vip_place *place,
                struct dpl_err *err);
/* One action at a time sets or removes addresses: where a removal takes those of others along and
 * sets them again, nobody else may look in between, or remove one of them. Returns a descriptor
 * that holds the lock until it is closed, or -1 where no start has run yet. The action's deadline
 * bounds the wait. vip_set_add takes it itself. */
int vip_set_lock(struct dpl_ocf_run *run);
/* Removes it, under the lock, and sees that it is gone. The secondary addresses that the kernel
 * would take along with an IPv4 address stay, or are set again. */
int vip_set_remove(struct dpl_ocf_run *run, const struct vip_want *want, struct vip_host *host,
                   const struct dpl_net_ifaddr *found, struct dpl_err *err);
/* Tells the neighbours: once now, the rest as configured. */
int vip_set_announce(struct dpl_ocf_run *run, const struct vip_want *want,
                     const struct vip_host *host, const struct dpl_net_link *link, int count,
                     struct dpl_err *err);

#endif
