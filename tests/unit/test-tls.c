/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/base/fd.h"
#include "lib/tls/context.h"
#include "lib/tls/keys.h"
#include "lib/tls/site.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { DAY_S = 86400 };

/* A site with one node, on disk. */
struct side {
    char *key_path, *cert_path;
    struct dpl_keys_at at;
    struct dpl_keys keys;
};

static void side_paths(struct side *side, const char *name)
{
    *side = (struct side){0};
    side->key_path = g_strdup_printf("%s/%s/node.key", unit_tempdir(), name);
    side->cert_path = g_strdup_printf("%s/%s/node.crt", unit_tempdir(), name);
    side->at = (struct dpl_keys_at){side->key_path, side->cert_path};
}

static void side_load(struct side *side)
{
    struct dpl_err err = {0};
    dpl_keys_clear(&side->keys);
    int rc = dpl_keys_load(&side->at, &side->keys, &err);
    if (rc < 0)
        printf("%s\n", err.text);
    CU_ASSERT_EQUAL_FATAL(rc, 0);
}

static void side_make(struct side *side, const char *dir, const char *site, int64_t now_s)
{
    struct dpl_err err = {0};
    side_paths(side, dir);
    int rc = dpl_keys_init(&side->at, site, "n1", now_s, &err);
    if (rc < 0)
        printf("%s\n", err.text);
    CU_ASSERT_EQUAL_FATAL(rc, 0);
    side_load(side);
}

static void side_done(struct side *side)
{
    dpl_keys_clear(&side->keys);
    g_free(side->key_path);
    g_free(side->cert_path);
}

/* The document of that site as the other has it when a person confirmed it. */
static struct dpl_doc *pinned(const struct side *side)
{
    struct dpl_err err = {0};
    g_autoptr(dpl_doc_auto) offer = NULL;
    g_autoptr(dpl_doc_auto) waiting = NULL;
    struct dpl_doc *site = NULL;
    CU_ASSERT_EQUAL_FATAL(dpl_site_offer(side->keys.site_cert, NULL, &offer, &err), 0);
    CU_ASSERT_EQUAL_FATAL(dpl_site_take_offer(NULL, offer, &waiting, &err), 1);
    CU_ASSERT_FALSE(dpl_site_paired(waiting));
    CU_ASSERT_EQUAL_FATAL(
        dpl_site_confirm(waiting, dpl_doc_text(offer, "fingerprint"), 7, &site, &err), 0);
    CU_ASSERT_TRUE(dpl_site_paired(site));
    return site;
}

static void put_pinned(struct dpl_doc *sites, const struct side *side)
{
    dpl_doc_set(sites, side->keys.info.site, pinned(side));
}

/* Both ends of a connection, by turns, in this process. */
struct meeting {
    struct dpl_tls *server, *client;
    struct dpl_err server_err, client_err;
    int server_rc, client_rc; /* 1: done */
};

static int step(SSL *ssl, struct dpl_tls *tls, int *rc, struct dpl_err *err)
{
    char byte;
    if (*rc != 0)
        return 0;
    int n = SSL_do_handshake(ssl);
    int kind = SSL_get_error(ssl, n);
    if (n == 1) { /* a client learns whether it was taken by what comes next */
        *rc = 1;
        n = SSL_peek(ssl, &byte, 1);
        kind = SSL_get_error(ssl, n);
    }
    if (kind == SSL_ERROR_WANT_READ || kind == SSL_ERROR_WANT_WRITE)
        return 1;
    *rc = dpl_tls_why(tls, ssl, n, errno, err);
    return 1;
}

