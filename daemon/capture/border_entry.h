/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The whole state of objects, as records: for what enters the set.
 */
#ifndef DPL_CAPTURE_BORDER_ENTRY_H
#define DPL_CAPTURE_BORDER_ENTRY_H

#include "daemon/capture/op.h"

/* Journals an object that has no name inside yet, without a name: its attributes, extended
 * attributes and content. The caller holds its lock. */
void border_enter_object(struct op *op, uint32_t index, int fd);
/* The same for one that counts as inside, while the target may never have had it, or have it no
 * more since its names inside went: the target asks for it. */
void border_doubt(struct op *op, uint32_t index);
/* The same for a directory with all beneath it that is in the set by the rules of its name; the
 * nodes that are known beneath it learn their new place. The caller holds the border lock alone. */
void border_enter_tree(struct op *op, uint32_t dir, int dir_fd, const char *name);
/* All nodes that are known beneath it learn that they are where the rules of its name put them. */
void border_relearn_tree(struct op *op, uint32_t dir, int dir_fd, const char *name);
/* Journals that the object is gone from the set. */
void border_drop_object(struct op *op, uint32_t index);

#endif
