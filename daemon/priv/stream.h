/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A TLS connection with a peer, without blocking, and the greeting's waits with a deadline.
 *
 * Reading and writing answer what they could do at once; what they must wait for stands in
 * wants_read and wants_write, for poll. What goes out is gathered, many records to a system call,
 * and leaves with flush. The first failure is kept in `why`, and for ever after.
 */
#ifndef DPL_PRIV_STREAM_H
#define DPL_PRIV_STREAM_H

#include "lib/tls/context.h"

#include <stddef.h>
#include <sys/types.h>

struct dpl_stream {
    struct dpl_tls *tls; /* borrowed */
    struct ssl_st *ssl;
    int fd;           /* borrowed */
    int events;       /* of poll(2), what the last call waits for */
    bool unsent;      /* gathered, not flushed */
    bool peer_closed; /* the peer said that it sends no more */
    uint64_t sent_bytes, received_bytes, since_key_bytes;
};

int dpl_stream_init(struct dpl_stream *stream, struct dpl_tls *tls, int fd, struct dpl_err *err);
void dpl_stream_done(struct dpl_stream *stream);
/* 1: done; 0: must wait; or a negative code. */
int dpl_stream_handshake(struct dpl_stream *stream, struct dpl_err *err);
/* Bytes; 0: must wait, or peer_closed; or a negative code. */
ssize_t dpl_stream_read(struct dpl_stream *stream, void *data, size_t size, struct dpl_err *err);
ssize_t dpl_stream_write(struct dpl_stream *stream, const void *data, size_t size,
                         struct dpl_err *err);
/* 1: all is with the kernel; 0: must wait; or a negative code. */
int dpl_stream_flush(struct dpl_stream *stream, struct dpl_err *err);
/* Says that no more is sent. */
void dpl_stream_close(struct dpl_stream *stream);

#endif
