/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/core/set_role.h"
#include "tests/unit/set_side.h"
#include "tests/unit/unit.h"

#include <string.h>

/* Every event in every role, where nothing else stands in the way: what becomes of the role, by its
 * first letters; "-": refused. Written a second time by hand, in the order of the table. */
static const char *const matrix[DPL_SET_EVENTS][DPL_SET_ROLES] = {
    [DPL_SET_EVENT_ANNOUNCE] = {"st", "-", "-", "-"},
    [DPL_SET_EVENT_WITHDRAW] = {"st", "se", "re", "su"},
    [DPL_SET_EVENT_RAISE] = {"-", "-", "-", "-"}, /* was not announced */
    [DPL_SET_EVENT_SERVE] = {"se", "-", "-", "-"},
    [DPL_SET_EVENT_RELEASE] = {"-", "re", "re", "-"},
    [DPL_SET_EVENT_TAKE_BACK] = {"-", "se", "-", "-"}, /* for another number */
    [DPL_SET_EVENT_GIVEN_BACK] = {"-", "se", "-", "-"},
    [DPL_SET_EVENT_CEDE] = {"-", "-", "-", "-"},
    [DPL_SET_EVENT_MEET] = {"st", "su", "su", "su"},
    [DPL_SET_EVENT_STAND_BY] = {"st", "-", "st", "st"},
    [DPL_SET_EVENT_CONFIRM] = {"se", "-", "se", "se"},
};

static struct dpl_set_side side_of(enum dpl_set_role role)
{
    return (struct dpl_set_side){
        .role = role, .generation = 5, .released_for = role == DPL_SET_ROLE_RELEASED ? 6 : 0};
}

static void every_pair(void)
{
    for (enum dpl_set_event e = 0; e < DPL_SET_EVENTS; e++) {
        for (enum dpl_set_role r = 0; r < DPL_SET_ROLES; r++) {
            struct dpl_set_side side = side_of(r), before = side;
            struct dpl_err err = {0};
            const char *want = matrix[e][r];
            int rc = dpl_set_role_become(&side, e, 9, &err);
            if (want[0] == '-') {
                CU_ASSERT_EQUAL(rc, DPL_E_REFUSED);
                CU_ASSERT_PTR_NOT_NULL(strstr(err.text, dpl_set_role_text(r)));
                CU_ASSERT(set_side_same(&side, &before));
            } else {
                CU_ASSERT(rc >= 0);
                CU_ASSERT(strncmp(dpl_set_role_text(side.role), want, 2) == 0);
            }
        }
    }
}

static void never_down(void)
{
    for (enum dpl_set_event e = 0; e < DPL_SET_EVENTS; e++) {
        for (enum dpl_set_role r = 0; r < DPL_SET_ROLES; r++) {
            for (int64_t g = 0; g < 12; g++) {
                struct dpl_set_side side = side_of(r);
                (void)dpl_set_role_become(&side, e, g, NULL);
                CU_ASSERT(side.generation >= 5);
            }
        }
    }
}

static int become(struct dpl_set_side *side, enum dpl_set_event event, int64_t generation)
{
    return dpl_set_role_become(side, event, generation, NULL);
}

static void failover(void)
{
    struct dpl_set_side a = {.role = DPL_SET_ROLE_SERVING, .generation = 1};
    struct dpl_set_side b = {.role = DPL_SET_ROLE_STANDBY, .generation = 1};
    int64_t g = dpl_set_role_next(&b, a.generation);
    CU_ASSERT_EQUAL(g, 2);
    CU_ASSERT_EQUAL(become(&b, DPL_SET_EVENT_ANNOUNCE, g), 1);
    CU_ASSERT_EQUAL(become(&b, DPL_SET_EVENT_ANNOUNCE, g), 0);
    CU_ASSERT_TRUE(dpl_set_role_is_held_by(&a, b.failing_over));
    CU_ASSERT_EQUAL(become(&a, DPL_SET_EVENT_CEDE, g), DPL_E_REFUSED);
    CU_ASSERT_EQUAL(become(&a, DPL_SET_EVENT_RELEASE, g), 1);
    CU_ASSERT_EQUAL(become(&a, DPL_SET_EVENT_RELEASE, g), 0);
    CU_ASSERT_EQUAL(become(&a, DPL_SET_EVENT_CEDE, g), 1);
    CU_ASSERT_EQUAL(become(&a, DPL_SET_EVENT_TAKE_BACK, g), DPL_E_REFUSED);
    CU_ASSERT_EQUAL(become(&b, DPL_SET_EVENT_RAISE, g), 1);
    CU_ASSERT_EQUAL(become(&b, DPL_SET_EVENT_RAISE, g), 0);
    CU_ASSERT_TRUE(b.restore_required);
    CU_ASSERT_EQUAL(b.failing_over, 0);
    CU_ASSERT_EQUAL(become(&a, DPL_SET_EVENT_MEET, g), 1);
    CU_ASSERT_EQUAL(a.role, DPL_SET_ROLE_SUPERSEDED);
    CU_ASSERT_EQUAL(a.generation, g);
    CU_ASSERT_EQUAL(become(&a, DPL_SET_EVENT_SERVE, g + 1), DPL_E_REFUSED);
    CU_ASSERT_EQUAL(become(&a, DPL_SET_EVENT_STAND_BY, g), 1);
    /* and back: b lets go, a serves, b stands by */
    g = dpl_set_role_next(&b, a.generation);
    CU_ASSERT_EQUAL(become(&b, DPL_SET_EVENT_RELEASE, g), 1);
    CU_ASSERT_EQUAL(become(&b, DPL_SET_EVENT_CEDE, g), 1);
    CU_ASSERT_EQUAL(become(&a, DPL_SET_EVENT_SERVE, g), 1);
    CU_ASSERT_FALSE(a.restore_required);
    CU_ASSERT_TRUE(b.restore_required);
    CU_ASSERT_EQUAL(become(&b, DPL_SET_EVENT_STAND_BY, g), 1);
    CU_ASSERT_FALSE(b.restore_required);
}

