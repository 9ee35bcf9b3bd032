/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The parts of ocf:doppel:source-connection.
 */
#ifndef DPL_AGENTS_SOURCE_CONNECTION_H
#define DPL_AGENTS_SOURCE_CONNECTION_H

#include "agents/ask.h"

#include <stdbool.h>

/* How the capture of a set is, by lock, page, fusectl and list of mounts: no path of it is touched.
 */
struct sc_capture {
    enum { SC_SERVES, SC_PASSES, SC_STARTS, SC_STUCK, SC_GONE } state;
    bool mounted;     /* by us, whatever became of who served it */
    uint64_t waiting; /* requests of applications that nobody has answered */
};
/* One that seems stuck is given this time to give a sign. */
void sc_capture_look(const char *run_dir, const char *set, int64_t patience_ms,
                     struct sc_capture *capture_r);
/* Whether nothing of it is left on this node. */
bool sc_capture_none(const char *run_dir, const char *set);

/* Whether a person took the set out of our hands: `doppel emergency detach`. */
bool sc_detached(const char *set);

/* The parameters as arguments of "connection start". The caller owns it. */
struct dpl_doc *sc_arguments(const struct dpl_ocf_run *run);

int sc_monitor(struct dpl_ocf_run *run, struct dpl_err *err);
int sc_probe(struct dpl_ocf_run *run, struct dpl_err *err);
int sc_stop(struct dpl_ocf_run *run, struct dpl_err *err);

/* Runs the hooks of online.d or offline.d. */
void sc_hooks(struct dpl_ocf_run *run, const struct host *host, const char *name, const char *set,
              int64_t generation);

#endif
