/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Hooks of a procedure: the programs of hooks.d/NAME.d beside the configuration, one after the
 * other, with what the procedure is about in their environment. Each has a bounded time; what they
 * print goes to the log.
 */
#ifndef DPL_PARENT_HOOK_H
#define DPL_PARENT_HOOK_H

#include "daemon/parent/run.h"

typedef void dpl_hooks_fn(void *self, int rc, const struct dpl_err *err);

/* fn is called once, maybe before this returns; not after the daemon's end. FAILED, with the first
 * that failed in err: it ended the row, unless `all`. */
void dpl_hooks_run(const struct dpl_run *run, const char *name, bool all, dpl_hooks_fn *fn,
                   void *self);
void dpl_hooks_end(struct dpl_daemon *daemon);

#endif
