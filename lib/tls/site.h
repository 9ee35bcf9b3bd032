/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Other sites: what was agreed with each, as a document, and how it comes to be.
 *
 *   name       the site's
 *   pins       one or two authorities that are trusted, the newest last: {cert, key, since_s}
 *   offered    {cert, key}: an authority that nobody has confirmed yet; trusted for nothing
 *   addresses  where it is reached: HOST, HOST:PORT, [ADDRESS]:PORT
 *   revoked    serial numbers of its certificates that are refused
 *
 * Pairing: each site makes an offer of itself, as a text (a small file), or over a connection of
 * which it gives all but the addresses. The other side puts it into the site's document, where it
 * waits; a person compares the fingerprint by another way and confirms it; then it is a pin. The
 * same is done on the other side. Until both have, none talks to the other.
 *
 * The functions are pure: document in, new document out, which the caller owns and stores.
 */
#ifndef DPL_TLS_SITE_H
#define DPL_TLS_SITE_H

#include "lib/ctl/doc.h"
#include "lib/tls/cert.h"

enum {
    DPL_SITE_PINS_MAX = 2,
    DPL_SITE_REVOKED_MAX = 1000,
    DPL_SITE_ADDRESSES_MAX = 16,
    DPL_SITE_OFFER_MAX = 16 * 1024, /* of an offer's text */
};

/* An offer as a document: site, cert, key (hexadecimal), fingerprint (spoken), addresses. `cert` is
 * the authority's own certificate; addresses is a list, or NULL. */
int dpl_site_offer(const char *cert, const struct dpl_doc *addresses, struct dpl_doc **offer_r,
                   struct dpl_err *err);
/* As text, and back. The caller frees (g_free). */
char *dpl_site_offer_text(const struct dpl_doc *offer);
int dpl_site_offer_parse(const char *text, struct dpl_doc **offer_r, struct dpl_err *err);
/* HOST, HOST:PORT, [ADDRESS], [ADDRESS]:PORT or a bare IPv6 address. The caller frees *host_r;
 * *port_r stays as it is where none is named. */
int dpl_site_address_parse(const char *text, char **host_r, uint16_t *port_r, struct dpl_err *err);

/* Whether a document's list of addresses is one: not too many, each of the form above. */
int dpl_site_addresses_check(const struct dpl_doc *addresses, struct dpl_err *err);

/* Puts an offer into a site's document (NULL: there is none yet). 1: it waits for a confirmation;
 * 0: this authority was a pin already, the addresses are taken over. */
int dpl_site_take_offer(const struct dpl_doc *site, const struct dpl_doc *offer,
                        struct dpl_doc **site_r, struct dpl_err *err);
/* What was offered becomes a pin, if this is its fingerprint; else REFUSED. An authority that was
 * confirmed before stays, as the older of two. */
int dpl_site_confirm(const struct dpl_doc *site, const char *fingerprint, int64_t now_s,
                     struct dpl_doc **site_r, struct dpl_err *err);
/* A link that a pinned authority signed, and behind it the new authority's own certificate: that
 * becomes a pin beside the old one. 1: it did; 0: it was one; CORRUPT: it is not so signed. */
int dpl_site_follow(const struct dpl_doc *site, const char *text, int64_t now_s,
                    struct dpl_doc **site_r, struct dpl_err *err);
/* Takes a pin out by its fingerprint; the last one cannot go (delete the document instead). */
int dpl_site_unpin(const struct dpl_doc *site, const char *fingerprint, struct dpl_doc **site_r,
                   struct dpl_err *err);
/* Refuses a certificate by its serial number from now on. */
int dpl_site_revoke(const struct dpl_doc *site, const char *serial, struct dpl_doc **site_r,
                    struct dpl_err *err);
int dpl_site_set_addresses(const struct dpl_doc *site, const struct dpl_doc *addresses,
                           struct dpl_doc **site_r, struct dpl_err *err);

/* Whether it has a pin. */
bool dpl_site_paired(const struct dpl_doc *site);
/* For a list: name, state (paired, waiting), fingerprints, offered (fingerprint), addresses,
 * revoked (how many). The caller owns it. */
struct dpl_doc *dpl_site_summary(const struct dpl_doc *site);

#endif
