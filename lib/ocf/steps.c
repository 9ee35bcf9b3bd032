/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/ocf/steps.h"

#include "lib/base/fd.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

void dpl_ocf_steps_init(struct dpl_ocf_steps *steps, const struct dpl_clock *clock)
{
    *steps = (struct dpl_ocf_steps){.clock = clock, .trace_fd = -1};
    steps->start_ns = dpl_clock_now_ns(clock);
}

static void trace(struct dpl_ocf_steps *steps, int64_t now_ns, const char *name)
{
    char line[256];
    int64_t us = (now_ns - steps->start_ns) / 1000;
    int n =
        snprintf(line, sizeof line, "+%" PRId64 ".%03d ms %s\n", us / 1000, (int)(us % 1000), name);
    /* A trace that cannot be written harms nobody. */
    if (steps->trace_fd >= 0 && n > 0 && n < (int)sizeof line)
        (void)dpl_fd_write_all(steps->trace_fd, line, (size_t)n, NULL);
}

void dpl_ocf_step(struct dpl_ocf_steps *steps, const char *name)
{
    int64_t now_ns = dpl_clock_now_ns(steps->clock);
    trace(steps, now_ns, name);
    if (steps->count == DPL_OCF_STEPS_MAX)
        return;
    steps->names[steps->count] = name;
    steps->starts_ns[steps->count] = now_ns;
    steps->count++;
}

const char *dpl_ocf_steps_current(const struct dpl_ocf_steps *steps)
{
    return steps->count ? steps->names[steps->count - 1] : "beginning";
}

void dpl_ocf_steps_end(struct dpl_ocf_steps *steps)
{
    steps->end_ns = dpl_clock_now_ns(steps->clock);
    trace(steps, steps->end_ns, "end");
}

int64_t dpl_ocf_steps_total_ms(const struct dpl_ocf_steps *steps)
{
    return (steps->end_ns - steps->start_ns) / 1000000;
}

static int64_t duration_ns(const struct dpl_ocf_steps *steps, size_t i)
{
    return (i + 1 < steps->count ? steps->starts_ns[i + 1] : steps->end_ns) - steps->starts_ns[i];
}

void dpl_ocf_steps_slowest(const struct dpl_ocf_steps *steps, char *text, size_t size)
{
    bool taken[DPL_OCF_STEPS_MAX] = {0};
    size_t used = 0;
    text[0] = '\0';
    for (int n = 0; n < 3; n++) {
        size_t best = steps->count;
        for (size_t i = 0; i < steps->count; i++)
            if (!taken[i] &&
                (best == steps->count || duration_ns(steps, i) > duration_ns(steps, best)))
                best = i;
        if (best == steps->count || (n > 0 && duration_ns(steps, best) < 1000000))
            return;
        taken[best] = true;
        int wrote = snprintf(text + used, size - used, "%s%s %" PRId64 " ms", n ? ", " : "",
                             steps->names[best], duration_ns(steps, best) / 1000000);
        if (wrote < 0 || (size_t)wrote >= size - used)
            return;
        used += (size_t)wrote;
    }
}
