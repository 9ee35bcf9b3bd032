/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Hooks: the programs of hooks.d/NAME.d beside the configuration, one after the other, with what
 * they are about in their environment. Their time is bounded; what they print goes to the log.
 */
#ifndef DPL_PARENT_HOOK_H
#define DPL_PARENT_HOOK_H

#include "daemon/parent/run.h"

typedef void dpl_hooks_fn(void *self, int rc, const struct dpl_err *err);

/* Of a procedure, a minute each. fn is called once, maybe before this returns; not after the
 * daemon's end. FAILED, with the first that failed in err: it ended the row, unless `all`. */
void dpl_hooks_run(const struct dpl_run *run, const char *name, bool all, dpl_hooks_fn *fn,
                   void *self);
/* online or offline, of a set on a stand-alone server, as the agent source-connection runs them in
 * a cluster: all of them, for ten seconds altogether. */
void dpl_hooks_run_set(struct dpl_set *set, const char *name, dpl_hooks_fn *fn, void *self);
/* Ends those with this self; its fn is not called any more. */
void dpl_hooks_forget(const void *self);
void dpl_hooks_end(struct dpl_daemon *daemon);

#endif
