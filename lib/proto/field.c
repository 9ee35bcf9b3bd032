/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Each kind of field: its size, its bytes, its bounds, side by side.
 */
#include "lib/proto/message-check.h"

#include <string.h>

enum kind { K_U32, K_U64, K_LSN, K_ID, K_OID, K_WORD, K_TEXT, K_BYTES };

static const struct {
    const char *text;
    uint64_t min, max;
    uint16_t tag;
    uint16_t at; /* of the member */
    enum kind kind;
} fields[] = {
#define DPL_MFIELD(name, member, kind, tag, min, max, text)                                        \
    {text, min, max, tag, offsetof(struct dpl_message, member), K_##kind},
#include "lib/proto/message.tbl.h"
#undef DPL_MFIELD
};

const char *dpl_mfield_text(enum dpl_mfield_index index)
{
    return (unsigned)index < DPL_MFIELD_COUNT ? fields[index].text : NULL;
}

unsigned dpl_mfield_find(unsigned tag)
{
    for (unsigned i = 0; i < DPL_MFIELD_COUNT; i++)
        if (fields[i].tag == tag)
            return i;
    return DPL_MFIELD_COUNT;
}

static const void *member(const struct dpl_message *m, unsigned index)
{
    return (const char *)m + fields[index].at;
}

static uint64_t value_of(const struct dpl_message *m, unsigned index)
{
    return fields[index].kind == K_U32 ? *(const uint32_t *)member(m, index)
                                       : *(const uint64_t *)member(m, index);
}

static bool is_view(unsigned index)
{
    return fields[index].kind >= K_ID;
}

size_t dpl_mfield_bytes(const struct dpl_message *m, unsigned index)
{
    if (is_view(index))
        return ((const struct dpl_view *)member(m, index))->size;
    return fields[index].kind == K_U32 ? 4 : 8;
}

void dpl_mfield_put(struct dpl_writer *w, const struct dpl_message *m, unsigned index,
                    bool with_data)
{
    dpl_writer_u16(w, fields[index].tag);
    dpl_writer_u32(w, (uint32_t)dpl_mfield_bytes(m, index));
    if (is_view(index)) {
        const struct dpl_view *view = member(m, index);
        if (with_data || index != DPL_MFIELD_DATA)
            dpl_writer_bytes(w, view->data, view->size);
    } else if (fields[index].kind == K_U32) {
        dpl_writer_u32(w, *(const uint32_t *)member(m, index));
    } else {
        dpl_writer_u64(w, *(const uint64_t *)member(m, index));
    }
}

int dpl_mfield_get(struct dpl_message *m, unsigned index, struct dpl_view view)
{
    void *value = (char *)m + fields[index].at;
    struct dpl_reader r;
    if (is_view(index)) {
        *(struct dpl_view *)value = view;
        return 0;
    }
    dpl_reader_init(&r, view.data, view.size);
    if (fields[index].kind == K_U32)
        *(uint32_t *)value = dpl_reader_u32(&r);
    else
        *(uint64_t *)value = dpl_reader_u64(&r);
    return r.code || r.left ? DPL_E_CORRUPT : 0;
}

/* Names of sites, nodes and sets. */
static bool word_ok(struct dpl_view v)
{
    for (size_t i = 0; i < v.size; i++) {
        uint8_t c = v.data[i];
        bool alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!alnum && c != '_' && c != '-' && c != '.')
            return false;
    }
    return true;
}

/* One line for a log: nothing that moves a cursor. */
static bool text_ok(struct dpl_view v)
{
    for (size_t i = 0; i < v.size; i++)
        if (v.data[i] < 0x20 || v.data[i] == 0x7f)
            return false;
    return true;
}

bool dpl_mfield_ok(const struct dpl_message *m, unsigned index)
{
    uint64_t value = is_view(index) ? dpl_mfield_bytes(m, index) : value_of(m, index);
    if (value < fields[index].min || value > fields[index].max)
        return false;
    switch (fields[index].kind) {
    case K_LSN:
        return value % 8 == 0;
    case K_WORD:
        return word_ok(*(const struct dpl_view *)member(m, index));
    case K_TEXT:
        return text_ok(*(const struct dpl_view *)member(m, index));
    default:
        return true;
    }
}
