/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * doppel-capture --status: how captures are, from their status pages and the kernel's own list of
 * connections. No path on a mount is touched.
 */
#ifndef DPL_CAPTURE_STATUS_H
#define DPL_CAPTURE_STATUS_H

#include "daemon/capture/options.h"

enum status_exit {
    STATUS_SERVING = 0,
    STATUS_FAILED = 1,
    STATUS_NOT_RUNNING = 3,
    STATUS_STUCK = 5, /* or not serving yet */
    STATUS_NO_JOURNAL = 6,
};

/* Prints; returns the exit status: the worst where several sets are asked for. */
int status_run(const struct options *options);

#endif
