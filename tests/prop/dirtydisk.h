/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A disk in memory for the dirty log: writes that fail, tear, or meet a power cut, and processes
 * that die before or after one.
 */
#ifndef DPL_TESTS_DIRTYDISK_H
#define DPL_TESTS_DIRTYDISK_H

#include "lib/dirty/log.h"
#include "tests/prop/rng.h"

#include <setjmp.h>

enum dirtydisk_end {
    DISK_LIVES,
    DISK_FAILS,         /* writes fail, nothing arrives */
    DISK_TEARS_SECTORS, /* of the write some sectors arrive, then power is gone */
    DISK_TEARS_BYTES,   /* a part of its bytes arrives */
    PROCESS_DIES_BEFORE,
    PROCESS_DIES_AFTER,
    PROCESS_DIES_AT_POINT,
};

struct dirtydisk {
    uint8_t *bytes;
    uint64_t size;
    unsigned writes, points; /* so far */
    unsigned end_at;         /* the write, or point, at which it happens */
    enum dirtydisk_end end;
    bool dead;
    bool torn_inside; /* a sector was torn */
    struct rng rng;
    jmp_buf out;
};

/* An empty log on it, generation 1, without a mark. */
void dirtydisk_make(struct dirtydisk *disk, uint64_t size, unsigned reason);
void dirtydisk_free(struct dirtydisk *disk);
struct dpl_dirty_io dirtydisk_io(struct dirtydisk *disk);
/* To be an event of the log. */
void dirtydisk_point(void *self, int which);

/* Zeroed memory to be shared. */
struct dpl_dirty_shared *dirtydisk_memory(void);

#endif
