/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What a dirty log says must be compared.
 *
 * The answer is never less than what was changed. Whatever is doubtful (a file that cannot be read,
 * a sector that is not as it was written, a gap) makes it "everything", with the reason in words;
 * so reading does not fail.
 */
#ifndef DPL_DIRTY_LIST_H
#define DPL_DIRTY_LIST_H

#include "lib/dirty/file.h"

struct dpl_dirty_list {
    bool everything;
    bool valid;    /* every byte is as it should be: the file can be gone on with */
    char why[160]; /* if everything: the reason */
    bool head_valid;
    struct dpl_dirty_head head;
    struct dpl_dirty_key *keys; /* sorted, each once */
    size_t count;
    uint64_t end; /* the number of the sector behind the last one */

    uint64_t *generations; /* of each key, from dpl_dirty_read_raw */
};

/* Reads the whole file, whose log may be written meanwhile by a living capture: what seems torn is
 * read again. The list is cleared by the caller. */
void dpl_dirty_read(struct dpl_dirty_list *list, const struct dpl_dirty_io *io);
/* The same with the keys as they stand in the file, and their generations: for the writer. */
void dpl_dirty_read_raw(struct dpl_dirty_list *list, const struct dpl_dirty_io *io);
void dpl_dirty_list_clear(struct dpl_dirty_list *list);

/* Whether this extent of the object must be compared. */
bool dpl_dirty_list_covers(const struct dpl_dirty_list *list, const void *id, size_t size,
                           uint64_t extent);
int dpl_dirty_key_compare(const void *a, const void *b);

#endif
