/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A cursor that writes what lib/wire/reader.h reads, into memory of the caller.
 *
 * What does not fit sets a sticky error and writes nothing more; end() answers the size or the
 * error.
 */
#ifndef DPL_WIRE_WRITER_H
#define DPL_WIRE_WRITER_H

#include "lib/base/err.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct dpl_writer {
    uint8_t *start;
    size_t used;
    size_t room;
    int code;
};

void dpl_writer_init(struct dpl_writer *w, void *data, size_t room);

void dpl_writer_u8(struct dpl_writer *w, uint8_t value);
void dpl_writer_u16(struct dpl_writer *w, uint16_t value);
void dpl_writer_u32(struct dpl_writer *w, uint32_t value);
void dpl_writer_u64(struct dpl_writer *w, uint64_t value);
void dpl_writer_bytes(struct dpl_writer *w, const void *data, size_t size);
void dpl_writer_blob(struct dpl_writer *w, const void *data, size_t size);
void dpl_writer_text(struct dpl_writer *w, const char *text);

/* The size written, or TOO_LARGE. */
ssize_t dpl_writer_end(const struct dpl_writer *w, const char *what, struct dpl_err *err);

#endif
