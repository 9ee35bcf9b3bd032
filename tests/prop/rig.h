/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A journal to play with: an arena in shared memory, segments in a directory of the test's own, and
 * system calls that fail when told.
 */
#ifndef DPL_TESTS_RIG_H
#define DPL_TESTS_RIG_H

#include "lib/journal/arena.h"
#include "lib/journal/reader.h"
#include "lib/journal/segment.h"
#include "lib/journal/spill.h"

/* Fails the call number `at` (from 1) of pwritev, datasync, allocate or free_bytes, and all after
 * it. With `tear` a failing pwritev first writes a part. */
struct rig_fault {
    struct dpl_segment_io io;
    unsigned calls, at;
    int sys_errno;
    bool tear;
};
void rig_fault_init(struct rig_fault *fault, unsigned at, int sys_errno, bool tear);

struct rig {
    struct dpl_epoch epoch;
    struct dpl_segment_limits limits;
    const struct dpl_segment_io *io;
    int dir_fd;
    void *memory;
    size_t bytes;
    /* of this process */
    struct dpl_arena arena;
    struct dpl_segments segments;
    struct dpl_spill spill;
    unsigned ended, ended_durable;
    enum dpl_journal_end reason;
};

/* Makes memory, directory and first segment. io may be NULL for the host's. A negative code if the
 * segment cannot be made. */
int rig_init(struct rig *rig, const char *name, const struct dpl_arena_sizes *sizes,
             const struct dpl_segment_io *io);
/* Attaches this process: arena, segments where the arena was spilled to, spiller. */
int rig_attach(struct rig *rig);
void rig_detach(struct rig *rig);
void rig_done(struct rig *rig);

/* Reserves and commits one record, its data copied. */
int rig_put(struct rig *rig, const struct dpl_record *record, struct dpl_arena_res *res);
int rig_reserve(struct rig *rig, const struct dpl_record *record, int buffer, uint64_t tag,
                struct dpl_arena_res *res);
int rig_commit(struct rig *rig, const struct dpl_record *record, const struct dpl_arena_res *res);
/* Runs the spiller until it has nothing to do. */
int rig_drain(struct rig *rig);

/* A write of `size` bytes made from `mark` into an object whose id holds the mark; data has room
 * for it. The mark is found again by rig_mark (UINT64_MAX if the data is not what it should be). */
void rig_write(struct dpl_record *record, struct dpl_oid *oid, uint64_t mark, uint8_t *data,
               size_t size);
uint64_t rig_mark(const struct dpl_record *record);

#endif
