/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * ocf:doppel:replica: the right to write a set's replica on this node.
 *
 * The right is a claim that excludes the set's services here, and what doppeld was asked for; the
 * writer is doppeld's engine, which holds a lock beside the replica as long as it lives. So a stop
 * can see, without doppeld, whether anybody still writes.
 */
#include "agents/replica.h"
#include "lib/client/claim.h"
#include "lib/client/role.h"
#include "lib/config/conf.h"
#include "replica.metadata.h"
#include "replica.params.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

enum { START_MS = 60000, STOP_MS = 30000, PATIENCE_MS = 5000, ASK_MS = 3000 };

static int wrong(const struct dpl_ocf_run *run, int index, const char *expected,
                 struct dpl_err *err)
{
    return dpl_ocf_param_wrong(&run->agent->params[index], &run->values[index], expected, err);
}

/* 8-4-4-4-12 hexadecimal digits. */
static bool is_uuid(const char *text)
{
    size_t n = 0;
    for (; text[n]; n++) {
        bool dash = n == 8 || n == 13 || n == 18 || n == 23;
        if (n >= 36 || (dash ? text[n] != '-' : !isxdigit((unsigned char)text[n])))
            return false;
    }
    return n == 36;
}

static int check(struct dpl_ocf_run *run, struct dpl_err *err)
{
    if (!dpl_conf_name_ok(dpl_ocf_text(run, REPLICA_REPLICATION_SET)))
        return wrong(run, REPLICA_REPLICATION_SET,
                     "a set's name: letters, digits, \"_\" and \"-\", at most 32", err);
    if (!is_uuid(dpl_ocf_text(run, REPLICA_DEVICE)))
        return wrong(run, REPLICA_DEVICE, "the UUID of a file system, as blkid shows it", err);
    return DPL_OK;
}

static int ask(struct dpl_ocf_run *run, int64_t timeout_ms, struct dpl_doc **result_r,
               struct dpl_err *err)
{
    g_autoptr(dpl_doc_auto) args = dpl_doc_new();
    int64_t patience_ms = MIN(timeout_ms / 10, PATIENCE_MS);
    dpl_doc_set_text(args, "set", dpl_ocf_text(run, REPLICA_REPLICATION_SET));
    dpl_doc_set_text(args, "device", dpl_ocf_text(run, REPLICA_DEVICE));
    dpl_doc_set_format(args, "lag_warn", "%" PRId64 "ms", dpl_ocf_number(run, REPLICA_LAG_WARN));
    dpl_ocf_step(&run->steps, "waiting for doppeld to open the replica");
    int rc = ask_daemon("replica start", args, patience_ms, timeout_ms * 8 / 10, result_r, err);
    return ask_no_daemon(rc, err);
}

static int start_here(struct dpl_ocf_run *run, const struct host *host, struct dpl_err *err)
{
    const char *set = dpl_ocf_text(run, REPLICA_REPLICATION_SET);
    g_autoptr(dpl_doc_auto) result = NULL;
    struct ask_state state;
    int rc = dpl_role_want(host->state_dir, set, DPL_ROLE_STANDBY, NULL, err);
    if (rc == DPL_OK)
        rc = dpl_claim_take(host->run_dir, set, DPL_CLAIM_REPLICA, run->instance, err);
    if (rc < 0)
        return rc;
    ask_state_read(run, &state);
    g_strlcpy(state.set, set, sizeof state.set);
    g_strlcpy(state.run_dir, host->run_dir, sizeof state.run_dir);
    rc = ask_state_write(&state, err); /* from here on a stop knows what to end */
    if (rc == DPL_OK)
        rc = ask(run, run->timeout_ms > 0 ? run->timeout_ms : START_MS, &result, err);
    if (rc < 0)
        return rc;
    const char *reserve = dpl_doc_text(result, "reserve");
    g_strlcpy(state.reserve, reserve ? reserve : "", sizeof state.reserve);
    state.started = true;
    return ask_state_write(&state, err);
}

static int start(struct dpl_ocf_run *run, struct dpl_err *err)
{
    struct host host;
    dpl_ocf_step(&run->steps, "reading configuration and role");
    int rc = host_read(&host, err);
    if (rc == DPL_OK)
        rc = start_here(run, &host, err);
    host_done(&host);
    return rc;
}

/* doppeld first; whoever writes after that is ended from here. */
static int stop_set(struct dpl_ocf_run *run, const char *set, const char *run_dir,
                    const struct ask_state *state, struct dpl_err *err)
{
    int64_t ms = run->timeout_ms > 0 ? run->timeout_ms : STOP_MS;
    g_autoptr(dpl_doc_auto) args = dpl_doc_new();
    struct dpl_err why = {0};
    dpl_doc_set_text(args, "set", set);
    ask_forget(run_dir, set);
    dpl_ocf_step(&run->steps, "waiting for doppeld to close the replica");
    if (ask_daemon("replica stop", args, 0, ms / 2, NULL, &why) < 0)
        dpl_ocf_log(run, "WARNING", "stopping without doppeld: %s", why.text);
    dpl_ocf_step(&run->steps, "ending who still writes the replica");
    int rc = state->reserve[0] ? replica_end_writer(state->reserve, set, ms / 4, err) : DPL_OK;
    return rc < 0 ? rc : dpl_claim_drop(run_dir, set, DPL_CLAIM_REPLICA, run->instance, err);
}

