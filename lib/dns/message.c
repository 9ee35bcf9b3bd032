/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/dns/message.h"

#include "lib/dns/name.h"

#include <arpa/inet.h>
#include <glib.h>
#include <ldns/ldns.h>
#include <string.h>

enum {
    HEADER = 12,
    EDNS_SIZE = 1232, /* what passes every path unfragmented */
};

void dpl_dns_update_add(struct dpl_dns_update *update, enum dpl_dns_row_kind kind, const char *name,
                        uint16_t type, uint32_t ttl_s, const char *data)
{
    update->rows = g_renew(struct dpl_dns_row, update->rows, update->count + 1);
    update->rows[update->count++] =
        (struct dpl_dns_row){.kind = kind,
                             .rr = {.name = g_strdup(name),
                                    .type = type,
                                    .ttl_s = ttl_s,
                                    .data = g_strdup(data ? data : "")}};
}

void dpl_dns_update_add_rr(struct dpl_dns_update *update, enum dpl_dns_row_kind kind,
                           const struct dpl_dns_rr *rr)
{
    dpl_dns_update_add(update, kind, rr->name, rr->type, rr->ttl_s, rr->data);
}

bool dpl_dns_update_changes(const struct dpl_dns_update *update)
{
    for (size_t i = 0; i < update->count; i++)
        if (update->rows[i].kind == DPL_DNS_REMOVE || update->rows[i].kind == DPL_DNS_ADD)
            return true;
    return false;
}

void dpl_dns_update_done(struct dpl_dns_update *update)
{
    for (size_t i = 0; i < update->count; i++) {
        g_free(update->rows[i].rr.name);
        g_free(update->rows[i].rr.data);
    }
    g_free(update->rows);
    g_free(update->zone);
    *update = (struct dpl_dns_update){0};
}

void dpl_dns_wire_done(struct dpl_dns_wire *wire)
{
    free(wire->bytes);
    *wire = (struct dpl_dns_wire){0};
}

static int to_wire(ldns_pkt *pkt, struct dpl_dns_wire *wire_r, struct dpl_err *err)
{
    ldns_status status = ldns_pkt2wire(&wire_r->bytes, pkt, &wire_r->size);
    if (status != LDNS_STATUS_OK)
        return dpl_err_set(err, DPL_E_FAILED, "the message cannot be made: %s",
                           ldns_get_errorstr_by_id(status));
    return DPL_OK;
}

static ldns_pkt *new_pkt(const char *name, uint16_t type, uint16_t id, uint16_t flags)
{
    /* The packet owns the name. */
    ldns_rdf *owner = ldns_dname_new_frm_str(name);
    ldns_pkt *pkt =
        owner ? ldns_pkt_query_new(owner, (ldns_rr_type)type, LDNS_RR_CLASS_IN, flags) : NULL;
    if (pkt)
        ldns_pkt_set_id(pkt, id);
    else
        ldns_rdf_deep_free(owner);
    return pkt;
}

static int not_made(const char *name, struct dpl_err *err)
{
    return dpl_err_set(err, DPL_E_FAILED, "no message can be made of \"%.255s\"", name);
}

int dpl_dns_message_query(uint16_t id, const char *name, uint16_t type, bool recurse,
                          struct dpl_dns_wire *wire_r, struct dpl_err *err)
{
    *wire_r = (struct dpl_dns_wire){0};
    ldns_pkt *pkt = new_pkt(name, type, id, recurse ? LDNS_RD : 0);
    if (!pkt)
        return not_made(name, err);
    ldns_pkt_set_edns_udp_size(pkt, EDNS_SIZE);
    int code = to_wire(pkt, wire_r, err);
    ldns_pkt_free(pkt);
    return code;
}

/* A record without data, of a class that says what is meant. */
static ldns_rr *bare_rr(const char *name, uint16_t type, ldns_rr_class class)
{
    ldns_rr *rr = ldns_rr_new();
    ldns_rdf *owner = ldns_dname_new_frm_str(name);
    if (!rr || !owner) {
        ldns_rr_free(rr);
        ldns_rdf_deep_free(owner);
        return NULL;
    }
    ldns_rr_set_owner(rr, owner);
    ldns_rr_set_type(rr, (ldns_rr_type)type);
    ldns_rr_set_class(rr, class);
    ldns_rr_set_ttl(rr, 0);
    return rr;
}

