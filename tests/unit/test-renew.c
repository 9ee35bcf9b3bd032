/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/capture/renew.h"
#include "tests/unit/unit.h"

#define S INT64_C(1000000000)

static const struct options options = {
    .renew_shortest_s = 1, .renew_longest_s = 600, .crash_seconds = 60};

static void doubled(void)
{
    CU_ASSERT_EQUAL(renew_wait_ns(&options, 1, false, false), 1 * S);
    CU_ASSERT_EQUAL(renew_wait_ns(&options, 2, false, false), 2 * S);
    CU_ASSERT_EQUAL(renew_wait_ns(&options, 5, false, false), 16 * S);
    CU_ASSERT_EQUAL(renew_wait_ns(&options, 10, false, false), 512 * S);
    CU_ASSERT_EQUAL(renew_wait_ns(&options, 11, false, false), 600 * S);
    CU_ASSERT_EQUAL(renew_wait_ns(&options, UINT32_MAX, false, false), 600 * S);
}

static void wanted(void)
{
    CU_ASSERT_EQUAL(renew_wait_ns(&options, 11, false, true), 30 * S);
    CU_ASSERT_EQUAL(renew_wait_ns(&options, 3, false, true), 4 * S);
}

static void crash_loop(void)
{
    CU_ASSERT_EQUAL(renew_wait_ns(&options, 1, true, false), 60 * S);
    CU_ASSERT_EQUAL(renew_wait_ns(&options, 11, true, true), 60 * S);
    CU_ASSERT_EQUAL(renew_wait_ns(&options, 9, true, false), 256 * S);
}

static void at_once(void)
{
    const struct options soon = {.renew_longest_s = 1};
    CU_ASSERT_EQUAL(renew_wait_ns(&soon, 32, false, false), 0);
}

static const struct unit_test tests[] = {
    {"each journal that ends soon doubles the wait, up to the longest", doubled},
    {"who waits for a journal waits half a minute at most", wanted},
    {"what died too often is not tried again within the time of its bound", crash_loop},
    {"a shortest wait of nothing stays nothing", at_once},
};
UNIT_MAIN(tests)