static void meet(struct meeting *m)
{
    int ends[2];
    SSL *server, *client;
    struct dpl_err err = {0};
    char byte;
    CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends),
                          0);
    CU_ASSERT_EQUAL_FATAL(dpl_tls_session(m->server, ends[0], &server, &err), 0);
    CU_ASSERT_EQUAL_FATAL(dpl_tls_session(m->client, ends[1], &client, &err), 0);
    for (int i = 0; i < 20; i++) {
        step(client, m->client, &m->client_rc, &m->client_err);
        step(server, m->server, &m->server_rc, &m->server_err);
    }
    if (m->client_rc == 1) {
        int n = SSL_peek(client, &byte, 1);
        if (SSL_get_error(client, n) != SSL_ERROR_WANT_READ)
            m->client_rc = dpl_tls_why(m->client, client, n, errno, &m->client_err);
    }
    SSL_free(server);
    SSL_free(client);
    close(ends[0]);
    close(ends[1]);
}

static struct dpl_tls *tls_of(const struct side *side, bool server, const struct dpl_doc *sites,
                              const char *expect)
{
    struct dpl_err err = {0};
    struct dpl_tls *tls = NULL;
    struct dpl_tls_config config = {.server = server,
                                    .key = side->keys.key,
                                    .chain = side->keys.chain,
                                    .sites = sites,
                                    .expect = expect};
    if (dpl_tls_new(&config, &tls, &err) < 0)
        printf("%s\n", err.text);
    CU_ASSERT_PTR_NOT_NULL_FATAL(tls);
    return tls;
}

static void meet_as(struct meeting *m, const struct side *a, const struct side *b,
                    const struct dpl_doc *a_sites, const struct dpl_doc *b_sites,
                    const char *expect)
{
    *m = (struct meeting){0};
    m->server = tls_of(a, true, a_sites, NULL);
    m->client = tls_of(b, false, b_sites, expect);
    meet(m);
}

static void meeting_done(struct meeting *m)
{
    dpl_tls_free(m->server);
    dpl_tls_free(m->client);
}

static void spoken_fingerprint(void)
{
    uint8_t digest[DPL_FINGERPRINT_BYTES];
    char spoken[DPL_FINGERPRINT_SPOKEN], hex[DPL_FINGERPRINT_HEX];
    for (unsigned i = 0; i < sizeof digest; i++)
        digest[i] = (uint8_t)(i * 37 + 1);
    dpl_fingerprint_spoken(digest, spoken);
    dpl_fingerprint_hex(digest, hex);
    CU_ASSERT_EQUAL(strlen(spoken), 29);
    CU_ASSERT_TRUE(dpl_fingerprint_matches(spoken, digest));
    CU_ASSERT_TRUE(dpl_fingerprint_matches(hex, digest));
    g_autofree char *lower = g_ascii_strdown(spoken, -1);
    CU_ASSERT_TRUE(dpl_fingerprint_matches(lower, digest));
    for (size_t i = 0; i < strlen(spoken); i++) {
        g_autofree char *other = g_strdup(spoken);
        if (other[i] == '-')
            continue;
        other[i] = other[i] == 'Z' ? 'Y' : 'Z';
        CU_ASSERT_FALSE(dpl_fingerprint_matches(other, digest));
        other[i] = '\0';
        CU_ASSERT_FALSE(dpl_fingerprint_matches(other, digest));
    }
    hex[63] = hex[63] == '0' ? '1' : '0';
    CU_ASSERT_FALSE(dpl_fingerprint_matches(hex, digest));
    CU_ASSERT_FALSE(dpl_fingerprint_matches("", digest));
}

/* Worked out by hand: the alphabet and the order of the bits do not change. */
static void spoken_form_is_fixed(void)
{
    uint8_t digest[DPL_FINGERPRINT_BYTES] = {0x00, 0x44, 0x32, 0x14, 0xc7, 0x42, 0x54, 0xb6,
                                             0x35, 0xcf, 0x84, 0x65, 0x3a, 0x56, 0xd7, 0xc6};
    char spoken[DPL_FINGERPRINT_SPOKEN];
    dpl_fingerprint_spoken(digest, spoken);
    CU_ASSERT_STRING_EQUAL(spoken, "01234-56789-ABCDE-FGHJK-MNPQR");
}

static mode_t mode_of(const char *dir, const char *name)
{
    struct stat st;
    g_autofree char *path = g_strdup_printf("%s/%s/%s", unit_tempdir(), dir, name);
    return stat(path, &st) < 0 ? 0 : st.st_mode & 07777;
}

