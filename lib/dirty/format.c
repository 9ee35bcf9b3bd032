/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The dirty log as bytes, see format.h.
 */
#include "lib/dirty/format.h"

#include "lib/journal/crc32c.h"
#include "lib/wire/reader.h"
#include "lib/wire/writer.h"

#include <string.h>

enum {
    HEAD_CRC_AT = DPL_DIRTY_SECTOR - 4,
    SECTOR_HEAD = 64,
    SECTOR_MAGIC = 0x44447363, /* DDsc */
    FLAG_MARK = 1,
    FLAG_CANDIDATE = 2,
    FLAG_PLACED = 4,
    KIND_EXTENT = 1,
    KIND_OBJECT = 2,
};
static const char magic[8] = {'D', 'P', 'L', 'D', 'R', 'T', 'Y', '1'};

const char *dpl_dirty_reason_text(unsigned reason)
{
    static const char *const texts[] = {
        [DPL_DIRTY_KNOWN] = "nothing is wrong",
        [DPL_DIRTY_FRESH] = "the log was made anew",
        [DPL_DIRTY_FULL] = "the log was full",
        [DPL_DIRTY_IO_ERROR] = "a write to the log failed",
        [DPL_DIRTY_UNNAMED] = "an object's id did not fit the log",
        [DPL_DIRTY_BYPASS] = "a writer went past the capture",
    };
    return reason < sizeof texts / sizeof texts[0] ? texts[reason] : "unknown reason";
}

static bool all_zero(const uint8_t *bytes, size_t size)
{
    return size == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0);
}

static void put_crc(uint8_t *at, const uint8_t *bytes, size_t size)
{
    struct dpl_writer w;
    dpl_writer_init(&w, at, 4);
    dpl_writer_u32(&w, dpl_crc32c(0, bytes, size));
}

static uint32_t get_crc(const uint8_t *at)
{
    struct dpl_reader r;
    dpl_reader_init(&r, at, 4);
    return dpl_reader_u32(&r);
}

static void put_point(struct dpl_writer *w, const struct dpl_dirty_point *point)
{
    dpl_writer_u64(w, (uint64_t)point->time_ns);
    dpl_writer_u64(w, point->epoch);
    dpl_writer_u64(w, point->lsn);
    dpl_writer_u64(w, point->generation);
    dpl_writer_u64(w, point->sector);
}

static void get_point(struct dpl_reader *r, struct dpl_dirty_point *point)
{
    point->time_ns = (int64_t)dpl_reader_u64(r);
    point->epoch = dpl_reader_u64(r);
    point->lsn = dpl_reader_u64(r);
    point->generation = dpl_reader_u64(r);
    point->sector = dpl_reader_u64(r);
}

void dpl_dirty_head_encode(const struct dpl_dirty_head *head, uint8_t *bytes)
{
    struct dpl_writer w;
    memset(bytes, 0, DPL_DIRTY_BLOCK);
    dpl_writer_init(&w, bytes, HEAD_CRC_AT);
    dpl_writer_bytes(&w, magic, sizeof magic);
    dpl_writer_u32(&w, DPL_DIRTY_BLOCK);
    dpl_writer_u32(&w, DPL_DIRTY_SECTOR);
    dpl_writer_bytes(&w, head->id, sizeof head->id);
    dpl_writer_bytes(&w, head->fs_uuid, sizeof head->fs_uuid);
    dpl_writer_u64(&w, head->sectors);
    dpl_writer_u64(&w, head->count);
    dpl_writer_u64(&w, head->epoch);
    dpl_writer_bytes(&w, head->epoch_id, sizeof head->epoch_id);
    dpl_writer_u64(&w, head->stamp);
    dpl_writer_u64(&w, head->generation);
    dpl_writer_u64(&w, head->kept_generation);
    dpl_writer_u64(&w, head->kept_sector);
    dpl_writer_u64(&w, head->all_generation);
    dpl_writer_u32(&w, head->all_reason);
    dpl_writer_u32(&w, (head->mark.set ? FLAG_MARK : 0U) |
                           (head->candidate.set ? FLAG_CANDIDATE : 0U) |
                           (head->candidate.placed ? FLAG_PLACED : 0U));
    put_point(&w, &head->mark);
    put_point(&w, &head->candidate);
    put_crc(bytes + HEAD_CRC_AT, bytes, HEAD_CRC_AT);
}

