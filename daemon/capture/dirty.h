/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The capture's use of the dirty log: contents of old objects are named in it before they change.
 *
 * A handler that changes a content calls one of dirty_write, dirty_truncate, dirty_fallocate
 * or dirty_whole with its locks held, before op_start; what they name is durable when they
 * return. A thread that has to wait for that lets another read the device meanwhile. From then on
 * until the op gives its locks back it counts as under way for a candidate of the mark.
 *
 * Nothing here fails for the application. A log that cannot be written is given up: this is said on
 * standard error, in the log's header if that can be written, and by a record of the journal, so
 * that the target knows too.
 */
#ifndef DPL_CAPTURE_DIRTY_H
#define DPL_CAPTURE_DIRTY_H

#include "daemon/capture/op.h"

/* Opens the log that the options name, for this ownership, before anything is mounted; makes one
 * that says "everything" where there is none or it is not valid. Without a log that works the start
 * goes on; a negative code is for options that are wrong. */
int dirty_setup(const struct options *options, struct shared *shared, struct dpl_err *err);
/* Makes an empty log, whose past is known to be the same at both sites: a person says so. */
int dirty_create(const struct options *options, struct dpl_err *err);
/* Attaches a worker, after its arena. */
int dirty_attach(struct worker *worker, struct dpl_err *err);

/* The owner goes on with another epoch: durable there before its first op. */
void dirty_new_epoch(struct worker *worker, const struct dpl_epoch *epoch);

void dirty_write(struct op *op, uint32_t index, int fd, uint64_t offset, uint64_t length,
                 bool append);
void dirty_truncate(struct op *op, uint32_t index, int fd, uint64_t size);
void dirty_fallocate(struct op *op, uint32_t index, int fd, uint32_t mode, uint64_t offset,
                     uint64_t length);
/* An object that comes into the set: the target has nothing of it. */
void dirty_whole(struct op *op, const struct node_handle *handle);
void dirty_node(struct op *op, uint32_t index);
/* Somebody changed this object past the capture; NULL: it is not known which. For threads that
 * serve nobody. */
void dirty_bypassed(struct worker *worker, const struct dpl_oid *oid);
/* The op's locks are given back. */
void dirty_leave(struct op *op);

/* The mark. A candidate is chosen: waits up to wait_ms for changes that are under way, then gives
 * the candidate's position. BUSY: ask again. */
int dirty_mark_candidate(struct worker *worker, uint32_t wait_ms, uint64_t *lsn,
                         struct dpl_err *err);
/* Both sides hold everything before that position durably. */
int dirty_mark_set(struct worker *worker, uint64_t lsn, struct dpl_err *err);

#endif
