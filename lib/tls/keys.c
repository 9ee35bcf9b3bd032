/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/tls/keys.h"

#include "lib/base/fd.h"
#include "lib/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SITE_KEY "site.key"

enum { KEY_MODE = 0600, CERT_MODE = 0644, DIR_MODE = 0700 };

/* The authority as its file has it. */
struct authority {
    char *key, *cert, *link; /* link: NULL if there is none */
    struct dpl_cert_info info;
};

static void authority_clear(struct authority *a)
{
    dpl_cert_wipe(a->key);
    g_free(a->cert);
    g_free(a->link);
    *a = (struct authority){0};
}

static int open_dir_of(const char *path, bool make, struct dpl_err *err)
{
    g_autofree char *dir = g_path_get_dirname(path);
    if (make && g_mkdir_with_parents(dir, DIR_MODE) < 0)
        return dpl_err_sys(err, errno, "make the directory \"%s\"", dir);
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd >= 0 ? fd : dpl_err_sys(err, errno, "open the directory \"%s\"", dir);
}

static int replace(const char *path, const char *name, const char *text, mode_t mode,
                   struct dpl_err *err)
{
    dpl_autofd int dir = open_dir_of(path, true, err);
    if (dir < 0)
        return dir;
    g_autofree char *base = name ? g_strdup(name) : g_path_get_basename(path);
    return dpl_file_replace(dir, base, text, strlen(text), mode, err);
}

/* A file with a private key: nobody else may read it. NOT_FOUND if it is not there. */
static int read_secret(int dir, const char *name, char **text_r, struct dpl_err *err)
{
    struct stat st;
    if (fstatat(dir, name, &st, 0) < 0)
        return dpl_err_sys(err, errno, "\"%s\"", name);
    if (!S_ISREG(st.st_mode) || (st.st_mode & 077) != 0)
        return dpl_err_set(err, DPL_E_PERM,
                           "\"%s\" holds a private key and others may read it (mode %04o): chmod "
                           "600, and think about whether it was read",
                           name, (unsigned)(st.st_mode & 07777));
    return dpl_file_read(dir, name, DPL_CERT_PEM_MAX, text_r, NULL, err);
}

/* Splits a text of key and certificates. */
static int split(const char *text, struct authority *a, struct dpl_err *err)
{
    const char *end = strstr(text, "-----BEGIN CERTIFICATE");
    if (!end)
        return dpl_err_set(err, DPL_E_CORRUPT, "no certificate");
    a->key = g_strndup(text, (gsize)(end - text));
    int rc = dpl_cert_nth(end, 0, &a->cert, err);
    if (rc == DPL_OK)
        rc = dpl_cert_info(a->cert, &a->info, err);
    if (rc == DPL_OK)
        rc = dpl_cert_check_pair(a->key, a->cert, err);
    if (rc == DPL_OK && dpl_cert_nth(end, 1, &a->link, NULL) < 0)
        a->link = NULL;
    return rc;
}

static int authority_load(const struct dpl_keys_at *at, struct authority *a, struct dpl_err *err)
{
    g_autoptr(dpl_key_auto) text = NULL;
    *a = (struct authority){0};
    dpl_autofd int dir = open_dir_of(at->key_path, false, err);
    int rc = dir < 0 ? dir : read_secret(dir, SITE_KEY, &text, err);
    if (rc < 0)
        return rc;
    rc = split(text, a, err);
    if (rc < 0) {
        authority_clear(a);
        dpl_err_context(err, "\"%s\" beside \"%s\"", SITE_KEY, at->key_path);
    }
    return rc;
}

static int authority_save(const struct dpl_keys_at *at, const char *key, const char *cert,
                          const char *link, struct dpl_err *err)
{
    g_autoptr(dpl_key_auto) text = g_strconcat(key, cert, link ? link : "", NULL);
    return replace(at->key_path, SITE_KEY, text, KEY_MODE, err);
}

static int authority_make(const struct dpl_keys_at *at, const char *site, int64_t now_s,
                          struct dpl_err *err)
{
    g_autoptr(dpl_key_auto) key = NULL;
    g_autofree char *cert = NULL;
    int rc = dpl_cert_make_site(site, now_s, &key, &cert, err);
    return rc < 0 ? rc : authority_save(at, key, cert, NULL, err);
}

static int node_key_read(const struct dpl_keys_at *at, char **key_r, struct dpl_err *err)
{
    dpl_autofd int dir = open_dir_of(at->key_path, false, err);
    g_autofree char *name = g_path_get_basename(at->key_path);
    return dir < 0 ? dir : read_secret(dir, name, key_r, err);
}

static int chain_read(const struct dpl_keys_at *at, char **text_r, struct dpl_err *err)
{
    return dpl_file_read(AT_FDCWD, at->cert_path, DPL_CERT_PEM_MAX, text_r, NULL, err);
}

