/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Whether a server answers as a client expects it, by protocol and by level.
 *
 * A probe's code says what the answer means, its sentence why: 0 it serves; DEGRADED it lives and
 * does not serve us now (overload, "too many connections", what it depends on is away): no reason
 * to restart it; anything else: it does not work.
 */
#ifndef DPL_SERVICE_PROBE_H
#define DPL_SERVICE_PROBE_H

#include "lib/service/talk.h"

enum {
    DPL_PROBE_BANNER = 0,
    DPL_PROBE_LOGIN = 10,
    DPL_PROBE_DELIVER = 20,
};

struct dpl_probe {
    int level;            /* what this one shall do, at most */
    const char *name;     /* what we call ourselves: a host's name or address */
    const char *user;     /* NULL: none */
    const char *password; /* NULL: none */
    const char *mark;     /* of a message at DPL_PROBE_DELIVER: unique, of letters, digits, '.' */
    char queue_id[64];    /* of that message, as the server named it; empty if it did not */
};

typedef int (*dpl_probe_t)(struct dpl_talk *talk, struct dpl_probe *probe, struct dpl_err *err);

/* SMTP and LMTP: greeting, EHLO; AUTH with a user at LOGIN; a message to the user at DELIVER. */
int dpl_probe_smtp(struct dpl_talk *talk, struct dpl_probe *probe, struct dpl_err *err);
int dpl_probe_lmtp(struct dpl_talk *talk, struct dpl_probe *probe, struct dpl_err *err);
/* IMAP: greeting; LOGIN; at DELIVER the message with the mark is in INBOX (until the deadline), and
 * it and all older ones of ours are removed. */
int dpl_probe_imap(struct dpl_talk *talk, struct dpl_probe *probe, struct dpl_err *err);
int dpl_probe_pop3(struct dpl_talk *talk, struct dpl_probe *probe, struct dpl_err *err);
/* HTTP: any answer below 500 to "HEAD /". */
int dpl_probe_http(struct dpl_talk *talk, struct dpl_probe *probe, struct dpl_err *err);
/* rspamd: its answer to "GET /ping". */
int dpl_probe_rspamd(struct dpl_talk *talk, struct dpl_probe *probe, struct dpl_err *err);
/* LDAP: the answer to a search of the root DSE. */
int dpl_probe_ldap(struct dpl_talk *talk, struct dpl_probe *probe, struct dpl_err *err);
/* Milter: the answer to the negotiation of options. */
int dpl_probe_milter(struct dpl_talk *talk, struct dpl_probe *probe, struct dpl_err *err);
/* PostgreSQL: the answer to a start of a session. */
int dpl_probe_pgsql(struct dpl_talk *talk, struct dpl_probe *probe, struct dpl_err *err);
/* MariaDB: its greeting. */
int dpl_probe_mysql(struct dpl_talk *talk, struct dpl_probe *probe, struct dpl_err *err);
/* That it takes connections; more needs a protocol. */
int dpl_probe_connect(struct dpl_talk *talk, struct dpl_probe *probe, struct dpl_err *err);

struct dpl_probe_row {
    const char *protocol;
    dpl_probe_t run;
    unsigned port; /* of an address without one */
};

/* NULL behind the last. */
const struct dpl_probe_row *dpl_probe_at(size_t i);
/* NULL if there is none of this name (of so many bytes). */
const struct dpl_probe_row *dpl_probe_find(const char *protocol, size_t size);
/* "[PROTOCOL:]ADDRESS", of the protocol fallback where it names none; NULL: it has to. */
const struct dpl_probe_row *dpl_probe_parse(const char *text, const char *fallback,
                                            struct dpl_address *address_r);

#endif