static void given_up(void)
{
    struct dpl_set_side a = {.role = DPL_SET_ROLE_SERVING, .generation = 1};
    struct dpl_set_side b = {.role = DPL_SET_ROLE_STANDBY, .generation = 1};
    become(&b, DPL_SET_EVENT_ANNOUNCE, 2);
    become(&a, DPL_SET_EVENT_RELEASE, 2);
    CU_ASSERT_EQUAL(become(&a, DPL_SET_EVENT_TAKE_BACK, 2), 1);
    CU_ASSERT_EQUAL(a.generation, 1);
    CU_ASSERT_EQUAL(become(&a, DPL_SET_EVENT_RELEASE, 2), DPL_E_REFUSED); /* taken back for good */
    CU_ASSERT_EQUAL(become(&b, DPL_SET_EVENT_WITHDRAW, 2), 1);
    CU_ASSERT_EQUAL(become(&b, DPL_SET_EVENT_WITHDRAW, 2), 0);
    CU_ASSERT_EQUAL(become(&b, DPL_SET_EVENT_RAISE, 2), DPL_E_REFUSED);
    CU_ASSERT_EQUAL(become(&b, DPL_SET_EVENT_ANNOUNCE, 2), DPL_E_REFUSED);
    /* the next one has another number, and what is late of the first changes nothing */
    CU_ASSERT_EQUAL(dpl_set_role_next(&b, a.generation), 3);
    become(&b, DPL_SET_EVENT_ANNOUNCE, 3);
    become(&a, DPL_SET_EVENT_RELEASE, 3);
    become(&a, DPL_SET_EVENT_CEDE, 3);
    CU_ASSERT_EQUAL(become(&a, DPL_SET_EVENT_GIVEN_BACK, 2), DPL_E_REFUSED);
    CU_ASSERT_EQUAL(become(&a, DPL_SET_EVENT_GIVEN_BACK, 3), 1);
    CU_ASSERT_EQUAL(a.role, DPL_SET_ROLE_SERVING);
    CU_ASSERT_EQUAL(become(&a, DPL_SET_EVENT_GIVEN_BACK, 3), 0);
    /* undone before the release came, which is late */
    CU_ASSERT_EQUAL(become(&a, DPL_SET_EVENT_TAKE_BACK, 4), 1);
    CU_ASSERT_EQUAL(become(&a, DPL_SET_EVENT_TAKE_BACK, 4), 0);
    CU_ASSERT_EQUAL(become(&a, DPL_SET_EVENT_RELEASE, 4), DPL_E_REFUSED);
    CU_ASSERT_EQUAL(a.role, DPL_SET_ROLE_SERVING);
    CU_ASSERT_EQUAL(become(&a, DPL_SET_EVENT_RELEASE, 5), 1);
}

/* What the other site says may be anything. */
static void beyond(void)
{
    struct dpl_set_side a = {.role = DPL_SET_ROLE_SERVING, .generation = 1};
    for (enum dpl_set_event e = 0; e < DPL_SET_EVENTS; e++) {
        CU_ASSERT_EQUAL(become(&a, e, INT64_MAX), DPL_E_REFUSED);
        CU_ASSERT_EQUAL(become(&a, e, -1), DPL_E_REFUSED);
    }
    CU_ASSERT_EQUAL(a.generation, 1);
    CU_ASSERT_EQUAL(dpl_set_role_next(&a, INT64_MAX), DPL_GENERATION_MAX);
}

