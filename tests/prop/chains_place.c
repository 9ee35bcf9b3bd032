/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * chains: where a round of a chain works, and its records as text.
 */
#include "tests/prop/chains.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct chains_place chains_place(const struct chains_options *o, int chain, long round)
{
    uint64_t z = o->seed * 1000003U + (uint64_t)chain * 7919U + (uint64_t)round;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    z ^= z >> 31;
    unsigned a = (unsigned)(z % CHAINS_DIRS);
    unsigned b = (unsigned)(z >> 8) % CHAINS_DIRS;
    struct chains_place p = {.root = (int)((z >> 16) % (unsigned)o->roots),
                             .mode = 0600 | (1 + (unsigned)(z >> 24) % 63)};
    p.log_root = (p.root + 1) % o->roots;
    snprintf(p.file_first, sizeof p.file_first, "d%u/new.%d.%ld", a, chain, round);
    snprintf(p.file_second, sizeof p.file_second, "d%u/file.%d.%ld", b, chain, round);
    snprintf(p.second_name, sizeof p.second_name, "d%u/name.%d.%ld", a, chain, round);
    snprintf(p.link, sizeof p.link, "d%u/link.%d.%ld", b, chain, round);
    snprintf(p.dir_first, sizeof p.dir_first, "d%u/dir.%d.%ld", b, chain, round);
    snprintf(p.dir_second, sizeof p.dir_second, "d%u/moved.%d.%ld", a, chain, round);
    return p;
}

void chains_record_encode(const struct chains_record *record, int chains, char *text)
{
    char line[CHAINS_RECORD + 64];
    int n = snprintf(line, sizeof line, "chain %d step %ld before", record->chain, record->step);
    for (int i = 0; i < chains; i++)
        n += snprintf(line + n, sizeof line - (size_t)n, " %ld", record->before[i]);
    memset(text, ' ', CHAINS_RECORD);
    memcpy(text, line, (size_t)n < CHAINS_RECORD - 1 ? (size_t)n : CHAINS_RECORD - 1);
    text[CHAINS_RECORD - 1] = '\n';
}

bool chains_record_decode(struct chains_record *record, int chains, const char *text, size_t size)
{
    char line[CHAINS_RECORD + 1];
    int used = 0;
    if (size != CHAINS_RECORD || text[CHAINS_RECORD - 1] != '\n')
        return false;
    memcpy(line, text, CHAINS_RECORD);
    line[CHAINS_RECORD] = '\0';
    if (sscanf(line, "chain %d step %ld before%n", &record->chain, &record->step, &used) != 2 ||
        used == 0)
        return false;
    char *at = line + used;
    for (int i = 0; i < chains; i++) {
        char *end;
        record->before[i] = strtol(at, &end, 10);
        if (end == at)
            return false;
        at = end;
    }
    return true;
}