static void modes(void)
{
    struct side a;
    struct dpl_err err = {0};
    mode_t old = umask(0);
    side_make(&a, "modes", "site-a", time(NULL));
    umask(old);
    CU_ASSERT_EQUAL(mode_of("modes", "."), 0700);
    CU_ASSERT_EQUAL(mode_of("modes", "node.key"), 0600);
    CU_ASSERT_EQUAL(mode_of("modes", "site.key"), 0600);
    CU_ASSERT_EQUAL(mode_of("modes", "node.crt"), 0644);
    CU_ASSERT_EQUAL(chmod(a.key_path, 0640), 0);
    struct dpl_keys keys;
    CU_ASSERT_EQUAL(dpl_keys_load(&a.at, &keys, &err), DPL_E_PERM);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "node.key"));
    CU_ASSERT_EQUAL(chmod(a.key_path, 0600), 0);
    CU_ASSERT_EQUAL(dpl_keys_init(&a.at, "site-a", "n1", time(NULL), &err), DPL_E_EXISTS);
    CU_ASSERT_EQUAL(dpl_keys_init(&a.at, "other", "n1", time(NULL), &err), DPL_E_REFUSED);
    side_done(&a);
}

/* Whatever of its files is missing: a second init makes it, and what was there stays. */
static void init_goes_on(void)
{
    struct side a;
    struct dpl_err err = {0};
    side_make(&a, "goes-on", "site-a", time(NULL));
    g_autofree char *site_cert = g_strdup(a.keys.site_cert);
    g_autofree char *key = g_strdup(a.keys.key);
    CU_ASSERT_EQUAL(unlink(a.cert_path), 0);
    CU_ASSERT_EQUAL(dpl_keys_init(&a.at, "site-a", "n1", time(NULL), &err), 0);
    side_load(&a);
    CU_ASSERT_STRING_EQUAL(a.keys.key, key);
    CU_ASSERT_EQUAL(unlink(a.key_path), 0);
    CU_ASSERT_EQUAL(dpl_keys_init(&a.at, "site-a", "n1", time(NULL), &err), 0);
    side_load(&a);
    CU_ASSERT_STRING_EQUAL(a.keys.site_cert, site_cert);
    side_done(&a);
}

static void renewal(void)
{
    struct side a;
    struct dpl_err err = {0};
    int64_t now_s = time(NULL);
    side_make(&a, "renewal", "site-a", now_s);
    CU_ASSERT_EQUAL(dpl_cert_days_left(&a.keys.info, now_s), DPL_CERT_NODE_DAYS);
    CU_ASSERT_EQUAL(dpl_keys_renew(&a.at, now_s, &err), 0);
    int64_t late_s = now_s + (int64_t)(DPL_CERT_NODE_DAYS - DPL_CERT_WARN_DAYS + 1) * DAY_S;
    g_autoptr(dpl_doc_auto) warned = dpl_keys_doc(&a.keys, late_s);
    CU_ASSERT_EQUAL(dpl_doc_int(warned, "days_left", -1), DPL_CERT_WARN_DAYS - 1);
    CU_ASSERT_PTR_NOT_NULL(dpl_doc_text(warned, "warning"));
    g_autoptr(dpl_doc_auto) over = dpl_keys_doc(&a.keys, late_s + 31 * DAY_S);
    CU_ASSERT_TRUE(dpl_doc_int(over, "days_left", 0) < 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(dpl_doc_text(over, "warning"), "expired"));
    g_autofree char *site_cert = g_strdup(a.keys.site_cert);
    CU_ASSERT_EQUAL(dpl_keys_renew(&a.at, late_s, &err), 1);
    side_load(&a);
    CU_ASSERT_EQUAL(dpl_cert_days_left(&a.keys.info, late_s), DPL_CERT_NODE_DAYS);
    CU_ASSERT_STRING_EQUAL(a.keys.site_cert, site_cert); /* so peers need not know */
    g_autoptr(dpl_doc_auto) fine = dpl_keys_doc(&a.keys, late_s);
    CU_ASSERT_PTR_NULL(dpl_doc_text(fine, "warning"));
    /* a node without the site's key says so */
    g_autofree char *site_key = g_strdup_printf("%s/renewal/site.key", unit_tempdir());
    CU_ASSERT_EQUAL(unlink(site_key), 0);
    CU_ASSERT_EQUAL(dpl_keys_renew(&a.at, late_s, &err), DPL_E_NOT_FOUND);
    side_done(&a);
}

