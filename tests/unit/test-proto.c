/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/proto/compress.h"
#include "lib/proto/frame.h"
#include "lib/proto/hello.h"
#include "tests/prop/msggen.h"
#include "tests/unit/unit.h"

#include <glib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

static const struct {
    unsigned type;
    const char *hex;
} goldens[] = {
#include "tests/unit/proto-golden.tbl.h"
};

static struct msggen gen;
static uint8_t frame[20000];

static char *hex_of(const uint8_t *bytes, size_t size)
{
    static char text[2 * sizeof frame + 1];
    for (size_t i = 0; i < size; i++)
        sprintf(text + 2 * i, "%02x", bytes[i]);
    return text;
}

/* DPL_GOLDEN=print prints the table anew, for a type that was added. */
static void golden(void)
{
    unsigned types[DPL_MSG_END], n = msggen_types(types);
    bool print = getenv("DPL_GOLDEN") != NULL;
    CU_ASSERT_EQUAL(n, sizeof goldens / sizeof goldens[0]);
    for (unsigned i = 0; i < n; i++) {
        struct dpl_message m;
        struct dpl_err err = {0};
        msggen_sample(&gen, types[i], &m);
        ssize_t size = dpl_message_encode(&m, frame, sizeof frame, &err);
        if (size < 0)
            printf("%s\n", err.text);
        CU_ASSERT_FATAL(size > 0);
        if (print) {
            printf("GOLDEN {%u, \"%s\"},\n", types[i], hex_of(frame, (size_t)size));
            continue;
        }
        CU_ASSERT_EQUAL_FATAL(goldens[i].type, types[i]);
        CU_ASSERT_STRING_EQUAL(hex_of(frame, (size_t)size), goldens[i].hex);
    }
}

/* Written by hand from the manual, without the encoder. */
static void by_hand(void)
{
    static const uint8_t control[] = {0, 0, 0, 10, 0, 11, 0, 0, 0, 32, 0, 0, 0, 4, 0, 0, 0, 3};
    struct dpl_message m = {
        .type = DPL_MSG_CONTROL, .has = DPL_M(COMMAND), .command = DPL_COMMAND_CLOSE};
    CU_ASSERT_EQUAL(dpl_message_encode(&m, frame, sizeof frame, NULL), sizeof control);
    CU_ASSERT_EQUAL(memcmp(frame, control, sizeof control), 0);
    CU_ASSERT_EQUAL(dpl_message_decode(&m, DPL_MSG_CONTROL, control + 8, 10, NULL), 0);
    CU_ASSERT_EQUAL(m.command, DPL_COMMAND_CLOSE);
}

static struct dpl_message ack(void)
{
    return (struct dpl_message){
        .type = DPL_MSG_ACK,
        .has = DPL_M(EPOCH_TAG) | DPL_M(RECEIVED) | DPL_M(DURABLE) | DPL_M(QUEUE_BYTES) |
               DPL_M(FLAGS) | DPL_M(APPLIED) | DPL_M(CHECKPOINT),
        .received = 400,
        .durable = 320,
        .applied = 240,
        .checkpoint = 160,
    };
}

static int tried(const struct dpl_message *m)
{
    ssize_t rc = dpl_message_encode(m, frame, sizeof frame, NULL);
    return rc < 0 ? (int)rc : 0;
}

static void bounds(void)
{
    struct dpl_message m = ack();
    CU_ASSERT_EQUAL(tried(&m), 0);
    m.durable = 408;
    CU_ASSERT_EQUAL(tried(&m), DPL_E_PARAM);
    m = ack();
    m.applied = 401;
    CU_ASSERT_EQUAL(tried(&m), DPL_E_PARAM);
    m = ack();
    m.applied = 360; /* ahead of durable: allowed */
    CU_ASSERT_EQUAL(tried(&m), 0);
    m.checkpoint = 328;
    CU_ASSERT_EQUAL(tried(&m), DPL_E_PARAM);
    m = ack();
    m.flags = 64;
    CU_ASSERT_EQUAL(tried(&m), DPL_E_PARAM);
    m = ack();
    m.has |= DPL_M(SITE);
    m.site = dpl_view_text("a");
    CU_ASSERT_EQUAL(tried(&m), DPL_E_PARAM);
    m = ack();
    m.has &= ~DPL_M(CHECKPOINT);
    CU_ASSERT_EQUAL(tried(&m), DPL_E_PARAM);
    m = ack();
    CU_ASSERT_EQUAL(dpl_message_encode(&m, frame, 40, NULL), DPL_E_TOO_LARGE);
    m = (struct dpl_message){.type = 13};
    CU_ASSERT_EQUAL(tried(&m), DPL_E_UNSUPPORTED);
}

