/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Who may have the record of a procedure, at two nodes.
 */
#include "daemon/parent/failover.h"
#include "daemon/parent/restore.h"
#include "daemon/parent/set_become.h"
#include "tests/unit/two-nodes.h"

/* --- a beginning ------------------------------------------------------------------------------ */

enum { SERVES = 9 };

/* A failback rests past the point of undoing, and a failover takes its place. */
static void begin_in_its_place(void)
{
    begin();
    put_resting("p", &dpl_failback_kind, SERVES);
    put_set("standby", "p");
}

static void takes_its_place(void)
{
    begin_in_its_place();
    dpl_procedure_begin(&set, &dpl_failover_kind, 4, NULL, request("failover", "set", "mail"));
    deliver();
    CU_ASSERT_EQUAL(seen.code, 0);
    CU_ASSERT_EQUAL(here.runs->len, 1);
    CU_ASSERT_STRING_NOT_EQUAL(dpl_procedure_open(&here, "mail"), "p");
    dpl_procedure_command(&here, request("procedure resume", "id", "p"));
    CU_ASSERT_EQUAL(seen.code, DPL_E_REFUSED);
    CU_ASSERT_PTR_NOT_NULL(strstr(seen.text, "was given up"));
    end();
}

static void nobody_waits(void)
{
    begin_in_its_place();
    seen.leave = "p";
    dpl_procedure_begin(&set, &dpl_failover_kind, 4, NULL, request("failover", "set", "mail"));
    deliver();
    CU_ASSERT_EQUAL(seen.code, DPL_E_INTERRUPTED);
    CU_ASSERT_EQUAL(here.runs->len, 0);
    const char *open = dpl_procedure_open(&here, "mail");
    CU_ASSERT_TRUE(open && strcmp(open, "p") == 0);
    g_auto(GStrv) names = dpl_store_list(here.store, "procedure");
    CU_ASSERT_EQUAL(g_strv_length(names), 1);
    seen.gone = false;
    dpl_procedure_command(&here, request("procedure resume", "id", "p"));
    deliver();
    CU_ASSERT_EQUAL(seen.code, 0);
    CU_ASSERT_EQUAL(here.runs->len, 1);
    end();
}

/* A confirm at node b2. */
static void serves_here(void)
{
    g_autoptr(dpl_doc_auto) doc = dpl_doc_copy(set.doc);
    CU_ASSERT_EQUAL(dpl_set_become(doc, DPL_SET_EVENT_CONFIRM, 2, NULL), 1);
    put(1, "set", "mail", doc);
}

/* Another source, of which this replica has heard. */
static void has_another_number(void)
{
    g_autoptr(dpl_doc_auto) doc = dpl_doc_copy(set.doc);
    CU_ASSERT_EQUAL(dpl_set_become(doc, DPL_SET_EVENT_MEET, 7, NULL), 1);
    put(1, "set", "mail", doc);
}

static void begin_after(void (*fn)(void), const char *why)
{
    begin();
    put_set("standby", NULL);
    ahead = fn;
    dpl_procedure_begin(&set, &dpl_failover_kind, 4, NULL, request("failover", "set", "mail"));
    deliver();
    CU_ASSERT_EQUAL(seen.code, DPL_E_REFUSED);
    CU_ASSERT_PTR_NOT_NULL(strstr(seen.text, why));
    CU_ASSERT_EQUAL(here.runs->len, 0);
    CU_ASSERT_PTR_NULL(dpl_doc_text(set.doc, "procedure"));
    g_auto(GStrv) names = dpl_store_list(here.store, "procedure");
    CU_ASSERT_EQUAL(g_strv_length(names), 0);
    end();
}

static void begins_after_a_confirm(void)
{
    begin_after(serves_here, "is serving by now, generation 4");
}

static void begins_after_a_meeting(void)
{
    begin_after(has_another_number, "is standby by now, generation 7");
}

static void leave(void)
{
    seen.gone = true;
}

static void old_one_ends(void)
{
    g_autoptr(dpl_doc_auto) old = dpl_doc_copy(record("p"));
    g_autoptr(dpl_doc_auto) doc = dpl_doc_copy(set.doc);
    dpl_doc_set_tree(old, "given_up");
    put(1, "procedure", "p", old);
    dpl_doc_unset(doc, "procedure");
    put(1, "set", "mail", doc);
    ahead = leave;
}

