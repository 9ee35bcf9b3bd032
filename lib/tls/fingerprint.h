/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Fingerprints of public keys: what people compare before they trust another site.
 *
 * The digest is SHA-256 of the key as SubjectPublicKeyInfo (DER). For files it is 64 hexadecimal
 * digits; for people its first 125 bits as five groups of five characters, "7K3QX-...", from an
 * alphabet without I, L, O and U. To make another key with the same 125 bits takes 2^125 attempts.
 */
#ifndef DPL_TLS_FINGERPRINT_H
#define DPL_TLS_FINGERPRINT_H

#include <stdbool.h>
#include <stdint.h>

enum {
    DPL_FINGERPRINT_BYTES = 32,
    DPL_FINGERPRINT_HEX = 65,    /* with the zero byte */
    DPL_FINGERPRINT_SPOKEN = 30, /* the same */
};

void dpl_fingerprint_hex(const uint8_t digest[DPL_FINGERPRINT_BYTES],
                         char text[DPL_FINGERPRINT_HEX]);
void dpl_fingerprint_spoken(const uint8_t digest[DPL_FINGERPRINT_BYTES],
                            char text[DPL_FINGERPRINT_SPOKEN]);
/* Whether what a person typed, in either form and whole, is this digest. Case, spaces, '-' and ':'
 * do not matter; I and L are read as 1, O as 0. */
bool dpl_fingerprint_matches(const char *typed, const uint8_t digest[DPL_FINGERPRINT_BYTES]);

#endif
