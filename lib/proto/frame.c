/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/proto/frame.h"

#include "lib/wire/writer.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>

/* Read at least so much at once, so that a stream of small messages is not read one by one. */
enum { READ_MIN = 64 * 1024 };

void dpl_frame_head_encode(uint8_t *bytes, unsigned type, unsigned flags, size_t body_bytes)
{
    struct dpl_writer w;
    dpl_writer_init(&w, bytes, DPL_FRAME_HEAD);
    dpl_writer_u32(&w, (uint32_t)body_bytes);
    dpl_writer_u16(&w, (uint16_t)type);
    dpl_writer_u16(&w, (uint16_t)flags);
}

int dpl_frame_head_decode(const uint8_t *bytes, size_t body_max, unsigned *type, unsigned *flags,
                          size_t *body_bytes, struct dpl_err *err)
{
    struct dpl_reader r;
    dpl_reader_init(&r, bytes, DPL_FRAME_HEAD);
    *body_bytes = dpl_reader_u32(&r);
    *type = dpl_reader_u16(&r);
    *flags = dpl_reader_u16(&r);
    if (*body_bytes > body_max)
        return dpl_err_set(err, DPL_E_TOO_LARGE,
                           "a frame of %zu bytes was announced, at most %zu are allowed",
                           *body_bytes, body_max);
    if (*flags & ~(unsigned)DPL_FRAME_FLAGS_ALL)
        return dpl_err_set(err, DPL_E_UNSUPPORTED, "a frame has the unknown flags %#x", *flags);
    return 0;
}

void dpl_frame_in_init(struct dpl_frame_in *in, size_t body_max)
{
    *in = (struct dpl_frame_in){.body_max = body_max};
}

void dpl_frame_in_done(struct dpl_frame_in *in)
{
    free(in->buffer);
    in->buffer = NULL;
}

/* The frame that begins in the buffer: its size with the head; the head's if that is not whole. */
static int frame_size(struct dpl_frame_in *in, struct dpl_frame *frame, size_t *size,
                      struct dpl_err *err)
{
    unsigned type, flags;
    *size = DPL_FRAME_HEAD;
    if (in->code)
        return dpl_err_set(err, in->code, "the stream of frames is broken");
    if (in->end - in->start < DPL_FRAME_HEAD)
        return 0;
    in->code =
        dpl_frame_head_decode(in->buffer + in->start, in->body_max, &type, &flags, size, err);
    if (in->code)
        return in->code;
    *frame = (struct dpl_frame){.type = (uint16_t)type, .flags = (uint16_t)flags};
    frame->body = (struct dpl_view){in->buffer + in->start + DPL_FRAME_HEAD, *size};
    *size += DPL_FRAME_HEAD;
    return 0;
}

int dpl_frame_in_room(struct dpl_frame_in *in, uint8_t **at, size_t *room, struct dpl_err *err)
{
    struct dpl_frame frame;
    size_t want;
    int rc = frame_size(in, &frame, &want, err);
    if (rc < 0)
        return rc;
    if (in->start > 0) {
        if (in->end > in->start)
            memmove(in->buffer, in->buffer + in->start, in->end - in->start);
        in->end -= in->start;
        in->start = 0;
    }
    size_t most = DPL_FRAME_HEAD + in->body_max;
    size_t size = want > READ_MIN ? want : READ_MIN < most ? READ_MIN : most;
    g_assert(in->end < want); /* next() has answered 0 */
    if (size > in->size) {
        uint8_t *more = realloc(in->buffer, size);
        if (!more)
            return dpl_err_set(err, DPL_E_NO_MEMORY, "a buffer of %zu bytes for a frame", size);
        in->buffer = more;
        in->size = size;
    }
    *at = in->buffer + in->end;
    /* Of a large frame no more than is missing: then nothing of the next one has to be moved. */
    *room = size - in->end;
    return 0;
}

void dpl_frame_in_added(struct dpl_frame_in *in, size_t bytes)
{
    in->end += bytes;
}

int dpl_frame_in_next(struct dpl_frame_in *in, struct dpl_frame *frame, struct dpl_err *err)
{
    size_t size;
    int rc = frame_size(in, frame, &size, err);
    if (rc < 0)
        return rc;
    if (in->end - in->start < size)
        return 0;
    in->start += size;
    return 1;
}