static ldns_rr *row_rr(const struct dpl_dns_row *row)
{
    if (row->kind == DPL_DNS_NONE || row->kind == DPL_DNS_UNUSED)
        return bare_rr(row->rr.name, row->kind == DPL_DNS_NONE ? row->rr.type : DPL_DNS_ANY,
                       LDNS_RR_CLASS_NONE);
    ldns_rr *rr = NULL;
    g_autofree char *text = dpl_dns_rr_text(&row->rr);
    if (ldns_rr_new_frm_str(&rr, text, 0, NULL, NULL) != LDNS_STATUS_OK)
        return NULL;
    if (row->kind != DPL_DNS_ADD)
        ldns_rr_set_ttl(rr, 0);
    if (row->kind == DPL_DNS_REMOVE)
        ldns_rr_set_class(rr, LDNS_RR_CLASS_NONE);
    return rr;
}

static int check_bounds(const struct dpl_dns_update *update, struct dpl_err *err)
{
    size_t bytes = 0;
    for (size_t i = 0; i < update->count; i++)
        bytes += strlen(update->rows[i].rr.name) + strlen(update->rows[i].rr.data) + 16;
    if (update->count > DPL_DNS_UPDATE_ROWS || bytes > DPL_DNS_UPDATE_BYTES)
        return dpl_err_set(err, DPL_E_TOO_LARGE,
                           "an update of the zone %s of %zu rows and %zu bytes: at most %d and %d "
                           "go into one",
                           update->zone, update->count, bytes, DPL_DNS_UPDATE_ROWS,
                           DPL_DNS_UPDATE_BYTES);
    return DPL_OK;
}

int dpl_dns_message_update(uint16_t id, const struct dpl_dns_update *update,
                           struct dpl_dns_wire *wire_r, struct dpl_err *err)
{
    *wire_r = (struct dpl_dns_wire){0};
    int code = check_bounds(update, err);
    if (code < 0)
        return code;
    ldns_pkt *pkt = new_pkt(update->zone, DPL_DNS_SOA, id, 0);
    if (!pkt)
        return not_made(update->zone, err);
    ldns_pkt_set_opcode(pkt, LDNS_PACKET_UPDATE);
    for (size_t i = 0; i < update->count && code == DPL_OK; i++) {
        const struct dpl_dns_row *row = &update->rows[i];
        ldns_rr *rr = row_rr(row);
        ldns_pkt_section section = row->kind == DPL_DNS_REMOVE || row->kind == DPL_DNS_ADD
                                       ? LDNS_SECTION_AUTHORITY
                                       : LDNS_SECTION_ANSWER;
        if (!rr || !ldns_pkt_push_rr(pkt, section, rr)) {
            ldns_rr_free(rr);
            code = not_made(row->rr.name, err);
        }
    }
    if (code == DPL_OK)
        code = to_wire(pkt, wire_r, err);
    ldns_pkt_free(pkt);
    return code;
}

/* Where the question that begins behind the header ends; 0 when it does not. Names in it are never
 * compressed. */
static size_t question_end(const uint8_t *bytes, size_t size)
{
    size_t at = HEADER;
    while (at < size && bytes[at] != 0) {
        if (bytes[at] > 63)
            return 0;
        at += (size_t)bytes[at] + 1;
    }
    return at + 5 <= size ? at + 5 : 0;
}

bool dpl_dns_message_answers(const uint8_t *bytes, size_t size, const struct dpl_dns_wire *request)
{
    const uint8_t *asked = request->bytes;
    if (size < HEADER || memcmp(bytes, asked, 2) != 0 || !(bytes[2] & 0x80) ||
        (bytes[2] & 0x78) != (asked[2] & 0x78))
        return false;
    if (bytes[4] == 0 && bytes[5] == 0)
        return (bytes[3] & 0x0f) != LDNS_RCODE_NOERROR || (asked[2] & 0x78) != 0;
    size_t end = question_end(bytes, size);
    if (end == 0 || end != question_end(asked, request->size) || bytes[4] != 0 || bytes[5] != 1)
        return false;
    for (size_t i = HEADER; i < end; i++)
        if (g_ascii_tolower((char)bytes[i]) != g_ascii_tolower((char)asked[i]))
            return false;
    return true;
}

/* A name as text in the one form of name.h; names that it does not know stay as they are. */
static char *name_text(const ldns_rdf *rdf)
{
    char *text = ldns_rdf2str(rdf);
    if (!text)
        return NULL;
    char *lower = g_ascii_strdown(text, -1);
    free(text);
    return lower;
}

