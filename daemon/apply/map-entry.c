/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Entries of the object map as bytes.
 */
#include "daemon/apply/map.h"
#include "lib/journal/crc32c.h"
#include "lib/wire/writer.h"

#include <string.h>

enum { ALIGN = 8, OBJECT_FIXED = 8 + 4 + 4 + 4 + 16 + 4 + 4 + 4, LIMBO = 1 };

static size_t padded(size_t size)
{
    return (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
}

size_t dpl_map_object_bytes(const struct dpl_object *object)
{
    return padded(DPL_MAP_ENTRY_HEADER + OBJECT_FIXED + object->handle_bytes + object->id.size);
}

static void encode_body(struct dpl_writer *w, const struct dpl_map_entry *e)
{
    const struct dpl_object *o = &e->object;
    switch (e->kind) {
    case DPL_MAP_OBJECT:
        dpl_writer_u64(w, o->ino);
        dpl_writer_u32(w, o->type);
        dpl_writer_u32(w, o->flags_held);
        dpl_writer_u32(w, o->root);
        dpl_writer_u64(w, o->placed.epoch);
        dpl_writer_u64(w, o->placed.lsn);
        dpl_writer_u32(w, (uint32_t)o->handle_type);
        dpl_writer_blob(w, e->handle.data, e->handle.size);
        break;
    case DPL_MAP_WANTED:
        dpl_writer_u32(w, e->reason);
        dpl_writer_u64(w, e->position.epoch);
        dpl_writer_u64(w, e->position.lsn);
        break;
    case DPL_MAP_CHECKPOINT:
        dpl_writer_u64(w, e->position.epoch);
        dpl_writer_u64(w, e->position.lsn);
        return;
    case DPL_MAP_GONE:
    case DPL_MAP_NOT_WANTED:
        break;
    }
    dpl_writer_blob(w, o->id.data, o->id.size);
}

size_t dpl_map_entry_encode(const struct dpl_map_entry *e, uint8_t bytes[DPL_MAP_ENTRY_MAX],
                            uint32_t *crc)
{
    struct dpl_writer w;
    memset(bytes, 0, DPL_MAP_ENTRY_MAX);
    dpl_writer_init(&w, bytes + DPL_MAP_ENTRY_HEADER, DPL_MAP_ENTRY_MAX - DPL_MAP_ENTRY_HEADER);
    encode_body(&w, e);
    ssize_t body = dpl_writer_end(&w, "an entry of the map", NULL);
    g_assert(body >= 0); /* ids and handles have bounds */
    size_t size = padded(DPL_MAP_ENTRY_HEADER + (size_t)body);
    dpl_writer_init(&w, bytes, DPL_MAP_ENTRY_HEADER);
    dpl_writer_u32(&w, (uint32_t)size);
    dpl_writer_u32(&w, 0);
    dpl_writer_u8(&w, (uint8_t)e->kind);
    dpl_writer_u8(&w, e->kind == DPL_MAP_OBJECT && e->object.limbo ? LIMBO : 0);
    dpl_writer_u16(&w, (uint16_t)body);
    *crc = dpl_crc32c(*crc, bytes + 8, size - 8);
    dpl_writer_init(&w, bytes + 4, 4);
    dpl_writer_u32(&w, *crc);
    return size;
}

static void decode_body(struct dpl_reader *r, struct dpl_map_entry *e)
{
    struct dpl_object *o = &e->object;
    if (e->kind == DPL_MAP_OBJECT) {
        o->ino = dpl_reader_u64(r);
        o->type = dpl_reader_u32(r);
        o->flags_held = dpl_reader_u32(r);
        o->root = dpl_reader_u32(r);
        o->placed.epoch = dpl_reader_u64(r);
        o->placed.lsn = dpl_reader_u64(r);
        o->handle_type = (int)dpl_reader_u32(r);
        e->handle = dpl_reader_blob(r, DPL_HANDLE_MAX);
        o->handle_bytes = (unsigned)e->handle.size;
        if ((o->type & ~(uint32_t)S_IFMT) || e->handle.size == 0)
            dpl_reader_fail(r, DPL_E_CORRUPT);
    }
    if (e->kind == DPL_MAP_WANTED)
        e->reason = dpl_reader_u32(r);
    if (e->kind == DPL_MAP_WANTED || e->kind == DPL_MAP_CHECKPOINT) {
        e->position.epoch = dpl_reader_u64(r);
        e->position.lsn = dpl_reader_u64(r);
    }
    if (e->kind == DPL_MAP_CHECKPOINT)
        return;
    o->id = dpl_reader_blob(r, DPL_OID_MAX);
    if (o->id.size == 0 && e->kind != DPL_MAP_WANTED && e->kind != DPL_MAP_NOT_WANTED)
        dpl_reader_fail(r, DPL_E_CORRUPT);
}

static bool all_zero(const uint8_t *bytes, size_t size)
{
    return size == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0);
}

ssize_t dpl_map_entry_decode(struct dpl_map_entry *e, const uint8_t *bytes, size_t size,
                             uint32_t *crc)
{
    struct dpl_reader r;
    *e = (struct dpl_map_entry){.object.fd = -1};
    if (size < DPL_MAP_ENTRY_HEADER)
        return DPL_E_TRUNCATED;
    dpl_reader_init(&r, bytes, DPL_MAP_ENTRY_HEADER);
    uint32_t whole = dpl_reader_u32(&r), found = dpl_reader_u32(&r);
    unsigned kind = dpl_reader_u8(&r), flags = dpl_reader_u8(&r);
    size_t body = dpl_reader_u16(&r);
    uint32_t zero = dpl_reader_u32(&r);
    if (whole < DPL_MAP_ENTRY_HEADER || whole > DPL_MAP_ENTRY_MAX || whole % ALIGN != 0 ||
        padded(DPL_MAP_ENTRY_HEADER + body) != whole || zero != 0 || kind < DPL_MAP_OBJECT ||
        kind > DPL_MAP_CHECKPOINT || flags > (kind == DPL_MAP_OBJECT ? LIMBO : 0))
        return DPL_E_CORRUPT;
    if (whole > size)
        return DPL_E_TRUNCATED;
    uint32_t next = dpl_crc32c(*crc, bytes + 8, whole - 8);
    if (next != found ||
        !all_zero(bytes + DPL_MAP_ENTRY_HEADER + body, whole - DPL_MAP_ENTRY_HEADER - body))
        return DPL_E_CORRUPT;
    e->kind = (enum dpl_map_kind)kind;
    e->object.limbo = flags & LIMBO;
    dpl_reader_init(&r, bytes + DPL_MAP_ENTRY_HEADER, body);
    decode_body(&r, e);
    if (dpl_reader_end(&r, "an entry of the map", NULL) < 0)
        return DPL_E_CORRUPT;
    *crc = next;
    return (ssize_t)whole;
}
