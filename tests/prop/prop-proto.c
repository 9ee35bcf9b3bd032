/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/proto/compress.h"
#include "lib/proto/frame.h"
#include "tests/prop/msggen.h"
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

static uint8_t frame[20000], again[20000];
static struct msggen gen;

static struct dpl_message any(struct rng *r)
{
    unsigned types[DPL_MSG_END], n = msggen_types(types);
    struct dpl_message m;
    msggen_message(r, &gen, types[rng_below(r, n)], &m);
    return m;
}

static int decode(struct dpl_message *m, const uint8_t *bytes, size_t size)
{
    unsigned type, flags;
    size_t body;
    int rc = dpl_frame_head_decode(bytes, DPL_FRAME_BODY_MAX, &type, &flags, &body, NULL);
    if (rc < 0 || size - DPL_FRAME_HEAD != body)
        return DPL_E_CORRUPT;
    return dpl_message_decode(m, type, bytes + DPL_FRAME_HEAD, body, NULL);
}

static void identity(void)
{
    struct rng r = rng_start(21);
    for (unsigned i = 0, n = rounds(20000); i < n; i++) {
        struct dpl_message in = any(&r), out;
        struct dpl_err err = {0};
        ssize_t size = dpl_message_encode(&in, frame, sizeof frame, &err);
        if (size < 0)
            printf("%s\n", err.text);
        CU_ASSERT_FATAL(size > 0);
        CU_ASSERT_EQUAL((size_t)size, dpl_message_frame_bytes(&in));
        CU_ASSERT_EQUAL_FATAL(decode(&out, frame, (size_t)size), 0);
        CU_ASSERT_TRUE_FATAL(msggen_equal(&in, &out));
        ssize_t head = dpl_message_encode_head(&in, again, sizeof again, NULL);
        CU_ASSERT_FATAL(head > 0 && head <= DPL_MESSAGE_HEAD_MAX);
        CU_ASSERT_EQUAL(memcmp(frame, again, (size_t)head), 0);
        size_t behind = in.has & DPL_M(DATA) ? in.data.size : 0;
        CU_ASSERT_EQUAL((size_t)head + behind, (size_t)size);
        CU_ASSERT_EQUAL(dpl_message_encode(&out, again, sizeof again, NULL), size);
        CU_ASSERT_EQUAL(memcmp(frame, again, (size_t)size), 0);
    }
}

static void prefixes(void)
{
    struct rng r = rng_start(22);
    for (unsigned i = 0, n = rounds(500); i < n; i++) {
        struct dpl_message in = any(&r), out;
        ssize_t size = dpl_message_encode(&in, frame, sizeof frame, NULL);
        CU_ASSERT_FATAL(size > 0);
        size_t body = (size_t)size - DPL_FRAME_HEAD;
        for (size_t cut = 0; cut < body; cut++)
            if (dpl_message_decode(&out, in.type, frame + DPL_FRAME_HEAD, cut, NULL) == 0) {
                /* Only where whole optional fields were cut off. */
                CU_ASSERT_EQUAL(dpl_message_frame_bytes(&out), DPL_FRAME_HEAD + cut);
                CU_ASSERT_EQUAL(out.has & ~in.has, 0);
                CU_ASSERT_NOT_EQUAL(out.has, in.has);
            }
    }
}

static void junk(void)
{
    struct rng r = rng_start(23);
    unsigned taken = 0, refused = 0;
    for (unsigned i = 0, n = rounds(20000); i < n; i++) {
        struct dpl_message in = any(&r), out;
        size_t size = (size_t)dpl_message_encode(&in, frame, sizeof frame, NULL) - DPL_FRAME_HEAD;
        uint8_t *body = frame + DPL_FRAME_HEAD;
        for (unsigned k = 1 + rng_below(&r, 3); k > 0 && size > 0; k--)
            body[rng_below(&r, (uint32_t)size)] = (uint8_t)rng_next(&r);
        if (dpl_message_decode(&out, in.type, body, size, NULL) < 0) {
            refused++;
            continue;
        }
        /* What is taken is encodable: the decoder's bounds are the encoder's. */
        taken++;
        CU_ASSERT_TRUE_FATAL(dpl_message_encode(&out, again, sizeof again, NULL) >= 0);
    }
    CU_ASSERT_TRUE(taken > 0 && refused > 0);
}

enum { STREAM = 60 };

