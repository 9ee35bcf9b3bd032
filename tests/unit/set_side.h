/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Whether two sides of a set are the same in everything.
 */
#ifndef DPL_TESTS_SET_SIDE_H
#define DPL_TESTS_SET_SIDE_H

#include "daemon/core/set_role.h"

static inline bool set_side_same(const struct dpl_set_side *a, const struct dpl_set_side *b)
{
    return a->role == b->role && a->generation == b->generation &&
           a->failing_over == b->failing_over && a->tried == b->tried &&
           a->released_for == b->released_for && a->ceded == b->ceded &&
           a->restore_required == b->restore_required && a->held == b->held;
}

#endif
