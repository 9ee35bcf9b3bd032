/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What the parts of the writer share. All of it but the hot table's look-up is for who has the role
 * of the one who writes.
 */
#ifndef DPL_DIRTY_LOG_PRIVATE_H
#define DPL_DIRTY_LOG_PRIVATE_H

#include "lib/dirty/log.h"

/* The role. */
void dpl_dirty_take_role(struct dpl_dirty *log);
void dpl_dirty_give_role(struct dpl_dirty *log);

static inline const struct dpl_dirty_state *dpl_dirty_now(const struct dpl_dirty_shared *shared)
{
    return &shared->state[atomic_load(&shared->which)];
}
/* A copy to be changed, and what makes it true. */
struct dpl_dirty_state *dpl_dirty_change_begin(struct dpl_dirty_shared *shared);
void dpl_dirty_change_end(struct dpl_dirty_shared *shared);

/* Writes the header of the changed state, one count higher. 0 or a negative errno. */
int dpl_dirty_write_head(struct dpl_dirty *log, struct dpl_dirty_state *next);
/* Adds keys to the changed state and the file. 0 or a negative errno. */
int dpl_dirty_append(struct dpl_dirty *log, struct dpl_dirty_state *next,
                     const struct dpl_dirty_key *keys, size_t count, uint64_t generation);
/* What is added next stands in a sector of its own. */
void dpl_dirty_fresh_sector(struct dpl_dirty_state *state);
/* Sectors that are kept. */
static inline uint64_t dpl_dirty_used(const struct dpl_dirty_state *state)
{
    return state->end + 1 - state->head.kept_sector;
}

/* A write failed: the log is off. */
void dpl_dirty_fail(struct dpl_dirty *log, enum dpl_dirty_reason reason);
/* Everything is dirty in this generation. The log works on. */
void dpl_dirty_say_all(struct dpl_dirty *log, enum dpl_dirty_reason reason);
/* Makes room: names whole objects in place of their extents, or says "everything". */
void dpl_dirty_coarsen(struct dpl_dirty *log);

bool dpl_dirty_hot_find(const struct dpl_dirty_shared *shared, const struct dpl_dirty_key *key);
void dpl_dirty_hot_insert(struct dpl_dirty_shared *shared, const struct dpl_dirty_key *key);
/* Nothing is hot any more. */
void dpl_dirty_hot_clear(struct dpl_dirty_shared *shared);

#endif