static void confirmed(void)
{
    struct dpl_set_side a = {.role = DPL_SET_ROLE_SERVING, .generation = 3};
    CU_ASSERT_EQUAL(become(&a, DPL_SET_EVENT_CONFIRM, 0), DPL_E_REFUSED);
    a.held = true;
    CU_ASSERT_EQUAL(become(&a, DPL_SET_EVENT_CONFIRM, 0), 1);
    CU_ASSERT_EQUAL(a.generation, 5);
    /* what was to be undone is so already */
    CU_ASSERT_EQUAL(become(&a, DPL_SET_EVENT_TAKE_BACK, 4), 0);
    CU_ASSERT_EQUAL(become(&a, DPL_SET_EVENT_GIVEN_BACK, 4), 0);
    CU_ASSERT_FALSE(a.held || a.restore_required);
    /* above all that was ever given away, and above the other site's */
    struct dpl_set_side b = {
        .role = DPL_SET_ROLE_RELEASED, .generation = 3, .released_for = 9, .ceded = 9};
    CU_ASSERT_EQUAL(become(&b, DPL_SET_EVENT_CONFIRM, 11), 1);
    CU_ASSERT_EQUAL(b.generation, 12);
    CU_ASSERT_TRUE(b.restore_required);
    struct dpl_set_side c = {.role = DPL_SET_ROLE_RELEASED, .generation = 3, .released_for = 4};
    become(&c, DPL_SET_EVENT_CONFIRM, 0);
    CU_ASSERT_EQUAL(c.generation, 5);
    CU_ASSERT_FALSE(c.restore_required); /* nothing was given away */
    struct dpl_set_side d = {.role = DPL_SET_ROLE_SUPERSEDED, .generation = 4};
    become(&d, DPL_SET_EVENT_CONFIRM, 0);
    CU_ASSERT_EQUAL(d.generation, 6);
    CU_ASSERT_TRUE(d.restore_required);
}

static void met(void)
{
    struct dpl_set_side a = {.role = DPL_SET_ROLE_SERVING, .generation = 3};
    CU_ASSERT_EQUAL(become(&a, DPL_SET_EVENT_MEET, 2), 0);
    CU_ASSERT_FALSE(dpl_set_role_is_tie(&a, DPL_SET_ROLE_STANDBY, 3));
    CU_ASSERT_FALSE(dpl_set_role_is_tie(&a, DPL_SET_ROLE_SERVING, 2));
    CU_ASSERT_TRUE(dpl_set_role_is_tie(&a, DPL_SET_ROLE_SERVING, 3));
    CU_ASSERT_EQUAL(become(&a, DPL_SET_EVENT_MEET, 3), DPL_E_REFUSED);
    CU_ASSERT_EQUAL(a.role, DPL_SET_ROLE_SERVING); /* neither is stopped */
    struct dpl_set_side b = {
        .role = DPL_SET_ROLE_STANDBY, .generation = 3, .failing_over = 4, .tried = 4};
    CU_ASSERT_FALSE(dpl_set_role_is_held_by(&(struct dpl_set_side){.generation = 4}, 4));
    CU_ASSERT_EQUAL(become(&b, DPL_SET_EVENT_MEET, 4),
                    1); /* the other one was confirmed meanwhile */
    CU_ASSERT_EQUAL(b.failing_over, 0);
    CU_ASSERT_EQUAL(become(&b, DPL_SET_EVENT_RAISE, 4), DPL_E_REFUSED);
}

static void same_number(void)
{
    /* A person let the other one serve with the number with which this one let go: it yields. */
    struct dpl_set_side a = {.role = DPL_SET_ROLE_RELEASED, .generation = 7, .released_for = 8};
    CU_ASSERT_EQUAL(become(&a, DPL_SET_EVENT_MEET, 7), 1);
    CU_ASSERT_EQUAL(a.role, DPL_SET_ROLE_SUPERSEDED);
    CU_ASSERT_EQUAL(become(&a, DPL_SET_EVENT_STAND_BY, 7), 1);
    /* One that was announced here before may be raised by who gives it back. */
    CU_ASSERT_EQUAL(become(&a, DPL_SET_EVENT_ANNOUNCE, 9), 1);
    CU_ASSERT_EQUAL(become(&a, DPL_SET_EVENT_SERVE, 10), DPL_E_REFUSED);
    CU_ASSERT_EQUAL(become(&a, DPL_SET_EVENT_SERVE, 9), 1);
    CU_ASSERT_FALSE(a.restore_required);
}

static void words(void)
{
    struct dpl_set_side none = {.role = dpl_set_role_of("king"), .generation = 1};
    CU_ASSERT_EQUAL(none.role, DPL_SET_ROLES);
    CU_ASSERT_EQUAL(dpl_set_role_of(NULL), DPL_SET_ROLES);
    CU_ASSERT_EQUAL(dpl_set_role_of("released"), DPL_SET_ROLE_RELEASED);
    CU_ASSERT_EQUAL(become(&none, DPL_SET_EVENT_CONFIRM, 0), DPL_E_REFUSED);
    for (enum dpl_set_event e = 0; e < DPL_SET_EVENTS; e++)
        CU_ASSERT(strlen(dpl_set_event_text(e)) > 5);
}

static const struct unit_test tests[] = {
    {"every event in every role is done or refused as the table says", every_pair},
    {"a generation never goes down", never_down},
    {"a failover and a failback", failover},
    {"a failover that was given up leaves nothing that counts later", given_up},
    {"a number that is none is refused", beyond},
    {"a person raises above all that was ever given away", confirmed},
    {"who meets a higher number serves no more, and equal numbers stop nobody", met},
    {"who has let go yields to an equal number, and serves with one that was announced",
     same_number},
    {"what this version does not know is not touched", words},
};
UNIT_MAIN(tests)
