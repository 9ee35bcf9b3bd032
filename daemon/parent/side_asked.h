/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the site that serves asks of the other one, in a restore and a failback:
 *
 *   standby {generation, rules, map, parted_ms}
 *       stand by for it: the map is {source: there, target: here}; parted_ms: until when all that
 *       was done here has come there
 *   settle {generation, procedure, rules}
 *       this site is going to serve, by these rules: it holds that number pending, closes its
 *       replica to the source and applies what came; answers {settled}, the document of settle.h,
 *       when it has
 *   withdraw {generation}
 *       that number will never serve here
 *   serve {generation}
 *       serve, with that number
 *   online
 *       {missing: what does not run yet}, absent when all does
 *   protect
 *       connect, and make the other site equal
 *
 * Each may be asked again. Those that change something answer when it is durable, with the role.
 */
#ifndef DPL_PARENT_SIDE_ASKED_H
#define DPL_PARENT_SIDE_ASKED_H

#include "daemon/parent/talk.h"

dpl_talk_handler dpl_side_stand_by, dpl_side_settle, dpl_side_withdraw, dpl_side_serve,
    dpl_side_online, dpl_side_protect;

#endif
