/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The spiller: takes records from the arena and appends them to segments.
 *
 * One thread of the worker runs it:
 *
 *     while (!stop) {
 *         rc = dpl_spill_run(spill, now_ns);      writes what is there, bounded
 *         if (rc == 0)
 *             dpl_spill_wait(spill, timeout_ms);  until there is more
 *     }
 *
 * How far it came stands in the arena. A successor attaches to the arena, opens the segments at
 * dpl_arena_spilled(), opens a spiller and goes on: what its predecessor had half written it writes
 * again, the same bytes at the same place.
 *
 * It writes records in order and normally stops at the first that is not committed, which will be
 * in a moment. If that one has been open for DPL_SPILL_STUCK_NS, or the arena is half full, it
 * writes a header with outcome OPEN in its place and goes on; the op's commit then becomes an
 * OUTCOME record.
 *
 * It never blocks an op: it holds the arena's lock only to look and to mark. A failing disk blocks
 * this thread alone, until the arena is full and the journal ends.
 */
#ifndef DPL_JOURNAL_SPILL_H
#define DPL_JOURNAL_SPILL_H

#include "lib/base/err.h"
#include "lib/journal/arena.h"
#include "lib/journal/segment.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    DPL_SPILL_BATCH = 192, /* records per write */
    DPL_SPILL_BATCH_BYTES = 8 * 1024 * 1024,
    DPL_SPILL_STUCK_NS = 100 * 1000 * 1000,
};

struct dpl_spill_events {
    /* The journal has ended. durable: its segment's header says so. Called once, by the spiller's
     * thread; must not block. After a successor took over it may be called again. */
    void (*ended)(void *self, enum dpl_journal_end reason, bool durable);
    void *self;
};

/* Borrows arena, segments and events. Plain memory of the caller (some 100 KB: not on a stack). */
struct dpl_spill {
    struct dpl_arena *arena;
    struct dpl_segments *segments;
    struct dpl_spill_events events;
    uint64_t blocked_lsn, blocked_since_ns;
    uint32_t heard; /* how often the bell had rung when it last looked */
    bool told, failed;
    bool more; /* the last run ended because its batch was full */
    uint8_t headers[DPL_SPILL_BATCH][DPL_RECORD_HEADER];
    struct iovec iov[DPL_SPILL_BATCH * 4];
};

void dpl_spill_open(struct dpl_spill *spill, struct dpl_arena *arena, struct dpl_segments *segments,
                    const struct dpl_spill_events *events);

/* Writes what is there, at most a batch. Returns the number of records written, 0 if there was
 * nothing to do now, or the negative code of the failure that ended the journal (once; then 0).
 * When the journal has ended it writes what was reserved before, then the header's state. */
ssize_t dpl_spill_run(struct dpl_spill *spill, uint64_t now_ns, struct dpl_err *err);
/* Sleeps until a record was committed, the journal ended, or the time is over (-1: no limit). */
void dpl_spill_wait(struct dpl_spill *spill, int timeout_ms);
/* Wakes it, from any thread of this process. */
void dpl_spill_wake(struct dpl_arena *arena);
/* Whether all that was reserved is written and, if the journal has ended, its header says so. */
bool dpl_spill_idle(const struct dpl_spill *spill);

#endif
