/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Certificates of sites and nodes, as PEM text.
 *
 * A site has a certificate authority of its own, self-signed, for 20 years. It signs the
 * certificates of the site's nodes, for one year, and, when the site takes a new authority, that
 * one's (a "link": whoever trusts the old one follows it to the new one). Keys are ECDSA P-256.
 * The subject says what a certificate is: O=doppel, OU=SITE, and CN=NODE, or of an authority the
 * spoken fingerprint of its key.
 *
 * PEM text of private keys is freed by dpl_cert_wipe, which overwrites it. Other text is g_free'd.
 * Errors: CORRUPT (text that is no such certificate), PARAM, FAILED with the library's reason.
 */
#ifndef DPL_TLS_CERT_H
#define DPL_TLS_CERT_H

#include "lib/base/err.h"
#include "lib/tls/fingerprint.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    DPL_CERT_SITE_MAX = 64,
    DPL_CERT_NODE_MAX = 64,
    DPL_CERT_SERIAL = 41, /* hexadecimal, with the zero byte */
    DPL_CERT_PEM_MAX = 64 * 1024,
    DPL_CERT_NODE_DAYS = 366,
    DPL_CERT_SITE_DAYS = 7305,
    DPL_CERT_RENEW_DAYS = 60, /* with fewer left a node's is made anew */
    DPL_CERT_WARN_DAYS = 30,  /* with fewer left it is shouted about */
};

struct dpl_cert_info {
    char site[DPL_CERT_SITE_MAX + 1];
    char node[DPL_CERT_NODE_MAX + 1]; /* of an authority: its spoken fingerprint */
    char serial[DPL_CERT_SERIAL];
    bool authority, self_signed;
    int64_t begins_s, ends_s; /* since 1970 */
    uint8_t key[DPL_FINGERPRINT_BYTES];
};

/* A new authority with its key. */
int dpl_cert_make_site(const char *site, int64_t now_s, char **key_r, char **cert_r,
                       struct dpl_err *err);
/* A key, as a node's. */
int dpl_cert_make_key(char **key_r, struct dpl_err *err);
/* A node's certificate for its key, signed by the authority. */
int dpl_cert_make_node(const char *ca_key, const char *ca_cert, const char *node, const char *key,
                       int64_t now_s, char **cert_r, struct dpl_err *err);
/* The same for a key of which only the public half is known (PEM, "PUBLIC KEY"). */
int dpl_cert_make_node_public(const char *ca_key, const char *ca_cert, const char *node,
                              const char *public_key, int64_t now_s, char **cert_r,
                              struct dpl_err *err);
/* The public half of a key. */
int dpl_cert_public(const char *key, char **public_r, struct dpl_err *err);
/* The link from an old authority to the new one of the same site. */
int dpl_cert_make_link(const char *old_key, const char *old_cert, const char *new_cert,
                       int64_t now_s, char **cert_r, struct dpl_err *err);

/* What the first certificate of the text says. */
int dpl_cert_info(const char *cert, struct dpl_cert_info *info, struct dpl_err *err);
/* The certificate of that number (from 0) in the text, alone and written anew. NOT_FOUND behind the
 * last. */
int dpl_cert_nth(const char *text, unsigned number, char **cert_r, struct dpl_err *err);
/* Whether the key is that of the first certificate. */
int dpl_cert_check_pair(const char *key, const char *cert, struct dpl_err *err);
/* Whether `cert` is of the same site as the authority and signed by it. */
int dpl_cert_check_signed(const char *cert, const char *ca_cert, struct dpl_err *err);
/* Days until the end, rounded down; negative when it is over. */
int64_t dpl_cert_days_left(const struct dpl_cert_info *info, int64_t now_s);

void dpl_cert_wipe(char *key);
typedef char dpl_key_auto; /* g_autoptr(dpl_key_auto) wipes it */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(dpl_key_auto, dpl_cert_wipe)

#endif
