/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * ocf:doppel:network-name: the virtual server's name in the DNS, and on request the host's own.
 *
 * That it runs here is a file beneath /run: the records are the same wherever it runs. Start and
 * monitor make the zones hold what they should. What fails there fails the action with require_dns
 * alone; else start warns and monitor answers "degraded". Stop gives back the host's name, which
 * must succeed, and removes the records if it was asked to, which need not. Each has a share of its
 * timeout for the DNS, so a server that is silent never takes it all.
 */
#include "agents/network_name_dns.h"
#include "agents/network_name_host.h"
#include "network-name.metadata.h"
#include "network-name.params.h"

#include <string.h>

enum {
    BUDGET_MS = 10000, /* without a timeout, and at most */
    STOP_BUDGET_MS = 5000,
};

static int64_t share_ms(const struct dpl_ocf_run *run, int part, int64_t most_ms)
{
    int64_t share = run->timeout_ms / part;
    return share > 0 && share < most_ms ? share : most_ms;
}

/* Makes the zones hold what is wanted: 1 when something was changed. */
static int settle(struct dpl_ocf_run *run, const struct nn_want *want, struct nn_state *state,
                  struct dpl_err *err)
{
    struct nn_dns nn;
    dpl_ocf_step(&run->steps, "reading the name of the site");
    int code = nn_site_read(state->site, err);
    if (code < 0)
        return code;
    code = nn_dns_open(&nn, run, want, state, share_ms(run, 2, BUDGET_MS), err);
    if (code == DPL_OK)
        code = nn_dns_register(&nn, err);
    nn_dns_close(&nn);
    return code;
}

/* What a failure to register means for start: nothing, but with require_dns. */
static int forgive(struct dpl_ocf_run *run, const struct nn_want *want, int code,
                   struct dpl_err *err)
{
    if (code >= 0)
        return DPL_OK;
    if (want->require_dns)
        return code;
    dpl_ocf_log(run, "WARNING", "%s is not registered: %s", want->host, err->text);
    *err = (struct dpl_err){0};
    return DPL_OK;
}

static int start(struct dpl_ocf_run *run, struct dpl_err *err)
{
    struct nn_want want;
    struct nn_state state;
    int code = nn_want_read(run, true, &want, err);
    if (code < 0) {
        nn_want_done(&want);
        return code;
    }
    nn_state_read(run, want.host, &state);
    memcpy(state.host, want.host, sizeof state.host);
    if (want.set_hostname)
        code = nn_host_check(want.host, err);
    if (code == DPL_OK)
        code = nn_state_write(&state, err);
    if (code == DPL_OK)
        code = forgive(run, &want, settle(run, &want, &state, err), err);
    dpl_ocf_step(&run->steps, "naming the host");
    if (code == DPL_OK && want.set_hostname && !state.hostname_new[0])
        code = nn_host_take(want.host, &state, err);
    state.started = true;
    if (code == DPL_OK)
        code = nn_state_write(&state, err);
    nn_state_done(&state);
    nn_want_done(&want);
    return code;
}

/* Removes the records; what fails here is told and forgotten. */
static void unregister(struct dpl_ocf_run *run, struct nn_want *want, struct nn_state *state)
{
    struct nn_dns nn;
    struct dpl_err why = {0};
    if (state->rrs.count == 0)
        return; /* nothing was sent */
    int code = nn_dns_open(&nn, run, want, state, share_ms(run, 3, STOP_BUDGET_MS), &why);
    if (code == DPL_OK)
        code = nn_dns_unregister(&nn, &why);
    if (code < 0)
        dpl_ocf_log(run, "WARNING", "the records of %s stay: %s", state->host, why.text);
    nn_dns_close(&nn);
}

static int stop(struct dpl_ocf_run *run, struct dpl_err *err)
{
    struct nn_want want;
    struct nn_state state;
    (void)nn_want_read(run, false, &want, NULL);
    nn_state_read(run, want.host, &state);
    dpl_ocf_step(&run->steps, "giving back the host's name");
    const char *differs = nn_host_differs(&state);
    if (differs)
        dpl_ocf_log(run, "WARNING", "the host is named %s by now: that stays", differs);
    int code = nn_host_give_back(&state, err);
    if (code >= 0 && want.unregister_on_stop && state.host[0])
        unregister(run, &want, &state);
    dpl_ocf_step(&run->steps, "removing the state");
    if (code >= 0)
        code = dpl_ocf_state_remove(state.path, err);
    nn_state_done(&state);
    nn_want_done(&want);
    return code;
}

static int not_running(const struct nn_want *want, struct dpl_err *err)
{
    return dpl_err_set(err, DPL_E_NOT_RUNNING, "%s was not started on this node", want->host);
}

