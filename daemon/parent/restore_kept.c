/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Restore: the account of what only the other site had, and what never came here (kept.h). That it
 * cannot be had leaves the restore done.
 */
#include "daemon/parent/kept.h"
#include "daemon/parent/restore.h"
#include "daemon/parent/talk.h"

enum { ASK_MS = 20000, SILENT_MS = 60000, MOST_MS = 45 * 60 * 1000 };

static void no_account(struct dpl_run *run, const char *why)
{
    dpl_doc_set_text(dpl_run_facts(run), "warning", why);
    dpl_run_ok(run, "it is not known: %s", why);
}

static void on_kept(struct dpl_run *run, int rc, const struct dpl_doc *answer,
                    const struct dpl_err *err)
{
    const struct dpl_doc *kept = dpl_doc_tree(answer, "kept");
    const char *failed = dpl_doc_text(answer, "failed");
    if (rc == DPL_OK && kept) {
        dpl_doc_set(dpl_run_facts(run), "kept", dpl_kept_brief(kept));
        dpl_run_ok(run,
                   "%lld files that site %s alone has, or had otherwise%s; %lld of them never came",
                   (long long)dpl_doc_int(kept, "total", 0), dpl_restore_peer(run),
                   dpl_doc_bool(kept, "exact", false)   ? ""
                   : dpl_doc_int(kept, "unread", 0) > 0 ? ", as far as it could be read"
                                                        : ", at most",
                   (long long)dpl_doc_int(kept, "never_came", 0));
    } else if (rc == DPL_E_UNSUPPORTED || failed) {
        no_account(run, failed ? failed : err->text);
    } else if (dpl_run_elapsed_ms(run) > (rc < 0 ? SILENT_MS : MOST_MS)) {
        no_account(run, rc < 0 ? err->text : "it takes too long");
    } else {
        dpl_restore_wait(run, 0, dpl_restore_kept, "site %s %s", dpl_restore_peer(run),
                         rc < 0 ? err->text : "compares what it has kept");
    }
}

void dpl_restore_kept(struct dpl_run *run)
{
    dpl_run_ask_site(run, dpl_talk_question("kept", run->set), ASK_MS, on_kept);
}
