/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The commands "procedure show", "resume", "undo" and "stop", and the beginning of any procedure.
 */
#ifndef DPL_PARENT_PROCEDURE_COMMAND_H
#define DPL_PARENT_PROCEDURE_COMMAND_H

#include "daemon/parent/run.h"

void dpl_procedure_command(struct dpl_daemon *daemon, struct dpl_request *request);

/* REFUSED, with the id and the commands that go on with it, when the set has an open procedure. One
 * of another kind that rests where nothing of it can be undone any more holds nobody up: it is
 * given up by the one that begins. */
int dpl_procedure_may_begin(const struct dpl_daemon *daemon, const char *set,
                            const struct dpl_run_kind *kind, struct dpl_err *err);
/* Makes the record, names it in the set's document, runs it, and answers {procedure: ID, steps: as
 * dpl_procedure_plan}. Options are copied. */
void dpl_procedure_begin(struct dpl_set *set, const struct dpl_run_kind *kind, int64_t generation,
                         const struct dpl_doc *options, struct dpl_request *request);
/* Whether it asks for the plan alone. */
bool dpl_procedure_is_plan(const struct dpl_request *request);
/* The steps of a kind, as --plan prints them. The caller owns the list. */
struct dpl_doc *dpl_procedure_plan(const struct dpl_run_kind *kind);

#endif