static void words(void)
{
    struct dpl_message m;
    msggen_sample(&gen, DPL_MSG_HELLO, &m);
    m.set = dpl_view_text("mail-1_x");
    CU_ASSERT_EQUAL(tried(&m), 0);
    m.set = dpl_view_text("a/b");
    CU_ASSERT_EQUAL(tried(&m), DPL_E_PARAM);
    m.set = dpl_view_text("a b");
    CU_ASSERT_EQUAL(tried(&m), DPL_E_PARAM);
    m.set = (struct dpl_view){(const uint8_t *)"a", 0};
    CU_ASSERT_EQUAL(tried(&m), DPL_E_PARAM);
    m.set = dpl_view_text("a");
    m.product = dpl_view_text("line\none");
    CU_ASSERT_EQUAL(tried(&m), DPL_E_PARAM);
}

static void strangers(void)
{
    struct dpl_message m = {
        .type = DPL_MSG_CONTROL, .has = DPL_M(COMMAND), .command = DPL_COMMAND_PAUSE};
    ssize_t size = dpl_message_encode(&m, frame, sizeof frame, NULL) - DPL_FRAME_HEAD;
    uint8_t *body = frame + DPL_FRAME_HEAD;
    const uint8_t optional[] = {0xfe, 0, 0, 0, 0, 1, 7}, needed[] = {0x7e, 0, 0, 0, 0, 1, 7};
    memcpy(body + size, optional, sizeof optional);
    CU_ASSERT_EQUAL(
        dpl_message_decode(&m, DPL_MSG_CONTROL, body, (size_t)size + sizeof optional, NULL), 0);
    memcpy(body + size, needed, sizeof needed);
    CU_ASSERT_EQUAL(
        dpl_message_decode(&m, DPL_MSG_CONTROL, body, (size_t)size + sizeof needed, NULL),
        DPL_E_UNSUPPORTED);
    /* The same field twice; a known one as optional. */
    memmove(body + size, body, (size_t)size);
    CU_ASSERT_EQUAL(dpl_message_decode(&m, DPL_MSG_CONTROL, body, 2 * (size_t)size, NULL),
                    DPL_E_CORRUPT);
    body[0] |= 0x80;
    CU_ASSERT_EQUAL(dpl_message_decode(&m, DPL_MSG_CONTROL, body, (size_t)size, NULL),
                    DPL_E_CORRUPT);
    CU_ASSERT_EQUAL(dpl_message_decode(&m, 99, body, 0, NULL), DPL_E_UNSUPPORTED);
}

static void heads(void)
{
    struct dpl_frame_in in;
    struct dpl_frame f;
    uint8_t *at;
    size_t room;
    dpl_frame_in_init(&in, DPL_FRAME_HELLO_MAX);
    CU_ASSERT_EQUAL_FATAL(dpl_frame_in_room(&in, &at, &room, NULL), 0);
    CU_ASSERT_TRUE(room <= DPL_FRAME_HELLO_MAX + DPL_FRAME_HEAD);
    dpl_frame_head_encode(at, DPL_MSG_HELLO, 0, DPL_FRAME_HELLO_MAX + 1);
    dpl_frame_in_added(&in, DPL_FRAME_HEAD);
    CU_ASSERT_EQUAL(dpl_frame_in_next(&in, &f, NULL), DPL_E_TOO_LARGE);
    CU_ASSERT_EQUAL(dpl_frame_in_next(&in, &f, NULL), DPL_E_TOO_LARGE);
    CU_ASSERT_EQUAL(dpl_frame_in_room(&in, &at, &room, NULL), DPL_E_TOO_LARGE);
    dpl_frame_in_done(&in);
    dpl_frame_in_init(&in, DPL_FRAME_BODY_MAX);
    CU_ASSERT_EQUAL_FATAL(dpl_frame_in_room(&in, &at, &room, NULL), 0);
    dpl_frame_head_encode(at, DPL_MSG_ACK, 2, 0);
    dpl_frame_in_added(&in, DPL_FRAME_HEAD);
    CU_ASSERT_EQUAL(dpl_frame_in_next(&in, &f, NULL), DPL_E_UNSUPPORTED);
    dpl_frame_in_done(&in);
}

