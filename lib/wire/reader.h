/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A cursor that reads what a peer or a file says.
 *
 * Integers are big-endian. The first thing that does not fit sets a sticky error; from then on
 * every get answers zero or an empty view, so a decoder reads all its fields and asks once, with
 * end(), which also demands that nothing is left. Views borrow the bytes given to init.
 */
#ifndef DPL_WIRE_READER_H
#define DPL_WIRE_READER_H

#include "lib/base/err.h"

#include <stddef.h>
#include <stdint.h>

struct dpl_reader {
    const uint8_t *at;
    size_t left;
    int code; /* 0, or the first error */
};

struct dpl_view {
    const uint8_t *data;
    size_t size;
};

void dpl_reader_init(struct dpl_reader *r, const void *data, size_t size);

uint8_t dpl_reader_u8(struct dpl_reader *r);
uint16_t dpl_reader_u16(struct dpl_reader *r);
uint32_t dpl_reader_u32(struct dpl_reader *r);
uint64_t dpl_reader_u64(struct dpl_reader *r);
/* Exactly size bytes. */
struct dpl_view dpl_reader_bytes(struct dpl_reader *r, size_t size);
/* A length of 32 bits, then that many bytes; more than max is TOO_LARGE. */
struct dpl_view dpl_reader_blob(struct dpl_reader *r, size_t max);
/* A blob without a zero byte in it, copied with one behind it into text of that room. */
void dpl_reader_text(struct dpl_reader *r, char *text, size_t room);
/* For a field whose value makes no sense: sets the sticky error, if none is set. */
void dpl_reader_fail(struct dpl_reader *r, int code);

/* 0 if everything was there and nothing is left; else the first error, said with what it is of. */
int dpl_reader_end(const struct dpl_reader *r, const char *what, struct dpl_err *err);

#endif
