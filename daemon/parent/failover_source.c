/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Failover: the steps that are about the other site.
 */
#include "daemon/parent/failover.h"

#include "daemon/parent/restore.h"
#include "daemon/parent/set_become.h"
#include "daemon/parent/talk.h"

#include <string.h>

enum {
    ASK_MS = 10000,
    DOWN_MS = 2000,  /* one that is said to be down gets so long to say that it is not */
    REACH_MS = 1000, /* and so long to take a connection, where nothing else speaks for it */
    AGAIN_MS = 200,
    NO_ROOM_MS = 1000,
};

/* How far the other site is: its answer waits until that is so, some seconds at most. */
static void ask_until(struct dpl_run *run, const char *until, dpl_run_answer_fn *then)
{
    struct dpl_doc *ask = dpl_talk_question("stopped", run->set);
    int64_t wait_ms = 0;
    (void)dpl_failover_wait_ms(dpl_run_options(run), &wait_ms, NULL);
    dpl_doc_set_text(ask, "until", until);
    dpl_doc_set_int(ask, "wait_ms", MAX(wait_ms - dpl_run_elapsed_ms(run), 0));
    dpl_run_ask_site(run, ask, ASK_MS, then);
}

/* A person says that the other site is down: nothing is waited for. It may have been asked, and
 * have answered, before that was said. */
static bool is_down(struct dpl_run *run)
{
    return dpl_doc_bool(dpl_run_facts(run), "unreachable", false) ||
           dpl_failover_mode(dpl_run_options(run)) == DPL_FAILOVER_DOWN;
}

/* --- record ----------------------------------------------------------------------------------- */

/* What an older failover of this site has left, which a confirm that did not end gave up: this run
 * has its place. What the other site's failback has made pending does not say "down". */
static int give_old_up(const struct dpl_run *run, struct dpl_doc *doc, struct dpl_err *err)
{
    const struct dpl_doc *pending = dpl_doc_tree(doc, "failing_over");
    int64_t old = dpl_doc_int(pending, "generation", 0);
    if (!dpl_doc_get(pending, "down") || old == dpl_run_generation(run))
        return DPL_OK;
    return dpl_set_become(doc, DPL_SET_EVENT_WITHDRAW, old, err);
}

static int announce(struct dpl_run *run, struct dpl_doc *doc, struct dpl_err *err)
{
    int rc = give_old_up(run, doc, err);
    if (rc < 0)
        return rc;
    rc = dpl_set_become(doc, DPL_SET_EVENT_ANNOUNCE, dpl_run_generation(run), err);
    if (rc < 0)
        return rc;
    struct dpl_doc *pending = dpl_doc_get_mutable(doc, "failing_over");
    if (pending && g_strcmp0(dpl_doc_text(pending, "procedure"), run->id) != 0) {
        dpl_doc_set_text(pending, "procedure", run->id);
        dpl_doc_set_bool(pending, "down",
                         dpl_failover_mode(dpl_run_options(run)) == DPL_FAILOVER_DOWN);
        rc = 1;
    }
    return rc;
}

int dpl_failover_said_down(void *self, struct dpl_doc *doc, struct dpl_err *err)
{
    struct dpl_doc *pending = dpl_doc_get_mutable(doc, "failing_over");
    (void)self;
    (void)err;
    if (!dpl_doc_get(pending, "down") || dpl_doc_bool(pending, "down", false))
        return 0; /* or nothing of this site's is pending */
    dpl_doc_set_bool(pending, "down", true);
    return 1;
}

int dpl_failover_unsaid_down(void *self, struct dpl_doc *doc, struct dpl_err *err)
{
    struct dpl_doc *pending = dpl_doc_get_mutable(doc, "failing_over");
    (void)self;
    (void)err;
    if (!pending || !dpl_doc_bool(pending, "down", false))
        return 0;
    dpl_doc_set_bool(pending, "down", false); /* it is still of this site's */
    dpl_doc_unset(pending, "heard_ms");
    return 1;
}

