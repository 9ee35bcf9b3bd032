/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What network-name remembers while it runs, beneath /run, so a boot forgets it: that it runs here,
 * what it registered (or was about to), and the host's former name.
 *
 * The file is text: "host NAME", "started", "site NAME", "hostname OLD NEW" and any number of
 * "record NAME TTL TYPE DATA".
 */
#ifndef DPL_AGENTS_NETWORK_NAME_STATE_H
#define DPL_AGENTS_NETWORK_NAME_STATE_H

#include "lib/dns/name.h"
#include "lib/dns/rr.h"
#include "lib/ocf/state.h"

enum { NN_HOSTNAME_TEXT = 65, NN_SITE_TEXT = 33 };

struct nn_state {
    char path[DPL_OCF_STATE_PATH];
    bool started;                 /* a start has ended well */
    char host[DPL_DNS_NAME_TEXT]; /* empty: nothing is remembered */
    char site[NN_SITE_TEXT];
    char hostname_old[NN_HOSTNAME_TEXT], hostname_new[NN_HOSTNAME_TEXT]; /* empty: not set */
    struct dpl_dns_rrs rrs;
};

/* Reads it; a file that is not there or damaged is nothing remembered. host names the file where
 * the agent runs by hand without a resource's name. End with nn_state_done. */
void nn_state_read(const struct dpl_ocf_run *run, const char *host, struct nn_state *state_r);
int nn_state_write(const struct nn_state *state, struct dpl_err *err);
void nn_state_done(struct nn_state *state);

#endif
