/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * TLS as doppel speaks it: version 1.3 alone, both sides by certificate, against pinned
 * authorities.
 *
 * A peer is taken if its certificate was signed by a pin of some site (or by an authority that a
 * pin has signed: a link), is valid now, is a node's, names that very site, and its serial number
 * is not revoked. There are no resumed sessions, no early data. By ALPN a connection is one of two
 * kinds: replication, or pairing, in which the peer's authority is unknown by nature: there the
 * chain must be whole in itself, and what comes of it is an offer that waits for a person.
 *
 * The context owns copies of what it was given. The functions do no input or output.
 */
#ifndef DPL_TLS_CONTEXT_H
#define DPL_TLS_CONTEXT_H

#include "lib/ctl/doc.h"
#include "lib/tls/cert.h"

struct ssl_st;
struct ssl_ctx_st;

struct dpl_tls_config {
    bool server;
    const char *key, *chain; /* of this node */
    /* NAME to the site's document (lib/tls/site.h): those with pins may connect. NULL: none. */
    const struct dpl_doc *sites;
    const char *expect;    /* a client: the site that must answer; NULL with pairing */
    bool pairing;          /* a server: pairing too; a client: pairing alone */
    const char *site_cert; /* with pairing: this site's authority, which is sent along */
};

struct dpl_tls_peer {
    struct dpl_cert_info cert;
    char pin[DPL_FINGERPRINT_HEX]; /* the pin that it was checked against */
    char *link;   /* a link and the new authority behind it, if they were sent; else NULL */
    bool pairing; /* then offered is its authority, and nothing is trusted */
    char *offered;
};

struct dpl_tls;

int dpl_tls_new(const struct dpl_tls_config *config, struct dpl_tls **tls_r, struct dpl_err *err);
void dpl_tls_free(struct dpl_tls *tls);
typedef struct dpl_tls dpl_tls_auto;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(dpl_tls_auto, dpl_tls_free)

/* A connection over a socket, which stays the caller's; one for each context. SSL_free. */
int dpl_tls_session(struct dpl_tls *tls, int fd, struct ssl_st **session_r, struct dpl_err *err);
/* Who the peer is, behind the handshake. Borrowed from the context. */
const struct dpl_tls_peer *dpl_tls_peer(const struct dpl_tls *tls);
/* Why a handshake or a connection failed: ours, the peer's alert, or the network's reason.
 * `result` is of the SSL function, sys_errno that of the call. Empties the library's queue. */
int dpl_tls_why(struct dpl_tls *tls, const struct ssl_st *session, int result, int sys_errno,
                struct dpl_err *err);
/* For tests and tools: the context as the library has it. */
struct ssl_ctx_st *dpl_tls_ctx(struct dpl_tls *tls);

#endif
