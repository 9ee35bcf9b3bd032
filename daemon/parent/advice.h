/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a person needs to know of a set first: how bad it is, what is wrong, and what to type next.
 *
 * An open procedure comes before all else, for it is what brings the set into order; then what this
 * site does not do any more, or does in the other one's place; then its replication.
 */
#ifndef DPL_PARENT_ADVICE_H
#define DPL_PARENT_ADVICE_H

#include "daemon/parent/daemon.h"

/* As Nagios counts. */
enum dpl_level { DPL_LEVEL_OK, DPL_LEVEL_WARNING, DPL_LEVEL_CRITICAL, DPL_LEVEL_UNKNOWN };

enum dpl_level dpl_advice_level(const struct dpl_set *set);
/* The sentences "wrong" and "next". */
void dpl_advice_put_wrong(struct dpl_doc *doc, const struct dpl_set *set);
void dpl_advice_put_next(struct dpl_doc *doc, const struct dpl_set *set);

#endif
