/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/dns/tsig.h"

#include <glib.h>
#include <ldns/ldns.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

enum { HEADER = 12, COUNT_AT = 10, BAD_SIG = 16, BAD_KEY = 17, BAD_TIME = 18 };

/* The fields of a TSIG record that are signed with the message, in host order. */
struct variables {
    uint64_t time_s;
    uint16_t fudge_s, error;
    const uint8_t *other;
    uint16_t other_size;
};

static void put(GByteArray *to, uint64_t value, size_t size)
{
    for (size_t i = size; i-- > 0;) {
        uint8_t byte = (uint8_t)(value >> (8 * i));
        g_byte_array_append(to, &byte, 1);
    }
}

static uint64_t get(const uint8_t *bytes, size_t size)
{
    uint64_t value = 0;
    for (size_t i = 0; i < size; i++)
        value = value << 8 | bytes[i];
    return value;
}

static void put_name(GByteArray *to, const char *name)
{
    uint8_t wire[DPL_DNS_NAME_WIRE];
    g_byte_array_append(to, wire, (guint)dpl_dns_name_wire(name, wire));
}

/* The MAC over what came before (of the request, for a reply), the message and the variables. */
static int make_mac(const struct dpl_dns_key *key, const struct dpl_dns_mac *before,
                    const uint8_t *message, size_t size, const struct variables *v,
                    struct dpl_dns_mac *mac_r, struct dpl_err *err)
{
    g_autoptr(GByteArray) data = g_byte_array_new();
    size_t mac_size = 0;
    if (before) {
        put(data, before->size, 2);
        g_byte_array_append(data, before->bytes, (guint)before->size);
    }
    g_byte_array_append(data, message, (guint)size);
    put_name(data, key->name);
    put(data, LDNS_RR_CLASS_ANY, 2);
    put(data, 0, 4);
    put_name(data, key->algorithm->wire);
    put(data, v->time_s, 6);
    put(data, v->fudge_s, 2);
    put(data, v->error, 2);
    put(data, v->other_size, 2);
    if (v->other_size > 0)
        g_byte_array_append(data, v->other, v->other_size);
    if (!EVP_Q_mac(NULL, "HMAC", NULL, key->algorithm->digest, NULL, key->secret, key->secret_size,
                   data->data, data->len, mac_r->bytes, sizeof mac_r->bytes, &mac_size))
        return dpl_err_set(err, DPL_E_UNSUPPORTED, "this host's OpenSSL does not do %s",
                           key->algorithm->name);
    mac_r->size = mac_size;
    return DPL_OK;
}

int dpl_dns_tsig_sign(const struct dpl_dns_key *key, int64_t now_s, struct dpl_dns_wire *wire,
                      struct dpl_dns_mac *mac_r, struct dpl_err *err)
{
    struct variables v = {.time_s = (uint64_t)now_s, .fudge_s = DPL_DNS_FUDGE_S};
    uint8_t algorithm[DPL_DNS_NAME_WIRE];
    size_t algorithm_size = dpl_dns_name_wire(key->algorithm->wire, algorithm);
    int code = make_mac(key, NULL, wire->bytes, wire->size, &v, mac_r, err);
    if (code < 0)
        return code;
    g_autoptr(GByteArray) tsig = g_byte_array_new();
    put_name(tsig, key->name);
    put(tsig, LDNS_RR_TYPE_TSIG, 2);
    put(tsig, LDNS_RR_CLASS_ANY, 2);
    put(tsig, 0, 4);
    put(tsig, algorithm_size + 16 + mac_r->size, 2);
    g_byte_array_append(tsig, algorithm, (guint)algorithm_size);
    put(tsig, v.time_s, 6);
    put(tsig, v.fudge_s, 2);
    put(tsig, mac_r->size, 2);
    g_byte_array_append(tsig, mac_r->bytes, (guint)mac_r->size);
    g_byte_array_append(tsig, wire->bytes, 2); /* the message's number */
    put(tsig, 0, 2);
    put(tsig, 0, 2);
    uint8_t *bytes = wire->size + tsig->len <= DPL_DNS_MESSAGE_MAX
                         ? realloc(wire->bytes, wire->size + tsig->len)
                         : NULL;
    if (!bytes)
        return dpl_err_set(err, DPL_E_TOO_LARGE, "the message has no room for its signature");
    memcpy(bytes + wire->size, tsig->data, tsig->len);
    wire->bytes = bytes;
    wire->size += tsig->len;
    uint64_t count = get(bytes + COUNT_AT, 2) + 1;
    bytes[COUNT_AT] = (uint8_t)(count >> 8);
    bytes[COUNT_AT + 1] = (uint8_t)count;
    return DPL_OK;
}

/* The last record of the message, where it begins in *at_r; NULL if there is none or one before it
 * is damaged. The caller frees it. */
static ldns_rr *last_record(const uint8_t *bytes, size_t size, size_t *at_r)
{
    size_t at = HEADER;
    if (size < HEADER)
        return NULL;
    uint64_t questions = get(bytes + 4, 2);
    uint64_t records = get(bytes + 6, 2) + get(bytes + 8, 2) + get(bytes + COUNT_AT, 2);
    ldns_rr *rr = NULL;
    for (uint64_t i = 0; i < questions + records; i++) {
        ldns_rr_free(rr);
        rr = NULL;
        *at_r = at;
        if (ldns_wire2rr(&rr, bytes, size, &at,
                         i < questions ? LDNS_SECTION_QUESTION : LDNS_SECTION_ADDITIONAL) !=
            LDNS_STATUS_OK)
            return NULL;
    }
    if (records == 0 || get(bytes + COUNT_AT, 2) == 0 || at != size) {
        ldns_rr_free(rr);
        return NULL;
    }
    return rr;
}

