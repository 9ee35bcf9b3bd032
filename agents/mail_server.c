/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * ocf:doppel:mail-server: one service of a mail system.
 *
 * What is learnt at start (addresses, pid file, processes) lies in a file beneath /run, so that a
 * monitor looks at one process and asks the service, and runs nothing. Without that file it goes by
 * the parameters. A stop trusts neither: see lib/service/own.h.
 */
#include "agents/mail_server_role.h"
#include "agents/mail_server_start.h"
#include "agents/mail_server_unit.h"
#include "lib/service/stop.h"
#include "mail-server.metadata.h"
#include "mail-server.params.h"

#include <stdio.h>
#include <string.h>

enum {
    WITHOUT_TIMEOUT_MS = 60000,
    PROBE_MOST_MS = 10000, /* a monitor's question */
};

/* A part of the operation's time, in hundredths, from its beginning. */
static int64_t after_ns(const struct dpl_ocf_run *run, int hundredths)
{
    int64_t timeout_ms = run->timeout_ms ? run->timeout_ms : WITHOUT_TIMEOUT_MS;
    return run->steps.start_ns + timeout_ms * hundredths * 10000;
}

static bool is_unit(const struct ms_want *want)
{
    return want->service.unit != NULL;
}

static int start(struct dpl_ocf_run *run, struct dpl_err *err)
{
    struct ms_want want;
    struct ms_state state;
    struct ms_check check = {
        .run = run, .want = &want, .state = &state, .deadline_ns = after_ns(run, 88)};
    int code = ms_want_read(run, true, &want, err);
    dpl_ocf_step(&run->steps, "reading the role of the set");
    if (code == DPL_OK && want.replication_set)
        code = ms_role_take(want.replication_set, run->instance, err);
    if (code == DPL_OK)
        code = ms_want_here(&want, err);
    if (code < 0)
        return code;
    ms_state_read(run, &state);
    snprintf(state.set, sizeof state.set, "%s", want.replication_set ? want.replication_set : "");
    if (is_unit(&want)) {
        ms_state_begin(&state, &want.service);
        code = ms_unit_start(&check, err);
    } else {
        code = ms_start(&check, err);
    }
    if (code < 0)
        return code;
    state.started = state.there = true;
    state.misses = 0;
    return ms_state_write(&state, err);
}

static int stop_processes(struct dpl_ocf_run *run, const struct dpl_service *service,
                          const struct ms_state *state, int64_t kill_ns, struct dpl_err *err)
{
    struct dpl_service_stop stop = {.service = service,
                                    .memory = &state->memory,
                                    .clock = run->steps.clock,
                                    .kill_ns = kill_ns,
                                    .deadline_ns = after_ns(run, 92)};
    dpl_ocf_step(&run->steps, "stopping the service");
    int code = dpl_service_stop(&stop, err);
    if (stop.killed)
        dpl_ocf_log(run, "WARNING", "%d of its %d processes did not end and were killed",
                    stop.killed, stop.found);
    return code;
}

static int stop_one(struct dpl_ocf_run *run, struct ms_want *want, struct ms_state *state,
                    int64_t kill_ns, struct dpl_err *err)
{
    if (!want->service.unit)
        return stop_processes(run, &want->service, state, kill_ns, err);
    struct ms_check check = {
        .run = run, .want = want, .state = state, .deadline_ns = after_ns(run, 92)};
    return ms_unit_stop(&check, kill_ns, err);
}

/* The last thing: from here on a replica may write what the service used. */
static int give_up(struct dpl_ocf_run *run, const struct ms_want *want,
                   const struct ms_state *state, struct dpl_err *err)
{
    int code = DPL_OK;
    dpl_ocf_step(&run->steps, "giving up the claim on the set");
    if (state->set[0])
        code = ms_role_drop(state->set, run->instance, err);
    if (code == DPL_OK && want->replication_set)
        code = ms_role_drop(want->replication_set, run->instance, err);
    return code < 0 ? code : ms_state_remove(state, err);
}

