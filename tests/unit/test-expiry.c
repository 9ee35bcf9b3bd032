/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * When the end of a certificate is told.
 */
#include "daemon/core/expiry.h"
#include "tests/unit/unit.h"

#define DAY INT64_C(86400)

static void days_are_rounded_down(void)
{
    struct dpl_expiry e = {.ends_s = 10 * DAY};
    CU_ASSERT_EQUAL(dpl_expiry_days(&e, 0), 10);
    CU_ASSERT_EQUAL(dpl_expiry_days(&e, 1), 9);
    CU_ASSERT_EQUAL(dpl_expiry_days(&e, 10 * DAY), 0);
    CU_ASSERT_EQUAL(dpl_expiry_days(&e, 10 * DAY + 1), -1);
    CU_ASSERT_EQUAL(dpl_expiry_days(&e, 11 * DAY + 1), -2);
}

static void told_from_weeks_before_on_once_a_day(void)
{
    struct dpl_expiry e = {.ends_s = 100 * DAY};
    int told = 0;
    for (int64_t now = 0; now < 110 * DAY; now += DAY / 4)
        told += dpl_expiry_due(&e, 30, now);
    CU_ASSERT_EQUAL(told, 40); /* the last 30 days, and those after it */
    struct dpl_expiry at = {.ends_s = 100 * DAY};
    CU_ASSERT_FALSE(dpl_expiry_due(&at, 30, 70 * DAY));
    CU_ASSERT_TRUE(dpl_expiry_due(&at, 30, 70 * DAY + 1));
    CU_ASSERT_FALSE(dpl_expiry_due(&at, 30, 71 * DAY));
    CU_ASSERT_TRUE(dpl_expiry_due(&at, 30, 71 * DAY + 1));
}

static void without_a_certificate_nothing_is_told(void)
{
    struct dpl_expiry e = {0};
    CU_ASSERT_FALSE(dpl_expiry_due(&e, 30, 1000 * DAY));
}

static void a_clock_that_goes_back_silences_nobody(void)
{
    struct dpl_expiry e = {.ends_s = 100 * DAY};
    CU_ASSERT_TRUE(dpl_expiry_due(&e, 30, 90 * DAY));
    CU_ASSERT_TRUE(dpl_expiry_due(&e, 30, 80 * DAY));
}

static const struct unit_test tests[] = {
    {"days are rounded down", days_are_rounded_down},
    {"told from weeks before on, once a day", told_from_weeks_before_on_once_a_day},
    {"without a certificate nothing is told", without_a_certificate_nothing_is_told},
    {"a clock that goes back silences nobody", a_clock_that_goes_back_silences_nobody},
};
UNIT_MAIN(tests)
