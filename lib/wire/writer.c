/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/wire/writer.h"

#include <string.h>

void dpl_writer_init(struct dpl_writer *w, void *data, size_t room)
{
    *w = (struct dpl_writer){.start = data, .room = room};
}

void dpl_writer_bytes(struct dpl_writer *w, const void *data, size_t size)
{
    if (w->code || size > w->room - w->used) {
        w->code = DPL_E_TOO_LARGE;
        return;
    }
    if (size > 0)
        memcpy(w->start + w->used, data, size);
    w->used += size;
}

static void integer(struct dpl_writer *w, uint64_t value, size_t size)
{
    uint8_t bytes[8];
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(value >> (8 * (size - 1 - i)));
    dpl_writer_bytes(w, bytes, size);
}

void dpl_writer_u8(struct dpl_writer *w, uint8_t value)
{
    integer(w, value, 1);
}

void dpl_writer_u16(struct dpl_writer *w, uint16_t value)
{
    integer(w, value, 2);
}

void dpl_writer_u32(struct dpl_writer *w, uint32_t value)
{
    integer(w, value, 4);
}

void dpl_writer_u64(struct dpl_writer *w, uint64_t value)
{
    integer(w, value, 8);
}

void dpl_writer_blob(struct dpl_writer *w, const void *data, size_t size)
{
    if (size > UINT32_MAX) {
        w->code = DPL_E_TOO_LARGE;
        return;
    }
    integer(w, size, 4);
    dpl_writer_bytes(w, data, size);
}

void dpl_writer_text(struct dpl_writer *w, const char *text)
{
    dpl_writer_blob(w, text, strlen(text));
}

ssize_t dpl_writer_end(const struct dpl_writer *w, const char *what, struct dpl_err *err)
{
    if (w->code)
        return dpl_err_set(err, w->code, "%s: %s", what, dpl_err_text(w->code));
    return (ssize_t)w->used;
}