void dpl_failover_record(struct dpl_run *run)
{
    dpl_run_edit_set(run, announce, dpl_run_ok_or_fail);
}

void dpl_failover_recorded(struct dpl_run *run)
{
    struct dpl_set *set = dpl_set_find(run->daemon, run->set);
    struct dpl_set_side side = {0};
    if (set)
        dpl_set_side_read(set->doc, &side);
    if (side.failing_over == dpl_run_generation(run))
        dpl_run_ok(run, "generation %lld is pending here", (long long)dpl_run_generation(run));
    else
        dpl_run_failf(run, DPL_E_FAILED, "generation %lld does not stand in the store",
                      (long long)dpl_run_generation(run));
}

static int withdraw(struct dpl_run *run, struct dpl_doc *doc, struct dpl_err *err)
{
    return dpl_set_become(doc, DPL_SET_EVENT_WITHDRAW, dpl_run_generation(run), err);
}

void dpl_failover_withdraw(struct dpl_run *run)
{
    dpl_run_edit_set(run, withdraw, dpl_run_ok_or_fail);
}

/* --- release ---------------------------------------------------------------------------------- */

static bool is_connected(const struct dpl_run *run)
{
    const struct dpl_set *set = dpl_set_find(run->daemon, run->set);
    return set && set->connected;
}

/* Whether the replica, though it is connected with the source, hears no heartbeats of it. */
static bool is_silent(const struct dpl_run *run)
{
    const struct dpl_set *set = dpl_set_find(run->daemon, run->set);
    return is_connected(run) && dpl_doc_bool(set->status, "source_silent", false);
}

static void ask_down(struct dpl_run *run);

static void on_down(struct dpl_run *run, int rc, const struct dpl_doc *answer,
                    const struct dpl_err *err)
{
    if (rc == DPL_E_UNREACHABLE && is_connected(run) && !is_silent(run) &&
        dpl_run_elapsed_ms(run) < ASK_MS) {
        dpl_run_later(run, AGAIN_MS, ask_down);
        return;
    }
    const char *role = dpl_doc_text(answer, "role");
    if (rc == DPL_OK && g_strcmp0(role, "serving") == 0 && !dpl_doc_bool(answer, "held", false)) {
        dpl_run_failf(run, DPL_E_REFUSED,
                      "site \"%s\" is not down: it answers that it serves; undo this, then doppel "
                      "failover %s",
                      dpl_restore_peer(run), run->set);
        return;
    }
    dpl_doc_set_bool(dpl_run_facts(run), "unreachable", true);
    dpl_doc_set_bool(dpl_run_facts(run), "source_answered", rc == DPL_OK);
    if (rc == DPL_OK)
        dpl_run_ok(run, "site %s answers, and does not serve: it is %s", dpl_restore_peer(run),
                   role ? role : "?");
    else
        dpl_run_ok(run, "site %s does not answer (%s)%s; that it is down was said by user %lld",
                   dpl_restore_peer(run), err->text,
                   is_silent(run) ? ", and its heartbeats are missed" : "",
                   (long long)dpl_doc_int(run->doc, "user", -1));
}

static void ask_release(struct dpl_run *run);

static void on_release(struct dpl_run *run, int rc, const struct dpl_doc *answer,
                       const struct dpl_err *err)
{
    int64_t wait_ms = 0;
    (void)answer;
    (void)dpl_failover_wait_ms(dpl_run_options(run), &wait_ms, NULL);
    if (rc == DPL_OK) {
        dpl_doc_set_bool(dpl_run_facts(run), "released", true);
        dpl_run_ok(run, NULL);
    } else if (rc == DPL_E_UNREACHABLE && dpl_run_elapsed_ms(run) < wait_ms) {
        dpl_run_tell(run, "site %s does not answer: it is asked on", dpl_restore_peer(run));
        if (!dpl_run_stopped(run))
            dpl_run_later(run, AGAIN_MS, ask_release);
    } else {
        dpl_run_fail(run, err);
    }
}

