/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the other site asks of a source when the set changes its site:
 *
 *   release {generation}    let go for that generation: the role is released, durably, before the
 *                           answer; the services stop by that
 *   stopped [{until, wait_ms}]  how far it is: {role, generation, released_for, stopped, owner,
 *                           unsent_bytes, drained, end: {epoch, tag, lsn, chain}, no_room, paused}
 *   cede {generation}       give the generation away: refused while anything of the services runs
 *   take_back {generation, withdrawn}  serve on; withdrawn: the other site gave the number up
 *
 * With `until`, one of the keys stopped and drained, the answer waits until that is so, at most for
 * wait_ms (and for some seconds in any case), and not for what the asker's site has no room for
 * (no_room; paused: its replica was paused by hand).
 *
 * `stopped` is true only when Pacemaker shows no resource of the set's services on any node, or, on
 * a stand-alone server, when nothing is captured. `end` and `drained` are known on the node that
 * sends; it keeps them in the store ("drained", by the set's name), so every node can answer.
 */
#ifndef DPL_PARENT_RELEASE_H
#define DPL_PARENT_RELEASE_H

#include "daemon/parent/talk.h"

dpl_talk_handler dpl_release_asked, dpl_release_stopped, dpl_release_cede, dpl_release_take_back;

/* Nobody waits any more. */
void dpl_release_end(void);
/* How many bytes of a set the other site has no room for; 0: none, or it is not known here. */
int64_t dpl_release_no_room(const struct dpl_set *set);
/* Looks whether all of a released set has been sent now. */
void dpl_release_review(struct dpl_set *set);

#endif
