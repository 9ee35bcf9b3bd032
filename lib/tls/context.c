/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/tls/context.h"

#include "lib/tls/cert-private.h"
#include "lib/tls/site.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <string.h>
#include <time.h>

/* As ALPN has it: a byte of length in front of each. */
static const unsigned char alpn_work[] = "\x08"
                                         "doppel/1";
static const unsigned char alpn_pair[] = "\x0d"
                                         "doppel-pair/1";

enum {
    /* Two records: libssl moves all that it has read ahead to the front for each. */
    READ_BUFFER_BYTES = 32 * 1024,
    DEPTH = 3, /* authorities between a node's certificate and the end */
};

struct dpl_tls {
    SSL_CTX *ctx;
    struct dpl_doc *sites;
    char *expect;
    bool server, pairing;
    struct dpl_tls_peer peer;
    struct dpl_err why; /* why the peer's certificate was refused */
};

static bool is_pairing(const SSL *ssl)
{
    const unsigned char *name;
    unsigned size;
    SSL_get0_alpn_selected(ssl, &name, &size);
    return size == sizeof alpn_pair - 2 && memcmp(name, alpn_pair + 1, size) == 0;
}

static int choose_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_size,
                       const unsigned char *in, unsigned in_size, void *self)
{
    const struct dpl_tls *tls = self;
    unsigned char *chosen = NULL;
    (void)ssl;
    if (SSL_select_next_proto(&chosen, out_size, alpn_work, sizeof alpn_work - 1, in, in_size) !=
            OPENSSL_NPN_NEGOTIATED &&
        (!tls->pairing || SSL_select_next_proto(&chosen, out_size, alpn_pair, sizeof alpn_pair - 1,
                                                in, in_size) != OPENSSL_NPN_NEGOTIATED))
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static bool is_revoked(const struct dpl_doc *site, const char *serial)
{
    const struct dpl_doc *list = dpl_doc_list(site, "revoked");
    for (size_t i = 0; i < dpl_doc_count(list); i++) {
        if (g_strcmp0(dpl_doc_as_text(dpl_doc_at(list, i)), serial) == 0)
            return true;
    }
    return false;
}

static bool has_pin(const struct dpl_doc *site, const char *hex)
{
    const struct dpl_doc *pins = dpl_doc_list(site, "pins");
    for (size_t i = 0; i < dpl_doc_count(pins); i++) {
        if (g_strcmp0(dpl_doc_text(dpl_doc_at(pins, i), "key"), hex) == 0)
            return true;
    }
    return false;
}

/* A link and the authority's own certificate among those that the peer sent. */
static void note_link(struct dpl_tls *tls, const STACK_OF(X509) * sent)
{
    for (int i = 1; i + 1 < sk_X509_num(sent) && !tls->peer.link; i++) {
        struct dpl_cert_info link, own;
        g_autofree char *link_text = NULL;
        g_autofree char *own_text = NULL;
        if (dpl_tls_info(sk_X509_value(sent, i), &link, NULL) < 0 ||
            dpl_tls_info(sk_X509_value(sent, i + 1), &own, NULL) < 0 || link.self_signed ||
            !own.self_signed || memcmp(link.key, own.key, sizeof own.key) != 0 ||
            dpl_tls_cert_text(sk_X509_value(sent, i), &link_text, NULL) < 0 ||
            dpl_tls_cert_text(sk_X509_value(sent, i + 1), &own_text, NULL) < 0)
            continue;
        tls->peer.link = g_strconcat(link_text, own_text, NULL);
    }
}

/* The certificate alone: a node's, of now. */
static int check_node(struct dpl_tls *tls, X509 *cert, struct dpl_err *err)
{
    struct dpl_cert_info *info = &tls->peer.cert;
    int rc = dpl_tls_info(cert, info, err);
    if (rc < 0)
        return rc;
    int64_t now_s = (int64_t)time(NULL);
    if (info->authority)
        return dpl_err_set(err, DPL_E_REFUSED, "the certificate is not that of a node");
    if (now_s > info->ends_s)
        return dpl_err_set(err, DPL_E_REFUSED,
                           "the certificate of node \"%s\" of site \"%s\" expired %lld days ago",
                           info->node, info->site, (long long)((now_s - info->ends_s) / 86400));
    if (now_s < info->begins_s)
        return dpl_err_set(
            err, DPL_E_REFUSED,
            "the certificate of node \"%s\" of site \"%s\" is not valid yet: is a clock wrong?",
            info->node, info->site);
    return DPL_OK;
}

/* The site that the certificate names, and whether it is the pin's and wanted here. */
static int check_site(struct dpl_tls *tls, X509_STORE_CTX *store, struct dpl_err *err)
{
    const struct dpl_cert_info *info = &tls->peer.cert;
    const struct dpl_doc *site = dpl_doc_tree(tls->sites, info->site);
    STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(store);
    uint8_t digest[DPL_FINGERPRINT_BYTES];
    int rc = dpl_tls_digest(sk_X509_value(chain, sk_X509_num(chain) - 1), digest, err);
    if (rc < 0)
        return rc;
    dpl_fingerprint_hex(digest, tls->peer.pin);
    if (!has_pin(site, tls->peer.pin))
        return dpl_err_set(err, DPL_E_REFUSED,
                           "a certificate for site \"%s\" was signed by another site", info->site);
    if (tls->expect && strcmp(tls->expect, info->site) != 0)
        return dpl_err_set(err, DPL_E_REFUSED, "site \"%s\" answered where \"%s\" was expected",
                           info->site, tls->expect);
    if (is_revoked(site, info->serial))
        return dpl_err_set(err, DPL_E_REFUSED,
                           "the certificate of node \"%s\" of site \"%s\" (%s) is revoked",
                           info->node, info->site, info->serial);
    return DPL_OK;
}

/* In pairing the chain must be whole in itself: a node's certificate, and the authority's. */
static int check_offer(struct dpl_tls *tls, X509 *cert, const STACK_OF(X509) * sent,
                       struct dpl_err *err)
{
    g_autofree char *text = NULL;
    int rc = dpl_tls_cert_text(cert, &text, err);
    for (int i = 1; rc == DPL_OK && i < sk_X509_num(sent) && !tls->peer.offered; i++) {
        g_autofree char *authority = NULL;
        g_autoptr(dpl_doc_auto) offer = NULL;
        rc = dpl_tls_cert_text(sk_X509_value(sent, i), &authority, err);
        if (rc == DPL_OK && dpl_site_offer(authority, NULL, &offer, NULL) == DPL_OK &&
            dpl_cert_check_signed(text, authority, NULL) == DPL_OK)
            tls->peer.offered = g_steal_pointer(&authority);
    }
    if (rc == DPL_OK && !tls->peer.offered)
        return dpl_err_set(err, DPL_E_REFUSED, "the peer did not send its site's certificate");
    tls->peer.pairing = true;
    return rc;
}

static int verify(X509_STORE_CTX *store, void *self)
{
    struct dpl_tls *tls = self;
    const SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    X509 *cert = X509_STORE_CTX_get0_cert(store);
    STACK_OF(X509) *sent = X509_STORE_CTX_get0_untrusted(store);
    if (check_node(tls, cert, &tls->why) < 0) {
        X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_HAS_EXPIRED);
        return 0;
    }
    if (is_pairing(ssl)) {
        if (check_offer(tls, cert, sent, &tls->why) == DPL_OK)
            return 1;
    } else if (X509_verify_cert(store) != 1) {
        dpl_err_set(&tls->why, DPL_E_REFUSED,
                    "the certificate of node \"%s\" of site \"%s\" is not of a paired site (%s)",
                    tls->peer.cert.node, tls->peer.cert.site,
                    X509_verify_cert_error_string(X509_STORE_CTX_get_error(store)));
        return 0; /* with the library's reason */
    } else if (check_site(tls, store, &tls->why) == DPL_OK) {
        note_link(tls, sent);
        return 1;
    }
    X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
    return 0;
}

