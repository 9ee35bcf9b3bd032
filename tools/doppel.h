/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the subcommands of doppel(8) share. Each is one file with one function for each command.
 */
#ifndef DPL_TOOLS_DOPPEL_H
#define DPL_TOOLS_DOPPEL_H

#include "lib/base/err.h"

#include <stdbool.h>

struct doppel {
    bool json; /* --output-as=json */
};

/* Called with argv[0] the command's own name. Returns the exit status. */
int doppel_journal_show(struct doppel *doppel, int argc, char **argv);

/* Prints "doppel COMMAND: text", and how to get help. Returns the exit status of bad usage. */
int doppel_usage(const char *command, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Prints the error. Returns its exit status. */
int doppel_fail(const char *command, const struct dpl_err *err);
/* For an option that takes it everywhere. False if it is not one of the formats. */
bool doppel_output_as(struct doppel *doppel, const char *value);

#endif
