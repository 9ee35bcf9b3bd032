/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The end of an action's time. Shortly before Pacemaker would kill the agent, mute, the agent says
 * what it was doing and exits by itself with OCF_ERR_GENERIC.
 */
#ifndef DPL_OCF_DEADLINE_H
#define DPL_OCF_DEADLINE_H

#include "lib/ocf/steps.h"

/* How long before the timeout the agent gives up: a twentieth, 50 ms to 1 s, at most half. */
int64_t dpl_ocf_deadline_margin_ms(int64_t timeout_ms);
/* Arms it for this process: children that it forks do not inherit the timer. action and steps are
 * borrowed until the process ends. timeout_ms 0 does nothing. */
void dpl_ocf_deadline_arm(const char *action, int64_t timeout_ms,
                          const struct dpl_ocf_steps *steps);

#endif
