/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Sums of blocks, as a mirror compares them: XXH3 of 128 bits in its canonical form. Pure.
 */
#ifndef DPL_PROTO_SUMS_H
#define DPL_PROTO_SUMS_H

#include <stddef.h>
#include <stdint.h>

enum {
    DPL_SUM_BYTES = 16,
    DPL_SUM_COARSE = 1024 * 1024, /* the two sizes of a block */
    DPL_SUM_FINE = 4096,
};

/* The sum of each block of data, the last of which may be shorter, into sums. Returns their number.
 */
size_t dpl_sums(const void *data, size_t bytes, uint32_t block, uint8_t *sums);

#endif
