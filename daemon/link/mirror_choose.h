/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Private to the mirrors of a link: which one is to be begun.
 */
#ifndef DPL_LINK_MIRROR_CHOOSE_H
#define DPL_LINK_MIRROR_CHOOSE_H

#include "daemon/link/mirror_run.h"

/* Whether there is one to be begun now; then `run` says what. */
bool dpl_link_mirror_choose(struct dpl_link *link, int64_t now_ns);
/* Whether it goes on where one stopped: records have come without a gap since then. */
bool dpl_link_mirror_goes_on(const struct dpl_link *link);

#endif
