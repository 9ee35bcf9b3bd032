/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Frames: what stands in front of every message, and how a stream of bytes is cut into them.
 *
 * struct dpl_frame_in takes what a socket gives, in pieces of any size, and answers whole frames.
 * It owns one buffer, which grows with what comes, never above the bound that it was given: small
 * until the peer is known. The view of a frame lives until the next call of room or next. A head
 * that breaks the rules is CORRUPT or TOO_LARGE, at once and for ever after: the connection ends.
 */
#ifndef DPL_PROTO_FRAME_H
#define DPL_PROTO_FRAME_H

#include "lib/base/err.h"
#include "lib/wire/reader.h"

#include <stddef.h>
#include <stdint.h>

enum {
    DPL_FRAME_HEAD = 8,
    DPL_FRAME_BODY_MAX = 4 * 1024 * 1024,
    DPL_FRAME_HELLO_MAX = 4096, /* of a body before the WELCOME */
};

enum dpl_frame_flag { DPL_FRAME_COMPRESSED = 1, DPL_FRAME_FLAGS_ALL = 1 };

struct dpl_frame {
    uint16_t type, flags;
    struct dpl_view body;
};

/* Writes DPL_FRAME_HEAD bytes. */
void dpl_frame_head_encode(uint8_t *bytes, unsigned type, unsigned flags, size_t body_bytes);
/* Reads them. body_bytes is at most body_max, else TOO_LARGE; unknown flags are UNSUPPORTED. */
int dpl_frame_head_decode(const uint8_t *bytes, size_t body_max, unsigned *type, unsigned *flags,
                          size_t *body_bytes, struct dpl_err *err);

struct dpl_frame_in {
    uint8_t *buffer;
    size_t size, start, end; /* of the buffer; what is not taken yet */
    size_t body_max;
    int code; /* 0, or the first error */
};

void dpl_frame_in_init(struct dpl_frame_in *in, size_t body_max);
void dpl_frame_in_done(struct dpl_frame_in *in);
/* Where the next bytes go, and how many may come, never 0; to be asked when next() has answered 0.
 * NO_MEMORY, or the stream's error. */
int dpl_frame_in_room(struct dpl_frame_in *in, uint8_t **at, size_t *room, struct dpl_err *err);
void dpl_frame_in_added(struct dpl_frame_in *in, size_t bytes);
/* 1: a frame; 0: more bytes are wanted; or a negative code. */
int dpl_frame_in_next(struct dpl_frame_in *in, struct dpl_frame *frame, struct dpl_err *err);
/* Whether a part of a frame is there: a stream may not end here. */
static inline int dpl_frame_in_partial(const struct dpl_frame_in *in)
{
    return in->end > in->start;
}

#endif
