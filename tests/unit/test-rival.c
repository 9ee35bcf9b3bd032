/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/core/rival.h"
#include "tests/unit/unit.h"

static bool over(struct dpl_claim comes, struct dpl_claim is, const char *disk)
{
    return dpl_rival_takes_over(&comes, &is, disk);
}

static void the_same_node(void)
{
    CU_ASSERT_TRUE(over((struct dpl_claim){"n1", 3, "d"}, (struct dpl_claim){"n1", 3, "d"}, "d"));
    CU_ASSERT_TRUE(over((struct dpl_claim){"n1", 0, ""}, (struct dpl_claim){"n1", 3, "d"}, "d"));
}

static void a_new_owner(void)
{
    const struct dpl_claim is = {"n1", 3, "d"};
    CU_ASSERT_TRUE(over((struct dpl_claim){"n2", 4, "d"}, is, "d"));
    CU_ASSERT_TRUE(over((struct dpl_claim){"n2", 4, "d"}, is, ""));
    CU_ASSERT_TRUE(over((struct dpl_claim){"n2", 4, ""}, is, "d"));
    CU_ASSERT_TRUE(over((struct dpl_claim){"n2", 4, "000-00"}, is, "d"));
    CU_ASSERT_TRUE(over((struct dpl_claim){"n2", 1, "d"}, (struct dpl_claim){"n1", 0, ""}, ""));
}

static void an_old_owner(void)
{
    const struct dpl_claim is = {"n2", 4, "d"};
    CU_ASSERT_FALSE(over((struct dpl_claim){"n1", 3, "d"}, is, "d"));
    CU_ASSERT_FALSE(over((struct dpl_claim){"n1", 4, "d"}, is, "d"));
    CU_ASSERT_FALSE(over((struct dpl_claim){"n1", 0, ""}, is, "d"));
}

static void another_disk(void)
{
    const struct dpl_claim is = {"n1", 3, "d"}, stranger = {"n2", 9, "e"};
    CU_ASSERT_FALSE(over(stranger, is, "d"));
    CU_ASSERT_FALSE(over(stranger, is, "")); /* the replica is new */
    CU_ASSERT_TRUE(over(is, stranger, "d"));
    CU_ASSERT_FALSE(over(is, stranger, ""));
    /* Both have another one than the replica was made of: who was there first. */
    CU_ASSERT_FALSE(over((struct dpl_claim){"n3", 9, "f"}, stranger, "d"));
}

static const struct unit_test tests[] = {
    {"a node that comes again takes the place of its old connection", the_same_node},
    {"a later epoch on the same disk is a new owner's", a_new_owner},
    {"who has no later epoch waits", an_old_owner},
    {"who has another disk waits, however late its epoch is", another_disk},
};
UNIT_MAIN(tests)
