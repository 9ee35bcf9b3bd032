/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/core/visits.h"

#define NS_PER_MS 1000000LL
#define FULL_MS   ((int64_t)DPL_VISITS_BURST * DPL_VISITS_EVERY_MS)

/* What the time since then is worth; the part of a millisecond counts next time. */
static void refill(struct dpl_visits *visits, int64_t now_ns)
{
    int64_t more_ms = (now_ns - visits->seen_ns) / NS_PER_MS;
    if (visits->seen_ns == 0) {
        visits->credit_ms = FULL_MS;
        visits->seen_ns = now_ns;
        return;
    }
    visits->seen_ns += more_ms * NS_PER_MS;
    visits->credit_ms = more_ms < FULL_MS ? visits->credit_ms + more_ms : FULL_MS;
    if (visits->credit_ms > FULL_MS)
        visits->credit_ms = FULL_MS;
}

bool dpl_visits_enter(struct dpl_visits *visits, int64_t now_ns)
{
    refill(visits, now_ns);
    if (visits->open >= DPL_VISITS_OPEN || visits->credit_ms < DPL_VISITS_EVERY_MS)
        return false;
    visits->credit_ms -= DPL_VISITS_EVERY_MS;
    visits->open++;
    return true;
}

void dpl_visits_leave(struct dpl_visits *visits)
{
    if (visits->open > 0)
        visits->open--;
}
