/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Applies the records of a journal to a replica, one after the other, in one thread.
 *
 * A record is applied by making true what it says: what is so already is left alone, so a part of
 * the journal may be applied again and ends where it ended before. While that goes on, names and
 * objects of later records may be in the way or gone: the one is set aside in the reserved
 * directory, the other answered as UNKNOWN.
 *
 * Objects are found by a map (objects.h) from the source's id to a file handle of our own file
 * system, which can be rebuilt from the tag (TAG) that each object carries. The ids are keys:
 * nothing that a peer says is opened as a handle or as a path. Names are single components, checked
 * by the decoder; all happens beneath the roots and the reserved directory, on one file system, and
 * through no symbolic link.
 *
 * The reserved directory holds objects without a name until their drop. It must lie outside of
 * every root, on their file system, belong to root and be closed to others.
 *
 * Memory: struct dpl_apply borrows the descriptors it is given. Failure: a system call that fails
 * is an error, with the LSN; the record may then be half applied, and is applied again after the
 * cause is gone. Nothing here syncs, but for a copy (see doppel-journal(5)): checkpoints are the
 * caller's.
 */
#ifndef DPL_APPLY_APPLY_H
#define DPL_APPLY_APPLY_H

#include "lib/base/err.h"
#include "lib/journal/record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define DPL_APPLY_TAG    "trusted.doppel.id"
#define DPL_APPLY_PLACED "trusted.doppel.placed"
#define DPL_APPLY_TAGS   "trusted.doppel."

struct dpl_apply; /* an applier's state */

struct dpl_apply_root {
    uint32_t number;  /* of the ROOT record; or, with path, not known */
    int fd;           /* the directory that stands for it here */
    const char *path; /* borrowed: the root's absolute path at the source, whose end a ROOT record
                         names; or NULL */
};

struct dpl_apply_options {
    int reserve_fd;
    const struct dpl_apply_root *roots;
    size_t count;
    bool allow_setid;   /* else set-user-ID and set-group-ID bits are left out */
    bool allow_devices; /* else block and character devices are refused; whiteouts never are */
    /* Makes all before this position durable, for good. With it the map comes from the caller, who
     * loads or scans; without it this is done at open, and a file in the reserved directory holds
     * the position. */
    int (*checkpoint)(void *self, uint64_t epoch, uint64_t lsn, struct dpl_err *err);
    void *self;
    const uint8_t *life; /* DPL_LIFE_BYTES that mark the tags of this replica; NULL: none do */
};
enum { DPL_APPLY_MISSING = 6 }; /* objects that one record can name */

enum dpl_apply_result {
    DPL_APPLY_DONE = 0,
    DPL_APPLY_NOTHING = 1, /* void, or before a copy that was applied */
    DPL_APPLY_UNKNOWN = 2, /* an object or a directory of it is not here: all else was done */
    DPL_APPLY_ASK =
        3, /* the source must be asked for what the record names (outcome unknown, mirror) */
};

/* Opens a replica, empty or partly applied. UNSUPPORTED if the file system
 * has no handles or no trusted attributes. */
int dpl_apply_open(struct dpl_apply **apply_r, const struct dpl_apply_options *options,
                   struct dpl_err *err);
void dpl_apply_close(struct dpl_apply *apply);

struct dpl_objects;
struct dpl_object;
/* From here on this is called before the content of a regular file is changed; NULL ends that. */
void dpl_apply_before(struct dpl_apply *apply,
                      int (*before)(void *self, struct dpl_object *object, int fd,
                                    struct dpl_err *err),
                      void *self);
/* The map in memory, borrowed. */
struct dpl_objects *dpl_apply_objects(struct dpl_apply *apply);
/* Enters the roots that have a tag. */
int dpl_apply_enter_roots(struct dpl_apply *apply, struct dpl_err *err);
/* Builds it from the tags of everything beneath the roots and in the reserved directory. */
int dpl_apply_scan(struct dpl_apply *apply, struct dpl_err *err);

/* Applies one record, resolved (not OPEN, no OUTCOME), of the epoch with this number. One of enum
 * dpl_apply_result or a negative code. */
int dpl_apply_record(struct dpl_apply *apply, uint64_t epoch, const struct dpl_record *record,
                     struct dpl_err *err);

/* Of the last record: the ids, in its views, of what is not here, unless something explains that;
 * and whether it asks for a checkpoint behind it. */
unsigned dpl_apply_missing(const struct dpl_apply *apply, const struct dpl_view **missing_r);
bool dpl_apply_wants_checkpoint(const struct dpl_apply *apply);

/* To be called when a part that is applied again has reached the former end: removes what was made
 * again in directories that are not here any more, and so went with them. Returns how many. */
ssize_t dpl_apply_settle(struct dpl_apply *apply, struct dpl_err *err);

#endif
