/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A disk whose power is cut at the N-th call: from then on every call fails, and powercut_happen
 * takes away what no sync had followed, sector by sector at random. Names and sizes are as a
 * journalling file system keeps them: in order.
 */
#ifndef DPL_TESTS_POWERCUT_H
#define DPL_TESTS_POWERCUT_H

#include "lib/journal/segment.h"
#include "tests/prop/rng.h"

struct powercut_write;

struct powercut {
    struct dpl_segment_io io;
    unsigned calls, at; /* 0: never */
    struct rng rng;
    struct powercut_write *writes; /* that no sync followed, the newest first */
};

void powercut_init(struct powercut *cut, unsigned at, uint64_t seed);
static inline bool powercut_is_off(const struct powercut *cut)
{
    return cut->at > 0 && cut->calls >= cut->at;
}
/* After the code under test has given up. */
void powercut_happen(struct powercut *cut);
/* All of it reached the disk after all. */
void powercut_forget(struct powercut *cut);

#endif
