/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Private to the source's side of a mirror: content that is to be sent of one object, as sums or as
 * data, piece by piece.
 */
#ifndef DPL_LINK_MIRROR_CONTENT_H
#define DPL_LINK_MIRROR_CONTENT_H

#include "daemon/link/mirror_object.h"
#include "daemon/link/mirror_source.h"

enum dpl_mirror_as { DPL_MIRROR_AS_COARSE, DPL_MIRROR_AS_FINE, DPL_MIRROR_AS_DATA };

/* Owned by whoever has it; done closes it. */
struct dpl_mirror_job {
    struct dpl_oid oid;
    enum dpl_mirror_as as;
    int fd;          /* -1: not opened yet */
    uint8_t *ranges; /* as in a MIRROR_NEED; NULL: all of it */
    struct dpl_view left;
    uint64_t offset, end; /* of the range under way; equal: take the next */
};

struct dpl_mirror_job *dpl_mirror_job_new(struct dpl_view oid, enum dpl_mirror_as as,
                                          struct dpl_view ranges);
void dpl_mirror_job_free(struct dpl_mirror_job *job);

/* What a job works with. */
struct dpl_mirror_desk {
    const struct dpl_mirror_options *options;
    struct dpl_mirror_count *count;
    uint8_t *buffer; /* DPL_MIRROR_BYTES_MAX */
    uint8_t *state;  /* DPL_MIRROR_STATE_ROOM */
};

/* Sends one piece. 1: more is to come; 0: all was sent, or it has gone; or a negative code. */
int dpl_mirror_job_step(struct dpl_mirror_job *job, const struct dpl_mirror_desk *desk,
                        struct dpl_err *err);
/* Sends the state of what fd (O_PATH) is of, without a name if that has no bytes. */
int dpl_mirror_send_state(const struct dpl_mirror_desk *desk, int fd, struct dpl_view oid,
                          struct dpl_view parent, struct dpl_view name, struct stat *st,
                          struct dpl_err *err);

#endif