static char *address_text(const ldns_rdf *rdf, int family)
{
    char text[INET6_ADDRSTRLEN];
    if (ldns_rdf_size(rdf) != (family == AF_INET ? 4 : 16) ||
        !inet_ntop(family, ldns_rdf_data(rdf), text, sizeof text))
        return NULL;
    return g_strdup(text);
}

/* The data of a record, in the form of rr.h. NULL for one that is damaged. */
static char *data_text(const ldns_rr *rr)
{
    size_t count = ldns_rr_rd_count(rr);
    GString *data = g_string_new(NULL);
    for (size_t i = 0; i < count; i++) {
        const ldns_rdf *rdf = ldns_rr_rdf(rr, i);
        g_autofree char *text = NULL;
        if (ldns_rr_get_type(rr) == LDNS_RR_TYPE_A)
            text = address_text(rdf, AF_INET);
        else if (ldns_rr_get_type(rr) == LDNS_RR_TYPE_AAAA)
            text = address_text(rdf, AF_INET6);
        else if (ldns_rdf_get_type(rdf) == LDNS_RDF_TYPE_DNAME)
            text = name_text(rdf);
        else {
            char *plain = ldns_rdf2str(rdf);
            text = g_strdup(plain);
            free(plain);
        }
        if (!text || strpbrk(text, "\r\n")) {
            g_string_free(data, TRUE);
            return NULL;
        }
        g_string_append_printf(data, "%s%s", i > 0 ? " " : "", text);
    }
    return g_string_free(data, FALSE);
}

static size_t fields_of(uint16_t type)
{
    switch (type) {
    case DPL_DNS_SOA:
        return 7;
    case DPL_DNS_MX:
        return 2;
    default:
        return 1;
    }
}

/* Records of other types are passed by. */
static int take_section(const ldns_rr_list *list, struct dpl_dns_rrs *to, struct dpl_err *err)
{
    for (size_t i = 0; list && i < ldns_rr_list_rr_count(list); i++) {
        const ldns_rr *rr = ldns_rr_list_rr(list, i);
        uint16_t type = (uint16_t)ldns_rr_get_type(rr);
        if (!dpl_dns_type_name(type) || ldns_rr_get_class(rr) != LDNS_RR_CLASS_IN)
            continue;
        g_autofree char *name = name_text(ldns_rr_owner(rr));
        g_autofree char *data = data_text(rr);
        if (!name || !data ||
            (type == DPL_DNS_TXT ? ldns_rr_rd_count(rr) == 0
                                 : ldns_rr_rd_count(rr) != fields_of(type)))
            return dpl_err_set(err, DPL_E_CORRUPT, "the reply holds a damaged record");
        dpl_dns_rrs_add(to, name, type, ldns_rr_ttl(rr), data);
    }
    return DPL_OK;
}

int dpl_dns_message_parse(const uint8_t *bytes, size_t size, struct dpl_dns_reply *reply_r,
                          struct dpl_err *err)
{
    ldns_pkt *pkt = NULL;
    *reply_r = (struct dpl_dns_reply){0};
    ldns_status status = ldns_wire2pkt(&pkt, bytes, size);
    if (status != LDNS_STATUS_OK)
        return dpl_err_set(err, DPL_E_CORRUPT, "the reply is damaged: %s",
                           ldns_get_errorstr_by_id(status));
    reply_r->rcode = (int)ldns_pkt_get_rcode(pkt);
    reply_r->authoritative = ldns_pkt_aa(pkt);
    reply_r->truncated = ldns_pkt_tc(pkt);
    int code = take_section(ldns_pkt_answer(pkt), &reply_r->answer, err);
    if (code == DPL_OK)
        code = take_section(ldns_pkt_authority(pkt), &reply_r->authority, err);
    ldns_pkt_free(pkt);
    if (code < 0)
        dpl_dns_reply_done(reply_r);
    return code;
}

void dpl_dns_reply_done(struct dpl_dns_reply *reply)
{
    dpl_dns_rrs_done(&reply->answer);
    dpl_dns_rrs_done(&reply->authority);
}

const char *dpl_dns_rcode_name(int rcode)
{
    static const char *const names[] = {"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN",
                                        "NOTIMP",  "REFUSED", "YXDOMAIN", "YXRRSET",
                                        "NXRRSET", "NOTAUTH", "NOTZONE"};
    return rcode >= 0 && rcode < (int)G_N_ELEMENTS(names) ? names[rcode] : "an unknown error";
}
