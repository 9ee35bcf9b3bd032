/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/core/procedure.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

static const char *deed(const struct dpl_procedure *p)
{
    static const char *const texts[] = {"none", "save", "look", "act", "check", "revert"};
    return texts[dpl_procedure_deed(p)];
}

/* Everything succeeds, for so many deeds; what was done as one text: "act1 ". */
static const char *run(struct dpl_procedure *p, unsigned deeds)
{
    static char text[600];
    text[0] = '\0';
    for (unsigned i = 0; i < deeds && dpl_procedure_deed(p) != DPL_DEED_NONE; i++) {
        char one[16];
        snprintf(one, sizeof one, "%s%zu ", deed(p), p->at + 1);
        strcat(text, one);
        dpl_procedure_ended(p, DPL_OUTCOME_OK);
    }
    return text;
}

static struct dpl_procedure of_two(void)
{
    struct dpl_procedure p;
    dpl_procedure_init(&p, 2);
    p.last[1] = true;
    CU_ASSERT_EQUAL(dpl_procedure_resume(&p, NULL), DPL_OK);
    return p;
}

static void forwards(void)
{
    struct dpl_procedure p = of_two();
    CU_ASSERT_STRING_EQUAL(run(&p, 99), "save1 look1 save1 act1 check1 save1 "
                                        "look2 save2 act2 check2 save2 save2 ");
    CU_ASSERT_EQUAL(p.state, DPL_PROCEDURE_DONE);
    CU_ASSERT_TRUE(dpl_procedure_over(&p));
    CU_ASSERT_EQUAL(dpl_procedure_check(&p, NULL), DPL_OK);
    CU_ASSERT_EQUAL(dpl_procedure_resume(&p, NULL), DPL_E_REFUSED);
    CU_ASSERT_EQUAL(dpl_procedure_undo(&p, NULL), DPL_E_REFUSED);
}

static void taken_over(void)
{
    struct dpl_procedure p = of_two();
    run(&p, 4); /* the action of the first was made, and its runner is gone */
    struct dpl_procedure other = of_two();
    memcpy(other.steps, p.steps, sizeof p.steps);
    CU_ASSERT_EQUAL(other.steps[0], DPL_STEP_BEGUN);
    CU_ASSERT_STRING_EQUAL(run(&other, 6), "save1 save1 act1 check1 save1 look2 ");
    dpl_procedure_ended(&p, DPL_OUTCOME_LOST);
    CU_ASSERT_EQUAL(dpl_procedure_deed(&p), DPL_DEED_NONE);
}

static void stopped(void)
{
    struct dpl_procedure p = of_two();
    run(&p, 3);
    dpl_procedure_stop(&p);
    CU_ASSERT_STRING_EQUAL(run(&p, 99), "act1 check1 save1 save2 ");
    CU_ASSERT_EQUAL(p.state, DPL_PROCEDURE_INTERRUPTED);
    CU_ASSERT_EQUAL(p.steps[1], DPL_STEP_TODO);
    CU_ASSERT_EQUAL(dpl_procedure_resume(&p, NULL), DPL_OK);
    CU_ASSERT_STRING_EQUAL(run(&p, 2), "save2 look2 ");
}

/* What a step needs may take long to be there. */
static void stopped_while_looked(void)
{
    struct dpl_procedure p = of_two();
    run(&p, 6); /* the last one is looked at */
    dpl_procedure_stop(&p);
    CU_ASSERT_STRING_EQUAL(run(&p, 99), "look2 save2 ");
    CU_ASSERT_EQUAL(p.state, DPL_PROCEDURE_INTERRUPTED);
    CU_ASSERT_EQUAL(p.steps[1], DPL_STEP_TODO);
    CU_ASSERT_EQUAL(dpl_procedure_check(&p, NULL), DPL_OK);
    CU_ASSERT_FALSE(dpl_procedure_past_last(&p));
}

/* A store may take long, and whoever waited for it be gone. */
static void stopped_while_saved(void)
{
    struct dpl_procedure p = of_two();
    run(&p, 7); /* "begun" is being saved */
    dpl_procedure_stop(&p);
    CU_ASSERT_STRING_EQUAL(run(&p, 99), "save2 save2 ");
    CU_ASSERT_EQUAL(p.state, DPL_PROCEDURE_INTERRUPTED);
    CU_ASSERT_EQUAL(p.steps[1], DPL_STEP_TODO);
    CU_ASSERT_EQUAL(dpl_procedure_check(&p, NULL), DPL_OK);
    CU_ASSERT_FALSE(dpl_procedure_past_last(&p));
    CU_ASSERT_EQUAL(dpl_procedure_resume(&p, NULL), DPL_OK);
    CU_ASSERT_STRING_EQUAL(run(&p, 4), "save2 look2 save2 act2 ");
}