static int add_pins(struct dpl_tls *tls, struct dpl_err *err)
{
    X509_STORE *store = SSL_CTX_get_cert_store(tls->ctx);
    for (size_t i = 0; i < dpl_doc_count(tls->sites); i++) {
        const struct dpl_doc *pins = dpl_doc_list(dpl_doc_at(tls->sites, i), "pins");
        for (size_t k = 0; k < dpl_doc_count(pins); k++) {
            g_autoptr(X509) cert = NULL;
            const char *text = dpl_doc_text(dpl_doc_at(pins, k), "cert");
            int rc = dpl_tls_cert_parse(text ? text : "", &cert, err);
            if (rc < 0)
                return dpl_err_context(err, "a pin of site \"%s\"",
                                       dpl_doc_key(dpl_doc_at(tls->sites, i)));
            if (X509_STORE_add_cert(store, cert) != 1)
                return dpl_tls_error(err, DPL_E_FAILED, "a pin");
        }
    }
    return DPL_OK;
}

static int add_chain(SSL_CTX *ctx, const char *text, unsigned from, struct dpl_err *err)
{
    for (unsigned i = from; i < from + DEPTH; i++) {
        g_autofree char *one = NULL;
        g_autoptr(X509) cert = NULL;
        if (dpl_cert_nth(text, i, &one, NULL) < 0)
            break;
        int rc = dpl_tls_cert_parse(one, &cert, err);
        if (rc < 0)
            return rc;
        if (SSL_CTX_add1_chain_cert(ctx, cert) != 1)
            return dpl_tls_error(err, DPL_E_FAILED, "a certificate");
    }
    return DPL_OK;
}

