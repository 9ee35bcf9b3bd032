/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/proto/sums.h"

#include <string.h>
#include <xxhash.h>

size_t dpl_sums(const void *data, size_t bytes, uint32_t block, uint8_t *sums)
{
    const uint8_t *at = data;
    size_t count = 0;
    for (; bytes > 0; count++) {
        size_t size = bytes < block ? bytes : block;
        XXH128_canonical_t sum;
        XXH128_canonicalFromHash(&sum, XXH3_128bits(at, size));
        memcpy(sums + count * DPL_SUM_BYTES, sum.digest, DPL_SUM_BYTES);
        at += size;
        bytes -= size;
    }
    return count;
}
