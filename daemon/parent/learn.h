/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a target has to know of its source while it can still be asked, so that it can serve when it
 * is gone: the rules of the set.
 */
#ifndef DPL_PARENT_LEARN_H
#define DPL_PARENT_LEARN_H

#include "daemon/parent/daemon.h"

/* A target is connected: asks, now and again as long as it is. */
void dpl_learn_begin(struct dpl_set *set);
void dpl_learn_end(struct dpl_set *set);

#endif
