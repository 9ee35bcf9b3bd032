/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Services asked as clients do, by doppel-probe, for a procedure.
 */
#ifndef DPL_PARENT_PROBE_H
#define DPL_PARENT_PROBE_H

#include "daemon/parent/daemon.h"

typedef void dpl_probe_fn(void *self, int rc, const struct dpl_err *err);

/* points: texts as "imap:198.51.100.10:143". fn is called once, maybe before this returns; FAILED
 * with the first that does not answer. */
void dpl_probe_points(struct dpl_daemon *daemon, const struct dpl_doc *points, dpl_probe_fn *fn,
                      void *self);
void dpl_probes_end(void);

#endif
