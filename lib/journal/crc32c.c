/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The instruction takes 8 bytes per cycle but answers after 3, so one stream would use a third of
 * it: long input is cut into three lanes that run side by side, and are joined by shifting a CRC
 * over the zeros that stand for the lanes behind it (a table per byte of the CRC, as for any linear
 * map).
 */
#include "lib/journal/crc32c.h"

#include <stdbool.h>
#include <string.h>

enum { POLY = 0x82f63b78, LANE_LONG = 8192, LANE_SHORT = 256 };

static uint32_t slices[8][256];

static void slices_init(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t crc = i;
        for (int bit = 0; bit < 8; bit++)
            crc = (crc >> 1) ^ (crc & 1 ? (uint32_t)POLY : 0);
        slices[0][i] = crc;
    }
    for (uint32_t i = 0; i < 256; i++)
        for (int k = 1; k < 8; k++)
            slices[k][i] = (slices[k - 1][i] >> 8) ^ slices[0][slices[k - 1][i] & 0xff];
}

static uint64_t load64(const uint8_t *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

static uint32_t load_le32(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

uint32_t dpl_crc32c_tables(uint32_t crc, const void *data, size_t size)
{
    const uint8_t *at = data;
    crc = ~crc;
    for (; size >= 8; size -= 8, at += 8) {
        uint32_t low = crc ^ load_le32(at), high = load_le32(at + 4);
        crc = slices[7][low & 0xff] ^ slices[6][low >> 8 & 0xff] ^ slices[5][low >> 16 & 0xff] ^
              slices[4][low >> 24] ^ slices[3][high & 0xff] ^ slices[2][high >> 8 & 0xff] ^
              slices[1][high >> 16 & 0xff] ^ slices[0][high >> 24];
    }
    for (; size > 0; size--)
        crc = (crc >> 8) ^ slices[0][(crc ^ *at++) & 0xff];
    return ~crc;
}

#ifdef __x86_64__
static bool have_instruction;
static uint32_t shift_long[4][256], shift_short[4][256];

/* The CRC of what gave `crc` and `zeros` zero bytes behind it, by the plain rule. */
static uint32_t over_zeros(uint32_t crc, size_t zeros)
{
    for (; zeros > 0; zeros--)
        crc = (crc >> 8) ^ slices[0][crc & 0xff];
    return crc;
}

static void shift_init(uint32_t table[4][256], size_t zeros)
{
    uint32_t basis[32];
    for (int bit = 0; bit < 32; bit++)
        basis[bit] = over_zeros(1U << bit, zeros);
    for (int byte = 0; byte < 4; byte++)
        for (uint32_t i = 0; i < 256; i++) {
            uint32_t sum = 0;
            for (int bit = 0; bit < 8; bit++)
                sum ^= i >> bit & 1 ? basis[8 * byte + bit] : 0;
            table[byte][i] = sum;
        }
}

static uint32_t shift(uint32_t table[4][256], uint32_t crc)
{
    return table[0][crc & 0xff] ^ table[1][crc >> 8 & 0xff] ^ table[2][crc >> 16 & 0xff] ^
           table[3][crc >> 24];
}

__attribute__((target("sse4.2"))) static uint64_t lanes(uint64_t crc, const uint8_t *at,
                                                        size_t lane, uint32_t table[4][256])
{
    uint64_t second = 0, third = 0;
    for (const uint8_t *end = at + lane; at < end; at += 8) {
        crc = __builtin_ia32_crc32di(crc, load64(at));
        second = __builtin_ia32_crc32di(second, load64(at + lane));
        third = __builtin_ia32_crc32di(third, load64(at + 2 * lane));
    }
    crc = shift(table, (uint32_t)crc) ^ (uint32_t)second;
    return shift(table, (uint32_t)crc) ^ (uint32_t)third;
}

__attribute__((target("sse4.2"))) static uint32_t by_instruction(uint32_t start, const uint8_t *at,
                                                                 size_t size)
{
    uint64_t crc = (uint32_t)~start;
    for (; size >= 3 * LANE_LONG; size -= 3 * LANE_LONG, at += 3 * LANE_LONG)
        crc = lanes(crc, at, LANE_LONG, shift_long);
    for (; size >= 3 * LANE_SHORT; size -= 3 * LANE_SHORT, at += 3 * LANE_SHORT)
        crc = lanes(crc, at, LANE_SHORT, shift_short);
    for (; size >= 8; size -= 8, at += 8)
        crc = __builtin_ia32_crc32di(crc, load64(at));
    uint32_t last = (uint32_t)crc;
    for (; size > 0; size--)
        last = __builtin_ia32_crc32qi(last, *at++);
    return ~last;
}
#endif

__attribute__((constructor)) static void crc32c_init(void)
{
    slices_init();
#ifdef __x86_64__
    shift_init(shift_long, LANE_LONG);
    shift_init(shift_short, LANE_SHORT);
    __builtin_cpu_init();
    have_instruction = __builtin_cpu_supports("sse4.2");
#endif
}

uint32_t dpl_crc32c(uint32_t crc, const void *data, size_t size)
{
#ifdef __x86_64__
    if (have_instruction)
        return by_instruction(crc, data, size);
#endif
    return dpl_crc32c_tables(crc, data, size);
}
