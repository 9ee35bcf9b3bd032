/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/core/service_order.h"

static enum dpl_service_step stop_last(const enum dpl_service_state *states, size_t from,
                                       size_t count, size_t *which_r)
{
    for (size_t i = count; i > from; i--)
        if (states[i - 1] != DPL_SERVICE_STOPPED) {
            *which_r = i - 1;
            return DPL_SERVICE_STOP;
        }
    return DPL_SERVICE_NOTHING;
}

enum dpl_service_step dpl_service_next(bool wanted, const enum dpl_service_state *states,
                                       size_t count, size_t *which_r)
{
    size_t up = 0;
    for (size_t i = 0; i < count; i++)
        if (states[i] == DPL_SERVICE_UNKNOWN) {
            *which_r = i;
            return DPL_SERVICE_LOOK;
        }
    if (!wanted)
        return stop_last(states, 0, count, which_r);
    while (up < count && states[up] == DPL_SERVICE_UP)
        up++;
    if (stop_last(states, up, count, which_r) == DPL_SERVICE_STOP)
        return DPL_SERVICE_STOP;
    *which_r = up;
    return up < count ? DPL_SERVICE_START : DPL_SERVICE_NOTHING;
}
