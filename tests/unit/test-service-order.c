/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/core/service_order.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

/* The next step as a word: states by their letters, ? unknown, - stopped, + up, ! failed. */
static const char *next(bool wanted, const char *letters)
{
    static const char of[] = "?-+!";
    static char text[16];
    static const char *const steps[] = {"nothing", "look", "start", "stop"};
    enum dpl_service_state states[8];
    size_t count = strlen(letters), which = 99;
    for (size_t i = 0; i < count; i++)
        states[i] = (enum dpl_service_state)(strchr(of, letters[i]) - of);
    enum dpl_service_step step = dpl_service_next(wanted, states, count, &which);
    snprintf(text, sizeof text, step == DPL_SERVICE_NOTHING ? "%s" : "%s %zu", steps[step], which);
    return text;
}

static void started(void)
{
    CU_ASSERT_STRING_EQUAL(next(true, "---"), "start 0");
    CU_ASSERT_STRING_EQUAL(next(true, "+--"), "start 1");
    CU_ASSERT_STRING_EQUAL(next(true, "+++"), "nothing");
    CU_ASSERT_STRING_EQUAL(next(true, ""), "nothing");
}

static void stopped(void)
{
    CU_ASSERT_STRING_EQUAL(next(false, "+++"), "stop 2");
    CU_ASSERT_STRING_EQUAL(next(false, "++-"), "stop 1");
    CU_ASSERT_STRING_EQUAL(next(false, "+!-"), "stop 1");
    CU_ASSERT_STRING_EQUAL(next(false, "---"), "nothing");
}

static void failed(void)
{
    CU_ASSERT_STRING_EQUAL(next(true, "+!+"), "stop 2");
    CU_ASSERT_STRING_EQUAL(next(true, "+!-"), "stop 1");
    CU_ASSERT_STRING_EQUAL(next(true, "+-+"), "stop 2");
    CU_ASSERT_STRING_EQUAL(next(true, "+--"), "start 1");
}

static void unknown(void)
{
    CU_ASSERT_STRING_EQUAL(next(true, "+?-"), "look 1");
    CU_ASSERT_STRING_EQUAL(next(false, "??+"), "look 0");
}

static const struct unit_test tests[] = {
    {"they start one after the other", started},
    {"they stop in the opposite order", stopped},
    {"what fails takes those behind it down first", failed},
    {"what is not known is looked at first", unknown},
};
UNIT_MAIN(tests)
