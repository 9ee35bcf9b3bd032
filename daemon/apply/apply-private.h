/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Private to daemon/apply: what the files of the replayer share.
 */
#ifndef DPL_APPLY_PRIVATE_H
#define DPL_APPLY_PRIVATE_H

#include "daemon/apply/apply.h"
#include "daemon/apply/objects.h"

struct dpl_apply {
    struct dpl_apply_options options;
    struct dpl_apply_root *roots;
    struct dpl_objects objects;
    uint64_t barrier_epoch, barrier_lsn; /* what is before it is never applied again */
    /* of the record under way */
    int (*before)(void *self, struct dpl_object *object, int fd, struct dpl_err *err);
    void *before_self;
    bool of_mirror;       /* a mirror has made it: attributes of trusted are not known */
    bool unknown;         /* something that it names is not here */
    bool want_checkpoint; /* when it has been applied */
    struct dpl_view missing[DPL_APPLY_MISSING];
    unsigned missing_count;
};

/* Looks the object up, ready to be changed; NULL if it is not here, which is noted. */
int dpl_apply_find(struct dpl_apply *a, struct dpl_view id, struct dpl_object **object_r,
                   struct dpl_err *err);
/* The same for the directory with this id, as a descriptor that stays ours; -1 if it is not here.
 */
int dpl_apply_dir(struct dpl_apply *a, struct dpl_view id, int *fd_r, struct dpl_err *err);
/* All extended attributes of the object become those of the record. */
int dpl_apply_xattrs(struct dpl_apply *a, const struct dpl_record *r, struct dpl_object *object,
                     struct dpl_err *err);
int dpl_apply_attr(struct dpl_apply *a, struct dpl_object *object, const struct dpl_attr *attr,
                   struct dpl_err *err);
/* Attributes of an object that a record names beside its own; unknown ones are passed over. */
int dpl_apply_attr_of(struct dpl_apply *a, const struct dpl_record *r, uint32_t has,
                      struct dpl_view id, const struct dpl_attr *attr, struct dpl_err *err);
void dpl_apply_limbo(struct dpl_apply *a, struct dpl_object *object, bool limbo);
/* Everything before this record is durable, and never applied again. */
int dpl_apply_barrier(struct dpl_apply *a, uint64_t epoch, uint64_t lsn, struct dpl_err *err);

/* Makes the object of an ENTER record where its name is, with this content at its begin; all at one
 * go, because nothing is there. 1: it was made; 0: it cannot be made like this. */
int dpl_apply_enter_named(struct dpl_apply *a, const struct dpl_record *r, struct dpl_view content,
                          struct dpl_err *err);

/* One for each kind of record. */
int dpl_apply_root(struct dpl_apply *a, const struct dpl_record *r, struct dpl_err *err);
int dpl_apply_create(struct dpl_apply *a, const struct dpl_record *r, struct dpl_err *err);
int dpl_apply_data(struct dpl_apply *a, const struct dpl_record *r, struct dpl_err *err);
int dpl_apply_copy(struct dpl_apply *a, uint64_t epoch, const struct dpl_record *r,
                   struct dpl_err *err);
int dpl_apply_setattr(struct dpl_apply *a, const struct dpl_record *r, struct dpl_err *err);
int dpl_apply_xattr(struct dpl_apply *a, const struct dpl_record *r, struct dpl_err *err);
int dpl_apply_name(struct dpl_apply *a, const struct dpl_record *r, struct dpl_err *err);
int dpl_apply_rename(struct dpl_apply *a, const struct dpl_record *r, struct dpl_err *err);
int dpl_apply_drop(struct dpl_apply *a, const struct dpl_record *r, struct dpl_err *err);

#endif
