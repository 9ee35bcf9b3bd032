/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/ctl/duty.h"

#include "lib/ctl/channel.h"

#include <fcntl.h>
#include <getopt.h>

static volatile sig_atomic_t *to_set;

static void on_signal(int number)
{
    (void)number;
    *to_set = 1;
}

static void catch_signals(volatile sig_atomic_t *told)
{
    struct sigaction action = {.sa_handler = on_signal}; /* without SA_RESTART: poll returns */
    to_set = told;
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

int dpl_duty_begin(int argc, char **argv, const char *program, volatile sig_atomic_t *told,
                   const char **set_r, struct dpl_err *err)
{
    static const struct option known[] = {{"set", required_argument, NULL, 's'},
                                          {"instance", required_argument, NULL, 'i'},
                                          {NULL, 0, NULL, 0}};
    bool wrong = false;
    int c;
    catch_signals(told);
    *set_r = "";
    opterr = 0;
    while ((c = getopt_long(argc, argv, "", known, NULL)) >= 0) {
        if (c == 's')
            *set_r = optarg;
        else if (c != 'i')
            wrong = true;
    }
    if (wrong || !**set_r || optind < argc)
        return dpl_err_set(err, DPL_E_USAGE, "usage: %s --set NAME [--instance NAME]", program);
    if (fcntl(DPL_CHANNEL_FD, F_GETFD) < 0)
        return dpl_err_set(err, DPL_E_USAGE,
                           "it is started by doppeld, and does nothing by itself");
    return DPL_OK;
}
