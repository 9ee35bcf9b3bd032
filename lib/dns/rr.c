/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/dns/rr.h"

#include "lib/dns/name.h"

#include <glib.h>
#include <stdio.h>
#include <string.h>

static const struct {
    uint16_t type;
    const char *name;
} types[] = {
    {DPL_DNS_A, "A"},   {DPL_DNS_CNAME, "CNAME"}, {DPL_DNS_SOA, "SOA"},   {DPL_DNS_PTR, "PTR"},
    {DPL_DNS_MX, "MX"}, {DPL_DNS_TXT, "TXT"},     {DPL_DNS_AAAA, "AAAA"},
};

const char *dpl_dns_type_name(uint16_t type)
{
    for (size_t i = 0; i < G_N_ELEMENTS(types); i++)
        if (types[i].type == type)
            return types[i].name;
    return NULL;
}

uint16_t dpl_dns_type_parse(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(types); i++)
        if (strcmp(types[i].name, name) == 0)
            return types[i].type;
    return 0;
}

void dpl_dns_rrs_add(struct dpl_dns_rrs *rrs, const char *name, uint16_t type, uint32_t ttl_s,
                     const char *data)
{
    rrs->items = g_renew(struct dpl_dns_rr, rrs->items, rrs->count + 1);
    rrs->items[rrs->count++] = (struct dpl_dns_rr){
        .name = g_strdup(name), .type = type, .ttl_s = ttl_s, .data = g_strdup(data)};
}

void dpl_dns_rrs_copy(struct dpl_dns_rrs *to, const struct dpl_dns_rr *rr)
{
    dpl_dns_rrs_add(to, rr->name, rr->type, rr->ttl_s, rr->data);
}

bool dpl_dns_rr_same(const struct dpl_dns_rr *a, const struct dpl_dns_rr *b)
{
    return a->type == b->type && strcmp(a->name, b->name) == 0 && strcmp(a->data, b->data) == 0;
}

const struct dpl_dns_rr *dpl_dns_rrs_find(const struct dpl_dns_rrs *rrs,
                                          const struct dpl_dns_rr *rr)
{
    for (size_t i = 0; i < rrs->count; i++)
        if (dpl_dns_rr_same(&rrs->items[i], rr))
            return &rrs->items[i];
    return NULL;
}

size_t dpl_dns_rrs_count(const struct dpl_dns_rrs *rrs, const char *name, uint16_t type)
{
    size_t count = 0;
    for (size_t i = 0; i < rrs->count; i++)
        count += rrs->items[i].type == type && strcmp(rrs->items[i].name, name) == 0;
    return count;
}

void dpl_dns_rrs_done(struct dpl_dns_rrs *rrs)
{
    for (size_t i = 0; i < rrs->count; i++) {
        g_free(rrs->items[i].name);
        g_free(rrs->items[i].data);
    }
    g_free(rrs->items);
    *rrs = (struct dpl_dns_rrs){0};
}

char *dpl_dns_rr_text(const struct dpl_dns_rr *rr)
{
    return g_strdup_printf("%s %u %s %s", rr->name, rr->ttl_s, dpl_dns_type_name(rr->type),
                           rr->data);
}

bool dpl_dns_rr_parse(const char *line, struct dpl_dns_rrs *to)
{
    char text[DPL_DNS_NAME_TEXT], name[DPL_DNS_NAME_TEXT], type[8];
    unsigned ttl_s;
    int at = 0;
    if (sscanf(line, "%254s %u %7s %n", text, &ttl_s, type, &at) != 3 || at == 0 || !line[at] ||
        dpl_dns_type_parse(type) == 0 || !dpl_dns_name_make(text, strlen(text), name))
        return false;
    dpl_dns_rrs_add(to, name, dpl_dns_type_parse(type), ttl_s, line + at);
    return true;
}
