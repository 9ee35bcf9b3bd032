/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Durations, sizes and shares as people write them.
 *
 * A duration without a unit is in seconds, as everywhere in Pacemaker. Sizes are powers of 1024.
 * Each function answers DPL_E_PARAM, with what was expected, for anything else than a whole value
 * in range; *value_r is set on success only.
 */
#ifndef DPL_BASE_UNITS_H
#define DPL_BASE_UNITS_H

#include "lib/base/err.h"

#include <stdint.h>

/* In nanoseconds, behind any moment of a clock, it is still a number: over a hundred years. */
#define DPL_UNITS_DURATION_MAX_MS (INT64_MAX / 2 / 1000000)
/* "500ms", "5s", "5", "2min", "2m", "1h", "1d" ("sec", "msec", "hr", "us", "usec" too). */
int dpl_units_duration_ms(const char *text, int64_t *value_r, struct dpl_err *err);
/* "4096", "64K", "20G", "1T", also with "iB" or "B" behind the letter. */
int dpl_units_size_bytes(const char *text, int64_t *value_r, struct dpl_err *err);
/* "10%": 0 to 100. */
int dpl_units_percent(const char *text, int64_t *value_r, struct dpl_err *err);
/* A decimal whole number from min to max. */
int dpl_units_number(const char *text, int64_t min, int64_t max, int64_t *value_r,
                     struct dpl_err *err);
/* yes, no, true, false, on, off, 1, 0 in any case: 1 or 0. */
int dpl_units_boolean(const char *text, int64_t *value_r, struct dpl_err *err);

#endif
