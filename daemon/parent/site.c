/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/parent/site.h"

#include "daemon/core/expiry.h"
#include "daemon/parent/change.h"
#include "daemon/parent/door.h"
#include "daemon/parent/log.h"
#include "lib/base/clock.h"
#include "lib/tls/keys.h"
#include "lib/tls/site.h"

#include <string.h>
#include <time.h>

enum { PAIRING_S = 900, RENEW_MS = 6 * 3600 * 1000, EXPECTED_MAX = 16 };

struct dpl_sites {
    struct dpl_daemon *daemon;
    GHashTable
        *expected; /* name of a site to the second (int64_t *) until which it may offer itself */
    struct dpl_timer renew;
    struct dpl_expiry own; /* this node's certificate, as it was looked at last */
    GHashTable *theirs;    /* name of a site to a struct dpl_expiry: what its node showed last */
};

static int64_t now_s(void)
{
    return (int64_t)time(NULL);
}

static struct dpl_keys_at keys_at(const struct dpl_daemon *daemon)
{
    const struct dpl_conf *conf = daemon->settings.conf;
    return (struct dpl_keys_at){dpl_conf_text(conf, "tls", "key"),
                                dpl_conf_text(conf, "tls", "cert")};
}

/* Tells that a certificate ends, weeks before and then daily. */
static void tell_end(struct dpl_sites *sites, const char *site, struct dpl_expiry *expiry)
{
    if (!dpl_expiry_due(expiry, DPL_CERT_WARN_DAYS, now_s()))
        return;
    int64_t days = dpl_expiry_days(expiry, now_s());
    bool own = expiry == &sites->own;
    g_autofree char *name = g_strdup_printf("doppel-%s.certificate", site);
    g_autofree char *value = g_strdup_printf("%lld", (long long)days);
    g_autofree char *whose = own ? g_strdup("this node") : g_strdup_printf("site \"%s\"", site);
    g_autofree char *text =
        days < 0 ? g_strdup_printf("the certificate of %s has ended", whose)
                 : g_strdup_printf("the certificate of %s ends in %s days and was not renewed",
                                   whose, value);
    dpl_log(LOG_WARNING, "%s", text);
    dpl_alert(sites->daemon, name, value, text);
}

static void tell_theirs(struct dpl_sites *sites)
{
    GHashTableIter iter;
    gpointer site, expiry;
    g_hash_table_iter_init(&iter, sites->theirs);
    while (g_hash_table_iter_next(&iter, &site, &expiry))
        tell_end(sites, site, expiry);
}

/* Renews the node's certificate before its end, and says aloud when that does not succeed. */
static void renew(void *self)
{
    struct dpl_sites *sites = self;
    struct dpl_keys_at at = keys_at(sites->daemon);
    struct dpl_keys keys = {0};
    struct dpl_err err = {0};
    dpl_timer_set(&sites->renew, sites->daemon->loop, RENEW_MS, renew, sites);
    tell_theirs(sites);
    if (dpl_keys_load(&at, &keys, &err) < 0) {
        dpl_log(err.code == DPL_E_NOT_FOUND ? LOG_NOTICE : LOG_ERR, "keys: %s", err.text);
        return;
    }
    dpl_keys_clear(&keys);
    if (dpl_keys_renew(&at, now_s(), &err) > 0)
        dpl_log(LOG_NOTICE, "the node's certificate was made anew");
    if (dpl_keys_load(&at, &keys, &err) < 0)
        return;
    g_autoptr(dpl_doc_auto) doc = dpl_keys_doc(&keys, now_s());
    const char *warning = dpl_doc_text(doc, "warning");
    if (warning)
        dpl_log(LOG_WARNING, "keys: %s", warning);
    sites->own.ends_s = keys.info.ends_s;
    tell_end(sites, sites->daemon->settings.site, &sites->own);
    dpl_keys_clear(&keys);
}

void dpl_sites_keys_begin(struct dpl_daemon *daemon)
{
    struct dpl_sites *sites = g_new0(struct dpl_sites, 1);
    sites->daemon = daemon;
    sites->expected = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    sites->theirs = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    daemon->site_keys = sites;
    renew(sites);
}

