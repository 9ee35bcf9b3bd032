/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * For the crash tests of a replica: a source's journal in memory, of a model's random ops, and what
 * a daemon says to doppel-replica.
 */
#ifndef DPL_TESTS_REPLICA_SOURCE_H
#define DPL_TESTS_REPLICA_SOURCE_H

#include "lib/ctl/channel.h"
#include "lib/journal/segment.h"
#include "tests/prop/model.h"

enum { SOURCE_BYTES = 64 << 20, SOURCE_RECORDS = 20000, SOURCE_STEPS = 4000 };

/* The journal, of one epoch, and where the model's steps end in it. */
struct source {
    struct dpl_epoch epoch;
    uint8_t *bytes;
    size_t size, count, steps;
    size_t at[SOURCE_RECORDS + 1], step_at[SOURCE_STEPS + 1];
    uint32_t chain[SOURCE_RECORDS + 1];
};
extern struct source source;
extern struct model model;

void source_init(uint64_t seed);
/* One more step of the model; false if there is no room for more. */
bool source_grow(void);
/* Of the record that begins at this LSN, or where all end. */
size_t source_index(uint64_t lsn);
/* The start document of a replica whose roots are DIR/one and DIR/two. */
void source_send_start(struct dpl_channel *channel, const char *dir);
/* Demands that DIR/one and DIR/two are what the model is. */
bool source_equal(struct model *m, const char *dir);

#endif
