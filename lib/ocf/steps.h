/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Where an action spends its time: it says what it begins, and the time of each step is known at
 * the end, in a trace file, and, while it still runs, to the deadline's signal handler.
 */
#ifndef DPL_OCF_STEPS_H
#define DPL_OCF_STEPS_H

#include "lib/base/clock.h"

#include <stddef.h>

enum { DPL_OCF_STEPS_MAX = 48 };

struct dpl_ocf_steps {
    const struct dpl_clock *clock;
    int trace_fd; /* -1 when nothing is traced */
    size_t count; /* further steps count for the last */
    int64_t start_ns, end_ns;
    const char *names[DPL_OCF_STEPS_MAX]; /* string constants */
    int64_t starts_ns[DPL_OCF_STEPS_MAX];
};

/* The clock is borrowed. */
void dpl_ocf_steps_init(struct dpl_ocf_steps *steps, const struct dpl_clock *clock);
/* From here on the time belongs to this step; name must be a string constant. */
void dpl_ocf_step(struct dpl_ocf_steps *steps, const char *name);
/* The name of the step that runs. Safe in a signal handler. */
const char *dpl_ocf_steps_current(const struct dpl_ocf_steps *steps);
/* No step after this. */
void dpl_ocf_steps_end(struct dpl_ocf_steps *steps);
int64_t dpl_ocf_steps_total_ms(const struct dpl_ocf_steps *steps);
/* "asking the neighbours 102 ms, …": the slowest, at most three of them, the slowest first. */
void dpl_ocf_steps_slowest(const struct dpl_ocf_steps *steps, char *text, size_t size);

#endif
