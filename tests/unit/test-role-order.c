/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/core/role_order.h"
#include "tests/unit/unit.h"

#include <string.h>

/* The order as one text. */
static const char *order(const char *role, const struct dpl_role_node *nodes, size_t count)
{
    static char text[64];
    const char *names[8];
    size_t n = dpl_role_order(role, nodes, count, names);
    text[0] = '\0';
    for (size_t i = 0; i < n; i++) {
        strcat(text, names[i]);
        strcat(text, " ");
    }
    return text;
}

static void taken(void)
{
    const struct dpl_role_node nodes[] = {
        {"a1", "serving", false}, {"a2", "serving", true}, {"a3", "serving", false}};
    CU_ASSERT_STRING_EQUAL(order("released", nodes, 3), "a1 a3 a2 ");
    CU_ASSERT_STRING_EQUAL(order("serving", nodes, 3), "");
    const struct dpl_role_node half[] = {
        {"a1", "released", false}, {"a2", "serving", true}, {"a3", NULL, false}};
    CU_ASSERT_STRING_EQUAL(order("released", half, 3), "a3 a2 ");
}

static void lost(void)
{
    const struct dpl_role_node nodes[] = {
        {"a1", "serving", true}, {"a2", "", false}, {"a3", "serving", false}, {"a4", NULL, true}};
    const char *names[4];
    CU_ASSERT_EQUAL_FATAL(dpl_role_holders(nodes, 4, names), 2);
    CU_ASSERT_STRING_EQUAL(names[0], "a3");
    CU_ASSERT_STRING_EQUAL(names[1], "a1");
}

static void given(void)
{
    const struct dpl_role_node nodes[] = {
        {"a1", "standby", false}, {"a2", "standby", true}, {"a3", NULL, false}};
    CU_ASSERT_STRING_EQUAL(order("serving", nodes, 3), "a2 a1 a3 ");
    const struct dpl_role_node back[] = {{"a1", NULL, false}, {"a2", "serving", true}};
    CU_ASSERT_STRING_EQUAL(order("serving", back, 2), "a1 ");
}

static void cold(void)
{
    const struct dpl_role_node none[] = {{"a1", NULL, false}, {"a2", "", true}};
    const struct dpl_role_node one[] = {{"a1", NULL, false}, {"a2", "standby", false}};
    CU_ASSERT_TRUE(dpl_role_is_cold(none, 2));
    CU_ASSERT_FALSE(dpl_role_is_cold(one, 2));
}

static const struct unit_test tests[] = {
    {"serving is taken from the other nodes first, from the owner last", taken},
    {"a role is lost by all that have it, by the owner last", lost},
    {"serving is given to the owner first, and to a node that came back", given},
    {"a set is cold when no node has a role of it", cold},
};
UNIT_MAIN(tests)
