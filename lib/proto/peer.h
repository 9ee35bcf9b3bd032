/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The data socket of an engine: frames of doppel-protocol(5), plain, to and from the process that
 * speaks with the other site. Nothing here waits: what the socket does not take is kept, bounded,
 * until flush.
 *
 * Owns the descriptor and its buffers. After an error the socket is of no more use.
 */
#ifndef DPL_PROTO_PEER_H
#define DPL_PROTO_PEER_H

#include "lib/proto/frame.h"
#include "lib/proto/message.h"

#include <stdbool.h>
#include <sys/types.h>

enum { DPL_PEER_KEPT_MAX = 8 * 1024 * 1024 };

struct dpl_peer {
    int fd; /* -1: none */
    struct dpl_frame_in in;
    uint8_t *kept; /* not sent yet */
    size_t kept_at, kept_end, kept_room;
    uint64_t sent_bytes, received_bytes; /* since it was made */
};

/* Takes the descriptor. Closing what is not open (fd -1, all else zero) is harmless. */
void dpl_peer_open(struct dpl_peer *peer, int fd);
void dpl_peer_close(struct dpl_peer *peer);

/* Sends a message, or keeps what does not go. UNREACHABLE, BUSY (too much is kept), NO_MEMORY, or
 * what encode says. */
int dpl_peer_send(struct dpl_peer *peer, const struct dpl_message *message, struct dpl_err *err);
int dpl_peer_flush(struct dpl_peer *peer, struct dpl_err *err);
static inline size_t dpl_peer_kept(const struct dpl_peer *peer)
{
    return peer->kept_end - peer->kept_at;
}

/* Reads what has come: how many bytes; 0: nothing yet; UNREACHABLE: the end, or a failure. */
ssize_t dpl_peer_read(struct dpl_peer *peer, struct dpl_err *err);
/* 1: the next message, whose views live until the next read; 0: none; CORRUPT and others: nonsense.
 */
int dpl_peer_next(struct dpl_peer *peer, struct dpl_message *message, struct dpl_err *err);

#endif
