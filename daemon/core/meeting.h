/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What follows for a set that serves here from what the other site says of it. Pure.
 */
#ifndef DPL_CORE_MEETING_H
#define DPL_CORE_MEETING_H

#include "daemon/core/set_role.h"

enum dpl_meeting {
    DPL_MEETING_UNKNOWN,      /* it did not answer, or does not know all of its own site */
    DPL_MEETING_MAY_SERVE,    /* it does not serve, and nothing began there that would */
    DPL_MEETING_FAILING_OVER, /* a failover to it is under way, with a higher generation */
    DPL_MEETING_SUPERSEDED,   /* it serves, with a higher generation */
    DPL_MEETING_TIE,          /* it serves with the same one: a person says which is meant */
    DPL_MEETING_LOWER,        /* it serves with a lower one, and stops when it hears of ours */
    DPL_MEETING_NOBODY,       /* it does not serve, and has a higher one: ours is an old store */
};

/* What the other site says. */
struct dpl_other_side {
    bool answered;
    bool whole; /* its store has all that was ever changed there */
    enum dpl_set_role role;
    int64_t generation;
    int64_t failing_over; /* pending there; 0: none */
};

enum dpl_meeting dpl_meeting_of(const struct dpl_set_side *ours,
                                const struct dpl_other_side *other);

#endif
