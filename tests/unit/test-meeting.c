/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/core/meeting.h"
#include "tests/unit/unit.h"

#include <stdio.h>

#define SERVING DPL_SET_ROLE_SERVING
#define STANDBY DPL_SET_ROLE_STANDBY

static enum dpl_meeting meet(int64_t ours, enum dpl_set_role role, int64_t theirs, int64_t pending)
{
    const struct dpl_set_side side = {.role = DPL_SET_ROLE_SERVING, .generation = ours};
    const struct dpl_other_side other = {true, true, role, theirs, pending};
    return dpl_meeting_of(&side, &other);
}

static void silent(void)
{
    const struct dpl_set_side side = {.role = DPL_SET_ROLE_SERVING, .generation = 1};
    const struct dpl_other_side none = {0};
    struct dpl_other_side part = {true, false, DPL_SET_ROLE_STANDBY, 1, 0};
    CU_ASSERT_EQUAL(dpl_meeting_of(&side, &none), DPL_MEETING_UNKNOWN);
    CU_ASSERT_EQUAL(meet(1, DPL_SET_ROLES, 1, 0), DPL_MEETING_UNKNOWN);
    /* What a part of a site has missed, it cannot deny; what it knows is so. */
    CU_ASSERT_EQUAL(dpl_meeting_of(&side, &part), DPL_MEETING_UNKNOWN);
    part.failing_over = 2;
    CU_ASSERT_EQUAL(dpl_meeting_of(&side, &part), DPL_MEETING_FAILING_OVER);
    part.role = DPL_SET_ROLE_SERVING;
    part.generation = 2;
    CU_ASSERT_EQUAL(dpl_meeting_of(&side, &part), DPL_MEETING_SUPERSEDED);
}

static void stands_by(void)
{
    CU_ASSERT_EQUAL(meet(3, STANDBY, 3, 0), DPL_MEETING_MAY_SERVE);
    CU_ASSERT_EQUAL(meet(3, STANDBY, 1, 0), DPL_MEETING_MAY_SERVE);
    CU_ASSERT_EQUAL(meet(3, STANDBY, 4, 0), DPL_MEETING_NOBODY);
    CU_ASSERT_EQUAL(meet(3, DPL_SET_ROLE_SUPERSEDED, 3, 0), DPL_MEETING_MAY_SERVE);
    CU_ASSERT_EQUAL(meet(3, DPL_SET_ROLE_RELEASED, 4, 0), DPL_MEETING_NOBODY);
}

static void pending(void)
{
    CU_ASSERT_EQUAL(meet(3, STANDBY, 3, 4), DPL_MEETING_FAILING_OVER);
    /* One that is not above ours is void. */
    CU_ASSERT_EQUAL(meet(4, STANDBY, 3, 4), DPL_MEETING_MAY_SERVE);
    CU_ASSERT_EQUAL(meet(5, STANDBY, 3, 4), DPL_MEETING_MAY_SERVE);
}

static void serves(void)
{
    CU_ASSERT_EQUAL(meet(1, SERVING, 2, 0), DPL_MEETING_SUPERSEDED);
    CU_ASSERT_EQUAL(meet(2, SERVING, 2, 0), DPL_MEETING_TIE);
    CU_ASSERT_EQUAL(meet(3, SERVING, 2, 0), DPL_MEETING_LOWER);
}

/* Of two sites that serve, and are told the truth of each other, at least one does not go on, and
 * never both stop. */
static void never_both(void)
{
    for (int64_t a = 1; a < 5; a++)
        for (int64_t b = 1; b < 5; b++) {
            enum dpl_meeting here = meet(a, SERVING, b, 0), there = meet(b, SERVING, a, 0);
            CU_ASSERT_NOT_EQUAL(here, DPL_MEETING_MAY_SERVE);
            CU_ASSERT_NOT_EQUAL(there, DPL_MEETING_MAY_SERVE);
            CU_ASSERT_EQUAL((here == DPL_MEETING_SUPERSEDED) + (there == DPL_MEETING_SUPERSEDED),
                            a == b ? 0 : 1);
        }
}

static const struct unit_test tests[] = {
    {"who does not answer, or not for its whole site, lets nobody serve", silent},
    {"a site that stands by lets the other one serve, unless it knows of more", stands_by},
    {"a pending generation holds, if it is above ours", pending},
    {"a site that serves with a higher generation supersedes", serves},
    {"of two that serve exactly the lower one stops", never_both},
};
UNIT_MAIN(tests)
