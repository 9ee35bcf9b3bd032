/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/apply/map.h"

#include "lib/base/fd.h"
#include "lib/journal/crc32c.h"
#include "lib/wire/writer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define NEW_FILE ".map.new"
enum { WINDOW = 256 * 1024, SLACK = 1024 * 1024, CRC_AT = DPL_MAP_HEADER - 4 };
static const char magic[8] = {'D', 'P', 'L', 'R', 'M', 'A', 'P', '1'};

void dpl_map_init(struct dpl_map *map, int dir_fd, const uint8_t replica[16],
                  const struct dpl_segment_io *io)
{
    *map = (struct dpl_map){.dir_fd = dir_fd, .io = io, .fd = -1};
    memcpy(map->replica, replica, sizeof map->replica);
}

void dpl_map_done(struct dpl_map *map)
{
    dpl_fd_clear(&map->fd);
}

static uint32_t header_encode(const struct dpl_map *map, uint8_t bytes[DPL_MAP_HEADER])
{
    struct dpl_writer w;
    memset(bytes, 0, DPL_MAP_HEADER);
    dpl_writer_init(&w, bytes, DPL_MAP_HEADER);
    dpl_writer_bytes(&w, magic, sizeof magic);
    dpl_writer_bytes(&w, map->replica, sizeof map->replica);
    dpl_writer_u64(&w, map->generation);
    uint32_t crc = dpl_crc32c(0, bytes, CRC_AT);
    w.used = CRC_AT;
    dpl_writer_u32(&w, crc);
    return crc;
}

static int header_decode(struct dpl_map *map, const uint8_t bytes[DPL_MAP_HEADER])
{
    uint8_t again[DPL_MAP_HEADER];
    struct dpl_reader r;
    dpl_reader_init(&r, bytes, DPL_MAP_HEADER);
    dpl_reader_bytes(&r, sizeof magic + sizeof map->replica);
    map->generation = dpl_reader_u64(&r);
    map->crc = header_encode(map, again);
    return memcmp(bytes, again, sizeof again) == 0 ? 0 : DPL_E_CORRUPT;
}

/* Reads the file forward. */
struct scan {
    const struct dpl_map *map;
    uint8_t *buffer;
    uint64_t at; /* in the file, of the buffer's start */
    size_t used, have;
};

/* Makes the next bytes readable, as many as an entry may have, if there are so many. */
static ssize_t scan_more(struct scan *s, struct dpl_err *err)
{
    if (s->have - s->used >= DPL_MAP_ENTRY_MAX)
        return (ssize_t)(s->have - s->used);
    memmove(s->buffer, s->buffer + s->used, s->have - s->used);
    s->at += s->used;
    s->have -= s->used;
    s->used = 0;
    while (s->have < WINDOW) {
        ssize_t n =
            pread(s->map->fd, s->buffer + s->have, WINDOW - s->have, (off_t)(s->at + s->have));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return dpl_err_sys(err, errno, "read the object map");
        if (n == 0)
            break;
        s->have += (size_t)n;
    }
    return (ssize_t)s->have;
}

static void entry_apply(const struct dpl_map_entry *e, struct dpl_objects *objects,
                        struct dpl_wants *wants)
{
    struct dpl_object *object;
    switch (e->kind) {
    case DPL_MAP_OBJECT:
        object = dpl_objects_load(objects, &e->object, e->handle);
        object->flags_here = object->flags_held;
        break;
    case DPL_MAP_GONE:
        object = dpl_objects_find(objects, e->object.id);
        if (object)
            dpl_objects_forget(objects, object);
        break;
    case DPL_MAP_WANTED:
        dpl_wants_add(wants, e->object.id, e->reason, e->position);
        break;
    case DPL_MAP_NOT_WANTED:
        dpl_wants_remove(wants, e->object.id);
        break;
    case DPL_MAP_CHECKPOINT:
        break;
    }
}

/* Reads entries as far as they are valid and end at or below `until`. With objects they are taken,
 * without the last checkpoint entry is looked for. */
static int walk(struct dpl_map *map, uint64_t until, uint32_t crc, struct dpl_objects *objects,
                struct dpl_wants *wants, struct dpl_err *err)
{
    g_autofree uint8_t *buffer = g_malloc(WINDOW);
    struct scan s = {.map = map, .buffer = buffer, .at = DPL_MAP_HEADER};
    ssize_t n;
    while ((n = scan_more(&s, err)) > 0) {
        struct dpl_map_entry e;
        ssize_t size = dpl_map_entry_decode(&e, s.buffer + s.used, (size_t)n, &crc);
        if (size < 0 || s.at + s.used + (size_t)size > until)
            break;
        s.used += (size_t)size;
        if (objects) {
            entry_apply(&e, objects, wants);
        } else if (e.kind == DPL_MAP_CHECKPOINT) {
            map->bytes = s.at + s.used;
            map->crc = crc;
            map->checkpoint = e.position;
        }
    }
    return n < 0 ? (int)n : 0;
}

