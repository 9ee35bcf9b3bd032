/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Programs that are run for an answer, or to start something: bounded in time and in what they say.
 *
 * What is started gets a session of its own, no input, our environment and what is added to it, and
 * no descriptor of ours.
 */
#ifndef DPL_SERVICE_COMMAND_H
#define DPL_SERVICE_COMMAND_H

#include "lib/base/clock.h"
#include "lib/base/err.h"

#include <stdbool.h>
#include <sys/types.h>

struct dpl_command {
    const char *const *argv;      /* the first is an absolute path; ends with NULL */
    const char *const *variables; /* "NAME=VALUE" to add, ends with NULL; or NULL */
    const struct dpl_clock *clock;
    int64_t deadline_ns;
    bool terminal; /* its outputs are a terminal, for those that say nothing to anything else */
};

/* Runs it to its end. *output_r, if not NULL, is what it wrote to both outputs, the caller's to
 * free (also after an error; never NULL then). A status that is not 0 is DPL_E_FAILED with the most
 * telling line of the output; NOT_INSTALLED when there is no such program; TIMEOUT when it was
 * killed at the deadline, with all that it had started in its session's process group. What it
 * leaves in the background is left alone, in the session *session_r (if not NULL). */
int dpl_command_run(const struct dpl_command *command, char **output_r, pid_t *session_r,
                    struct dpl_err *err);
/* Starts it and lets it be, its outputs in the file log (made anew). Returns its process id. */
struct dpl_command_task {
    const char *const *argv;
    const char *log;
    const char *variable; /* "NAME=VALUE" to add, or NULL */
    const char *user;     /* NULL: as we are */
    bool idle;            /* only with what others leave of processor and disk */
};
int dpl_command_start(const struct dpl_command_task *task, pid_t *pid_r, struct dpl_err *err);
/* The ids of a user; NOT_INSTALLED if there is none of this name. */
int dpl_command_user(const char *name, uid_t *uid_r, gid_t *gid_r, struct dpl_err *err);
/* The line of an output that says best what went wrong: the first with "fatal" or "error", else the
 * last. Cut to what fits; control characters become '?'. */
void dpl_command_telling_line(const char *output, char *line, size_t size);

#endif
