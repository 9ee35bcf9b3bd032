/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Asking the servers of a zone, and changing what it holds.
 *
 * All that one struct dpl_dns does ends by its deadline, whatever the servers do. Servers are asked
 * in turn: one that does not answer within its share of the time, refuses, or does not speak with
 * authority is followed by the next, and one that was silent comes last from then on. With a key
 * every request is signed, and no other reply counts.
 *
 *     struct dpl_dns dns = {.clock = ..., .deadline_ns = ..., .system_path = "/etc/resolv.conf"};
 *     struct dpl_dns_zone zone;
 *     dpl_dns_zone_find(&dns, "mail.example.org.", &zone, err);
 *     dpl_dns_ask(&dns, &zone, "mail.example.org.", DPL_DNS_A, &rrs, err);
 *     dpl_dns_send(&dns, &zone, &update, err);
 */
#ifndef DPL_DNS_DNS_H
#define DPL_DNS_DNS_H

#include "lib/dns/key.h"
#include "lib/dns/server.h"

#define DPL_DNS_SYSTEM_PATH "/etc/resolv.conf"

struct dpl_dns {
    const struct dpl_clock *clock; /* borrowed */
    int64_t deadline_ns;
    const struct dpl_dns_key *key; /* borrowed; NULL: unsigned */
    uint16_t port;                 /* of servers that the SOA names */
    struct dpl_dns_servers given;  /* asked for every zone; when empty, each zone's primary is */
    struct dpl_dns_servers system; /* this host's resolvers, read when first needed */
    int64_t exchanges;             /* how many requests were sent */
};

struct dpl_dns_zone {
    char name[DPL_DNS_NAME_TEXT];
    struct dpl_dns_servers servers;
};

/* Adds a server by its address, or by its name, which this host's resolvers are asked for. */
int dpl_dns_use(struct dpl_dns *dns, const char *server, struct dpl_err *err);
/* The zone that holds a name, and the servers to ask and to change it at. */
int dpl_dns_zone_find(struct dpl_dns *dns, const char *name, struct dpl_dns_zone *zone_r,
                      struct dpl_err *err);
/* Adds to rrs what the zone holds of a name and type, and the CNAME where it holds that instead.
 * Nothing is an answer too. */
int dpl_dns_ask(struct dpl_dns *dns, struct dpl_dns_zone *zone, const char *name, uint16_t type,
                struct dpl_dns_rrs *rrs, struct dpl_err *err);
/* Makes the changes, all or none. BUSY: a prerequisite does not hold, which may be because an
 * answer to the same update was lost; look again. REFUSED: no server does it, and why the first of
 * them did not. */
int dpl_dns_send(struct dpl_dns *dns, struct dpl_dns_zone *zone,
                 const struct dpl_dns_update *update, struct dpl_err *err);

#endif
