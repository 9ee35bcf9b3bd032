/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Who tells the kernel to forget what it has cached of an object that was changed past the mount.
 *
 * Telling can wait: for a page that is being read, for a directory in which an op is under way. So
 * what tells must not be needed for that op's answer. Nor may it be a thread of the worker: one
 * that waits so in the kernel cannot be killed, the worker would not end, and its successor, who
 * alone could answer, would not begin. Therefore it is a process of its own, a child of the keeper
 * with descriptors of the devices and nothing else, which takes its orders from a ring in the
 * shared memory. It ends when the keeper does; it may be started again at any time, for to tell a
 * thing twice does no harm.
 */
#ifndef DPL_CAPTURE_TELLER_H
#define DPL_CAPTURE_TELLER_H

#include "daemon/capture/shared.h"

/* Starts it. Returns its process id, or -1 with errno. */
pid_t teller_start(struct shared *shared);

/* The worker's side, one thread: puts an order into the ring, waiting for room for some seconds;
 * then notes that orders were lost. Returns whether it is in the ring. */
bool teller_order(struct shared *shared, uint32_t root, enum shared_tell_kind kind, uint64_t node,
                  const char *name);

#endif
