/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A key for TSIG (RFC 8945), from a file. Three forms are known, those that nsupdate -k takes:
 *
 *   key "NAME" { algorithm hmac-sha256; secret "BASE64"; };     as tsig-keygen writes it
 *   NAME. IN KEY 512 3 163 BASE64                               K*.key of the older dnssec-keygen
 *   Private-key-format: ... Algorithm: 163 ... Key: BASE64      K*.private, named after its key
 *
 * The file must belong to root or to the caller, and nobody else may read it; its group may read it
 * (that of named, often) and nothing more.
 */
#ifndef DPL_DNS_KEY_H
#define DPL_DNS_KEY_H

#include "lib/base/err.h"
#include "lib/dns/name.h"

enum { DPL_DNS_KEY_FILE_MAX = 16384, DPL_DNS_SECRET_MAX = 512 };

struct dpl_dns_algorithm {
    const char *name;   /* in key files */
    const char *wire;   /* in messages: absolute */
    const char *digest; /* OpenSSL's */
    int number;         /* in K* files */
    size_t size;        /* of a MAC, in bytes */
};

struct dpl_dns_key {
    char name[DPL_DNS_NAME_TEXT];
    const struct dpl_dns_algorithm *algorithm;
    uint8_t secret[DPL_DNS_SECRET_MAX];
    size_t secret_size;
};

/* The file's name is in every error. */
int dpl_dns_key_read(const char *path, struct dpl_dns_key *key_r, struct dpl_err *err);
/* The same for its text; path stands for the file, and names the key of a *.private. */
int dpl_dns_key_parse(const char *path, const char *text, struct dpl_dns_key *key_r,
                      struct dpl_err *err);
/* Forgets the secret. */
void dpl_dns_key_done(struct dpl_dns_key *key);

#endif
