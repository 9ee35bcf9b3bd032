/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Journal records and segment headers for people and as JSON, on standard output.
 */
#ifndef DPL_TOOLS_JOURNAL_PRINT_H
#define DPL_TOOLS_JOURNAL_PRINT_H

#include "lib/journal/record.h"
#include "lib/journal/segment.h"

#include <stdbool.h>

void journal_print_head(const struct dpl_segment_head *head, bool json);
void journal_print_record(const struct dpl_record *record, bool json);

#endif
