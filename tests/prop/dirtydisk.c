/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A disk in memory, see dirtydisk.h.
 */
#include "tests/prop/dirtydisk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void dirtydisk_make(struct dirtydisk *disk, uint64_t size, unsigned reason)
{
    struct dpl_dirty_head head = {.id = {1, 2, 3},
                                  .count = 1,
                                  .generation = 1,
                                  .kept_generation = 1,
                                  .all_reason = reason,
                                  .all_generation = reason != 0};
    memset(disk, 0, sizeof *disk);
    disk->size = size;
    disk->bytes = calloc(1, size);
    head.sectors = (size - DPL_DIRTY_SECTORS_AT) / DPL_DIRTY_SECTOR;
    for (unsigned i = 0; i < 2; i++, head.count++)
        dpl_dirty_head_encode(&head, disk->bytes + dpl_dirty_head_at(head.count));
}

void dirtydisk_free(struct dirtydisk *disk)
{
    free(disk->bytes);
}

static int disk_read(void *self, void *bytes, size_t size, uint64_t at)
{
    struct dirtydisk *disk = self;
    if (at + size > disk->size)
        return -EIO;
    memcpy(bytes, disk->bytes + at, size);
    return 0;
}

static void tear(struct dirtydisk *disk, const uint8_t *bytes, size_t size, uint64_t at)
{
    if (disk->end == DISK_TEARS_BYTES) {
        size_t part = rng_below(&disk->rng, (uint32_t)size);
        disk->torn_inside = part % DPL_DIRTY_SECTOR != 0;
        memcpy(disk->bytes + at, bytes, part);
        return;
    }
    for (size_t i = 0; i < size; i += DPL_DIRTY_SECTOR)
        if (rng_one_in(&disk->rng, 2))
            memcpy(disk->bytes + at + i, bytes + i, DPL_DIRTY_SECTOR);
}

static int disk_write(void *self, const void *bytes, size_t size, uint64_t at)
{
    struct dirtydisk *disk = self;
    bool now = disk->end != DISK_LIVES && disk->end != PROCESS_DIES_AT_POINT &&
               ++disk->writes == disk->end_at;
    if (disk->dead || at + size > disk->size || ((uintptr_t)bytes | size | at) % DPL_DIRTY_BLOCK)
        return -EIO;
    if (now && disk->end == PROCESS_DIES_BEFORE)
        longjmp(disk->out, 1);
    if (now && disk->end <= DISK_TEARS_BYTES) {
        disk->dead = true;
        if (disk->end != DISK_FAILS)
            tear(disk, bytes, size, at);
        return -EIO;
    }
    memcpy(disk->bytes + at, bytes, size);
    if (now)
        longjmp(disk->out, 1);
    return 0;
}

struct dpl_dirty_io dirtydisk_io(struct dirtydisk *disk)
{
    return (struct dpl_dirty_io){.read = disk_read, .write = disk_write, .self = disk};
}

void dirtydisk_point(void *self, int which)
{
    struct dirtydisk *disk = self;
    (void)which;
    if (disk->end == PROCESS_DIES_AT_POINT && ++disk->points == disk->end_at)
        longjmp(disk->out, 1);
}

struct dpl_dirty_shared *dirtydisk_memory(void)
{
    return calloc(1, sizeof(struct dpl_dirty_shared));
}