static void ask_release(struct dpl_run *run)
{
    /* It may do so though its answer gets lost: an undo has to take it back. */
    dpl_run_ask_site(run, dpl_restore_question(run, "release"), ASK_MS, on_release);
}

/* How long it is asked for a connection before more is known. What its replica heard of it ends
 * then. Where none runs on this node, nothing is known of that. */
static int64_t reach_ms(const struct dpl_run *run)
{
    const struct dpl_set *set = dpl_set_find(run->daemon, run->set);
    if (!set || !set->status)
        return DOWN_MS;
    int64_t heard_ms = dpl_doc_int(set->status, "heard_ms", 0);
    int64_t silent_ms = heard_ms + DOWN_MS + AGAIN_MS - g_get_real_time() / 1000;
    return is_connected(run) ? CLAMP(silent_ms, REACH_MS, DOWN_MS + AGAIN_MS) : REACH_MS;
}

/* One that is connected lives, and may only be slow: it is asked until its heartbeats are missed,
 * too. */
static void ask_down(struct dpl_run *run)
{
    int64_t left_ms = MAX(ASK_MS - dpl_run_elapsed_ms(run), REACH_MS);
    dpl_run_ask_site_soon(run, dpl_talk_question("state", run->set), reach_ms(run),
                          is_connected(run) ? left_ms : DOWN_MS, on_down);
}

void dpl_failover_release(struct dpl_run *run)
{
    if (dpl_failover_mode(dpl_run_options(run)) == DPL_FAILOVER_DOWN)
        ask_down(run);
    else
        ask_release(run);
}

static void look_released(struct dpl_run *run);

/* Whether a person, who was asked after all the waiting, has answered so. */
static bool person_answered(const struct dpl_run *run, const char *word)
{
    const struct dpl_doc *options = dpl_run_options(run);
    return dpl_doc_bool(options, "person_answered", false) &&
           g_strcmp0(dpl_doc_text(options, "then"), word) == 0;
}

/* The time is over in which the other site was to do something. */
static void too_late(struct dpl_run *run, const char *what, const char *question)
{
    const struct dpl_doc *options = dpl_run_options(run);
    const char *then = dpl_doc_text(options, "then");
    if (g_strcmp0(then, "abort") == 0) {
        dpl_doc_set_bool(run->doc, "abort", true);
        dpl_run_failf(run, DPL_E_TIMEOUT, "%s in the time that --wait gives", what);
    } else {
        dpl_run_wait(run, question, "%s in the time that --wait gives", what);
    }
}

/* Whether the other site went on by a higher number, by a person's word: it never lets go for ours.
 */
static bool goes_on_there(struct dpl_run *run, const struct dpl_doc *answer)
{
    int64_t generation = dpl_doc_int(answer, "generation", 0);
    const char *role = dpl_doc_text(answer, "role");
    if (generation <= dpl_run_generation(run))
        return false;
    dpl_run_failf(run, DPL_E_REFUSED,
                  "site \"%s\" is %s, by generation %lld: undo this, and begin anew",
                  dpl_restore_peer(run), role ? role : "?", (long long)generation);
    return true;
}

static void on_released(struct dpl_run *run, int rc, const struct dpl_doc *answer,
                        const struct dpl_err *err)
{
    int64_t wait_ms = 0;
    (void)dpl_failover_wait_ms(dpl_run_options(run), &wait_ms, NULL);
    bool stopped = dpl_doc_bool(answer, "stopped", false);
    if (rc == DPL_OK && stopped &&
        dpl_doc_int(answer, "released_for", 0) == dpl_run_generation(run)) {
        dpl_run_ok(run, "nothing of the set runs at site %s", dpl_restore_peer(run));
        return;
    }
    if (goes_on_there(run, answer))
        return;
    if (rc == DPL_OK)
        dpl_run_tell(run, "site %s is %s, and its services still stop", dpl_restore_peer(run),
                     dpl_doc_text(answer, "role") ? dpl_doc_text(answer, "role") : "?");
    else
        dpl_run_tell(run, "site %s does not answer: %s", dpl_restore_peer(run), err->text);
    if (dpl_run_stopped(run))
        return;
    if (dpl_run_elapsed_ms(run) < wait_ms && !person_answered(run, "abort"))
        dpl_run_later(run, AGAIN_MS, look_released);
    else
        too_late(run, "the services of the other site were not seen to stop", "--then=wait|abort");
}