static void gives_nothing_back(void)
{
    begin_in_its_place();
    ahead = old_one_ends;
    dpl_procedure_begin(&set, &dpl_failover_kind, 4, NULL, request("failover", "set", "mail"));
    deliver();
    CU_ASSERT_EQUAL(seen.code, DPL_E_INTERRUPTED);
    CU_ASSERT_PTR_NULL(dpl_doc_text(set.doc, "procedure"));
    end();
}

static struct dpl_run *running(void)
{
    return dpl_run_find(&here, "p");
}

/* --- going on --------------------------------------------------------------------------------- */

/* The record is saved only when the other node was fenced, or wakes. */
static void resume_late(const char *words)
{
    begin();
    put_resting("p", &dpl_failover_kind, 3);
    put_set("standby", "p");
    members[1].deaf = true;
    struct dpl_request *r = request(words, "id", "p");
    dpl_doc_set_text(r->args, "then", "immediate");
    dpl_procedure_command(&here, r);
    deliver();
    CU_ASSERT_EQUAL(seen.answers, 0);
    seen.gone = true;
    members[1].deaf = false;
    deliver();
    CU_ASSERT_EQUAL(seen.answers, 1);
    CU_ASSERT_EQUAL(seen.code, DPL_E_INTERRUPTED);
    CU_ASSERT_EQUAL(here.runs->len, 0);
    CU_ASSERT_STRING_EQUAL(dpl_doc_text(record("p"), "state"), "failed");
    CU_ASSERT_PTR_NULL(dpl_doc_text(dpl_doc_tree(record("p"), "options"), "then"));
    end();
}

static void nobody_waits_for_a_resume(void)
{
    resume_late("procedure resume");
}

static void nobody_waits_for_an_undo(void)
{
    resume_late("procedure undo");
}

/* A failover rests, and is pending; with --source-is-down two changes are made before it runs, and
 * b2 hears of the first alone. */
static void say_down(bool deafens)
{
    begin();
    put_resting("p", &dpl_failover_kind, 3);
    put_set("standby", "p");
    g_autoptr(dpl_doc_auto) doc = dpl_doc_copy(set.doc);
    struct dpl_doc *pending = dpl_doc_set_tree(doc, "failing_over");
    dpl_doc_set_int(pending, "generation", 3);
    dpl_doc_set_text(pending, "procedure", "p");
    dpl_doc_set_bool(pending, "down", false);
    put(0, "set", "mail", doc);
    deliver();
    struct dpl_request *r = request("procedure resume", "id", "p");
    dpl_doc_set_bool(r->args, "source_is_down", true);
    dpl_doc_set_text(r->args, "confirm", "mail");
    seen.deafens = deafens;
    members[1].deaf = !deafens;
    dpl_procedure_command(&here, r);
    deliver();
    CU_ASSERT_EQUAL_FATAL(seen.answers, 0);
    CU_ASSERT_TRUE_FATAL(members[1].deaf);
}

static bool counts_as_down(void)
{
    return dpl_doc_bool(dpl_doc_tree(set.doc, "failing_over"), "down", false);
}

static bool runs_as_down(void)
{
    const struct dpl_doc *options = dpl_doc_tree(record("p"), "options");
    return dpl_failover_mode(options) == DPL_FAILOVER_DOWN;
}

static void said_down(void)
{
    say_down(true);
    members[1].deaf = false;
    deliver();
    CU_ASSERT_EQUAL(seen.answers, 1);
    CU_ASSERT_EQUAL(seen.code, 0);
    CU_ASSERT_EQUAL(here.runs->len, 1);
    CU_ASSERT_TRUE(counts_as_down() && runs_as_down());
    end();
}

static void left(bool deafens)
{
    say_down(deafens);
    seen.gone = true;
    members[1].deaf = false;
    deliver();
    CU_ASSERT_EQUAL(seen.answers, 1);
    CU_ASSERT_EQUAL(seen.code, DPL_E_INTERRUPTED);
    CU_ASSERT_EQUAL(here.runs->len, 0);
    CU_ASSERT_FALSE(counts_as_down());
    CU_ASSERT_PTR_NOT_NULL(dpl_doc_get(dpl_doc_tree(set.doc, "failing_over"), "down"));
    CU_ASSERT_FALSE(runs_as_down());
    end();
}

