/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Private to lib/journal: walks the records of an epoch as they stand in its segments, one by one,
 * and says why it stops where it stops. Owns a descriptor and a buffer.
 */
#ifndef DPL_JOURNAL_CURSOR_H
#define DPL_JOURNAL_CURSOR_H

#include "lib/journal/reader.h"

#include <stdbool.h>

struct dpl_cursor {
    int dir_fd; /* borrowed */
    int fd;     /* of the current segment */
    struct dpl_segment_head head;
    uint64_t file_bytes;
    uint64_t lsn;   /* of the record to come */
    uint32_t chain; /* that it must carry */
    uint8_t *buffer;
    size_t room;
    uint64_t window_at; /* where in the file the buffer's bytes begin */
    size_t window;      /* how many they are */
    size_t ahead;       /* how much was read at once the last time */
    bool clear;         /* of this segment: nothing stood behind where its records ended once */
    uint64_t limit_lsn; /* here it ends for now */
};

void dpl_cursor_init(struct dpl_cursor *c, int dir_fd);
void dpl_cursor_done(struct dpl_cursor *c);
/* Goes to the beginning of the newest segment at or below lsn; the oldest if `or_oldest` and there
 * is none. */
int dpl_cursor_seek(struct dpl_cursor *c, uint64_t epoch, uint64_t lsn, bool or_oldest,
                    struct dpl_err *err);
/* Goes where another one is. */
int dpl_cursor_follow(struct dpl_cursor *c, const struct dpl_cursor *to, struct dpl_err *err);
/* Walks to lsn, which must be where a record begins or the last one ends: PARAM if it lies within
 * one, NOT_FOUND if they do not reach so far. */
int dpl_cursor_walk_to(struct dpl_cursor *c, uint64_t lsn, struct dpl_err *err);
/* The next record's header and body, which lives until the next call. One of enum dpl_journal_next
 * but OPEN, or a negative code. */
int dpl_cursor_next(struct dpl_cursor *c, struct dpl_record_header *header, struct dpl_view *body,
                    struct dpl_err *err);

#endif
