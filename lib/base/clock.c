/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/base/clock.h"

#include <limits.h>
#include <time.h>

static int64_t read_ns(clockid_t id)
{
    struct timespec ts;
    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static int64_t system_now_ns(void *self)
{
    (void)self;
    return read_ns(CLOCK_BOOTTIME);
}

static int64_t system_wall_ns(void *self)
{
    (void)self;
    return read_ns(CLOCK_REALTIME);
}

const struct dpl_clock dpl_clock_system = {system_now_ns, system_wall_ns, NULL};

static int64_t fake_now_ns(void *self)
{
    return ((struct dpl_clock_fake *)self)->now_ns;
}

static int64_t fake_wall_ns(void *self)
{
    return ((struct dpl_clock_fake *)self)->wall_ns;
}

struct dpl_clock dpl_clock_fake_init(struct dpl_clock_fake *fake, int64_t start_ns)
{
    fake->now_ns = start_ns;
    fake->wall_ns = start_ns;
    return (struct dpl_clock){fake_now_ns, fake_wall_ns, fake};
}

void dpl_clock_fake_advance(struct dpl_clock_fake *fake, int64_t by_ns)
{
    fake->now_ns += by_ns;
    fake->wall_ns += by_ns;
}

int dpl_clock_left_ms(const struct dpl_clock *clock, int64_t deadline_ns)
{
    int64_t left = deadline_ns - dpl_clock_now_ns(clock);
    if (left <= 0)
        return 0;
    int64_t ms = left / 1000000 + (left % 1000000 != 0);
    return ms > INT_MAX ? INT_MAX : (int)ms;
}
