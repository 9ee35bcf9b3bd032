/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Figures for people and tests.
 */
#ifndef DPL_CAPTURE_REPORT_H
#define DPL_CAPTURE_REPORT_H

#include "daemon/capture/shared.h"

/* One line "doppel-capture: figures name=value …" on standard error. */
void report_figures(const struct shared *shared);

#endif
