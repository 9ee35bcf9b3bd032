/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * A UUID as people and file systems write it: 8-4-4-4-12 hexadecimal digits.
 */
#ifndef DPL_BASE_UUID_H
#define DPL_BASE_UUID_H

#include <stdbool.h>
#include <stdint.h>

enum { DPL_UUID_TEXT = 37 };

/* In small letters. */
void dpl_uuid_format(const uint8_t uuid[16], char text[DPL_UUID_TEXT]);
/* False, and nothing is set: it is none. */
bool dpl_uuid_parse(const char *text, uint8_t uuid_r[16]);

#endif