static int damaged(struct dpl_map *map, const char *how, struct dpl_err *err)
{
    dpl_fd_clear(&map->fd);
    map->bytes = 0;
    map->checkpoint = (struct dpl_position){0};
    return dpl_err_set(err, DPL_E_CORRUPT, "the object map %s", how);
}

int dpl_map_load(struct dpl_map *map, uint64_t generation, uint64_t min_bytes,
                 struct dpl_objects *objects, struct dpl_wants *wants, struct dpl_err *err)
{
    uint8_t header[DPL_MAP_HEADER];
    map->generation = generation;
    unlinkat(map->dir_fd, NEW_FILE, 0);
    map->fd = openat(map->dir_fd, DPL_MAP_FILE, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (map->fd < 0)
        return errno == ENOENT ? damaged(map, "is missing", err)
                               : dpl_err_sys(err, errno, "open the object map");
    ssize_t n = pread(map->fd, header, sizeof header, 0);
    if (n < 0)
        return dpl_err_sys(err, errno, "read the object map");
    uint64_t first = generation;
    if (n < (ssize_t)sizeof header || header_decode(map, header) < 0)
        return damaged(map, "has a header that is not valid", err);
    uint32_t crc = map->crc;
    map->bytes = 0;
    int rc = walk(map, UINT64_MAX, crc, NULL, NULL, err);
    if (rc < 0)
        return rc;
    if (map->bytes == 0 || map->generation < first ||
        (map->generation == first && map->bytes < min_bytes))
        return damaged(map, "is damaged before the last checkpoint", err);
    rc = walk(map, map->bytes, crc, objects, wants, err);
    if (rc == 0 && map->io->truncate(map->io->self, map->fd, (off_t)map->bytes) < 0)
        rc = dpl_err_sys(err, errno, "cut the end of the object map");
    dpl_objects_saved(objects);
    dpl_wants_saved(wants);
    return rc;
}

/* Writes entries through a buffer. The first error stays. */
struct sink {
    const struct dpl_segment_io *io;
    int fd;
    uint64_t at;
    uint32_t crc;
    size_t used;
    int sys_errno;
    uint8_t *buffer;
};

static void sink_flush(struct sink *s)
{
    size_t done = 0;
    while (done < s->used && s->sys_errno == 0) {
        struct iovec iov = {s->buffer + done, s->used - done};
        ssize_t n = s->io->pwritev(s->io->self, s->fd, &iov, 1, (off_t)s->at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            s->sys_errno = n < 0 ? errno : EIO;
        done += n > 0 ? (size_t)n : 0;
        s->at += n > 0 ? (size_t)n : 0;
    }
    s->used = 0;
}

static void sink_put(struct sink *s, const struct dpl_map_entry *e)
{
    if (WINDOW - s->used < DPL_MAP_ENTRY_MAX)
        sink_flush(s);
    s->used += dpl_map_entry_encode(e, s->buffer + s->used, &s->crc);
}

static void put_object(struct sink *s, const struct dpl_object *object)
{
    struct dpl_map_entry e = {.kind = DPL_MAP_OBJECT, .object = *object};
    e.handle = (struct dpl_view){object->bytes + object->id.size, object->handle_bytes};
    sink_put(s, &e);
}

static void put_want(struct sink *s, const struct dpl_wants *wants, GBytes *id)
{
    gsize size;
    const void *data = g_bytes_get_data(id, &size);
    const struct dpl_wanted *wanted = g_hash_table_lookup(wants->by_id, id);
    struct dpl_map_entry e = {.kind = wanted ? DPL_MAP_WANTED : DPL_MAP_NOT_WANTED};
    e.object.id = (struct dpl_view){data, size};
    if (wanted) {
        e.reason = wanted->reason;
        e.position = wanted->position;
    }
    sink_put(s, &e);
}

static void put_changes(struct sink *s, const struct dpl_objects *objects,
                        const struct dpl_wants *wants)
{
    /* Gone before changed: an id may have come again. */
    for (guint i = 0; i < objects->dropped->len; i++) {
        gsize size;
        const void *id = g_bytes_get_data(objects->dropped->pdata[i], &size);
        struct dpl_map_entry e = {.kind = DPL_MAP_GONE, .object.id = {id, size}};
        sink_put(s, &e);
    }
    for (guint i = 0; i < objects->changed->len; i++)
        if (objects->changed->pdata[i])
            put_object(s, objects->changed->pdata[i]);
    GHashTableIter iter;
    gpointer key;
    g_hash_table_iter_init(&iter, wants->changed);
    while (g_hash_table_iter_next(&iter, &key, NULL))
        put_want(s, wants, key);
}

static void put_all(struct sink *s, const struct dpl_objects *objects,
                    const struct dpl_wants *wants)
{
    GHashTableIter iter;
    gpointer key, value;
    g_hash_table_iter_init(&iter, objects->by_id);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        put_object(s, value);
    g_hash_table_iter_init(&iter, wants->by_id);
    while (g_hash_table_iter_next(&iter, &key, NULL))
        put_want(s, wants, key);
}

static int sink_end(struct sink *s, struct dpl_err *err)
{
    sink_flush(s);
    return s->sys_errno ? dpl_err_sys(err, s->sys_errno, "write the object map") : 0;
}

/* Gives up a save that was begun. */
static void saving_undo(struct dpl_map_saving *saving)
{
    if (!saving->anew || saving->renamed)
        return;
    unlinkat(saving->dir_fd, NEW_FILE, 0);
    dpl_fd_clear(&saving->fd);
}

int dpl_map_save_begin(struct dpl_map *map, struct dpl_objects *objects, struct dpl_wants *wants,
                       struct dpl_position checkpoint, struct dpl_map_saving *saving,
                       struct dpl_err *err)
{
    g_autofree uint8_t *buffer = g_malloc(WINDOW);
    struct sink s = {.io = map->io, .buffer = buffer, .at = map->bytes, .crc = map->crc};
    *saving = (struct dpl_map_saving){
        .io = map->io, .dir_fd = map->dir_fd, .fd = map->fd, .checkpoint = checkpoint};
    saving->anew = map->bytes == 0 || map->bytes > 2 * objects->bytes + SLACK;
    if (saving->anew) {
        struct dpl_map next = *map;
        next.generation++;
        saving->fd = openat(map->dir_fd, NEW_FILE,
                            O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (saving->fd < 0)
            return dpl_err_sys(err, errno, "create a new object map");
        s.crc = header_encode(&next, s.buffer);
        s.used = DPL_MAP_HEADER;
        s.at = 0;
    }
    s.fd = saving->fd;
    if (saving->anew)
        put_all(&s, objects, wants);
    else
        put_changes(&s, objects, wants);
    int rc = sink_end(&s, err);
    if (rc < 0) {
        saving_undo(saving);
        map->bytes = 0;
        return rc;
    }
    saving->at = s.at;
    saving->crc = s.crc;
    dpl_objects_saved(objects);
    dpl_wants_saved(wants);
    return 0;
}

int dpl_map_save_commit(struct dpl_map_saving *saving, struct dpl_err *err)
{
    uint8_t entry[DPL_MAP_ENTRY_MAX];
    const struct dpl_segment_io *io = saving->io;
    struct dpl_map_entry e = {.kind = DPL_MAP_CHECKPOINT, .position = saving->checkpoint};
    struct sink s = {.io = io, .fd = saving->fd, .at = saving->at, .buffer = entry};
    s.used = dpl_map_entry_encode(&e, entry, &saving->crc);
    int rc = sink_end(&s, err);
    saving->at = s.at;
    if (rc == 0 && io->datasync(io->self, saving->fd) < 0)
        rc = dpl_err_sys(err, errno, "sync the object map");
    if (rc < 0 || !saving->anew)
        return rc;
    if (renameat(saving->dir_fd, NEW_FILE, saving->dir_fd, DPL_MAP_FILE) < 0)
        return dpl_err_sys(err, errno, "put the new object map in its place");
    saving->renamed = true;
    if (io->datasync(io->self, saving->dir_fd) < 0)
        return dpl_err_sys(err, errno, "sync the reserved directory");
    return 0;
}

void dpl_map_save_end(struct dpl_map *map, struct dpl_map_saving *saving, int rc)
{
    if (saving->renamed) {
        dpl_fd_clear(&map->fd);
        map->fd = saving->fd;
        map->generation++;
    }
    if (rc < 0) {
        saving_undo(saving);
        /* Whether what is in the file is on the disk is not known: the next one is a new file. */
        map->bytes = 0;
        return;
    }
    map->bytes = saving->at;
    map->crc = saving->crc;
    map->checkpoint = saving->checkpoint;
}

int dpl_map_save(struct dpl_map *map, struct dpl_objects *objects, struct dpl_wants *wants,
                 struct dpl_position checkpoint, struct dpl_err *err)
{
    struct dpl_map_saving saving;
    int rc = dpl_map_save_begin(map, objects, wants, checkpoint, &saving, err);
    if (rc < 0)
        return rc;
    rc = dpl_map_save_commit(&saving, err);
    dpl_map_save_end(map, &saving, rc);
    return rc;
}
