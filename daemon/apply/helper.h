/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The thread that waits for the disk at a checkpoint, while the engine receives and applies. One
 * piece of work at a time, each in a thread of its own; where none can be made, the work is done at
 * once. The engine polls the descriptor, which is readable when a piece has been done.
 *
 * The thread touches the work that it was given and nothing else, and takes no signals.
 */
#ifndef DPL_APPLY_HELPER_H
#define DPL_APPLY_HELPER_H

#include "daemon/apply/replica.h"

#include <pthread.h>

struct dpl_helper {
    int fd; /* owned */
    bool running;
    pthread_t thread;
    struct dpl_checkpoint *work; /* borrowed */
    struct dpl_replica_helper calls;
};

/* Must stay where it is. Without a descriptor (-1) nothing tells that a piece was done. */
int dpl_helper_init(struct dpl_helper *helper, struct dpl_err *err);
void dpl_helper_done(struct dpl_helper *helper);
/* Whether a piece has been done since the last call. */
bool dpl_helper_heard(struct dpl_helper *helper);

#endif
