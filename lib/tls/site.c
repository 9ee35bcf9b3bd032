/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/tls/site.h"

#include <string.h>

static int digest_of(const struct dpl_doc *pin, uint8_t digest[DPL_FINGERPRINT_BYTES],
                     struct dpl_err *err)
{
    struct dpl_cert_info info;
    const char *cert = dpl_doc_text(pin, "cert");
    int rc = dpl_cert_info(cert ? cert : "", &info, err);
    if (rc == DPL_OK)
        memcpy(digest, info.key, DPL_FINGERPRINT_BYTES);
    return rc;
}

/* Index of the pin with this key in hexadecimal, or -1. */
static int pin_find(const struct dpl_doc *site, const char *key)
{
    const struct dpl_doc *pins = dpl_doc_list(site, "pins");
    for (size_t i = 0; i < dpl_doc_count(pins); i++) {
        if (g_strcmp0(dpl_doc_text(dpl_doc_at(pins, i), "key"), key) == 0)
            return (int)i;
    }
    return -1;
}

/* The site's pins but the one of that index (-1: all). */
static struct dpl_doc *pins_without(const struct dpl_doc *site, int without)
{
    const struct dpl_doc *pins = dpl_doc_list(site, "pins");
    struct dpl_doc *list = dpl_doc_new_list();
    for (size_t i = 0; i < dpl_doc_count(pins); i++) {
        if ((int)i != without)
            dpl_doc_add(list, dpl_doc_copy(dpl_doc_at(pins, i)));
    }
    return list;
}

/* A copy of the site with one pin more; the oldest goes if there are too many. */
static struct dpl_doc *with_pin(const struct dpl_doc *site, const char *cert, const char *key,
                                int64_t now_s)
{
    struct dpl_doc *copy = dpl_doc_copy(site);
    bool full = dpl_doc_count(dpl_doc_list(site, "pins")) >= DPL_SITE_PINS_MAX;
    struct dpl_doc *pins = dpl_doc_set(copy, "pins", pins_without(site, full ? 0 : -1));
    struct dpl_doc *pin = dpl_doc_add_tree(pins);
    dpl_doc_set_text(pin, "cert", cert);
    dpl_doc_set_text(pin, "key", key);
    dpl_doc_set_int(pin, "since_s", now_s);
    return copy;
}

static struct dpl_doc *site_new(const char *name)
{
    struct dpl_doc *site = dpl_doc_new();
    dpl_doc_set_text(site, "name", name);
    dpl_doc_set_list(site, "pins");
    dpl_doc_set_list(site, "addresses");
    dpl_doc_set_list(site, "revoked");
    return site;
}

int dpl_site_take_offer(const struct dpl_doc *site, const struct dpl_doc *offer,
                        struct dpl_doc **site_r, struct dpl_err *err)
{
    const char *name = dpl_doc_text(offer, "site"), *key = dpl_doc_text(offer, "key");
    const struct dpl_doc *addresses = dpl_doc_list(offer, "addresses");
    if (!name || !key)
        return dpl_err_set(err, DPL_E_PARAM, "an offer without site or key");
    if (site && g_strcmp0(dpl_doc_text(site, "name"), name) != 0)
        return dpl_err_set(err, DPL_E_PARAM, "an offer of site \"%s\" is not one of \"%s\"", name,
                           dpl_doc_text(site, "name"));
    struct dpl_doc *copy = site ? dpl_doc_copy(site) : site_new(name);
    bool known = pin_find(copy, key) >= 0;
    if (dpl_doc_count(addresses) > 0)
        dpl_doc_set(copy, "addresses", dpl_doc_copy(addresses));
    if (!known) {
        struct dpl_doc *offered = dpl_doc_set_tree(copy, "offered");
        dpl_doc_set_text(offered, "cert", dpl_doc_text(offer, "cert"));
        dpl_doc_set_text(offered, "key", key);
    }
    *site_r = copy;
    return known ? 0 : 1;
}

int dpl_site_confirm(const struct dpl_doc *site, const char *fingerprint, int64_t now_s,
                     struct dpl_doc **site_r, struct dpl_err *err)
{
    uint8_t digest[DPL_FINGERPRINT_BYTES];
    char hex[DPL_FINGERPRINT_HEX], spoken[DPL_FINGERPRINT_SPOKEN];
    const struct dpl_doc *offered = dpl_doc_tree(site, "offered");
    const char *name = dpl_doc_text(site, "name");
    if (!offered)
        return dpl_err_set(err, DPL_E_NOT_FOUND, "nothing of site \"%s\" waits for a confirmation",
                           name ? name : "?");
    int rc = digest_of(offered, digest, err);
    if (rc < 0)
        return rc;
    dpl_fingerprint_hex(digest, hex);
    dpl_fingerprint_spoken(digest, spoken);
    if (!dpl_fingerprint_matches(fingerprint, digest))
        return dpl_err_set(err, DPL_E_REFUSED,
                           "the fingerprint of site \"%s\" is %s, another was given: somebody else "
                           "may have answered, nothing is trusted",
                           name, spoken);
    *site_r = with_pin(site, dpl_doc_text(offered, "cert"), hex, now_s);
    dpl_doc_unset(*site_r, "offered");
    return DPL_OK;
}

/* Whether one of the pins has signed it. */
static bool signed_by_pin(const struct dpl_doc *site, const char *link)
{
    const struct dpl_doc *pins = dpl_doc_list(site, "pins");
    for (size_t i = 0; i < dpl_doc_count(pins); i++) {
        const char *cert = dpl_doc_text(dpl_doc_at(pins, i), "cert");
        if (dpl_cert_check_signed(link, cert ? cert : "", NULL) == DPL_OK)
            return true;
    }
    return false;
}

