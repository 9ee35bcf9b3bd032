/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What agents read of the sets (lib/client/role.h): a file DIR/NAME for each, with the document as
 * the store has it, so that they need neither ask nor wait. It is written after the store, durably,
 * and all of them again when this begins.
 */
#ifndef DPL_STORE_PUBLISHED_H
#define DPL_STORE_PUBLISHED_H

#include "daemon/store/store.h"

/* Tells of a file that could not be written: an agent would read the old one. */
typedef void dpl_published_failed_fn(const char *set, const struct dpl_err *err);

/* Writes all, removes those of sets that are no more, and follows the store for as long as it is
 * there. dir is borrowed as long; failed may be NULL. */
int dpl_published_begin(struct dpl_store *store, const char *dir, dpl_published_failed_fn *failed,
                        struct dpl_err *err);
/* This node's copy says this from now on, until the store has another version; NULL: what the store
 * has. For what the store cannot take now. */
void dpl_published_say(const char *set, const struct dpl_doc *doc);

#endif
