/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/journal/crc32c.h"
#include "tests/prop/gen.h"
#include "tests/unit/unit.h"

#include <string.h>

static uint8_t data[4000], body[40000], again[40000];

static void identity(void)
{
    struct rng r = rng_start(11);
    struct gen g = {.data = data, .data_room = sizeof data};
    for (unsigned i = 0, n = rounds(20000); i < n; i++) {
        struct dpl_record in, out;
        struct dpl_err err = {0};
        gen_record(&r, &g, 0, &in);
        ssize_t size = dpl_record_encode(&in, body, sizeof body, &err);
        CU_ASSERT_FATAL(size >= 0);
        CU_ASSERT_EQUAL((size_t)size, dpl_record_body_bytes(&in));
        out.lsn = in.lsn;
        out.time_ns = in.time_ns;
        CU_ASSERT_EQUAL(dpl_record_decode(&out, in.type, in.outcome, body, (size_t)size, &err), 0);
        CU_ASSERT_TRUE_FATAL(gen_equal(&in, &out));
        CU_ASSERT_EQUAL(dpl_record_encode(&out, again, sizeof again, &err), size);
        CU_ASSERT_EQUAL(memcmp(body, again, (size_t)size), 0);
        ssize_t head = dpl_record_encode_head(&in, again, sizeof again, &err);
        CU_ASSERT_EQUAL((size_t)head, dpl_record_head_bytes(&in));
        CU_ASSERT_EQUAL(memcmp(body, again, (size_t)head), 0);
    }
}

static void prefixes(void)
{
    struct rng r = rng_start(12);
    struct gen g = {.data = data, .data_room = 30};
    for (unsigned i = 0, n = rounds(300); i < n; i++) {
        struct dpl_record in, out = {0};
        gen_record(&r, &g, 0, &in);
        ssize_t size = dpl_record_encode(&in, body, sizeof body, NULL);
        if (in.outcome != DPL_OUTCOME_OK)
            continue;
        for (size_t cut = 0; cut < (size_t)size; cut++)
            if (dpl_record_decode(&out, in.type, in.outcome, body, cut, NULL) == 0) {
                /* Only where whole optional fields were cut off. */
                CU_ASSERT_EQUAL(dpl_record_body_bytes(&out), cut);
                CU_ASSERT_EQUAL(out.has & ~in.has, 0);
                CU_ASSERT_NOT_EQUAL(out.has, in.has);
            }
    }
}

static void junk(void)
{
    struct rng r = rng_start(13);
    struct gen g = {.data = data, .data_room = 100};
    unsigned taken = 0, refused = 0;
    for (unsigned i = 0, n = rounds(20000); i < n; i++) {
        struct dpl_record in, out = {0};
        gen_record(&r, &g, 0, &in);
        size_t size = (size_t)dpl_record_encode(&in, body, sizeof body, NULL);
        for (unsigned k = 1 + rng_below(&r, 3); k > 0 && size > 0; k--)
            body[rng_below(&r, (uint32_t)size)] = (uint8_t)rng_next(&r);
        if (dpl_record_decode(&out, in.type, in.outcome, body, size, NULL) < 0) {
            refused++;
            continue;
        }
        /* What is taken is encodable: the decoder's bounds are the encoder's. */
        taken++;
        CU_ASSERT_TRUE_FATAL(dpl_record_encode(&out, again, sizeof again, NULL) >= 0);
    }
    CU_ASSERT_TRUE(taken > 0 && refused > 0);
}

static void crc_joins(void)
{
    struct rng r = rng_start(14);
    static uint8_t bytes[100000];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)rng_next(&r);
    for (unsigned i = 0, n = rounds(600); i < n; i++) {
        size_t from = rng_below(&r, 64);
        size_t size = rng_below(&r, rng_one_in(&r, 2) ? 3000 : (uint32_t)(sizeof bytes - 64));
        size_t cut = rng_below(&r, (uint32_t)size + 1);
        uint32_t whole = dpl_crc32c(0, bytes + from, size);
        CU_ASSERT_EQUAL(whole, dpl_crc32c_tables(0, bytes + from, size));
        CU_ASSERT_EQUAL(
            whole, dpl_crc32c(dpl_crc32c(0, bytes + from, cut), bytes + from + cut, size - cut));
    }
}

static const struct unit_test tests[] = {
    {"decode of encode is the identity, and sizes are foretold exactly", identity},
    {"no strict prefix of a body passes for the whole", prefixes},
    {"a changed body is refused, or is another valid record", junk},
    {"a CRC by instruction is that by tables, for any size, place and cut", crc_joins},
};
UNIT_MAIN(tests)