static int add_own(struct dpl_tls *tls, const struct dpl_tls_config *config, struct dpl_err *err)
{
    g_autoptr(EVP_PKEY) key = NULL;
    g_autoptr(X509) cert = NULL;
    int rc = dpl_tls_key_parse(config->key, &key, err);
    if (rc == DPL_OK)
        rc = dpl_tls_cert_parse(config->chain, &cert, err);
    if (rc < 0)
        return rc;
    if (SSL_CTX_use_certificate(tls->ctx, cert) != 1 ||
        SSL_CTX_use_PrivateKey(tls->ctx, key) != 1 || SSL_CTX_check_private_key(tls->ctx) != 1)
        return dpl_tls_error(err, DPL_E_CONFIG, "this node's key and certificate");
    rc = add_chain(tls->ctx, config->chain, 1, err);
    if (rc == DPL_OK && config->pairing && config->site_cert)
        rc = add_chain(tls->ctx, config->site_cert, 0, err);
    return rc;
}

static int set_rules(struct dpl_tls *tls, struct dpl_err *err)
{
    SSL_CTX *ctx = tls->ctx;
    const unsigned char *alpn = tls->pairing ? alpn_pair : alpn_work;
    unsigned alpn_size = tls->pairing ? sizeof alpn_pair - 1 : sizeof alpn_work - 1;
    if (SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION) != 1 ||
        SSL_CTX_set_max_proto_version(ctx, TLS1_3_VERSION) != 1 ||
        SSL_CTX_set_ciphersuites(ctx, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:"
                                      "TLS_CHACHA20_POLY1305_SHA256") != 1 ||
        SSL_CTX_set1_groups_list(ctx, "X25519:P-256") != 1 ||
        SSL_CTX_set_num_tickets(ctx, 0) != 1 ||
        (!tls->server && SSL_CTX_set_alpn_protos(ctx, alpn, alpn_size) != 0))
        return dpl_tls_error(err, DPL_E_FAILED, "set up TLS");
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_NO_AUTO_CHAIN);
    SSL_CTX_set_read_ahead(ctx, 1);
    SSL_CTX_set_default_read_buffer_len(ctx, READ_BUFFER_BYTES);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_verify_depth(ctx, DEPTH);
    SSL_CTX_set_cert_verify_callback(ctx, verify, tls);
    SSL_CTX_set_alpn_select_cb(ctx, choose_alpn, tls);
    /* A pin ends a chain even where it is not self-signed. */
    X509_VERIFY_PARAM_set_flags(SSL_CTX_get0_param(ctx),
                                X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_X509_STRICT);
    return DPL_OK;
}

