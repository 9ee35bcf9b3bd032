/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/base/clock.h"
#include "tests/unit/unit.h"

#include <limits.h>

static void fake_moves_only_when_told(void)
{
    struct dpl_clock_fake fake;
    struct dpl_clock clock = dpl_clock_fake_init(&fake, 5000);
    CU_ASSERT_EQUAL(dpl_clock_now_ns(&clock), 5000);
    CU_ASSERT_EQUAL(dpl_clock_now_ns(&clock), 5000);
    dpl_clock_fake_advance(&fake, 7);
    CU_ASSERT_EQUAL(dpl_clock_now_ns(&clock), 5007);
    CU_ASSERT_EQUAL(dpl_clock_wall_ns(&clock), 5007);
}

static void time_left_is_rounded_up_and_bounded(void)
{
    struct dpl_clock_fake fake;
    struct dpl_clock clock = dpl_clock_fake_init(&fake, 1000000000);
    CU_ASSERT_EQUAL(dpl_clock_left_ms(&clock, 999999999), 0);
    CU_ASSERT_EQUAL(dpl_clock_left_ms(&clock, 1000000000), 0);
    CU_ASSERT_EQUAL(dpl_clock_left_ms(&clock, 1000000001), 1);
    CU_ASSERT_EQUAL(dpl_clock_left_ms(&clock, 1001000000), 1);
    CU_ASSERT_EQUAL(dpl_clock_left_ms(&clock, 1001000001), 2);
    CU_ASSERT_EQUAL(dpl_clock_left_ms(&clock, INT64_MAX), INT_MAX);
}

static void system_clock_does_not_go_back(void)
{
    int64_t last = dpl_clock_now_ns(&dpl_clock_system);
    for (int i = 0; i < 1000; i++) {
        int64_t now = dpl_clock_now_ns(&dpl_clock_system);
        CU_ASSERT(now >= last);
        last = now;
    }
    CU_ASSERT(dpl_clock_wall_ns(&dpl_clock_system) > 1700000000LL * 1000000000);
}

static const struct unit_test tests[] = {
    {"a fake clock moves only when told", fake_moves_only_when_told},
    {"the time left is rounded up and bounded", time_left_is_rounded_up_and_bounded},
    {"the system's clock does not go back", system_clock_does_not_go_back},
};
UNIT_MAIN(tests)
