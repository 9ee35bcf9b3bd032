/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The dirty log's reader. The first byte chooses: a file of any content; headers and sectors of any
 * content whose CRCs are put right, so that what comes behind the CRC is reached. What is read as
 * valid must be written as it was read.
 */
#include "lib/dirty/list.h"
#include "lib/journal/crc32c.h"
#include "lib/wire/writer.h"

#include <errno.h>
#include <glib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BLOCKS = 2, FILE_BYTES = DPL_DIRTY_SECTORS_AT + BLOCKS * DPL_DIRTY_BLOCK };

static uint8_t file[FILE_BYTES];

static int file_read(void *self, void *bytes, size_t size, uint64_t at)
{
    (void)self;
    if (at > FILE_BYTES || size > FILE_BYTES - at)
        return -EIO;
    memcpy(bytes, file + at, size);
    return 0;
}

static void put_crc(uint8_t *at, const uint8_t *bytes, size_t size)
{
    struct dpl_writer w;
    dpl_writer_init(&w, at, 4);
    dpl_writer_u32(&w, dpl_crc32c(0, bytes, size));
}

/* The first 508 bytes are a header, of which the other copy has a count one higher; then sectors.
 */
static void compose(const uint8_t *data, size_t size)
{
    struct dpl_dirty_head head;
    size_t part = size < 508 ? size : 508;
    memset(file, 0, sizeof file);
    memcpy(file, data, part);
    put_crc(file + 508, file, 508);
    if (dpl_dirty_head_decode(&head, file) == 0) {
        memcpy(file + dpl_dirty_head_at(head.count), file, DPL_DIRTY_BLOCK);
        head.count++;
        dpl_dirty_head_encode(&head, file + dpl_dirty_head_at(head.count));
    }
    for (size_t at = DPL_DIRTY_SECTORS_AT; size > part && at < FILE_BYTES; at += DPL_DIRTY_SECTOR) {
        data += part;
        size -= part;
        part = size < DPL_DIRTY_SECTOR ? size : DPL_DIRTY_SECTOR;
        memcpy(file + at, data, part);
        if (file[at] != 0)
            put_crc(file + at + 4, file + at + 8, DPL_DIRTY_SECTOR - 8);
    }
}

static void check_sectors(const struct dpl_dirty_head *head)
{
    for (size_t at = DPL_DIRTY_SECTORS_AT; at < FILE_BYTES; at += DPL_DIRTY_SECTOR) {
        struct dpl_dirty_sector sector;
        uint8_t again[DPL_DIRTY_SECTOR];
        if (dpl_dirty_sector_decode(head, &sector, file + at) != 1)
            continue;
        dpl_dirty_sector_encode(head, &sector, again);
        g_assert(memcmp(again, file + at, sizeof again) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct dpl_dirty_io io = {.read = file_read};
    struct dpl_dirty_list list = {0};
    if (size == 0)
        return 0;
    memset(file, 0, sizeof file);
    if (data[0] % 2 == 0)
        memcpy(file, data + 1, size - 1 < FILE_BYTES ? size - 1 : FILE_BYTES);
    else
        compose(data + 1, size - 1);
    dpl_dirty_read(&list, &io);
    g_assert(list.everything || list.valid);
    g_assert(!list.everything || list.why[0] != '\0');
    for (size_t i = 0; i < list.count; i++)
        g_assert(
            dpl_dirty_list_covers(&list, list.keys[i].id, list.keys[i].size, list.keys[i].extent));
    if (list.valid) {
        uint8_t again[DPL_DIRTY_BLOCK];
        dpl_dirty_head_encode(&list.head, again);
        g_assert(memcmp(again, file + dpl_dirty_head_at(list.head.count), sizeof again) == 0);
        check_sectors(&list.head);
    }
    dpl_dirty_list_clear(&list);
    return 0;
}
