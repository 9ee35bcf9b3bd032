/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The object map on disk: the log `map` of doppel-replica(5).
 *
 * struct dpl_map owns the file's descriptor and borrows the directory's and the io table. A save
 * appends what changed since the last one, a checkpoint entry, and syncs; when too much of the log
 * is outdated it writes it anew instead. Failure of a save: nothing that was durable is lost, and
 * the next one writes everything, so it may succeed.
 *
 * What waits for the disk is a step of its own (commit), which may run in another thread: it
 * touches struct dpl_map_saving alone. Between begin and end there is no other save.
 */
#ifndef DPL_APPLY_MAP_H
#define DPL_APPLY_MAP_H

#include "daemon/apply/objects.h"
#include "daemon/apply/wants.h"
#include "lib/journal/segment.h"

#define DPL_MAP_FILE "map"
enum {
    DPL_MAP_HEADER = 512,
    DPL_MAP_ENTRY_HEADER = 16,
    DPL_MAP_ENTRY_MAX = 512,
};

enum dpl_map_kind {
    DPL_MAP_OBJECT = 1,
    DPL_MAP_GONE = 2,
    DPL_MAP_WANTED = 3,
    DPL_MAP_NOT_WANTED = 4,
    DPL_MAP_CHECKPOINT = 5,
};

/* One entry; views into what it was decoded from. */
struct dpl_map_entry {
    enum dpl_map_kind kind;
    struct dpl_object object; /* without bytes; its id is that of all kinds */
    struct dpl_view handle;
    uint32_t reason;
    struct dpl_position position;
};
/* Writes the entry, seals it with the CRC before it, and moves that on. Its size. */
size_t dpl_map_entry_encode(const struct dpl_map_entry *entry, uint8_t bytes[DPL_MAP_ENTRY_MAX],
                            uint32_t *crc);
/* The entry at these bytes; its size, TRUNCATED or CORRUPT. */
ssize_t dpl_map_entry_decode(struct dpl_map_entry *entry, const uint8_t *bytes, size_t size,
                             uint32_t *crc);
/* Of the entry for this object. */
size_t dpl_map_object_bytes(const struct dpl_object *object);

struct dpl_map {
    int dir_fd; /* borrowed */
    const struct dpl_segment_io *io;
    int fd; /* -1: none yet */
    uint8_t replica[16];
    uint64_t generation;
    uint64_t bytes;                 /* up to the last checkpoint entry, with it */
    uint32_t crc;                   /* there */
    struct dpl_position checkpoint; /* what that says */
};

void dpl_map_init(struct dpl_map *map, int dir_fd, const uint8_t replica[16],
                  const struct dpl_segment_io *io);
void dpl_map_done(struct dpl_map *map);

/* Loads the map and cuts off what stands behind its last checkpoint entry. CORRUPT if it is damaged
 * or shorter than min_bytes although it is of this generation: then objects and wants are empty. */
int dpl_map_load(struct dpl_map *map, uint64_t generation, uint64_t min_bytes,
                 struct dpl_objects *objects, struct dpl_wants *wants, struct dpl_err *err);
/* A save under way: what its commit needs, and what came of it. */
struct dpl_map_saving {
    const struct dpl_segment_io *io;
    int dir_fd, fd;
    bool anew, renamed; /* anew: fd is of a new file, ours until it took the old one's place */
    uint64_t at;
    uint32_t crc;
    struct dpl_position checkpoint;
};
/* Writes what changed, to be valid as soon as the checkpoint entry follows it. */
int dpl_map_save_begin(struct dpl_map *map, struct dpl_objects *objects, struct dpl_wants *wants,
                       struct dpl_position checkpoint, struct dpl_map_saving *saving,
                       struct dpl_err *err);
/* Writes the checkpoint entry: all before it is durable, and so is the map when it returns 0. */
int dpl_map_save_commit(struct dpl_map_saving *saving, struct dpl_err *err);
/* Takes note of what commit returned (or of another failure, in its place). */
void dpl_map_save_end(struct dpl_map *map, struct dpl_map_saving *saving, int rc);
/* All three: the map is as objects and wants are, at this position, and durable. */
int dpl_map_save(struct dpl_map *map, struct dpl_objects *objects, struct dpl_wants *wants,
                 struct dpl_position checkpoint, struct dpl_err *err);

#endif
