/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Records as values: name, type, time to live, and the data as a zone file has it, in the one form
 * in which two that are equal have equal texts (lower case but for what is quoted).
 *
 * A list owns its records. Zero-initialised it is empty.
 */
#ifndef DPL_DNS_RR_H
#define DPL_DNS_RR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum dpl_dns_type {
    DPL_DNS_A = 1,
    DPL_DNS_CNAME = 5,
    DPL_DNS_SOA = 6,
    DPL_DNS_PTR = 12,
    DPL_DNS_MX = 15,
    DPL_DNS_TXT = 16,
    DPL_DNS_AAAA = 28,
    DPL_DNS_ANY = 255,
};

struct dpl_dns_rr {
    char *name; /* as lib/dns/name.h */
    uint16_t type;
    uint32_t ttl_s;
    char *data;
};

struct dpl_dns_rrs {
    struct dpl_dns_rr *items;
    size_t count;
};

/* "A"; NULL for a type that is not in the list above. */
const char *dpl_dns_type_name(uint16_t type);
/* 0 for none of them. */
uint16_t dpl_dns_type_parse(const char *name);

/* Copies the texts. */
void dpl_dns_rrs_add(struct dpl_dns_rrs *rrs, const char *name, uint16_t type, uint32_t ttl_s,
                     const char *data);
void dpl_dns_rrs_copy(struct dpl_dns_rrs *to, const struct dpl_dns_rr *rr);
/* The same record, whatever its time to live. */
bool dpl_dns_rr_same(const struct dpl_dns_rr *a, const struct dpl_dns_rr *b);
const struct dpl_dns_rr *dpl_dns_rrs_find(const struct dpl_dns_rrs *rrs,
                                          const struct dpl_dns_rr *rr);
/* How many of this name and type. */
size_t dpl_dns_rrs_count(const struct dpl_dns_rrs *rrs, const char *name, uint16_t type);
void dpl_dns_rrs_done(struct dpl_dns_rrs *rrs);

/* "NAME TTL TYPE DATA", and back; false for a line that is none. */
char *dpl_dns_rr_text(const struct dpl_dns_rr *rr);
bool dpl_dns_rr_parse(const char *line, struct dpl_dns_rrs *to);

#endif
