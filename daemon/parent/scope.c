/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/parent/scope.h"

#include <unistd.h>

bool dpl_scope_args(GPtrArray *args, const char *unit)
{
    if (access("/run/systemd/system", F_OK) != 0 || access(DPL_SCOPE_PROGRAM, X_OK) != 0)
        return false;
    g_ptr_array_add(args, g_strdup("--scope"));
    g_ptr_array_add(args, g_strdup("--quiet"));
    g_ptr_array_add(args, g_strdup("--collect"));
    if (unit)
        g_ptr_array_add(args, g_strdup_printf("--unit=%s", unit));
    return true;
}
