/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The dirty log as bytes: two copies of a header, then sectors that hold entries, as
 * doppel-dirty(5) says. Nothing here allocates or does input or output.
 */
#ifndef DPL_DIRTY_FORMAT_H
#define DPL_DIRTY_FORMAT_H

#include "lib/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    DPL_DIRTY_BLOCK = 4096, /* what one write consists of; a header's copy has one */
    DPL_DIRTY_SECTORS_AT = 2 * DPL_DIRTY_BLOCK,
    DPL_DIRTY_SECTOR = 512,
    DPL_DIRTY_PER_BLOCK = DPL_DIRTY_BLOCK / DPL_DIRTY_SECTOR,
    DPL_DIRTY_PER_SECTOR = 7, /* entries */
    DPL_DIRTY_ENTRY = 64,
    DPL_DIRTY_ID_MAX = 52,
    DPL_DIRTY_EXTENT_SHIFT = 22, /* an extent has 4 MiB */
    DPL_DIRTY_MIN_BYTES = 1024 * 1024,
};
#define DPL_DIRTY_EXTENT (UINT64_C(1) << DPL_DIRTY_EXTENT_SHIFT)
#define DPL_DIRTY_WHOLE  UINT64_MAX /* in place of an extent's number: the whole object */

/* What an entry names. Unused bytes are zero, so that two of them are compared by memcmp. */
struct dpl_dirty_key {
    uint64_t extent; /* or DPL_DIRTY_WHOLE */
    uint8_t size;    /* of id */
    uint8_t id[DPL_DIRTY_ID_MAX];
    uint8_t zero[3];
};

/* Why everything must be compared. The numbers stand in the header. */
enum dpl_dirty_reason {
    DPL_DIRTY_KNOWN = 0,
    DPL_DIRTY_FRESH = 1, /* there was no log, or one that was not valid: made anew */
    DPL_DIRTY_FULL = 2,
    DPL_DIRTY_IO_ERROR = 3, /* a write to the log failed */
    DPL_DIRTY_UNNAMED = 4,  /* an object's id does not fit an entry */
    DPL_DIRTY_BYPASS = 5,   /* a writer went past the capture, nobody knows where */
};
const char *dpl_dirty_reason_text(unsigned reason);

/* A place that the mark has, or may get. */
struct dpl_dirty_point {
    bool set;
    bool placed; /* its position is known; always, of the mark */
    int64_t time_ns;
    uint64_t epoch, lsn;
    uint64_t generation, sector; /* of a candidate: what is kept when it becomes the mark */
};

struct dpl_dirty_head {
    uint8_t id[16]; /* random, of this file */
    uint8_t fs_uuid[16];
    uint64_t sectors; /* how many the file has */
    uint64_t count;   /* one higher with each writing */
    uint64_t epoch;   /* the stamp: of the last ownership */
    uint8_t epoch_id[16];
    uint64_t stamp;           /* one higher with each ownership */
    uint64_t generation;      /* the current one */
    uint64_t kept_generation; /* the oldest that is kept, */
    uint64_t kept_sector;     /* and the number of its first sector */
    uint64_t all_generation;  /* everything is dirty in this and all earlier ones; 0: in none */
    uint32_t all_reason;
    struct dpl_dirty_point mark, candidate;
};

/* Whether everything must be compared, whatever the entries say. */
static inline bool dpl_dirty_head_all(const struct dpl_dirty_head *head)
{
    return head->all_generation >= head->kept_generation;
}

/* Both work on DPL_DIRTY_BLOCK bytes. */
void dpl_dirty_head_encode(const struct dpl_dirty_head *head, uint8_t *bytes);
int dpl_dirty_head_decode(struct dpl_dirty_head *head, const uint8_t *bytes);
/* Where the copy with this count stands. */
uint64_t dpl_dirty_head_at(uint64_t count);

struct dpl_dirty_sector {
    uint64_t number; /* it stands at number modulo head.sectors */
    uint64_t generation, epoch;
    uint32_t count;
    struct dpl_dirty_key keys[DPL_DIRTY_PER_SECTOR];
};
uint64_t dpl_dirty_sector_at(const struct dpl_dirty_head *head, uint64_t number);
void dpl_dirty_sector_encode(const struct dpl_dirty_head *head,
                             const struct dpl_dirty_sector *sector, uint8_t *bytes);
/* 1: a valid sector of this log; 0: nothing was ever written there; CORRUPT. */
int dpl_dirty_sector_decode(const struct dpl_dirty_head *head, struct dpl_dirty_sector *sector,
                            const uint8_t *bytes);

/* Fills a key. TOO_LARGE if the id does not fit: then all there is to say is "everything". */
int dpl_dirty_key_make(struct dpl_dirty_key *key, const void *id, size_t size, uint64_t extent);

#endif
