/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Sums over what a takeover acts on. The shared memory outlives a worker that may have died of
 * writing where it should not: what such a worker damaged is not to be believed.
 *
 * A node's identity is summed when it is filled in, a slot's pre-image when it is kept, its result
 * before it is DONE. All are looked at by a successor alone; see doc/adr/0006.
 */
#ifndef DPL_CAPTURE_CHECK_H
#define DPL_CAPTURE_CHECK_H

#include "daemon/capture/shared.h"

uint32_t check_node(const struct node *node);
uint32_t check_pre(const struct slot *slot);
uint32_t check_done(const struct slot *slot);

#endif
