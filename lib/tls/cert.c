/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/tls/cert-private.h"

#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

int dpl_tls_error(struct dpl_err *err, int code, const char *what)
{
    unsigned long reason = ERR_get_error();
    const char *text = reason ? ERR_reason_error_string(reason) : NULL;
    ERR_clear_error();
    return dpl_err_set(err, code, "%s: %s", what, text ? text : "failed");
}

/* A key that asks for a passphrase is not asked for one. */
static int no_passphrase(char *buffer, int size, int writing, void *self)
{
    (void)buffer;
    (void)size;
    (void)writing;
    (void)self;
    return 0;
}

static BIO *reader_of(const char *pem)
{
    size_t size = strlen(pem);
    return size > DPL_CERT_PEM_MAX ? NULL : BIO_new_mem_buf(pem, (int)size);
}

int dpl_tls_cert_parse(const char *pem, X509 **cert_r, struct dpl_err *err)
{
    g_autoptr(BIO) bio = reader_of(pem);
    X509 *cert = bio ? PEM_read_bio_X509(bio, NULL, no_passphrase, NULL) : NULL;
    if (!cert)
        return dpl_tls_error(err, DPL_E_CORRUPT, "this is no certificate");
    *cert_r = cert;
    return DPL_OK;
}

int dpl_tls_key_parse(const char *pem, EVP_PKEY **key_r, struct dpl_err *err)
{
    g_autoptr(BIO) bio = reader_of(pem);
    EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
    if (!key)
        return dpl_tls_error(err, DPL_E_CORRUPT, "this is no private key");
    *key_r = key;
    return DPL_OK;
}

int dpl_tls_cert_text(X509 *cert, char **pem_r, struct dpl_err *err)
{
    g_autoptr(BIO) bio = BIO_new(BIO_s_mem());
    char *data = NULL;
    if (!bio || PEM_write_bio_X509(bio, cert) != 1)
        return dpl_tls_error(err, DPL_E_FAILED, "write a certificate");
    long size = BIO_get_mem_data(bio, &data);
    *pem_r = g_strndup(data, (gsize)size);
    return DPL_OK;
}

int dpl_tls_digest(X509 *cert, uint8_t digest[DPL_FINGERPRINT_BYTES], struct dpl_err *err)
{
    unsigned char *der = NULL;
    unsigned size = 0;
    int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);
    bool ok = n > 0 && EVP_Digest(der, (size_t)n, digest, &size, EVP_sha256(), NULL) == 1;
    OPENSSL_free(der);
    return ok ? DPL_OK : dpl_tls_error(err, DPL_E_FAILED, "the digest of a public key");
}

/* The one entry of that kind, if it is short and plain; else false. */
static bool name_part(X509 *cert, int nid, char *text, size_t room)
{
    X509_NAME *name = X509_get_subject_name(cert);
    int at = X509_NAME_get_index_by_NID(name, nid, -1);
    if (at < 0 || X509_NAME_get_index_by_NID(name, nid, at) >= 0)
        return false;
    const ASN1_STRING *value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));
    size_t size = (size_t)ASN1_STRING_length(value);
    if (size == 0 || size >= room)
        return false;
    memcpy(text, ASN1_STRING_get0_data(value), size);
    text[size] = '\0';
    static const char word[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    return strspn(text, word) == size; /* also: no zero byte within */
}

static bool seconds_of(const ASN1_TIME *time, int64_t *seconds)
{
    struct tm tm;
    if (ASN1_TIME_to_tm(time, &tm) != 1)
        return false;
    g_autoptr(GDateTime) at = g_date_time_new_utc(tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
                                                  tm.tm_hour, tm.tm_min, tm.tm_sec);
    if (!at)
        return false;
    *seconds = g_date_time_to_unix(at);
    return true;
}

static bool serial_of(X509 *cert, char *text)
{
    BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(cert), NULL);
    char *hex = number && !BN_is_negative(number) ? BN_bn2hex(number) : NULL;
    bool ok = hex && strlen(hex) < DPL_CERT_SERIAL;
    if (ok)
        g_strlcpy(text, hex, DPL_CERT_SERIAL);
    OPENSSL_free(hex);
    BN_free(number);
    return ok;
}

