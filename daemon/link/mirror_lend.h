/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a mirror needs beside the session: the directories below the capture, which the daemon
 * lends, and the capture's own account of its journal.
 */
#ifndef DPL_LINK_MIRROR_LEND_H
#define DPL_LINK_MIRROR_LEND_H

#include "daemon/core/session_source.h"
#include "lib/capstat/capstat.h"

struct dpl_link;

/* Asks for the directories, and again now and then. */
void dpl_link_lend_ask(struct dpl_link *link);
/* Asks for a journal: the one that there is has ended, and the capture goes on without. */
void dpl_link_journal_ask(struct dpl_link *link);
void dpl_link_lend_back(struct dpl_link *link);
/* Guards: the file system is the one whose changes are journalled. REFUSED. */
int dpl_link_lend_check(struct dpl_link *link, struct dpl_err *err);

/* The figures of the capture that writes the epoch that is being sent. */
bool dpl_link_capture_now(struct dpl_link *link, struct dpl_capstat_now *now_r);
/* Whether that capture stands still: looked at once a second. */
bool dpl_link_capture_holds(struct dpl_link *link);
/* The newest epoch and a position of its journal before which no change is under way. */
int dpl_link_journal_end(struct dpl_link *link, struct dpl_source_offer *offer_r,
                         struct dpl_err *err);
/* Whether the capture writes a later journal than is being sent, behind changes that are in none.
 */
bool dpl_link_journal_left(struct dpl_link *link);

#endif
