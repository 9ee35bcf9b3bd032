/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * mailer: a record is a line "writer step before...", filled to MAILER_HEAD bytes, and a body that
 * follows from writer and step.
 */
#include "tests/crash/mailer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9U;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebU;
    return x ^ (x >> 31);
}

size_t mailer_encode(const struct mailer_record *record, char *text)
{
    uint64_t seed = mix(((uint64_t)record->writer << 40) + (uint64_t)record->step + 1);
    size_t body = (size_t)(seed % MAILER_BODY);
    int used = snprintf(text, MAILER_HEAD, "%d %ld", record->writer, record->step);
    for (int i = 0; i <= MAILER_MOST; i++)
        used += snprintf(text + used, MAILER_HEAD - (size_t)used, " %ld", record->before[i]);
    memset(text + used, ' ', MAILER_HEAD - (size_t)used);
    text[MAILER_HEAD - 1] = '\n';
    for (size_t i = 0; i < body; i += 8) {
        uint64_t next = mix(seed + i);
        memcpy(text + MAILER_HEAD + i, &next, body - i < 8 ? body - i : 8);
    }
    return MAILER_HEAD + body;
}

bool mailer_decode(struct mailer_record *record, const char *text, size_t size)
{
    static char again[MAILER_BYTES];
    char head[MAILER_HEAD], *at = head;
    if (size < MAILER_HEAD || size > MAILER_BYTES || text[MAILER_HEAD - 1] != '\n')
        return false;
    memcpy(head, text, MAILER_HEAD - 1);
    head[MAILER_HEAD - 1] = '\0';
    record->writer = (int)strtol(at, &at, 10);
    record->step = strtol(at, &at, 10);
    for (int i = 0; i <= MAILER_MOST; i++)
        record->before[i] = strtol(at, &at, 10);
    return mailer_encode(record, again) == size && memcmp(again, text, size) == 0;
}
