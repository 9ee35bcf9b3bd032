/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The keys of this site and of this node, on disk.
 *
 *   site.key   beside the node's key, 0600: the authority's private key, its certificate, and the
 *              link from the authority before it, if there is one
 *   node.key   0600: the node's private key, made once
 *   node.crt   0644: the node's certificate; while a link is of use, that and the authority's own
 *
 * Each file is replaced whole and durable, and a crash between two of them leaves what works: the
 * next renewal makes good what is missing. Private keys are read by the functions here, never
 * logged and never sent. A key file that others may read is refused.
 *
 * The site's own file may be elsewhere (it is needed to sign alone); a node that has none cannot
 * renew, and says so by the warnings of its certificate.
 */
#ifndef DPL_TLS_KEYS_H
#define DPL_TLS_KEYS_H

#include "lib/ctl/doc.h"
#include "lib/tls/cert.h"

/* Where they lie; borrowed. The node's files may have any name. */
struct dpl_keys_at {
    const char *key_path, *cert_path;
};

/* A node's, in memory; and the authority's certificate, where it is here, else NULL. */
struct dpl_keys {
    char *key, *chain, *site_cert;
    struct dpl_cert_info info;
};

/* Makes what is not there: authority, node's key, node's certificate. EXISTS if all was there;
 * REFUSED if there is an authority of another name. */
int dpl_keys_init(const struct dpl_keys_at *at, const char *site, const char *node, int64_t now_s,
                  struct dpl_err *err);
/* NOT_FOUND if the site was not initialised. */
int dpl_keys_load(const struct dpl_keys_at *at, struct dpl_keys *keys, struct dpl_err *err);
/* The node's alone: the authority's private key is not touched. */
int dpl_keys_load_node(const struct dpl_keys_at *at, struct dpl_keys *keys, struct dpl_err *err);
void dpl_keys_clear(struct dpl_keys *keys);
/* Signs the node's certificate anew when its end is near, or it is not of the authority that is
 * here. 1: it did; 0: there was no need; NOT_FOUND: the authority is not here. */
int dpl_keys_renew(const struct dpl_keys_at *at, int64_t now_s, struct dpl_err *err);
/* A new authority for the site, with a link from the old one, and the node's certificate by it.
 * Peers that have pinned the old one follow the link. */
int dpl_keys_rotate(const struct dpl_keys_at *at, int64_t now_s, struct dpl_err *err);

/* The public half of the node's key, which is made if it is not there. The caller frees. */
int dpl_keys_public(const struct dpl_keys_at *at, char **public_r, struct dpl_err *err);
/* Signs another node's key here, where the authority is: its certificate, with the link while that
 * is of use. The caller frees. NOT_FOUND: the authority is not here. */
int dpl_keys_sign(const struct dpl_keys_at *at, const char *node, const char *public_key,
                  int64_t now_s, char **chain_r, struct dpl_err *err);
/* Takes a certificate that was signed elsewhere for the node's key. 1: it did; 0: it has it. */
int dpl_keys_take(const struct dpl_keys_at *at, const char *chain, struct dpl_err *err);

/* For status and alerts: site, node, fingerprint, days_left, warning (a sentence, if there is one).
 * The caller owns it. */
struct dpl_doc *dpl_keys_doc(const struct dpl_keys *keys, int64_t now_s);

#endif
