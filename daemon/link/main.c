/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * doppel-link: sends the journal of one set to its target. Started by doppeld, with the channel to
 * it on descriptor 3:
 *
 *     doppel-link --set NAME [--instance NAME]
 *
 * Ends with 0 when it was told to (SIGTERM, or the daemon is gone), else with an error's exit code
 * and a line on standard error.
 */
#include "daemon/link/link.h"
#include "daemon/link/rights.h"

#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

/* A signal that comes just before the wait is seen after it. */
#define WAIT_NS INT64_C(500000000)

static volatile sig_atomic_t told;

static void on_signal(int number)
{
    (void)number;
    told = 1;
}

static const char *set_name = "";

/* What is named is for people who look at the process list; the daemon says it all. */
static int options(int argc, char **argv, struct dpl_err *err)
{
    static const struct option known[] = {{"set", required_argument, NULL, 's'},
                                          {"instance", required_argument, NULL, 'i'},
                                          {NULL, 0, NULL, 0}};
    int c;
    opterr = 0;
    while ((c = getopt_long(argc, argv, "", known, NULL)) >= 0)
        if (c == 's')
            set_name = optarg;
        else if (c != 'i')
            return dpl_err_set(err, DPL_E_USAGE, "usage: doppel-link --set NAME [--instance NAME]");
    if (!*set_name || optind < argc)
        return dpl_err_set(err, DPL_E_USAGE, "usage: doppel-link --set NAME [--instance NAME]");
    if (fcntl(DPL_CHANNEL_FD, F_GETFD) < 0)
        return dpl_err_set(err, DPL_E_USAGE, "doppel-link is started by doppeld");
    return 0;
}

static int run(struct dpl_err *err)
{
    struct dpl_link link;
    dpl_link_init(&link, dpl_channel_new(DPL_CHANNEL_FD), &dpl_clock_system);
    int rc = 1;
    while (rc > 0) {
        if (told)
            dpl_link_stop(&link);
        rc = dpl_link_turn(&link, WAIT_NS, err);
    }
    dpl_link_done(&link);
    return rc;
}

int main(int argc, char **argv)
{
    struct dpl_err err = {0};
    struct sigaction action = {.sa_handler = on_signal}; /* without SA_RESTART: poll returns */
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    int rc = options(argc, argv, &err);
    if (rc == 0)
        rc = dpl_link_rights_drop(&err);
    if (rc == 0)
        rc = run(&err);
    if (rc == 0)
        return 0;
    fprintf(stderr, "doppel-link: set \"%s\": %s\n", set_name, err.text);
    return dpl_err_cli_exit(rc);
}