static void versions(void)
{
    struct dpl_message hello = {.version_min = 2, .version_max = 4, .features = 3};
    struct dpl_message welcome = {.version = 3, .features = 1};
    struct dpl_hello_range ours = {3, 9, 5}, old = {1, 1, 7};
    struct dpl_hello_agreed agreed;
    struct dpl_err err;
    CU_ASSERT_EQUAL(dpl_hello_choose(&hello, &ours, &agreed, &err), 0);
    CU_ASSERT_EQUAL(agreed.version, 4);
    CU_ASSERT_EQUAL(agreed.features, 1);
    CU_ASSERT_EQUAL(dpl_hello_choose(&hello, &old, &agreed, &err), DPL_E_VERSION);
    CU_ASSERT_STRING_EQUAL(err.text, "the peer speaks versions 2 to 4 of the protocol, we 1 to 1");
    CU_ASSERT_EQUAL(dpl_hello_check(&welcome, &ours, &agreed, &err), 0);
    CU_ASSERT_EQUAL(agreed.version, 3);
    CU_ASSERT_EQUAL(dpl_hello_check(&welcome, &old, &agreed, &err), DPL_E_CORRUPT);
    welcome.features = 2;
    CU_ASSERT_EQUAL(dpl_hello_check(&welcome, &ours, &agreed, &err), DPL_E_CORRUPT);
}

static void senders(void)
{
    CU_ASSERT_TRUE(dpl_message_from(DPL_MSG_RECORDS, DPL_FROM_SOURCE));
    CU_ASSERT_FALSE(dpl_message_from(DPL_MSG_RECORDS, DPL_FROM_TARGET));
    CU_ASSERT_FALSE(dpl_message_from(DPL_MSG_ACK, DPL_FROM_SOURCE));
    CU_ASSERT_TRUE(dpl_message_from(DPL_MSG_HEARTBEAT, DPL_FROM_TARGET));
    CU_ASSERT_FALSE(dpl_message_from(13, DPL_FROM_ANY));
    CU_ASSERT_FALSE(dpl_message_compressible(DPL_MSG_HELLO));
    CU_ASSERT_TRUE(dpl_message_compressible(DPL_MSG_RECORDS));
    CU_ASSERT_FALSE(dpl_refusal_again(DPL_REFUSE_UNKNOWN_SITE));
    CU_ASSERT_TRUE(dpl_refusal_again(DPL_REFUSE_TAKEN));
    CU_ASSERT_TRUE(dpl_refusal_again(9999));
    CU_ASSERT_PTR_NULL(dpl_refusal_text(9999));
}

enum { BOMB = 64 * 1024 * 1024 };

