/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The object map: entries of any content, whose CRC is put right so that what comes behind it is
 * reached. What is taken is written again as the same bytes.
 */
#include "daemon/apply/map.h"
#include "lib/journal/crc32c.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void one(const uint8_t *bytes, size_t size, uint32_t crc)
{
    struct dpl_map_entry entry;
    uint8_t again[DPL_MAP_ENTRY_MAX];
    uint32_t read = crc, written = crc;
    ssize_t n = dpl_map_entry_decode(&entry, bytes, size, &read);
    if (n < 0)
        return;
    g_assert((size_t)n <= size);
    g_assert(dpl_map_entry_encode(&entry, again, &written) == (size_t)n);
    g_assert(read == written && memcmp(bytes, again, (size_t)n) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    one(data, size, 0);
    if (size < DPL_MAP_ENTRY_HEADER)
        return 0;
    size_t whole = (size_t)data[2] << 8 | data[3];
    if (whole < 8 || whole > size)
        return 0;
    g_autofree uint8_t *copy = g_memdup2(data, size);
    uint32_t crc = dpl_crc32c(0, copy + 8, whole - 8);
    for (int i = 0; i < 4; i++)
        copy[4 + i] = (uint8_t)(crc >> (24 - 8 * i));
    one(copy, size, 0);
    return 0;
}
