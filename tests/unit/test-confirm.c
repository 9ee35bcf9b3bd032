/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A confirm beside a procedure, and what one leaves that does not come to its end.
 */
#include "daemon/parent/failover.h"
#include "daemon/parent/restore.h"
#include "tests/unit/two-nodes.h"

/* --- beside a procedure ----------------------------------------------------------------------- */

enum { CEDED = 8 };

/* A failback that has given the number away: what comes next lets the other site serve. */
static void begin_ceded(void)
{
    begin();
    put_resting("p", &dpl_failback_kind, CEDED);
    put_set("released", "p");
    dpl_confirm(&set, request("site confirm", "set", "mail"));
    CU_ASSERT_PTR_NOT_NULL_FATAL(seen.fn);
}

static void confirmed(void)
{
    begin_ceded();
    answers("standby", 5);
    deliver();
    CU_ASSERT_EQUAL(seen.answers, 1);
    CU_ASSERT_EQUAL(seen.code, 0);
    CU_ASSERT_STRING_EQUAL(role(), "serving");
    CU_ASSERT_TRUE(dpl_doc_int(set.doc, "generation", 0) > 5);
    CU_ASSERT_PTR_NULL(dpl_procedure_open(&here, "mail"));
    dpl_procedure_command(&here, request("procedure resume", "id", "p"));
    deliver();
    CU_ASSERT_EQUAL(seen.code, DPL_E_REFUSED);
    CU_ASSERT_EQUAL(here.runs->len, 0);
    CU_ASSERT_EQUAL(dpl_run_begin(&here, "p", false, NULL), DPL_E_REFUSED);
    end();
}

static void resumed_meanwhile(void)
{
    begin_ceded();
    resume_there("p");
    deliver();
    answers("standby", 2);
    deliver();
    CU_ASSERT_EQUAL(seen.code, DPL_E_REFUSED);
    CU_ASSERT_PTR_NOT_NULL(strstr(seen.text, "first doppel procedure stop p"));
    CU_ASSERT_STRING_EQUAL(role(), "released");
    end();
}

/* The order of the network decides, not what a node knew. */
static void resumed_in_this_moment(void)
{
    begin_ceded();
    resume_there("p");
    answers("standby", 2);
    deliver();
    CU_ASSERT_EQUAL(seen.answers, 1);
    CU_ASSERT_EQUAL(seen.code, DPL_E_REFUSED);
    CU_ASSERT_STRING_EQUAL(role(), "released");
    CU_ASSERT_STRING_EQUAL(dpl_doc_text(record("p"), "token"), "of b2");
    end();
}

/* Who resumes what was given up, by a version that was there before, is too late. */
static void resumed_too_late(void)
{
    struct dpl_store_item item;
    begin_ceded();
    CU_ASSERT_EQUAL_FATAL(dpl_store_get(here.store, "procedure", "p", &item, NULL), 0);
    struct dpl_store_version version = item.version;
    g_autoptr(dpl_doc_auto) doc = dpl_doc_copy(item.doc);
    dpl_doc_set_text(doc, "token", "of b2");
    answers("standby", 2);
    dpl_store_put(members[1].store, "procedure", "p", &version, doc, NULL, NULL);
    deliver();
    CU_ASSERT_EQUAL(seen.code, 0);
    CU_ASSERT_STRING_EQUAL(role(), "serving");
    CU_ASSERT_STRING_NOT_EQUAL(dpl_doc_text(record("p"), "token"), "of b2");
    end();
}

static void confirm_refused(void)
{
    begin_ceded();
    answers("serving", 3);
    deliver();
    CU_ASSERT_EQUAL(seen.code, DPL_E_REFUSED);
    CU_ASSERT_EQUAL(g_strcmp0(dpl_procedure_open(&here, "mail"), "p"), 0);
    end();
}

static void nobody_waits_for_an_answer(void)
{
    begin_ceded();
    seen.gone = true;
    answers("standby", 2);
    deliver();
    CU_ASSERT_EQUAL(seen.code, DPL_E_INTERRUPTED);
    CU_ASSERT_STRING_EQUAL(role(), "released");
    CU_ASSERT_EQUAL(g_strcmp0(dpl_procedure_open(&here, "mail"), "p"), 0);
    end();
}

static void nobody_waits_for_a_confirm(void)
{
    begin_ceded();
    answers("standby", 2);
    seen.gone = true;
    deliver();
    CU_ASSERT_EQUAL(seen.answers, 1);
    CU_ASSERT_EQUAL(seen.code, DPL_E_INTERRUPTED);
    CU_ASSERT_STRING_EQUAL(role(), "released");
    end();
}

/* A failover takes the place of what rests, at node b2; b1 has not heard of it. */
static void confirm_late(bool runs)
{
    begin();
    put_resting("p", &dpl_failback_kind, dpl_failback_kind.count - 1);
    put_set("standby", "p");
    g_autoptr(dpl_doc_auto) other = resting(&dpl_failover_kind, 0);
    if (runs)
        dpl_doc_set_text(other, "state", "running");
    put(1, "procedure", "other", other);
    deliver();
    dpl_confirm(&set, request("site confirm", "set", "mail"));
    g_autoptr(dpl_doc_auto) doc = dpl_doc_copy(set.doc);
    dpl_doc_set_text(doc, "procedure", "other");
    put(1, "set", "mail", doc);
    answers("released", 2);
    deliver();
    CU_ASSERT_EQUAL(seen.code, DPL_E_REFUSED);
    CU_ASSERT_PTR_NOT_NULL(strstr(seen.text, "doppel procedure show other"));
    CU_ASSERT_STRING_EQUAL(role(), "standby");
    CU_ASSERT_EQUAL(g_strcmp0(dpl_procedure_open(&here, "mail"), "other"), 0);
    end();
}

