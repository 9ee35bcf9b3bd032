/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * That a set was taken out of doppel's hands by `doppel emergency detach`: nothing captures it
 * until a person says so.
 *
 * It is said twice: on this node (STATE_DIR/detached/SET), for a disk that is away, and on the
 * set's disk beside the roots (.doppel/SET/detached), for the other nodes. Either counts. What was
 * changed in between nobody has seen: so the end of it opens the owner's stamp (owner.h), and
 * everything is compared.
 */
#ifndef DPL_CAPSTAT_DETACHED_H
#define DPL_CAPSTAT_DETACHED_H

#include "lib/base/err.h"

#include <stdbool.h>

/* root may be NULL: where it is not known. Durable where nothing is said: both are tried, whatever
 * becomes of the other. The result and *err are this node's, *disk_err the disk's. */
int dpl_detached_make(const char *state_dir, const char *root, const char *set,
                      struct dpl_err *disk_err, struct dpl_err *err);
bool dpl_detached_is(const char *state_dir, const char *root, const char *set);
/* Ends it, in both places; one that is not there is no error. */
int dpl_detached_end(const char *state_dir, const char *root, const char *set, struct dpl_err *err);

#endif
