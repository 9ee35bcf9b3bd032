/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Programs that an agent runs: without a shell, in a process group of their own, within a time.
 */
#ifndef DPL_AGENTS_PROGRAM_H
#define DPL_AGENTS_PROGRAM_H

#include "lib/ocf/agent.h"

/* Runs it to its end, its output on our standard error; env NULL: ours. Returns its exit status, or
 * 128 and its signal, or a negative code: TIMEOUT when it had to be killed, with all of its group.
 */
int program_run(const char *const *argv, const char *const *env, int64_t most_ms,
                struct dpl_err *err);

/* Runs the programs of /etc/doppel/hooks.d/NAME.d in the order of their names, all of them within
 * most_ms: regular files that root alone can write, executable, named by letters, digits, '-', '_'.
 * What fails or hangs is a warning. env is ended by NULL: pairs beside PATH. */
void program_hooks(const struct dpl_ocf_run *run, const char *name, const char *const *env,
                   int64_t most_ms);

#endif
