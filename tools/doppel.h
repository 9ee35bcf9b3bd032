/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the subcommands of doppel(8) share. The table of commands is lib/ctl/command.tbl.h; what a
 * daemon answers is asked for and printed by remote.c, the rest is one file for each command.
 */
#ifndef DPL_TOOLS_DOPPEL_H
#define DPL_TOOLS_DOPPEL_H

#include "lib/base/err.h"
#include "lib/ctl/command.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>

struct doppel {
    bool json;            /* --output-as=json */
    bool quiet, verbose;  /* -q, -v */
    const char *instance; /* --instance */
};

/* How often there was a SIGINT, SIGTERM or SIGHUP: 0, 1, or 2 for more. */
extern volatile sig_atomic_t doppel_stop;

/* Called with argv[0] the command's own name. Returns the exit status. */
int doppel_journal_show(struct doppel *doppel, int argc, char **argv);
/* Need no daemon. Return the exit status. */
int doppel_emergency_detach(struct doppel *doppel, const struct dpl_doc *args);
int doppel_emergency_attach(struct doppel *doppel, const struct dpl_doc *args);
/* Any command of the daemon, with its arguments. Return the exit status. */
int doppel_remote(struct doppel *doppel, const struct dpl_command *command,
                  const struct dpl_doc *args);
enum { DOPPEL_PROCEDURE_MS = 35000 }; /* for an answer about one */

/* The line that is typed, without its end; NULL: there is none. The caller frees. */
char *doppel_read_answer(const char *prompt);
/* Prints what it would do. Returns the exit status. */
int doppel_procedure_plan(struct doppel *doppel, const struct dpl_command *command,
                          const struct dpl_doc *args);
/* Prints the steps of the answer, and from which on nothing is undone. */
void doppel_procedure_steps(const struct dpl_command *command, const struct dpl_doc *args,
                            const struct dpl_doc *doc);
/* What a person has to agree to is asked, and put into args. Returns 0 to go on, else the exit
 * status. */
int doppel_procedure_agree(struct doppel *doppel, const struct dpl_command *command,
                           struct dpl_doc *args);
/* Begins a procedure, or goes on with one, and follows it. Return the exit status. */
int doppel_procedure_begin(struct doppel *doppel, const struct dpl_command *command,
                           const struct dpl_doc *args);
int doppel_procedure_show(struct doppel *doppel, const struct dpl_command *command,
                          const struct dpl_doc *args);
/* Compares, follows it, and says what it has found. Returns the exit status: 3 if not equal. */
int doppel_verify(struct doppel *doppel, const struct dpl_command *command,
                  const struct dpl_doc *args);
int doppel_status(struct doppel *doppel, const struct dpl_command *command,
                  const struct dpl_doc *args);
void doppel_completion(FILE *to);

/* Asks the daemon, one call on a connection of its own. The caller owns *result_r. */
int doppel_ask(const struct doppel *doppel, const char *command, const struct dpl_doc *args,
               int64_t timeout_ms, struct dpl_doc **result_r, struct dpl_err *err);
/* doppel status --watch. Returns the exit status. */
int doppel_watch(struct doppel *doppel, const struct dpl_doc *args);
/* The lines of "status" for all sets of a result. */
void doppel_print_status(FILE *to, const struct dpl_doc *result, bool colours, bool verbose);
/* Whether standard output is a terminal that may be coloured. */
bool doppel_colours(void);
/* Flushes standard output; the exit status, which is status unless that failed. */
int doppel_flushed(const char *command, int status);

/* Prints "doppel COMMAND: text", and how to get help. Returns the exit status of bad usage. */
int doppel_usage(const char *command, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Prints the error. Returns its exit status. */
int doppel_fail(const char *command, const struct dpl_err *err);
/* For an option that takes it everywhere. False if it is not one of the formats. */
bool doppel_output_as(struct doppel *doppel, const char *value);

#endif
