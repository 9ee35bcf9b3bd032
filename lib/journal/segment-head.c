/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The header of a segment as bytes: an identity that is written once, and the state in two sectors
 * that are written in turn.
 */
#include "lib/journal/crc32c.h"
#include "lib/journal/segment-private.h"
#include "lib/wire/reader.h"
#include "lib/wire/writer.h"

#include <string.h>

enum {
    SECTOR = 512,
    CRC_AT = SECTOR - 4,
    STATE_MAGIC = 0x444a7374, /* DJst */
    FLAGS = DPL_SEGMENT_CLOSED | DPL_SEGMENT_MIRROR_NEEDED | DPL_SEGMENT_ENDED,
};
static const char magic[8] = {'D', 'P', 'L', 'J', 'R', 'N', 'L', '1'};

uint64_t dpl_epoch_tag(const struct dpl_epoch *epoch)
{
    struct dpl_reader r;
    dpl_reader_init(&r, epoch->id, sizeof epoch->id);
    return dpl_reader_u64(&r);
}

uint32_t dpl_epoch_chain(const struct dpl_epoch *epoch)
{
    uint8_t bytes[8 + 3 * 16];
    struct dpl_writer w;
    dpl_writer_init(&w, bytes, sizeof bytes);
    dpl_writer_u64(&w, epoch->number);
    dpl_writer_bytes(&w, epoch->id, 16);
    dpl_writer_bytes(&w, epoch->parent_id, 16);
    dpl_writer_bytes(&w, epoch->fs_uuid, 16);
    return dpl_crc32c(dpl_crc32c(0, bytes, sizeof bytes), epoch->set, strlen(epoch->set));
}

static bool all_zero(const uint8_t *bytes, size_t size)
{
    return size == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0);
}

static void sector_seal(uint8_t *sector)
{
    struct dpl_writer w;
    dpl_writer_init(&w, sector + CRC_AT, 4);
    dpl_writer_u32(&w, dpl_crc32c(0, sector, CRC_AT));
}

static bool sector_whole(const uint8_t *sector)
{
    struct dpl_reader r;
    dpl_reader_init(&r, sector + CRC_AT, 4);
    return dpl_reader_u32(&r) == dpl_crc32c(0, sector, CRC_AT);
}

void dpl_segment_state_encode(const struct dpl_segment_head *head, uint8_t *sector)
{
    struct dpl_writer w;
    memset(sector, 0, SECTOR);
    dpl_writer_init(&w, sector, SECTOR);
    dpl_writer_u32(&w, STATE_MAGIC);
    dpl_writer_u32(&w, head->flags);
    dpl_writer_u64(&w, head->state_count);
    dpl_writer_u64(&w, head->end_lsn);
    dpl_writer_u32(&w, head->reason);
    sector_seal(sector);
}

off_t dpl_segment_state_at(uint64_t count)
{
    return SECTOR + SECTOR * (off_t)(count & 1);
}

int dpl_segment_head_encode(const struct dpl_segment_head *head, uint8_t *bytes,
                            struct dpl_err *err)
{
    size_t name = strnlen(head->epoch.set, sizeof head->epoch.set);
    if (name < 1 || name > DPL_SET_NAME_MAX || all_zero(head->epoch.id, 16))
        return dpl_err_set(err, DPL_E_PARAM, "a journal needs a set's name and an epoch's id");
    memset(bytes, 0, DPL_SEGMENT_HEADER);
    struct dpl_writer w;
    dpl_writer_init(&w, bytes, SECTOR);
    dpl_writer_bytes(&w, magic, sizeof magic);
    dpl_writer_u32(&w, DPL_SEGMENT_HEADER);
    dpl_writer_u32(&w, DPL_RECORD_HEADER);
    dpl_writer_u64(&w, head->epoch.number);
    dpl_writer_bytes(&w, head->epoch.id, 16);
    dpl_writer_bytes(&w, head->epoch.parent_id, 16);
    dpl_writer_bytes(&w, head->epoch.fs_uuid, 16);
    dpl_writer_u64(&w, head->first_lsn);
    dpl_writer_u64(&w, head->bytes);
    dpl_writer_u64(&w, head->time_ns);
    dpl_writer_u32(&w, head->chain);
    dpl_writer_blob(&w, head->epoch.set, name);
    sector_seal(bytes);
    /* Both sectors are valid from the beginning; the one before count 0 would be count -1, so the
     * other one holds the next count and they say the same. */
    struct dpl_segment_head next = *head;
    dpl_segment_state_encode(head, bytes + dpl_segment_state_at(head->state_count));
    next.state_count++;
    dpl_segment_state_encode(&next, bytes + dpl_segment_state_at(next.state_count));
    return 0;
}

