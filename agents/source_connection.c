/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * ocf:doppel:source-connection: a set is captured on this node, and sent to the other site.
 *
 * Start checks the role, asks doppeld to capture and connect, and waits for the capture alone. That
 * it runs is seen by the capture's page in shared memory: what is wrong with doppeld or the other
 * site degrades, and never restarts a service. Stop does not need doppeld
 * (source_connection_stop.c).
 */
#include "agents/source_connection.h"
#include "lib/client/claim.h"
#include "lib/client/role.h"
#include "lib/config/conf.h"
#include "lib/config/schedule.h"
#include "source-connection.metadata.h"
#include "source-connection.params.h"

#include "lib/base/units.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { START_MS = 90000, PATIENCE_MS = 5000, RELOAD_MS = 20000 };

static const char *text_of(const struct dpl_ocf_run *run, int index)
{
    return run->values[index].bad ? NULL : run->values[index].text;
}

struct dpl_doc *sc_arguments(const struct dpl_ocf_run *run)
{
    static const struct {
        int index;
        const char *key;
    } rows[] = {
        {SOURCE_CONNECTION_REPLICATION_SET, "set"},
        {SOURCE_CONNECTION_TARGET, "target"},
        {SOURCE_CONNECTION_ROUTE, "route"},
        {SOURCE_CONNECTION_MIRROR, "mirror"},
        {SOURCE_CONNECTION_ORPHANS, "orphans"},
        {SOURCE_CONNECTION_COMPRESSION, "compression"},
        {SOURCE_CONNECTION_BANDWIDTH, "bandwidth"},
        {SOURCE_CONNECTION_SCHEDULE, "schedule"},
        {SOURCE_CONNECTION_DURABILITY, "durability"},
        {SOURCE_CONNECTION_DURABILITY_POLICY, "durability_policy"},
    };
    static const struct {
        int index;
        const char *key;
    } times[] = {
        {SOURCE_CONNECTION_DURABILITY_TIMEOUT, "durability_timeout"},
        {SOURCE_CONNECTION_LAG_WARN, "lag_warn"},
        {SOURCE_CONNECTION_FLUSH_TIMEOUT, "flush_timeout"},
    };
    struct dpl_doc *args = dpl_doc_new();
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        if (text_of(run, rows[i].index))
            dpl_doc_set_text(args, rows[i].key, text_of(run, rows[i].index));
    for (size_t i = 0; i < G_N_ELEMENTS(times); i++)
        dpl_doc_set_format(args, times[i].key, "%lldms",
                           (long long)dpl_ocf_number(run, times[i].index));
    if (g_strcmp0(dpl_doc_text(args, "bandwidth"), "unlimited") == 0)
        dpl_doc_set_text(args, "bandwidth", "0");
    return args;
}

static int wrong(const struct dpl_ocf_run *run, int index, const char *expected,
                 struct dpl_err *err)
{
    return dpl_ocf_param_wrong(&run->agent->params[index], &run->values[index], expected, err);
}

/* HOST, HOST:PORT, [ADDRESS]:PORT, as far as it can be told without asking anybody. */
static bool is_route(const char *text)
{
    return text[0] && text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                        "0123456789.-:[]%_")] == '\0';
}

static int check(struct dpl_ocf_run *run, struct dpl_err *err)
{
    const char *route = text_of(run, SOURCE_CONNECTION_ROUTE);
    const char *bandwidth = text_of(run, SOURCE_CONNECTION_BANDWIDTH);
    const char *schedule = text_of(run, SOURCE_CONNECTION_SCHEDULE);
    struct dpl_schedule parsed;
    int64_t bytes;
    if (!dpl_conf_name_ok(text_of(run, SOURCE_CONNECTION_REPLICATION_SET)))
        return wrong(run, SOURCE_CONNECTION_REPLICATION_SET,
                     "a set's name: letters, digits, \"_\" and \"-\", at most 32", err);
    if (!dpl_conf_name_ok(text_of(run, SOURCE_CONNECTION_TARGET)))
        return wrong(run, SOURCE_CONNECTION_TARGET,
                     "a site's name: letters, digits, \"_\" and \"-\", at most 32", err);
    if (route && !is_route(route))
        return wrong(run, SOURCE_CONNECTION_ROUTE, "an address or a host's name, or one with :PORT",
                     err);
    if (strcmp(bandwidth, "unlimited") != 0 && dpl_units_size_bytes(bandwidth, &bytes, NULL) < 0)
        return wrong(run, SOURCE_CONNECTION_BANDWIDTH, "bytes a second as 2M, or unlimited", err);
    if (schedule && dpl_schedule_parse(&parsed, schedule, NULL) < 0)
        return wrong(run, SOURCE_CONNECTION_SCHEDULE,
                     "entries as \"Mon-Fri 08:00-18:00=2M\", divided by semicolons", err);
    return DPL_OK;
}

