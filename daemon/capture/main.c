/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * doppel-capture: captures one replication set on this node. Started by doppeld, or by hand.
 */
#include "daemon/capture/dirty.h"
#include "daemon/capture/keeper.h"
#include "daemon/capture/setup.h"
#include "daemon/capture/status.h"
#include "daemon/capture/stop.h"

#include "lib/base/fd.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

/* Lets the caller go once the roots are captured. Returns the descriptor for the news, in the
 * child, and exits in the parent. */
static int go_to_background(void)
{
    int ends[2];
    uint8_t status;
    pid_t pid;

    if (pipe(ends) != 0)
        return -1;
    pid = fork();
    if (pid < 0)
        return -1;
    if (pid > 0) {
        close(ends[1]);
        _exit(read(ends[0], &status, 1) == 1 ? status : 1);
    }
    close(ends[0]);
    setsid();
    return ends[1];
}

static int report(const struct options *options)
{
    struct dpl_findings findings = {0};
    struct dpl_err err = {0};
    int code = setup_look(options, &findings, &err);

    for (size_t i = 0; i < findings.count; i++)
        printf("%s: %s: %s\n", dpl_severity_name(findings.items[i].severity), findings.items[i].id,
               findings.items[i].text);
    if (code == 0)
        code = dpl_capability_start_allowed(&findings, options->force, &err);
    if (code != 0)
        fprintf(stderr, "doppel-capture: %s\n", err.text);
    dpl_findings_clear(&findings);
    return code == 0 ? 0 : dpl_err_cli_exit(code);
}

static int create_dirty_log(const struct options *options)
{
    struct dpl_err err = {0};
    int code = dirty_create(options, &err);

    if (code != 0)
        fprintf(stderr, "doppel-capture: %s\n", err.text);
    return code == 0 ? 0 : dpl_err_cli_exit(code);
}

static int capture(const struct options *options, char **argv)
{
    int ready_fd = -1;

    if (!options->foreground) {
        ready_fd = go_to_background();
        if (ready_fd < 0) {
            fprintf(stderr, "doppel-capture: no new process\n");
            return 1;
        }
    }
    return keeper_run(options, argv, ready_fd);
}

int main(int argc, char **argv)
{
    struct options options;
    struct dpl_err err = {0};
    int code = options_parse(&options, argc, argv, &err);

    if (code > 0)
        return 0;
    if (code < 0) {
        fprintf(stderr, "doppel-capture: %s\n", err.text);
        return 2;
    }
    switch (options.action) {
    case ACTION_REPORT:
        return report(&options);
    case ACTION_STATUS:
        return status_run(&options);
    case ACTION_STOP:
        return stop_run(&options);
    case ACTION_CLEAR_STALE:
        return stop_clear_stale(&options);
    case ACTION_DIRTY_CREATE:
        return create_dirty_log(&options);
    default:
        return capture(&options, argv);
    }
}
