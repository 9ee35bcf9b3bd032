/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Encode and decode, side by side, made of the tables.
 */
#include "lib/proto/message.h"

#include "lib/proto/frame.h"
#include "lib/proto/message-check.h"
#include "lib/wire/writer.h"

#include <string.h>

static const struct {
    const char *text;
    uint64_t required, optional;
    uint32_t flags;
    uint8_t from, compressed, payload;
} types[] = {
#define DPL_MESSAGE(name, number, text, from, compressed, payload, flags, required, optional)      \
    [number] = {                                                                                   \
        text, required, optional, flags, DPL_FROM_##from, compressed, DPL_PAYLOAD_##payload},
#include "lib/proto/message.tbl.h"
#undef DPL_MESSAGE
};
_Static_assert(sizeof types / sizeof types[0] == DPL_MSG_END, "the last message's number");

static const struct {
    const char *text;
    bool again;
} refusals[] = {
#define DPL_REFUSAL(name, number, again, text) [number] = {text, again},
#include "lib/proto/message.tbl.h"
#undef DPL_REFUSAL
};

const char *dpl_message_text(unsigned type)
{
    return type < sizeof types / sizeof types[0] ? types[type].text : NULL;
}

const char *dpl_refusal_text(unsigned code)
{
    return code < sizeof refusals / sizeof refusals[0] ? refusals[code].text : NULL;
}

bool dpl_refusal_again(unsigned code)
{
    return !dpl_refusal_text(code) || refusals[code].again;
}

bool dpl_message_from(unsigned type, unsigned from)
{
    return dpl_message_text(type) && (types[type].from & from);
}

bool dpl_message_compressible(unsigned type)
{
    return dpl_message_text(type) && types[type].compressed;
}

bool dpl_message_fields(unsigned type, uint64_t *required, uint64_t *optional)
{
    if (!dpl_message_text(type))
        return false;
    *required = types[type].required;
    *optional = types[type].optional;
    return true;
}

static unsigned first_bit(uint64_t bits)
{
    return (unsigned)__builtin_ctzll(bits);
}

/* Says what is wrong with it, in words for the one who encodes and the one who decodes. */
static int check(const struct dpl_message *m, int code, struct dpl_err *err)
{
    const char *text = dpl_message_text(m->type);
    if (!text)
        return dpl_err_set(err, DPL_E_UNSUPPORTED, "message type %u is not known", m->type);
    uint64_t missing = types[m->type].required & ~m->has;
    uint64_t strange = m->has & ~(types[m->type].required | types[m->type].optional);
    if (missing)
        return dpl_err_set(err, code, "%s: the field %s is missing", text,
                           dpl_mfield_text((enum dpl_mfield_index)first_bit(missing)));
    if (strange)
        return dpl_err_set(err, code, "%s: it cannot have the field %s", text,
                           dpl_mfield_text((enum dpl_mfield_index)first_bit(strange)));
    for (uint64_t left = m->has; left; left &= left - 1)
        if (!dpl_mfield_ok(m, first_bit(left)))
            return dpl_err_set(err, code, "%s: the field %s is out of its bounds", text,
                               dpl_mfield_text((enum dpl_mfield_index)first_bit(left)));
    if ((m->has & DPL_M(FLAGS)) && (m->flags & ~types[m->type].flags))
        return dpl_err_set(err, code, "%s: unknown flags %#x", text, m->flags);
    if (!dpl_payload_ok(m, (enum dpl_payload)types[m->type].payload) || !dpl_message_agrees(m))
        return dpl_err_set(err, code, "%s: its fields do not agree with each other", text);
    return 0;
}

static size_t body_bytes(const struct dpl_message *m)
{
    size_t sum = 0;
    for (uint64_t left = m->has; left; left &= left - 1)
        sum += 6 + dpl_mfield_bytes(m, first_bit(left));
    return sum;
}

size_t dpl_message_frame_bytes(const struct dpl_message *m)
{
    return DPL_FRAME_HEAD + body_bytes(m);
}

static ssize_t encode(const struct dpl_message *m, void *frame, size_t room, bool with_data,
                      struct dpl_err *err)
{
    int rc = check(m, DPL_E_PARAM, err);
    if (rc < 0)
        return rc;
    size_t size = dpl_message_frame_bytes(m);
    size_t behind = !with_data && (m->has & DPL_M(DATA)) ? m->data.size : 0;
    if (size - behind > room || size - DPL_FRAME_HEAD > DPL_FRAME_BODY_MAX)
        return dpl_err_set(err, DPL_E_TOO_LARGE, "%s: %zu bytes do not fit",
                           dpl_message_text(m->type), size);
    struct dpl_writer w;
    uint8_t *bytes = frame;
    dpl_frame_head_encode(bytes, m->type, 0, size - DPL_FRAME_HEAD);
    dpl_writer_init(&w, bytes + DPL_FRAME_HEAD, room - DPL_FRAME_HEAD);
    for (uint64_t left = m->has; left; left &= left - 1)
        dpl_mfield_put(&w, m, first_bit(left), with_data);
    ssize_t used = dpl_writer_end(&w, dpl_message_text(m->type), err);
    return used < 0 ? used : used + DPL_FRAME_HEAD;
}

ssize_t dpl_message_encode(const struct dpl_message *m, void *frame, size_t room,
                           struct dpl_err *err)
{
    return encode(m, frame, room, true, err);
}

ssize_t dpl_message_encode_head(const struct dpl_message *m, void *frame, size_t room,
                                struct dpl_err *err)
{
    return encode(m, frame, room, false, err);
}

/* One field; an unknown one is skipped if it says that it may be. */
static int field_decode(struct dpl_reader *r, struct dpl_message *m, unsigned *next)
{
    uint16_t tag = dpl_reader_u16(r);
    struct dpl_view view = dpl_reader_blob(r, DPL_FRAME_BODY_MAX);
    unsigned plain = tag & 0x7fff;
    if (r->code)
        return r->code;
    if (plain < *next)
        return DPL_E_CORRUPT;
    *next = plain + 1;
    unsigned index = dpl_mfield_find(plain);
    if (index == DPL_MFIELD_COUNT)
        return tag & 0x8000 ? 0 : DPL_E_UNSUPPORTED;
    /* A field that is known is never sent as one that may be skipped: one form of each message. */
    if (tag & 0x8000)
        return DPL_E_CORRUPT;
    m->has |= DPL_MFIELD_BIT(index);
    return dpl_mfield_get(m, index, view);
}

int dpl_message_decode(struct dpl_message *m, unsigned type, const void *body, size_t size,
                       struct dpl_err *err)
{
    const char *text = dpl_message_text(type);
    struct dpl_reader r;
    unsigned next = 1;
    *m = (struct dpl_message){.type = (uint16_t)type};
    if (!text)
        return dpl_err_set(err, DPL_E_UNSUPPORTED, "message type %u is not known", type);
    dpl_reader_init(&r, body, size);
    while (r.left > 0 && !r.code) {
        int rc = field_decode(&r, m, &next);
        if (rc < 0)
            return dpl_err_set(err, rc, "%s: %s, in the field with tag %u", text, dpl_err_text(rc),
                               next ? next - 1 : 0);
    }
    int rc = dpl_reader_end(&r, text, err);
    return rc < 0 ? rc : check(m, DPL_E_CORRUPT, err);
}

struct dpl_view dpl_view_text(const char *text)
{
    return (struct dpl_view){(const uint8_t *)text, strlen(text)};
}

void dpl_view_copy_text(struct dpl_view view, char *text, size_t room)
{
    size_t size = view.size < room - 1 ? view.size : room - 1;
    if (size > 0)
        memcpy(text, view.data, size);
    text[size] = '\0';
}
