/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * From options to a captured set: memory, journal, mounts.
 */
#ifndef DPL_CAPTURE_SETUP_H
#define DPL_CAPTURE_SETUP_H

#include "daemon/capture/capability.h"
#include "daemon/capture/options.h"

/* What the host and the roots can do; the caller clears the findings. */
int setup_look(const struct options *options, struct dpl_findings *findings, struct dpl_err *err);
/* Everything or nothing: on failure no mount is left. */
int setup_capture(const struct options *options, struct memory *memory, struct dpl_err *err);

#endif
