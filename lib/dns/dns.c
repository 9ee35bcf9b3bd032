/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/dns/dns.h"

#include "lib/dns/tsig.h"

#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

enum {
    SERVER_MS = 3000,      /* the most that one server gets of the time */
    SERVER_LAST_MS = 5000, /* the last one, behind which there is none to ask */
    SERVER_LEAST_MS = 200,
};
#define NS_PER_MS INT64_C(1000000)

enum { NOERROR = 0, NXDOMAIN = 3, YXDOMAIN = 6, YXRRSET = 7, NXRRSET = 8 };

/* One question, as bytes, and what counts as an answer to it. */
struct question {
    struct dpl_dns_wire wire;
    struct dpl_dns_mac mac;
    const struct dpl_dns_key *key;
    bool update, authority;
};

static uint16_t new_id(void)
{
    uint16_t id = 0;
    while (getrandom(&id, sizeof id, 0) != (ssize_t)sizeof id)
        ;
    return id;
}

static int64_t now_s(const struct dpl_dns *dns)
{
    return dpl_clock_wall_ns(dns->clock) / 1000000000;
}

/* Whether this reply is the answer, or the next server is to be asked. */
static int judge(const struct question *question, const struct dpl_dns_server *server,
                 const struct dpl_dns_reply *reply, struct dpl_err *err)
{
    bool answered = reply->rcode == NOERROR ||
                    (question->update ? reply->rcode == YXDOMAIN || reply->rcode == YXRRSET ||
                                            reply->rcode == NXRRSET || reply->rcode == NXDOMAIN
                                      : reply->rcode == NXDOMAIN);
    if (!answered)
        return dpl_err_set(err, DPL_E_REFUSED, "%s answers %s", server->text,
                           dpl_dns_rcode_name(reply->rcode));
    if (question->authority && !reply->authoritative)
        return dpl_err_set(err, DPL_E_REFUSED, "%s has no authority for the zone", server->text);
    if (reply->truncated)
        return dpl_err_set(err, DPL_E_CORRUPT, "%s sends a reply that was cut", server->text);
    return DPL_OK;
}

/* A reply that is not signed counts for what it refuses, when the server could not sign it. */
static int verify(const struct dpl_dns *dns, const struct question *question,
                  const struct dpl_dns_server *server, const struct dpl_dns_wire *wire,
                  const struct dpl_dns_reply *reply, struct dpl_err *err)
{
    if (!question->key)
        return DPL_OK;
    int code =
        dpl_dns_tsig_check(question->key, now_s(dns), wire->bytes, wire->size, &question->mac, err);
    if (code == DPL_E_CORRUPT && reply->rcode != NOERROR && reply->rcode != NXDOMAIN &&
        strstr(err->text, "not signed"))
        return DPL_OK; /* judge() has the word: it is no answer */
    return code < 0 ? dpl_err_context(err, "%s", server->text) : DPL_OK;
}

static int ask_server(struct dpl_dns *dns, struct dpl_dns_server *server, int64_t deadline_ns,
                      const struct question *question, struct dpl_dns_reply *reply_r,
                      struct dpl_err *err)
{
    struct dpl_dns_wire wire;
    dns->exchanges++;
    int code =
        dpl_dns_server_exchange(server, dns->clock, deadline_ns, &question->wire, &wire, err);
    server->silent = code == DPL_E_UNREACHABLE;
    if (code < 0)
        return code;
    code = dpl_dns_message_parse(wire.bytes, wire.size, reply_r, err);
    if (code == DPL_OK) {
        code = verify(dns, question, server, &wire, reply_r, err);
        if (code == DPL_OK)
            code = judge(question, server, reply_r, err);
        if (code < 0)
            dpl_dns_reply_done(reply_r);
    } else {
        code = dpl_err_context(err, "%s", server->text);
    }
    dpl_dns_wire_done(&wire);
    return code;
}

/* Gathers "a; b": why each server did not answer. The code is that of the first. */
static void gather(struct dpl_err *all, const struct dpl_err *one)
{
    if (!all->code)
        all->code = one->code;
    else
        g_strlcat(all->text, "; ", sizeof all->text);
    g_strlcat(all->text, one->text, sizeof all->text);
}

/* Until when one of `left` servers may take. */
static int64_t share_until_ns(const struct dpl_dns *dns, size_t left)
{
    int64_t now_ns = dpl_clock_now_ns(dns->clock);
    int64_t share_ns = (dns->deadline_ns - now_ns) / (int64_t)(left ? left : 1);
    if (share_ns < SERVER_LEAST_MS * NS_PER_MS)
        share_ns = SERVER_LEAST_MS * NS_PER_MS;
    int64_t most_ms = left > 1 ? SERVER_MS : SERVER_LAST_MS;
    if (share_ns > most_ms * NS_PER_MS)
        share_ns = most_ms * NS_PER_MS;
    return now_ns + share_ns < dns->deadline_ns ? now_ns + share_ns : dns->deadline_ns;
}

