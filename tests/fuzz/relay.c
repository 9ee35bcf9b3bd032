/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a peer sends, through the pump that stands between it and an engine, in pieces of changing
 * size and into an engine that takes what it likes. The engine sees whole frames alone, plain,
 * which decode and which this peer may send.
 */
#include "daemon/priv/pump.h"

#include <glib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct memory {
    const uint8_t *at;
    size_t left;
    unsigned turn;
};

static uint8_t out[2 * (DPL_FRAME_BODY_MAX + DPL_FRAME_HEAD)];
static size_t out_size;

static ssize_t take(void *self, void *data, size_t size, struct dpl_err *err)
{
    struct memory *memory = self;
    size_t piece = 1 + memory->turn++ * 37 % 1021;
    (void)err;
    piece = piece < size ? piece : size;
    piece = piece < memory->left ? piece : memory->left;
    if (piece > 0)
        memcpy(data, memory->at, piece);
    memory->at += piece;
    memory->left -= piece;
    return (ssize_t)piece;
}

static bool is_empty(void *self)
{
    const struct memory *memory = self;
    return memory->left == 0;
}

static ssize_t put(void *self, const struct iovec *parts, int count, struct dpl_err *err)
{
    struct memory *memory = self;
    size_t piece = memory->turn++ * 53 % 4099;
    (void)err;
    g_assert(count > 0 && parts[0].iov_len > 0);
    piece = piece < parts[0].iov_len ? piece : parts[0].iov_len;
    g_assert(out_size + piece <= sizeof out);
    memcpy(out + out_size, parts[0].iov_base, piece);
    out_size += piece;
    return (ssize_t)piece;
}

/* Takes the whole frames off the front of what the engine got. */
static void check_out(unsigned from)
{
    size_t at = 0;
    while (out_size - at >= DPL_FRAME_HEAD) {
        unsigned type, flags;
        size_t body;
        struct dpl_message message;
        g_assert(dpl_frame_head_decode(out + at, DPL_FRAME_BODY_MAX, &type, &flags, &body, NULL) ==
                 0);
        if (out_size - at < DPL_FRAME_HEAD + body)
            break;
        g_assert(flags == 0 && dpl_message_from(type, from));
        g_assert(dpl_message_decode(&message, type, out + at + DPL_FRAME_HEAD, body, NULL) == 0);
        at += DPL_FRAME_HEAD + body;
    }
    memmove(out, out + at, out_size - at);
    out_size -= at;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct memory in = {data, size, 0}, engine = {NULL, 0, 1};
    const struct dpl_port peer = {take, NULL, is_empty, &in};
    const struct dpl_port to = {NULL, put, NULL, &engine};
    struct dpl_pump pump;
    struct dpl_err err;
    int step;
    dpl_pump_init(&pump, NULL, DPL_FEATURE_ALL);
    pump.from = size % 2 ? DPL_FROM_SOURCE : DPL_FROM_TARGET;
    out_size = 0;
    do {
        step = dpl_pump_in_step(&pump, &peer, &to, &err);
        check_out(pump.from);
    } while (step > 0 && step != DPL_PUMP_ENDED);
    g_assert(step == DPL_PUMP_ENDED || err.text[0] != '\0');
    g_assert(dpl_pump_amid(&pump) || out_size == 0); /* never a part of a frame */
    dpl_pump_done(&pump);
    return 0;
}
