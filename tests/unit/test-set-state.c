/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/core/backoff.h"
#include "daemon/core/set_state.h"
#include "tests/unit/unit.h"

#include <string.h>

/* The whole matrix, written a second time by hand: state down, command across, in their orders.
 *  status stats wait show | add remove delete | connect disconnect pause resume limit |
 *  mirror start stop status | orphans | failover restore failback | verify */
static const char *const matrix[DPL_SET_STATES] = {
    [DPL_SET_UNPROTECTED] = "++++ +++ +---+ --+ - +++ -",
    [DPL_SET_MIRRORING] = "++++ ++- -++++ -++ + +++ -",
    [DPL_SET_PROTECTED] = "++++ ++- +++++ +++ + +++ +",
    [DPL_SET_DISCONNECTED] = "++++ +++ +++++ --+ + +++ -",
    [DPL_SET_MIRROR_NEEDED] = "++++ +++ +++++ +-+ + +++ -",
    [DPL_SET_FAILING_OVER] = "++++ --- ---+- --+ - +-- -",
    [DPL_SET_FAILED_OVER] = "++++ --- ++--+ --+ + -++ -",
    [DPL_SET_RESTORING] = "++++ --- +++++ +++ + -++ -",
    [DPL_SET_FAILING_BACK] = "++++ --- ----- --+ - --- -",
    [DPL_SET_ELSEWHERE] = "++-+ ++- ++--- --- - +++ -",
};

static void every_pair(void)
{
    for (enum dpl_set_state s = 0; s < DPL_SET_STATES; s++) {
        const char *p = matrix[s];
        for (enum dpl_set_command c = 0; c < DPL_SET_COMMANDS; c++, p++) {
            struct dpl_err err = {0};
            while (*p == ' ')
                p++;
            bool want = *p == '+';
            int rc = dpl_set_check("mail", s, c, &err);
            if (dpl_set_allowed(s, c) != want)
                printf("%s in \"%s\"\n", dpl_set_command_text(c), dpl_set_state_text(s));
            CU_ASSERT_EQUAL(dpl_set_allowed(s, c), want);
            CU_ASSERT_EQUAL(rc, want ? DPL_OK : DPL_E_REFUSED);
            if (want)
                continue;
            /* It says the state that it found and what would be allowed. */
            CU_ASSERT_PTR_NOT_NULL(strstr(err.text, dpl_set_state_text(s)));
            CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "allowed are: status, stats"));
        }
        CU_ASSERT_EQUAL(*p, '\0');
    }
}

static void state_from_facts(void)
{
    static const struct {
        struct dpl_set_facts facts; /* wanted, off, connected, mirroring, mirror needed,
                                       failing over, failed over, failing back, elsewhere */
        enum dpl_set_state want;
    } cases[] = {
        {{false, false, false, false, false, false, false, false, false}, DPL_SET_UNPROTECTED},
        {{true, false, false, false, false, false, false, false, false}, DPL_SET_DISCONNECTED},
        {{true, true, false, false, false, false, false, false, false}, DPL_SET_DISCONNECTED},
        {{true, false, true, false, false, false, false, false, false}, DPL_SET_PROTECTED},
        {{true, false, true, true, true, false, false, false, false}, DPL_SET_MIRRORING},
        {{true, false, true, false, true, false, false, false, false}, DPL_SET_MIRROR_NEEDED},
        {{true, false, false, false, true, false, false, false, false}, DPL_SET_MIRROR_NEEDED},
        {{true, false, false, true, false, false, false, false, false}, DPL_SET_DISCONNECTED},
        {{true, true, true, false, false, false, false, false, false}, DPL_SET_DISCONNECTED},
        {{true, false, true, true, true, true, false, false, false}, DPL_SET_FAILING_OVER},
        {{true, false, false, false, true, false, true, false, false}, DPL_SET_FAILED_OVER},
        {{true, true, true, false, false, false, true, false, false}, DPL_SET_FAILED_OVER},
        {{true, false, true, false, true, false, true, false, false}, DPL_SET_RESTORING},
        {{true, false, true, true, false, false, true, false, false}, DPL_SET_RESTORING},
        {{true, false, true, false, false, false, true, false, false}, DPL_SET_PROTECTED},
        {{true, false, true, false, false, false, false, true, false}, DPL_SET_FAILING_BACK},
        {{true, false, false, false, false, false, false, false, true}, DPL_SET_ELSEWHERE},
        {{true, true, false, false, false, false, true, false, true}, DPL_SET_ELSEWHERE},
        {{true, false, false, false, false, false, false, true, true}, DPL_SET_FAILING_BACK},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        CU_ASSERT_EQUAL(dpl_set_state_of(&cases[i].facts), cases[i].want);
}

static void backoff(void)
{
    const struct dpl_backoff_policy policy = {100, 1000, 5000};
    static const int64_t want[] = {100, 200, 400, 800, 1000, 1000};
    struct dpl_backoff b = {0};
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++)
        CU_ASSERT_EQUAL(dpl_backoff_next_ms(&b, &policy, 10), want[i]);
    CU_ASSERT_EQUAL(dpl_backoff_next_ms(&b, &policy, 5000), 100);
    CU_ASSERT_EQUAL(dpl_backoff_next_ms(&b, &policy, 4999), 200);
}

static const struct unit_test tests[] = {
    {"each command is allowed in its states and refused in all others", every_pair},
    {"the state follows from what is known", state_from_facts},
    {"waits double up to a bound, and begin anew after a good run", backoff},
};
UNIT_MAIN(tests)