static int stop(struct dpl_ocf_run *run, struct dpl_err *err)
{
    const struct dpl_ocf_value *given = &run->values[REPLICA_REPLICATION_SET];
    struct ask_state state;
    struct host host;
    struct dpl_err why = {0};
    int rc = DPL_OK;
    ask_state_read(run, &state);
    if (host_read(&host, &why) < 0)
        dpl_ocf_log(run, "WARNING", "%s", why.text);
    const char *set = state.set[0] ? state.set : given->bad ? NULL : given->text;
    if (set && strchr(set, '/') == NULL)
        rc = stop_set(run, set, state.run_dir[0] ? state.run_dir : host.run_dir, &state, err);
    host_done(&host);
    return rc < 0 ? rc : dpl_ocf_state_remove(state.path, err);
}

static int degraded(struct dpl_err *err, const char *set, const char *what, const char *more)
{
    return dpl_err_set(err, DPL_E_DEGRADED, "the replica of set \"%s\" is here; %s%s%s", set, what,
                       more ? ": " : "", more ? more : "");
}

static int judge(const struct dpl_ocf_run *run, const char *set, const struct dpl_doc *status,
                 struct dpl_err *err)
{
    const struct dpl_doc *engine = dpl_doc_tree(dpl_doc_tree(status, "engine"), "status");
    const char *wrong_text = dpl_doc_text(status, "wrong");
    int64_t lag_ms = dpl_doc_int(engine, "lag_ms", 0);
    if (g_strcmp0(dpl_doc_text(engine, "state"), "closed") == 0)
        return dpl_err_set(err, DPL_E_FAILED, "the replica of set \"%s\" is closed: %s", set,
                           wrong_text ? wrong_text : "see the log");
    if (dpl_doc_bool(status, "disconnected_by_hand", false))
        return degraded(err, set, "it was disconnected by hand (doppel connect ends that)", NULL);
    bool lasts = ask_lasts(status);
    if (!dpl_doc_bool(status, "connected", false) && lasts)
        return degraded(err, set, "its source is not connected", wrong_text);
    if (dpl_doc_bool(engine, "paused", false))
        return degraded(err, set, "it was paused by hand (doppel resume ends that)", NULL);
    if (lag_ms > dpl_ocf_number(run, REPLICA_LAG_WARN)) {
        g_autofree char *text =
            g_strdup_printf("%" PRId64 ".%" PRId64 " s", lag_ms / 1000, lag_ms % 1000 / 100);
        return degraded(err, set, "it is older than lag_warn", text);
    }
    if (!dpl_doc_bool(engine, "consistent", false) && lasts)
        return degraded(err, set, "it is not consistent", wrong_text);
    return DPL_OK;
}

static int monitor(struct dpl_ocf_run *run, struct dpl_err *err)
{
    const char *set = dpl_ocf_text(run, REPLICA_REPLICATION_SET);
    int64_t ask_ms = run->timeout_ms > 0 ? MIN(run->timeout_ms / 3, ASK_MS) : ASK_MS;
    g_autoptr(dpl_doc_auto) status = NULL;
    struct dpl_err why = {0};
    struct ask_state state;
    ask_state_read(run, &state);
    if (!state.started || strcmp(state.set, set) != 0)
        return dpl_err_set(err, DPL_E_NOT_RUNNING,
                           "this node has no right to write the replica of set \"%s\"", set);
    dpl_ocf_step(&run->steps, "asking doppeld");
    if (ask_status(set, ask_ms, &status, &why) < 0)
        return degraded(err, set, why.text, NULL);
    if (dpl_doc_bool(status, "asked", false))
        return judge(run, set, status, err);
    dpl_ocf_step(&run->steps, "asking doppeld again");
    if (ask(run, ask_ms, NULL, &why) < 0)
        return degraded(err, set, "doppeld does not take it up again", why.text);
    dpl_ocf_log(run, "WARNING", "doppeld did not know of the replica: it was asked again");
    return DPL_OK;
}

static int probe(struct dpl_ocf_run *run, struct dpl_err *err)
{
    struct ask_state state;
    ask_state_read(run, &state);
    if (state.set[0])
        return DPL_OK;
    return dpl_err_set(err, DPL_E_NOT_RUNNING, "no replica was started here");
}

static int reload_agent(struct dpl_ocf_run *run, struct dpl_err *err)
{
    const char *set = dpl_ocf_text(run, REPLICA_REPLICATION_SET);
    struct ask_state state;
    ask_state_read(run, &state);
    if (!state.started || strcmp(state.set, set) != 0)
        return dpl_err_set(err, DPL_E_NOT_RUNNING,
                           "this node has no right to write the replica of set \"%s\"", set);
    return ask(run, run->timeout_ms > 0 ? run->timeout_ms : STOP_MS, NULL, err);
}

/* Level 0 is the frame's check of the parameters; from 10 on this host counts. */
static int validate(struct dpl_ocf_run *run, struct dpl_err *err)
{
    struct dpl_role_now now;
    struct host host;
    if (run->level < 10)
        return DPL_OK;
    int rc = host_read(&host, err);
    if (rc == DPL_OK)
        rc = dpl_role_read(host.state_dir, dpl_ocf_text(run, REPLICA_REPLICATION_SET), &now, err);
    host_done(&host);
    return rc;
}

static const struct dpl_ocf_action actions[] = {
    {.name = "start", .run = start},
    {.name = "stop", .run = stop, .lenient = true},
    {.name = "monitor", .run = monitor, .probe = probe},
    {.name = "reload-agent", .run = reload_agent},
    {.name = "validate-all", .run = validate},
    {0},
};

static const struct dpl_ocf_agent agent = {
    .name = "replica",
    .metadata = replica_metadata,
    .params = replica_params,
    .param_count = REPLICA_PARAMS,
    .actions = actions,
    .check = check,
};

int main(int argc, char **argv)
{
    return dpl_ocf_main(&agent, argc, argv);
}
