/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Private to the source's side of a mirror: many objects in one message, small files with their
 * content. What was added is sent before the step of the mirror ends.
 */
#ifndef DPL_LINK_MIRROR_BATCH_H
#define DPL_LINK_MIRROR_BATCH_H

#include "daemon/link/mirror_content.h"

struct dpl_mirror_batch {
    uint8_t *list; /* owned, DPL_MIRROR_BYTES_MAX; NULL: the target does not know such messages */
    size_t used;
};

void dpl_mirror_batch_init(struct dpl_mirror_batch *batch, bool known);
void dpl_mirror_batch_done(struct dpl_mirror_batch *batch);
/* Whether it is large enough to go. */
bool dpl_mirror_batch_full(const struct dpl_mirror_batch *batch);

/* Adds the state of what fd is of, as dpl_mirror_send_state does; in a mirror of the kind full also
 * the content of a small file that fd can read. *whole_r: all of its content is there. Sends what
 * was there before where the room ends. */
int dpl_mirror_batch_add(struct dpl_mirror_batch *batch, const struct dpl_mirror_desk *desk, int fd,
                         struct dpl_view oid, struct dpl_view parent, struct dpl_view name,
                         struct stat *st, bool *whole_r, struct dpl_err *err);
/* Sends it, if anything is in it. */
int dpl_mirror_batch_send(struct dpl_mirror_batch *batch, const struct dpl_mirror_desk *desk,
                          struct dpl_err *err);

#endif
