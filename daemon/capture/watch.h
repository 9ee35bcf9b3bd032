/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Changes past the mounts: found, told, and put right as far as can be.
 *
 * The keeper sets a mark on each lower file system before it mounts, and looks who has files of a
 * root open for writing (watch_begin). A thread of the worker reads the events (watch_start): what
 * was changed by somebody else and lies beneath a root is forgotten by the kernel (teller.h); if it
 * is in the set it is counted, logged, and named in the journal, so that the target asks for it.
 * When events were lost all of the set is.
 *
 * Events of ours are told by the process id, which is noted in shared memory by each worker, and
 * kept until the events of those that died have been read. Not seen: stores through a shared map
 * (who had one before the mount is named in the journal once), and a change of an object that the
 * kernel does not know and whose path cannot be told.
 */
#ifndef DPL_CAPTURE_WATCH_H
#define DPL_CAPTURE_WATCH_H

#include "daemon/capture/options.h"

struct worker;

/* In the keeper, before the mounts. What this host cannot do is said, and is no failure. */
void watch_begin(const struct options *options, struct shared *shared);

/* In the worker, before its first change of anything. */
void watch_note_own(struct shared *shared);
/* Names in the journal what was mapped for writing before the mount: first worker only. */
void watch_record_mapped(struct worker *worker);
int watch_start(struct worker *worker, struct dpl_err *err);

#endif