static void paired_sites_meet(void)
{
    struct side a, b;
    struct meeting m;
    g_autoptr(dpl_doc_auto) a_knows = dpl_doc_new();
    g_autoptr(dpl_doc_auto) b_knows = dpl_doc_new();
    side_make(&a, "meet-a", "site-a", time(NULL));
    side_make(&b, "meet-b", "site-b", time(NULL));
    put_pinned(a_knows, &b);
    put_pinned(b_knows, &a);
    meet_as(&m, &a, &b, a_knows, b_knows, "site-a");
    CU_ASSERT_EQUAL(m.server_rc, 1);
    CU_ASSERT_EQUAL(m.client_rc, 1);
    CU_ASSERT_STRING_EQUAL(dpl_tls_peer(m.server)->cert.site, "site-b");
    CU_ASSERT_STRING_EQUAL(dpl_tls_peer(m.client)->cert.site, "site-a");
    CU_ASSERT_STRING_EQUAL(dpl_tls_peer(m.client)->cert.serial, a.keys.info.serial);
    meeting_done(&m);
    /* one side's confirmation is not enough */
    g_autoptr(dpl_doc_auto) nobody = dpl_doc_new();
    meet_as(&m, &a, &b, nobody, b_knows, "site-a");
    CU_ASSERT_EQUAL(m.server_rc, DPL_E_REFUSED);
    CU_ASSERT_EQUAL(m.client_rc, DPL_E_REFUSED);
    meeting_done(&m);
    meet_as(&m, &a, &b, a_knows, nobody, "site-a");
    CU_ASSERT_EQUAL(m.client_rc, DPL_E_REFUSED);
    CU_ASSERT_NOT_EQUAL(m.server_rc, 1);
    meeting_done(&m);
    side_done(&a);
    side_done(&b);
}

/* Each is refused with a sentence that says what it was. */
static void others_are_refused(void)
{
    struct side a, b, c, forged, old;
    struct meeting m;
    int64_t now_s = time(NULL);
    g_autoptr(dpl_doc_auto) knows = dpl_doc_new();
    g_autoptr(dpl_doc_auto) revoking = dpl_doc_new();
    struct dpl_doc *site_b;
    side_make(&a, "ref-a", "site-a", now_s);
    side_make(&b, "ref-b", "site-b", now_s);
    side_make(&c, "ref-c", "site-c", now_s);
    side_make(&old, "ref-old", "site-b", now_s - (int64_t)(DPL_CERT_NODE_DAYS + 3) * DAY_S);
    put_pinned(knows, &a);
    put_pinned(knows, &b);
    put_pinned(knows, &c);
    /* paired site c signs a certificate that says site-b */
    side_make(&forged, "ref-forged", "site-b", now_s);
    meet_as(&m, &a, &forged, knows, knows, "site-a");
    CU_ASSERT_EQUAL(m.server_rc, DPL_E_REFUSED);
    CU_ASSERT_PTR_NOT_NULL(strstr(m.server_err.text, "not of a paired site"));
    meeting_done(&m);
    /* another paired site answers than was expected */
    meet_as(&m, &c, &b, knows, knows, "site-a");
    CU_ASSERT_EQUAL(m.client_rc, DPL_E_REFUSED);
    CU_ASSERT_PTR_NOT_NULL(strstr(m.client_err.text, "was expected"));
    meeting_done(&m);
    g_autoptr(dpl_doc_auto) knows_old = dpl_doc_copy(knows);
    put_pinned(knows_old, &old);
    meet_as(&m, &a, &old, knows_old, knows, "site-a");
    CU_ASSERT_EQUAL(m.server_rc, DPL_E_REFUSED);
    CU_ASSERT_PTR_NOT_NULL(strstr(m.server_err.text, "expired 3 days ago"));
    CU_ASSERT_PTR_NOT_NULL(strstr(m.client_err.text, "certificate expired"));
    meeting_done(&m);
    dpl_doc_set(revoking, "site-a", pinned(&a));
    CU_ASSERT_EQUAL_FATAL(
        dpl_site_revoke(dpl_doc_tree(knows, "site-b"), b.keys.info.serial, &site_b, NULL), 0);
    dpl_doc_set(revoking, "site-b", site_b);
    meet_as(&m, &a, &b, revoking, knows, "site-a");
    CU_ASSERT_EQUAL(m.server_rc, DPL_E_REFUSED);
    CU_ASSERT_PTR_NOT_NULL(strstr(m.server_err.text, "revoked"));
    meeting_done(&m);
    side_done(&a);
    side_done(&b);
    side_done(&c);
    side_done(&forged);
    side_done(&old);
}