void dpl_sites_keys_end(struct dpl_daemon *daemon)
{
    if (!daemon->site_keys)
        return;
    dpl_timer_clear(&daemon->site_keys->renew);
    g_hash_table_unref(daemon->site_keys->expected);
    g_hash_table_unref(daemon->site_keys->theirs);
    g_free(daemon->site_keys);
    daemon->site_keys = NULL;
}

bool dpl_site_days_left(const struct dpl_daemon *daemon, int64_t *days_r)
{
    const struct dpl_sites *sites = daemon->site_keys;
    *days_r = sites ? dpl_expiry_days(&sites->own, now_s()) : 0;
    return sites && sites->own.ends_s != 0;
}

static bool expects(const struct dpl_daemon *daemon, const char *site)
{
    const int64_t *until = g_hash_table_lookup(daemon->site_keys->expected, site);
    return until && now_s() < *until;
}

bool dpl_site_pairing(const struct dpl_daemon *daemon)
{
    GHashTableIter iter;
    gpointer name;
    g_hash_table_iter_init(&iter, daemon->site_keys->expected);
    while (g_hash_table_iter_next(&iter, &name, NULL))
        if (expects(daemon, name))
            return true;
    return false;
}

static int expect(struct dpl_daemon *daemon, const char *site, struct dpl_err *err)
{
    GHashTable *expected = daemon->site_keys->expected;
    if (g_hash_table_size(expected) >= EXPECTED_MAX && !g_hash_table_contains(expected, site))
        return dpl_err_set(err, DPL_E_BUSY, "%d other sites are being paired", EXPECTED_MAX);
    int64_t until = now_s() + PAIRING_S;
    g_hash_table_replace(expected, g_strdup(site), g_memdup2(&until, sizeof until));
    return DPL_OK;
}

/* The document of a site as the store has it; NULL, and version {0}, if there is none. */
static const struct dpl_doc *site_doc(const struct dpl_daemon *daemon, const char *site,
                                      struct dpl_store_version *version_r)
{
    struct dpl_store_item item;
    *version_r = (struct dpl_store_version){0};
    if (dpl_store_get(daemon->store, "site", site, &item, NULL) < 0)
        return NULL;
    *version_r = item.version;
    return item.doc;
}

static int load_own(const struct dpl_daemon *daemon, struct dpl_doc **doc_r, struct dpl_err *err)
{
    struct dpl_keys_at at = keys_at(daemon);
    struct dpl_keys keys = {0};
    int rc = dpl_keys_load(&at, &keys, err);
    if (rc < 0)
        return rc;
    *doc_r = dpl_keys_doc(&keys, now_s());
    dpl_keys_clear(&keys);
    return DPL_OK;
}

struct dpl_doc *dpl_site_pair_result(struct dpl_daemon *daemon, const char *site)
{
    struct dpl_doc *result = dpl_doc_new();
    g_autoptr(dpl_doc_auto) own = NULL;
    struct dpl_store_version version;
    const struct dpl_doc *doc = site_doc(daemon, site, &version);
    if (doc)
        dpl_doc_set(result, "theirs", dpl_site_summary(doc));
    if (load_own(daemon, &own, NULL) == DPL_OK)
        dpl_doc_set(result, "ours", g_steal_pointer(&own));
    if (dpl_doc_get(doc, "offered"))
        dpl_doc_set_format(result, "next",
                           "compare the fingerprint \"offered\" with the one that \"doppel site "
                           "list\" shows there as its own, by another way than this network; then: "
                           "doppel site pair %s --fingerprint=...",
                           site);
    return result;
}

static void answer(struct dpl_request *request, int rc, struct dpl_doc *result,
                   const struct dpl_err *err)
{
    if (rc < 0)
        dpl_request_fail(request, err);
    else
        dpl_request_done(request, result);
}

static void init(struct dpl_daemon *daemon, struct dpl_request *request)
{
    struct dpl_keys_at at = keys_at(daemon);
    struct dpl_doc *own = NULL;
    struct dpl_err err = {0};
    int rc = dpl_keys_init(&at, daemon->settings.site, daemon->settings.node, now_s(), &err);
    if (rc >= 0)
        rc = load_own(daemon, &own, &err);
    answer(request, rc, own, &err);
}

