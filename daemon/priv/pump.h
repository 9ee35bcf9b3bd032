/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The two pumps of a relay. Each moves whole frames from one port to the other, one step at a time,
 * and holds at most one frame and its other form (4 MiB each) besides what the ports hold:
 *
 *   in    from the peer: frame, decompress, decode strictly, look who may send it, encode anew
 *   out   to the peer: our engine's frames, compressed where that is agreed and of use
 *
 * A step that says it waits for one port moves nothing until that port can go on; so who does not
 * read stops the other from sending. Ports do all input and output: the pumps can be run on memory.
 * Errors of in are the peer's doing (CORRUPT, TOO_LARGE, UNSUPPORTED), or NO_MEMORY.
 */
#ifndef DPL_PRIV_PUMP_H
#define DPL_PRIV_PUMP_H

#include "lib/proto/compress.h"
#include "lib/proto/message.h"

#include <sys/uio.h>

/* One side. read and write: bytes; 0: must wait (or, of read, has ended); or a negative code. */
struct dpl_port {
    ssize_t (*read)(void *self, void *data, size_t size, struct dpl_err *err);
    ssize_t (*write)(void *self, const struct iovec *parts, int count, struct dpl_err *err);
    bool (*ended)(void *self); /* nothing more will come from it */
    void *self;
};

enum dpl_pump_step {
    DPL_PUMP_MOVED = 1, /* something; call again */
    DPL_PUMP_WAITS_READ,
    DPL_PUMP_WAITS_WRITE,
    DPL_PUMP_ENDED, /* the port that it reads from has ended, and all whole frames are moved */
};

struct dpl_pump {
    struct dpl_frame_in frames;
    struct dpl_codec codec;
    unsigned from;  /* in: what the peer is, bits of enum dpl_from */
    unsigned level; /* out: of compression */
    uint8_t *other; /* a frame's other form */
    size_t other_size;
    uint8_t head[DPL_MESSAGE_HEAD_MAX];
    struct iovec parts[2]; /* what waits to be written */
    uint64_t frames_moved;
};

/* frames may hold what was read already; it is taken. */
void dpl_pump_init(struct dpl_pump *pump, struct dpl_frame_in *frames, uint64_t features);
void dpl_pump_done(struct dpl_pump *pump);
/* A step of enum dpl_pump_step, or a negative code. */
int dpl_pump_in_step(struct dpl_pump *pump, const struct dpl_port *peer,
                     const struct dpl_port *engine, struct dpl_err *err);
int dpl_pump_out_step(struct dpl_pump *pump, const struct dpl_port *engine,
                      const struct dpl_port *peer, struct dpl_err *err);
/* Whether a part of a frame has been written: nothing else may be written before the rest. */
bool dpl_pump_amid(const struct dpl_pump *pump);

#endif