/* A stream in pieces of any size is the same frames. */
static void pieces(void)
{
    struct rng r = rng_start(24);
    static uint8_t stream[STREAM * sizeof frame];
    for (unsigned round = 0, n = rounds(100); round < n; round++) {
        size_t size = 0, ends[STREAM], at = 0, seen = 0;
        for (unsigned i = 0; i < STREAM; i++) {
            struct dpl_message m = any(&r);
            size += (size_t)dpl_message_encode(&m, stream + size, sizeof frame, NULL);
            ends[i] = size;
        }
        struct dpl_frame_in in;
        struct dpl_frame f;
        dpl_frame_in_init(&in, DPL_FRAME_BODY_MAX);
        uint32_t largest = rng_one_in(&r, 3) ? 1 : 5000;
        while (at < size) {
            uint8_t *to;
            size_t room;
            CU_ASSERT_EQUAL_FATAL(dpl_frame_in_room(&in, &to, &room, NULL), 0);
            CU_ASSERT_TRUE_FATAL(room > 0);
            size_t piece = 1 + rng_below(&r, largest);
            piece = piece > room ? room : piece;
            piece = piece > size - at ? size - at : piece;
            memcpy(to, stream + at, piece);
            dpl_frame_in_added(&in, piece);
            at += piece;
            int rc;
            while ((rc = dpl_frame_in_next(&in, &f, NULL)) > 0) {
                size_t end = ends[seen++];
                CU_ASSERT_EQUAL_FATAL(memcmp(f.body.data, stream + end - f.body.size, f.body.size),
                                      0);
                CU_ASSERT_TRUE(end <= at);
            }
            CU_ASSERT_EQUAL_FATAL(rc, 0);
        }
        CU_ASSERT_EQUAL(seen, STREAM);
        CU_ASSERT_FALSE(dpl_frame_in_partial(&in));
        dpl_frame_in_done(&in);
    }
}

enum { PLAIN = 60000 };

/* Compressible to a varying degree. */
static size_t plain_make(struct rng *r, uint8_t *plain)
{
    size_t size = rng_below(r, PLAIN);
    uint32_t letters = 1 + rng_below(r, rng_one_in(r, 3) ? 256 : 4);
    for (size_t i = 0; i < size; i++)
        plain[i] = (uint8_t)rng_below(r, letters);
    return size;
}

static void codecs(void)
{
    struct rng r = rng_start(25);
    static uint8_t plain[PLAIN], packed[PLAIN], back[PLAIN];
    struct dpl_codec codec;
    unsigned done = 0;
    dpl_codec_init(&codec, DPL_FEATURE_ALL);
    for (unsigned i = 0, n = rounds(600); i < n; i++) {
        size_t size = plain_make(&r, plain);
        unsigned level = rng_below(&r, DPL_COMPRESS_LEVEL_MAX + 1);
        ssize_t got = dpl_codec_pack(&codec, level, plain, size, packed, NULL);
        CU_ASSERT_FATAL(got >= 0 && (got == 0 || (size_t)got < size));
        CU_ASSERT_TRUE(level > 0 || got == 0);
        if (got == 0)
            continue;
        done++;
        struct dpl_view view = {packed, (size_t)got};
        CU_ASSERT_EQUAL(dpl_codec_plain_bytes(view, PLAIN, NULL), size);
        CU_ASSERT_EQUAL_FATAL(dpl_codec_unpack(&codec, view, back, PLAIN, NULL), size);
        CU_ASSERT_EQUAL(memcmp(plain, back, size), 0);
        /* On memory of exactly this size: a sanitizer sees a step too far. */
        size_t cut = rng_below(&r, (uint32_t)got);
        uint8_t *exact = malloc(cut + 1);
        memcpy(exact, packed, cut);
        CU_ASSERT_TRUE(dpl_codec_unpack(&codec, (struct dpl_view){exact, cut}, back, PLAIN, NULL) <
                       0);
        free(exact);
    }
    CU_ASSERT_TRUE(done > 0);
    dpl_codec_done(&codec);
}

static const struct unit_test tests[] = {
    {"decode of encode is the identity, and sizes are foretold exactly", identity},
    {"no strict prefix of a body passes for the whole", prefixes},
    {"a changed body is refused, or is another valid message", junk},
    {"a stream that comes in pieces is the same frames", pieces},
    {"what was compressed comes back, and no prefix of it does", codecs},
};
UNIT_MAIN(tests)