/* The order in which to ask: those that were silent last. */
static size_t order_servers(struct dpl_dns_servers *servers,
                            struct dpl_dns_server *order[DPL_DNS_SERVERS_MAX])
{
    size_t count = 0;
    for (int silent = 0; silent < 2; silent++)
        for (size_t i = 0; i < servers->count; i++)
            if (servers->items[i].silent == (silent == 1))
                order[count++] = &servers->items[i];
    return count;
}

static int ask_servers(struct dpl_dns *dns, struct dpl_dns_servers *servers,
                       const struct question *question, struct dpl_dns_reply *reply_r,
                       struct dpl_err *err)
{
    struct dpl_err all = {0};
    struct dpl_dns_server *order[DPL_DNS_SERVERS_MAX] = {NULL};
    size_t count = order_servers(servers, order);
    for (size_t i = 0; i < count; i++) {
        struct dpl_err one = {0};
        int64_t until_ns = share_until_ns(dns, count - i);
        if (until_ns <= dpl_clock_now_ns(dns->clock))
            continue;
        if (ask_server(dns, order[i], until_ns, question, reply_r, &one) == DPL_OK)
            return DPL_OK;
        gather(&all, &one);
    }
    if (!all.code)
        return dpl_err_set(err, DPL_E_UNREACHABLE, "no time was left to ask %s",
                           count ? order[0]->text : "any server");
    return dpl_err_set(err, all.code, "%s", all.text);
}

static int ask(struct dpl_dns *dns, struct dpl_dns_servers *servers, const char *name,
               uint16_t type, bool authority, struct dpl_dns_reply *reply_r, struct dpl_err *err)
{
    struct question question = {.key = authority ? dns->key : NULL, .authority = authority};
    *reply_r = (struct dpl_dns_reply){0};
    int code = dpl_dns_message_query(new_id(), name, type, !authority, &question.wire, err);
    if (code == DPL_OK && question.key)
        code = dpl_dns_tsig_sign(question.key, now_s(dns), &question.wire, &question.mac, err);
    if (code == DPL_OK)
        code = ask_servers(dns, servers, &question, reply_r, err);
    dpl_dns_wire_done(&question.wire);
    return code;
}

static int need_system(struct dpl_dns *dns, struct dpl_err *err)
{
    return dns->system.count > 0 ? DPL_OK
                                 : dpl_dns_servers_read(DPL_DNS_SYSTEM_PATH, &dns->system, err);
}

static const struct dpl_dns_rr *find(const struct dpl_dns_rrs *rrs, const char *name, uint16_t type)
{
    for (size_t i = 0; i < rrs->count; i++)
        if (rrs->items[i].type == type && (!name || strcmp(rrs->items[i].name, name) == 0))
            return &rrs->items[i];
    return NULL;
}

/* The addresses of a server's name. */
static int resolve(struct dpl_dns *dns, const char *name, struct dpl_dns_servers *to,
                   struct dpl_err *err)
{
    static const uint16_t types[] = {DPL_DNS_A, DPL_DNS_AAAA};
    size_t before = to->count;
    int code = need_system(dns, err);
    for (size_t t = 0; t < 2 && code == DPL_OK; t++) {
        struct dpl_dns_reply reply;
        code = ask(dns, &dns->system, name, types[t], false, &reply, err);
        if (code < 0)
            break;
        /* The answer may lead there by a CNAME: whose address it is does not matter. */
        for (size_t i = 0; i < reply.answer.count; i++)
            if (reply.answer.items[i].type == types[t])
                (void)dpl_dns_servers_add(to, reply.answer.items[i].data, dns->port);
        dpl_dns_reply_done(&reply);
    }
    if (to->count > before)
        return DPL_OK;
    if (code < 0)
        return dpl_err_context(err, "the name server %s is not found", name);
    return dpl_err_set(err, DPL_E_UNREACHABLE, "the name server %s has no address", name);
}

int dpl_dns_use(struct dpl_dns *dns, const char *server, struct dpl_err *err)
{
    char name[DPL_DNS_NAME_TEXT];
    if (dns->given.count == DPL_DNS_SERVERS_MAX)
        return dpl_err_set(err, DPL_E_PARAM, "more than %d name servers", DPL_DNS_SERVERS_MAX);
    if (dpl_dns_servers_add(&dns->given, server, dns->port))
        return DPL_OK;
    if (!dpl_dns_name_make(server, strlen(server), name))
        return dpl_err_set(err, DPL_E_PARAM, "\"%.64s\" is no name server", server);
    return resolve(dns, name, &dns->given, err);
}

