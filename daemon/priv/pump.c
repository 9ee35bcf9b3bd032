/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/priv/pump.h"

#include <stdlib.h>

void dpl_pump_init(struct dpl_pump *pump, struct dpl_frame_in *frames, uint64_t features)
{
    *pump = (struct dpl_pump){0};
    if (frames) {
        pump->frames = *frames;
        frames->buffer = NULL;
        dpl_frame_in_done(frames);
    }
    pump->frames.body_max = DPL_FRAME_BODY_MAX;
    dpl_codec_init(&pump->codec, features);
}

void dpl_pump_done(struct dpl_pump *pump)
{
    dpl_frame_in_done(&pump->frames);
    dpl_codec_done(&pump->codec);
    free(pump->other);
    pump->other = NULL;
}

bool dpl_pump_amid(const struct dpl_pump *pump)
{
    return pump->parts[0].iov_len + pump->parts[1].iov_len > 0;
}

/* Room for a frame's other form. It grows to what was needed and stays. */
static int need_other(struct dpl_pump *pump, size_t size, struct dpl_err *err)
{
    if (size <= pump->other_size)
        return 0;
    uint8_t *more = realloc(pump->other, size);
    if (!more)
        return dpl_err_set(err, DPL_E_NO_MEMORY, "a buffer of %zu bytes for a frame", size);
    pump->other = more;
    pump->other_size = size;
    return 0;
}

static void written(struct dpl_pump *pump, size_t bytes)
{
    for (int i = 0; i < 2; i++) {
        size_t n = bytes < pump->parts[i].iov_len ? bytes : pump->parts[i].iov_len;
        pump->parts[i].iov_base = (uint8_t *)pump->parts[i].iov_base + n;
        pump->parts[i].iov_len -= n;
        bytes -= n;
    }
}

static int write_step(struct dpl_pump *pump, const struct dpl_port *to, struct dpl_err *err)
{
    bool first = pump->parts[0].iov_len > 0;
    ssize_t n = to->write(to->self, first ? pump->parts : pump->parts + 1,
                          first && pump->parts[1].iov_len > 0 ? 2 : 1, err);
    if (n < 0)
        return (int)n;
    written(pump, (size_t)n);
    return n > 0 ? DPL_PUMP_MOVED : DPL_PUMP_WAITS_WRITE;
}

static int read_step(struct dpl_pump *pump, const struct dpl_port *from, struct dpl_err *err)
{
    uint8_t *at;
    size_t room;
    int rc = dpl_frame_in_room(&pump->frames, &at, &room, err);
    if (rc < 0)
        return rc;
    ssize_t n = from->read(from->self, at, room, err);
    if (n < 0)
        return (int)n;
    dpl_frame_in_added(&pump->frames, (size_t)n);
    if (n > 0)
        return DPL_PUMP_MOVED;
    return from->ended(from->self) ? DPL_PUMP_ENDED : DPL_PUMP_WAITS_READ;
}

/* The plain body of a frame. */
static int plain_body(struct dpl_pump *pump, const struct dpl_frame *frame, struct dpl_view *body,
                      struct dpl_err *err)
{
    *body = frame->body;
    if (!(frame->flags & DPL_FRAME_COMPRESSED))
        return 0;
    if (!dpl_message_compressible(frame->type))
        return dpl_err_set(err, DPL_E_CORRUPT, "a message of type %u may not be compressed",
                           frame->type);
    ssize_t size = dpl_codec_plain_bytes(frame->body, DPL_FRAME_BODY_MAX, err);
    if (size < 0)
        return (int)size;
    int rc = need_other(pump, (size_t)size, err);
    if (rc < 0)
        return rc;
    size = dpl_codec_unpack(&pump->codec, frame->body, pump->other, (size_t)size, err);
    if (size < 0)
        return (int)size;
    *body = (struct dpl_view){pump->other, (size_t)size};
    return 0;
}

/* A whole frame of the peer becomes parts to be written. */
static int take_peer_frame(struct dpl_pump *pump, const struct dpl_frame *frame,
                           struct dpl_err *err)
{
    struct dpl_message message;
    struct dpl_view body;
    int rc = plain_body(pump, frame, &body, err);
    if (rc == 0)
        rc = dpl_message_decode(&message, frame->type, body.data, body.size, err);
    if (rc < 0)
        return rc;
    if (!dpl_message_from(frame->type, pump->from))
        return dpl_err_set(err, DPL_E_CORRUPT, "%s is not the peer's to send",
                           dpl_message_text(frame->type));
    ssize_t n = dpl_message_encode_head(&message, pump->head, sizeof pump->head, err);
    if (n < 0)
        return (int)n;
    pump->parts[0] = (struct iovec){pump->head, (size_t)n};
    pump->parts[1] = (struct iovec){0};
    if (message.has & DPL_M(DATA))
        pump->parts[1] = (struct iovec){(void *)(uintptr_t)message.data.data, message.data.size};
    pump->frames_moved++;
    return DPL_PUMP_MOVED;
}

int dpl_pump_in_step(struct dpl_pump *pump, const struct dpl_port *peer,
                     const struct dpl_port *engine, struct dpl_err *err)
{
    struct dpl_frame frame;
    if (dpl_pump_amid(pump))
        return write_step(pump, engine, err);
    int rc = dpl_frame_in_next(&pump->frames, &frame, err);
    if (rc < 0)
        return rc;
    return rc > 0 ? take_peer_frame(pump, &frame, err) : read_step(pump, peer, err);
}

/* Compresses a frame into the other form. The size of the whole frame; 0: better as it is. */
static ssize_t pack(struct dpl_pump *pump, const struct dpl_frame *frame, struct dpl_err *err)
{
    if (pump->level == 0 || !dpl_message_compressible(frame->type))
        return 0;
    int rc = need_other(pump, DPL_FRAME_HEAD + frame->body.size, err);
    if (rc < 0)
        return rc;
    ssize_t n = dpl_codec_pack(&pump->codec, pump->level, frame->body.data, frame->body.size,
                               pump->other + DPL_FRAME_HEAD, err);
    if (n <= 0)
        return n;
    dpl_frame_head_encode(pump->other, frame->type, DPL_FRAME_COMPRESSED, (size_t)n);
    return DPL_FRAME_HEAD + n;
}

static int take_engine_frame(struct dpl_pump *pump, const struct dpl_frame *frame,
                             struct dpl_err *err)
{
    ssize_t n = pack(pump, frame, err);
    if (n < 0)
        return (int)n;
    if (n > 0)
        pump->parts[0] = (struct iovec){pump->other, (size_t)n};
    else /* its head stands in front of it */
        pump->parts[0] = (struct iovec){(uint8_t *)(uintptr_t)frame->body.data - DPL_FRAME_HEAD,
                                        DPL_FRAME_HEAD + frame->body.size};
    pump->parts[1] = (struct iovec){0};
    pump->frames_moved++;
    return DPL_PUMP_MOVED;
}

int dpl_pump_out_step(struct dpl_pump *pump, const struct dpl_port *engine,
                      const struct dpl_port *peer, struct dpl_err *err)
{
    struct dpl_frame frame;
    if (dpl_pump_amid(pump))
        return write_step(pump, peer, err);
    int rc = dpl_frame_in_next(&pump->frames, &frame, err);
    if (rc < 0)
        return rc;
    return rc > 0 ? take_engine_frame(pump, &frame, err) : read_step(pump, engine, err);
}
