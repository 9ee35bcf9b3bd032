/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/journal/record.h"

#include "lib/journal/crc32c.h"
#include "lib/journal/field.h"
#include "lib/wire/writer.h"

#include <string.h>

enum { MAGIC = 0x444a7263 }; /* DJrc */

void dpl_record_header_encode(struct dpl_record_header *h, uint8_t *bytes)
{
    struct dpl_writer w;
    dpl_writer_init(&w, bytes, DPL_RECORD_HEADER);
    dpl_writer_u32(&w, MAGIC);
    dpl_writer_u32(&w, h->size);
    dpl_writer_u64(&w, h->lsn);
    dpl_writer_u64(&w, h->epoch_tag);
    dpl_writer_u64(&w, h->time_ns);
    dpl_writer_u32(&w, h->body_bytes);
    dpl_writer_u32(&w, h->body_crc);
    dpl_writer_u32(&w, h->chain);
    dpl_writer_u16(&w, h->type);
    dpl_writer_u8(&w, h->outcome);
    memset(bytes + w.used, 0, DPL_RECORD_HEADER - 4 - w.used);
    w.used = DPL_RECORD_HEADER - 4;
    h->crc = dpl_crc32c(0, bytes, w.used);
    dpl_writer_u32(&w, h->crc);
}

int dpl_record_header_decode(struct dpl_record_header *h, const uint8_t *bytes)
{
    static const uint8_t zeros[13];
    struct dpl_reader r;
    dpl_reader_init(&r, bytes, DPL_RECORD_HEADER);
    uint32_t magic = dpl_reader_u32(&r);
    h->size = dpl_reader_u32(&r);
    h->lsn = dpl_reader_u64(&r);
    h->epoch_tag = dpl_reader_u64(&r);
    h->time_ns = dpl_reader_u64(&r);
    h->body_bytes = dpl_reader_u32(&r);
    h->body_crc = dpl_reader_u32(&r);
    h->chain = dpl_reader_u32(&r);
    h->type = dpl_reader_u16(&r);
    h->outcome = dpl_reader_u8(&r);
    struct dpl_view reserved = dpl_reader_bytes(&r, sizeof zeros);
    h->crc = dpl_reader_u32(&r);
    bool ok = magic == MAGIC && h->crc == dpl_crc32c(0, bytes, DPL_RECORD_HEADER - 4) &&
              h->size >= DPL_RECORD_HEADER && h->size <= DPL_RECORD_MAX &&
              h->size % DPL_RECORD_ALIGN == 0 && h->lsn % DPL_RECORD_ALIGN == 0 &&
              h->body_bytes <= h->size - DPL_RECORD_HEADER &&
              memcmp(reserved.data, zeros, sizeof zeros) == 0;
    return ok ? 0 : DPL_E_CORRUPT;
}

static bool range_ok(uint64_t offset, uint64_t length)
{
    return offset <= INT64_MAX && length <= INT64_MAX - offset;
}

static bool has(const struct dpl_record *record, uint32_t bit)
{
    return record->has & bit;
}

/* What the types' own rules say beyond their lists of fields. */
static bool type_ok(const struct dpl_record *r, unsigned type)
{
    const uint32_t made = DPL_A_MODE | DPL_A_UID | DPL_A_GID;
    uint64_t length = has(r, DPL_F_DATA) ? r->data.size : r->length;
    if (has(r, DPL_F_FLAGS) && r->flags > 31)
        return false;
    if (!range_ok(r->offset, length) || !range_ok(r->offset2, length))
        return false;
    switch (type) {
    case DPL_R_ROOT:
    case DPL_R_CREATE:
    case DPL_R_TMPFILE:
        return (r->attr.has & made) == made;
    case DPL_R_ENTER:
        return (r->attr.has & made) == made && has(r, DPL_F_PARENT) == has(r, DPL_F_NAME);
    case DPL_R_FALLOCATE:
        return !(r->mode & ~(1U | 2U | 16U)) && (r->attr.has & DPL_A_SIZE);
    case DPL_R_RENAME:
        return has(r, DPL_F_PARENT) == has(r, DPL_F_NAME) &&
               has(r, DPL_F_PARENT) == has(r, DPL_F_PARENT_ATTR) &&
               (!(r->flags & DPL_RF_EXCHANGE) || (has(r, DPL_F_OBJECT2) && has(r, DPL_F_PARENT))) &&
               has(r, DPL_F_WHITEOUT) == !!(r->flags & DPL_RF_WHITEOUT) &&
               has(r, DPL_F_WHITEOUT) == has(r, DPL_F_WHITEOUT_ATTR) &&
               (!has(r, DPL_F_WHITEOUT) || has(r, DPL_F_PARENT));
    default:
        return true;
    }
}

static int check_fields(const struct dpl_record *r, unsigned type, unsigned outcome, uint32_t extra,
                        struct dpl_err *err)
{
    uint32_t required, optional;
    if (!dpl_record_fields(type, &required, &optional) || (extra && type == DPL_R_OUTCOME))
        return dpl_err_set(err, DPL_E_UNSUPPORTED, "record type %u is unknown", type);
    if (outcome == DPL_OUTCOME_VOID)
        required = optional = 0;
    if (outcome == DPL_OUTCOME_UNKNOWN) {
        optional |= required;
        required = 0;
    }
    uint32_t wrong = (r->has & ~(required | optional | extra)) | ((required | extra) & ~r->has);
    if (wrong)
        return dpl_err_set(err, DPL_E_CORRUPT, "a %s record %s %s", dpl_record_type_text(type),
                           wrong & r->has ? "may not have" : "must have",
                           dpl_field_text((enum dpl_field_index)__builtin_ctz(wrong)));
    for (uint32_t left = r->has; left; left &= left - 1)
        if (!dpl_field_ok(r, (unsigned)__builtin_ctz(left)))
            return dpl_err_set(err, DPL_E_CORRUPT, "a %s record's %s is out of bounds",
                               dpl_record_type_text(type),
                               dpl_field_text((enum dpl_field_index)__builtin_ctz(left)));
    if (outcome == DPL_OUTCOME_OK && !type_ok(r, type))
        return dpl_err_set(err, DPL_E_CORRUPT, "the fields of a %s record contradict each other",
                           dpl_record_type_text(type));
    return 0;
}