static void list(struct dpl_daemon *daemon, struct dpl_request *request)
{
    struct dpl_doc *result = dpl_doc_new(), *own = NULL;
    struct dpl_err err = {0};
    g_auto(GStrv) names = dpl_store_list(daemon->store, "site");
    if (load_own(daemon, &own, &err) == DPL_OK)
        dpl_doc_set(result, "ours", own);
    else
        dpl_doc_set_text(dpl_doc_set_tree(result, "ours"), "warning", err.text);
    struct dpl_doc *sites = dpl_doc_set_list(result, "sites");
    for (size_t i = 0; names[i]; i++) {
        struct dpl_store_version version;
        const struct dpl_doc *doc = site_doc(daemon, names[i], &version);
        dpl_doc_add(sites, dpl_site_summary(doc));
    }
    dpl_request_done(request, result);
}

static void rotate(struct dpl_daemon *daemon, struct dpl_request *request)
{
    struct dpl_keys_at at = keys_at(daemon);
    struct dpl_doc *own = NULL;
    struct dpl_err err = {0};
    int rc = dpl_keys_rotate(&at, now_s(), &err);
    if (rc >= 0)
        rc = load_own(daemon, &own, &err);
    answer(request, rc, own, &err);
}

void dpl_site_put_pairing(const struct dpl_daemon *daemon, struct dpl_doc *start)
{
    struct dpl_keys_at at = keys_at(daemon);
    struct dpl_keys keys = {0};
    dpl_doc_set_bool(start, "pairing", true);
    if (dpl_keys_load(&at, &keys, NULL) == DPL_OK && keys.site_cert)
        dpl_doc_set_text(start, "site_cert", keys.site_cert);
    dpl_keys_clear(&keys);
}

/* Our authority as a text that the other side may take from a file. */
static void offer(struct dpl_daemon *daemon, struct dpl_request *request)
{
    struct dpl_keys_at at = keys_at(daemon);
    struct dpl_keys keys = {0};
    g_autoptr(dpl_doc_auto) doc = NULL;
    struct dpl_doc *result = NULL;
    struct dpl_err err = {0};
    int rc = dpl_keys_load(&at, &keys, &err);
    if (rc == DPL_OK && !keys.site_cert)
        rc = dpl_err_set(&err, DPL_E_NOT_FOUND, "the site's authority is not on this node");
    if (rc == DPL_OK)
        rc = dpl_site_offer(keys.site_cert, dpl_doc_list(request->args, "address"), &doc, &err);
    dpl_keys_clear(&keys);
    if (rc >= 0) {
        g_autofree char *text = dpl_site_offer_text(doc);
        result = dpl_doc_new();
        dpl_doc_set_text(result, "offer", text);
    }
    answer(request, rc, result, &err);
}

/* "site pair" has ended: what a person has to do next. */
static void paired(struct dpl_daemon *daemon, struct dpl_request *request, const char *site, int rc,
                   const struct dpl_err *err)
{
    const char *fingerprint = request ? dpl_doc_text(request->args, "fingerprint") : NULL;
    if (rc == DPL_OK && fingerprint) {
        g_hash_table_remove(daemon->site_keys->expected, site);
        dpl_log(LOG_NOTICE, "site \"%s\" is paired", site);
    }
    if (request)
        answer(request, rc, rc < 0 ? NULL : dpl_site_pair_result(daemon, site), err);
    else if (rc < 0)
        dpl_log(LOG_WARNING, "site \"%s\": %s", site, err->text);
}

/* The next form of a site's document takes the place of the one before. */
static void take(struct dpl_doc **doc, struct dpl_doc *next)
{
    dpl_doc_free(*doc);
    *doc = next;
}

static int take_addresses(struct dpl_doc **doc, const struct dpl_doc *addresses,
                          struct dpl_err *err)
{
    struct dpl_doc *next;
    int rc = addresses ? dpl_site_set_addresses(*doc, addresses, &next, err) : DPL_OK;
    if (rc == DPL_OK && addresses)
        take(doc, next);
    return rc < 0 ? rc : DPL_OK;
}