int dpl_site_follow(const struct dpl_doc *site, const char *text, int64_t now_s,
                    struct dpl_doc **site_r, struct dpl_err *err)
{
    struct dpl_cert_info info = {0}, own_info = {0};
    char hex[DPL_FINGERPRINT_HEX];
    g_autofree char *link = NULL;
    g_autofree char *own = NULL;
    int rc = dpl_cert_nth(text, 0, &link, err);
    if (rc == DPL_OK)
        rc = dpl_cert_nth(text, 1, &own, err);
    if (rc == DPL_OK)
        rc = dpl_cert_info(link, &info, err);
    if (rc == DPL_OK)
        rc = dpl_cert_info(own, &own_info, err);
    if (rc < 0)
        return rc;
    dpl_fingerprint_hex(info.key, hex);
    if (pin_find(site, hex) >= 0)
        return 0;
    if (!info.authority || dpl_cert_days_left(&info, now_s) < 0 || !signed_by_pin(site, link) ||
        memcmp(info.key, own_info.key, sizeof info.key) != 0 ||
        dpl_cert_check_signed(own, own, NULL) < 0)
        return dpl_err_set(err, DPL_E_CORRUPT,
                           "no authority of site \"%s\" that is trusted has signed the new one",
                           dpl_doc_text(site, "name"));
    *site_r = with_pin(site, own, hex, now_s);
    return 1;
}

int dpl_site_unpin(const struct dpl_doc *site, const char *fingerprint, struct dpl_doc **site_r,
                   struct dpl_err *err)
{
    const struct dpl_doc *pins = dpl_doc_list(site, "pins");
    uint8_t digest[DPL_FINGERPRINT_BYTES];
    for (size_t i = 0; i < dpl_doc_count(pins); i++) {
        if (digest_of(dpl_doc_at(pins, i), digest, err) < 0 ||
            !dpl_fingerprint_matches(fingerprint, digest))
            continue;
        if (dpl_doc_count(pins) == 1)
            return dpl_err_set(err, DPL_E_REFUSED, "site \"%s\" would have no pin left",
                               dpl_doc_text(site, "name"));
        *site_r = dpl_doc_copy(site);
        dpl_doc_set(*site_r, "pins", pins_without(site, (int)i));
        return DPL_OK;
    }
    return dpl_err_set(err, DPL_E_NOT_FOUND, "site \"%s\" has no pin with that fingerprint",
                       dpl_doc_text(site, "name"));
}

int dpl_site_revoke(const struct dpl_doc *site, const char *serial, struct dpl_doc **site_r,
                    struct dpl_err *err)
{
    size_t n = strlen(serial);
    if (n == 0 || n >= DPL_CERT_SERIAL || strspn(serial, "0123456789ABCDEFabcdef") != n)
        return dpl_err_set(err, DPL_E_PARAM, "\"%s\" is no serial number (hexadecimal)", serial);
    if (dpl_doc_count(dpl_doc_list(site, "revoked")) >= DPL_SITE_REVOKED_MAX)
        return dpl_err_set(err, DPL_E_TOO_LARGE,
                           "too many revoked certificates: doppel site rotate "
                           "at that site, then unpin the old authority here");
    g_autofree char *upper = g_ascii_strup(serial, -1);
    struct dpl_doc *copy = dpl_doc_copy(site), *list = dpl_doc_get_mutable(copy, "revoked");
    if (!list || dpl_doc_kind(list) != DPL_DOC_LIST)
        list = dpl_doc_set_list(copy, "revoked");
    dpl_doc_add_text(list, upper);
    *site_r = copy;
    return DPL_OK;
}

int dpl_site_set_addresses(const struct dpl_doc *site, const struct dpl_doc *addresses,
                           struct dpl_doc **site_r, struct dpl_err *err)
{
    int rc = dpl_site_addresses_check(addresses, err);
    if (rc < 0)
        return rc;
    *site_r = dpl_doc_copy(site);
    dpl_doc_set(*site_r, "addresses", dpl_doc_copy(addresses));
    return DPL_OK;
}

bool dpl_site_paired(const struct dpl_doc *site)
{
    return dpl_doc_count(dpl_doc_list(site, "pins")) > 0;
}

static void add_spoken(struct dpl_doc *list, const struct dpl_doc *pin)
{
    uint8_t digest[DPL_FINGERPRINT_BYTES];
    char spoken[DPL_FINGERPRINT_SPOKEN];
    if (digest_of(pin, digest, NULL) < 0)
        return;
    dpl_fingerprint_spoken(digest, spoken);
    dpl_doc_add_text(list, spoken);
}

struct dpl_doc *dpl_site_summary(const struct dpl_doc *site)
{
    struct dpl_doc *doc = dpl_doc_new();
    const struct dpl_doc *pins = dpl_doc_list(site, "pins");
    const struct dpl_doc *offered = dpl_doc_tree(site, "offered");
    const struct dpl_doc *addresses = dpl_doc_list(site, "addresses");
    const char *name = dpl_doc_text(site, "name");
    dpl_doc_set_text(doc, "name", name ? name : "?");
    dpl_doc_set_text(doc, "state", dpl_site_paired(site) ? "paired" : "waiting");
    struct dpl_doc *list = dpl_doc_set_list(doc, "fingerprints");
    for (size_t i = 0; i < dpl_doc_count(pins); i++)
        add_spoken(list, dpl_doc_at(pins, i));
    if (offered)
        add_spoken(dpl_doc_set_list(doc, "offered"), offered);
    dpl_doc_set(doc, "addresses", addresses ? dpl_doc_copy(addresses) : dpl_doc_new_list());
    dpl_doc_set_int(doc, "revoked", (int64_t)dpl_doc_count(dpl_doc_list(site, "revoked")));
    return doc;
}