static int check(const struct dpl_record *r, struct dpl_err *err)
{
    if (r->outcome > DPL_OUTCOME_UNKNOWN)
        return dpl_err_set(err, DPL_E_UNSUPPORTED, "outcome %u is unknown", r->outcome);
    if (r->outcome == DPL_OUTCOME_OPEN)
        return r->has == 0 && r->type != DPL_R_OUTCOME && dpl_record_type_text(r->type)
                   ? 0
                   : dpl_err_set(err, DPL_E_CORRUPT, "an open record of type %u", r->type);
    if (r->type != DPL_R_OUTCOME)
        return check_fields(r, r->type, r->outcome, 0, err);
    return check_fields(r, r->of_type, r->outcome, DPL_F_LSN | DPL_F_OF_TYPE, err);
}

size_t dpl_record_body_bytes(const struct dpl_record *record)
{
    size_t sum = 0;
    for (uint32_t left = record->has; left; left &= left - 1)
        sum += DPL_FIELD_HEADER + dpl_field_bytes(record, (unsigned)__builtin_ctz(left));
    return sum;
}

size_t dpl_record_head_bytes(const struct dpl_record *record)
{
    return dpl_record_body_bytes(record) - (has(record, DPL_F_DATA) ? record->data.size : 0);
}

static ssize_t encode(const struct dpl_record *record, void *body, size_t room, bool with_data,
                      struct dpl_err *err)
{
    int rc = check(record, err);
    if (rc < 0) {
        if (err)
            err->code = DPL_E_PARAM;
        return DPL_E_PARAM;
    }
    size_t bytes = with_data ? dpl_record_body_bytes(record) : dpl_record_head_bytes(record);
    if (bytes > room)
        return dpl_err_set(err, DPL_E_TOO_LARGE, "a journal record of %zu bytes does not fit",
                           bytes);
    uint8_t *at = body;
    for (uint32_t left = record->has; left; left &= left - 1)
        at = dpl_field_put(at, record, (unsigned)__builtin_ctz(left), with_data);
    return (ssize_t)bytes;
}

ssize_t dpl_record_encode(const struct dpl_record *record, void *body, size_t room,
                          struct dpl_err *err)
{
    return encode(record, body, room, true, err);
}

ssize_t dpl_record_encode_head(const struct dpl_record *record, void *body, size_t room,
                               struct dpl_err *err)
{
    return encode(record, body, room, false, err);
}

/* Reads one field. Tags ascend: `next` is the lowest tag that may come, `index` where to look. */
static void decode_field(struct dpl_reader *r, struct dpl_record *record, unsigned *next,
                         unsigned *index)
{
    unsigned tag = dpl_reader_u16(r), plain = tag & ~(unsigned)DPL_FIELD_OPTIONAL;
    struct dpl_view value = dpl_reader_blob(r, DPL_RECORD_MAX);
    if (r->code)
        return;
    if (plain < *next) {
        dpl_reader_fail(r, DPL_E_CORRUPT);
        return;
    }
    *next = plain + 1;
    unsigned found = dpl_field_find(tag, *index);
    if (found == DPL_FIELD_COUNT && (tag & DPL_FIELD_OPTIONAL))
        return;
    if (found == DPL_FIELD_COUNT) {
        dpl_reader_fail(r, DPL_E_UNSUPPORTED);
        return;
    }
    *index = found + 1;
    struct dpl_reader inner;
    dpl_reader_init(&inner, value.data, value.size);
    dpl_field_get(&inner, record, found);
    if (dpl_reader_end(&inner, "a field", NULL) < 0)
        dpl_reader_fail(r, DPL_E_CORRUPT);
    record->has |= DPL_FIELD_BIT(found);
}

int dpl_record_decode(struct dpl_record *record, unsigned type, unsigned outcome, const void *body,
                      size_t size, struct dpl_err *err)
{
    uint64_t lsn = record->lsn, time_ns = record->time_ns;
    *record = (struct dpl_record){.lsn = lsn,
                                  .time_ns = time_ns,
                                  .type = (uint16_t)(type <= UINT16_MAX ? type : 0),
                                  .outcome = (uint8_t)(outcome <= UINT8_MAX ? outcome : UINT8_MAX)};
    struct dpl_reader r;
    dpl_reader_init(&r, body, size);
    unsigned next = 0, index = 0;
    while (r.left > 0 && !r.code)
        decode_field(&r, record, &next, &index);
    int rc = dpl_reader_end(&r, "a journal record", err);
    return rc < 0 ? rc : check(record, err);
}

void dpl_record_resolve(struct dpl_record *record)
{
    if (record->type != DPL_R_OUTCOME)
        return;
    record->type = (uint16_t)record->of_type;
    record->lsn = record->of_lsn;
    record->has &= ~(uint32_t)(DPL_F_LSN | DPL_F_OF_TYPE);
}
