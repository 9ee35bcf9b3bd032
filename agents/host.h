/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What doppel.conf(5) says of this host, for agents that ask doppeld or do without it.
 */
#ifndef DPL_AGENTS_HOST_H
#define DPL_AGENTS_HOST_H

#include "lib/base/err.h"

struct host {
    char *site, *run_dir, *state_dir; /* never NULL; site may be "" */
};

/* CONFIG where the file is missing or wrong; then *host_r has the defaults, as a stop needs them.
 * End with host_done in any case. */
int host_read(struct host *host_r, struct dpl_err *err);
void host_done(struct host *host);

#endif