/* The pin of one site signs for another: refused though the chain is whole. */
static void signed_by_another_site(void)
{
    struct side a, c;
    struct meeting m;
    g_autoptr(dpl_doc_auto) knows = dpl_doc_new();
    g_autoptr(dpl_doc_auto) crossed = dpl_doc_new();
    side_make(&a, "cross-a", "site-a", time(NULL));
    side_make(&c, "cross-c", "site-c", time(NULL));
    put_pinned(knows, &a);
    dpl_doc_set(crossed, "site-b", pinned(&c)); /* c's pin, under the name of b */
    meet_as(&m, &a, &c, crossed, knows, "site-a");
    CU_ASSERT_EQUAL(m.server_rc, DPL_E_REFUSED);
    CU_ASSERT_PTR_NOT_NULL(strstr(m.server_err.text, "signed by another site"));
    meeting_done(&m);
    side_done(&a);
    side_done(&c);
}

static void old_versions(void)
{
    struct side a, b;
    struct meeting m = {0};
    g_autoptr(dpl_doc_auto) knows = dpl_doc_new();
    side_make(&a, "old-a", "site-a", time(NULL));
    side_make(&b, "old-b", "site-b", time(NULL));
    put_pinned(knows, &a);
    put_pinned(knows, &b);
    m.server = tls_of(&a, true, knows, NULL);
    m.client = tls_of(&b, false, knows, "site-a");
    SSL_CTX_set_min_proto_version(dpl_tls_ctx(m.client), TLS1_2_VERSION);
    SSL_CTX_set_max_proto_version(dpl_tls_ctx(m.client), TLS1_2_VERSION);
    meet(&m);
    CU_ASSERT_EQUAL(m.server_rc, DPL_E_REFUSED);
    CU_ASSERT_EQUAL(m.client_rc, DPL_E_REFUSED);
    CU_ASSERT_PTR_NOT_NULL(strstr(m.server_err.text, "unsupported protocol"));
    meeting_done(&m);
    side_done(&a);
    side_done(&b);
}

