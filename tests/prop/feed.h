/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A source's journal in memory, of one epoch after the other: what a model does, as records. There
 * is one, and a test that outgrows it ends.
 */
#ifndef DPL_TESTS_FEED_H
#define DPL_TESTS_FEED_H

#include "lib/journal/segment.h"
#include "tests/prop/model.h"

enum { FEED_BYTES = 64 << 20, FEED_RECORDS = 20000 };

struct feed {
    struct dpl_epoch epoch;
    uint8_t *bytes;
    size_t size, count;
    size_t at[FEED_RECORDS + 1]; /* where each begins, and the last ends */
    uint32_t chain[FEED_RECORDS + 1];
};
extern struct feed source;

/* Begins this epoch, with nothing in it. */
void feed_begin(const struct dpl_epoch *epoch);
/* The model's emit. */
void feed_record(void *self, const struct dpl_record *record);
/* Of the record that begins at this LSN, or where all end. */
size_t feed_index(uint64_t lsn);

#endif
