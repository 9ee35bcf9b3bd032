/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Who has what to do with a set's files on this node: services that use them, or the replica that
 * writes them, never both.
 *
 * A claim is a file RUN_DIR/claim/SET/KIND.WHO; it lasts until it is dropped or the node boots.
 * Agents take it in start, before anything else, and drop it in stop, after everything else. Taking
 * and dropping is done under a lock of the directory.
 */
#ifndef DPL_CLIENT_CLAIM_H
#define DPL_CLIENT_CLAIM_H

#include "lib/base/err.h"

enum dpl_claim {
    DPL_CLAIM_SERVICE, /* the connection, or a service whose data lies in the set: any number */
    DPL_CLAIM_REPLICA,
};

/* who is the resource's name. REFUSED while a claim of the other kind is there, with its name. A
 * claim that is held already is taken again. */
int dpl_claim_take(const char *run_dir, const char *set, enum dpl_claim kind, const char *who,
                   struct dpl_err *err);
/* One that is not held is no error. */
int dpl_claim_drop(const char *run_dir, const char *set, enum dpl_claim kind, const char *who,
                   struct dpl_err *err);
/* Whether this one is held: 1, 0, or a negative code. */
int dpl_claim_held(const char *run_dir, const char *set, enum dpl_claim kind, const char *who,
                   struct dpl_err *err);

#endif
