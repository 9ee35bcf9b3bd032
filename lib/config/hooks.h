/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The programs of an administrator that are run at an event: those of HOOKS_DIR/EVENT.d, in the
 * order of their names.
 */
#ifndef DPL_CONFIG_HOOKS_H
#define DPL_CONFIG_HOOKS_H

#include <glib.h>

#define DPL_HOOKS_DIR "hooks.d" /* beside doppel.conf */

/* What each of them may expect to be a file that root alone can write, for it runs as root. */
#define DPL_HOOKS_RULE                                                                             \
    "root alone must own and write it, as an executable file named by letters, digits, '-' and "   \
    "'_'"

/* Their paths, in order; g_ptr_array_unref. Those that may not be run are in *refused_r, likewise,
 * but for names that begin with a dot. No such directory: none. */
GPtrArray *dpl_hooks_list(const char *dir, GPtrArray **refused_r);

#endif
