/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Random numbers that come again with their seed.
 */
#ifndef DPL_TESTS_RNG_H
#define DPL_TESTS_RNG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

struct rng {
    uint64_t state;
};

static inline uint64_t rng_next(struct rng *r)
{
    uint64_t x = r->state += 0x9e3779b97f4a7c15ULL;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    return x ^ (x >> 31);
}

/* 0 to n-1; n is not 0. */
static inline uint32_t rng_below(struct rng *r, uint32_t n)
{
    return (uint32_t)((rng_next(r) >> 32) * n >> 32);
}

static inline bool rng_one_in(struct rng *r, uint32_t n)
{
    return rng_below(r, n) == 0;
}

/* The seed of this run: DPL_SEED, or a fixed one of the test, so that a failure is never a surprise
 * that cannot be repeated. Printed either way. */
static inline struct rng rng_start(uint64_t seed)
{
    const char *env = getenv("DPL_SEED");
    if (env)
        seed = strtoull(env, NULL, 0);
    printf("seed %llu\n", (unsigned long long)seed);
    return (struct rng){.state = seed};
}

/* How often to try: DPL_ROUNDS, or this. */
static inline unsigned rounds(unsigned normal)
{
    const char *env = getenv("DPL_ROUNDS");
    return env ? (unsigned)strtoul(env, NULL, 0) : normal;
}

#endif
