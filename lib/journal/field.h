/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Private to lib/journal: the fields of record bodies, one by one, by their table.
 */
#ifndef DPL_JOURNAL_FIELD_H
#define DPL_JOURNAL_FIELD_H

#include "lib/journal/record.h"
#include "lib/wire/reader.h"

enum { DPL_FIELD_HEADER = 6, DPL_FIELD_OPTIONAL = 0x8000 };

/* The index of the field with this tag, DPL_FIELD_COUNT if there is none; from is where to begin
 * (tags ascend). */
unsigned dpl_field_find(unsigned tag, unsigned from);
/* The bytes of its value. */
size_t dpl_field_bytes(const struct dpl_record *record, unsigned index);
/* Writes tag, length and value; DATA's value only if with_data. The caller has made sure of
 * DPL_FIELD_HEADER + dpl_field_bytes(); this is the hot path, so there is no cursor. Returns the
 * end. */
uint8_t *dpl_field_put(uint8_t *at, const struct dpl_record *record, unsigned index,
                       bool with_data);
/* Sets the member from its value; sets r's sticky error if that is no such value. */
void dpl_field_get(struct dpl_reader *r, struct dpl_record *record, unsigned index);
/* Whether the member's value is within the format's bounds. */
bool dpl_field_ok(const struct dpl_record *record, unsigned index);

#endif
