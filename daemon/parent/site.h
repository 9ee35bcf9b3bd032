/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * This site's keys and the sites that it knows: the commands "site ...", pairing, renewal.
 *
 * Two sites are paired in two steps on each side. "site pair" exchanges offers over a connection
 * (or takes one from a file), and a person confirms the fingerprint that he was told by another
 * way. Only a site for which "site pair" was typed here, not long ago, may offer itself.
 */
#ifndef DPL_PARENT_SITE_H
#define DPL_PARENT_SITE_H

#include "daemon/parent/daemon.h"

struct dpl_sites;

void dpl_sites_keys_begin(struct dpl_daemon *daemon);
void dpl_sites_keys_end(struct dpl_daemon *daemon);
/* Any command "site ...". */
void dpl_site_command(struct dpl_daemon *daemon, struct dpl_request *request);
/* Days until this node's certificate ends, as it was looked at last. False: there is none. */
bool dpl_site_days_left(const struct dpl_daemon *daemon, int64_t *days_r);
/* Whether somebody may offer himself now. */
bool dpl_site_pairing(const struct dpl_daemon *daemon);
/* An offer came over a connection that we made for `expected`, or (NULL) that we accepted;
 * addresses (or NULL) are where the site is reached. Answers the request, if there is one, when
 * that is stored; after an error here it is still the caller's. */
int dpl_site_offered(struct dpl_daemon *daemon, const char *expected, const struct dpl_doc *offer,
                     const struct dpl_doc *addresses, struct dpl_request *request,
                     struct dpl_err *err);
/* What an authenticated peer showed ({peer} of a door): a new authority that the old one has signed
 * is trusted from now on; a certificate that ends soon is named. */
void dpl_site_seen(struct dpl_daemon *daemon, const struct dpl_doc *peer);
/* What a door needs to exchange offers. */
void dpl_site_put_pairing(const struct dpl_daemon *daemon, struct dpl_doc *start);
/* What "site pair" answers when an offer waits for its confirmation. The caller owns it. */
struct dpl_doc *dpl_site_pair_result(struct dpl_daemon *daemon, const char *site);

#endif
