/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The file of a dirty log: how it is made, opened, read and written.
 *
 * It has its full size, written with zeros, before it gets its name; so no later write needs space
 * and none changes anything but the bytes themselves. All offsets, sizes and memory are multiples
 * of DPL_DIRTY_BLOCK.
 */
#ifndef DPL_DIRTY_FILE_H
#define DPL_DIRTY_FILE_H

#include "lib/dirty/format.h"

/* Reads and writes, so that a test can make them fail, tear them and lose power. Each does all that
 * it was asked for or returns a negative errno. A write is durable when it returns 0. */
struct dpl_dirty_io {
    int (*read)(void *self, void *bytes, size_t size, uint64_t at);
    int (*write)(void *self, const void *bytes, size_t size, uint64_t at);
    void *self;
};
/* The host's, on an open file. */
struct dpl_dirty_io dpl_dirty_io_file(int fd);

/* What a file is when it is made: no entries, generation 1. */
struct dpl_dirty_origin {
    uint64_t bytes;  /* rounded down to whole blocks */
    unsigned reason; /* of enum dpl_dirty_reason: what is to be thought of the time before it */
    bool mark;       /* both sides are equal and durable now: it begins with a mark of this time */
    int64_t mark_ns;
};
/* Makes the file in place of what has the name. When it returns 0 file and name are durable. */
int dpl_dirty_create(const char *path, const struct dpl_dirty_origin *origin, struct dpl_err *err);
/* Opens it so that each write is durable when it returns, past the page cache where the file system
 * can. Returns the descriptor (without FD_CLOEXEC) or a negative code. */
int dpl_dirty_open_file(const char *path, struct dpl_err *err);

#endif