static void left_early(void)
{
    left(false);
}

static void left_in_between(void)
{
    left(true);
}

/* The store dies with the word on its way. */
static void down_at_the_end(void)
{
    say_down(true);
    dpl_changes_end(&here);
    CU_ASSERT_EQUAL(seen.answers, 1);
    CU_ASSERT_EQUAL(seen.code, DPL_E_NOT_RUNNING);
    CU_ASSERT_EQUAL(here.runs->len, 0);
    CU_ASSERT_FALSE(runs_as_down());
    end();
}

/* Another one is typed while the first waits for the store. */
static void resumed_twice(bool deafens)
{
    say_down(deafens);
    dpl_procedure_command(&here, request("procedure undo", "id", "p"));
    members[1].deaf = false;
    deliver();
    CU_ASSERT_EQUAL(seen.answers, 2);
    CU_ASSERT_EQUAL(seen.code, DPL_E_BUSY);
    CU_ASSERT_PTR_NOT_NULL(strstr(seen.text, "look at it again"));
    CU_ASSERT_EQUAL(here.runs->len, 1);
    CU_ASSERT_EQUAL(running()->machine.back, !deafens);
    CU_ASSERT_EQUAL(counts_as_down(), deafens);
    CU_ASSERT_EQUAL(runs_as_down(), deafens);
    end();
}

static void one_of_two_runs(void)
{
    resumed_twice(true);
}

static void the_other_of_two_runs(void)
{
    resumed_twice(false);
}

/* --- a stop ----------------------------------------------------------------------------------- */

static bool rests(void)
{
    return !running();
}

static bool waits_for_node(void)
{
    return running() && strstr(running()->unsaved, "node b2 does not answer");
}

static bool waits_for_store(void)
{
    return running() && strstr(running()->text, "b2");
}

static bool has_failed(void)
{
    return running() && running()->machine.state == DPL_PROCEDURE_FAILED;
}

static bool has_begun(void)
{
    const struct dpl_doc *step = dpl_doc_at(dpl_doc_list(record("p"), "steps"), 0);
    return g_strcmp0(dpl_doc_text(step, "state"), "begun") == 0;
}

/* A failover goes on; its first step changes the set's document. */
static void begin_failover(bool begun)
{
    begin();
    g_autoptr(dpl_doc_auto) doc = resting(&dpl_failover_kind, 0);
    if (begun) {
        struct dpl_doc *steps = dpl_doc_get_mutable(doc, "steps");
        dpl_doc_set_text((struct dpl_doc *)(uintptr_t)dpl_doc_at(steps, 0), "state", "begun");
    }
    put(0, "procedure", "p", doc);
    put_set("standby", "p");
    dpl_procedure_command(&here, request("procedure resume", "id", "p"));
    deliver();
    CU_ASSERT_PTR_NOT_NULL_FATAL(running());
}

static void stopped_while_saved(void)
{
    begin_failover(true);
    members[1].deaf = true;
    turn_until(waits_for_node);
    dpl_run_stop(running());
    members[1].deaf = false;
    turn_until(rests);
    CU_ASSERT_STRING_EQUAL(dpl_doc_text(record("p"), "state"), "interrupted");
    CU_ASSERT_PTR_NULL(dpl_doc_tree(set.doc, "failing_over"));
    end();
}

static bool is_looked_at(void)
{
    return running() && running()->machine.phase == DPL_PHASE_LOOK;
}

/* That it begins is saved late, and nothing was acted then. */
static void stopped_before_it_acted(void)
{
    begin_failover(false);
    turn_until(is_looked_at);
    members[1].deaf = true;
    turn_until(waits_for_node);
    dpl_run_stop(running());
    members[1].deaf = false;
    turn_until(rests);
    const struct dpl_doc *step = dpl_doc_at(dpl_doc_list(record("p"), "steps"), 0);
    CU_ASSERT_STRING_EQUAL(dpl_doc_text(record("p"), "state"), "interrupted");
    CU_ASSERT_STRING_EQUAL(dpl_doc_text(step, "state"), "to do");
    CU_ASSERT_PTR_NULL(dpl_doc_get(step, "begun_ms"));
    CU_ASSERT_PTR_NULL(dpl_doc_tree(set.doc, "failing_over"));
    end();
}

