/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The target's side of a mirror: makes the replica what the source sends, object by object, and
 * asks for what differs. mirror_source.h is the other side; doppel-protocol(5) says what goes
 * between.
 *
 * Messages are applied in stream order, between records: the position is that of the last record
 * that was applied. What an object is here already is compared and kept. Objects that have no id
 * yet are adopted when they stand at the name that the source gives and are of the same type: a
 * replica that was copied by other means is taken over. Names that the source's list does not have
 * are remembered; at the end, when everything that lives was seen, they are stale names of living
 * objects, or orphans.
 *
 * Memory: sixteen bytes for each object, the names that are too many, the list of one directory.
 * Failure: a message that makes no sense is CORRUPT; a guard is REFUSED (too much would be deleted:
 * nothing was); all else is the replica's disk. An object that the set does not allow here (a
 * device) is counted and left out.
 */
#ifndef DPL_APPLY_MIRROR_H
#define DPL_APPLY_MIRROR_H

#include "daemon/apply/apply.h"
#include "daemon/apply/mirror-kept.h"
#include "daemon/core/rules.h"
#include "lib/proto/message.h"

struct dpl_mirror_place {
    uint32_t number;    /* of the root */
    const char *source; /* its path at the source, for the rules */
};

struct dpl_mirror_target_options {
    struct dpl_apply *apply;
    uint64_t seed; /* random */
    /* Where the roots are at the source, for the set's rules, which the source says: what they
     * exclude is left alone here. They can only take from what may go, which lies beneath the roots
     * in any case. */
    const struct dpl_mirror_place *places;
    size_t place_count;
    int orphans_fd;        /* a directory on the replica's file system where orphans are moved to */
    struct dpl_kept *kept; /* borrowed; NULL: nothing is */
    uint64_t cursor;       /* of that, told to the source; 0: none */
    int64_t life;          /* of the replica: noted at what is kept */
    bool set_aside;        /* what the source has not, or has otherwise, is kept beside the roots */
    unsigned max_delete;   /* percent of all objects that may be taken away; 100: any */
    int (*send)(void *self, const struct dpl_message *message, struct dpl_err *err);
    /* Of a mirror of one object. It is not there until this mirror has ended: this object, or, with
     * no bytes, everything. It has come. */
    void (*want)(void *self, struct dpl_view object);
    void (*came)(void *self, struct dpl_view object);
    void *self;
};

struct dpl_mirror_target;

/* begin is a MIRROR_BEGIN. All that the options point at is borrowed. */
int dpl_mirror_target_open(struct dpl_mirror_target **target_r,
                           const struct dpl_mirror_target_options *options,
                           const struct dpl_message *begin, struct dpl_err *err);
void dpl_mirror_target_close(struct dpl_mirror_target *target);

/* An ITEM, FILES, DIR, SUMS, DATA or END of this mirror, at this position of the records. 1: it was
 * the END, nothing more is asked for, the orphans have been seen to and the result was sent; else
 * 0. */
int dpl_mirror_target_message(struct dpl_mirror_target *target, uint64_t epoch, uint64_t lsn,
                              const struct dpl_message *message, struct dpl_err *err);
/* Says how far it is: so the source knows what it may send. */
int dpl_mirror_target_tell(struct dpl_mirror_target *target, struct dpl_err *err);
/* A record was applied meanwhile: what it names lives. */
void dpl_mirror_target_note(struct dpl_mirror_target *target, const struct dpl_record *record);

/* Size and time of this object, or with no bytes of all, say nothing about its content here. */
void dpl_mirror_target_doubt(struct dpl_mirror_target *target, struct dpl_view object);

/* Of a test (mirror-compare.h): created are missing, changed differ, orphans are too much, and
 * unsettled could not be told. */
struct dpl_mirror_target_count {
    uint64_t objects, bytes /* of frames */, created, changed, refused, orphans, removed, unsettled;
};
void dpl_mirror_target_count(const struct dpl_mirror_target *target,
                             struct dpl_mirror_target_count *count_r);

#endif
