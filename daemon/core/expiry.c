/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/core/expiry.h"

enum { DAY_S = 24 * 3600 };

int64_t dpl_expiry_days(const struct dpl_expiry *expiry, int64_t now_s)
{
    int64_t left_s = expiry->ends_s - now_s;
    return left_s >= 0 ? left_s / DAY_S : -((-left_s + DAY_S - 1) / DAY_S);
}

bool dpl_expiry_due(struct dpl_expiry *expiry, int64_t warn_days, int64_t now_s)
{
    if (expiry->ends_s == 0 || dpl_expiry_days(expiry, now_s) >= warn_days)
        return false;
    if (expiry->told_s != 0 && now_s >= expiry->told_s && now_s - expiry->told_s < DAY_S)
        return false;
    expiry->told_s = now_s;
    return true;
}
