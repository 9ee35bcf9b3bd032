/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * How an engine of doppeld begins: its arguments, its channel, and the signals that end it.
 *
 *     PROGRAM --set NAME [--instance NAME]
 *
 * What is named is for people who look at the list of processes; the daemon says all over the
 * channel (lib/ctl/channel.h).
 */
#ifndef DPL_CTL_DUTY_H
#define DPL_CTL_DUTY_H

#include "lib/base/err.h"

#include <signal.h>
#include <stdbool.h>

/* Reads the arguments, and looks whether the channel is there. From then on SIGTERM and SIGINT set
 * *told, without SA_RESTART, and SIGPIPE is ignored. *set_r is borrowed from argv; "" where it is
 * missing. USAGE. */
int dpl_duty_begin(int argc, char **argv, const char *program, volatile sig_atomic_t *told,
                   const char **set_r, struct dpl_err *err);

#endif
