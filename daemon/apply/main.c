/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * doppel-replica: holds the replica of one set. Started by doppeld, with the channel to it on
 * descriptor 3:
 *
 *     doppel-replica --set NAME [--instance NAME]
 *
 * Ends with 0 when it was told to (SIGTERM, or the daemon is gone) and the replica was left clean,
 * else with an error's exit code and a line on standard error.
 */
#include "daemon/apply/engine.h"

#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>

static volatile sig_atomic_t told;

static void on_signal(int number)
{
    (void)number;
    told = 1;
}

static const char *set_name = "";

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
            return dpl_err_set(err, DPL_E_USAGE,
                               "usage: doppel-replica --set NAME [--instance NAME]");
    if (!*set_name || optind < argc)
        return dpl_err_set(err, DPL_E_USAGE, "usage: doppel-replica --set NAME [--instance NAME]");
    if (fcntl(DPL_CHANNEL_FD, F_GETFD) < 0)
        return dpl_err_set(err, DPL_E_USAGE, "doppel-replica is started by doppeld");
    return 0;
}

static int run(struct dpl_err *err)
{
    struct dpl_engine engine;
    dpl_engine_init(&engine, dpl_channel_new(DPL_CHANNEL_FD), &dpl_clock_system);
    int rc = 1;
    while (rc > 0) {
        if (told)
            dpl_engine_stop(&engine);
        rc = dpl_engine_turn(&engine, err);
    }
    dpl_engine_done(&engine);
    return rc;
}

int main(int argc, char **argv)
{
    struct dpl_err err = {0};
    struct sigaction action = {.sa_handler = on_signal}; /* without SA_RESTART: poll returns */
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    umask(0); /* modes are the source's */
    int rc = options(argc, argv, &err);
    if (rc == 0)
        rc = run(&err);
    if (rc == 0)
        return 0;
    fprintf(stderr, "doppel-replica: set \"%s\": %s\n", set_name, err.text);
    return dpl_err_cli_exit(rc);
}