/* The SOA of the zone that holds a name; the authority section names it where there is no such
 * name. A delegation or an alias leaves it out: then the parent of the name is asked. */
static int find_soa(struct dpl_dns *dns, struct dpl_dns_servers *servers, bool authority,
                    const char *name, struct dpl_dns_rrs *soa_r, struct dpl_err *err)
{
    for (const char *at = name; strcmp(at, ".") != 0; at = dpl_dns_name_parent(at)) {
        struct dpl_dns_reply reply;
        int code = ask(dns, servers, at, DPL_DNS_SOA, authority, &reply, err);
        if (code < 0)
            return code;
        const struct dpl_dns_rr *soa = find(&reply.answer, at, DPL_DNS_SOA);
        if (!soa && !find(&reply.answer, at, DPL_DNS_CNAME))
            soa = find(&reply.authority, NULL, DPL_DNS_SOA);
        if (soa && dpl_dns_name_in(name, soa->name))
            dpl_dns_rrs_copy(soa_r, soa);
        dpl_dns_reply_done(&reply);
        if (soa_r->count > 0)
            return DPL_OK;
    }
    return dpl_err_set(err, DPL_E_NOT_FOUND, "no zone holds %s", name);
}

int dpl_dns_zone_find(struct dpl_dns *dns, const char *name, struct dpl_dns_zone *zone_r,
                      struct dpl_err *err)
{
    struct dpl_dns_rrs soa = {0};
    char primary[256];
    *zone_r = (struct dpl_dns_zone){0};
    bool given = dns->given.count > 0;
    int code = given ? DPL_OK : need_system(dns, err);
    if (code == DPL_OK)
        code = find_soa(dns, given ? &dns->given : &dns->system, given, name, &soa, err);
    if (code < 0 || soa.count == 0)
        return dpl_err_context(err, "the zone of %s is not found", name);
    snprintf(zone_r->name, sizeof zone_r->name, "%s", soa.items[0].name);
    bool has_primary = sscanf(soa.items[0].data, "%255s", primary) == 1;
    dpl_dns_rrs_done(&soa);
    if (given)
        zone_r->servers = dns->given;
    else if (!has_primary || strcmp(primary, ".") == 0)
        code = dpl_err_set(err, DPL_E_NOT_FOUND,
                           "the SOA of the zone %s names no primary: name a "
                           "server",
                           zone_r->name);
    else
        code = resolve(dns, primary, &zone_r->servers, err);
    return code < 0 ? dpl_err_context(err, "the primary of the zone %s", zone_r->name) : DPL_OK;
}

/* What one found out of a server holds for the next question. */
static void remember_silent(struct dpl_dns *dns, const struct dpl_dns_zone *zone)
{
    for (size_t i = 0; i < dns->given.count && i < zone->servers.count; i++)
        dns->given.items[i].silent = zone->servers.items[i].silent;
}

int dpl_dns_ask(struct dpl_dns *dns, struct dpl_dns_zone *zone, const char *name, uint16_t type,
                struct dpl_dns_rrs *rrs, struct dpl_err *err)
{
    struct dpl_dns_reply reply;
    int code = ask(dns, &zone->servers, name, type, true, &reply, err);
    remember_silent(dns, zone);
    if (code < 0)
        return code;
    for (size_t i = 0; i < reply.answer.count; i++) {
        const struct dpl_dns_rr *rr = &reply.answer.items[i];
        if (strcmp(rr->name, name) == 0 && (rr->type == type || rr->type == DPL_DNS_CNAME))
            dpl_dns_rrs_copy(rrs, rr);
    }
    dpl_dns_reply_done(&reply);
    return DPL_OK;
}

int dpl_dns_send(struct dpl_dns *dns, struct dpl_dns_zone *zone,
                 const struct dpl_dns_update *update, struct dpl_err *err)
{
    struct question question = {.key = dns->key, .update = true};
    struct dpl_dns_reply reply = {0};
    int code = dpl_dns_message_update(new_id(), update, &question.wire, err);
    if (code == DPL_OK && question.key)
        code = dpl_dns_tsig_sign(question.key, now_s(dns), &question.wire, &question.mac, err);
    if (code == DPL_OK)
        code = ask_servers(dns, &zone->servers, &question, &reply, err);
    dpl_dns_wire_done(&question.wire);
    remember_silent(dns, zone);
    if (code < 0)
        return code;
    int rcode = reply.rcode;
    dpl_dns_reply_done(&reply);
    if (rcode == NOERROR)
        return DPL_OK;
    return dpl_err_set(err, DPL_E_BUSY, "the zone %s holds something else now (%s)", update->zone,
                       dpl_dns_rcode_name(rcode));
}