static void begun_in_this_moment(void)
{
    confirm_late(true);
    confirm_late(false);
}

/* --- one that was not finished ---------------------------------------------------------------- */

static int64_t pending(void)
{
    return dpl_doc_int(dpl_doc_tree(set.doc, "failing_over"), "generation", 0);
}

static bool is_new_pending(void)
{
    return pending() == 4;
}

static bool all_rest(void)
{
    return here.runs->len == 0;
}

static bool has_left_record(void)
{
    const struct dpl_run *run = here.runs->len ? here.runs->pdata[0] : NULL;
    return !run || run->machine.at > 0 || run->machine.state == DPL_PROCEDURE_FAILED;
}

static void put_pending(const char *procedure, bool here_begun)
{
    g_autoptr(dpl_doc_auto) doc = dpl_doc_copy(set.doc);
    struct dpl_doc *is = dpl_doc_set_tree(doc, "failing_over");
    dpl_doc_set_int(is, "generation", 3);
    dpl_doc_set_text(is, "procedure", procedure);
    dpl_doc_set_bool(is, "settle", true);
    if (here_begun)
        dpl_doc_set_bool(is, "down", false);
    dpl_doc_set_int(doc, "tried", 3);
    put(0, "set", "mail", doc);
    deliver();
}

/* A failover that has settled is given up, and the set stays as it was. */
static void begin_unfinished(void)
{
    begin();
    put_resting("p", &dpl_failover_kind, 5);
    put_set("standby", "p");
    put_pending("p", true);
    dpl_confirm(&set, request("site confirm", "set", "mail"));
    answers("released", 2);
    seen.gone = true;
    deliver();
    seen.gone = false;
    CU_ASSERT_PTR_NOT_NULL_FATAL(dpl_doc_tree(record("p"), "given_up"));
    CU_ASSERT_EQUAL(pending(), 3);
}

static void failover_again(bool (*until)(void))
{
    dpl_procedure_begin(&set, &dpl_failover_kind, 4, NULL, request("failover", "set", "mail"));
    deliver();
    CU_ASSERT_EQUAL_FATAL(here.runs->len, 1);
    turn_until(until);
}

static void failover_after(void)
{
    begin_unfinished();
    failover_again(has_left_record);
    CU_ASSERT_TRUE(is_new_pending());
    CU_ASSERT_PTR_NULL(dpl_doc_get(dpl_doc_tree(set.doc, "failing_over"), "settle"));
    if (here.runs->len)
        dpl_run_stop(here.runs->pdata[0]);
    turn_until(all_rest);
    end();
}

static void confirm_after(void)
{
    begin_unfinished();
    dpl_confirm(&set, request("site confirm", "set", "mail"));
    answers("released", 2);
    deliver();
    CU_ASSERT_EQUAL(seen.code, 0);
    CU_ASSERT_STRING_EQUAL(role(), "serving");
    CU_ASSERT_EQUAL(pending(), 0);
    end();
}

/* What the other site's failback has made pending here is its own. */
static void not_of_this_site(void)
{
    begin();
    put_set("standby", NULL);
    put_pending("of site-a", false);
    failover_again(all_rest);
    CU_ASSERT_EQUAL(pending(), 3);
    const char *id = dpl_procedure_open(&here, "mail");
    CU_ASSERT_PTR_NOT_NULL_FATAL(id);
    g_autofree char *name = g_strdup(id);
    struct dpl_request *r = request("procedure resume", "id", name);
    dpl_doc_set_bool(r->args, "source_is_down", true);
    dpl_doc_set_text(r->args, "confirm", "mail");
    dpl_procedure_command(&here, r);
    deliver();
    turn_until(all_rest);
    CU_ASSERT_EQUAL(pending(), 3);
    CU_ASSERT_STRING_EQUAL(dpl_doc_text(dpl_doc_tree(set.doc, "failing_over"), "procedure"),
                           "of site-a");
    end();
}

static void shows_unfinished(void)
{
    begin_unfinished();
    dpl_procedure_command(&here, request("procedure show", "id", "p"));
    CU_ASSERT_STRING_EQUAL(seen.state, "given up");
    CU_ASSERT_PTR_NOT_NULL(strstr(seen.text, "doppel site confirm mail"));
    CU_ASSERT_PTR_NOT_NULL(strstr(seen.text, "doppel failover mail"));
    end();
}

static const struct unit_test tests[] = {
    {"a confirm gives a procedure up, and nobody goes on with it", confirmed},
    {"a confirm is refused when the procedure was resumed while the other site was asked",
     resumed_meanwhile},
    {"a confirm is refused when another node resumes the procedure at the same time",
     resumed_in_this_moment},
    {"a procedure that a confirm has given up is not taken over", resumed_too_late},
    {"a confirm that is refused gives no procedure up", confirm_refused},
    {"nor one for which nobody waits", nobody_waits_for_an_answer},
    {"a confirm for which nobody waits does not let the set serve", nobody_waits_for_a_confirm},
    {"a confirm takes no procedure away that has just begun", begun_in_this_moment},
    {"a failover begins where a confirm was not finished", failover_after},
    {"a confirm that was not finished is typed again", confirm_after},
    {"what is pending by the other site's doing is not given up", not_of_this_site},
    {"what a confirm has given up, and not finished, says how it goes on", shows_unfinished},
};
UNIT_MAIN(tests)
