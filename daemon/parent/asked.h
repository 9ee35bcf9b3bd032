/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What agents ask for: a set that is captured and connected here (source-connection), and the right
 * to write a replica here (replica). In a cluster nothing of a set runs without.
 *
 * The options stand in set->asked from the start to the stop. They are kept beneath the runtime
 * directory too, so that a daemon that is started again goes on; a boot forgets them. Nothing here
 * looks at the shared disk: programs do, and the loop waits for none of them.
 *
 *   a source   IDLE ─start─► STARTING ─captured─► IDLE (asked)
 *              ─stop─► ENDING (doppel-capture --stop) ─► FLUSHING (flush_timeout) ─► LEAVING ─►
 *              IDLE or, released, ─► DRAINING: it sends on what the journal holds (sender.h)
 *              A start that comes before it is stopped waits for that: each of these phases ends by
 *              itself, and an agent whose start is refused has its node banned.
 *   a target   IDLE ─start─► OPENING ─► IDLE (asked) ─stop─► LEAVING ─► IDLE
 */
#ifndef DPL_PARENT_ASKED_H
#define DPL_PARENT_ASKED_H

#include "daemon/parent/daemon.h"

/* The commands. */
void dpl_asked_connection_start(struct dpl_set *set, struct dpl_request *request);
void dpl_asked_connection_stop(struct dpl_set *set, struct dpl_request *request);
void dpl_asked_replica_start(struct dpl_set *set, struct dpl_request *request);
void dpl_asked_replica_stop(struct dpl_set *set, struct dpl_request *request);

/* What an earlier daemon was asked for. Before capture and engine begin. */
void dpl_asked_load(struct dpl_set *set);
/* The set ends. */
void dpl_asked_forget(struct dpl_set *set);
/* Something of the set may have changed. */
void dpl_asked_review(struct dpl_set *set);
/* Its capture could not be started. */
void dpl_asked_no_capture(struct dpl_set *set, const char *why);
void dpl_asked_engine_ended(struct dpl_set *set);
/* Whether its engine may run now. */
bool dpl_asked_engine(struct dpl_set *set);

#endif
