/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Procedures that run here: failover, restore, failback. A kind is a table of steps; the order, the
 * record in the store, the token, resume and undo are the same for all (core/procedure.h).
 *
 * A step's functions begin something and return; it ends when dpl_run_ok, dpl_run_fail or
 * dpl_run_wait is called, once, then or later. What they ask for comes back only while that deed
 * runs. Actions and reverts may be made again by another node after a crash: they bear that.
 *
 * The record is a document of the kind "procedure", named by the procedure's id:
 *
 *   kind, set, node, token, generation  what it is, who runs it; the number that it is about
 *   options        as they were typed (tree)
 *   state, back    as core/procedure.h; back: it is being undone
 *   why, question  the sentence for a person when it rests; what may be answered
 *   begun_ms, ended_ms  wall clock
 *   given_up       {user, met}: "site confirm" took its place, where the other site said that
 *                  generation (tree)
 *   steps          list of {name, state, begun_ms, ended_ms, text}
 *   facts          what later steps, an undo and the report need (tree)
 *
 * The set's document names its open procedure ("procedure"): there is one at most.
 */
#ifndef DPL_PARENT_RUN_H
#define DPL_PARENT_RUN_H

#include "daemon/core/procedure.h"
#include "daemon/parent/daemon.h"

struct dpl_run;
typedef void dpl_run_fn(struct dpl_run *run);

/* A function that is NULL has nothing to do. */
struct dpl_run_step {
    const char *name;
    const char *plan; /* what it does, as --plan says it */
    bool last;        /* once it has begun nothing is undone any more */
    dpl_run_fn *look, *act, *check, *undo;
};

struct dpl_run_kind {
    const char *name;
    const struct dpl_run_step *steps;
    size_t count;
};

struct dpl_run {
    struct dpl_daemon *daemon;
    const struct dpl_run_kind *kind;
    char *id, *set;
    struct dpl_doc *doc; /* the record, as it will be saved next */
    struct dpl_store_version version;
    struct dpl_procedure machine;
    unsigned deed; /* counts them: what comes back to an earlier one is not heard */
    int64_t deed_ns;
    char text[400];    /* of the step, for its record; or what it waits for now */
    char unsaved[400]; /* why its record is not saved yet; "" when it is */
    struct dpl_timer timer;
    dpl_run_fn *then;
    GPtrArray *calls;
    bool unlogged; /* its log cannot be written, and that was told */
};

/* procedure_kinds.c; NULL if there is none. */
const struct dpl_run_kind *dpl_run_kind_find(const char *name);

/* Runs a record that was just saved by us with a token of its own (a new one), or takes one over
 * (resume, or with `back` undo). The run frees itself when it rests. */
int dpl_run_begin(struct dpl_daemon *daemon, const char *id, bool back, struct dpl_err *err);
struct dpl_run *dpl_run_find(const struct dpl_daemon *daemon, const char *id);
void dpl_run_stop(struct dpl_run *run);
void dpl_runs_end(struct dpl_daemon *daemon);

/* --- for steps --- */

/* Ends the deed. The text goes into the step's record; NULL: what was said last. */
void dpl_run_ok(struct dpl_run *run, const char *format, ...) __attribute__((format(printf, 2, 3)));
void dpl_run_fail(struct dpl_run *run, const struct dpl_err *err);
void dpl_run_failf(struct dpl_run *run, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* A person is asked: the question names what may be answered to "procedure resume". */
void dpl_run_wait(struct dpl_run *run, const char *question, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* What it waits for now: seen by who follows it, and in its log. */
void dpl_run_tell(struct dpl_run *run, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* A line in its log. */
void dpl_run_log(struct dpl_run *run, const char *text);

const struct dpl_doc *dpl_run_options(const struct dpl_run *run);
struct dpl_doc *dpl_run_facts(struct dpl_run *run); /* saved with the next save */
int64_t dpl_run_generation(const struct dpl_run *run);
/* Since the deed began. */
int64_t dpl_run_elapsed_ms(const struct dpl_run *run);
/* Whether a wait has ended because a person wants the procedure to rest: the step has failed then,
 * and a resume waits again. */
bool dpl_run_stopped(struct dpl_run *run);
/* Whether the record is still ours, as far as this node knows now. */
bool dpl_run_mine(const struct dpl_run *run);

/* What comes back: rc, and err when it is negative, answer where there is one. */
typedef void dpl_run_answer_fn(struct dpl_run *run, int rc, const struct dpl_doc *answer,
                               const struct dpl_err *err);
/* One that ends the deed: by its code alone. */
dpl_run_answer_fn dpl_run_ok_or_fail;
/* Calls fn in a while, once. */
void dpl_run_later(struct dpl_run *run, int64_t ms, dpl_run_fn *fn);
/* Changes the set's document (set_edit.h). */
typedef int dpl_run_edit_fn(struct dpl_run *run, struct dpl_doc *doc, struct dpl_err *err);
void dpl_run_edit_set(struct dpl_run *run, dpl_run_edit_fn *edit, dpl_run_answer_fn *then);
/* Asks the other site; takes the question. */
void dpl_run_ask_site(struct dpl_run *run, struct dpl_doc *question, int64_t timeout_ms,
                      dpl_run_answer_fn *then);
/* The same, given up after reach_ms where no machine of it has taken a connection until then. */
void dpl_run_ask_site_soon(struct dpl_run *run, struct dpl_doc *question, int64_t reach_ms,
                           int64_t timeout_ms, dpl_run_answer_fn *then);
/* Asks doppel-pacemaker; takes the question. */
void dpl_run_ask_pacemaker(struct dpl_run *run, struct dpl_doc *question, dpl_run_answer_fn *then);
/* Asks services as clients do (probe.h). */
void dpl_run_probe(struct dpl_run *run, const struct dpl_doc *points, dpl_run_answer_fn *then);
/* Runs the programs of hooks.d/NAME.d; FAILED names the one that failed, and those behind it do not
 * run, unless `all`. */
void dpl_run_hooks(struct dpl_run *run, const char *name, bool all, dpl_run_answer_fn *then);

#endif
