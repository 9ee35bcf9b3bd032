/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Failover: a source that is said to be down and is heard all the same, on whatever node of this
 * site, by a question or by a connection. That is noted in the set's document (failing_over:
 * heard_ms), and until this site serves the procedure stops there and asks.
 */
#include "daemon/parent/failover.h"

#include "daemon/parent/log.h"
#include "daemon/parent/set_edit.h"
#include "daemon/parent/talk.h"

#include <string.h>

enum { ASK_MS = 2000 };

static bool is_news(const struct dpl_doc *doc)
{
    const struct dpl_doc *pending = dpl_doc_tree(doc, "failing_over");
    return dpl_doc_bool(pending, "down", false) && !dpl_doc_get(pending, "heard_ms");
}

static int note(void *self, struct dpl_doc *doc, struct dpl_err *err)
{
    (void)self;
    (void)err;
    if (!is_news(doc))
        return 0;
    dpl_doc_set_int(dpl_doc_get_mutable(doc, "failing_over"), "heard_ms", g_get_real_time() / 1000);
    return 1;
}

static void noted(void *self, int rc, const struct dpl_err *err)
{
    (void)self;
    if (rc < 0)
        dpl_log(LOG_WARNING, "that a source was heard is not noted: %s", err->text);
}

void dpl_failover_heard(struct dpl_set *set)
{
    if (!is_news(set->doc) || set->daemon->stopping)
        return;
    dpl_log(LOG_WARNING, "set \"%s\": site \"%s\", which is said to be down, is heard", set->name,
            dpl_set_peer(set));
    dpl_set_edit(set->daemon, set->name, note, noted, NULL);
}

static void on_state(struct dpl_run *run, int rc, const struct dpl_doc *state,
                     const struct dpl_err *err)
{
    const char *role = dpl_doc_text(state, "role");
    const char *then = dpl_doc_text(dpl_run_options(run), "then");
    g_autofree char *says =
        rc < 0 ? g_strdup(err->text)
               : g_strdup_printf("it answers that it is %s%s", role ? role : "?",
                                 dpl_doc_bool(state, "held", false) ? ", and held back" : "");
    dpl_doc_set_bool(dpl_run_facts(run), "heard", true);
    if (g_strcmp0(then, "abort") == 0) {
        dpl_doc_set_bool(run->doc, "abort", true);
        dpl_run_failf(run, DPL_E_TIMEOUT, "the source was heard, which was said to be down (%s)",
                      says);
        return;
    }
    dpl_run_wait(run, "--then=immediate",
                 "the source was heard, which was said to be down (%s): an undo leaves it the "
                 "service, and what it alone has; going on takes both from it",
                 says);
}

void dpl_failover_unheard(struct dpl_run *run)
{
    const struct dpl_set *set = dpl_set_find(run->daemon, run->set);
    const struct dpl_doc *pending = set ? dpl_doc_tree(set->doc, "failing_over") : NULL;
    bool asked = dpl_doc_bool(dpl_run_facts(run), "heard", false);
    bool answered = dpl_doc_bool(dpl_run_facts(run), "source_answered", false);
    const char *then = dpl_doc_text(dpl_run_options(run), "then");
    if (!dpl_doc_get(pending, "heard_ms") || answered ||
        (asked && g_strcmp0(then, "immediate") == 0))
        dpl_run_ok(run, NULL);
    else
        dpl_run_ask_site(run, dpl_talk_question("state", run->set), ASK_MS, on_state);
}
