/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Reading a dirty log, see list.h.
 */
#include "lib/dirty/list.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 64 * 1024, TRIES = 3 };

__attribute__((format(printf, 2, 3))) static void doubt(struct dpl_dirty_list *list,
                                                        const char *format, ...)
{
    va_list args;
    list->everything = true;
    list->valid = false;
    va_start(args, format);
    vsnprintf(list->why, sizeof list->why, format, args);
    va_end(args);
}

static void read_head(struct dpl_dirty_list *list, const struct dpl_dirty_io *io, uint8_t *buffer)
{
    struct dpl_dirty_head copies[2];
    int code = io->read(io->self, buffer, DPL_DIRTY_SECTORS_AT, 0);
    bool valid[2];
    if (code != 0) {
        doubt(list, "the header cannot be read: %s", strerror(-code));
        return;
    }
    for (unsigned i = 0; i < 2; i++)
        valid[i] = dpl_dirty_head_decode(&copies[i], buffer + i * (size_t)DPL_DIRTY_BLOCK) == 0 &&
                   (copies[i].count & 1) == i;
    if (!valid[0] && !valid[1]) {
        doubt(list, "it has no valid header");
        return;
    }
    unsigned newer = !valid[0] || (valid[1] && copies[1].count > copies[0].count);
    list->head = copies[newer];
    list->head_valid = true;
    if (!valid[!newer] || copies[newer].count - copies[!newer].count != 1 ||
        memcmp(copies[0].id, copies[1].id, sizeof copies[0].id) != 0 ||
        copies[0].sectors != copies[1].sectors)
        doubt(list, "one of the two headers is damaged");
}

static bool take(struct dpl_dirty_list *list, const struct dpl_dirty_sector *sector, size_t *room)
{
    if (list->count + sector->count > *room) {
        size_t more = *room < 1024 ? 1024 : *room * 2;
        void *keys = realloc(list->keys, more * sizeof *list->keys);
        if (keys)
            list->keys = keys;
        void *generations = realloc(list->generations, more * sizeof *list->generations);
        if (generations)
            list->generations = generations;
        if (!keys || !generations)
            return false;
        *room = more;
    }
    for (uint32_t i = 0; i < sector->count; i++) {
        list->generations[list->count] = sector->generation;
        list->keys[list->count++] = sector->keys[i];
    }
    return true;
}

/* One sector that stands at this place of the file. False: a doubt. */
static bool read_sector(struct dpl_dirty_list *list, uint64_t place, const uint8_t *bytes,
                        uint64_t *kept, size_t *room)
{
    const struct dpl_dirty_head *head = &list->head;
    struct dpl_dirty_sector sector;
    int code = dpl_dirty_sector_decode(head, &sector, bytes);
    if (code == 0)
        return true;
    if (code < 0 || sector.number % head->sectors != place) {
        doubt(list, "sector %llu is damaged", (unsigned long long)place);
        return false;
    }
    if (sector.number < head->kept_sector)
        return true;
    if (sector.generation < head->kept_generation || sector.generation > head->generation ||
        sector.epoch > head->epoch) {
        doubt(list, "sector %llu is of another time", (unsigned long long)place);
        return false;
    }
    if (!take(list, &sector, room)) {
        doubt(list, "no memory for the list");
        return false;
    }
    *kept += 1;
    if (sector.number >= list->end)
        list->end = sector.number + 1;
    return true;
}

static void read_sectors(struct dpl_dirty_list *list, const struct dpl_dirty_io *io,
                         uint8_t *buffer)
{
    uint64_t bytes = list->head.sectors * DPL_DIRTY_SECTOR, kept = 0;
    size_t room = 0;
    list->end = list->head.kept_sector;
    for (uint64_t at = 0; at < bytes; at += CHUNK) {
        size_t size = bytes - at < CHUNK ? (size_t)(bytes - at) : CHUNK;
        int code = io->read(io->self, buffer, size, DPL_DIRTY_SECTORS_AT + at);
        if (code != 0) {
            doubt(list, "it cannot be read: %s", strerror(-code));
            return;
        }
        for (size_t i = 0; i < size; i += DPL_DIRTY_SECTOR)
            if (!read_sector(list, (at + i) / DPL_DIRTY_SECTOR, buffer + i, &kept, &room))
                return;
    }
    if (kept != list->end - list->head.kept_sector)
        doubt(list, "it has a gap");
}

static void read_once(struct dpl_dirty_list *list, const struct dpl_dirty_io *io, uint8_t *buffer)
{
    memset(list, 0, sizeof *list);
    list->valid = true;
    read_head(list, io, buffer);
    if (list->valid)
        read_sectors(list, io, buffer);
    if (list->valid && dpl_dirty_head_all(&list->head)) {
        list->everything = true;
        snprintf(list->why, sizeof list->why, "%s", dpl_dirty_reason_text(list->head.all_reason));
    }
}

int dpl_dirty_key_compare(const void *a, const void *b)
{
    const struct dpl_dirty_key *x = a, *y = b;
    int order = memcmp(x->id, y->id, sizeof x->id);
    if (order == 0)
        order = (x->size > y->size) - (x->size < y->size);
    return order != 0 ? order : (x->extent > y->extent) - (x->extent < y->extent);
}

void dpl_dirty_read_raw(struct dpl_dirty_list *list, const struct dpl_dirty_io *io)
{
    uint8_t *buffer = aligned_alloc(DPL_DIRTY_BLOCK, CHUNK);
    memset(list, 0, sizeof *list);
    if (!buffer) {
        doubt(list, "no memory to read it");
        return;
    }
    for (int tries = 0; tries < TRIES; tries++) {
        dpl_dirty_list_clear(list);
        read_once(list, io, buffer);
        if (list->valid)
            break;
    }
    free(buffer);
}

void dpl_dirty_read(struct dpl_dirty_list *list, const struct dpl_dirty_io *io)
{
    dpl_dirty_read_raw(list, io);
    if (list->count == 0)
        return;
    qsort(list->keys, list->count, sizeof *list->keys, dpl_dirty_key_compare);
    size_t unique = 1;
    for (size_t i = 1; i < list->count; i++)
        if (dpl_dirty_key_compare(&list->keys[i], &list->keys[unique - 1]) != 0)
            list->keys[unique++] = list->keys[i];
    list->count = unique;
}

void dpl_dirty_list_clear(struct dpl_dirty_list *list)
{
    free(list->keys);
    free(list->generations);
    memset(list, 0, sizeof *list);
}

bool dpl_dirty_list_covers(const struct dpl_dirty_list *list, const void *id, size_t size,
                           uint64_t extent)
{
    struct dpl_dirty_key key;
    if (list->everything || dpl_dirty_key_make(&key, id, size, extent) < 0)
        return true;
    if (list->count == 0)
        return false;
    if (bsearch(&key, list->keys, list->count, sizeof key, dpl_dirty_key_compare))
        return true;
    key.extent = DPL_DIRTY_WHOLE;
    return bsearch(&key, list->keys, list->count, sizeof key, dpl_dirty_key_compare) != NULL;
}
