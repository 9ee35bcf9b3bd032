/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a site that stands by since a restore keeps of the time when it served, and has nowhere else
 * (doppel-kept): asked by the other site as
 *
 *   kept     {running: true} while it is looked for; then {kept: {total, never_came,
 *            never_came_mails, unread, exact, list, files: [{path, what, size, mtime_ms,
 * message_id}]}}, or {failed}
 *
 * never_came is there only where it is known up to when all has come to the site that took over
 * (parted_ms of the set's document). list is the file that has all of them.
 */
#ifndef DPL_PARENT_KEPT_H
#define DPL_PARENT_KEPT_H

#include "daemon/parent/talk.h"

dpl_talk_handler dpl_kept_asked;
/* The set ends. */
void dpl_kept_forget(struct dpl_set *set);

#endif
