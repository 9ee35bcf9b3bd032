/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Child programs: started, watched, started again with growing waits, ended by pidfd.
 *
 * A child finds /dev/null as 0 and 1, a pipe to our log as 2, its channel to us as 3 where its kind
 * has one, and what it was given from 4 on; nothing else. It is killed when we die. Its lines on
 * standard error are logged with its name in front.
 *
 * Everything happens in the loop; the functions of a spec are called from there, and may free the
 * child. What was freed while it still ran is killed and reaped later.
 */
#ifndef DPL_PARENT_CHILD_H
#define DPL_PARENT_CHILD_H

#include "daemon/core/backoff.h"
#include "daemon/parent/loop.h"
#include "lib/ctl/channel.h"

struct dpl_children;
struct dpl_child;

/* A kind of child: a row of a table. */
struct dpl_child_kind {
    const char *name;
    const char *program; /* in the directory of programs, or absolute */
    bool channel;        /* has one on descriptor 3 */
    bool restart;        /* is started again when it ended unasked */
    int64_t stop_ms;     /* from SIGTERM to SIGKILL */
    bool quiet;          /* its starts and ends are no news: whoever started it tells of them */
    int64_t most_ms;     /* may run so long in all, then it is stopped; 0: for ever */
    struct dpl_backoff_policy backoff;
};

struct dpl_child_fns {
    void (*started)(void *self);
    /* A document came; descriptors that came with it are taken by dpl_child_take_fd. */
    void (*message)(void *self, const struct dpl_doc *doc);
    /* It ended, with a status of waitid: exit code, or -signal. again: it will be started again. */
    void (*ended)(void *self, int status, bool again);
};

/* All children of a loop. dir is where programs lie; borrowed. */
struct dpl_children *dpl_children_new(qb_loop_t *loop, const char *dir);
/* Stops all; calls done when the last is gone. From now on none is started. */
void dpl_children_stop(struct dpl_children *children, dpl_timer_fn *done, void *self);
/* Kills what is left, without waiting. */
void dpl_children_free(struct dpl_children *children);

/* name is of what it works for, as a set, for the log. args are behind the program's name, ended by
 * NULL; copied. fns and self are borrowed; every function may be NULL. */
struct dpl_child *dpl_child_new(struct dpl_children *children, const struct dpl_child_kind *kind,
                                const char *name, const char *const *args,
                                const struct dpl_child_fns *fns, void *self);
void dpl_child_free(struct dpl_child *child);
/* For its next start alone: the descriptor becomes 4 (then 5 ...); taken. */
void dpl_child_give_fd(struct dpl_child *child, int fd);
/* For each start: what it has as standard error, in place of our log; taken. */
void dpl_child_set_stderr(struct dpl_child *child, int fd);
/* For each start: NAME=VALUE in its environment. */
void dpl_child_set_env(struct dpl_child *child, const char *pair);

/* Starts it, if it does not run. A program that cannot be started is an error, and tried again
 * later where the kind says so. */
int dpl_child_start(struct dpl_child *child, struct dpl_err *err);
/* Ends it: SIGTERM, then SIGKILL. `ended` tells when it is gone. */
void dpl_child_stop(struct dpl_child *child);
/* Ends it, and starts it again at once. */
void dpl_child_restart(struct dpl_child *child);
bool dpl_child_running(const struct dpl_child *child);
int dpl_child_pid(const struct dpl_child *child); /* 0 when it does not run */
/* What it said last on its standard error when it ended; NULL: nothing, or it got another one. */
const char *dpl_child_last_line(const struct dpl_child *child);
unsigned dpl_child_starts(const struct dpl_child *child);

int dpl_child_send(struct dpl_child *child, const struct dpl_doc *doc, const int *fds,
                   size_t fd_count, struct dpl_err *err);
int dpl_child_take_fd(struct dpl_child *child);

#endif
