/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/parent/run.h"

#include "daemon/parent/log.h"
#include "daemon/parent/procedure_doc.h"
#include "daemon/parent/run_call.h"
#include "daemon/parent/set_edit.h"
#include "lib/base/clock.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { AGAIN_MS = 500 };

static void turn(struct dpl_run *run);

static const struct dpl_run_step *step_of(const struct dpl_run *run)
{
    return &run->kind->steps[run->machine.at];
}

struct dpl_run *dpl_run_find(const struct dpl_daemon *daemon, const char *id)
{
    for (guint i = 0; i < daemon->runs->len; i++) {
        struct dpl_run *run = daemon->runs->pdata[i];
        if (strcmp(run->id, id) == 0)
            return run;
    }
    return NULL;
}

static void run_free(struct dpl_run *run)
{
    g_ptr_array_remove(run->daemon->runs, run);
    dpl_timer_clear(&run->timer);
    dpl_run_calls_end(run);
    dpl_store_forget(run->daemon->store, run);
    dpl_doc_free(run->doc);
    g_free(run->id);
    g_free(run->set);
    g_free(run);
}

void dpl_runs_end(struct dpl_daemon *daemon)
{
    while (daemon->runs->len > 0)
        run_free(daemon->runs->pdata[0]);
}

bool dpl_run_mine(const struct dpl_run *run)
{
    const struct dpl_set *set = dpl_set_find(run->daemon, run->set);
    struct dpl_store_item item;
    /* Another procedure may have taken its place, or a person's word ended it. */
    if (set && g_strcmp0(dpl_doc_text(set->doc, "procedure"), run->id) != 0)
        return false;
    return dpl_store_get(run->daemon->store, "procedure", run->id, &item, NULL) == DPL_OK &&
           g_strcmp0(dpl_doc_text(item.doc, "token"), dpl_doc_text(run->doc, "token")) == 0;
}

static void on_timer(void *self)
{
    struct dpl_run *run = self;
    run->then(run);
}

void dpl_run_later(struct dpl_run *run, int64_t ms, dpl_run_fn *fn)
{
    run->then = fn;
    dpl_timer_set(&run->timer, run->daemon->loop, ms, on_timer, run);
}

/* The deed has ended: what it asked for and has not come is not heard any more. */
static void end_deed(struct dpl_run *run, enum dpl_procedure_outcome outcome)
{
    run->deed++;
    dpl_procedure_ended(&run->machine, outcome);
    dpl_run_later(run, 0, turn);
}

/* --- saving ----------------------------------------------------------------------------------- */

static void tell_unsaved(struct dpl_run *run, const char *text)
{
    if (strcmp(text, run->unsaved) == 0)
        return;
    g_strlcpy(run->unsaved, text, sizeof run->unsaved);
    dpl_run_log(run, run->unsaved);
}

/* The record is on its way, and not everywhere: whoever is told to stop it acts no more. */
static void look_saved(struct dpl_run *run)
{
    g_autofree char *awaited = dpl_group_awaited(dpl_store_group(run->daemon->store));
    g_autofree char *text = awaited
                                ? g_strdup_printf("node %s does not answer: look at its disk and "
                                                  "doppeld, or have it fenced",
                                                  awaited)
                                : NULL;
    if (text)
        tell_unsaved(run, text);
    dpl_run_later(run, AGAIN_MS, look_saved);
}

static void on_saved(void *self, int rc, struct dpl_store_version version,
                     const struct dpl_err *err)
{
    struct dpl_run *run = self;
    struct dpl_store_item item;
    if (rc == DPL_E_BUSY &&
        dpl_store_get(run->daemon->store, "procedure", run->id, &item, NULL) == DPL_OK &&
        dpl_doc_equal(item.doc, run->doc)) { /* it was made though its answer got lost */
        rc = DPL_OK;
        version = item.version;
    }
    if (rc == DPL_OK) {
        run->version = version;
        run->unsaved[0] = '\0';
        end_deed(run, DPL_OUTCOME_OK);
    } else if (rc == DPL_E_BUSY || rc == DPL_E_NOT_FOUND) {
        end_deed(run, DPL_OUTCOME_LOST);
    } else if (!run->daemon->stopping) {
        g_autofree char *text = g_strdup_printf("the store takes no change: %s", err->text);
        tell_unsaved(run, text);
        dpl_run_later(run, AGAIN_MS, turn);
    }
}

static void save(struct dpl_run *run)
{
    struct dpl_store_version upon = run->version;
    dpl_procedure_write(&run->machine, run->doc);
    dpl_run_later(run, AGAIN_MS, look_saved); /* the put may have ended when it returns */
    dpl_store_put(run->daemon->store, "procedure", run->id, &upon, run->doc, on_saved, run);
}

