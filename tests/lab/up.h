/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * `lab up`: what the user asked for becomes a plan; the machine is asked whether it can; the keeper
 * is started; then the clusters are waited for.
 */
#ifndef DPL_LAB_UP_H
#define DPL_LAB_UP_H

#include "tests/lab/lab.h"

/* argv[0] is "up". Returns the exit code. */
int lab_up_main(const char *name, int argc, char **argv);
extern const char lab_up_help[];

#endif
