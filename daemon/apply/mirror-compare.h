/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A mirror that changes nothing (a test): what the source sends is compared with the replica, and
 * what differs, is missing or is too much is counted and listed.
 *
 * The source reads an object when records on it may be under way, so a difference is a suspicion at
 * first. It is one in truth when no record has named the object until all that was done before the
 * end of the walk has been applied; else the object is asked for, and compared, once more. What
 * never rests is counted apart. What was found equal once is so from there on: the records bring it
 * to where the source is.
 *
 * Not compared: times of access, inode flags, attributes of the name space trusted, and what the
 * set does not allow here (devices, set-ID bits).
 *
 * Memory: DPL_COMPARE_SUSPECTS of them with their paths; what is more is counted where it is found,
 * and not looked at again.
 */
#ifndef DPL_APPLY_MIRROR_COMPARE_H
#define DPL_APPLY_MIRROR_COMPARE_H

#include "daemon/apply/mirror-private.h"

enum { DPL_COMPARE_SUSPECTS = 200000 };

struct dpl_comparison;
struct dpl_comparison *dpl_compare_new(uint64_t seed);
void dpl_compare_free(struct dpl_comparison *compare);

/* The state of an object. */
int dpl_compare_item(struct dpl_mirror_target *t, const struct dpl_record *r, struct dpl_err *err);
/* The content of one that is here differs. */
void dpl_compare_content(struct dpl_mirror_target *t, struct dpl_object *object, int fd);
/* One name of the list of a directory. */
int dpl_compare_name(struct dpl_mirror_target *t, struct dpl_view dir,
                     const struct dpl_mirror_entry *entry, struct dpl_err *err);
/* A record has named this object, and was applied. */
void dpl_compare_touched(struct dpl_mirror_target *t, struct dpl_view id);
/* Up to this LSN everything that was done before the end of the walk. 1: the counts and the paths
 * of t are what was found; 0: the source is to end once more. */
int dpl_compare_end(struct dpl_mirror_target *t, uint64_t lsn, struct dpl_err *err);

#endif
