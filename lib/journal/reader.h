/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Reads a journal in order, from a position, while it may still be written.
 *
 * The reader answers a record only when it and all before it are whole and committed. It never
 * guesses: what is not valid by the rules of doppel-journal(5) is one of the ends below, with the
 * position. It owns its descriptors and buffers; a record's views live until the next call.
 */
#ifndef DPL_JOURNAL_READER_H
#define DPL_JOURNAL_READER_H

#include "lib/base/err.h"
#include "lib/journal/record.h"
#include "lib/journal/segment.h"

#include <stdint.h>

enum dpl_journal_next {
    DPL_NEXT_RECORD = 1,  /* there is one */
    DPL_NEXT_END = 2,     /* nothing more for now: all that was written has been read */
    DPL_NEXT_OPEN = 3,    /* the next op is not committed yet: ask again later */
    DPL_NEXT_ENDED = 4,   /* the journal was closed here; nothing will follow */
    DPL_NEXT_MIRROR = 5,  /* the journal ended here and ops after it are not in it */
    DPL_NEXT_TORN = 6,    /* the last record is incomplete: while the writer lives, ask again */
    DPL_NEXT_MISSING = 7, /* a segment that must be here is not */
    DPL_NEXT_DAMAGED = 8, /* something here is not what was written, or of a later version */
};
const char *dpl_journal_next_text(enum dpl_journal_next next);

struct dpl_journal; /* a reader's state */

/* Opens the journal of this epoch (0: the newest that the directory has) at lsn, which must be the
 * beginning of a record; 0 means the oldest that is there. dir_fd is borrowed. NOT_FOUND if there
 * is no such segment. */
int dpl_journal_open(struct dpl_journal **journal_r, int dir_fd, uint64_t epoch, uint64_t lsn,
                     struct dpl_err *err);
void dpl_journal_close(struct dpl_journal *journal);

/* The next committed record: void ones are answered too (their outcome says so), OUTCOME records
 * are not: they come as the record that they complete, at its place. Returns one of enum
 * dpl_journal_next, or a negative code if reading failed; err says what for TORN, MISSING and
 * DAMAGED too. */
int dpl_journal_next(struct dpl_journal *journal, struct dpl_record *record, struct dpl_err *err);
/* Every record as it stands, OPEN and OUTCOME ones included: for a dump. */
int dpl_journal_next_raw(struct dpl_journal *journal, struct dpl_record *record,
                         struct dpl_err *err);

/* What stands at this LSN or above is not read, and `open` ops whose outcome stands there are not
 * answered: for a reader that may know of nothing that is not durable yet. UINT64_MAX at first. */
void dpl_journal_limit(struct dpl_journal *journal, uint64_t lsn);

/* Where next will go on: the position behind the last record that was answered. */
uint64_t dpl_journal_lsn(const struct dpl_journal *journal);
/* The running digest there: the chain that the next record must carry. */
uint32_t dpl_journal_chain(const struct dpl_journal *journal);
/* What the header of the current segment says. */
const struct dpl_segment_head *dpl_journal_head(const struct dpl_journal *journal);

#endif
