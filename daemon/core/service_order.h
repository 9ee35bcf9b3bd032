/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What to do next with the services of a set on a stand-alone server. Pure.
 *
 * They stand in the order in which they start. None runs while one before it does not; so one that
 * failed takes those behind it down first. What is not known is looked at before anything is done.
 */
#ifndef DPL_CORE_SERVICE_ORDER_H
#define DPL_CORE_SERVICE_ORDER_H

#include <stdbool.h>
#include <stddef.h>

enum dpl_service_state {
    DPL_SERVICE_UNKNOWN,
    DPL_SERVICE_STOPPED,
    DPL_SERVICE_UP,
    DPL_SERVICE_FAILED, /* it may run in part, or have failed to stop */
};

enum dpl_service_step {
    DPL_SERVICE_NOTHING, /* all are as they should be */
    DPL_SERVICE_LOOK,
    DPL_SERVICE_START,
    DPL_SERVICE_STOP,
};

/* The next step, and in *which_r of which service. */
enum dpl_service_step dpl_service_next(bool wanted, const enum dpl_service_state *states,
                                       size_t count, size_t *which_r);

#endif