/* What the parameters name, and what was started where that is something else. */
static int stop(struct dpl_ocf_run *run, struct dpl_err *err)
{
    struct ms_want want, remembered = {0};
    struct ms_state state;
    int code = DPL_OK;
    int64_t kill_ns = after_ns(run, 80);
    (void)ms_want_read(run, false, &want, NULL);
    ms_state_read(run, &state);
    if (want.kill_after_ms && run->steps.start_ns + want.kill_after_ms * 1000000 < kill_ns)
        kill_ns = run->steps.start_ns + want.kill_after_ms * 1000000;
    bool has_state = ms_state_service(&state, &remembered.service);
    bool has_want = want.service.kind && (want.service.config || want.service.unit);
    bool same = has_want && ms_state_is_of(&state, &want.service);
    if (!has_want && !has_state) {
        dpl_ocf_log(run, "INFO", "no service is named, and none was started: nothing to stop");
        return give_up(run, &want, &state, err);
    }
    if (has_state && !same)
        code = stop_one(run, &remembered, &state, kill_ns, err);
    if (code == DPL_OK && has_want)
        code = stop_one(run, &want, &state, kill_ns, err);
    return code < 0 ? code : give_up(run, &want, &state, err);
}

/* Its configuration is asked again where the state was lost. */
static int recall(struct ms_check *check, struct dpl_err *err)
{
    if (ms_state_is_of(check->state, &check->want->service) && check->state->started)
        return DPL_OK;
    ms_state_begin(check->state, &check->want->service);
    int code = is_unit(check->want) ? ms_unit_active(check, err) : ms_check_master(check, err);
    if (code == DPL_OK && !is_unit(check->want))
        code = ms_start_learn(check, false, err);
    if (code < 0)
        return code;
    check->state->started = check->state->there = true;
    return ms_state_write(check->state, err);
}

static int inspect(struct ms_check *check, struct dpl_err *err)
{
    const struct dpl_service_known *known = &check->state->memory.known[MS_MASTER];
    struct dpl_proc proc;
    int code = recall(check, err);
    dpl_ocf_step(&check->run->steps, "looking at its master");
    if (code == DPL_OK)
        code = is_unit(check->want) ? ms_unit_active(check, err) : ms_check_master(check, err);
    if (code < 0)
        return code;
    if (known->pid && dpl_proc_read(known->pid, &proc) && (proc.state == 'T' || proc.state == 't'))
        code = dpl_err_set(err, DPL_E_FAILED, "its master, process %d, is stopped (SIGSTOP)",
                           (int)known->pid);
    else
        code = ms_check_probe(check, check->run->level, err);
    return ms_check_judge(check, code, err);
}

static int monitor(struct dpl_ocf_run *run, struct dpl_err *err)
{
    struct ms_want want;
    struct ms_state state;
    int64_t most_ns = run->steps.start_ns + PROBE_MOST_MS * INT64_C(1000000);
    struct ms_check check = {
        .run = run, .want = &want, .state = &state, .deadline_ns = after_ns(run, 60)};
    if (run->level < 20 && check.deadline_ns > most_ns)
        check.deadline_ns = most_ns;
    int code = ms_want_read(run, true, &want, err);
    if (code < 0)
        return code;
    ms_state_read(run, &state);
    return inspect(&check, err);
}

/* Whether anything of it runs here: then a stop is needed, whatever else is wrong. */
static int probe(struct dpl_ocf_run *run, struct dpl_err *err)
{
    struct ms_want want;
    struct ms_state state;
    struct ms_check check = {
        .run = run, .want = &want, .state = &state, .deadline_ns = after_ns(run, 60)};
    (void)ms_want_read(run, false, &want, NULL);
    ms_state_read(run, &state);
    struct dpl_service remembered;
    if (!want.service.kind || (!want.service.config && !want.service.unit)) {
        if (!ms_state_service(&state, &remembered))
            return dpl_err_set(err, DPL_E_NOT_RUNNING, "no service is named, and none was started");
        want.service = remembered;
    }
    if (is_unit(&want)) {
        struct dpl_err why = {0};
        int code = ms_unit_active(&check, &why);
        return code == DPL_E_NOT_INSTALLED
                   ? dpl_err_set(err, DPL_E_NOT_RUNNING, "%s", why.text)
                   : (code < 0 ? dpl_err_set(err, code, "%s", why.text) : DPL_OK);
    }
    return ms_check_master(&check, err);
}