static int identity_decode(struct dpl_segment_head *head, const uint8_t *bytes)
{
    struct dpl_reader r;
    dpl_reader_init(&r, bytes, CRC_AT);
    struct dpl_view found = dpl_reader_bytes(&r, sizeof magic);
    uint32_t header = dpl_reader_u32(&r), record = dpl_reader_u32(&r);
    head->epoch.number = dpl_reader_u64(&r);
    memcpy(head->epoch.id, dpl_reader_bytes(&r, 16).data, 16);
    memcpy(head->epoch.parent_id, dpl_reader_bytes(&r, 16).data, 16);
    memcpy(head->epoch.fs_uuid, dpl_reader_bytes(&r, 16).data, 16);
    head->first_lsn = dpl_reader_u64(&r);
    head->bytes = dpl_reader_u64(&r);
    head->time_ns = dpl_reader_u64(&r);
    head->chain = dpl_reader_u32(&r);
    dpl_reader_text(&r, head->epoch.set, sizeof head->epoch.set);
    bool ok = !r.code && memcmp(found.data, magic, sizeof magic) == 0 &&
              header == DPL_SEGMENT_HEADER && record == DPL_RECORD_HEADER && head->epoch.set[0] &&
              !all_zero(head->epoch.id, 16) && all_zero(r.at, r.left) &&
              head->first_lsn % DPL_RECORD_ALIGN == 0 && head->bytes % DPL_RECORD_ALIGN == 0 &&
              head->first_lsn <= INT64_MAX && head->bytes <= INT64_MAX - DPL_SEGMENT_HEADER &&
              head->first_lsn + head->bytes <= INT64_MAX && sector_whole(bytes);
    return ok ? 0 : DPL_E_CORRUPT;
}

static int state_decode(struct dpl_segment_head *head, const uint8_t *sector, unsigned place)
{
    struct dpl_reader r;
    dpl_reader_init(&r, sector, CRC_AT);
    uint32_t found = dpl_reader_u32(&r), flags = dpl_reader_u32(&r);
    uint64_t count = dpl_reader_u64(&r), end = dpl_reader_u64(&r);
    uint32_t reason = dpl_reader_u32(&r);
    if (found != STATE_MAGIC || !sector_whole(sector) || !all_zero(r.at, r.left) ||
        (count & 1) != place || (flags & ~(uint32_t)FLAGS) || (flags == 0 && end != 0) ||
        end % DPL_RECORD_ALIGN != 0)
        return DPL_E_CORRUPT;
    if (head->state_count == 0 || count > head->state_count) {
        head->flags = flags;
        head->reason = reason;
        head->end_lsn = end;
        head->state_count = count;
    }
    return 0;
}

int dpl_segment_head_decode(struct dpl_segment_head *head, const uint8_t *bytes,
                            struct dpl_err *err)
{
    memset(head, 0, sizeof *head);
    if (identity_decode(head, bytes) < 0)
        return dpl_err_set(err, DPL_E_CORRUPT, "the segment's identity is not valid");
    head->state_broken = state_decode(head, bytes + SECTOR, 0) < 0;
    head->state_broken |= state_decode(head, bytes + 2 * SECTOR, 1) < 0;
    if (!all_zero(bytes + 3 * SECTOR, DPL_SEGMENT_HEADER - 3 * SECTOR))
        return dpl_err_set(err, DPL_E_CORRUPT, "the segment's header has something behind it");
    return 0;
}
