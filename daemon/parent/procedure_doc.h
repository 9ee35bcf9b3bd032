/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Records of procedures as documents (run.h says what is in them).
 *
 * A record is made first, then named in the set's document; it is open when it is named there and
 * has not ended. So a crash in between leaves a record that never began, and holds nobody up.
 */
#ifndef DPL_PARENT_PROCEDURE_DOC_H
#define DPL_PARENT_PROCEDURE_DOC_H

#include "daemon/parent/run.h"

enum { DPL_PROCEDURES_KEPT = 20 }; /* of a set, that have ended */

/* A new record; the caller owns it. */
struct dpl_doc *dpl_procedure_doc(const struct dpl_run_kind *kind, const char *set,
                                  int64_t generation, const struct dpl_doc *options);
/* A name that no procedure has. The caller frees. */
char *dpl_procedure_id(const struct dpl_daemon *daemon, const char *set);
/* This node runs it: its name and a new token. */
void dpl_procedure_sign(const struct dpl_daemon *daemon, struct dpl_doc *doc);

/* CORRUPT for a record that cannot be one of that kind. */
int dpl_procedure_read(const struct dpl_doc *doc, const struct dpl_run_kind *kind,
                       struct dpl_procedure *p, struct dpl_err *err);
void dpl_procedure_write(const struct dpl_procedure *p, struct dpl_doc *doc);
void dpl_procedure_step_begun(struct dpl_doc *doc, size_t at);
void dpl_procedure_step_ended(struct dpl_doc *doc, size_t at, const char *text);
void dpl_procedure_ended_now(struct dpl_doc *doc);

/* It came to its end, or was given up. */
bool dpl_procedure_has_ended(const struct dpl_doc *doc);
/* The open procedure of a set; NULL: none. Borrowed from the store. */
const char *dpl_procedure_open(const struct dpl_daemon *daemon, const char *set);
/* The same with its record, in *id_r its name. */
const struct dpl_doc *dpl_procedure_open_doc(const struct dpl_daemon *daemon, const char *set,
                                             const char **id_r);
/* Whether the node that runs it is there, by what this one knows. */
bool dpl_procedure_attended(const struct dpl_daemon *daemon, const char *id,
                            const struct dpl_doc *doc);
/* The open one of a set where nobody runs it: it goes on by a person's doing alone. As
 * dpl_procedure_open_doc. */
const struct dpl_doc *dpl_procedure_resting(const struct dpl_daemon *daemon, const char *set,
                                            const char **id_r);
/* Its state for people: one that runs, and whose runner is gone, is interrupted. */
const char *dpl_procedure_state_seen(const struct dpl_doc *doc, bool attended);
/* What a doppeld of this node ran that is no more, rests: any node goes on with it. Called whenever
 * the store has become ready. */
void dpl_procedures_left(struct dpl_daemon *daemon);
/* Forgets the oldest that have ended, or never began, beyond what is kept. */
void dpl_procedures_prune(struct dpl_daemon *daemon, const char *set);

#endif
