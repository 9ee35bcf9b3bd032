/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a link may do: read what the journal and the source's files are, and remove what of the
 * journal is its own. Nothing of a peer's bytes is parsed before this has been given up.
 */
#ifndef DPL_LINK_RIGHTS_H
#define DPL_LINK_RIGHTS_H

#include "lib/base/err.h"

/* Keeps CAP_DAC_READ_SEARCH alone, for good: no program that is run gets more. Does nothing for who
 * has none. */
int dpl_link_rights_drop(struct dpl_err *err);

#endif
