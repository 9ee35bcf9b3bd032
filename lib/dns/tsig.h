/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Signed messages (RFC 8945): a request gets a signature, its reply's is verified with the key, the
 * request's signature and the clock. Of our own and not libldns's, which looks at no clock, takes
 * whatever algorithm the reply names and does not know two of them.
 */
#ifndef DPL_DNS_TSIG_H
#define DPL_DNS_TSIG_H

#include "lib/dns/key.h"
#include "lib/dns/message.h"

enum { DPL_DNS_MAC_MAX = 64, DPL_DNS_FUDGE_S = 300 };

struct dpl_dns_mac {
    uint8_t bytes[DPL_DNS_MAC_MAX];
    size_t size;
};

/* Appends the signature; *mac_r is what the reply's check needs. */
int dpl_dns_tsig_sign(const struct dpl_dns_key *key, int64_t now_s, struct dpl_dns_wire *wire,
                      struct dpl_dns_mac *mac_r, struct dpl_err *err);
/* Checks the reply to a request that had that signature. REFUSED, with what the server did not
 * like, when it says so; CORRUPT when the reply is not signed, or not by this key. */
int dpl_dns_tsig_check(const struct dpl_dns_key *key, int64_t now_s, const uint8_t *bytes,
                       size_t size, const struct dpl_dns_mac *request, struct dpl_err *err);

#endif
