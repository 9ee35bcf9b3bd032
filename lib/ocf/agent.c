/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/ocf/agent.h"

#include "lib/base/units.h"
#include "lib/ocf/deadline.h"
#include "lib/ocf/trace.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Lines are written whole, so that those of a background child never mix into them. */
void dpl_ocf_log(const struct dpl_ocf_run *run, const char *level, const char *format, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, format);
    vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    fprintf(stderr, "%s(%s): %s: %s\n", run->agent->name, run->instance, level, text);
}

static const char *from_environment(const char *name)
{
    return getenv(name);
}

/* A number that Pacemaker puts into the environment, or the fallback. */
static int64_t meta_number(const char *name, int64_t fallback)
{
    int64_t value;
    const char *text = getenv(name);
    if (!text || dpl_units_number(text, 0, INT32_MAX, &value, NULL) < 0)
        return fallback;
    return value;
}

static void usage(const struct dpl_ocf_agent *agent, FILE *to)
{
    fprintf(to, "usage: %s {", agent->name);
    for (const struct dpl_ocf_action *action = agent->actions; action->name; action++)
        fprintf(to, "%s|", action->name);
    fprintf(to,
            "meta-data}\n"
            "An OCF resource agent: Pacemaker runs it. Its parameters are OCF_RESKEY_<name> in the "
            "environment;\nsee ocf_doppel_%s(7).\n",
            agent->name);
}

static const struct dpl_ocf_action *find_action(const struct dpl_ocf_agent *agent, const char *name)
{
    for (const struct dpl_ocf_action *action = agent->actions; action->name; action++)
        if (strcmp(action->name, name) == 0)
            return action;
    return NULL;
}

/* Typos that the cluster's shells let pass: an error for validate-all, else a warning at start. */
static int check_unknown(struct dpl_ocf_run *run, struct dpl_err *err)
{
    const struct dpl_ocf_agent *agent = run->agent;
    bool strict = strcmp(run->action->name, "validate-all") == 0;
    if (!strict && strcmp(run->action->name, "start") != 0)
        return DPL_OK;
    const char *name = dpl_ocf_params_unknown(agent->params, agent->param_count, environ);
    int length = name ? (int)strcspn(name, "=") : 0;
    if (name && strict)
        return dpl_err_set(err, DPL_E_PARAM, "parameter %.*s is not known", length, name);
    if (name)
        dpl_ocf_log(run, "WARNING", "parameter %.*s is not known and has no effect", length, name);
    return DPL_OK;
}

static int perform(struct dpl_ocf_run *run, struct dpl_err *err)
{
    const struct dpl_ocf_agent *agent = run->agent;
    bool lenient = run->probe || run->action->lenient;
    dpl_ocf_step(&run->steps, "reading the parameters");
    int code =
        dpl_ocf_params_read(agent->params, agent->param_count, from_environment, run->values, err);
    if (code == DPL_OK)
        code = check_unknown(run, err);
    if (code == DPL_OK && agent->check && !lenient)
        code = agent->check(run, err);
    if (code < 0 && !lenient)
        return code;
    *err = (struct dpl_err){0};
    return run->probe ? run->action->probe(run, err) : run->action->run(run, err);
}

/* A probe that finds nothing is an answer, not a failure with a reason. */
static void print_reason(const struct dpl_ocf_run *run, int code, const struct dpl_err *err)
{
    if (code == DPL_OK || (run->probe && code == DPL_E_NOT_RUNNING))
        return;
    fprintf(stderr, "ocf-exit-reason:%s\n", err->text[0] ? err->text : dpl_err_text(code));
}

static void complain_if_slow(struct dpl_ocf_run *run)
{
    int64_t total_ms = dpl_ocf_steps_total_ms(&run->steps);
    char slowest[256];
    if (run->timeout_ms == 0 || total_ms * 2 < run->timeout_ms)
        return;
    dpl_ocf_steps_slowest(&run->steps, slowest, sizeof slowest);
    dpl_ocf_log(run, "WARNING", "%s took %" PRId64 " ms of its timeout of %" PRId64 " ms: %s",
                run->action->name, total_ms, run->timeout_ms, slowest);
}

static int run_action(const struct dpl_ocf_agent *agent, const struct dpl_ocf_action *action)
{
    struct dpl_ocf_run run = {.agent = agent, .action = action};
    struct dpl_err err = {0};
    dpl_ocf_steps_init(&run.steps, &dpl_clock_system);
    run.instance = getenv("OCF_RESOURCE_INSTANCE");
    if (!run.instance || !*run.instance)
        run.instance = "default";
    run.level = (int)meta_number("OCF_CHECK_LEVEL", 0);
    run.timeout_ms = meta_number("OCF_RESKEY_CRM_meta_timeout", 0);
    run.probe = action->probe && meta_number("OCF_RESKEY_CRM_meta_interval", -1) == 0;
    dpl_ocf_deadline_arm(action->name, run.timeout_ms, &run.steps);
    dpl_ocf_trace_open(&run);
    run.values = calloc(agent->param_count, sizeof *run.values);
    int code = run.values ? perform(&run, &err)
                          : dpl_err_set(&err, DPL_E_NO_MEMORY, "no memory for the parameters");
    dpl_ocf_steps_end(&run.steps);
    print_reason(&run, code, &err);
    complain_if_slow(&run);
    free(run.values);
    return dpl_err_ocf_exit(code);
}

static int print_metadata(const struct dpl_ocf_agent *agent)
{
    if (fputs(agent->metadata, stdout) < 0 || fflush(stdout) != 0) {
        fprintf(stderr, "ocf-exit-reason:cannot write the metadata\n");
        return dpl_err_ocf_exit(DPL_E_IO);
    }
    return 0;
}

/* Whoever runs us may have closed these; else the first file that we open becomes one of them. */
static void hold_standard_descriptors(void)
{
    int fd;
    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

int dpl_ocf_main(const struct dpl_ocf_agent *agent, int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : NULL;
    hold_standard_descriptors();
    if (argc > 2) {
        fprintf(stderr, "ocf-exit-reason:one action at a time\n");
        usage(agent, stderr);
        return dpl_err_ocf_exit(DPL_E_USAGE);
    }
    if (!name) {
        usage(agent, stderr);
        return dpl_err_ocf_exit(DPL_E_USAGE);
    }
    if (strcmp(name, "meta-data") == 0)
        return print_metadata(agent);
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "usage") == 0) {
        usage(agent, stdout);
        return 0;
    }
    const struct dpl_ocf_action *action = find_action(agent, name);
    if (!action) {
        fprintf(stderr, "ocf-exit-reason:no such action: %.64s\n", name);
        usage(agent, stderr);
        return dpl_err_ocf_exit(DPL_E_UNIMPLEMENTED);
    }
    return run_action(agent, action);
}