/* Its doppeld ended before it could undo it, as was wanted for that case. */
static void aborted_once(void)
{
    begin();
    g_autoptr(dpl_doc_auto) doc = resting(&dpl_failover_kind, 0);
    dpl_doc_set_bool(doc, "abort", true);
    put(0, "procedure", "p", doc);
    put_set("standby", "p");
    struct dpl_request *r = request("procedure resume", "id", "p");
    dpl_doc_set_text(r->args, "then", "immediate");
    dpl_procedure_command(&here, r);
    turn_until(is_looked_at);
    dpl_run_stop(running());
    turn_until(rests);
    CU_ASSERT_STRING_EQUAL(dpl_doc_text(record("p"), "state"), "interrupted");
    CU_ASSERT_FALSE(dpl_doc_bool(record("p"), "back", false));
    end();
}

static void members_are(size_t count)
{
    static const uint32_t ids[] = {1, 2};
    for (size_t i = 0; i < count; i++)
        dpl_group_members(dpl_store_group(members[i].store), ids, count);
}

static void stopped_while_suspended(void)
{
    begin_failover(false);
    turn_until(has_begun);
    members[1].deaf = true;
    members_are(1);
    turn_until(waits_for_store);
    CU_ASSERT_FALSE(dpl_store_ready(here.store));
    dpl_run_stop(running());
    members[1].deaf = false;
    CU_ASSERT_TRUE(has_begun());
    turn_until(has_failed);
    members_are(2);
    turn_until(rests);
    CU_ASSERT_STRING_EQUAL(dpl_doc_text(record("p"), "state"), "failed");
    CU_ASSERT_TRUE(has_begun());
    CU_ASSERT_PTR_NULL(dpl_doc_tree(set.doc, "failing_over"));
    end();
}

/* --- what is shown ---------------------------------------------------------------------------- */

static void show(const char *id)
{
    dpl_procedure_command(&here, request("procedure show", "id", id));
    CU_ASSERT_EQUAL(seen.code, 0);
}

static void shows_given_up(void)
{
    begin_in_its_place();
    put_resting("other", &dpl_failover_kind, 0);
    put_set("standby", "other");
    show("p");
    CU_ASSERT_STRING_EQUAL(seen.state, "given up");
    CU_ASSERT_PTR_NOT_NULL(strstr(seen.text, "took its place"));
    end();
}

static void shows_deleted(void)
{
    begin_in_its_place();
    put(0, "set", "mail", NULL);
    deliver();
    show("p");
    CU_ASSERT_PTR_NOT_NULL(strstr(seen.text, "set mail was deleted"));
    end();
}

static void shows_beginning(void)
{
    begin();
    put_resting("p", &dpl_failover_kind, 0);
    put_set("standby", NULL);
    show("p");
    CU_ASSERT_STRING_EQUAL(seen.state, "not begun");
    CU_ASSERT_PTR_NOT_NULL(strstr(seen.text, "it begins just now"));
    end();
}

static const struct unit_test tests[] = {
    {"a procedure takes the place of one that rests past the point of undoing", takes_its_place},
    {"one for which nobody waits gives the place back", nobody_waits},
    {"one that has ended meanwhile is not given the place back", gives_nothing_back},
    {"a failover does not begin where a confirm came first", begins_after_a_confirm},
    {"nor where the set has another generation by then", begins_after_a_meeting},
    {"a resume for which nobody waits does not run", nobody_waits_for_a_resume},
    {"an undo for which nobody waits does not run", nobody_waits_for_an_undo},
    {"that the source is down counts with the run", said_down},
    {"that the source is down counts no more when nobody waits", left_early},
    {"nor does it when nobody waits for the record", left_in_between},
    {"that the source is down is not in a record that does not run", down_at_the_end},
    {"one that is typed while another waits for the store does not run beside it", one_of_two_runs},
    {"one that waits longer than another does not run, and its word is taken back",
     the_other_of_two_runs},
    {"a stop is heard while the record waits for a node, and that is told", stopped_while_saved},
    {"a step that was stopped before it acted is still to do", stopped_before_it_acted},
    {"one that is gone on with is not undone for what was wanted before", aborted_once},
    {"a stop is heard while the store takes no change", stopped_while_suspended},
    {"one whose place another took is shown as given up", shows_given_up},
    {"one whose set was deleted says so", shows_deleted},
    {"one that begins is not shown as given up", shows_beginning},
};
UNIT_MAIN(tests)
