/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Documents between two processes of this host, over a connected AF_UNIX socket of the kind
 * SOCK_SEQPACKET, with descriptors beside them.
 *
 * A message is one document in one or more packets: a byte (1: more packets follow, 0: the last),
 * then at most 32 KiB of the encoded document. Descriptors come with its first packet. Nothing here
 * waits: what the socket does not take stays queued, bounded, until flush; so a loop polls for
 * writing while dpl_channel_wants_write says so. A channel belongs to one thread.
 *
 * What the other side sends is not trusted: a document that cannot be decoded is an error, and ends
 * the use of the channel as the end of file does; descriptors that nobody takes are closed.
 */
#ifndef DPL_CTL_CHANNEL_H
#define DPL_CTL_CHANNEL_H

#include "lib/ctl/doc.h"

enum {
    DPL_CHANNEL_FD = 3,      /* where an engine finds its channel to the daemon */
    DPL_CHANNEL_FDS_MAX = 16 /* descriptors in a message */
};

struct dpl_channel;

/* Takes the descriptor, and makes it non-blocking and close-on-exec. */
struct dpl_channel *dpl_channel_new(int fd);
void dpl_channel_free(struct dpl_channel *channel);
typedef struct dpl_channel dpl_channel_auto; /* g_autoptr(dpl_channel_auto) frees it */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(dpl_channel_auto, dpl_channel_free)

/* Two ends: one for dpl_channel_new here, one to inherit. Both are close-on-exec. */
int dpl_channel_pair(int ends_r[2], struct dpl_err *err);
/* Borrowed, for poll. */
int dpl_channel_fd(const struct dpl_channel *channel);

/* Sends a document, or queues it behind what is queued. Descriptors are duplicated, the caller
 * keeps its own. BUSY when the queue is full: the other side has not read for too long. NOT_RUNNING
 * when it is gone. */
int dpl_channel_send(struct dpl_channel *channel, const struct dpl_doc *doc, const int *fds,
                     size_t fd_count, struct dpl_err *err);
/* Sends what is queued, as far as the socket takes it. */
int dpl_channel_flush(struct dpl_channel *channel, struct dpl_err *err);
bool dpl_channel_wants_write(const struct dpl_channel *channel);

/* 1 with a document that the caller owns; 0 when there is no whole one yet; NOT_RUNNING at the end
 * of file; CORRUPT and others for nonsense. Call it until it answers 0: a poll answers for the
 * socket alone. */
int dpl_channel_receive(struct dpl_channel *channel, struct dpl_doc **doc_r, struct dpl_err *err);
/* The next descriptor that came with the document that was received last, or -1. The caller owns
 * it. The next receive closes what was left. */
int dpl_channel_take_fd(struct dpl_channel *channel);

#endif
