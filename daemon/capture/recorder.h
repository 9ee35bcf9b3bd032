/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * From an op to its record in the journal.
 *
 * Before the effect the handler says what kind of record this will be and fills what is known, with
 * stand-ins of the right size for what is not: the reservation takes its room from that. After the
 * effect it fills in what is true now. The body is encoded into the slot, in shared memory, before
 * the state becomes DONE, so that a successor can commit it.
 */
#ifndef DPL_CAPTURE_RECORDER_H
#define DPL_CAPTURE_RECORDER_H

#include "daemon/capture/op.h"

/* Begins a record of this type, unless this is not to be journalled. */
void recorder_begin(struct op *op, bool inside, enum dpl_record_type type);

/* The id of a node, borrowed until the op ends. */
struct dpl_view recorder_oid(struct op *op, uint32_t index);
/* An id as large as that of any object on this root's file system. */
struct dpl_view recorder_oid_room(struct op *op);

void recorder_object(struct op *op, uint32_t index);
/* The id of an object that has no node. */
void recorder_object_handle(struct op *op, const struct node_handle *handle);
void recorder_whiteout_handle(struct op *op, const struct node_handle *handle);
void recorder_object2(struct op *op, uint32_t index);
void recorder_parent(struct op *op, uint32_t dir, const char *name);
void recorder_parent2(struct op *op, uint32_t dir, const char *name);
/* Room for attributes that come after the effect: DPL_F_ATTR, DPL_F_PARENT_ATTR, … */
void recorder_attr_room(struct op *op, uint32_t fields);
/* The attributes of a descriptor as they are now, into one of these fields. */
void recorder_attr_fd(struct op *op, uint32_t field, int fd);
void recorder_attr(struct op *op, uint32_t field, const struct statx *stx);
/* What a default ACL of the directory gives to an object that is made in it: room for it before the
 * effect; after it, what the object has, if there was room. */
void recorder_inherited_room(struct op *op, int dir_fd);
void recorder_inherited(struct op *op, int fd);
/* The same for a record beside the op's own. Returns the bytes at *list, which are the thread's. */
size_t recorder_inherited_list(struct op *op, int fd, const uint8_t **list);
/* Drops an optional field that turned out not to be. */
void recorder_without(struct op *op, uint32_t fields);

/* Reserves the position. The journal may have ended: then the op goes on without. */
void recorder_reserve(struct op *op);
/* Encodes the outcome into the slot. What cannot be encoded becomes unknown, never void. */
void recorder_encode(struct op *op, enum dpl_outcome outcome);
/* Commits what the slot holds; may be repeated. */
void recorder_commit(struct worker *worker, struct slot *slot);

/* A whole record beside the op's own, reserved and committed at once. */
void recorder_extra(struct op *op, struct dpl_record *record);
/* One of the first of a journal, before others use it. */
void recorder_first(struct op *op, struct dpl_record *record);
/* The same for a thread that serves nobody. Returns 0, or NO_SPACE: the journal has ended. lsn_r,
 * if not NULL, receives its position. */
int recorder_note(struct worker *worker, struct dpl_record *record, uint64_t *lsn_r);

#endif
