/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/core/backoff.h"

int64_t dpl_backoff_next_ms(struct dpl_backoff *backoff, const struct dpl_backoff_policy *policy,
                            int64_t ran_ms)
{
    if (ran_ms >= policy->well_ms)
        backoff->failures = 0;
    int64_t wait = policy->least_ms;
    for (uint32_t i = 0; i < backoff->failures && wait < policy->most_ms; i++)
        wait *= 2;
    if (backoff->failures < UINT32_MAX)
        backoff->failures++;
    return wait < policy->most_ms ? wait : policy->most_ms;
}
