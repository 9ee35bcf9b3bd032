/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Ends a service for sure. It is asked first (its own signal to its master, and to what has lost
 * its master); what hangs beyond its time is killed; success means that none of it runs.
 */
#ifndef DPL_SERVICE_STOP_H
#define DPL_SERVICE_STOP_H

#include "lib/service/own.h"

struct dpl_service_stop {
    const struct dpl_service *service;
    const struct dpl_service_memory *memory;
    const struct dpl_clock *clock;
    int64_t kill_ns;     /* from then on all of it is killed */
    int64_t deadline_ns; /* then it has failed */
    int found, killed;   /* processes, for who tells of it */
};

int dpl_service_stop(struct dpl_service_stop *stop, struct dpl_err *err);

#endif
