/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the parameters of network-name ask for.
 */
#ifndef DPL_AGENTS_NETWORK_NAME_WANT_H
#define DPL_AGENTS_NETWORK_NAME_WANT_H

#include "lib/dns/name.h"
#include "lib/dns/rr.h"
#include "lib/ocf/agent.h"

enum { NN_RECORDS_MAX = 64 }; /* of one resource */

struct nn_want {
    char host[DPL_DNS_NAME_TEXT]; /* empty: the parameter cannot be read */
    struct dpl_dns_rrs rrs;       /* all records but that one */
    const char *servers;          /* NULL: by SOA; borrowed, as keyfile */
    const char *keyfile;          /* NULL: none */
    uint16_t port;
    uint32_t ttl_s;
    bool unregister_on_stop, require_dns, set_hostname;
};

/* Reads all of it. Strictly, the first value that is wrong is the error. Otherwise what is wrong
 * counts as not given. End with nn_want_done. */
int nn_want_read(const struct dpl_ocf_run *run, bool strict, struct nn_want *want_r,
                 struct dpl_err *err);
void nn_want_done(struct nn_want *want);
/* The frame's check. */
int nn_want_check(struct dpl_ocf_run *run, struct dpl_err *err);

#endif