/* A peer that pinned the old authority takes the new one's nodes, and learns it. */
static void rotation(void)
{
    struct side a, b;
    struct meeting m;
    struct dpl_err err = {0};
    g_autoptr(dpl_doc_auto) a_knows = dpl_doc_new();
    g_autoptr(dpl_doc_auto) b_knows = dpl_doc_new();
    g_autoptr(dpl_doc_auto) fresh = dpl_doc_new();
    struct dpl_doc *both = NULL, *again = NULL, *one = NULL;
    side_make(&a, "rot-a", "site-a", time(NULL));
    side_make(&b, "rot-b", "site-b", time(NULL));
    put_pinned(a_knows, &b);
    put_pinned(b_knows, &a);
    CU_ASSERT_EQUAL_FATAL(dpl_keys_rotate(&b.at, time(NULL), &err), 0);
    side_load(&b);
    meet_as(&m, &a, &b, a_knows, b_knows, "site-a");
    CU_ASSERT_EQUAL(m.server_rc, 1);
    CU_ASSERT_EQUAL(m.client_rc, 1);
    CU_ASSERT_PTR_NOT_NULL_FATAL(dpl_tls_peer(m.server)->link);
    CU_ASSERT_EQUAL_FATAL(dpl_site_follow(dpl_doc_tree(a_knows, "site-b"),
                                          dpl_tls_peer(m.server)->link, 9, &both, &err),
                          1);
    CU_ASSERT_EQUAL(dpl_doc_count(dpl_doc_list(both, "pins")), 2);
    CU_ASSERT_EQUAL(dpl_site_follow(both, dpl_tls_peer(m.server)->link, 9, &again, &err), 0);
    meeting_done(&m);
    /* without the old pin */
    const struct dpl_doc *old_pin = dpl_doc_at(dpl_doc_list(both, "pins"), 0);
    CU_ASSERT_EQUAL_FATAL(dpl_site_unpin(both, dpl_doc_text(old_pin, "key"), &one, &err), 0);
    dpl_doc_set(fresh, "site-b", one);
    meet_as(&m, &a, &b, fresh, b_knows, "site-a");
    CU_ASSERT_EQUAL(m.server_rc, 1);
    CU_ASSERT_EQUAL(m.client_rc, 1);
    meeting_done(&m);
    CU_ASSERT_EQUAL(dpl_site_unpin(one,
                                   dpl_doc_text(dpl_doc_at(dpl_doc_list(one, "pins"), 0), "key"),
                                   &again, &err),
                    DPL_E_REFUSED);
    dpl_doc_free(both);
    side_done(&a);
    side_done(&b);
}

/* An authority that nobody vouches for is not followed, whoever brings the link. */
static void forged_link(void)
{
    struct side a, evil;
    struct dpl_err err = {0};
    struct dpl_doc *after = NULL;
    side_make(&a, "forged-a", "site-a", time(NULL));
    side_make(&evil, "forged-evil", "site-a", time(NULL));
    g_autoptr(dpl_doc_auto) site = pinned(&a);
    CU_ASSERT_EQUAL_FATAL(dpl_keys_rotate(&evil.at, time(NULL), &err), 0);
    side_load(&evil);
    const char *behind = strstr(evil.keys.chain + 1, "-----BEGIN CERTIFICATE");
    CU_ASSERT_PTR_NOT_NULL_FATAL(behind);
    CU_ASSERT_EQUAL(dpl_site_follow(site, behind, 9, &after, &err), DPL_E_CORRUPT);
    CU_ASSERT_EQUAL(dpl_site_follow(site, a.keys.chain, 9, &after, &err), DPL_E_NOT_FOUND);
    CU_ASSERT_PTR_NULL(after);
    side_done(&a);
    side_done(&evil);
}

