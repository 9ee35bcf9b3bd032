/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Both sides of a mirror in one process: a tree, a replica, and two queues of encoded messages that
 * are delivered in random turns.
 */
#ifndef DPL_TESTS_MIRRORRIG_H
#define DPL_TESTS_MIRRORRIG_H

#include "daemon/apply/mirror.h"
#include "daemon/link/mirror_source.h"
#include "tests/prop/rng.h"

struct mirrorrig {
    struct rng rng;
    int source, replica, reserve, orphans; /* directories */
    enum dpl_mirror_kind kind;
    enum dpl_orphans policy;
    bool test, allow_empty;
    unsigned max_delete;
    const char *rules; /* text, or NULL; the source's root is /source */
    /* of the last run */
    struct dpl_mirror_target_count count;
    struct dpl_mirror_count source_count;
    char paths[32768]; /* of orphans, each with a line end */
    struct dpl_err err;
};

/* Makes the directories beneath the test's own. */
void mirrorrig_init(struct mirrorrig *rig, uint64_t seed, unsigned round);
void mirrorrig_done(struct mirrorrig *rig);
/* One whole mirror. 0, or the code of what stopped it, with rig->err. */
int mirrorrig_run(struct mirrorrig *rig);
/* Counts and prints what differs between source and replica. */
long mirrorrig_compare(struct mirrorrig *rig);

/* Grows a random tree beneath dir, or changes one that is there: names, kinds, data, holes, links,
 * owners, modes, times, attributes. */
void randomtree_change(struct rng *r, int dir, unsigned changes);

#endif
