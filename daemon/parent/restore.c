/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/parent/restore.h"

#include "daemon/parent/set_become.h"
#include "daemon/parent/set_doc.h"
#include "daemon/parent/talk.h"

#include <string.h>

enum { ASK_MS = 20000, STANDS_BY_MS = 120000 };

/* --- ask -------------------------------------------------------------------------------------- */

int dpl_restore_judge(const struct dpl_set *set, const struct dpl_doc *state, int64_t generation,
                      struct dpl_err *err)
{
    if (g_strcmp0(dpl_doc_text(state, "role"), "serving") != 0)
        return DPL_OK;
    return dpl_err_set(
        err, DPL_E_REFUSED,
        "site \"%s\" serves set \"%s\" too (generation %lld, here %lld): it has to be "
        "superseded first",
        dpl_set_peer(set), set->name, (long long)dpl_doc_int(state, "generation", 0),
        (long long)generation);
}

static void on_look(struct dpl_run *run, int rc, const struct dpl_doc *state,
                    const struct dpl_err *err)
{
    dpl_restore_looked(run, rc, state, err, dpl_restore_judge);
}

static void look(struct dpl_run *run)
{
    dpl_run_ask_site(run, dpl_talk_question("state", run->set), ASK_MS, on_look);
}

/* --- standby ---------------------------------------------------------------------------------- */

static void stand_by(struct dpl_run *run)
{
    dpl_run_ask_site(run, dpl_restore_standby_question(run), ASK_MS, dpl_run_ok_or_fail);
}

static void stands_by(struct dpl_run *run);

static void on_stands_by(struct dpl_run *run, int rc, const struct dpl_doc *state,
                         const struct dpl_err *err)
{
    const char *role = dpl_doc_text(state, "role");
    if (rc == DPL_OK && g_strcmp0(role, "standby") == 0)
        dpl_run_ok(run, "site %s stands by, generation %lld", dpl_restore_peer(run),
                   (long long)dpl_doc_int(state, "generation", 0));
    else if (rc < 0)
        dpl_restore_wait(run, STANDS_BY_MS, stands_by, "site %s does not answer: %s",
                         dpl_restore_peer(run), err->text);
    else
        dpl_run_failf(run, DPL_E_FAILED, "site \"%s\" is %s", dpl_restore_peer(run),
                      role ? role : "?");
}

static void stands_by(struct dpl_run *run)
{
    dpl_run_ask_site(run, dpl_talk_question("state", run->set), ASK_MS, on_stands_by);
}

/* --- connect ---------------------------------------------------------------------------------- */

static int want_connection(struct dpl_run *run, struct dpl_doc *doc, struct dpl_err *err)
{
    (void)run;
    (void)err;
    dpl_set_doc_connect(doc);
    return 1;
}

static void connect_it(struct dpl_run *run)
{
    dpl_run_edit_set(run, want_connection, dpl_run_ok_or_fail);
}

/* --- equal ------------------------------------------------------------------------------------ */

static void equal(struct dpl_run *run);

static char *progress(const struct dpl_run *run)
{
    const struct dpl_set *set = dpl_set_find(run->daemon, run->set);
    const struct dpl_doc *mirror = set ? dpl_doc_tree(set->status, "mirror") : NULL;
    if (!set || !dpl_child_running(set->engine))
        return g_strdup("");
    if (set->last_error[0])
        return g_strdup_printf(": %s", set->last_error);
    if (!mirror)
        return g_strdup_printf(": %s", dpl_set_state_text(set->state));
    return g_strdup_printf(": %lld objects compared", (long long)dpl_doc_int(mirror, "objects", 0));
}

static void on_equal(struct dpl_run *run, int rc, const struct dpl_doc *state,
                     const struct dpl_err *err)
{
    const char *role = dpl_doc_text(state, "role");
    const struct dpl_set *set = dpl_set_find(run->daemon, run->set);
    g_autofree char *how = progress(run);
    g_autofree char *unknown = set && rc == DPL_OK ? dpl_restore_unknown(set, state) : NULL;
    if (rc < 0)
        dpl_restore_wait(run, 0, equal, "site %s does not answer: %s", dpl_restore_peer(run),
                         err->text);
    else if (g_strcmp0(role, "standby") != 0)
        dpl_run_failf(run, DPL_E_FAILED, "site \"%s\" does not stand by any more: it is %s",
                      dpl_restore_peer(run), role ? role : "?");
    else if (dpl_restore_is_equal(state))
        dpl_run_ok(run,
                   "site %s equals this one; what it had for itself is kept there: doppel orphans "
                   "%s list",
                   dpl_restore_peer(run), run->set);
    else if (unknown)
        dpl_restore_wait(run, 0, equal, "%s", unknown);
    else
        dpl_restore_wait(run, 0, equal, "site %s is made equal%s", dpl_restore_peer(run), how);
}

static void equal(struct dpl_run *run)
{
    dpl_run_ask_site(run, dpl_talk_question("state", run->set), ASK_MS, on_equal);
}

/* --- post ------------------------------------------------------------------------------------- */

static void on_post(struct dpl_run *run, int rc, const struct dpl_doc *answer,
                    const struct dpl_err *err)
{
    (void)answer;
    if (rc < 0)
        dpl_doc_set_text(dpl_run_facts(run), "warning", err->text);
    dpl_run_ok(run, "%s", rc < 0 ? err->text : "");
}

static void post(struct dpl_run *run)
{
    dpl_run_hooks(run, "post-restore", true, on_post);
}

/* ---------------------------------------------------------------------------------------------- */

static const struct dpl_run_step steps[] = {
    {"ask", "see that the other site does not serve", false, NULL, look, NULL, NULL},
    {"standby", "let the other site stand by: nothing of the set runs there but its replica", true,
     NULL, stand_by, stands_by, NULL},
    {"connect", "replicate to it", true, NULL, connect_it, NULL, NULL},
    {"equal",
     "wait until it equals this site; what it has for itself is kept there, beside the roots, and "
     "listed",
     true, NULL, NULL, equal, NULL},
    {"account", "list what only the other site has, and what of it never came here", true, NULL,
     NULL, dpl_restore_kept, NULL},
    {"post", "run the programs of hooks.d/post-restore.d; one that fails warns", true, NULL, post,
     NULL, NULL},
};

const struct dpl_run_kind dpl_restore_kind = {"restore", steps, G_N_ELEMENTS(steps)};

void dpl_restore_command(struct dpl_set *set, struct dpl_request *request)
{
    if (dpl_doc_bool(request->args, "discard_target", false))
        dpl_discard_command(set, request);
    else
        dpl_restore_begin(set, &dpl_restore_kind, dpl_doc_int(set->doc, "generation", 0),
                          dpl_restore_judge, request);
}
