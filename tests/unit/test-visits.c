/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/core/visits.h"
#include "tests/unit/unit.h"

#define MS INT64_C(1000000)

static unsigned come(struct dpl_visits *v, int64_t now_ns, unsigned times)
{
    unsigned in = 0;
    for (unsigned i = 0; i < times; i++) {
        if (!dpl_visits_enter(v, now_ns))
            continue;
        in++;
        dpl_visits_leave(v);
    }
    return in;
}

static void burst(void)
{
    struct dpl_visits v = {0};
    int64_t now = 5000 * MS;
    CU_ASSERT_EQUAL(come(&v, now, 1000), DPL_VISITS_BURST);
    CU_ASSERT_EQUAL(come(&v, now + DPL_VISITS_EVERY_MS * MS - 1, 10), 0);
    CU_ASSERT_EQUAL(come(&v, now + DPL_VISITS_EVERY_MS * MS, 10), 1);
    CU_ASSERT_EQUAL(come(&v, now + INT64_C(3600000) * MS, 1000), DPL_VISITS_BURST);
    /* Time that goes back gives nothing, and takes nothing for ever. */
    CU_ASSERT_EQUAL(come(&v, now, 10), 0);
}

/* A flood gets what one in a while would, however small its steps. */
static void flood(void)
{
    struct dpl_visits v = {0};
    int64_t now = MS;
    unsigned in = 0;
    for (unsigned i = 0; i < 100000; i++, now += MS / 10)
        in += come(&v, now, 1);
    CU_ASSERT_TRUE(in >= 100 + DPL_VISITS_BURST - 2 && in <= 100 + DPL_VISITS_BURST);
}

static void open_ones(void)
{
    struct dpl_visits v = {0};
    unsigned in = 0;
    for (unsigned i = 0; i < 2 * DPL_VISITS_OPEN; i++)
        in += dpl_visits_enter(&v, MS);
    CU_ASSERT_EQUAL(in, DPL_VISITS_OPEN);
    dpl_visits_leave(&v);
    CU_ASSERT_TRUE(dpl_visits_enter(&v, MS));
    CU_ASSERT_FALSE(dpl_visits_enter(&v, MS));
}

static const struct unit_test tests[] = {
    {"so many may come in a row, then one in a while", burst},
    {"a flood gets in as often as who waits", flood},
    {"so many may be there at once", open_ones},
};
UNIT_MAIN(tests)
