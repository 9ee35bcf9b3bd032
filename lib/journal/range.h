/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Reads a journal as bytes: whole records exactly as they stand in the segments, for who sends them
 * on. OPEN and OUTCOME records are among them; the one who applies puts them together.
 *
 * What is answered has been verified (both CRCs, the chain, sizes and places), but not decoded. The
 * reader goes from segment to segment while the writer may go on behind it, owns its descriptors
 * and buffers, and says why it stops as lib/journal/reader.h does.
 */
#ifndef DPL_JOURNAL_RANGE_H
#define DPL_JOURNAL_RANGE_H

#include "lib/journal/reader.h"

struct dpl_range; /* a reader's state */

/* Opens the journal of this epoch at lsn, which must be where a record begins, or where the last
 * one ends. NOT_FOUND: it has no such position (any more, or yet); PARAM: no record begins there.
 */
int dpl_range_open(struct dpl_range **range_r, int dir_fd, uint64_t epoch, uint64_t lsn,
                   struct dpl_err *err);
void dpl_range_close(struct dpl_range *range);

/* RECORD: whole records, `want` bytes or a little more if so many are there, else all that are; at
 * least one. They live until the next call. Else why there is none (OPEN is not among the answers),
 * or a negative code. */
int dpl_range_next(struct dpl_range *range, size_t want, struct dpl_view *records_r,
                   struct dpl_err *err);

/* The position behind what was answered, the digest there, and the time of the last record. */
uint64_t dpl_range_lsn(const struct dpl_range *range);
uint32_t dpl_range_chain(const struct dpl_range *range);
uint64_t dpl_range_time_ns(const struct dpl_range *range);
/* 1: the epoch has ended cleanly, there; 0: it has not; or a negative code. */
int dpl_range_end(const struct dpl_range *range, uint64_t *lsn_r);
/* What the header of the current segment says: the end and its reason, behind ENDED and MIRROR. */
const struct dpl_segment_head *dpl_range_head(const struct dpl_range *range);

/* What a directory has of each epoch, in ascending order. The caller frees the list. A segment
 * whose header cannot be read fails it (CORRUPT, TRUNCATED), unless it is about to be made or is
 * gone. */
struct dpl_journal_epoch {
    struct dpl_epoch epoch;
    uint64_t oldest_lsn; /* where what is left begins */
    uint32_t oldest_chain;
};
ssize_t dpl_journal_epochs(int dir_fd, struct dpl_journal_epoch **list_r, struct dpl_err *err);

#endif
