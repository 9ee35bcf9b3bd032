/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Other programs and new processes.
 */
#ifndef DPL_LAB_RUN_H
#define DPL_LAB_RUN_H

#include "lib/base/err.h"

#include <stdint.h>
#include <sys/types.h>

/* Starts a program with /dev/null as input. Returns its pid or a negative code. */
pid_t lab_spawn(const char *const argv[], struct dpl_err *err);
/* Waits for it; 0 if it ended with exit status 0. */
int lab_spawn_wait(pid_t pid, const char *what, struct dpl_err *err);
/* Both in one. */
int lab_run(const char *const argv[], struct dpl_err *err);
/* execvp, for lists that are constant. Returns only if it failed. */
void lab_exec(const char *const argv[]);
/* `ip -batch -` with these lines. */
int lab_ip(const char *lines, struct dpl_err *err);

/* fork with the given clone flags. cgroup is a cgroup's directory or -1; *pidfd_r may be NULL. */
pid_t lab_clone(uint64_t flags, int cgroup, int *pidfd_r);

int lab_pidfd_open(pid_t pid);
int lab_pidfd_kill(int pidfd, int sig);
/* Waits for the end of the process; 0, or DPL_E_TIMEOUT. */
int lab_pidfd_wait(int pidfd, int timeout_ms, struct dpl_err *err);

/* Leaves a new process with the given signals as a program expects them: none blocked. */
void lab_signals_default(void);
/* Makes a small file or writes to one that the kernel made. */
int lab_write_file(const char *path, const char *text, struct dpl_err *err);

/* Reads "CODE TEXT", as processes of the lab tell each other of a failure. Returns the code. */
int lab_take_failure(const char *text, struct dpl_err *err);

/* Prints one line with the time to standard error: the supervisor's log. */
void lab_log(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
