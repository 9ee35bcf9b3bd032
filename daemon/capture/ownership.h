/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The owner's stamp on the shared disk (lib/capstat/owner.h), where the options ask for it: what
 * the last ownership was decides the number and the parent of this one's epoch, and what of the
 * journals here may still be sent.
 */
#ifndef DPL_CAPTURE_OWNERSHIP_H
#define DPL_CAPTURE_OWNERSHIP_H

#include "daemon/capture/options.h"

#include "lib/journal/segment.h"

/* The number above that of the disk, and the parent if the last ownership was closed. Journals of
 * others than that one go: they were a former owner's. */
int ownership_choose(const struct options *options, int journal_fd, struct dpl_epoch *epoch,
                     struct dpl_err *err);
/* Uses up the stamp of the last one, durably: after it nothing may follow that. A disk that does
 * not take a stamp loses the old one, and the next owner compares everything. */
int ownership_take(const struct options *options, const struct dpl_epoch *epoch,
                   struct dpl_err *err);
/* Nothing was mounted: the last one's stamp stands again. */
void ownership_give_back(void);
/* Everything is unmounted: closes the stamp if the journal ended well and the disk below has all.
 */
void ownership_end(const struct options *options, const struct shared *shared);

#endif
