/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * What an agent remembers while its resource runs: a small text beneath the runtime directory, so
 * that a boot forgets it.
 */
#ifndef DPL_OCF_STATE_H
#define DPL_OCF_STATE_H

#include "lib/ocf/agent.h"

#include <stdio.h>

enum { DPL_OCF_STATE_PATH = 512 };

/* Where the resource has its file of this suffix ("state"). by_hand names it where the agent runs
 * without a resource's name; NULL: as the instance is called. */
void dpl_ocf_state_path(const struct dpl_ocf_run *run, const char *by_hand, const char *suffix,
                        char path[DPL_OCF_STATE_PATH]);
/* Replaces the file by what print writes of the state; on failure the old one stands. */
int dpl_ocf_state_write(const char *path, void (*print)(FILE *file, const void *state),
                        const void *state, struct dpl_err *err);
/* A file that is not there is removed. */
int dpl_ocf_state_remove(const char *path, struct dpl_err *err);

#endif
