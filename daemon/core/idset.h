/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A set of ids of any number and any size, in about sixteen bytes each: what a mirror has sent or
 * seen.
 *
 * It keeps a hash of 64 bits under a random seed, not the id: two ids fall together once in
 * billions of billions of pairs, and nobody who does not know the seed can make them. The caller
 * takes care that a false yes does no harm. Pure: the seed is given. Owns its memory.
 */
#ifndef DPL_CORE_IDSET_H
#define DPL_CORE_IDSET_H

#include "lib/wire/reader.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dpl_idset {
    uint64_t *slots; /* a hash, or 0 */
    size_t room;     /* a power of two, or 0 */
    size_t count;
    uint64_t seed;
};

void dpl_idset_init(struct dpl_idset *set, uint64_t seed);
void dpl_idset_done(struct dpl_idset *set);
/* True if it was not in it. */
bool dpl_idset_add(struct dpl_idset *set, struct dpl_view id);
bool dpl_idset_has(const struct dpl_idset *set, struct dpl_view id);
/* What it keeps of an id, and the same added again: for a set that is stored with its seed. */
uint64_t dpl_idset_hash(const struct dpl_idset *set, struct dpl_view id);
bool dpl_idset_add_hash(struct dpl_idset *set, uint64_t hash);

#endif
