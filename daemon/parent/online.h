/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The hooks of online.d and offline.d on a stand-alone server, where no source-connection runs
 * them: online.d when the set serves and is captured, before its services start; offline.d when
 * these have stopped, before the capture ends, and not when it is gone already.
 *
 * That online.d has run is marked until offline.d has, so a daemon that starts again does not run
 * it again; one that dies while they run does.
 */
#ifndef DPL_PARENT_ONLINE_H
#define DPL_PARENT_ONLINE_H

#include "daemon/parent/daemon.h"

struct dpl_online {
    struct dpl_set *set;
    bool is, wanted, running;
    void (*ended)(void *self);
    void *self;
};

/* ended is called when a turn has ended, maybe before that returns. */
void dpl_online_begin(struct dpl_online *online, struct dpl_set *set, void (*ended)(void *self),
                      void *self);
void dpl_online_end(struct dpl_online *online);
/* Whether there is a turn to make before services start (wanted), or the capture ends. */
bool dpl_online_is_due(const struct dpl_online *online, bool wanted);
void dpl_online_turn(struct dpl_online *online, bool wanted);

#endif