static void offers(void)
{
    struct side a;
    struct dpl_err err = {0};
    g_autoptr(dpl_doc_auto) addresses = dpl_doc_new_list();
    g_autoptr(dpl_doc_auto) offer = NULL;
    g_autoptr(dpl_doc_auto) back = NULL;
    g_autoptr(dpl_doc_auto) waiting = NULL;
    struct dpl_doc *no = NULL;
    side_make(&a, "offer-a", "site-a", time(NULL));
    dpl_doc_add_text(addresses, "a.example.org:6651");
    dpl_doc_add_text(addresses, "[2001:db8::1]:6650");
    CU_ASSERT_EQUAL_FATAL(dpl_site_offer(a.keys.site_cert, addresses, &offer, &err), 0);
    g_autofree char *text = dpl_site_offer_text(offer);
    CU_ASSERT_PTR_NULL(strstr(text, "PRIVATE"));
    CU_ASSERT_EQUAL_FATAL(dpl_site_offer_parse(text, &back, &err), 0);
    CU_ASSERT_TRUE(dpl_doc_equal(offer, back));
    for (size_t i = 0; i < strlen(text) - 1; i++) { /* no strict prefix is one */
        g_autofree char *cut = g_strndup(text, i);
        if (dpl_site_offer_parse(cut, &no, &err) == 0)
            dpl_doc_free(no);
        else
            continue;
        CU_ASSERT_TRUE_FATAL(i >= strlen(text) - 2);
    }
    CU_ASSERT_EQUAL(dpl_site_offer(a.keys.chain, NULL, &no, &err), DPL_E_CORRUPT); /* a node's */
    CU_ASSERT_EQUAL_FATAL(dpl_site_take_offer(NULL, offer, &waiting, &err), 1);
    CU_ASSERT_EQUAL(dpl_site_confirm(waiting, "01234-56789-ABCDE-FGHJK-MNPQR", 1, &no, &err),
                    DPL_E_REFUSED);
    g_autofree char *other = g_strdup(text);
    char *name = strstr(other, "name: site-a");
    name[11] = 'x';
    CU_ASSERT_EQUAL(dpl_site_offer_parse(other, &no, &err), DPL_E_CORRUPT);
    side_done(&a);
}

static void addresses(void)
{
    static const struct {
        const char *text, *host;
        uint16_t port;
    } good[] = {{"a.example", "a.example", 6650},
                {"a:1", "a", 1},
                {"[::1]:7", "::1", 7},
                {"[::1]", "::1", 6650},
                {"::1", "::1", 6650},
                {"192.0.2.1:65535", "192.0.2.1", 65535}};
    static const char *const bad[] = {
        "", ":1", "a:0", "a:65536", "a:", "[::1", "[]:1", "a b", "[::1]x"};
    for (size_t i = 0; i < G_N_ELEMENTS(good); i++) {
        g_autofree char *host = NULL;
        uint16_t port = 6650;
        CU_ASSERT_EQUAL_FATAL(dpl_site_address_parse(good[i].text, &host, &port, NULL), 0);
        CU_ASSERT_STRING_EQUAL(host, good[i].host);
        CU_ASSERT_EQUAL(port, good[i].port);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
        char *host = NULL;
        uint16_t port = 6650;
        CU_ASSERT_EQUAL(dpl_site_address_parse(bad[i], &host, &port, NULL), DPL_E_PARAM);
    }
}

/* Pairing over a connection: offers on both sides, and only where a window is open. */
static void pairing(void)
{
    struct side a, b;
    struct meeting m = {0};
    struct dpl_err err = {0};
    side_make(&a, "pair-a", "site-a", time(NULL));
    side_make(&b, "pair-b", "site-b", time(NULL));
    struct dpl_tls_config server = {.server = true,
                                    .key = a.keys.key,
                                    .chain = a.keys.chain,
                                    .pairing = true,
                                    .site_cert = a.keys.site_cert};
    struct dpl_tls_config client = {
        .key = b.keys.key, .chain = b.keys.chain, .pairing = true, .site_cert = b.keys.site_cert};
    CU_ASSERT_EQUAL_FATAL(dpl_tls_new(&server, &m.server, &err), 0);
    CU_ASSERT_EQUAL_FATAL(dpl_tls_new(&client, &m.client, &err), 0);
    meet(&m);
    CU_ASSERT_EQUAL(m.server_rc, 1);
    CU_ASSERT_EQUAL(m.client_rc, 1);
    CU_ASSERT_TRUE(dpl_tls_peer(m.server)->pairing && dpl_tls_peer(m.client)->pairing);
    CU_ASSERT_STRING_EQUAL(dpl_tls_peer(m.server)->offered, b.keys.site_cert);
    CU_ASSERT_STRING_EQUAL(dpl_tls_peer(m.client)->offered, a.keys.site_cert);
    meeting_done(&m);
    m = (struct meeting){0};
    server.pairing = false;
    CU_ASSERT_EQUAL_FATAL(dpl_tls_new(&server, &m.server, &err), 0);
    CU_ASSERT_EQUAL_FATAL(dpl_tls_new(&client, &m.client, &err), 0);
    meet(&m);
    CU_ASSERT_TRUE(m.server_rc < 0 && m.client_rc < 0);
    CU_ASSERT_PTR_NULL(dpl_tls_peer(m.server)->offered);
    meeting_done(&m);
    side_done(&a);
    side_done(&b);
}

