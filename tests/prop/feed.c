/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/prop/feed.h"

#include "lib/journal/crc32c.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct feed source;

static void stop(const char *why)
{
    printf("%s\n", why);
    exit(1);
}

void feed_begin(const struct dpl_epoch *epoch)
{
    if (!source.bytes)
        source.bytes = malloc(FEED_BYTES + MODEL_DATA + 8192);
    if (!source.bytes)
        stop("no memory for a journal");
    source.epoch = *epoch;
    source.size = source.count = 0;
    source.chain[0] = dpl_epoch_chain(&source.epoch);
}

void feed_record(void *self, const struct dpl_record *record)
{
    (void)self;
    uint8_t *body = source.bytes + source.size + DPL_RECORD_HEADER;
    if (source.count == FEED_RECORDS || source.size > FEED_BYTES)
        stop("the journal is too small");
    struct dpl_err err = {0};
    ssize_t n = dpl_record_encode(record, body, MODEL_DATA + 4096, &err);
    if (n < 0)
        stop(err.text);
    struct dpl_record_header h = {
        .size = (uint32_t)dpl_record_align((uint64_t)DPL_RECORD_HEADER + (uint64_t)n),
        .lsn = source.size,
        .epoch_tag = dpl_epoch_tag(&source.epoch),
        .time_ns = 1,
        .body_bytes = (uint32_t)n,
        .body_crc = dpl_crc32c(0, body, (size_t)n),
        .chain = source.chain[source.count],
        .type = record->type,
        .outcome = record->outcome,
    };
    memset(body + n, 0, h.size - DPL_RECORD_HEADER - (size_t)n);
    dpl_record_header_encode(&h, source.bytes + source.size);
    source.size += h.size;
    source.at[++source.count] = source.size;
    source.chain[source.count] = h.crc;
}

size_t feed_index(uint64_t lsn)
{
    size_t i = 0;
    while (i < source.count && source.at[i] < lsn)
        i++;
    if (source.at[i] != lsn)
        stop("no record begins there");
    return i;
}
