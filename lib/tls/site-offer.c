/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Offers: what a site says of itself before it is trusted. The text of one:
 *
 *   doppel site
 *   name: SITE
 *   fingerprint: SPOKEN
 *   address: HOST[:PORT]         as often as there are addresses
 *   -----BEGIN CERTIFICATE-----
 *   ...
 *
 * Name and fingerprint are for people who look into the file; what counts is in the certificate,
 * and a text in which they differ is refused.
 */
#include "lib/tls/site.h"

#include <string.h>

#define TITLE "doppel site\n"

static bool host_ok(const char *host)
{
    size_t n = strlen(host);
    for (size_t i = 0; i < n; i++) {
        if (!g_ascii_isalnum(host[i]) && !strchr(".-_:%", host[i]))
            return false;
    }
    return n > 0 && n <= 253;
}

static bool port_of(const char *text, uint16_t *port_r)
{
    guint64 port;
    if (!g_ascii_string_to_unsigned(text, 10, 1, 65535, &port, NULL))
        return false;
    *port_r = (uint16_t)port;
    return true;
}

int dpl_site_address_parse(const char *text, char **host_r, uint16_t *port_r, struct dpl_err *err)
{
    const char *colon = strrchr(text, ':'), *port = NULL;
    g_autofree char *host = NULL;
    uint16_t number = *port_r;
    if (text[0] == '[') {
        const char *close = strchr(text, ']');
        if (close) {
            host = g_strndup(text + 1, (gsize)(close - text) - 1);
            port = close[1] == ':' ? close + 2 : close[1] ? "" : NULL;
        }
    } else if (colon && strchr(text, ':') == colon) {
        host = g_strndup(text, (gsize)(colon - text));
        port = colon + 1;
    } else {
        host = g_strdup(text);
    }
    if (!host || !host_ok(host) || (port && !port_of(port, &number)))
        return dpl_err_set(err, DPL_E_PARAM, "\"%s\" is no HOST, HOST:PORT or [ADDRESS]:PORT",
                           text);
    *port_r = number;
    *host_r = g_steal_pointer(&host);
    return DPL_OK;
}

int dpl_site_addresses_check(const struct dpl_doc *addresses, struct dpl_err *err)
{
    if (dpl_doc_count(addresses) > DPL_SITE_ADDRESSES_MAX)
        return dpl_err_set(err, DPL_E_TOO_LARGE, "more than %d addresses of a site",
                           DPL_SITE_ADDRESSES_MAX);
    for (size_t i = 0; i < dpl_doc_count(addresses); i++) {
        const char *text = dpl_doc_as_text(dpl_doc_at(addresses, i));
        g_autofree char *host = NULL;
        uint16_t port = 0;
        int rc = dpl_site_address_parse(text ? text : "", &host, &port, err);
        if (rc < 0)
            return rc;
    }
    return DPL_OK;
}

int dpl_site_offer(const char *cert, const struct dpl_doc *addresses, struct dpl_doc **offer_r,
                   struct dpl_err *err)
{
    struct dpl_cert_info info;
    g_autofree char *alone = NULL;
    char hex[DPL_FINGERPRINT_HEX], spoken[DPL_FINGERPRINT_SPOKEN];
    int rc = dpl_cert_nth(cert, 0, &alone, err);
    if (rc == DPL_OK)
        rc = dpl_cert_info(alone, &info, err);
    if (rc == DPL_OK && (!info.authority || !info.self_signed))
        rc = dpl_err_set(err, DPL_E_CORRUPT, "the certificate is not that of a site");
    if (rc == DPL_OK)
        rc = dpl_cert_check_signed(alone, alone, err);
    if (rc == DPL_OK)
        rc = dpl_site_addresses_check(addresses, err);
    if (rc < 0)
        return rc;
    dpl_fingerprint_hex(info.key, hex);
    dpl_fingerprint_spoken(info.key, spoken);
    struct dpl_doc *offer = dpl_doc_new();
    dpl_doc_set_text(offer, "site", info.site);
    dpl_doc_set_text(offer, "fingerprint", spoken);
    dpl_doc_set_text(offer, "key", hex);
    dpl_doc_set_text(offer, "cert", alone);
    dpl_doc_set(offer, "addresses", addresses ? dpl_doc_copy(addresses) : dpl_doc_new_list());
    *offer_r = offer;
    return DPL_OK;
}

char *dpl_site_offer_text(const struct dpl_doc *offer)
{
    const struct dpl_doc *addresses = dpl_doc_list(offer, "addresses");
    GString *text = g_string_new(TITLE);
    g_string_append_printf(text, "name: %s\nfingerprint: %s\n", dpl_doc_text(offer, "site"),
                           dpl_doc_text(offer, "fingerprint"));
    for (size_t i = 0; i < dpl_doc_count(addresses); i++)
        g_string_append_printf(text, "address: %s\n", dpl_doc_as_text(dpl_doc_at(addresses, i)));
    g_string_append(text, dpl_doc_text(offer, "cert"));
    return g_string_free(text, FALSE);
}

/* One line in front of the certificate. */
static int take_line(const char *line, char **name, char **spoken, struct dpl_doc *addresses,
                     struct dpl_err *err)
{
    if (g_str_has_prefix(line, "name: ") && !*name)
        *name = g_strdup(line + 6);
    else if (g_str_has_prefix(line, "fingerprint: ") && !*spoken)
        *spoken = g_strdup(line + 13);
    else if (g_str_has_prefix(line, "address: "))
        dpl_doc_add_text(addresses, line + 9);
    else
        return dpl_err_set(err, DPL_E_CORRUPT, "a line in the file of a site makes no sense");
    return DPL_OK;
}

int dpl_site_offer_parse(const char *text, struct dpl_doc **offer_r, struct dpl_err *err)
{
    g_autofree char *name = NULL;
    g_autofree char *spoken = NULL;
    g_autoptr(dpl_doc_auto) addresses = dpl_doc_new_list();
    g_autoptr(dpl_doc_auto) offer = NULL;
    struct dpl_cert_info info;
    const char *cert = strstr(text, "-----BEGIN CERTIFICATE");
    if (strlen(text) > DPL_SITE_OFFER_MAX || !g_str_has_prefix(text, TITLE) || !cert)
        return dpl_err_set(err, DPL_E_CORRUPT,
                           "this is not the file of a site (doppel site offer prints it there)");
    g_autofree char *head = g_strndup(text + strlen(TITLE), (gsize)(cert - text) - strlen(TITLE));
    g_auto(GStrv) lines = g_strsplit(head, "\n", -1);
    for (char **line = lines; *line; line++) {
        int rc = **line ? take_line(*line, &name, &spoken, addresses, err) : DPL_OK;
        if (rc < 0)
            return rc;
    }
    int rc = dpl_site_offer(cert, addresses, &offer, err);
    if (rc == DPL_OK)
        rc = dpl_cert_info(cert, &info, err);
    if (rc < 0)
        return rc;
    if (g_strcmp0(name, info.site) != 0 || !spoken || !dpl_fingerprint_matches(spoken, info.key))
        return dpl_err_set(err, DPL_E_CORRUPT,
                           "name or fingerprint in the file of a site are not the certificate's");
    *offer_r = g_steal_pointer(&offer);
    return DPL_OK;
}
