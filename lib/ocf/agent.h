/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The frame of a resource agent: the agent is a table, and its main is one call.
 *
 * The frame finds the action, reads the parameters, keeps the time, prints the reason of a failure
 * as one line "ocf-exit-reason:..." and turns the error into an OCF exit code. Before Pacemaker's
 * timeout runs out it ends the action itself, and says in which step it hung.
 */
#ifndef DPL_OCF_AGENT_H
#define DPL_OCF_AGENT_H

#include "lib/ocf/param.h"
#include "lib/ocf/steps.h"

struct dpl_ocf_run {
    const struct dpl_ocf_agent *agent;
    const struct dpl_ocf_action *action;
    struct dpl_ocf_value *values; /* by index of the parameter table */
    const char *instance;         /* the resource's name */
    bool probe;                   /* a monitor that asks whether it runs at all */
    int level;                    /* OCF_CHECK_LEVEL */
    int64_t timeout_ms;           /* 0 when there is none */
    struct dpl_ocf_steps steps;
};

/* Does the action: DPL_OK or a code of the table of errors, with a sentence in *err. */
typedef int (*dpl_ocf_do_t)(struct dpl_ocf_run *run, struct dpl_err *err);

struct dpl_ocf_action {
    const char *name; /* NULL ends the table */
    dpl_ocf_do_t run;
    /* Runs even when parameters are missing or wrong: those have bad set or no text, and the
     * action uses what it can (stop, and any probe). */
    bool lenient;
    dpl_ocf_do_t probe; /* of monitor: instead of run, lenient */
};

struct dpl_ocf_agent {
    const char *name;
    const char *metadata;
    const struct dpl_ocf_param *params;
    size_t param_count;
    const struct dpl_ocf_action *actions;
    /* What the table cannot say of values: relations and formats. May be NULL. */
    dpl_ocf_do_t check;
};

/* The whole program. Returns its exit code. */
int dpl_ocf_main(const struct dpl_ocf_agent *agent, int argc, char **argv);

/* One line for the cluster's log; level is "INFO" or "WARNING". */
void dpl_ocf_log(const struct dpl_ocf_run *run, const char *level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static inline const char *dpl_ocf_text(const struct dpl_ocf_run *run, int index)
{
    return run->values[index].text;
}

static inline int64_t dpl_ocf_number(const struct dpl_ocf_run *run, int index)
{
    return run->values[index].number;
}

#endif
