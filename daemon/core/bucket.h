/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A bound on bytes per second: a token bucket. What is taken may be more than is there, so that a
 * message is never divided; the next one waits until the debt is paid. Pure: the caller says what
 * time it is, which never goes back.
 */
#ifndef DPL_CORE_BUCKET_H
#define DPL_CORE_BUCKET_H

#include <stdint.h>

struct dpl_bucket {
    uint64_t rate; /* bytes per second, at most 2^40; 0: no bound */
    int64_t tokens;
    int64_t at_ns;
};

/* Changes the rate from now on; a debt stays. */
void dpl_bucket_set(struct dpl_bucket *bucket, uint64_t rate, int64_t now_ns);
void dpl_bucket_take(struct dpl_bucket *bucket, uint64_t bytes, int64_t now_ns);
/* How long to wait before the next may be taken; 0: not at all. */
int64_t dpl_bucket_wait_ns(struct dpl_bucket *bucket, int64_t now_ns);
/* How much to take at once, so that a small rate does not come in large lumps. */
uint64_t dpl_bucket_piece(const struct dpl_bucket *bucket, uint64_t most);

#endif
