/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * From a TCP connection to a session: TLS, hello and welcome, and what doppeld says to the peer.
 * All of it waits, with one deadline, and ends early when doppeld ends.
 */
#ifndef DPL_PRIV_GREET_H
#define DPL_PRIV_GREET_H

#include "daemon/priv/start.h"
#include "daemon/priv/stream.h"
#include "lib/ctl/channel.h"
#include "lib/proto/frame.h"
#include "lib/proto/hello.h"

struct dpl_greet {
    const struct dpl_door_start *start;
    struct dpl_channel *channel;
    struct dpl_stream *stream;
    struct dpl_frame_in frames; /* may hold what came behind the greeting */
    int64_t deadline_ns;
    const char *address;
    struct dpl_hello_agreed agreed;
    unsigned peer_from; /* what the peer may send: DPL_FROM_SOURCE or _TARGET */
    unsigned refused;   /* the peer's refusal, or 0 */
    bool talks;         /* a question and its answer follow, not a session */
    int data_fd;        /* from doppeld, with "go"; -1; none where it talks */
};

/* INTERRUPTED when doppeld ended, TIMEOUT, and those of TLS and of the protocol. */
int dpl_greet_handshake(struct dpl_greet *greet, struct dpl_err *err);
int dpl_greet_hello(struct dpl_greet *greet, struct dpl_err *err);
/* Waits for the socket's events; a descriptor of the peer alone. */
int dpl_greet_wait(struct dpl_greet *greet, int events, struct dpl_err *err);
/* Waits for the next document of doppeld, which the caller owns; UNREACHABLE when the peer leaves
 * meanwhile. */
int dpl_greet_await(struct dpl_greet *greet, struct dpl_doc **doc_r, struct dpl_err *err);
/* Whole messages, until the deadline. What is read is decoded, its views live until more is read;
 * REFUSED for a refusal, which is noted. */
int dpl_greet_send(struct dpl_greet *greet, const struct dpl_message *message, struct dpl_err *err);
int dpl_greet_read(struct dpl_greet *greet, struct dpl_message *message, struct dpl_err *err);
/* Sends a refusal and ends what is sent, as far as the deadline lets it. */
void dpl_greet_refuse(struct dpl_stream *stream, unsigned code, const char *text,
                      int64_t deadline_ns);
/* Sends a document to doppeld, waiting for room at most a second. Those of dpl_channel_send. */
int dpl_greet_tell(struct dpl_channel *channel, const struct dpl_doc *doc);
/* The number of a refusal by its name in small letters; INTERNAL if there is none. */
unsigned dpl_refusal_by_name(const char *name);
const char *dpl_refusal_name(unsigned code);

#endif
