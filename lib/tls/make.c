/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Making keys and certificates (see cert.h).
 */
#include "lib/tls/cert-private.h"

#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string.h>

enum { DAY_S = 86400, SERIAL_BITS = 127 };

static int key_text(EVP_PKEY *key, char **pem_r, struct dpl_err *err)
{
    g_autoptr(BIO) bio = BIO_new(BIO_s_secmem()); /* overwritten when it is freed */
    char *data = NULL;
    if (!bio || PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1)
        return dpl_tls_error(err, DPL_E_FAILED, "write a private key");
    long size = BIO_get_mem_data(bio, &data);
    *pem_r = g_strndup(data, (gsize)size);
    return DPL_OK;
}

static bool set_serial(X509 *cert)
{
    BIGNUM *number = BN_new();
    bool ok = number && BN_rand(number, SERIAL_BITS, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
              BN_to_ASN1_INTEGER(number, X509_get_serialNumber(cert)) != NULL;
    BN_free(number);
    return ok;
}

static bool set_subject(X509 *cert, const char *site, const char *name)
{
    const char *const parts[][2] = {{"O", "doppel"}, {"OU", site}, {"CN", name}};
    X509_NAME *subject = X509_get_subject_name(cert);
    for (size_t i = 0; i < G_N_ELEMENTS(parts); i++) {
        if (X509_NAME_add_entry_by_txt(subject, parts[i][0], MBSTRING_ASC,
                                       (const unsigned char *)parts[i][1], -1, -1, 0) != 1)
            return false;
    }
    return true;
}

/* A day before now: clocks differ. */
static bool set_times(X509 *cert, int64_t now_s, int days)
{
    return ASN1_TIME_set(X509_getm_notBefore(cert), (time_t)(now_s - DAY_S)) != NULL &&
           ASN1_TIME_set(X509_getm_notAfter(cert), (time_t)(now_s + (int64_t)days * DAY_S)) != NULL;
}

static bool add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509V3_set_ctx_nodb(&ctx);
    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    bool ok = extension && X509_add_ext(cert, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return ok;
}

static bool add_extensions(X509 *cert, X509 *issuer, bool authority, bool link)
{
    const char *basic = !authority ? "critical,CA:FALSE"
                        : link     ? "critical,CA:TRUE,pathlen:0"
                                   : "critical,CA:TRUE,pathlen:1";
    const char *usage = authority ? "critical,keyCertSign" : "critical,digitalSignature";
    return add_extension(cert, issuer, NID_basic_constraints, basic) &&
           add_extension(cert, issuer, NID_key_usage, usage) &&
           add_extension(cert, issuer, NID_subject_key_identifier, "hash") &&
           add_extension(cert, issuer, NID_authority_key_identifier, "keyid:always") &&
           (authority || add_extension(cert, issuer, NID_ext_key_usage, "serverAuth,clientAuth"));
}

/* What is signed by whom; issuer NULL: by itself. */
struct wish {
    const char *site, *name;
    EVP_PKEY *subject_key, *issuer_key;
    X509 *issuer;
    bool authority;
    int days;
};

static int make(const struct wish *wish, int64_t now_s, X509 **cert_r, struct dpl_err *err)
{
    g_autoptr(X509) cert = X509_new();
    if (!cert || X509_set_version(cert, X509_VERSION_3) != 1 || !set_serial(cert) ||
        !set_subject(cert, wish->site, wish->name) || !set_times(cert, now_s, wish->days) ||
        X509_set_pubkey(cert, wish->subject_key) != 1)
        return dpl_tls_error(err, DPL_E_FAILED, "make a certificate");
    X509 *issuer = wish->issuer ? wish->issuer : cert;
    if (X509_set_issuer_name(cert, X509_get_subject_name(issuer)) != 1 ||
        !add_extensions(cert, issuer, wish->authority, wish->issuer != NULL) ||
        X509_sign(cert, wish->issuer_key, EVP_sha256()) == 0)
        return dpl_tls_error(err, DPL_E_FAILED, "sign a certificate");
    *cert_r = g_steal_pointer(&cert);
    return DPL_OK;
}

static bool name_ok(const char *name, size_t max)
{
    size_t n = strlen(name);
    for (size_t i = 0; i < n; i++) {
        if (!g_ascii_isalnum(name[i]) && !strchr("._-", name[i]))
            return false;
    }
    return n > 0 && n <= max;
}

static int new_key(EVP_PKEY **key_r, struct dpl_err *err)
{
    *key_r = EVP_EC_gen("P-256");
    return *key_r ? DPL_OK : dpl_tls_error(err, DPL_E_FAILED, "make a key");
}

/* The spoken fingerprint of a key that has no certificate yet. */
static int spoken_of(EVP_PKEY *key, char spoken[DPL_FINGERPRINT_SPOKEN], struct dpl_err *err)
{
    uint8_t digest[DPL_FINGERPRINT_BYTES];
    g_autoptr(X509) holder = X509_new();
    if (!holder || X509_set_pubkey(holder, key) != 1)
        return dpl_tls_error(err, DPL_E_FAILED, "hold a key");
    int rc = dpl_tls_digest(holder, digest, err);
    if (rc == DPL_OK)
        dpl_fingerprint_spoken(digest, spoken);
    return rc;
}

int dpl_cert_make_site(const char *site, int64_t now_s, char **key_r, char **cert_r,
                       struct dpl_err *err)
{
    char spoken[DPL_FINGERPRINT_SPOKEN];
    g_autoptr(EVP_PKEY) key = NULL;
    g_autoptr(X509) cert = NULL;
    g_autoptr(dpl_key_auto) key_pem = NULL;
    if (!name_ok(site, DPL_CERT_SITE_MAX))
        return dpl_err_set(err, DPL_E_PARAM, "\"%s\" is no name of a site", site);
    int rc = new_key(&key, err);
    if (rc == DPL_OK)
        rc = spoken_of(key, spoken, err);
    if (rc < 0)
        return rc;
    struct wish wish = {site, spoken, key, key, NULL, true, DPL_CERT_SITE_DAYS};
    rc = make(&wish, now_s, &cert, err);
    if (rc == DPL_OK)
        rc = key_text(key, &key_pem, err);
    if (rc == DPL_OK)
        rc = dpl_tls_cert_text(cert, cert_r, err);
    if (rc == DPL_OK)
        *key_r = g_steal_pointer(&key_pem);
    return rc;
}

/* The authority that signs: its key, its certificate and what that says. */
static int parse_authority(const char *key_pem, const char *cert_pem, EVP_PKEY **key_r,
                           X509 **cert_r, struct dpl_cert_info *info, struct dpl_err *err)
{
    int rc = dpl_tls_key_parse(key_pem, key_r, err);
    if (rc == DPL_OK)
        rc = dpl_tls_cert_parse(cert_pem, cert_r, err);
    if (rc == DPL_OK)
        rc = dpl_tls_info(*cert_r, info, err);
    if (rc < 0)
        return rc;
    if (!info->authority || X509_check_private_key(*cert_r, *key_r) != 1)
        return dpl_tls_error(err, DPL_E_CORRUPT, "key and certificate of the authority do not fit");
    return DPL_OK;
}

int dpl_cert_make_key(char **key_r, struct dpl_err *err)
{
    g_autoptr(EVP_PKEY) key = NULL;
    int rc = new_key(&key, err);
    return rc < 0 ? rc : key_text(key, key_r, err);
}

/* For a key with or without its private half. */
static int make_node(const char *ca_key_pem, const char *ca_pem, const char *node, EVP_PKEY *key,
                     int64_t now_s, char **cert_r, struct dpl_err *err)
{
    struct dpl_cert_info info = {0};
    g_autoptr(EVP_PKEY) ca_key = NULL;
    g_autoptr(X509) ca = NULL;
    g_autoptr(X509) cert = NULL;
    if (!name_ok(node, DPL_CERT_NODE_MAX))
        return dpl_err_set(err, DPL_E_PARAM, "\"%s\" is no name of a node", node);
    int rc = parse_authority(ca_key_pem, ca_pem, &ca_key, &ca, &info, err);
    if (rc < 0)
        return rc;
    struct wish wish = {info.site, node, key, ca_key, ca, false, DPL_CERT_NODE_DAYS};
    rc = make(&wish, now_s, &cert, err);
    return rc < 0 ? rc : dpl_tls_cert_text(cert, cert_r, err);
}

int dpl_cert_make_node(const char *ca_key_pem, const char *ca_pem, const char *node,
                       const char *key_pem, int64_t now_s, char **cert_r, struct dpl_err *err)
{
    g_autoptr(EVP_PKEY) key = NULL;
    int rc = dpl_tls_key_parse(key_pem, &key, err);
    return rc < 0 ? rc : make_node(ca_key_pem, ca_pem, node, key, now_s, cert_r, err);
}

int dpl_cert_make_node_public(const char *ca_key_pem, const char *ca_pem, const char *node,
                              const char *public_pem, int64_t now_s, char **cert_r,
                              struct dpl_err *err)
{
    g_autoptr(BIO) bio = BIO_new_mem_buf(public_pem, -1);
    g_autoptr(EVP_PKEY) key = bio ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;
    if (!key)
        return dpl_tls_error(err, DPL_E_CORRUPT, "this is no public key");
    return make_node(ca_key_pem, ca_pem, node, key, now_s, cert_r, err);
}

int dpl_cert_public(const char *key_pem, char **public_r, struct dpl_err *err)
{
    g_autoptr(EVP_PKEY) key = NULL;
    g_autoptr(BIO) bio = BIO_new(BIO_s_mem());
    char *data;
    int rc = dpl_tls_key_parse(key_pem, &key, err);
    if (rc < 0)
        return rc;
    if (!bio || PEM_write_bio_PUBKEY(bio, key) != 1)
        return dpl_tls_error(err, DPL_E_FAILED, "write a public key");
    long size = BIO_get_mem_data(bio, &data);
    *public_r = g_strndup(data, (gsize)size);
    return DPL_OK;
}

int dpl_cert_make_link(const char *old_key_pem, const char *old_pem, const char *new_pem,
                       int64_t now_s, char **cert_r, struct dpl_err *err)
{
    struct dpl_cert_info old_info = {0}, new_info = {0};
    g_autoptr(EVP_PKEY) old_key = NULL;
    g_autoptr(X509) old = NULL;
    g_autoptr(X509) new = NULL;
    g_autoptr(X509) cert = NULL;
    int rc = parse_authority(old_key_pem, old_pem, &old_key, &old, &old_info, err);
    if (rc == DPL_OK)
        rc = dpl_tls_cert_parse(new_pem, &new, err);
    if (rc == DPL_OK)
        rc = dpl_tls_info(new, &new_info, err);
    if (rc < 0)
        return rc;
    if (!new_info.authority || strcmp(old_info.site, new_info.site) != 0)
        return dpl_err_set(err, DPL_E_PARAM, "the new authority is not of site \"%s\"",
                           old_info.site);
    struct wish wish = {new_info.site, new_info.node, X509_get0_pubkey(new), old_key,
                        old,           true,          2 * DPL_CERT_NODE_DAYS};
    rc = make(&wish, now_s, &cert, err);
    return rc < 0 ? rc : dpl_tls_cert_text(cert, cert_r, err);
}
