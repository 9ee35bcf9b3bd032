/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The node attributes doppel-SET.state and doppel-SET.lag (seconds) of this node, for people and
 * their monitors, while an agent has asked for the set here: transient, set by Pacemaker's
 * attrd_updater, one at a time. The loop waits for none; what cannot be set is logged once and
 * tried at the next change.
 */
#ifndef DPL_PARENT_ATTRIBUTE_H
#define DPL_PARENT_ATTRIBUTE_H

#include "daemon/parent/daemon.h"

/* Something of the set may have changed. */
void dpl_attribute_review(struct dpl_set *set);
void dpl_attribute_end(struct dpl_set *set);

#endif
