/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Private to lib/journal: parts of segment files that only their writer and reader share.
 */
#ifndef DPL_JOURNAL_SEGMENT_PRIVATE_H
#define DPL_JOURNAL_SEGMENT_PRIVATE_H

#include "lib/journal/segment.h"

/* The state as the bytes of one sector of 512, and where that one stands. */
void dpl_segment_state_encode(const struct dpl_segment_head *head, uint8_t *sector);
off_t dpl_segment_state_at(uint64_t count);

void dpl_segment_name(char name[DPL_SEGMENT_NAME], uint64_t epoch, uint64_t first_lsn);
/* Reads a header and demands that it agrees with its name. Sets file_bytes, if not NULL. TRUNCATED
 * if the file ends within the header, CORRUPT if that is not valid. */
int dpl_segment_read_head(int fd, uint64_t epoch, uint64_t first_lsn, struct dpl_segment_head *head,
                          uint64_t *file_bytes, struct dpl_err *err);

/* Calls visit for each segment of the directory, in any order, until it answers other than 0;
 * answers that, or 0. Allocates nothing: the capture's worker uses it. */
int dpl_segments_walk(int dir_fd, int (*visit)(void *self, const struct dpl_segment_entry *entry),
                      void *self, struct dpl_err *err);

#endif