/* Whoever began it before may have acted. */
static void stopped_while_saved_again(void)
{
    struct dpl_procedure p = of_two();
    run(&p, 3);
    CU_ASSERT_EQUAL(dpl_procedure_resume(&p, NULL), DPL_OK);
    run(&p, 1);
    dpl_procedure_stop(&p);
    CU_ASSERT_STRING_EQUAL(run(&p, 99), "save1 save1 ");
    CU_ASSERT_EQUAL(p.state, DPL_PROCEDURE_INTERRUPTED);
    CU_ASSERT_EQUAL(p.steps[0], DPL_STEP_BEGUN);
    CU_ASSERT_EQUAL(dpl_procedure_check(&p, NULL), DPL_OK);
    CU_ASSERT_EQUAL(dpl_procedure_undo(&p, NULL), DPL_OK);
    run(&p, 1); /* "undoing" is being saved */
    dpl_procedure_stop(&p);
    CU_ASSERT_STRING_EQUAL(run(&p, 99), "save1 save1 ");
    CU_ASSERT_EQUAL(p.state, DPL_PROCEDURE_INTERRUPTED);
    CU_ASSERT_EQUAL(p.steps[0], DPL_STEP_UNDOING);
    CU_ASSERT_EQUAL(dpl_procedure_check(&p, NULL), DPL_OK);
}

static void undone(void)
{
    struct dpl_procedure p = of_two();
    run(&p, 6); /* the second is to be looked at */
    dpl_procedure_ended(&p, DPL_OUTCOME_FAILED);
    CU_ASSERT_EQUAL(p.state, DPL_PROCEDURE_FAILED);
    run(&p, 1);
    CU_ASSERT_EQUAL(dpl_procedure_undo(&p, NULL), DPL_OK);
    CU_ASSERT_STRING_EQUAL(run(&p, 99), "save2 save1 revert1 save1 save1 ");
    CU_ASSERT_EQUAL(p.state, DPL_PROCEDURE_UNDONE);
    CU_ASSERT_EQUAL(p.steps[0], DPL_STEP_UNDONE);
}

static void undone_in_between(void)
{
    struct dpl_procedure p = of_two();
    run(&p, 6);
    CU_ASSERT_EQUAL(dpl_procedure_undo(&p, NULL), DPL_OK);
    run(&p, 2);
    dpl_procedure_ended(&p, DPL_OUTCOME_FAILED); /* the undoing of the first */
    run(&p, 1);
    CU_ASSERT_EQUAL(p.state, DPL_PROCEDURE_FAILED);
    CU_ASSERT_EQUAL(dpl_procedure_check(&p, NULL), DPL_OK);
    CU_ASSERT_EQUAL(dpl_procedure_resume(&p, NULL), DPL_OK); /* goes on backwards */
    CU_ASSERT_STRING_EQUAL(run(&p, 99), "save1 save1 revert1 save1 save1 ");
    CU_ASSERT_EQUAL(p.state, DPL_PROCEDURE_UNDONE);
}

static void past_last(void)
{
    struct dpl_procedure p = of_two();
    struct dpl_err err = {0};
    run(&p, 8); /* the second has begun */
    CU_ASSERT_EQUAL(p.steps[1], DPL_STEP_BEGUN);
    CU_ASSERT_EQUAL(dpl_procedure_undo(&p, &err), DPL_E_REFUSED);
    CU_ASSERT_STRING_EQUAL(err.text, "step 2 has begun, and what it does cannot be undone");
    CU_ASSERT_FALSE(p.back);
}

static void lost(void)
{
    for (unsigned n = 0; n < 12; n++) {
        struct dpl_procedure p = of_two();
        run(&p, n);
        dpl_procedure_ended(&p, DPL_OUTCOME_LOST);
        CU_ASSERT_EQUAL(dpl_procedure_deed(&p), DPL_DEED_NONE);
    }
}

static void waits(void)
{
    struct dpl_procedure p = of_two();
    run(&p, 3);
    dpl_procedure_ended(&p, DPL_OUTCOME_WAITS);
    CU_ASSERT_STRING_EQUAL(run(&p, 99), "save1 ");
    CU_ASSERT_EQUAL(p.state, DPL_PROCEDURE_WAITING);
    CU_ASSERT_EQUAL(dpl_procedure_resume(&p, NULL), DPL_OK);
    CU_ASSERT_STRING_EQUAL(run(&p, 3), "save1 save1 act1 ");
}

