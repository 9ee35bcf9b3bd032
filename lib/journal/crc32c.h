/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * CRC32C (Castagnoli), by the processor's instruction where it has one, by tables where not.
 *
 *     crc = dpl_crc32c(0, a, n); crc = dpl_crc32c(crc, b, m);      equals that of a and b joined
 */
#ifndef DPL_JOURNAL_CRC32C_H
#define DPL_JOURNAL_CRC32C_H

#include <stddef.h>
#include <stdint.h>

uint32_t dpl_crc32c(uint32_t crc, const void *data, size_t size);
/* Without the instruction: for processors that lack it, and for the test that compares both. */
uint32_t dpl_crc32c_tables(uint32_t crc, const void *data, size_t size);

#endif
