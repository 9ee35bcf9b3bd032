/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A change of a set's document that does not mind what else is changed meanwhile: it is made upon
 * the newest one, and again where another came between.
 */
#ifndef DPL_PARENT_SET_EDIT_H
#define DPL_PARENT_SET_EDIT_H

#include "daemon/parent/daemon.h"

/* Changes the copy: 1; 0: there is nothing to change; negative: it is refused. May be called more
 * than once. */
typedef int dpl_set_edit_fn(void *self, struct dpl_doc *doc, struct dpl_err *err);
/* It is durable, or was not needed, with 0; err is never NULL. */
typedef void dpl_set_edited_fn(void *self, int rc, const struct dpl_err *err);

/* done is called once, maybe before this returns. */
void dpl_set_edit(struct dpl_daemon *daemon, const char *set, dpl_set_edit_fn *edit,
                  dpl_set_edited_fn *done, void *self);
/* Nobody waits any more for the edits with this self; one that was begun may be made. */
void dpl_set_edits_forget(const void *self);

#endif
