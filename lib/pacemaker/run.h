/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Runs one of Pacemaker's programs and takes what it prints.
 *
 * It waits, at most until the deadline; then the program is killed. So it is for processes that may
 * wait. Output is bounded.
 */
#ifndef DPL_PACEMAKER_RUN_H
#define DPL_PACEMAKER_RUN_H

#include "lib/base/err.h"

#include <stddef.h>
#include <stdint.h>

enum { DPL_PCMK_OUTPUT_MAX = 16 << 20 };

/* argv is ended by NULL and begins with the program, which is looked for in PATH. Its standard
 * output is the caller's (g_free), with a zero byte behind it; out_r may be NULL. NOT_INSTALLED,
 * TIMEOUT, FAILED with what it said on standard error. */
int dpl_pcmk_run(const char *const *argv, int64_t timeout_ms, char **out_r, size_t *size_r,
                 struct dpl_err *err);

#endif