static bool is_name(const ldns_rdf *rdf, const char *name)
{
    uint8_t wire[DPL_DNS_NAME_WIRE];
    size_t size = dpl_dns_name_wire(name, wire);
    if (!rdf || ldns_rdf_size(rdf) != size)
        return false;
    for (size_t i = 0; i < size; i++)
        if (g_ascii_tolower((char)ldns_rdf_data(rdf)[i]) != g_ascii_tolower((char)wire[i]))
            return false;
    return true;
}

/* What the fields of a TSIG must be; libldns lets a record end anywhere. */
static bool is_tsig(const ldns_rr *rr)
{
    static const size_t sizes[] = {0, 6, 2, 0, 2, 2, 0};
    if (!rr || ldns_rr_get_type(rr) != LDNS_RR_TYPE_TSIG || ldns_rr_rd_count(rr) != 7 ||
        ldns_rr_get_class(rr) != LDNS_RR_CLASS_ANY || ldns_rr_ttl(rr) != 0)
        return false;
    for (size_t i = 0; i < 7; i++) {
        const ldns_rdf *rdf = ldns_rr_rdf(rr, i);
        if (sizes[i] ? ldns_rdf_size(rdf) != sizes[i] : i > 0 && ldns_rdf_size(rdf) < 2)
            return false;
    }
    return true;
}

static uint64_t field(const ldns_rr *rr, size_t i)
{
    const ldns_rdf *rdf = ldns_rr_rdf(rr, i);
    return get(ldns_rdf_data(rdf), ldns_rdf_size(rdf));
}

/* What the server says that it did not like, which it cannot always sign. */
static int complaint(const struct dpl_dns_key *key, uint64_t error, struct dpl_err *err)
{
    if (error == BAD_KEY)
        return dpl_err_set(err, DPL_E_REFUSED, "the server does not know the key \"%s\" (%s)",
                           key->name, key->algorithm->name);
    if (error == BAD_SIG)
        return dpl_err_set(err, DPL_E_REFUSED,
                           "the server's key \"%s\" has another secret than ours", key->name);
    if (error == BAD_TIME)
        return dpl_err_set(err, DPL_E_REFUSED,
                           "the clocks of this host and of the server differ by more than %d s",
                           DPL_DNS_FUDGE_S);
    return dpl_err_set(err, DPL_E_REFUSED, "the server refuses the signature, with the error %d",
                       (int)error);
}

static int check_record(const struct dpl_dns_key *key, int64_t now_s, GByteArray *message,
                        const ldns_rr *rr, const struct dpl_dns_mac *request, struct dpl_err *err)
{
    const ldns_rdf *mac = ldns_rr_rdf(rr, 3), *other = ldns_rr_rdf(rr, 6);
    struct variables v = {.time_s = field(rr, 1),
                          .fudge_s = (uint16_t)field(rr, 2),
                          .error = (uint16_t)field(rr, 5),
                          .other = ldns_rdf_data(other) + 2,
                          .other_size = (uint16_t)(ldns_rdf_size(other) - 2)};
    struct dpl_dns_mac ours = {0};
    if (ldns_rdf_size(mac) == 2 && v.error != 0)
        return complaint(key, v.error, err);
    if (!is_name(ldns_rr_owner(rr), key->name) ||
        !is_name(ldns_rr_rdf(rr, 0), key->algorithm->wire))
        return dpl_err_set(err, DPL_E_CORRUPT, "the reply is signed by another key than \"%s\"",
                           key->name);
    memcpy(message->data, ldns_rdf_data(ldns_rr_rdf(rr, 4)), 2);
    int code = make_mac(key, request, message->data, message->len, &v, &ours, err);
    if (code < 0)
        return code;
    if (ldns_rdf_size(mac) != ours.size + 2 ||
        CRYPTO_memcmp(ldns_rdf_data(mac) + 2, ours.bytes, ours.size) != 0)
        return dpl_err_set(err, DPL_E_CORRUPT, "the reply's signature is wrong");
    if (v.error != 0)
        return complaint(key, v.error, err);
    int64_t apart_s = now_s - (int64_t)v.time_s;
    if (apart_s > v.fudge_s || apart_s < -(int64_t)v.fudge_s)
        return complaint(key, BAD_TIME, err);
    return DPL_OK;
}

int dpl_dns_tsig_check(const struct dpl_dns_key *key, int64_t now_s, const uint8_t *bytes,
                       size_t size, const struct dpl_dns_mac *request, struct dpl_err *err)
{
    size_t at = 0;
    int code;
    ldns_rr *rr = last_record(bytes, size, &at);
    if (is_tsig(rr)) {
        g_autoptr(GByteArray) message = g_byte_array_new();
        g_byte_array_append(message, bytes, (guint)at);
        uint64_t count = get(bytes + COUNT_AT, 2) - 1;
        message->data[COUNT_AT] = (uint8_t)(count >> 8);
        message->data[COUNT_AT + 1] = (uint8_t)count;
        code = check_record(key, now_s, message, rr, request, err);
    } else {
        code = dpl_err_set(err, DPL_E_CORRUPT, "the reply is not signed");
    }
    ldns_rr_free(rr);
    return code;
}
