/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * How often somebody who is known may come: so many at once, and so many in a row, from then on one
 * in so many milliseconds. Pure: the caller says what time it is.
 */
#ifndef DPL_CORE_VISITS_H
#define DPL_CORE_VISITS_H

#include <stdbool.h>
#include <stdint.h>

enum {
    DPL_VISITS_OPEN = 8,
    DPL_VISITS_BURST = 40,
    DPL_VISITS_EVERY_MS = 100,
};

/* Begins with all zero. */
struct dpl_visits {
    unsigned open;
    int64_t seen_ns; /* 0: never */
    int64_t credit_ms;
};

/* Whether it may come; then it counts as open until it has left. */
bool dpl_visits_enter(struct dpl_visits *visits, int64_t now_ns);
void dpl_visits_leave(struct dpl_visits *visits);

#endif