/* What belongs into the record beside the machine's part, before it is saved. */
static void prepare(struct dpl_run *run)
{
    const struct dpl_run_step *step = step_of(run);
    enum dpl_procedure_phase phase = run->machine.phase;
    if (phase == DPL_PHASE_BEGIN || phase == DPL_PHASE_UNBEGIN) {
        g_autofree char *line = g_strdup_printf(
            "%s: %s", step->name, phase == DPL_PHASE_BEGIN ? step->plan : "it is undone");
        dpl_procedure_step_begun(run->doc, run->machine.at);
        dpl_run_log(run, line);
        run->text[0] = '\0';
    } else if (phase == DPL_PHASE_END || phase == DPL_PHASE_UNEND) {
        g_autofree char *line =
            g_strdup_printf("%s: %s%s%s", step->name, phase == DPL_PHASE_END ? "done" : "undone",
                            run->text[0] ? ": " : "", run->text);
        dpl_procedure_step_ended(run->doc, run->machine.at, run->text);
        dpl_run_log(run, line);
    } else if (phase == DPL_PHASE_TAKE) {
        dpl_doc_unset(run->doc, "why");
        dpl_doc_unset(run->doc, "question");
        dpl_doc_unset(run->doc, "abort"); /* it was wanted where it rested */
    } else if (phase == DPL_PHASE_CLOSE && dpl_procedure_over(&run->machine)) {
        dpl_procedure_ended_now(run->doc);
    }
}

/* --- its end ---------------------------------------------------------------------------------- */

static int unlock(void *self, struct dpl_doc *doc, struct dpl_err *err)
{
    const char *id = self;
    (void)err;
    return g_strcmp0(dpl_doc_text(doc, "procedure"), id) == 0 && dpl_doc_unset(doc, "procedure");
}

static void unlocked(void *self, int rc, const struct dpl_err *err)
{
    if (rc < 0) /* a procedure that has ended holds nobody up: see procedure_doc.h */
        dpl_log(LOG_WARNING, "procedure %s: %s", (char *)self, err->text);
    g_free(self);
}

/* Undone at once, as a person wanted it for this case. */
static void abort_it(struct dpl_run *run)
{
    g_autofree char *id = g_strdup(run->id);
    struct dpl_daemon *daemon = run->daemon;
    struct dpl_err err = {0};
    if (dpl_run_begin(daemon, id, true, &err) < 0)
        dpl_log(LOG_ERR, "procedure %s is not undone: %s", id, err.text);
}

static void rest(struct dpl_run *run)
{
    struct dpl_set *set = dpl_set_find(run->daemon, run->set);
    bool lost = !dpl_run_mine(run), over = dpl_procedure_over(&run->machine);
    const char *state = dpl_procedure_state_text(run->machine.state);
    const char *why = dpl_doc_text(run->doc, "why");
    g_autofree char *line = lost
                                ? g_strdup("another node has taken it over, or it was given up")
                                : g_strdup_printf("%s%s%s", state, why ? ": " : "", why ? why : "");
    dpl_run_log(run, line);
    dpl_log(LOG_NOTICE, "procedure %s: %s", run->id, line);
    if (set && !lost) {
        g_autofree char *text =
            g_strdup_printf("set %s: %s %s is %s", run->set, run->kind->name, run->id, line);
        dpl_alert_set(set, "procedure", state, text);
    }
    if (!lost && over) {
        dpl_set_edit(run->daemon, run->set, unlock, unlocked, g_strdup(run->id));
        dpl_procedures_prune(run->daemon, run->set);
    }
    if (!lost && !over && dpl_doc_bool(run->doc, "abort", false) && !run->machine.back)
        abort_it(run);
    run_free(run);
}

/* --- turning ---------------------------------------------------------------------------------- */

static void deed(struct dpl_run *run, dpl_run_fn *fn, bool acts)
{
    if (acts && !dpl_run_mine(run)) {
        end_deed(run, DPL_OUTCOME_LOST);
        return;
    }
    run->deed_ns = dpl_clock_now_ns(&dpl_clock_system);
    if (fn)
        fn(run);
    else
        end_deed(run, DPL_OUTCOME_OK);
}

static void turn(struct dpl_run *run)
{
    const struct dpl_run_step *step = step_of(run);
    switch (dpl_procedure_deed(&run->machine)) {
    case DPL_DEED_NONE:
        rest(run);
        break;
    case DPL_DEED_SAVE:
        prepare(run);
        save(run);
        break;
    case DPL_DEED_LOOK:
        run->text[0] = '\0';
        deed(run, step->look, false);
        break;
    case DPL_DEED_ACT:
        deed(run, step->act, true);
        break;
    case DPL_DEED_CHECK:
        deed(run, step->check, true);
        break;
    case DPL_DEED_REVERT:
        deed(run, step->undo, true);
        break;
    }
}

