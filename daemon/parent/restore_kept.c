/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Restore: the account of what only the other site had, and what never came here (kept.h). That it
 * cannot be had leaves the restore done.
 */
#include "daemon/parent/restore.h"
#include "daemon/parent/talk.h"

#include <string.h>

enum { ASK_MS = 20000, SILENT_MS = 60000, MOST_MS = 45 * 60 * 1000, RECORDED = 100 };

/* The record has their beginning; all of them stand in the file that it names. */
static void record(struct dpl_run *run, const struct dpl_doc *kept)
{
    struct dpl_doc *to = dpl_doc_set_tree(dpl_run_facts(run), "kept");
    const struct dpl_doc *files = dpl_doc_list(kept, "files");
    for (size_t i = 0; i < dpl_doc_count(kept); i++) {
        const struct dpl_doc *value = dpl_doc_at(kept, i);
        if (strcmp(dpl_doc_key(value), "files") != 0)
            dpl_doc_set(to, dpl_doc_key(value), dpl_doc_copy(value));
    }
    struct dpl_doc *list = dpl_doc_set_list(to, "files");
    for (size_t i = 0; i < dpl_doc_count(files) && i < RECORDED; i++) {
        const struct dpl_doc *row = dpl_doc_at(files, i);
        struct dpl_doc *copy = dpl_doc_add_tree(list);
        for (size_t k = 0; k < dpl_doc_count(row); k++)
            dpl_doc_set(copy, dpl_doc_key(dpl_doc_at(row, k)), dpl_doc_copy(dpl_doc_at(row, k)));
    }
}

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
        record(run, kept);
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