int dpl_site_offered(struct dpl_daemon *daemon, const char *expected, const struct dpl_doc *offer,
                     const struct dpl_doc *addresses, struct dpl_request *request,
                     struct dpl_err *err)
{
    const char *site = dpl_doc_text(offer, "site");
    g_autoptr(dpl_doc_auto) doc = NULL;
    struct dpl_store_version version;
    if (!site || !dpl_conf_name_ok(site) || strcmp(site, daemon->settings.site) == 0 ||
        (expected ? strcmp(site, expected) != 0 : !expects(daemon, site)))
        return dpl_err_set(err, DPL_E_REFUSED, "site \"%s\" offers itself, which nobody asked for",
                           site ? site : "");
    const struct dpl_doc *old = site_doc(daemon, site, &version);
    int rc = dpl_site_take_offer(old, offer, &doc, err);
    if (rc > 0)
        dpl_log(LOG_NOTICE, "site \"%s\" has offered itself: its fingerprint is to be confirmed",
                site);
    if (rc >= 0)
        rc = take_addresses(&doc, addresses, err);
    if (rc == DPL_OK)
        dpl_change(daemon, "site", site, &version, doc, request, paired);
    return rc;
}

/* The end of the certificate that a peer has shown, to the day. */
static void note_end(struct dpl_sites *sites, const char *site, int64_t days)
{
    struct dpl_expiry *expiry = g_hash_table_lookup(sites->theirs, site);
    if (!expiry) {
        expiry = g_new0(struct dpl_expiry, 1);
        g_hash_table_insert(sites->theirs, g_strdup(site), expiry);
    }
    expiry->ends_s = now_s() + (days + 1) * 24 * 3600 - 1;
    tell_end(sites, site, expiry);
}

void dpl_site_seen(struct dpl_daemon *daemon, const struct dpl_doc *peer)
{
    const char *site = dpl_doc_text(peer, "site"), *link = dpl_doc_text(peer, "link");
    struct dpl_store_version version;
    struct dpl_doc *changed;
    struct dpl_err err = {0};
    const struct dpl_doc *doc = site ? site_doc(daemon, site, &version) : NULL;
    if (!doc)
        return;
    note_end(daemon->site_keys, site, dpl_doc_int(peer, "days_left", INT32_MAX));
    int rc = link ? dpl_site_follow(doc, link, now_s(), &changed, &err) : 0;
    if (rc < 0)
        dpl_log(LOG_WARNING, "site \"%s\": its new authority is not taken: %s", site, err.text);
    if (rc <= 0)
        return;
    dpl_log(LOG_NOTICE, "site \"%s\" has a new authority, signed by the one that is trusted", site);
    dpl_change(daemon, "site", site, &version, changed, NULL, NULL);
    dpl_doc_free(changed);
}

/* What was offered by a text, a person's confirmation and addresses, one behind the other. */
static int change_by(struct dpl_doc **doc, const struct dpl_doc *args, struct dpl_err *err)
{
    const char *site = dpl_doc_text(args, "site"), *text = dpl_doc_text(args, "offer");
    const char *fingerprint = dpl_doc_text(args, "fingerprint");
    g_autoptr(dpl_doc_auto) offer = NULL;
    struct dpl_doc *next;
    int rc = text ? dpl_site_offer_parse(text, &offer, err) : DPL_OK;
    if (rc == DPL_OK && text && g_strcmp0(dpl_doc_text(offer, "site"), site) != 0)
        rc = dpl_err_set(err, DPL_E_REFUSED, "site \"%s\" offers itself, which nobody asked for",
                         dpl_doc_text(offer, "site"));
    if (rc == DPL_OK && text && (rc = dpl_site_take_offer(*doc, offer, &next, err)) >= 0) {
        take(doc, next);
        rc = DPL_OK;
    }
    if (rc == DPL_OK && !*doc)
        rc = dpl_err_set(err, DPL_E_NOT_FOUND,
                         "site \"%s\" has not offered itself yet: doppel site pair %s "
                         "--address=HOST first",
                         site, site);
    if (rc == DPL_OK && fingerprint &&
        (rc = dpl_site_confirm(*doc, fingerprint, now_s(), &next, err)) >= 0) {
        take(doc, next);
        rc = DPL_OK;
    }
    return rc < 0 ? rc : take_addresses(doc, dpl_doc_list(args, "address"), err);
}

