/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/core/meeting.h"

/* What was once made durable at all nodes there stays true, however few of them are left. */
static enum dpl_meeting serves(const struct dpl_set_side *ours, const struct dpl_other_side *other)
{
    if (other->generation > ours->generation)
        return DPL_MEETING_SUPERSEDED;
    return other->generation == ours->generation ? DPL_MEETING_TIE : DPL_MEETING_LOWER;
}

enum dpl_meeting dpl_meeting_of(const struct dpl_set_side *ours, const struct dpl_other_side *other)
{
    if (!other->answered || other->role >= DPL_SET_ROLES)
        return DPL_MEETING_UNKNOWN;
    if (other->role == DPL_SET_ROLE_SERVING)
        return serves(ours, other);
    if (dpl_set_role_is_held_by(ours, other->failing_over))
        return DPL_MEETING_FAILING_OVER;
    if (other->generation > ours->generation)
        return DPL_MEETING_NOBODY;
    /* That it does not serve is worth nothing from a node that may have missed that it does. */
    return other->whole ? DPL_MEETING_MAY_SERVE : DPL_MEETING_UNKNOWN;
}
