/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The synced position: everything before it is on the disk below, whatever happens to this node.
 *
 * A thread of the worker syncs the file systems below every few seconds. The position is the lowest
 * one that was open when a sync began; after it has succeeded it is in shared memory, and in the
 * journal, so that the target knows which ops this disk may still lose. After a sync that failed it
 * never moves again in this epoch. The errors are taken from descriptors that nobody else syncs by.
 * The thread also sees when the clock was set, for the mark's time.
 */
#ifndef DPL_CAPTURE_SYNCED_H
#define DPL_CAPTURE_SYNCED_H

#include "daemon/capture/worker.h"

/* Starts the thread, which ends with the process. */
int synced_start(struct worker *worker, struct dpl_err *err);

#endif