/* What can be true of a header that was written. */
static bool head_makes_sense(const struct dpl_dirty_head *head)
{
    const struct dpl_dirty_point *next = &head->candidate;
    return !all_zero(head->id, sizeof head->id) && head->count > 0 && head->sectors > 0 &&
           head->sectors % DPL_DIRTY_PER_BLOCK == 0 && head->sectors <= UINT32_MAX &&
           head->kept_generation > 0 && head->kept_generation <= head->generation &&
           head->all_generation <= head->generation && head->kept_sector <= INT64_MAX &&
           (head->all_generation == 0) == (head->all_reason == 0) && head->mark.generation == 0 &&
           head->mark.sector == 0 &&
           (!next->set ||
            (next->generation > head->kept_generation && next->generation <= head->generation &&
             next->sector >= head->kept_sector && next->sector <= INT64_MAX));
}

int dpl_dirty_head_decode(struct dpl_dirty_head *head, const uint8_t *bytes)
{
    struct dpl_reader r;
    memset(head, 0, sizeof *head);
    dpl_reader_init(&r, bytes, HEAD_CRC_AT);
    struct dpl_view found = dpl_reader_bytes(&r, sizeof magic);
    uint32_t block = dpl_reader_u32(&r), sector = dpl_reader_u32(&r);
    memcpy(head->id, dpl_reader_bytes(&r, 16).data, 16);
    memcpy(head->fs_uuid, dpl_reader_bytes(&r, 16).data, 16);
    head->sectors = dpl_reader_u64(&r);
    head->count = dpl_reader_u64(&r);
    head->epoch = dpl_reader_u64(&r);
    memcpy(head->epoch_id, dpl_reader_bytes(&r, 16).data, 16);
    head->stamp = dpl_reader_u64(&r);
    head->generation = dpl_reader_u64(&r);
    head->kept_generation = dpl_reader_u64(&r);
    head->kept_sector = dpl_reader_u64(&r);
    head->all_generation = dpl_reader_u64(&r);
    head->all_reason = dpl_reader_u32(&r);
    uint32_t flags = dpl_reader_u32(&r);
    get_point(&r, &head->mark);
    get_point(&r, &head->candidate);
    head->mark.set = head->mark.placed = (flags & FLAG_MARK) != 0;
    head->candidate.set = (flags & FLAG_CANDIDATE) != 0;
    head->candidate.placed = (flags & FLAG_PLACED) != 0;
    bool ok = !r.code && memcmp(found.data, magic, sizeof magic) == 0 && block == DPL_DIRTY_BLOCK &&
              sector == DPL_DIRTY_SECTOR &&
              (flags & ~(uint32_t)(FLAG_MARK | FLAG_CANDIDATE | FLAG_PLACED)) == 0 &&
              (head->candidate.set || !head->candidate.placed) && all_zero(r.at, r.left) &&
              all_zero(bytes + DPL_DIRTY_SECTOR, DPL_DIRTY_BLOCK - DPL_DIRTY_SECTOR) &&
              get_crc(bytes + HEAD_CRC_AT) == dpl_crc32c(0, bytes, HEAD_CRC_AT) &&
              head_makes_sense(head);
    return ok ? 0 : DPL_E_CORRUPT;
}

uint64_t dpl_dirty_head_at(uint64_t count)
{
    return (count & 1) * DPL_DIRTY_BLOCK;
}

uint64_t dpl_dirty_sector_at(const struct dpl_dirty_head *head, uint64_t number)
{
    return DPL_DIRTY_SECTORS_AT + number % head->sectors * DPL_DIRTY_SECTOR;
}

static uint64_t tag_of(const struct dpl_dirty_head *head)
{
    struct dpl_reader r;
    dpl_reader_init(&r, head->id, sizeof head->id);
    return dpl_reader_u64(&r);
}