/* Each phase takes the outcomes of the table, and no other. */
static void matrix(void)
{
    static const struct {
        enum dpl_procedure_phase phase;
        enum dpl_procedure_outcome outcome;
    } moves[] = {
#define PHASE(name, deed)
#define MOVE(phase, outcome, next) {DPL_PHASE_##phase, DPL_OUTCOME_##outcome},
#include "daemon/core/procedure.tbl.h"
#undef PHASE
#undef MOVE
    };
    for (enum dpl_procedure_phase phase = 0; phase < DPL_PHASES; phase++) {
        for (enum dpl_procedure_outcome o = 0; o < DPL_OUTCOMES; o++) {
            unsigned found = 0;
            for (size_t i = 0; i < sizeof moves / sizeof moves[0]; i++)
                found += moves[i].phase == phase && moves[i].outcome == o;
            struct dpl_procedure p = of_two();
            p.phase = phase;
            bool save = dpl_procedure_deed(&p) == DPL_DEED_SAVE;
            bool revert = dpl_procedure_deed(&p) == DPL_DEED_REVERT;
            bool none = dpl_procedure_deed(&p) == DPL_DEED_NONE;
            bool may = !none && (o == DPL_OUTCOME_OK || o == DPL_OUTCOME_LOST ||
                                 (!save && o == DPL_OUTCOME_FAILED) ||
                                 (!save && !revert && o == DPL_OUTCOME_WAITS));
            CU_ASSERT_EQUAL(found, may ? 1 : 0);
            if (found)
                dpl_procedure_ended(&p, o);
        }
    }
}

static void records(void)
{
    struct dpl_procedure p;
    struct dpl_err err = {0};
    dpl_procedure_init(&p, 3);
    CU_ASSERT_EQUAL(dpl_procedure_check(&p, NULL), DPL_OK);
    p.steps[1] = DPL_STEP_DONE;
    CU_ASSERT_EQUAL(dpl_procedure_check(&p, &err), DPL_E_CORRUPT);
    CU_ASSERT_STRING_EQUAL(err.text, "step 2 is done");
    p.steps[0] = DPL_STEP_DONE;
    CU_ASSERT_EQUAL(dpl_procedure_check(&p, NULL), DPL_OK);
    p.state = DPL_PROCEDURE_DONE;
    CU_ASSERT_EQUAL(dpl_procedure_check(&p, NULL), DPL_E_CORRUPT);
    p.state = DPL_PROCEDURE_RUNNING;
    p.steps[2] = DPL_STEP_UNDOING;
    CU_ASSERT_EQUAL(dpl_procedure_check(&p, NULL), DPL_E_CORRUPT);
    p.back = true;
    CU_ASSERT_EQUAL(dpl_procedure_check(&p, NULL), DPL_OK);
    p.last[2] = true;
    CU_ASSERT_EQUAL(dpl_procedure_check(&p, NULL), DPL_E_CORRUPT);
    p.last[2] = false;
    p.state = DPL_PROCEDURE_UNDONE;
    CU_ASSERT_EQUAL(dpl_procedure_check(&p, NULL), DPL_E_CORRUPT);
    p.steps[0] = p.steps[1] = p.steps[2] = DPL_STEP_UNDONE;
    CU_ASSERT_EQUAL(dpl_procedure_check(&p, NULL), DPL_OK);
}

static void texts(void)
{
    for (int i = 0; i < DPL_PROCEDURE_STATES; i++)
        CU_ASSERT_EQUAL(dpl_procedure_state_find(dpl_procedure_state_text(i)), i);
    for (int i = 0; i < DPL_STEP_STATES; i++)
        CU_ASSERT_EQUAL(dpl_step_state_find(dpl_step_state_text(i)), i);
    CU_ASSERT_EQUAL(dpl_procedure_state_find("nonsense"), -1);
    CU_ASSERT_EQUAL(dpl_step_state_find(NULL), -1);
}

static const struct unit_test tests[] = {
    {"each step is looked at, begun, made, checked and ended, in that order", forwards},
    {"a step that was begun is made again by whoever takes it over", taken_over},
    {"a stop lets the step end that runs, and what rests goes on later", stopped},
    {"a stop while a step is looked at keeps it from beginning", stopped_while_looked},
    {"a stop before a step has acted keeps it from acting, and it is still to do",
     stopped_while_saved},
    {"a stop before a step acts again leaves it begun", stopped_while_saved_again},
    {"what failed is undone from the last step that was begun", undone},
    {"an undoing that failed goes on backwards", undone_in_between},
    {"nothing is undone once a last step has begun", past_last},
    {"who lost the record does nothing any more, wherever it was", lost},
    {"an answer that is missing lets it wait, and the step is made again", waits},
    {"each phase takes the outcomes of the table and no others", matrix},
    {"a record that cannot be is refused", records},
    {"states have texts, and are found by them", texts},
};
UNIT_MAIN(tests)