static void look_released(struct dpl_run *run)
{
    ask_until(run, "stopped", on_released);
}

void dpl_failover_released(struct dpl_run *run)
{
    if (dpl_doc_bool(dpl_run_facts(run), "unreachable", false))
        dpl_run_ok(run, NULL);
    else
        look_released(run);
}

static int meet(struct dpl_run *run, struct dpl_doc *doc, struct dpl_err *err)
{
    return dpl_set_become(doc, DPL_SET_EVENT_MEET, dpl_doc_int(dpl_run_facts(run), "met", 0), err);
}

static void met(struct dpl_run *run, int rc, const struct dpl_doc *answer,
                const struct dpl_err *err)
{
    (void)answer;
    if (rc < 0)
        dpl_run_fail(run, err);
    else
        dpl_run_ok(run, "site %s serves again", dpl_restore_peer(run));
}

/* By which number, counts here from now on: the next failover goes above it. */
static void on_taken_back(struct dpl_run *run, int rc, const struct dpl_doc *answer,
                          const struct dpl_err *err)
{
    struct dpl_err why = *err;
    if (rc == DPL_OK) {
        dpl_doc_set_int(dpl_run_facts(run), "met", dpl_doc_int(answer, "generation", 0));
        dpl_run_edit_set(run, meet, met);
    } else if (is_down(run) && rc == DPL_E_UNREACHABLE) {
        dpl_run_ok(run, "site %s does not hear of it: where it comes back: doppel site confirm %s",
                   dpl_restore_peer(run), run->set);
    } else {
        dpl_err_context(&why,
                        "site does not take the set back; there: doppel site confirm; or, where it "
                        "is lost: doppel procedure undo --source-is-down --confirm=%s",
                        run->set);
        dpl_run_fail(run, &why);
    }
}

static void withdrawn(struct dpl_run *run, int rc, const struct dpl_doc *answer,
                      const struct dpl_err *err)
{
    (void)answer;
    if (rc < 0) {
        dpl_run_fail(run, err);
        return;
    }
    struct dpl_doc *ask = dpl_restore_question(run, "take_back");
    dpl_doc_set_bool(ask, "withdrawn", true);
    dpl_run_ask_site(run, ask, ASK_MS, on_taken_back);
}

/* The number is given up here first: only then may the other site have it back. One that was said
 * to be down from the beginning was never asked to let go; else it may have been. */
void dpl_failover_take_back(struct dpl_run *run)
{
    if (dpl_doc_bool(dpl_run_facts(run), "unreachable", false) &&
        !dpl_doc_bool(dpl_run_options(run), "down_later", false))
        dpl_run_ok(run, "nothing was asked of site %s", dpl_restore_peer(run));
    else
        dpl_run_edit_set(run, withdraw, withdrawn);
}

/* --- drain ------------------------------------------------------------------------------------ */

static void look_drained(struct dpl_run *run);

/* What it says that it has not sent, for the account. */
static void note_unsent(struct dpl_run *run, const struct dpl_doc *answer)
{
    int64_t bytes = dpl_doc_int(answer, "unsent_bytes", -1);
    if (bytes >= 0)
        dpl_doc_set_int(dpl_run_facts(run), "unsent_bytes", bytes);
}

static bool goes_without(const struct dpl_run *run)
{
    return g_strcmp0(dpl_doc_text(dpl_run_options(run), "then"), "immediate") == 0;
}