/* A node's certificate, and behind it the link and the authority while they are of use. */
static char *chain_of(const struct authority *a, const char *cert, int64_t now_s)
{
    struct dpl_cert_info link;
    bool with_link = a->link && dpl_cert_info(a->link, &link, NULL) == DPL_OK &&
                     dpl_cert_days_left(&link, now_s) > DPL_CERT_WARN_DAYS;
    return g_strconcat(cert, with_link ? a->link : "", with_link ? a->cert : "", NULL);
}

/* Signs a certificate for the node's key. */
static int sign_node(const struct dpl_keys_at *at, const struct authority *a, const char *node,
                     const char *key, int64_t now_s, struct dpl_err *err)
{
    g_autofree char *cert = NULL;
    int rc = dpl_cert_make_node(a->key, a->cert, node, key, now_s, &cert, err);
    if (rc < 0)
        return rc;
    g_autofree char *chain = chain_of(a, cert, now_s);
    return replace(at->cert_path, NULL, chain, CERT_MODE, err);
}

/* 1: the node has a key and a certificate that fit each other. */
static int node_complete(const struct dpl_keys_at *at)
{
    g_autoptr(dpl_key_auto) key = NULL;
    g_autofree char *chain = NULL;
    return node_key_read(at, &key, NULL) == DPL_OK && chain_read(at, &chain, NULL) == DPL_OK &&
           dpl_cert_check_pair(key, chain, NULL) == DPL_OK;
}

/* The node's key, made if it is not there. The caller wipes it. */
static int node_key(const struct dpl_keys_at *at, char **key_r, struct dpl_err *err)
{
    g_autoptr(dpl_key_auto) key = NULL;
    int rc = node_key_read(at, &key, err);
    if (rc == DPL_E_NOT_FOUND) {
        rc = dpl_cert_make_key(&key, err);
        if (rc == DPL_OK)
            rc = replace(at->key_path, NULL, key, KEY_MODE, err);
    }
    if (rc == DPL_OK)
        *key_r = g_steal_pointer(&key);
    return rc;
}

static int node_make(const struct dpl_keys_at *at, const struct authority *a, const char *node,
                     int64_t now_s, struct dpl_err *err)
{
    g_autoptr(dpl_key_auto) key = NULL;
    int rc = node_key(at, &key, err);
    return rc < 0 ? rc : sign_node(at, a, node, key, now_s, err);
}

int dpl_keys_public(const struct dpl_keys_at *at, char **public_r, struct dpl_err *err)
{
    g_autoptr(dpl_key_auto) key = NULL;
    dpl_autofd int dir = open_dir_of(at->key_path, true, err);
    int rc = dir < 0 ? dir : node_key(at, &key, err);
    return rc < 0 ? rc : dpl_cert_public(key, public_r, err);
}

int dpl_keys_sign(const struct dpl_keys_at *at, const char *node, const char *public_key,
                  int64_t now_s, char **chain_r, struct dpl_err *err)
{
    struct authority a;
    g_autofree char *cert = NULL;
    int rc = authority_load(at, &a, err);
    if (rc < 0)
        return rc;
    rc = dpl_cert_make_node_public(a.key, a.cert, node, public_key, now_s, &cert, err);
    if (rc == DPL_OK)
        *chain_r = chain_of(&a, cert, now_s);
    authority_clear(&a);
    return rc;
}

int dpl_keys_take(const struct dpl_keys_at *at, const char *chain, struct dpl_err *err)
{
    g_autoptr(dpl_key_auto) key = NULL;
    g_autofree char *have = NULL;
    int rc = node_key_read(at, &key, err);
    if (rc == DPL_OK)
        rc = dpl_cert_check_pair(key, chain, err);
    if (rc < 0)
        return rc;
    if (chain_read(at, &have, NULL) == DPL_OK && strcmp(have, chain) == 0)
        return 0;
    rc = replace(at->cert_path, NULL, chain, CERT_MODE, err);
    return rc < 0 ? rc : 1;
}

int dpl_keys_init(const struct dpl_keys_at *at, const char *site, const char *node, int64_t now_s,
                  struct dpl_err *err)
{
    struct authority a;
    dpl_autofd int dir = open_dir_of(at->key_path, true, err);
    if (dir < 0)
        return dir;
    int rc = authority_load(at, &a, err);
    bool was = rc == DPL_OK;
    if (rc == DPL_E_NOT_FOUND) {
        rc = authority_make(at, site, now_s, err);
        if (rc == DPL_OK)
            rc = authority_load(at, &a, err);
    }
    if (rc < 0)
        return rc;
    if (strcmp(a.info.site, site) != 0)
        rc = dpl_err_set(err, DPL_E_REFUSED, "there are keys of site \"%s\" already, beside \"%s\"",
                         a.info.site, at->key_path);
    else if (was && node_complete(at))
        rc = dpl_err_set(err, DPL_E_EXISTS, "the keys of site \"%s\" are there already", site);
    else
        rc = node_make(at, &a, node, now_s, err);
    authority_clear(&a);
    return rc;
}

