/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The keeper: the process that must not die, and therefore does little.
 *
 * It opens the device, mounts, makes the shared memory, and starts the worker by a raw clone with a
 * shared table of descriptors: a SIGKILL of the worker closes nothing, so the connections live.
 * When the worker is gone, with every thread, the keeper closes the descriptors that nobody noted
 * and starts the next. It parses nothing that an application or a peer sends.
 *
 * It can be replaced: by a new program (SIGUSR2), or, after it was killed, by one that the worker
 * starts. In both cases the worker is killed first, and its successor takes over as always. Only
 * the death of both within the same moment ends the connections.
 */
#ifndef DPL_CAPTURE_KEEPER_H
#define DPL_CAPTURE_KEEPER_H

#include "daemon/capture/options.h"

/* Captures until told to stop; returns the exit status. argv is what main() got. ready_fd, or -1,
 * is written to and closed when the roots are captured. */
int keeper_run(const struct options *options, char **argv, int ready_fd);

/* Called by a worker whose keeper is gone, again and again until it is dead: starts a successor,
 * which kills us; another one only if that has died first. */
void keeper_replace(const struct memory *memory);

#endif
