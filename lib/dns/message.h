/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Messages of the DNS: questions and updates (RFC 2136) as bytes, replies as values. The bytes are
 * libldns's work; that it ends the process when a message would be too large is why an update is
 * bounded here before it sees it.
 */
#ifndef DPL_DNS_MESSAGE_H
#define DPL_DNS_MESSAGE_H

#include "lib/base/err.h"
#include "lib/dns/rr.h"

enum {
    DPL_DNS_MESSAGE_MAX = 65535,
    DPL_DNS_UPDATE_ROWS = 300,    /* prerequisites and changes of one update */
    DPL_DNS_UPDATE_BYTES = 40000, /* of their texts */
};

struct dpl_dns_wire {
    uint8_t *bytes;
    size_t size;
};

/* What must hold before the first change is made, and the changes, made all or none. */
enum dpl_dns_row_kind {
    DPL_DNS_SAME,   /* the set of this name and type holds exactly the rows of this kind */
    DPL_DNS_NONE,   /* there is no set of this name and type; data is not looked at */
    DPL_DNS_UNUSED, /* there is no record of this name; type and data are not looked at */
    DPL_DNS_REMOVE, /* this record, if it is there */
    DPL_DNS_ADD,
};

struct dpl_dns_row {
    enum dpl_dns_row_kind kind;
    struct dpl_dns_rr rr; /* its texts are the update's */
};

struct dpl_dns_update {
    char *zone;
    struct dpl_dns_row *rows;
    size_t count;
};

struct dpl_dns_reply {
    int rcode;
    bool authoritative, truncated;
    struct dpl_dns_rrs answer, authority; /* the types of rr.h alone */
};

/* Copies name and data; data may be NULL where it is not looked at. */
void dpl_dns_update_add(struct dpl_dns_update *update, enum dpl_dns_row_kind kind, const char *name,
                        uint16_t type, uint32_t ttl_s, const char *data);
void dpl_dns_update_add_rr(struct dpl_dns_update *update, enum dpl_dns_row_kind kind,
                           const struct dpl_dns_rr *rr);
/* Whether it would change anything. */
bool dpl_dns_update_changes(const struct dpl_dns_update *update);
void dpl_dns_update_done(struct dpl_dns_update *update);

/* The message as bytes that the caller frees (dpl_dns_wire_done). recurse: of a resolver. */
int dpl_dns_message_query(uint16_t id, const char *name, uint16_t type, bool recurse,
                          struct dpl_dns_wire *wire_r, struct dpl_err *err);
/* TOO_LARGE past the bounds above. */
int dpl_dns_message_update(uint16_t id, const struct dpl_dns_update *update,
                           struct dpl_dns_wire *wire_r, struct dpl_err *err);
void dpl_dns_wire_done(struct dpl_dns_wire *wire);

/* Whether these bytes are the answer to that request: the same number, question and kind. */
bool dpl_dns_message_answers(const uint8_t *bytes, size_t size, const struct dpl_dns_wire *request);
/* CORRUPT for anything that is no message. End with dpl_dns_reply_done. */
int dpl_dns_message_parse(const uint8_t *bytes, size_t size, struct dpl_dns_reply *reply_r,
                          struct dpl_err *err);
void dpl_dns_reply_done(struct dpl_dns_reply *reply);

/* "REFUSED". */
const char *dpl_dns_rcode_name(int rcode);

#endif
