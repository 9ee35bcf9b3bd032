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

/* The worker's side: puts an order into the ring. If there is no room it notes that orders were
 * lost, after some seconds of waiting for room if patient: not for a thread that serves, or holds
 * locks. Returns whether it is in the ring. */
bool teller_order(struct shared *shared, bool patient, const struct shared_tell *order);

#endif
