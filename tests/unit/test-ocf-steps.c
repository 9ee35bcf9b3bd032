/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/ocf/deadline.h"
#include "lib/ocf/steps.h"
#include "tests/unit/unit.h"

#include <string.h>

static void slowest_first(void)
{
    struct dpl_clock_fake fake;
    struct dpl_clock clock = dpl_clock_fake_init(&fake, 5000);
    struct dpl_ocf_steps steps;
    char text[128];
    dpl_ocf_steps_init(&steps, &clock);
    CU_ASSERT_STRING_EQUAL(dpl_ocf_steps_current(&steps), "beginning");
    static const struct {
        const char *name;
        int64_t ms;
    } rows[] = {{"a", 10}, {"b", 300}, {"c", 0}, {"d", 40}, {"e", 20}};
    for (size_t i = 0; i < 5; i++) {
        dpl_ocf_step(&steps, rows[i].name);
        CU_ASSERT_STRING_EQUAL(dpl_ocf_steps_current(&steps), rows[i].name);
        dpl_clock_fake_advance(&fake, rows[i].ms * 1000000);
    }
    dpl_ocf_steps_end(&steps);
    CU_ASSERT_EQUAL(dpl_ocf_steps_total_ms(&steps), 370);
    dpl_ocf_steps_slowest(&steps, text, sizeof text);
    CU_ASSERT_STRING_EQUAL(text, "b 300 ms, d 40 ms, e 20 ms");
    char small[12];
    dpl_ocf_steps_slowest(&steps, small, sizeof small);
    CU_ASSERT_TRUE(strlen(small) < sizeof small);
}

static void too_many(void)
{
    struct dpl_clock_fake fake;
    struct dpl_clock clock = dpl_clock_fake_init(&fake, 0);
    struct dpl_ocf_steps steps;
    char text[128];
    dpl_ocf_steps_init(&steps, &clock);
    for (int i = 0; i < DPL_OCF_STEPS_MAX + 10; i++) {
        dpl_ocf_step(&steps, i == DPL_OCF_STEPS_MAX - 1 ? "last" : "step");
        dpl_clock_fake_advance(&fake, 1000000);
    }
    dpl_ocf_steps_end(&steps);
    dpl_ocf_steps_slowest(&steps, text, sizeof text);
    CU_ASSERT_EQUAL(strncmp(text, "last 11 ms", 10), 0);
    CU_ASSERT_EQUAL(dpl_ocf_steps_total_ms(&steps), DPL_OCF_STEPS_MAX + 10);
}

static void margins(void)
{
    CU_ASSERT_EQUAL(dpl_ocf_deadline_margin_ms(20000), 1000);
    CU_ASSERT_EQUAL(dpl_ocf_deadline_margin_ms(600000), 1000);
    CU_ASSERT_EQUAL(dpl_ocf_deadline_margin_ms(10000), 500);
    CU_ASSERT_EQUAL(dpl_ocf_deadline_margin_ms(200), 50);
    CU_ASSERT_EQUAL(dpl_ocf_deadline_margin_ms(20), 10);
    CU_ASSERT_EQUAL(dpl_ocf_deadline_margin_ms(0), 0);
}

static const struct unit_test tests[] = {
    {"the slowest steps are named, the slowest first", slowest_first},
    {"further steps count for the last", too_many},
    {"the deadline comes before the timeout, however short that is", margins},
};
UNIT_MAIN(tests)
