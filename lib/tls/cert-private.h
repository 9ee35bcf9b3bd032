/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the files of this library share: certificates as OpenSSL holds them.
 */
#ifndef DPL_TLS_CERT_PRIVATE_H
#define DPL_TLS_CERT_PRIVATE_H

#include "lib/tls/cert.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

G_DEFINE_AUTOPTR_CLEANUP_FUNC(X509, X509_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(EVP_PKEY, EVP_PKEY_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(BIO, BIO_free_all)

/* FAILED, or the code, with the oldest reason of the library's queue, which is emptied. */
int dpl_tls_error(struct dpl_err *err, int code, const char *what);
int dpl_tls_cert_parse(const char *pem, X509 **cert_r, struct dpl_err *err);
int dpl_tls_key_parse(const char *pem, EVP_PKEY **key_r, struct dpl_err *err);
int dpl_tls_info(X509 *cert, struct dpl_cert_info *info, struct dpl_err *err);
int dpl_tls_cert_text(X509 *cert, char **pem_r, struct dpl_err *err);
int dpl_tls_digest(X509 *cert, uint8_t digest[DPL_FINGERPRINT_BYTES], struct dpl_err *err);

#endif