/* What a hostile peer would make: a small frame that says, or becomes, more than is allowed. */
static void bombs(void)
{
    struct dpl_codec codec;
    struct dpl_err err;
    static uint8_t packed[65536], plain[1 << 20];
    uint8_t *zeros = calloc(1, BOMB);
    dpl_codec_init(&codec, DPL_FEATURE_ALL);
    size_t n = ZSTD_compress(packed + DPL_COMPRESS_HEAD, sizeof packed - DPL_COMPRESS_HEAD, zeros,
                             BOMB, 19);
    CU_ASSERT_FALSE_FATAL(ZSTD_isError(n));
    free(zeros);
    struct dpl_view v = {packed, DPL_COMPRESS_HEAD + n};
    packed[0] = DPL_ALGORITHM_ZSTD;
    memcpy(packed + 1, (uint8_t[]){4, 0, 0, 0}, 4); /* the truth: 64 MiB */
    CU_ASSERT_EQUAL(dpl_codec_plain_bytes(v, DPL_FRAME_BODY_MAX, &err), DPL_E_TOO_LARGE);
    CU_ASSERT_EQUAL(dpl_codec_unpack(&codec, v, plain, sizeof plain, &err), DPL_E_TOO_LARGE);
    memcpy(packed + 1, (uint8_t[]){0, 16, 0, 0}, 4); /* a lie: 1 MiB */
    CU_ASSERT_EQUAL(dpl_codec_unpack(&codec, v, plain, sizeof plain, &err), DPL_E_CORRUPT);
    memcpy(packed + 1, (uint8_t[]){0, 0, 0, 1}, 4); /* compressed larger than plain */
    CU_ASSERT_EQUAL(dpl_codec_plain_bytes(v, DPL_FRAME_BODY_MAX, &err), DPL_E_CORRUPT);
    memset(plain, 0, 5000);
    ssize_t size = dpl_codec_pack(&codec, 1, plain, 5000, packed, NULL);
    v.size = (size_t)size;
    CU_ASSERT_TRUE_FATAL(size > 0);
    codec.features = DPL_FEATURE_ZSTD;
    CU_ASSERT_EQUAL(dpl_codec_unpack(&codec, v, plain, sizeof plain, &err), DPL_E_UNSUPPORTED);
    CU_ASSERT_EQUAL(dpl_codec_pack(&codec, 1, plain, 5000, packed, NULL), 0);
    codec.features = DPL_FEATURE_ALL;
    CU_ASSERT_EQUAL(dpl_codec_unpack(&codec, v, plain, 4999, &err), DPL_E_TOO_LARGE);
    packed[4]++; /* says one byte more than there is */
    CU_ASSERT_EQUAL(dpl_codec_unpack(&codec, v, plain, sizeof plain, &err), DPL_E_CORRUPT);
    dpl_codec_done(&codec);
}

static void lists(void)
{
    uint8_t bytes[200], oid[12] = {1};
    struct dpl_mirror_entry e = {dpl_view_text("a"), {oid, sizeof oid}, 0100000};
    ssize_t used = dpl_mirror_entries_append(bytes, 0, sizeof bytes, &e);
    struct dpl_message m = {.type = DPL_MSG_MIRROR_DIR,
                            .has = DPL_M(MIRROR) | DPL_M(OBJECT) | DPL_M(FLAGS) | DPL_M(DATA),
                            .mirror = 1,
                            .object = {oid, sizeof oid},
                            .data = {bytes, (size_t)used}};
    CU_ASSERT_EQUAL(tried(&m), 0);
    static const char *const wrong[] = {"..", ".", "a/b", ""};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        e.name = dpl_view_text(wrong[i]);
        m.data.size = (size_t)dpl_mirror_entries_append(bytes, 0, sizeof bytes, &e);
        CU_ASSERT_EQUAL(tried(&m), DPL_E_PARAM);
    }
    e.name = dpl_view_text("a");
    e.mode = 0100644;
    m.data.size = (size_t)dpl_mirror_entries_append(bytes, 0, sizeof bytes, &e);
    CU_ASSERT_EQUAL(tried(&m), DPL_E_PARAM);
    CU_ASSERT_EQUAL(dpl_mirror_entries_append(bytes, 190, sizeof bytes, &e), DPL_E_TOO_LARGE);
    used = dpl_mirror_ranges_append(bytes, 0, sizeof bytes, 100, 10);
    used = dpl_mirror_ranges_append(bytes, (size_t)used, sizeof bytes, 109, 10);
    m = (struct dpl_message){.type = DPL_MSG_MIRROR_NEED,
                             .has = DPL_M(MIRROR) | DPL_M(OBJECT) | DPL_M(LEVEL) | DPL_M(DATA),
                             .mirror = 1,
                             .level = DPL_MIRROR_NEED_DATA,
                             .object = {oid, sizeof oid},
                             .data = {bytes, (size_t)used}};
    CU_ASSERT_EQUAL(tried(&m), DPL_E_PARAM); /* they overlap */
    m.data.size = 16;
    CU_ASSERT_EQUAL(tried(&m), 0);
}

