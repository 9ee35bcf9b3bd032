/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A relay in user space between the two ports of a wire: loses and delays frames. The kernels that
 * the lab runs on need not have netem. What is lost is decided by a seed.
 */
#ifndef DPL_LAB_RELAY_H
#define DPL_LAB_RELAY_H

#include "tests/lab/lab.h"

struct lab_relay {
    double loss; /* share, 0 to 1 */
    int delay_ms;
    uint64_t seed;
};

/* Starts it as a process, with both ports bound. Returns its pid or a negative code. */
pid_t lab_relay_start(const struct lab_wire *wire, const struct lab_relay *how,
                      struct dpl_err *err);

#endif
