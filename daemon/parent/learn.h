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
/* What the source says of its rules, whoever asked it. */
void dpl_learn_rules(struct dpl_set *set, const char *rules);
/* Why this site could not serve a set that stands by here, by the rules that it knows; the caller
 * frees. NULL: nothing is in the way. */
char *dpl_learn_flaw(const struct dpl_set *set);

#endif