/* Confirms; or takes an offer from a text; or goes and asks for one. */
static void pair(struct dpl_daemon *daemon, struct dpl_request *request)
{
    const char *site = dpl_doc_text(request->args, "site");
    struct dpl_store_version version;
    struct dpl_err err = {0};
    int rc = DPL_OK;
    if (!dpl_conf_name_ok(site) || strcmp(site, daemon->settings.site) == 0)
        rc = dpl_err_set(&err, DPL_E_USAGE, "\"%s\" is not the name of another site", site);
    bool by_hand =
        dpl_doc_text(request->args, "offer") || dpl_doc_text(request->args, "fingerprint");
    if (rc == DPL_OK && by_hand) {
        const struct dpl_doc *old = site_doc(daemon, site, &version);
        g_autoptr(dpl_doc_auto) doc = old ? dpl_doc_copy(old) : NULL;
        rc = change_by(&doc, request->args, &err);
        if (rc == DPL_OK)
            dpl_change(daemon, "site", site, &version, doc, request, paired);
    } else if (rc == DPL_OK) {
        rc = expect(daemon, site, &err);
        if (rc == DPL_OK)
            rc = dpl_door_pair(daemon, site, dpl_doc_list(request->args, "address"), request, &err);
    }
    if (rc < 0)
        dpl_request_fail(request, &err);
}

static void address(struct dpl_daemon *daemon, struct dpl_request *request)
{
    const char *site = dpl_doc_text(request->args, "site");
    struct dpl_store_version version;
    struct dpl_err err = {0};
    const struct dpl_doc *old = site_doc(daemon, site, &version);
    g_autoptr(dpl_doc_auto) doc = old ? dpl_doc_copy(old) : NULL;
    int rc = old ? take_addresses(&doc, dpl_doc_list(request->args, "host"), &err)
                 : dpl_err_set(&err, DPL_E_NOT_FOUND, "site \"%s\" is not known", site);
    if (rc < 0)
        dpl_request_fail(request, &err);
    else
        dpl_change(daemon, "site", site, &version, doc, request, NULL);
}

/* Whoever the site is connected with is asked for its certificate anew. */
static void revoked(struct dpl_daemon *daemon, struct dpl_request *request, const char *site,
                    int rc, const struct dpl_err *err)
{
    for (guint i = 0; rc >= 0 && i < daemon->sets->len; i++) {
        struct dpl_set *set = daemon->sets->pdata[i];
        if (g_strcmp0(dpl_set_peer(set), site) != 0)
            continue;
        dpl_door_close(set, "the site's certificate was revoked");
        dpl_door_want(set);
    }
    answer(request, rc, NULL, err);
}

/* A certificate of the site, or all of it. Its connections end. */
static void revoke_site(struct dpl_daemon *daemon, struct dpl_request *request)
{
    const char *site = dpl_doc_text(request->args, "site");
    const char *serial = dpl_doc_text(request->args, "serial");
    struct dpl_store_version version;
    struct dpl_doc *changed = NULL;
    struct dpl_err err = {0};
    const struct dpl_doc *doc = site_doc(daemon, site, &version);
    int rc = doc ? DPL_OK : dpl_err_set(&err, DPL_E_NOT_FOUND, "site \"%s\" is not known", site);
    if (rc == DPL_OK && serial)
        rc = dpl_site_revoke(doc, serial, &changed, &err);
    if (rc < 0)
        dpl_request_fail(request, &err);
    else
        dpl_change(daemon, "site", site, &version, changed, request, revoked);
    dpl_doc_free(changed);
}

void dpl_site_command(struct dpl_daemon *daemon, struct dpl_request *request)
{
    static const struct {
        const char *words;
        void (*fn)(struct dpl_daemon *daemon, struct dpl_request *request);
    } rows[] = {{"site init", init},         {"site list", list}, {"site rotate", rotate},
                {"site offer", offer},       {"site pair", pair}, {"site address", address},
                {"site revoke", revoke_site}};
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        if (strcmp(rows[i].words, request->command->words) == 0) {
            rows[i].fn(daemon, request);
            return;
        }
    }
    g_assert_not_reached();
}