int dpl_keys_load_node(const struct dpl_keys_at *at, struct dpl_keys *keys, struct dpl_err *err)
{
    *keys = (struct dpl_keys){0};
    int rc = node_key_read(at, &keys->key, err);
    if (rc == DPL_OK)
        rc = chain_read(at, &keys->chain, err);
    if (rc == DPL_OK)
        rc = dpl_cert_info(keys->chain, &keys->info, err);
    if (rc == DPL_OK)
        rc = dpl_cert_check_pair(keys->key, keys->chain, err);
    if (rc < 0) {
        dpl_keys_clear(keys);
        if (rc == DPL_E_NOT_FOUND)
            return dpl_err_set(err, rc,
                               "this node has no key and certificate (%s): doppel site init",
                               at->key_path);
        return rc;
    }
    return DPL_OK;
}

int dpl_keys_load(const struct dpl_keys_at *at, struct dpl_keys *keys, struct dpl_err *err)
{
    struct authority a;
    int rc = dpl_keys_load_node(at, keys, err);
    if (rc == DPL_OK && authority_load(at, &a, NULL) == DPL_OK) {
        keys->site_cert = g_steal_pointer(&a.cert);
        authority_clear(&a);
    }
    return rc;
}

void dpl_keys_clear(struct dpl_keys *keys)
{
    dpl_cert_wipe(keys->key);
    g_free(keys->chain);
    g_free(keys->site_cert);
    *keys = (struct dpl_keys){0};
}

int dpl_keys_renew(const struct dpl_keys_at *at, int64_t now_s, struct dpl_err *err)
{
    struct authority a;
    struct dpl_keys keys;
    int rc = dpl_keys_load(at, &keys, err);
    if (rc < 0)
        return rc;
    rc = authority_load(at, &a, err);
    if (rc == DPL_OK) {
        bool ours = dpl_cert_check_signed(keys.chain, a.cert, NULL) == DPL_OK;
        if (!ours || dpl_cert_days_left(&keys.info, now_s) < DPL_CERT_RENEW_DAYS)
            rc = sign_node(at, &a, keys.info.node, keys.key, now_s, err) < 0 ? DPL_E_IO : 1;
        authority_clear(&a);
    }
    dpl_keys_clear(&keys);
    return rc;
}

int dpl_keys_rotate(const struct dpl_keys_at *at, int64_t now_s, struct dpl_err *err)
{
    struct authority a;
    g_autoptr(dpl_key_auto) key = NULL;
    g_autofree char *cert = NULL;
    g_autofree char *link = NULL;
    int rc = authority_load(at, &a, err);
    if (rc < 0)
        return rc;
    rc = dpl_cert_make_site(a.info.site, now_s, &key, &cert, err);
    if (rc == DPL_OK)
        rc = dpl_cert_make_link(a.key, a.cert, cert, now_s, &link, err);
    if (rc == DPL_OK)
        rc = authority_save(at, key, cert, link, err);
    authority_clear(&a);
    if (rc < 0)
        return rc;
    rc = dpl_keys_renew(at, now_s, err);
    return rc < 0 ? rc : DPL_OK;
}

struct dpl_doc *dpl_keys_doc(const struct dpl_keys *keys, int64_t now_s)
{
    struct dpl_doc *doc = dpl_doc_new();
    struct dpl_cert_info site;
    char spoken[DPL_FINGERPRINT_SPOKEN];
    int64_t left = dpl_cert_days_left(&keys->info, now_s);
    dpl_doc_set_text(doc, "site", keys->info.site);
    dpl_doc_set_text(doc, "node", keys->info.node);
    if (keys->site_cert && dpl_cert_info(keys->site_cert, &site, NULL) == DPL_OK) {
        dpl_fingerprint_spoken(site.key, spoken);
        dpl_doc_set_text(doc, "fingerprint", spoken);
    }
    dpl_doc_set_int(doc, "days_left", left);
    if (left < 0)
        dpl_doc_set_format(doc, "warning",
                           "the certificate of node \"%s\" has expired: peers refuse it; doppel "
                           "site init on a node with the site's key makes a new one",
                           keys->info.node);
    else if (left < DPL_CERT_WARN_DAYS)
        dpl_doc_set_format(doc, "warning",
                           "the certificate of node \"%s\" ends in %lld days and was not renewed%s",
                           keys->info.node, (long long)left,
                           keys->site_cert ? "" : ": the site's key is not on this node");
    return doc;
}
