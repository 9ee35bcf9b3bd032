/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * durability=remote: an fsync that waits for the target, see lib/capstat/remote.h.
 *
 * What waits is a row of a table in the shared memory, made before the slot of its request is free:
 * it holds no thread, no lock and no reservation, and survives the worker. A thread of the worker
 * answers rows as the target advances or their time is up; the first worker's successor finds them
 * there. To answer one twice does no harm: the kernel knows it no more.
 */
#ifndef DPL_CAPTURE_REMOTE_H
#define DPL_CAPTURE_REMOTE_H

#include "daemon/capture/op.h"

#define REMOTE_WAITS 1

/* What an fsync is, when it arrives, before anything is done for it. */
struct remote_arrival {
    uint32_t journal; /* of shared->journal */
    uint64_t head;    /* of it */
    int64_t at_ns;
};
struct remote_arrival remote_arrive(const struct op *op);

/* What to tell an fsync that the lower file system has done: 0, a negative errno, or REMOTE_WAITS:
 * it will be answered later. */
int remote_settle(struct op *op, const struct remote_arrival *arrival);
/* Whether this request waits already: a worker that died had come so far. */
bool remote_waits(const struct op *op);

int remote_start(struct worker *worker, struct dpl_err *err);

#endif
