/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Changes of the store by the daemon: a document is put, and when every node has it durably, or it
 * was refused, whoever asked for it is answered.
 *
 * Who asked waits for a bounded time: when the others do not acknowledge within it the answer says
 * so, and the change may be made later.
 */
#ifndef DPL_PARENT_CHANGE_H
#define DPL_PARENT_CHANGE_H

#include "daemon/parent/daemon.h"

/* The change of the document of that name has ended: answers the request, which is NULL where
 * nobody waits; err is never NULL. */
typedef void dpl_change_fn(struct dpl_daemon *daemon, struct dpl_request *request, const char *name,
                           int rc, const struct dpl_err *err);

/* Puts the document, or with NULL deletes it, as dpl_store_put. then NULL: the request is answered
 * with 0 or the error; without a request an error is logged. May end before this returns. */
void dpl_change(struct dpl_daemon *daemon, const char *kind, const char *name,
                const struct dpl_store_version *expected, const struct dpl_doc *doc,
                struct dpl_request *request, dpl_change_fn *then);
/* Puts the set's document, as something found that is looked at again and again: nothing while the
 * last one of these is on its way. */
void dpl_change_found(struct dpl_set *set, const struct dpl_doc *doc);
/* doppeld stops: answers all. */
void dpl_changes_end(struct dpl_daemon *daemon);

#endif
