/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The data socket of an incoming set: frames of doppel-protocol(5), plain, to and from the process
 * that speaks with the other site. Nothing here waits: what the socket does not take is kept,
 * bounded, until flush. Owns the descriptor and its buffers; after an error it is of no more use.
 */
#ifndef DPL_APPLY_STREAM_H
#define DPL_APPLY_STREAM_H

#include "lib/proto/frame.h"
#include "lib/proto/message.h"

#include <glib.h>
#include <stdbool.h>

struct dpl_stream {
    int fd; /* -1: none */
    struct dpl_frame_in in;
    GByteArray *kept; /* not sent yet */
    uint64_t received_bytes;
};

/* Takes the descriptor. */
void dpl_stream_open(struct dpl_stream *stream, int fd);
void dpl_stream_close(struct dpl_stream *stream);
/* UNREACHABLE, BUSY (too much is kept), or what encode says. */
int dpl_stream_send(struct dpl_stream *stream, const struct dpl_message *message,
                    struct dpl_err *err);
int dpl_stream_flush(struct dpl_stream *stream, struct dpl_err *err);
/* Reads what has come: how many bytes, 0 if nothing has; UNREACHABLE at the end. */
ssize_t dpl_stream_read(struct dpl_stream *stream, struct dpl_err *err);
/* 1: the next message, whose views live until the next read; 0: none; or a negative code. */
int dpl_stream_next(struct dpl_stream *stream, struct dpl_message *message, struct dpl_err *err);

#endif