/* The configuration must be right before the service is told to read it again. */
static int reload(struct dpl_ocf_run *run, struct dpl_err *err)
{
    struct ms_want want;
    struct ms_state state;
    struct ms_check check = {
        .run = run, .want = &want, .state = &state, .deadline_ns = after_ns(run, 88)};
    int code = ms_want_read(run, true, &want, err);
    if (code < 0)
        return code;
    ms_state_read(run, &state);
    code = recall(&check, err);
    if (code == DPL_OK && is_unit(&want))
        return ms_unit_reload(&check, err);
    if (code == DPL_OK)
        code = ms_check_master(&check, err);
    if (code == DPL_OK)
        code = ms_start_learn(&check, false, err);
    if (code == DPL_OK)
        code = ms_state_write(&state, err);
    if (code < 0)
        return code;
    if (!want.service.kind->reload_signal)
        return dpl_err_set(err, DPL_E_UNIMPLEMENTED,
                           "service=%s cannot read its configuration again",
                           want.service.kind->name);
    const struct dpl_service_known *known = &state.memory.known[MS_MASTER];
    if (!dpl_proc_signal(known->pid, known->start, want.service.kind->reload_signal))
        return dpl_err_set(err, DPL_E_NOT_RUNNING, "its master is gone");
    return DPL_OK;
}

/* Monitors and stops read these parameters each time; what start found out is found out again. */
static int reload_agent(struct dpl_ocf_run *run, struct dpl_err *err)
{
    struct ms_want want;
    struct ms_state state;
    struct ms_check check = {
        .run = run, .want = &want, .state = &state, .deadline_ns = after_ns(run, 88)};
    int code = ms_want_read(run, true, &want, err);
    if (code < 0)
        return code;
    ms_state_read(run, &state);
    code = recall(&check, err);
    if (code == DPL_OK)
        code = is_unit(&want) ? ms_unit_active(&check, err) : ms_check_master(&check, err);
    struct dpl_err why = {0};
    if (code == DPL_OK && !is_unit(&want) && ms_start_learn(&check, false, &why) < 0)
        dpl_ocf_log(run, "WARNING", "%s", why.text);
    state.misses = 0;
    return code < 0 ? code : ms_state_write(&state, err);
}

/* Level 0 is the frame's check of the parameters; 10 looks at this host and at the configuration,
 * 20 at the ports too. */
static int validate_all(struct dpl_ocf_run *run, struct dpl_err *err)
{
    struct ms_want want;
    struct ms_state state;
    g_autofree char *password = NULL;
    struct ms_check check = {
        .run = run, .want = &want, .state = &state, .deadline_ns = after_ns(run, 88)};
    int code = ms_want_read(run, true, &want, err);
    if (code < 0 || run->level < 10)
        return code;
    ms_state_read(run, &state);
    code = ms_want_here(&want, err);
    if (code == DPL_OK && want.probe_passfile)
        code = ms_want_password(&want, &password, err);
    if (password)
        explicit_bzero(password, strlen(password));
    if (code == DPL_OK && is_unit(&want))
        return ms_unit_here(&check, err);
    bool runs = code == DPL_OK && ms_check_any(&want, &state, NULL) > 0;
    if (code == DPL_OK)
        code = ms_start_learn(&check, run->level >= 20 && !runs, err);
    return code;
}

static const struct dpl_ocf_action actions[] = {
    {.name = "start", .run = start},
    {.name = "stop", .run = stop, .lenient = true},
    {.name = "monitor", .run = monitor, .probe = probe},
    {.name = "reload", .run = reload},
    {.name = "reload-agent", .run = reload_agent},
    {.name = "validate-all", .run = validate_all},
    {.name = NULL},
};

static const struct dpl_ocf_agent agent = {
    .name = "mail-server",
    .metadata = mail_server_metadata,
    .params = mail_server_params,
    .param_count = MAIL_SERVER_PARAMS,
    .actions = actions,
    .check = ms_want_check,
};

int main(int argc, char **argv)
{
    return dpl_ocf_main(&agent, argc, argv);
}
