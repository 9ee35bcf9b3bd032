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

/* What was changed beneath the roots here since their last owner ended is looked for when the set's
 * document asks for it: look_changed {number, since_ms}, the time from which on where the former
 * cannot be known. The node whose engine has the replica looks, and the store's document "changed"
 * of the set's name has what it found: {number, kept: {total, mails, unread, list, files}}, or
 * {number, failed}. */
void dpl_kept_changed_review(struct dpl_set *set);
/* A copy with the first files alone. The caller owns it. */
struct dpl_doc *dpl_kept_brief(const struct dpl_doc *kept);

#endif
