/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Each kind of field: its size, its bytes, its bounds, side by side.
 */
#include "lib/journal/field.h"

#include <endian.h>
#include <string.h>

enum kind { K_OID, K_NAME, K_TARGET, K_XNAME, K_VALUE, K_XATTRS, K_DATA, K_U32, K_U64, K_ATTR };

static const struct {
    const char *text;
    uint16_t tag;
    uint16_t at; /* of the member */
    enum kind kind;
} fields[] = {
#define DPL_FIELD(name, member, kind, tag, text)                                                   \
    {text, tag, offsetof(struct dpl_record, member), K_##kind},
#include "lib/journal/record.tbl.h"
#undef DPL_FIELD
};

static const struct {
    const char *text;
    uint32_t required, optional;
} types[] = {
#define DPL_RECORD(name, number, text, required, optional)                                         \
    [number] = {text, (uint32_t)(required), (uint32_t)(optional)},
#include "lib/journal/record.tbl.h"
#undef DPL_RECORD
};

const char *dpl_field_text(enum dpl_field_index index)
{
    return (unsigned)index < DPL_FIELD_COUNT ? fields[index].text : NULL;
}

const char *dpl_record_type_text(unsigned type)
{
    return type < sizeof types / sizeof types[0] ? types[type].text : NULL;
}

const char *dpl_outcome_text(unsigned outcome)
{
    static const char *const texts[] = {"open", "ok", "void", "unknown"};
    return outcome < sizeof texts / sizeof texts[0] ? texts[outcome] : NULL;
}

bool dpl_record_fields(unsigned type, uint32_t *required, uint32_t *optional)
{
    if (!dpl_record_type_text(type))
        return false;
    *required = types[type].required;
    *optional = types[type].optional & ~types[type].required;
    return true;
}

unsigned dpl_field_find(unsigned tag, unsigned from)
{
    const unsigned plain = ~(unsigned)DPL_FIELD_OPTIONAL;
    while (from < DPL_FIELD_COUNT && (fields[from].tag & plain) < (tag & plain))
        from++;
    return from < DPL_FIELD_COUNT && fields[from].tag == tag ? from : DPL_FIELD_COUNT;
}

static const void *member(const struct dpl_record *record, unsigned index)
{
    return (const char *)record + fields[index].at;
}

static size_t attr_bytes(const struct dpl_attr *attr)
{
    static const struct {
        uint32_t bits;
        unsigned bytes;
    } sizes[] = {{DPL_A_MODE | DPL_A_UID | DPL_A_GID | DPL_A_NLINK | DPL_A_IFLAGS, 4},
                 {DPL_A_SIZE, 8},
                 {DPL_A_ATIME | DPL_A_MTIME | DPL_A_CTIME | DPL_A_BTIME, 12}};
    size_t sum = 4;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        sum += sizes[i].bytes * (unsigned)__builtin_popcount(attr->has & sizes[i].bits);
    return sum;
}

size_t dpl_field_bytes(const struct dpl_record *record, unsigned index)
{
    switch (fields[index].kind) {
    case K_U32:
        return 4;
    case K_U64:
        return 8;
    case K_ATTR:
        return attr_bytes(member(record, index));
    default:
        return ((const struct dpl_view *)member(record, index))->size;
    }
}

static uint8_t *be32(uint8_t *at, uint32_t value)
{
    value = htobe32(value);
    memcpy(at, &value, 4);
    return at + 4;
}

static uint8_t *be64(uint8_t *at, uint64_t value)
{
    return be32(be32(at, (uint32_t)(value >> 32)), (uint32_t)value);
}

static uint8_t *put_time(uint8_t *at, const struct dpl_time *time)
{
    return be32(be64(at, (uint64_t)time->sec), time->nsec);
}

static uint8_t *put_attr(uint8_t *at, const struct dpl_attr *attr)
{
    at = be32(at, attr->has);
    const uint32_t small[] = {attr->mode, attr->uid, attr->gid, attr->nlink};
    const struct dpl_time *const times[] = {&attr->atime, &attr->mtime, &attr->ctime, &attr->btime};
    for (unsigned i = 0; i < 4; i++)
        if (attr->has & (uint32_t)DPL_A_MODE << i)
            at = be32(at, small[i]);
    if (attr->has & DPL_A_SIZE)
        at = be64(at, attr->size);
    for (unsigned i = 0; i < 4; i++)
        if (attr->has & (uint32_t)DPL_A_ATIME << i)
            at = put_time(at, times[i]);
    if (attr->has & DPL_A_IFLAGS)
        at = be32(at, attr->iflags);
    return at;
}

static void get_attr(struct dpl_reader *r, struct dpl_attr *attr)
{
    attr->has = dpl_reader_u32(r);
    uint32_t *const small[] = {&attr->mode, &attr->uid, &attr->gid, &attr->nlink};
    struct dpl_time *const times[] = {&attr->atime, &attr->mtime, &attr->ctime, &attr->btime};
    for (unsigned i = 0; i < 4; i++)
        if (attr->has & (uint32_t)DPL_A_MODE << i)
            *small[i] = dpl_reader_u32(r);
    if (attr->has & DPL_A_SIZE)
        attr->size = dpl_reader_u64(r);
    for (unsigned i = 0; i < 4; i++)
        if (attr->has & (uint32_t)DPL_A_ATIME << i) {
            times[i]->sec = (int64_t)dpl_reader_u64(r);
            times[i]->nsec = dpl_reader_u32(r);
        }
    if (attr->has & DPL_A_IFLAGS)
        attr->iflags = dpl_reader_u32(r);
}

static uint8_t *put_view(uint8_t *at, const struct dpl_view *view)
{
    if (view->size > 0)
        memcpy(at, view->data, view->size);
    return at + view->size;
}

uint8_t *dpl_field_put(uint8_t *at, const struct dpl_record *record, unsigned index, bool with_data)
{
    const void *value = member(record, index);
    *at++ = (uint8_t)(fields[index].tag >> 8);
    *at++ = (uint8_t)fields[index].tag;
    at = be32(at, (uint32_t)dpl_field_bytes(record, index));
    switch (fields[index].kind) {
    case K_U32:
        return be32(at, *(const uint32_t *)value);
    case K_U64:
        return be64(at, *(const uint64_t *)value);
    case K_ATTR:
        return put_attr(at, value);
    case K_DATA:
        return with_data ? put_view(at, value) : at;
    default:
        return put_view(at, value);
    }
}

void dpl_field_get(struct dpl_reader *r, struct dpl_record *record, unsigned index)
{
    void *value = (char *)record + fields[index].at;
    switch (fields[index].kind) {
    case K_U32:
        *(uint32_t *)value = dpl_reader_u32(r);
        break;
    case K_U64:
        *(uint64_t *)value = dpl_reader_u64(r);
        break;
    case K_ATTR:
        get_attr(r, value);
        break;
    default:
        *(struct dpl_view *)value = dpl_reader_bytes(r, r->left);
    }
}

static bool attr_ok(const struct dpl_attr *attr)
{
    const struct dpl_time *const times[] = {&attr->atime, &attr->mtime, &attr->ctime, &attr->btime};
    for (unsigned i = 0; i < 4; i++)
        if ((attr->has & (uint32_t)DPL_A_ATIME << i) && times[i]->nsec >= 1000000000)
            return false;
    return !(attr->has & ~(uint32_t)DPL_A_ALL) &&
           (!(attr->has & DPL_A_SIZE) || attr->size <= INT64_MAX);
}

static bool text_ok(struct dpl_view v, size_t max)
{
    return v.size >= 1 && v.size <= max && !memchr(v.data, 0, v.size);
}

static bool name_ok(struct dpl_view v)
{
    bool dots = v.size <= 2 && v.size >= 1 && v.data[0] == '.' && v.data[v.size - 1] == '.';
    return text_ok(v, DPL_NAME_MAX) && !dots && !memchr(v.data, '/', v.size);
}

static bool xattrs_ok(struct dpl_view list)
{
    struct dpl_view name, value;
    int more = list.size <= DPL_XATTRS_MAX;
    while (more > 0)
        if ((more = dpl_xattrs_next(&list, &name, &value)) == 0)
            return true;
    return false;
}

bool dpl_field_ok(const struct dpl_record *record, unsigned index)
{
    const struct dpl_view *v = member(record, index);
    switch (fields[index].kind) {
    case K_OID:
        return v->size >= 12 && v->size <= DPL_OID_MAX;
    case K_NAME:
        return name_ok(*v);
    case K_TARGET:
        return text_ok(*v, DPL_TARGET_MAX);
    case K_XNAME:
        return text_ok(*v, DPL_NAME_MAX);
    case K_VALUE:
        return v->size <= DPL_XATTR_VALUE_MAX;
    case K_XATTRS:
        return xattrs_ok(*v);
    case K_DATA:
        return v->size <= DPL_RECORD_DATA_MAX;
    case K_ATTR:
        return attr_ok(member(record, index));
    default:
        return true;
    }
}
