/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/core/bucket.h"

#define SECOND_NS INT64_C(1000000000)

enum { PIECE_MIN = 16 * 1024 };

/* What may be saved up: a tenth of a second's worth. */
static int64_t depth(const struct dpl_bucket *b)
{
    uint64_t tenth = b->rate / 10;
    return (int64_t)(tenth > PIECE_MIN ? tenth : PIECE_MIN);
}

static void fill(struct dpl_bucket *b, int64_t now_ns)
{
    int64_t passed = now_ns - b->at_ns;
    if (passed <= 0)
        return;
    /* Whole bytes only: the time that has not yet made one stays for the next turn. */
    if (passed > 1000 * SECOND_NS)
        passed = 1000 * SECOND_NS;
    unsigned __int128 product = (unsigned __int128)b->rate * (uint64_t)passed;
    int64_t bytes = (int64_t)(product / (uint64_t)SECOND_NS);
    if (bytes == 0)
        return;
    b->tokens += bytes;
    int64_t rest = b->rate ? (int64_t)((uint64_t)(product % (uint64_t)SECOND_NS) / b->rate) : 0;
    b->at_ns = now_ns - rest;
    if (b->tokens > depth(b))
        b->tokens = depth(b);
}

void dpl_bucket_set(struct dpl_bucket *b, uint64_t rate, int64_t now_ns)
{
    fill(b, now_ns);
    b->rate = rate;
    b->at_ns = now_ns;
    if (b->tokens > depth(b))
        b->tokens = depth(b);
}

void dpl_bucket_take(struct dpl_bucket *b, uint64_t bytes, int64_t now_ns)
{
    fill(b, now_ns);
    if (b->rate > 0)
        b->tokens -= (int64_t)bytes;
}

int64_t dpl_bucket_wait_ns(struct dpl_bucket *b, int64_t now_ns)
{
    fill(b, now_ns);
    if (b->rate == 0 || b->tokens >= 0)
        return 0;
    uint64_t debt = (uint64_t)-b->tokens;
    unsigned __int128 ns = (unsigned __int128)debt * (uint64_t)SECOND_NS / b->rate + 1;
    return ns > 3600 * (uint64_t)SECOND_NS ? 3600 * SECOND_NS : (int64_t)ns;
}

uint64_t dpl_bucket_piece(const struct dpl_bucket *b, uint64_t most)
{
    uint64_t piece = b->rate / 20 > PIECE_MIN ? b->rate / 20 : PIECE_MIN;
    return b->rate == 0 || piece > most ? most : piece;
}
