/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What is to be changed in one zone, from what it holds and what it should hold; and whether it may
 * be. Pure: no system calls.
 *
 * The name itself is held by its owner record. While that names our site, the sets of addresses are
 * ours, whole; without it they are only where each address in them is wanted or was registered by
 * us. An alias or a reverse name is ours where it says what we want or registered. Of mail
 * exchangers only our own record is looked at.
 */
#ifndef DPL_AGENTS_NETWORK_NAME_PLAN_H
#define DPL_AGENTS_NETWORK_NAME_PLAN_H

#include "lib/dns/message.h"

struct nn_plan {
    const char *zone;
    const char *host, *owner; /* NULL: this zone does not hold the name itself */
    const char *site;
    uint32_t ttl_s;
    struct dpl_dns_rrs wanted; /* without the owner record */
    struct dpl_dns_rrs old;    /* what this resource registered before, with its owner record */
    struct dpl_dns_rrs seen;   /* what the zone holds of all names and types concerned */
};

/* REFUSED, with whose it is, when the name or a part of it is somebody else's. Else the update: its
 * prerequisites are that nothing changed since; it changes nothing when all is as it should be. The
 * caller ends it by dpl_dns_update_done in any case. */
int nn_plan_register(const struct nn_plan *plan, struct dpl_dns_update *update_r,
                     struct dpl_err *err);
/* Removes what we registered and is still there, and the owner record, unless addresses are left
 * that were registered elsewhere: they stay ours by it. REFUSED when the name is not ours. */
int nn_plan_unregister(const struct nn_plan *plan, struct dpl_dns_update *update_r,
                       struct dpl_err *err);
/* The data of the owner record. */
void nn_plan_owner_data(const char *site, uint64_t generation, char data[96]);
void nn_plan_done(struct nn_plan *plan);

#endif
