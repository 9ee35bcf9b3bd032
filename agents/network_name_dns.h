/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The resource's records in the DNS: seen, judged and changed, zone by zone. Nothing is changed in
 * any zone while another refuses.
 */
#ifndef DPL_AGENTS_NETWORK_NAME_DNS_H
#define DPL_AGENTS_NETWORK_NAME_DNS_H

#include "agents/network_name_state.h"
#include "agents/network_name_want.h"
#include "lib/dns/dns.h"

struct nn_dns {
    struct dpl_ocf_run *run;
    const struct nn_want *want;
    struct nn_state *state;
    struct dpl_dns dns;
    struct dpl_dns_key key;
};

/* Which site this is: [site] name of doppel.conf. */
int nn_site_read(char site_r[NN_SITE_TEXT], struct dpl_err *err);

/* Reads the key and the servers; what follows ends budget_ms from now. The others are borrowed. End
 * with nn_dns_close. PARAM_HERE, naming keyfile, when the key cannot be used. */
int nn_dns_open(struct nn_dns *nn, struct dpl_ocf_run *run, const struct nn_want *want,
                struct nn_state *state, int64_t budget_ms, struct dpl_err *err);
void nn_dns_close(struct nn_dns *nn);

/* Makes the zones hold what is wanted, and notes it in the state, which is written before anything
 * is changed. 1 when something was changed, 0 when all was there. */
int nn_dns_register(struct nn_dns *nn, struct dpl_err *err);
/* Removes what the state says was registered. */
int nn_dns_unregister(struct nn_dns *nn, struct dpl_err *err);
/* Changes nothing, but asks the servers whether they would. */
int nn_dns_try(struct nn_dns *nn, struct dpl_err *err);

#endif