static void tell_unsent(struct dpl_run *run, const struct dpl_doc *answer)
{
    const char *here = run->daemon->settings.site;
    long long bytes = dpl_doc_int(answer, "unsent_bytes", -1);
    bool paused = dpl_doc_bool(answer, "paused", false);
    if (dpl_doc_bool(answer, "no_room", false))
        dpl_run_tell(run,
                     "site %s has no room for %lld bytes of site %s: %s%s there, or go on without "
                     "them by --then=immediate",
                     here, bytes, dpl_restore_peer(run), paused ? "doppel resume " : "make room",
                     paused ? run->set : "");
    else
        dpl_run_tell(run, "site %s has %lld bytes to send", dpl_restore_peer(run), bytes);
}

static void not_drained(struct dpl_run *run, const struct dpl_doc *answer)
{
    bool no_room = dpl_doc_bool(answer, "no_room", false);
    int64_t wait_ms = 0;
    (void)dpl_failover_wait_ms(dpl_run_options(run), &wait_ms, NULL);
    if (dpl_run_stopped(run))
        return;
    if (dpl_run_elapsed_ms(run) < wait_ms && !person_answered(run, "immediate") &&
        !person_answered(run, "abort")) {
        dpl_run_later(run, no_room ? NO_ROOM_MS : AGAIN_MS, look_drained);
    } else if (goes_without(run)) {
        note_unsent(run, answer);
        dpl_run_ok(run, "it goes on without: not all has come%s",
                   person_answered(run, "immediate") ? ", and that was accepted"
                                                     : " in the time that --wait gives");
    } else {
        g_autofree char *what =
            g_strdup_printf("not all that the other site wrote has come (%s)", run->text);
        too_late(run, what, "--then=wait|immediate|abort");
    }
}

static void on_drained(struct dpl_run *run, int rc, const struct dpl_doc *answer,
                       const struct dpl_err *err)
{
    const struct dpl_doc *end = dpl_doc_tree(answer, "end");
    bool immediate = dpl_failover_mode(dpl_run_options(run)) != DPL_FAILOVER_GRACEFUL;
    if (rc == DPL_OK && dpl_doc_bool(answer, "drained", false) && end) {
        dpl_doc_set(dpl_run_facts(run), "end", dpl_doc_copy(end));
        dpl_run_ok(run, "all that site %s wrote is here, to position %lld", dpl_restore_peer(run),
                   (long long)dpl_doc_int(end, "lsn", 0));
        return;
    }
    if (goes_on_there(run, answer))
        return;
    if (immediate) {
        note_unsent(run, answer);
        dpl_run_ok(run, "not waited for");
        return;
    }
    if (rc < 0)
        dpl_run_tell(run, "site %s does not answer: %s", dpl_restore_peer(run), err->text);
    else
        tell_unsent(run, answer);
    not_drained(run, answer);
}

static void look_drained(struct dpl_run *run)
{
    bool graceful = dpl_failover_mode(dpl_run_options(run)) == DPL_FAILOVER_GRACEFUL;
    ask_until(run, graceful ? "drained" : "", on_drained);
}

void dpl_failover_drain(struct dpl_run *run)
{
    if (is_down(run))
        dpl_run_ok(run, "not waited for: the other site is down");
    else
        look_drained(run);
}

/* --- cede ------------------------------------------------------------------------------------- */

static void on_cede(struct dpl_run *run, int rc, const struct dpl_doc *answer,
                    const struct dpl_err *err)
{
    struct dpl_err why = *err;
    (void)answer;
    if (rc == DPL_E_UNREACHABLE && is_down(run)) {
        dpl_run_ok(run, "the other site is down: it learns of it when it comes back");
    } else if (rc == DPL_E_UNREACHABLE) {
        dpl_err_context(&why,
                        "it is asked again by a resume; where it is lost: doppel procedure resume "
                        "--source-is-down --confirm=%s",
                        run->set);
        dpl_run_fail(run, &why);
    } else {
        dpl_run_ok_or_fail(run, rc, answer, err);
    }
}

void dpl_failover_cede(struct dpl_run *run)
{
    if (dpl_doc_bool(dpl_run_facts(run), "unreachable", false))
        dpl_run_ok(run, "the other site is down: it learns of it when it comes back");
    else
        dpl_run_ask_site(run, dpl_restore_question(run, "cede"), ASK_MS, on_cede);
}
