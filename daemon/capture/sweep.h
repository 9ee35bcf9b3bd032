/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Descriptors between two workers: what nobody noted is closed, what must live is kept.
 */
#ifndef DPL_CAPTURE_SWEEP_H
#define DPL_CAPTURE_SWEEP_H

#include "daemon/capture/shared.h"

/* Notes what is open now as the keeper's own. */
void sweep_note_own(void);
void sweep_add_own(int fd);
/* Closes all but the keeper's and those that nodes hold. No worker may run. Allocates nothing. */
void sweep_descriptors(struct shared *shared);
/* Lets the descriptors that nodes hold live through an exec. */
void sweep_keep_over_exec(const struct shared *shared);

#endif
