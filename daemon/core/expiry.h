/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * When people are told that a certificate ends: from some weeks before on, once a day. Pure.
 */
#ifndef DPL_CORE_EXPIRY_H
#define DPL_CORE_EXPIRY_H

#include <stdbool.h>
#include <stdint.h>

struct dpl_expiry {
    int64_t ends_s; /* since 1970; 0: there is no certificate */
    int64_t told_s; /* when it was told last; 0: never */
};

/* Days until the end, rounded down; negative when it is over. */
int64_t dpl_expiry_days(const struct dpl_expiry *expiry, int64_t now_s);
/* Whether it is to be told now, because fewer than so many days are left; that is noted. A clock
 * that went back makes nobody silent. */
bool dpl_expiry_due(struct dpl_expiry *expiry, int64_t warn_days, int64_t now_s);

#endif
