/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Failover: the services are asked as clients do, by doppel-probe, and the last hooks run. What
 * fails here leaves the failover done, but degraded.
 */
#include "daemon/parent/failover.h"

#include "daemon/parent/probe.h"

#include <string.h>

enum { PROBE_MS = 30000, AGAIN_MS = 500 };

static void look(struct dpl_run *run);

static void degraded(struct dpl_run *run, const char *key, const char *text)
{
    struct dpl_doc *facts = dpl_run_facts(run);
    dpl_doc_set_bool(facts, "degraded", true);
    dpl_doc_set_text(facts, key, text);
}

static void on_probed(struct dpl_run *run, int rc, const struct dpl_doc *answer,
                      const struct dpl_err *err)
{
    (void)answer;
    if (rc == DPL_OK) {
        dpl_run_ok(run, "%zu services answer",
                   dpl_doc_count(dpl_doc_list(dpl_run_facts(run), "points")));
    } else if (dpl_run_elapsed_ms(run) < PROBE_MS) {
        dpl_run_tell(run, "%s", err->text);
        dpl_run_later(run, AGAIN_MS, look);
    } else {
        degraded(run, "probe", err->text);
        dpl_run_ok(run, "not all answer: %s", err->text);
    }
}

static void look(struct dpl_run *run)
{
    dpl_run_probe(run, dpl_doc_list(dpl_run_facts(run), "points"), on_probed);
}

void dpl_failover_probe(struct dpl_run *run)
{
    if (dpl_doc_count(dpl_doc_list(dpl_run_facts(run), "points")) > 0)
        look(run);
    else
        dpl_run_ok(run, "no service of this set is known to be asked");
}

static void on_hooks(struct dpl_run *run, int rc, const struct dpl_doc *answer,
                     const struct dpl_err *err)
{
    (void)answer;
    if (rc < 0)
        degraded(run, "warning", err->text);
    dpl_run_ok(run, "%s", rc < 0 ? err->text : "");
}

void dpl_failover_post(struct dpl_run *run)
{
    dpl_run_hooks(run, "post-failover", true, on_hooks);
}
