/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The clock as an interface, so that a test or a simulator owns time.
 *
 * Durations and deadlines are taken from now_ns, which never goes back. wall_ns is for people and
 * for comparing with times of files; it may step.
 */
#ifndef DPL_BASE_CLOCK_H
#define DPL_BASE_CLOCK_H

#include <stdint.h>

struct dpl_clock {
    int64_t (*now_ns)(void *self);
    int64_t (*wall_ns)(void *self);
    void *self;
};

/* The host's clock: CLOCK_BOOTTIME and CLOCK_REALTIME. */
extern const struct dpl_clock dpl_clock_system;

/* A clock that a test moves. The clock that init gives borrows the fake, which must outlive it. */
struct dpl_clock_fake {
    int64_t now_ns;
    int64_t wall_ns;
};
struct dpl_clock dpl_clock_fake_init(struct dpl_clock_fake *fake, int64_t start_ns);
void dpl_clock_fake_advance(struct dpl_clock_fake *fake, int64_t by_ns);

static inline int64_t dpl_clock_now_ns(const struct dpl_clock *clock)
{
    return clock->now_ns(clock->self);
}

static inline int64_t dpl_clock_wall_ns(const struct dpl_clock *clock)
{
    return clock->wall_ns(clock->self);
}

/* Milliseconds until a deadline, rounded up, for poll(2): 0 when it has passed, at most INT_MAX. */
int dpl_clock_left_ms(const struct dpl_clock *clock, int64_t deadline_ns);

#endif
