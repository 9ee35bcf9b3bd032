/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The state of a replica: any bytes, and the same with length and CRC put right. What is taken is
 * written again as the same bytes.
 */
#include "daemon/apply/replica-state.h"
#include "lib/journal/crc32c.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void one(const uint8_t *bytes, size_t size)
{
    static struct dpl_replica_state state;
    static uint8_t again[DPL_REPLICA_STATE_MAX];
    if (dpl_replica_state_decode(&state, bytes, size, NULL) < 0)
        return;
    g_assert(dpl_replica_state_encode(&state, again) == size);
    g_assert(memcmp(bytes, again, size) == 0);
}

static void put(uint8_t *to, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        to[i] = (uint8_t)(value >> (24 - 8 * i));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    one(data, size);
    if (size < 16)
        return 0;
    g_autofree uint8_t *copy = g_memdup2(data, size);
    static const uint8_t magic[8] = {'D', 'P', 'L', 'R', 'S', 'T', 'A', '1'};
    memcpy(copy, magic, sizeof magic);
    put(copy + 8, (uint32_t)size);
    put(copy + size - 4, dpl_crc32c(0, copy, size - 4));
    one(copy, size);
    return 0;
}
