/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/tls/fingerprint.h"

#include <stddef.h>
#include <string.h>

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

enum { SPOKEN_DIGITS = 25, GROUP = 5, TYPED_MAX = 64 };

void dpl_fingerprint_hex(const uint8_t digest[DPL_FINGERPRINT_BYTES],
                         char text[DPL_FINGERPRINT_HEX])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < DPL_FINGERPRINT_BYTES; i++) {
        *text++ = digits[digest[i] >> 4];
        *text++ = digits[digest[i] & 15];
    }
    *text = '\0';
}

/* Five bits, the first of which is number `bit`. */
static unsigned five_bits(const uint8_t *digest, unsigned bit)
{
    unsigned two = (unsigned)digest[bit / 8] << 8 | digest[bit / 8 + 1];
    return two >> (11 - bit % 8) & 31;
}

void dpl_fingerprint_spoken(const uint8_t digest[DPL_FINGERPRINT_BYTES],
                            char text[DPL_FINGERPRINT_SPOKEN])
{
    for (unsigned i = 0; i < SPOKEN_DIGITS; i++) {
        if (i > 0 && i % GROUP == 0)
            *text++ = '-';
        *text++ = alphabet[five_bits(digest, i * 5)];
    }
    *text = '\0';
}

/* As it was typed, without what does not matter; false if there is too much of it. */
static bool squeeze(const char *typed, char out[TYPED_MAX + 1])
{
    size_t n = 0;
    for (; *typed; typed++) {
        if (strchr(" \t-:", *typed))
            continue;
        if (n == TYPED_MAX)
            return false;
        out[n++] = *typed >= 'a' && *typed <= 'z' ? (char)(*typed - 'a' + 'A') : *typed;
    }
    out[n] = '\0';
    return true;
}

static bool same_digit(char typed, char wanted)
{
    if (typed == 'I' || typed == 'L')
        typed = '1';
    if (typed == 'O')
        typed = '0';
    return typed == wanted;
}

bool dpl_fingerprint_matches(const char *typed, const uint8_t digest[DPL_FINGERPRINT_BYTES])
{
    char have[TYPED_MAX + 1], want[DPL_FINGERPRINT_HEX], wanted[TYPED_MAX + 1];
    if (!squeeze(typed, have))
        return false;
    if (strlen(have) == TYPED_MAX) {
        dpl_fingerprint_hex(digest, want);
        return squeeze(want, wanted) && strcmp(have, wanted) == 0;
    }
    dpl_fingerprint_spoken(digest, want);
    if (!squeeze(want, wanted) || strlen(have) != strlen(wanted))
        return false;
    for (size_t i = 0; wanted[i]; i++) {
        if (!same_digit(have[i], wanted[i]))
            return false;
    }
    return true;
}