/* What must hold on this node before anything is done. */
static int check_here(const struct dpl_ocf_run *run, const struct host *host,
                      struct dpl_role_now *now, struct dpl_err *err)
{
    const char *set = dpl_ocf_text(run, SOURCE_CONNECTION_REPLICATION_SET);
    const char *target = dpl_ocf_text(run, SOURCE_CONNECTION_TARGET);
    if (strcmp(host->site, target) == 0)
        return dpl_err_set(err, DPL_E_PARAM_HERE, "parameter target=\"%s\" is this site", target);
    return dpl_role_want(host->state_dir, set, DPL_ROLE_SERVING, now, err);
}

static int ask(struct dpl_ocf_run *run, int64_t timeout_ms, struct dpl_err *err)
{
    g_autoptr(dpl_doc_auto) args = sc_arguments(run);
    int64_t patience_ms = MIN(timeout_ms / 10, PATIENCE_MS);
    dpl_ocf_step(&run->steps, "waiting for doppeld to capture the set");
    int rc = ask_daemon("connection start", args, patience_ms, timeout_ms * 8 / 10, NULL, err);
    return ask_no_daemon(rc, err);
}

static int start_here(struct dpl_ocf_run *run, const struct host *host, struct dpl_err *err)
{
    const char *set = dpl_ocf_text(run, SOURCE_CONNECTION_REPLICATION_SET);
    struct dpl_role_now now;
    struct ask_state state;
    int rc = check_here(run, host, &now, err);
    if (rc == DPL_OK)
        rc = dpl_claim_take(host->run_dir, set, DPL_CLAIM_SERVICE, run->instance, err);
    if (rc < 0)
        return rc;
    ask_state_read(run, &state);
    g_strlcpy(state.set, set, sizeof state.set);
    g_strlcpy(state.run_dir, host->run_dir, sizeof state.run_dir);
    rc = ask_state_write(&state, err); /* from here on a stop knows what to end */
    if (rc == DPL_OK && sc_detached(set))
        dpl_ocf_log(run, "WARNING",
                    "set \"%s\" is detached: its services start upon the plain directories, and "
                    "nothing is recorded or sent until doppel emergency attach %s",
                    set, set);
    else if (rc == DPL_OK)
        rc = ask(run, run->timeout_ms > 0 ? run->timeout_ms : START_MS, err);
    if (rc < 0)
        return rc;
    state.started = true;
    rc = ask_state_write(&state, err);
    if (rc == DPL_OK)
        sc_hooks(run, host, "online", set, now.generation);
    return rc;
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

static int reload_agent(struct dpl_ocf_run *run, struct dpl_err *err)
{
    const char *set = dpl_ocf_text(run, SOURCE_CONNECTION_REPLICATION_SET);
    struct ask_state state;
    ask_state_read(run, &state);
    if (!state.started || strcmp(state.set, set) != 0)
        return dpl_err_set(err, DPL_E_NOT_RUNNING, "set \"%s\" is not captured on this node", set);
    return ask(run, run->timeout_ms > 0 ? run->timeout_ms : RELOAD_MS, err);
}

/* Level 0 is the frame's check of the parameters; from 10 on this host counts. */
static int validate(struct dpl_ocf_run *run, struct dpl_err *err)
{
    struct dpl_role_now now;
    struct host host;
    if (run->level < 10)
        return DPL_OK;
    int rc = host_read(&host, err);
    if (rc == DPL_OK && access("/dev/fuse", F_OK) != 0)
        rc = dpl_err_set(err, DPL_E_NOT_INSTALLED, "there is no /dev/fuse on this node");
    if (rc == DPL_OK)
        rc = check_here(run, &host, &now, err);
    host_done(&host);
    return rc == DPL_E_REFUSED ? DPL_OK : rc; /* the role is a matter of the moment */
}

static const struct dpl_ocf_action actions[] = {
    {.name = "start", .run = start},
    {.name = "stop", .run = sc_stop, .lenient = true},
    {.name = "monitor", .run = sc_monitor, .probe = sc_probe},
    {.name = "reload-agent", .run = reload_agent},
    {.name = "validate-all", .run = validate},
    {0},
};

static const struct dpl_ocf_agent agent = {
    .name = "source-connection",
    .metadata = source_connection_metadata,
    .params = source_connection_params,
    .param_count = SOURCE_CONNECTION_PARAMS,
    .actions = actions,
    .check = check,
};

int main(int argc, char **argv)
{
    return dpl_ocf_main(&agent, argc, argv);
}
