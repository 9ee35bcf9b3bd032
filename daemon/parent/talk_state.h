/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The question "state" between sites: what a set is here. The answer:
 *
 *   site, node      who answers
 *   ready           whether its store is whole: what is not in it may be new elsewhere if not
 *   role, generation, failing_over, ceded, released_for, restore_required: as in the set's
 * document, where they are there held            it serves by its role, and nothing of it runs: it
 * started cold state, state_ms the set's state as this node sees it, and for how long rules, roots,
 * map   of the set, where its document has them engine          what the engine says, where it runs
 * on this node: doppel-link(8) of a source, doppel-replica(8) of a target position        {epoch,
 * lsn}: what is durable at the target, as this node's engine knows it drained         of a source's
 * engine here: the target holds all that was captured of a cluster, where Pacemaker answers in
 * time: owner           the node on which the set's resources run; "" for none stopped         true
 * when no node has a resource of the set that is of its services
 */
#ifndef DPL_PARENT_TALK_STATE_H
#define DPL_PARENT_TALK_STATE_H

#include "daemon/parent/talk.h"

dpl_talk_handler dpl_talk_state;

#endif
