/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Programs whose processes outlive us: in a scope of their own where systemd runs, so that a
 * restart of our unit leaves them alone.
 */
#ifndef DPL_PARENT_SCOPE_H
#define DPL_PARENT_SCOPE_H

#include <glib.h>
#include <stdbool.h>

#define DPL_SCOPE_PROGRAM "/usr/bin/systemd-run"

/* If there are scopes here: puts what stands before the program's own path into args (of char *,
 * owned), and is true. unit NULL: systemd names it. */
bool dpl_scope_args(GPtrArray *args, const char *unit);

#endif
