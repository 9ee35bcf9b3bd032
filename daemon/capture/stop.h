/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Ending a capture from outside: doppel-capture --stop and --clear-stale.
 *
 * The order is that of unmount.h, root by root; then the keeper and the worker end by themselves,
 * and if they do not, they are killed: without mounts no application needs them. It is done when
 * nobody holds the set's lock and none of its mounts is left in any namespace. Never run by keeper
 * or worker themselves. Works without any daemon, and for what has died already.
 */
#ifndef DPL_CAPTURE_STOP_H
#define DPL_CAPTURE_STOP_H

#include "daemon/capture/options.h"

/* Exit statuses: 0, or that of the table of errors: 6 (DEGRADED) all is gone, but not in order, 3
 * (TIMEOUT) something is left. */
int stop_run(const struct options *options);
int stop_clear_stale(const struct options *options);

#endif