/* What is wrong without being a reason to restart what serves. */
static int degraded(const struct nn_want *want, int code, struct dpl_err *err)
{
    if (code >= 0 || want->require_dns)
        return code;
    struct dpl_err why = *err;
    return dpl_err_set(err, DPL_E_DEGRADED, "%s is not registered as it should be: %s", want->host,
                       why.text);
}

static int inspect(struct dpl_ocf_run *run, const struct nn_want *want, struct nn_state *state,
                   struct dpl_err *err)
{
    int code = settle(run, want, state, err);
    if (code > 0)
        dpl_ocf_log(run, "WARNING", "%s was not registered as it should be: it is again",
                    want->host);
    code = degraded(want, code, err);
    const char *differs = code >= 0 ? nn_host_differs(state) : NULL;
    if (differs)
        return dpl_err_set(err, DPL_E_DEGRADED,
                           "the host was given the name %s, and somebody else named it %s",
                           state->hostname_new, differs);
    return code < 0 ? code : DPL_OK;
}

static int monitor(struct dpl_ocf_run *run, struct dpl_err *err)
{
    struct nn_want want;
    struct nn_state state;
    int code = nn_want_read(run, true, &want, err);
    if (code == DPL_OK) {
        nn_state_read(run, want.host, &state);
        bool here = state.started && strcmp(state.host, want.host) == 0;
        code = here ? inspect(run, &want, &state, err) : not_running(&want, err);
        nn_state_done(&state);
    }
    nn_want_done(&want);
    return code;
}

/* Whether it runs here: no more than the name counts, and nothing is asked. */
static int probe(struct dpl_ocf_run *run, struct dpl_err *err)
{
    struct nn_want want;
    struct nn_state state;
    (void)nn_want_read(run, false, &want, NULL);
    nn_state_read(run, want.host, &state);
    bool here = state.started && (!want.host[0] || strcmp(state.host, want.host) == 0);
    int code = here ? DPL_OK : not_running(&want, err);
    nn_state_done(&state);
    nn_want_done(&want);
    return code;
}

static int reload_agent(struct dpl_ocf_run *run, struct dpl_err *err)
{
    struct nn_want want;
    struct nn_state state;
    int code = nn_want_read(run, true, &want, err);
    if (code == DPL_OK) {
        nn_state_read(run, want.host, &state);
        code = state.started ? forgive(run, &want, settle(run, &want, &state, err), err)
                             : not_running(&want, err);
        nn_state_done(&state);
    }
    nn_want_done(&want);
    return code;
}

/* Level 0 is the frame's check of the parameters; 10 looks at this host, 20 at the DNS. */
static int validate_here(struct dpl_ocf_run *run, const struct nn_want *want, struct dpl_err *err)
{
    struct nn_state state;
    struct nn_dns nn;
    nn_state_read(run, want->host, &state);
    int code = want->set_hostname ? nn_host_check(want->host, err) : DPL_OK;
    if (code == DPL_OK)
        code = nn_site_read(state.site, err);
    if (code == DPL_OK && run->level >= 20) {
        code = nn_dns_open(&nn, run, want, &state, share_ms(run, 2, BUDGET_MS), err);
        if (code == DPL_OK)
            code = nn_dns_try(&nn, err);
        nn_dns_close(&nn);
    } else if (code == DPL_OK) {
        struct nn_want only = *want;
        only.servers = NULL; /* whose names are for level 20 to find */
        code = nn_dns_open(&nn, run, &only, &state, 0, err);
        nn_dns_close(&nn);
    }
    nn_state_done(&state);
    return code;
}

static int validate_all(struct dpl_ocf_run *run, struct dpl_err *err)
{
    struct nn_want want;
    int code = nn_want_read(run, true, &want, err);
    if (code == DPL_OK && run->level >= 10)
        code = validate_here(run, &want, err);
    nn_want_done(&want);
    return code;
}

static const struct dpl_ocf_action actions[] = {
    {.name = "start", .run = start},
    {.name = "stop", .run = stop, .lenient = true},
    {.name = "monitor", .run = monitor, .probe = probe},
    {.name = "reload-agent", .run = reload_agent},
    {.name = "validate-all", .run = validate_all},
    {.name = NULL},
};

static const struct dpl_ocf_agent agent = {
    .name = "network-name",
    .metadata = network_name_metadata,
    .params = network_name_params,
    .param_count = NETWORK_NAME_PARAMS,
    .actions = actions,
    .check = nn_want_check,
};

int main(int argc, char **argv)
{
    return dpl_ocf_main(&agent, argc, argv);
}
