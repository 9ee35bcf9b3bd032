/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The kinds of procedures.
 */
#include "daemon/parent/failover.h"
#include "daemon/parent/restore.h"

#include <string.h>

static const struct dpl_run_kind *const kinds[] = {
    &dpl_failover_kind,
    &dpl_restore_kind,
    &dpl_failback_kind,
    &dpl_discard_kind,
};

const struct dpl_run_kind *dpl_run_kind_find(const char *name)
{
    for (size_t i = 0; name && i < G_N_ELEMENTS(kinds); i++)
        if (strcmp(kinds[i]->name, name) == 0)
            return kinds[i];
    return NULL;
}
