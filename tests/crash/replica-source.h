/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * For the crash tests of a replica: a source's journal in memory, of a model's random ops, and what
 * a daemon says to doppel-replica.
 */
#ifndef DPL_TESTS_REPLICA_SOURCE_H
#define DPL_TESTS_REPLICA_SOURCE_H

#include "lib/ctl/channel.h"
#include "tests/prop/feed.h"

enum { SOURCE_STEPS = 4000 };

/* Where the model's steps end in the journal. */
struct steps {
    size_t count, at[SOURCE_STEPS + 1];
};
extern struct steps steps;
extern struct model model;

void source_init(uint64_t seed);
/* One more step of the model; false if there is no room for more. */
bool source_grow(void);
/* The start document of a replica whose roots are DIR/one and DIR/two. */
void source_send_start(struct dpl_channel *channel, const char *dir);
/* Demands that DIR/one and DIR/two are what the model is. */
bool source_equal(struct model *m, const char *dir);

#endif
