/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/wire/reader.h"

#include <string.h>

void dpl_reader_init(struct dpl_reader *r, const void *data, size_t size)
{
    *r = (struct dpl_reader){.at = data, .left = size};
}

void dpl_reader_fail(struct dpl_reader *r, int code)
{
    if (!r->code)
        r->code = code;
    r->left = 0;
}

struct dpl_view dpl_reader_bytes(struct dpl_reader *r, size_t size)
{
    if (r->code || size > r->left) {
        dpl_reader_fail(r, DPL_E_TRUNCATED);
        return (struct dpl_view){(const uint8_t *)"", 0};
    }
    struct dpl_view view = {r->at, size};
    r->at += size;
    r->left -= size;
    return view;
}

static uint64_t integer(struct dpl_reader *r, size_t size)
{
    struct dpl_view view = dpl_reader_bytes(r, size);
    uint64_t value = 0;
    for (size_t i = 0; i < view.size; i++)
        value = value << 8 | view.data[i];
    return value;
}

uint8_t dpl_reader_u8(struct dpl_reader *r)
{
    return (uint8_t)integer(r, 1);
}

uint16_t dpl_reader_u16(struct dpl_reader *r)
{
    return (uint16_t)integer(r, 2);
}

uint32_t dpl_reader_u32(struct dpl_reader *r)
{
    return (uint32_t)integer(r, 4);
}

uint64_t dpl_reader_u64(struct dpl_reader *r)
{
    return integer(r, 8);
}

struct dpl_view dpl_reader_blob(struct dpl_reader *r, size_t max)
{
    size_t size = dpl_reader_u32(r);
    if (size > max)
        dpl_reader_fail(r, DPL_E_TOO_LARGE);
    return dpl_reader_bytes(r, size);
}

void dpl_reader_text(struct dpl_reader *r, char *text, size_t room)
{
    struct dpl_view view = dpl_reader_blob(r, room - 1);
    text[0] = '\0';
    if (memchr(view.data, '\0', view.size)) {
        dpl_reader_fail(r, DPL_E_CORRUPT);
        return;
    }
    memcpy(text, view.data, view.size);
    text[view.size] = '\0';
}

int dpl_reader_end(const struct dpl_reader *r, const char *what, struct dpl_err *err)
{
    if (r->code)
        return dpl_err_set(err, r->code, "%s: %s", what, dpl_err_text(r->code));
    if (r->left)
        return dpl_err_set(err, DPL_E_CORRUPT, "%s: %zu bytes too many", what, r->left);
    return DPL_OK;
}