static void files(void)
{
    uint8_t bytes[100];
    struct dpl_mirror_file f = {dpl_view_text("state"), dpl_view_text("content")};
    ssize_t used = dpl_mirror_files_append(bytes, 0, sizeof bytes, &f);
    f.content.size = 0;
    used = dpl_mirror_files_append(bytes, (size_t)used, sizeof bytes, &f);
    CU_ASSERT_EQUAL(used, 20 + 13);
    CU_ASSERT_EQUAL(dpl_mirror_files_append(bytes, 90, sizeof bytes, &f), DPL_E_TOO_LARGE);
    struct dpl_message m = {.type = DPL_MSG_MIRROR_FILES,
                            .has = DPL_M(MIRROR) | DPL_M(DATA),
                            .mirror = 1,
                            .data = {bytes, (size_t)used}};
    CU_ASSERT_EQUAL(tried(&m), 0);
    struct dpl_view list = m.data;
    CU_ASSERT_EQUAL(dpl_mirror_files_next(&list, &f), 1);
    CU_ASSERT_TRUE(f.item.size == 5 && f.content.size == 7 && f.content.data[0] == 'c');
    CU_ASSERT_EQUAL(dpl_mirror_files_next(&list, &f), 1);
    CU_ASSERT_TRUE(f.item.size == 5 && f.content.size == 0);
    CU_ASSERT_EQUAL(dpl_mirror_files_next(&list, &f), 0);
    for (m.data.size = 0; m.data.size < (size_t)used; m.data.size++)
        CU_ASSERT_EQUAL(tried(&m), m.data.size == 20 ? 0 : DPL_E_PARAM);
    bytes[3] = 0; /* an object without a state */
    m.data.size = (size_t)used;
    CU_ASSERT_EQUAL(tried(&m), DPL_E_PARAM);
}

/* The rows of the tables, as the manual has them. */
static void manual(void)
{
    const char *srcdir = getenv("srcdir");
    g_autofree char *path = g_strdup_printf("%s/doc/doppel-protocol.5", srcdir ? srcdir : ".");
    g_autofree char *page = NULL;
    CU_ASSERT_FATAL(g_file_get_contents(path, &page, NULL, NULL));
    char row[200];
#define DPL_MFIELD(name, member, kind, tag, min, max, text)                                        \
    snprintf(row, sizeof row, ".It %u Ta %s Ta ", (unsigned)(tag), text);                          \
    CU_ASSERT_PTR_NOT_NULL(strstr(page, row));
#include "lib/proto/message.tbl.h"
#undef DPL_MFIELD
#define DPL_MESSAGE(name, number, text, from, compressed, payload, flags, required, optional)      \
    snprintf(row, sizeof row, ".It %s (%u), ", text, (unsigned)(number));                          \
    CU_ASSERT_PTR_NOT_NULL(strstr(page, row));
#include "lib/proto/message.tbl.h"
#undef DPL_MESSAGE
#define DPL_REFUSAL(name, number, again, text)                                                     \
    snprintf(row, sizeof row, ".It %u Ta %s Ta %s\n", (unsigned)(number), (again) ? "yes" : "no",  \
             text);                                                                                \
    CU_ASSERT_PTR_NOT_NULL(strstr(page, row));
#include "lib/proto/message.tbl.h"
#undef DPL_REFUSAL
}

static const struct unit_test tests[] = {
    {"each message's bytes are these", golden},
    {"a message written by hand from the manual is what the encoder writes", by_hand},
    {"values out of their bounds are not encoded", bounds},
    {"names and texts hold nothing that does harm in a log", words},
    {"an unknown optional field is skipped, any other stranger refused", strangers},
    {"a frame's head is bounded, and its error stays", heads},
    {"the highest common version and the common features are chosen", versions},
    {"the tables say who may send what, and which refusals pass by themselves", senders},
    {"a decompression bomb is refused before it is made", bombs},
    {"lists hold names and ranges, in order", lists},
    {"objects in one message are whole, each with a state", files},
    {"the manual has every message, field and refusal", manual},
};
UNIT_MAIN(tests)