int dpl_tls_new(const struct dpl_tls_config *config, struct dpl_tls **tls_r, struct dpl_err *err)
{
    /* The host's configuration of OpenSSL has no say: what is allowed stands above. */
    OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
    struct dpl_tls *tls = g_new0(struct dpl_tls, 1);
    tls->server = config->server;
    tls->pairing = config->pairing;
    tls->expect = g_strdup(config->expect);
    tls->sites = config->sites ? dpl_doc_copy(config->sites) : dpl_doc_new();
    tls->ctx = SSL_CTX_new(config->server ? TLS_server_method() : TLS_client_method());
    int rc = tls->ctx ? set_rules(tls, err) : dpl_tls_error(err, DPL_E_NO_MEMORY, "set up TLS");
    if (rc == DPL_OK)
        rc = add_own(tls, config, err);
    if (rc == DPL_OK)
        rc = add_pins(tls, err);
    if (rc < 0) {
        dpl_tls_free(tls);
        return rc;
    }
    *tls_r = tls;
    return DPL_OK;
}

void dpl_tls_free(struct dpl_tls *tls)
{
    if (!tls)
        return;
    SSL_CTX_free(tls->ctx);
    dpl_doc_free(tls->sites);
    g_free(tls->expect);
    g_free(tls->peer.link);
    g_free(tls->peer.offered);
    g_free(tls);
}

int dpl_tls_session(struct dpl_tls *tls, int fd, SSL **session_r, struct dpl_err *err)
{
    SSL *ssl = SSL_new(tls->ctx);
    if (!ssl || SSL_set_fd(ssl, fd) != 1) {
        SSL_free(ssl);
        return dpl_tls_error(err, DPL_E_NO_MEMORY, "a TLS session");
    }
    if (tls->server)
        SSL_set_accept_state(ssl);
    else
        SSL_set_connect_state(ssl);
    *session_r = ssl;
    return DPL_OK;
}

const struct dpl_tls_peer *dpl_tls_peer(const struct dpl_tls *tls)
{
    return &tls->peer;
}

int dpl_tls_why(struct dpl_tls *tls, const SSL *ssl, int result, int sys_errno, struct dpl_err *err)
{
    int kind = SSL_get_error(ssl, result);
    unsigned long reason = ERR_get_error();
    const char *text = reason ? ERR_reason_error_string(reason) : NULL;
    ERR_clear_error();
    if (tls->why.code)
        return dpl_err_set(err, tls->why.code, "%s", tls->why.text);
    if (text && ERR_GET_REASON(reason) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
        return dpl_err_set(err, DPL_E_UNREACHABLE, "the peer closed the connection without a word");
    if (text && ERR_GET_REASON(reason) > SSL_AD_REASON_OFFSET)
        return dpl_err_set(err, DPL_E_REFUSED, "the peer ended the connection: %s", text);
    if (text)
        return dpl_err_set(err, DPL_E_REFUSED, "TLS: %s", text);
    if (kind == SSL_ERROR_SYSCALL && sys_errno != 0)
        return dpl_err_sys(err, sys_errno, "the connection");
    return dpl_err_set(err, DPL_E_UNREACHABLE, "the peer closed the connection");
}

SSL_CTX *dpl_tls_ctx(struct dpl_tls *tls)
{
    return tls->ctx;
}
