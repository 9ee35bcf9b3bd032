/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The simulator over many seeds. DPL_SEED=N DPL_ROUNDS=1 runs seed N again.
 */
#include "tests/prop/sim.h"
#include "tests/unit/unit.h"

static void seeds(void)
{
    static struct sim sim;
    struct rng start = rng_start(1);
    unsigned n = rounds(1000), failed = 0;
    unsigned total[8] = {0};
    uint64_t bytes = 0;
    for (unsigned i = 0; i < n && failed < 5; i++) {
        failed += !sim_run(&sim, start.state + i);
        const unsigned seen[] = {sim.seen.cuts,           sim.seen.source_crashes,
                                 sim.seen.target_crashes, sim.seen.node_crashes,
                                 sim.seen.handovers,      sim.seen.overflows,
                                 sim.seen.resyncs,        sim.seen.accepted};
        for (unsigned k = 0; k < 8; k++)
            total[k] += seen[k];
        bytes += sim.seen.bytes;
    }
    CU_ASSERT_EQUAL(failed, 0);
    printf("%u seeds: %u cuts, %u crashes of the source, %u of the target, %u lost writers, %u "
           "handovers, %u overflows, %u mirrors, %u sessions, %llu bytes\n",
           n, total[0], total[1], total[2], total[3], total[4], total[5], total[6], total[7],
           (unsigned long long)bytes);
    /* All of it must have happened, or nothing was shown. */
    if (n >= 1000)
        for (unsigned k = 0; k < 8; k++)
            CU_ASSERT_TRUE(total[k] > 0);
}

static const struct unit_test tests[] = {
    {"whatever fails, the replica is a prefix of the source, or says that it needs a mirror",
     seeds},
};
UNIT_MAIN(tests)