void dpl_dirty_sector_encode(const struct dpl_dirty_head *head,
                             const struct dpl_dirty_sector *sector, uint8_t *bytes)
{
    struct dpl_writer w;
    memset(bytes, 0, DPL_DIRTY_SECTOR);
    dpl_writer_init(&w, bytes, SECTOR_HEAD);
    dpl_writer_u32(&w, SECTOR_MAGIC);
    dpl_writer_u32(&w, 0);
    dpl_writer_u64(&w, tag_of(head));
    dpl_writer_u64(&w, sector->number);
    dpl_writer_u64(&w, sector->generation);
    dpl_writer_u64(&w, sector->epoch);
    dpl_writer_u32(&w, sector->count);
    for (uint32_t i = 0; i < sector->count; i++) {
        const struct dpl_dirty_key *key = &sector->keys[i];
        bool whole = key->extent == DPL_DIRTY_WHOLE;
        dpl_writer_init(&w, bytes + SECTOR_HEAD + (size_t)i * DPL_DIRTY_ENTRY, DPL_DIRTY_ENTRY);
        dpl_writer_u8(&w, whole ? KIND_OBJECT : KIND_EXTENT);
        dpl_writer_u8(&w, key->size);
        dpl_writer_u16(&w, 0);
        dpl_writer_u64(&w, whole ? 0 : key->extent);
        dpl_writer_bytes(&w, key->id, sizeof key->id);
    }
    put_crc(bytes + 4, bytes + 8, DPL_DIRTY_SECTOR - 8);
}

static int entry_decode(struct dpl_dirty_key *key, const uint8_t *bytes)
{
    struct dpl_reader r;
    dpl_reader_init(&r, bytes, DPL_DIRTY_ENTRY);
    uint8_t kind = dpl_reader_u8(&r);
    memset(key, 0, sizeof *key);
    key->size = dpl_reader_u8(&r);
    uint16_t zero = dpl_reader_u16(&r);
    key->extent = dpl_reader_u64(&r);
    memcpy(key->id, dpl_reader_bytes(&r, sizeof key->id).data, sizeof key->id);
    if (zero != 0 || key->size == 0 || key->size > DPL_DIRTY_ID_MAX ||
        !all_zero(key->id + key->size, DPL_DIRTY_ID_MAX - key->size))
        return DPL_E_CORRUPT;
    if (kind == KIND_OBJECT && key->extent == 0) {
        key->extent = DPL_DIRTY_WHOLE;
        return 0;
    }
    return kind == KIND_EXTENT && key->extent <= INT64_MAX >> DPL_DIRTY_EXTENT_SHIFT
               ? 0
               : DPL_E_CORRUPT;
}

int dpl_dirty_sector_decode(const struct dpl_dirty_head *head, struct dpl_dirty_sector *sector,
                            const uint8_t *bytes)
{
    struct dpl_reader r;
    if (all_zero(bytes, DPL_DIRTY_SECTOR))
        return 0;
    dpl_reader_init(&r, bytes, SECTOR_HEAD);
    uint32_t found = dpl_reader_u32(&r), crc = dpl_reader_u32(&r);
    uint64_t tag = dpl_reader_u64(&r);
    memset(sector, 0, sizeof *sector);
    sector->number = dpl_reader_u64(&r);
    sector->generation = dpl_reader_u64(&r);
    sector->epoch = dpl_reader_u64(&r);
    sector->count = dpl_reader_u32(&r);
    if (found != SECTOR_MAGIC || crc != dpl_crc32c(0, bytes + 8, DPL_DIRTY_SECTOR - 8) ||
        tag != tag_of(head) || sector->number > INT64_MAX || !all_zero(r.at, r.left) ||
        sector->count < 1 || sector->count > DPL_DIRTY_PER_SECTOR)
        return DPL_E_CORRUPT;
    for (uint32_t i = 0; i < sector->count; i++)
        if (entry_decode(&sector->keys[i], bytes + SECTOR_HEAD + (size_t)i * DPL_DIRTY_ENTRY) < 0)
            return DPL_E_CORRUPT;
    size_t used = SECTOR_HEAD + (size_t)sector->count * DPL_DIRTY_ENTRY;
    return all_zero(bytes + used, DPL_DIRTY_SECTOR - used) ? 1 : DPL_E_CORRUPT;
}

int dpl_dirty_key_make(struct dpl_dirty_key *key, const void *id, size_t size, uint64_t extent)
{
    memset(key, 0, sizeof *key);
    if (size == 0 || size > DPL_DIRTY_ID_MAX)
        return DPL_E_TOO_LARGE;
    key->extent = extent;
    key->size = (uint8_t)size;
    memcpy(key->id, id, size);
    return 0;
}
