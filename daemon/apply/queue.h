/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The target queue: received ops on the replica's own file system, in segments of
 * doppel-journal(5), as doppel-replica(5) says.
 *
 * One epoch is open for writing; older ones are held to their end until they have been applied. A
 * record is written only after it was verified as a reader would: what a peer sends cannot make a
 * queue that cannot be read. Received is what has been written, durable is what an fdatasync
 * followed; after a failed one the part behind durable is thrown away, never believed.
 *
 * struct dpl_queue is plain memory of the caller, owns the segment's descriptor and borrows the
 * directory's and the io table. Failure: CORRUPT from put is the peer's (nothing of that record and
 * of those behind it was taken); NO_SPACE is a bound: later the same call may work; all else is the
 * disk's.
 */
#ifndef DPL_APPLY_QUEUE_H
#define DPL_APPLY_QUEUE_H

#include "lib/base/err.h"
#include "lib/journal/segment.h"

#include <stdbool.h>
#include <stdint.h>

struct dpl_queue {
    int dir_fd; /* borrowed */
    const struct dpl_segment_io *io;
    struct dpl_segment_limits limits;
    struct dpl_segments segments; /* of the epoch that is open; fd -1 if none is */
    struct dpl_epoch epoch;
    uint64_t received, durable;
    uint32_t chain, durable_chain; /* there */
    uint64_t started;              /* what the kernel was told to write */
};

void dpl_queue_init(struct dpl_queue *q, int dir_fd, const struct dpl_segment_limits *limits,
                    const struct dpl_segment_io *io);
void dpl_queue_done(struct dpl_queue *q);

/* Whether an epoch is open. */
static inline bool dpl_queue_is_open(const struct dpl_queue *q)
{
    return q->segments.fd >= 0;
}

/* Opens the queue of this epoch as a crash left it: walks from lsn, where a record begins, to the
 * last valid record, cuts off what is behind, and makes what is left durable. NOT_FOUND if it has
 * no segment there; CORRUPT if the damage is where everything had been durable: then received is
 * where the valid part ends, and nothing can be put. */
int dpl_queue_recover(struct dpl_queue *q, const struct dpl_epoch *epoch, uint64_t lsn,
                      struct dpl_err *err);
/* Begins a new epoch, durable when it returns 0. What an epoch of that number left is removed. */
int dpl_queue_begin(struct dpl_queue *q, const struct dpl_epoch *epoch, uint64_t lsn,
                    uint32_t chain, struct dpl_err *err);

/* Takes whole records, the first of which has this LSN and carries this chain. Returns how many
 * bytes of them were taken, which is fewer than size where one was refused: the next call with the
 * rest says why. */
ssize_t dpl_queue_put(struct dpl_queue *q, uint64_t epoch_tag, uint64_t lsn, uint32_t chain,
                      const void *bytes, size_t size, struct dpl_err *err);
/* How many bytes of records it takes before its bounds stop it, whole segments counted. */
uint64_t dpl_queue_room(const struct dpl_queue *q);
/* Makes durable what was received. */
int dpl_queue_sync(struct dpl_queue *q, struct dpl_err *err);
/* Removes segments of this epoch that lie wholly below lsn; all of it, if it is an older one than
 * the one that is open and `whole`. */
int dpl_queue_trim(struct dpl_queue *q, uint64_t epoch, uint64_t lsn, bool whole,
                   struct dpl_err *err);

#endif
