/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The processes of this host as /proc shows them, and signals that reach no other.
 *
 * A process is known by its id and the time at which it began: an id alone is used again. Zombies
 * count as gone.
 */
#ifndef DPL_SERVICE_PROC_H
#define DPL_SERVICE_PROC_H

#include "lib/base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct dpl_proc {
    pid_t pid, parent, session;
    uint64_t start; /* in clock ticks since the boot; 0 stands for no process */
    char state;     /* R, S, D, T, ... */
    char name[32];  /* as the kernel cuts it */
    bool ours;      /* for who works on a list of them */
};

struct dpl_procs {
    struct dpl_proc *items;
    size_t count;
};

/* The text of /proc/PID/stat. False if it is not one. */
bool dpl_proc_parse(const char *text, struct dpl_proc *proc_r);
/* One process. False if it is gone. */
bool dpl_proc_read(pid_t pid, struct dpl_proc *proc_r);
/* Whether that very process runs. */
bool dpl_proc_runs(pid_t pid, uint64_t start);
/* All of them that run; the list is the caller's. */
int dpl_procs_read(struct dpl_procs *procs_r, struct dpl_err *err);
void dpl_procs_done(struct dpl_procs *procs);
/* NULL if there is none with this id. */
struct dpl_proc *dpl_procs_find(const struct dpl_procs *procs, pid_t pid);

/* Whether it lives in our pid namespace: what a container runs is not ours to touch. */
bool dpl_proc_is_near(pid_t pid);
/* Whether "NAME=VALUE" is in the environment that it was started with. */
bool dpl_proc_has_variable(pid_t pid, const char *variable);
/* Whether one of its arguments is this text, or is an option of one letter with the text behind it
 * ("-c/etc/x"), or an option with '=' ("--config=/etc/x"), or has it as a word. */
bool dpl_proc_has_argument(pid_t pid, const char *text);
/* The same for the bytes of /proc/PID/cmdline, with a zero behind them. */
bool dpl_proc_argument_in(const char *bytes, size_t size, const char *text);
/* The program that it runs, without " (deleted)"; empty if it cannot be read. */
void dpl_proc_program(pid_t pid, char *path, size_t size);

/* The process id that a pid file says, or 0: the first word of its first line. */
pid_t dpl_proc_parse_pid_file(const char *text);
pid_t dpl_proc_read_pid_file(const char *path);

/* Sends it to that very process. False if it is gone or it is not allowed. */
bool dpl_proc_signal(pid_t pid, uint64_t start, int number);
/* A descriptor that is readable once that very process has ended, or -1 if it has. */
int dpl_proc_open(pid_t pid, uint64_t start);

#endif