/* A node's key is signed where the authority is, and no half of it that is private goes there. */
static void signed_elsewhere(void)
{
    g_autofree char *dir = g_build_filename(unit_tempdir(), "elsewhere", NULL);
    g_autofree char *key_a = g_build_filename(dir, "a/node.key", NULL);
    g_autofree char *cert_a = g_build_filename(dir, "a/node.crt", NULL);
    g_autofree char *key_b = g_build_filename(dir, "b/node.key", NULL);
    g_autofree char *cert_b = g_build_filename(dir, "b/node.crt", NULL);
    const struct dpl_keys_at a = {key_a, cert_a}, b = {key_b, cert_b};
    const int64_t now_s = 1800000000;
    g_autofree char *public = NULL;
    g_autofree char *again = NULL;
    g_autofree char *chain = NULL;
    g_autofree char *others = NULL;
    struct dpl_keys keys;
    CU_ASSERT_EQUAL_FATAL(dpl_keys_init(&a, "here", "a1", now_s, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(dpl_keys_public(&b, &public, NULL), 0);
    CU_ASSERT_PTR_NULL(strstr(public, "PRIVATE"));
    CU_ASSERT_EQUAL_FATAL(dpl_keys_public(&b, &again, NULL), 0);
    CU_ASSERT_STRING_EQUAL(public, again);
    CU_ASSERT_EQUAL(dpl_keys_sign(&b, "a2", public, now_s, &chain, NULL), DPL_E_NOT_FOUND);
    CU_ASSERT_EQUAL(dpl_keys_sign(&a, "a2", "nonsense", now_s, &chain, NULL), DPL_E_CORRUPT);
    CU_ASSERT_EQUAL_FATAL(dpl_keys_sign(&a, "a2", public, now_s, &chain, NULL), 0);
    CU_ASSERT_EQUAL(dpl_keys_take(&a, chain, NULL) < 0, 1);
    CU_ASSERT_EQUAL(dpl_keys_take(&b, chain, NULL), 1);
    CU_ASSERT_EQUAL(dpl_keys_take(&b, chain, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(dpl_keys_load(&b, &keys, NULL), 0);
    CU_ASSERT_STRING_EQUAL(keys.info.site, "here");
    CU_ASSERT_STRING_EQUAL(keys.info.node, "a2");
    CU_ASSERT_PTR_NULL(keys.site_cert);
    CU_ASSERT_TRUE(g_file_get_contents(cert_a, &others, NULL, NULL));
    dpl_keys_clear(&keys);
}

static const struct unit_test tests[] = {
    {"a fingerprint is compared whole, in either form", spoken_fingerprint},
    {"the spoken form of a fingerprint never changes", spoken_form_is_fixed},
    {"keys are for their owner alone, and what others may read is refused", modes},
    {"an initialisation that was cut short goes on", init_goes_on},
    {"certificates are renewed in time, and warned of when they are not", renewal},
    {"sites that confirmed each other meet, and only they", paired_sites_meet},
    {"strangers, wrong sites, expired and revoked certificates are refused", others_are_refused},
    {"a site cannot sign for another", signed_by_another_site},
    {"TLS below 1.3 is refused", old_versions},
    {"a new authority is followed from the old one", rotation},
    {"a link that no pin signed is not followed", forged_link},
    {"an offer is text and back, and confirmed by its fingerprint alone", offers},
    {"addresses of sites", addresses},
    {"pairing gives both sides an offer, where a window is open", pairing},
    {"a node's key is signed elsewhere by its public half", signed_elsewhere},
};
UNIT_MAIN(tests)
