/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a mirror has compared, beside the replica, so that the next one need not do it again if this
 * one does not end: the file `compared` of doppel-replica(5).
 *
 * An object is in it when its content was found or made equal to the source's, and a checkpoint has
 * made that durable; what changes it later comes as records. So the list is good as long as records
 * go on without a gap from where they were: who owns the replica says when that is not so, by
 * forgetting the cursor that names the list. A list that is missing, or damaged, or of another
 * cursor, holds nothing: then all is compared.
 *
 * It keeps hashes under a random seed (idset.h): an object would be taken for compared by mistake
 * once in billions of billions of pairs. Memory: sixteen bytes for each object. A failure to write
 * is no failure of the mirror: the list is given up.
 */
#ifndef DPL_APPLY_MIRROR_KEPT_H
#define DPL_APPLY_MIRROR_KEPT_H

#include "daemon/core/idset.h"
#include "lib/base/err.h"

#include <glib.h>

struct dpl_kept {
    int fd;     /* of the file; -1: nothing is kept */
    int dir_fd; /* where it lies, borrowed */
    uint64_t cursor;
    struct dpl_idset set;   /* all that may be passed over, and what joined since */
    size_t loaded;          /* how many of them an earlier mirror left */
    GArray *fresh, *sealed; /* hashes: since the last checkpoint began; before it, not written */
};

/* Makes a new list in dir_fd with this cursor, not 0. */
void dpl_kept_begin(struct dpl_kept *kept, int dir_fd, uint64_t cursor, uint64_t seed);
/* Goes on with the one of this cursor. false: there is none. */
bool dpl_kept_go_on(struct dpl_kept *kept, int dir_fd, uint64_t cursor);
/* Without removing the file. */
void dpl_kept_close(struct dpl_kept *kept);
/* The mirror has ended, or may not be gone on with. */
void dpl_kept_remove(int dir_fd);

/* An object of the list is not what was compared any more: no other mirror may go on with it. */
int dpl_kept_void(struct dpl_kept *kept, struct dpl_err *err);

bool dpl_kept_has(const struct dpl_kept *kept, struct dpl_view id);
void dpl_kept_add(struct dpl_kept *kept, struct dpl_view id);
/* A checkpoint begins: what was added is in it. It was made: what it holds is written. It was not.
 */
void dpl_kept_checkpoint_begins(struct dpl_kept *kept);
void dpl_kept_checkpoint_made(struct dpl_kept *kept);
void dpl_kept_checkpoint_failed(struct dpl_kept *kept);

#endif
