/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Marks beneath the runtime directory that a boot of the host ends: what was done since then, for a
 * daemon that starts again. The boot's id stands in each, because that directory may outlive one.
 */
#ifndef DPL_PARENT_BOOT_MARK_H
#define DPL_PARENT_BOOT_MARK_H

#include "daemon/parent/daemon.h"

/* KIND is a directory there; the mark has the set's name. */
bool dpl_boot_mark_is(const struct dpl_set *set, const char *kind);
int dpl_boot_mark_put(const struct dpl_set *set, const char *kind, struct dpl_err *err);
/* None is no error. */
int dpl_boot_mark_drop(const struct dpl_set *set, const char *kind, struct dpl_err *err);

#endif
