/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agents/network_name_want.h"

#include "lib/base/units.h"
#include "network-name.params.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

enum { PREFERENCE = 10, WORD_MAX = 300 };

/* The parameter's text, or NULL if it was not given or cannot be read. */
static const char *given(const struct dpl_ocf_run *run, int index)
{
    return run->values[index].given && !run->values[index].bad ? run->values[index].text : NULL;
}

static int wrong(const struct dpl_ocf_run *run, int index, const char *expected,
                 struct dpl_err *err)
{
    return dpl_ocf_param_wrong(&run->agent->params[index], &run->values[index], expected, err);
}

/* The next word of a list as a string of its own; false at its end. One that is too long is empty,
 * which nothing accepts. */
static bool next_word(const char **list, char word[WORD_MAX])
{
    size_t length;
    const char *start = *list ? dpl_ocf_list_next(list, &length) : NULL;
    if (!start)
        return false;
    snprintf(word, WORD_MAX, "%.*s", length < WORD_MAX ? (int)length : 0, start);
    return true;
}

/* A record of the resource, once. False when there are too many. */
static bool add(struct nn_want *want, const char *name, uint16_t type, const char *data)
{
    char copy[DPL_DNS_NAME_TEXT + 16], name_copy[DPL_DNS_NAME_TEXT];
    snprintf(copy, sizeof copy, "%s", data);
    snprintf(name_copy, sizeof name_copy, "%s", name);
    const struct dpl_dns_rr rr = {.name = name_copy, .type = type, .data = copy};
    if (dpl_dns_rrs_find(&want->rrs, &rr))
        return true;
    if (want->rrs.count == NN_RECORDS_MAX)
        return false;
    dpl_dns_rrs_add(&want->rrs, name, type, want->ttl_s, data);
    return true;
}

static int too_many(const struct dpl_ocf_run *run, int index, struct dpl_err *err)
{
    return wrong(run, index, "less: a name has at most 64 records", err);
}

static int read_host(const struct dpl_ocf_run *run, struct nn_want *want, struct dpl_err *err)
{
    const char *text = given(run, NETWORK_NAME_HOSTNAME);
    char host[DPL_DNS_NAME_TEXT], owner[DPL_DNS_NAME_TEXT];
    if (!text)
        return dpl_err_set(err, DPL_E_PARAM, "parameter hostname is missing");
    if (!dpl_dns_name_make(text, strlen(text), host) || dpl_dns_name_labels(host) < 2 ||
        strchr(host, '_') || !dpl_dns_name_beneath("_doppel", host, owner))
        return wrong(run, NETWORK_NAME_HOSTNAME, "a fully qualified name, as mail.example.org",
                     err);
    memcpy(want->host, host, sizeof host);
    return DPL_OK;
}

/* Whether others can reach a host there: not loopback, link-local, multicast, IPv4-mapped. */
static bool is_host(int family, const uint8_t a[16])
{
    static const uint8_t zero[15], mapped[12] = {[10] = 0xff, [11] = 0xff};
    if (family == AF_INET)
        return a[0] != 0 && a[0] != 127 && a[0] < 224;
    return (memcmp(a, zero, 15) != 0 || a[15] > 1) && a[0] != 0xff && memcmp(a, mapped, 12) != 0 &&
           !(a[0] == 0xfe && (a[1] & 0xc0) == 0x80);
}

static int read_addresses(const struct dpl_ocf_run *run, struct nn_want *want, struct dpl_err *err)
{
    const char *list = given(run, NETWORK_NAME_IP);
    char word[WORD_MAX], text[INET6_ADDRSTRLEN], reverse[DPL_DNS_NAME_TEXT];
    if (!list)
        return dpl_err_set(err, DPL_E_PARAM, "parameter ip is missing");
    while (next_word(&list, word)) {
        uint8_t bytes[16];
        int family = strchr(word, ':') ? AF_INET6 : AF_INET;
        if (inet_pton(family, word, bytes) != 1 || !is_host(family, bytes))
            return wrong(run, NETWORK_NAME_IP,
                         "addresses that others can reach, as 192.0.2.10 or 2001:db8::10", err);
        inet_ntop(family, bytes, text, sizeof text);
        if (!add(want, want->host, family == AF_INET ? DPL_DNS_A : DPL_DNS_AAAA, text))
            return too_many(run, NETWORK_NAME_IP, err);
        if (!dpl_ocf_number(run, NETWORK_NAME_PTR))
            continue;
        if (!dpl_dns_name_reverse(text, reverse) || !add(want, reverse, DPL_DNS_PTR, want->host))
            return too_many(run, NETWORK_NAME_IP, err);
    }
    return DPL_OK;
}

static int read_aliases(const struct dpl_ocf_run *run, struct nn_want *want, struct dpl_err *err)
{
    const char *list = given(run, NETWORK_NAME_CNAME);
    char word[WORD_MAX], name[DPL_DNS_NAME_TEXT];
    while (next_word(&list, word)) {
        if (!dpl_dns_name_make(word, strlen(word), name) || dpl_dns_name_labels(name) < 2)
            return wrong(run, NETWORK_NAME_CNAME, "fully qualified names, as imap.example.org",
                         err);
        if (strcmp(name, want->host) == 0)
            return wrong(run, NETWORK_NAME_CNAME, "names that are not hostname itself", err);
        if (!add(want, name, DPL_DNS_CNAME, want->host))
            return too_many(run, NETWORK_NAME_CNAME, err);
    }
    return DPL_OK;
}