static struct dpl_run *run_new(struct dpl_daemon *daemon, const struct dpl_store_item *item,
                               const struct dpl_run_kind *kind)
{
    struct dpl_run *run = g_new0(struct dpl_run, 1);
    run->daemon = daemon;
    run->kind = kind;
    run->id = g_strdup(item->name);
    run->doc = dpl_doc_copy(item->doc);
    run->set = g_strdup(dpl_doc_text(item->doc, "set"));
    run->version = item->version;
    run->calls = NULL;
    g_ptr_array_add(daemon->runs, run);
    return run;
}

int dpl_run_begin(struct dpl_daemon *daemon, const char *id, bool back, struct dpl_err *err)
{
    struct dpl_procedure machine;
    struct dpl_store_item item;
    int rc = dpl_store_get(daemon->store, "procedure", id, &item, err);
    const struct dpl_run_kind *kind =
        rc < 0 ? NULL : dpl_run_kind_find(dpl_doc_text(item.doc, "kind"));
    if (rc == DPL_OK && !kind)
        rc = dpl_err_set(err, DPL_E_UNSUPPORTED, "procedure %s is of a kind that is unknown here",
                         id);
    if (rc == DPL_OK && dpl_doc_tree(item.doc, "given_up"))
        rc = dpl_err_set(err, DPL_E_REFUSED, "procedure %s was given up", id);
    if (rc == DPL_OK)
        rc = dpl_procedure_read(item.doc, kind, &machine, err);
    if (rc == DPL_OK)
        rc = back ? dpl_procedure_undo(&machine, err) : dpl_procedure_resume(&machine, err);
    if (rc < 0)
        return rc;
    struct dpl_run *run = run_new(daemon, &item, kind);
    run->machine = machine;
    dpl_procedure_sign(daemon, run->doc);
    dpl_run_log(run, back ? "it is undone from here" : "it runs from here");
    dpl_run_later(run, 0, turn);
    return DPL_OK;
}

void dpl_run_stop(struct dpl_run *run)
{
    dpl_procedure_stop(&run->machine);
    dpl_run_log(run, "it is asked to stop after this step");
}

/* --- what steps say --------------------------------------------------------------------------- */

void dpl_run_ok(struct dpl_run *run, const char *format, ...)
{
    va_list args;
    if (format) {
        va_start(args, format);
        vsnprintf(run->text, sizeof run->text, format, args);
        va_end(args);
    }
    end_deed(run, DPL_OUTCOME_OK);
}

void dpl_run_fail(struct dpl_run *run, const struct dpl_err *err)
{
    dpl_doc_set_format(run->doc, "why", "%s: %s", step_of(run)->name, err->text);
    dpl_doc_set_int(run->doc, "code", err->code);
    end_deed(run, DPL_OUTCOME_FAILED);
}

void dpl_run_failf(struct dpl_run *run, int code, const char *format, ...)
{
    struct dpl_err err = {0};
    va_list args;
    va_start(args, format);
    g_autofree char *text = g_strdup_vprintf(format, args);
    va_end(args);
    dpl_err_set(&err, code, "%s", text);
    dpl_run_fail(run, &err);
}

bool dpl_run_stopped(struct dpl_run *run)
{
    if (!run->machine.stop)
        return false;
    g_autofree char *waited = g_strdup(run->text);
    dpl_run_failf(run, DPL_E_INTERRUPTED, "stopped by hand while it waited: %s", waited);
    return true;
}

void dpl_run_ok_or_fail(struct dpl_run *run, int rc, const struct dpl_doc *answer,
                        const struct dpl_err *err)
{
    (void)answer;
    if (rc < 0)
        dpl_run_fail(run, err);
    else
        dpl_run_ok(run, NULL);
}

void dpl_run_wait(struct dpl_run *run, const char *question, const char *format, ...)
{
    char text[400];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    dpl_doc_set_format(run->doc, "why", "%s: %s", step_of(run)->name, text);
    dpl_doc_set_text(run->doc, "question", question);
    end_deed(run, DPL_OUTCOME_WAITS);
}

void dpl_run_tell(struct dpl_run *run, const char *format, ...)
{
    char text[sizeof run->text];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (strcmp(text, run->text) == 0)
        return;
    g_strlcpy(run->text, text, sizeof run->text);
    dpl_run_log(run, text);
}

const struct dpl_doc *dpl_run_options(const struct dpl_run *run)
{
    return dpl_doc_tree(run->doc, "options");
}

struct dpl_doc *dpl_run_facts(struct dpl_run *run)
{
    struct dpl_doc *facts = dpl_doc_get_mutable(run->doc, "facts");
    return facts ? facts : dpl_doc_set_tree(run->doc, "facts");
}

int64_t dpl_run_generation(const struct dpl_run *run)
{
    return dpl_doc_int(run->doc, "generation", 0);
}

int64_t dpl_run_elapsed_ms(const struct dpl_run *run)
{
    return (dpl_clock_now_ns(&dpl_clock_system) - run->deed_ns) / 1000000;
}