int dpl_tls_info(X509 *cert, struct dpl_cert_info *info, struct dpl_err *err)
{
    char product[8];
    *info = (struct dpl_cert_info){0};
    if (!name_part(cert, NID_organizationName, product, sizeof product) ||
        strcmp(product, "doppel") != 0 ||
        !name_part(cert, NID_organizationalUnitName, info->site, sizeof info->site) ||
        !name_part(cert, NID_commonName, info->node, sizeof info->node))
        return dpl_err_set(err, DPL_E_CORRUPT,
                           "the certificate names no site and node (O=doppel, OU=SITE, CN=NODE)");
    if (!serial_of(cert, info->serial) || !seconds_of(X509_get0_notBefore(cert), &info->begins_s) ||
        !seconds_of(X509_get0_notAfter(cert), &info->ends_s))
        return dpl_err_set(err, DPL_E_CORRUPT, "the certificate's number or times make no sense");
    info->authority = X509_check_ca(cert) == 1;
    info->self_signed = (X509_get_extension_flags(cert) & EXFLAG_SS) != 0;
    return dpl_tls_digest(cert, info->key, err);
}

int dpl_cert_info(const char *pem, struct dpl_cert_info *info, struct dpl_err *err)
{
    g_autoptr(X509) cert = NULL;
    int rc = dpl_tls_cert_parse(pem, &cert, err);
    return rc < 0 ? rc : dpl_tls_info(cert, info, err);
}

int dpl_cert_nth(const char *text, unsigned number, char **cert_r, struct dpl_err *err)
{
    g_autoptr(BIO) bio = reader_of(text);
    for (unsigned i = 0; bio; i++) {
        g_autoptr(X509) cert = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL);
        if (!cert)
            break;
        if (i == number)
            return dpl_tls_cert_text(cert, cert_r, err);
    }
    ERR_clear_error();
    return dpl_err_set(err, DPL_E_NOT_FOUND, "there is no certificate %u", number + 1);
}

int dpl_cert_check_pair(const char *key_pem, const char *cert_pem, struct dpl_err *err)
{
    g_autoptr(EVP_PKEY) key = NULL;
    g_autoptr(X509) cert = NULL;
    int rc = dpl_tls_key_parse(key_pem, &key, err);
    if (rc == DPL_OK)
        rc = dpl_tls_cert_parse(cert_pem, &cert, err);
    if (rc < 0)
        return rc;
    if (X509_check_private_key(cert, key) != 1)
        return dpl_tls_error(err, DPL_E_CORRUPT, "the key is not the certificate's");
    return DPL_OK;
}

int dpl_cert_check_signed(const char *cert_pem, const char *ca_pem, struct dpl_err *err)
{
    struct dpl_cert_info info, ca_info;
    g_autoptr(X509) cert = NULL;
    g_autoptr(X509) ca = NULL;
    int rc = dpl_tls_cert_parse(cert_pem, &cert, err);
    if (rc == DPL_OK)
        rc = dpl_tls_cert_parse(ca_pem, &ca, err);
    if (rc == DPL_OK)
        rc = dpl_tls_info(cert, &info, err);
    if (rc == DPL_OK)
        rc = dpl_tls_info(ca, &ca_info, err);
    if (rc < 0)
        return rc;
    if (!ca_info.authority || strcmp(info.site, ca_info.site) != 0 ||
        X509_check_issued(ca, cert) != X509_V_OK || X509_verify(cert, X509_get0_pubkey(ca)) != 1)
        return dpl_tls_error(err, DPL_E_CORRUPT, "the certificate is not signed by this authority");
    return DPL_OK;
}

int64_t dpl_cert_days_left(const struct dpl_cert_info *info, int64_t now_s)
{
    int64_t left = info->ends_s - now_s, day = 86400;
    return left >= 0 ? left / day : -((-left + day - 1) / day);
}

void dpl_cert_wipe(char *key)
{
    if (key)
        OPENSSL_cleanse(key, strlen(key));
    g_free(key);
}