static int read_exchangers(const struct dpl_ocf_run *run, struct nn_want *want, struct dpl_err *err)
{
    const char *list = given(run, NETWORK_NAME_MX);
    char word[WORD_MAX], name[DPL_DNS_NAME_TEXT], data[DPL_DNS_NAME_TEXT + 8];
    while (next_word(&list, word)) {
        char *colon = strchr(word, ':');
        const char *domain = colon ? colon + 1 : word;
        int64_t preference = PREFERENCE;
        if (colon)
            *colon = '\0';
        if ((colon && dpl_units_number(word, 0, 65535, &preference, NULL) < 0) ||
            !dpl_dns_name_make(domain, strlen(domain), name))
            return wrong(run, NETWORK_NAME_MX, "DOMAIN or PREFERENCE:DOMAIN, as 10:example.org",
                         err);
        snprintf(data, sizeof data, "%d %s", (int)preference, want->host);
        if (!add(want, name, DPL_DNS_MX, data))
            return too_many(run, NETWORK_NAME_MX, err);
    }
    return DPL_OK;
}

/* An alias may have no other record, of ours either. */
static int check_aliases(const struct dpl_ocf_run *run, const struct nn_want *want,
                         struct dpl_err *err)
{
    for (size_t i = 0; i < want->rrs.count; i++)
        for (size_t k = 0; k < want->rrs.count; k++)
            if (want->rrs.items[i].type == DPL_DNS_CNAME &&
                want->rrs.items[k].type != DPL_DNS_CNAME &&
                strcmp(want->rrs.items[i].name, want->rrs.items[k].name) == 0)
                return wrong(run, NETWORK_NAME_CNAME,
                             "names that are not in mx too: an alias has no other record", err);
    return DPL_OK;
}

static int read_servers(const struct dpl_ocf_run *run, struct nn_want *want, struct dpl_err *err)
{
    const char *list = given(run, NETWORK_NAME_SERVER);
    char word[WORD_MAX], name[DPL_DNS_NAME_TEXT];
    size_t count = 0;
    while (next_word(&list, word)) {
        uint8_t bytes[16];
        char *zone = strchr(word, ':') ? strchr(word, '%') : NULL;
        if (zone)
            *zone = '\0';
        bool numeric = word[strspn(word, "0123456789.")] == '\0' || strchr(word, ':');
        if (numeric ? inet_pton(strchr(word, ':') ? AF_INET6 : AF_INET, word, bytes) != 1
                    : !dpl_dns_name_make(word, strlen(word), name))
            return wrong(run, NETWORK_NAME_SERVER, "addresses or names of name servers", err);
        if (++count > 8)
            return wrong(run, NETWORK_NAME_SERVER, "at most 8 name servers", err);
    }
    want->servers = given(run, NETWORK_NAME_SERVER);
    return DPL_OK;
}

static int read_keyfile(const struct dpl_ocf_run *run, struct nn_want *want, struct dpl_err *err)
{
    const char *text = given(run, NETWORK_NAME_KEYFILE);
    if (text && text[0] != '/')
        return wrong(run, NETWORK_NAME_KEYFILE, "an absolute path", err);
    want->keyfile = text;
    return DPL_OK;
}

int nn_want_read(const struct dpl_ocf_run *run, bool strict, struct nn_want *want_r,
                 struct dpl_err *err)
{
    static int (*const readers[])(const struct dpl_ocf_run *, struct nn_want *,
                                  struct dpl_err *) = {
        read_host, read_addresses, read_aliases, read_exchangers, read_servers, read_keyfile,
    };
    *want_r =
        (struct nn_want){.port = (uint16_t)dpl_ocf_number(run, NETWORK_NAME_SERVERPORT),
                         .ttl_s = (uint32_t)dpl_ocf_number(run, NETWORK_NAME_TTL),
                         .unregister_on_stop = dpl_ocf_number(run, NETWORK_NAME_UNREGISTER_ON_STOP),
                         .require_dns = dpl_ocf_number(run, NETWORK_NAME_REQUIRE_DNS),
                         .set_hostname = dpl_ocf_number(run, NETWORK_NAME_SET_HOSTNAME)};
    for (size_t i = 0; i < sizeof readers / sizeof readers[0]; i++) {
        int code = readers[i](run, want_r, strict ? err : NULL);
        if (code < 0 && strict)
            return code;
        if (!want_r->host[0])
            return DPL_OK;
    }
    return strict ? check_aliases(run, want_r, err) : DPL_OK;
}

void nn_want_done(struct nn_want *want)
{
    dpl_dns_rrs_done(&want->rrs);
}

int nn_want_check(struct dpl_ocf_run *run, struct dpl_err *err)
{
    struct nn_want want;
    int code = nn_want_read(run, true, &want, err);
    nn_want_done(&want);
    return code;
}
