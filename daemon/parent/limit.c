/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * "limit": bandwidth by hand, in place of the configuration's until the daemon ends. The engine
 * hears it as a part of its start document, so that one which is started again keeps it.
 */
#include "daemon/parent/daemon.h"
#include "lib/base/units.h"
#include "lib/config/schedule.h"

static int read_limit(const struct dpl_doc *args, struct dpl_limit *limit_r, struct dpl_err *err)
{
    const char *bandwidth = dpl_doc_text(args, "bandwidth");
    const char *schedule = dpl_doc_text(args, "schedule");
    bool none = dpl_doc_bool(args, "none", false);
    struct dpl_schedule parsed;
    int rc = DPL_OK;
    *limit_r = (struct dpl_limit){.bytes = -1};
    if (none ? bandwidth || schedule : !bandwidth && !schedule)
        return dpl_err_set(err, DPL_E_USAGE,
                           "--bandwidth, --schedule, both, or --none alone is needed");
    if (bandwidth && (rc = dpl_units_size_bytes(bandwidth, &limit_r->bytes, err)) < 0)
        return dpl_err_context(err, "--bandwidth");
    if (schedule && (rc = dpl_schedule_parse(&parsed, schedule, err)) < 0) {
        dpl_err_context(err, "--schedule");
        return err->code = DPL_E_USAGE;
    }
    limit_r->schedule = g_strdup(schedule);
    return rc;
}

void dpl_limit_command(struct dpl_set *set, struct dpl_request *request)
{
    struct dpl_limit limit;
    struct dpl_err err = {0};
    if (read_limit(request->args, &limit, &err) < 0) {
        dpl_request_fail(request, &err);
        return;
    }
    g_free(set->limit.schedule);
    set->limit = limit;
    dpl_engine_refresh(set);
    dpl_request_done(request, NULL);
}
