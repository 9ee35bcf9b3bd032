/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * How long to wait before something that failed is tried again: twice as long each time, within
 * bounds; at once the least again after it had run well for a while. Pure.
 */
#ifndef DPL_CORE_BACKOFF_H
#define DPL_CORE_BACKOFF_H

#include <stdint.h>

struct dpl_backoff_policy {
    int64_t least_ms;
    int64_t most_ms;
    int64_t well_ms; /* who ran so long had started well */
};

struct dpl_backoff {
    uint32_t failures; /* in a row */
};

/* The wait after a run of that length. */
int64_t dpl_backoff_next_ms(struct dpl_backoff *backoff, const struct dpl_backoff_policy *policy,
                            int64_t ran_ms);

#endif
