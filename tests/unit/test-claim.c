/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/client/claim.h"

#include "tests/unit/unit.h"

#include <string.h>

static void services_share_a_set_and_a_replica_does_not(void)
{
    const char *dir = unit_tempdir();
    struct dpl_err err = {0};
    CU_ASSERT_EQUAL(dpl_claim_take(dir, "mail", DPL_CLAIM_SERVICE, "postfix", &err), 0);
    CU_ASSERT_EQUAL(dpl_claim_take(dir, "mail", DPL_CLAIM_SERVICE, "dovecot", &err), 0);
    CU_ASSERT_EQUAL(dpl_claim_take(dir, "mail", DPL_CLAIM_SERVICE, "dovecot", &err), 0);
    CU_ASSERT_EQUAL(dpl_claim_take(dir, "mail", DPL_CLAIM_REPLICA, "r", &err), DPL_E_REFUSED);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "used by a service on this node ("));
    CU_ASSERT_EQUAL(dpl_claim_take(dir, "other", DPL_CLAIM_REPLICA, "r", &err), 0);
    CU_ASSERT_EQUAL(dpl_claim_drop(dir, "mail", DPL_CLAIM_SERVICE, "postfix", &err), 0);
    CU_ASSERT_EQUAL(dpl_claim_take(dir, "mail", DPL_CLAIM_REPLICA, "r", &err), DPL_E_REFUSED);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "(dovecot)"));
    CU_ASSERT_EQUAL(dpl_claim_drop(dir, "mail", DPL_CLAIM_SERVICE, "dovecot", &err), 0);
    CU_ASSERT_EQUAL(dpl_claim_take(dir, "mail", DPL_CLAIM_REPLICA, "r", &err), 0);
    CU_ASSERT_EQUAL(dpl_claim_take(dir, "mail", DPL_CLAIM_SERVICE, "postfix", &err), DPL_E_REFUSED);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "is written on this node (r)"));
}

static void what_is_not_held_may_be_dropped(void)
{
    const char *dir = unit_tempdir();
    CU_ASSERT_EQUAL(dpl_claim_held(dir, "mail", DPL_CLAIM_REPLICA, "r:0", NULL), 0);
    CU_ASSERT_EQUAL(dpl_claim_drop(dir, "mail", DPL_CLAIM_REPLICA, "r:0", NULL), 0);
    CU_ASSERT_EQUAL(dpl_claim_take(dir, "mail", DPL_CLAIM_REPLICA, "r:0", NULL), 0);
    CU_ASSERT_EQUAL(dpl_claim_held(dir, "mail", DPL_CLAIM_REPLICA, "r:0", NULL), 1);
    CU_ASSERT_EQUAL(dpl_claim_drop(dir, "mail", DPL_CLAIM_REPLICA, "r:0", NULL), 0);
    CU_ASSERT_EQUAL(dpl_claim_held(dir, "mail", DPL_CLAIM_REPLICA, "r:0", NULL), 0);
}

static void a_name_with_a_slash_stays_in_its_directory(void)
{
    const char *dir = unit_tempdir();
    CU_ASSERT_EQUAL(dpl_claim_take(dir, "news", DPL_CLAIM_SERVICE, "../../x", NULL), 0);
    CU_ASSERT_EQUAL(dpl_claim_held(dir, "news", DPL_CLAIM_SERVICE, "../../x", NULL), 1);
    CU_ASSERT_EQUAL(dpl_claim_take(dir, "news", DPL_CLAIM_REPLICA, "r", NULL), DPL_E_REFUSED);
    CU_ASSERT_EQUAL(dpl_claim_drop(dir, "news", DPL_CLAIM_SERVICE, "../../x", NULL), 0);
}

static const struct unit_test tests[] = {
    {"services share a set, and a replica does not", services_share_a_set_and_a_replica_does_not},
    {"what is not held may be dropped", what_is_not_held_may_be_dropped},
    {"a name with a slash stays in its directory", a_name_with_a_slash_stays_in_its_directory},
};
UNIT_MAIN(tests)
