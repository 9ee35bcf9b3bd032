/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a worker does before it reads its first request: it finishes, once, what its predecessor had
 * begun. One thread, nothing else runs.
 *
 * In this order: changes of lookup counts that were half made; nodes without references go (in
 * node_table_init); reserved records are tied to their slots, and those that belong to none become
 * void; then the slots: STARTED in the order of their positions, for these held locks and their
 * effect may be there; DONE, whose result is known; then what was read and not begun.
 */
#ifndef DPL_CAPTURE_TAKEOVER_H
#define DPL_CAPTURE_TAKEOVER_H

#include "daemon/capture/worker.h"

/* Before the node table is built. */
void takeover_counts(struct shared *shared);
/* After the arena is attached; thread is one of no slot. Slots that are in state GOT afterwards
 * hold requests that wait for a disk: each is left to a thread of its own. */
void takeover_run(struct worker *worker, struct thread *thread);

#endif
