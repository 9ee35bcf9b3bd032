/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A peer that the test plays, byte by byte: TLS in memory, over a socket that may be cut anywhere.
 */
#ifndef DPL_TESTS_DOOR_CLIENT_H
#define DPL_TESTS_DOOR_CLIENT_H

#include "lib/proto/message.h"
#include "lib/tls/context.h"
#include "tests/door/rig.h"

#include <openssl/ssl.h>

struct client {
    struct dpl_tls *tls;
    SSL *ssl;
    int tcp;
    size_t send_most, receive_most; /* bytes of TCP; then it is cut */
    size_t sent, received;
    bool ended; /* by a cut, by the peer, or by an error */
};

/* As that side, which expects the other one; takes tcp. */
void client_init(struct client *client, const struct rig_side *side, const char *expect, int tcp);
void client_done(struct client *client);
/* Moves bytes between TLS and the socket; waits for them if asked to. */
void client_move(struct client *client, bool wait);
bool client_handshake(struct client *client);
void client_write(struct client *client, const void *data, size_t size);
/* What the peer says until it has said `size` bytes, or ended; how many. */
size_t client_read(struct client *client, void *data, size_t size);
/* A hello of this site, with a set. Its size as a frame. */
size_t client_hello(uint8_t *frame, size_t room, const char *site, uint32_t versions);
/* The same of one that asks. */
size_t client_hello_talk(uint8_t *frame, size_t room, const char *site, uint64_t features);

#endif
