/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/journal/crc32c.h"
#include "lib/journal/record.h"
#include "lib/wire/writer.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static struct dpl_oid oid;

static struct dpl_record sample(void)
{
    dpl_oid_make(&oid, 1, 7, "HANDLE!!", 8, NULL);
    return (struct dpl_record){
        .type = DPL_R_WRITE,
        .outcome = DPL_OUTCOME_OK,
        .has = DPL_F_OBJECT | DPL_F_OFFSET | DPL_F_ATTR | DPL_F_DATA,
        .object = dpl_oid_view(&oid),
        .offset = 5,
        .attr = {.has = DPL_A_SIZE | DPL_A_MTIME, .size = 8, .mtime = {-1, 999999999}},
        .data = {(const uint8_t *)"abc", 3},
    };
}

static void golden(void)
{
    static const uint8_t want[] = {
        0,    3,    0,    0,    0,    20,   0,    0,    0,   1,   0, 0,  0,    0,    0,    0,
        0,    7,    'H',  'A',  'N',  'D',  'L',  'E',  '!', '!', 0, 11, 0,    0,    0,    24,
        0,    0,    0,    0x50, 0,    0,    0,    0,    0,   0,   0, 8,  0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0x3b, 0x9a, 0xc9, 0xff, 0,   18,  0, 0,  0,    8,    0,    0,
        0,    0,    0,    0,    0,    5,    0x7f, 0xff, 0,   0,   0, 3,  'a',  'b',  'c'};
    struct dpl_record record = sample();
    uint8_t body[200];
    ssize_t size = dpl_record_encode(&record, body, sizeof body, NULL);
    CU_ASSERT_EQUAL_FATAL(size, (ssize_t)sizeof want);
    CU_ASSERT_EQUAL(memcmp(body, want, sizeof want), 0);
}

/* A rename that leaves a whiteout, with what a default ACL gives to that: the record with the most
 * fields. */
static void golden_rename(void)
{
    static const char want[] =
        "00030000000e000000010000000000000001483100050000000e0000000100000000000000024832"
        "0006000000036f6c6400070000000e00000001000000000000000348330008000000036e65770009"
        "0000000e0000000100000000000000044834000a0000000400000002000b00000010000000800000"
        "00000000000100000002000d000000080000000800000003000e000000080000000800000004000f"
        "00000008000000010000200000180000001000000006757365722e61000000027600";
    static const uint8_t xattrs[] = {0, 0, 0, 6, 'u', 's', 'e', 'r', '.', 'a', 0, 0, 0, 2, 'v', 0};
    struct dpl_oid oids[4];
    struct dpl_record record = {
        .type = DPL_R_RENAME,
        .outcome = DPL_OUTCOME_OK,
        .has = DPL_F_OBJECT | DPL_F_PARENT | DPL_F_NAME | DPL_F_PARENT2 | DPL_F_NAME2 |
               DPL_F_WHITEOUT | DPL_F_FLAGS | DPL_F_ATTR | DPL_F_PARENT_ATTR | DPL_F_PARENT2_ATTR |
               DPL_F_WHITEOUT_ATTR | DPL_F_XATTRS,
        .name = {(const uint8_t *)"old", 3},
        .name2 = {(const uint8_t *)"new", 3},
        .flags = DPL_RF_WHITEOUT,
        .attr = {.has = DPL_A_CTIME, .ctime = {1, 2}},
        .parent_attr = {.has = DPL_A_NLINK, .nlink = 3},
        .parent2_attr = {.has = DPL_A_NLINK, .nlink = 4},
        .whiteout_attr = {.has = DPL_A_MODE, .mode = S_IFCHR},
        .xattrs = {xattrs, sizeof xattrs},
    };
    struct dpl_view *ids[] = {&record.object, &record.parent, &record.parent2, &record.whiteout};
    uint8_t body[400], bytes[400];
    for (unsigned i = 0; i < 4; i++) {
        const char handle[] = {'H', (char)('1' + i)};
        dpl_oid_make(&oids[i], 1, i + 1, handle, sizeof handle, NULL);
        *ids[i] = dpl_oid_view(&oids[i]);
    }
    ssize_t size = dpl_record_encode(&record, body, sizeof body, NULL);
    CU_ASSERT_EQUAL_FATAL(size * 2, (ssize_t)sizeof want - 1);
    for (size_t i = 0; i < (size_t)size; i++)
        CU_ASSERT_EQUAL_FATAL(sscanf(want + 2 * i, "%2hhx", &bytes[i]), 1);
    CU_ASSERT_EQUAL(memcmp(body, bytes, (size_t)size), 0);
    struct dpl_record back = {0};
    CU_ASSERT_EQUAL_FATAL(
        dpl_record_decode(&back, DPL_R_RENAME, DPL_OUTCOME_OK, bytes, (size_t)size, NULL), 0);
    CU_ASSERT_TRUE(back.has == record.has && back.xattrs.size == sizeof xattrs &&
                   memcmp(back.xattrs.data, xattrs, sizeof xattrs) == 0);
}

/* A position that is on the source's disk: an optional field, which an older reader skips. */
static void golden_synced(void)
{
    static const uint8_t want[] = {0, 26, 0, 0, 0, 4, 0, 0, 0, 3,    0x80, 27,
                                   0, 0,  0, 8, 0, 0, 0, 1, 0, 0x20, 0x30, 0x48};
    struct dpl_record record = {.type = DPL_R_BARRIER,
                                .outcome = DPL_OUTCOME_OK,
                                .has = DPL_F_NUMBER | DPL_F_SYNCED,
                                .number = DPL_BARRIER_SYNCED,
                                .synced = 0x100203048};
    uint8_t body[64];
    ssize_t size = dpl_record_encode(&record, body, sizeof body, NULL);
    CU_ASSERT_EQUAL_FATAL(size, (ssize_t)sizeof want);
    CU_ASSERT_EQUAL(memcmp(body, want, sizeof want), 0);
}

static void header(void)
{
    uint8_t bytes[DPL_RECORD_HEADER];
    struct dpl_record_header in = {.size = 128,
                                   .body_bytes = 60,
                                   .lsn = 64,
                                   .epoch_tag = 1,
                                   .time_ns = 2,
                                   .chain = 3,
                                   .body_crc = 4,
                                   .type = 5,
                                   .outcome = 1},
                             out;
    dpl_record_header_encode(&in, bytes);
    CU_ASSERT_EQUAL_FATAL(dpl_record_header_decode(&out, bytes), 0);
    uint8_t again[DPL_RECORD_HEADER];
    dpl_record_header_encode(&out, again);
    CU_ASSERT_EQUAL(memcmp(bytes, again, sizeof bytes), 0);
    CU_ASSERT_TRUE(out.size == in.size && out.lsn == in.lsn && out.crc == in.crc);
    for (unsigned bit = 0; bit < 8 * sizeof bytes; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        CU_ASSERT_EQUAL(dpl_record_header_decode(&out, bytes), DPL_E_CORRUPT);
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

static void header_bounds(void)
{
    static const struct {
        uint32_t size, body_bytes;
        uint64_t lsn;
        int want;
    } cases[] = {{64, 0, 0, 0},
                 {DPL_RECORD_MAX, DPL_RECORD_MAX - 64, 8, 0},
                 {56, 0, 0, DPL_E_CORRUPT},
                 {65, 0, 0, DPL_E_CORRUPT},
                 {DPL_RECORD_MAX + 8, 0, 0, DPL_E_CORRUPT},
                 {72, 9, 0, DPL_E_CORRUPT},
                 {72, 8, 4, DPL_E_CORRUPT}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t bytes[DPL_RECORD_HEADER];
        struct dpl_record_header h = {
            .size = cases[i].size, .body_bytes = cases[i].body_bytes, .lsn = cases[i].lsn};
        dpl_record_header_encode(&h, bytes);
        CU_ASSERT_EQUAL(dpl_record_header_decode(&h, bytes), cases[i].want);
    }
}

static int decode_with(uint16_t tag, const void *value, size_t size)
{
    /* The sample with one field more, in front of the data. */
    struct dpl_record record = sample(), out = {0};
    uint8_t body[400];
    size_t head = dpl_record_head_bytes(&record) - 6;
    (void)!dpl_record_encode(&record, body, sizeof body, NULL);
    struct dpl_writer w;
    dpl_writer_init(&w, body, sizeof body);
    w.used = head;
    dpl_writer_u16(&w, tag);
    dpl_writer_blob(&w, value, size);
    dpl_writer_u16(&w, 0x7fff);
    dpl_writer_blob(&w, "abc", 3);
    return dpl_record_decode(&out, DPL_R_WRITE, DPL_OUTCOME_OK, body, w.used, NULL);
}

static void fields(void)
{
    CU_ASSERT_EQUAL(decode_with(0x8100, "later", 5), 0);
    CU_ASSERT_EQUAL(decode_with(0x0100, "later", 5), DPL_E_UNSUPPORTED);
    /* Known, but not of this type; twice; out of order. */
    CU_ASSERT_EQUAL(decode_with(26, "\0\0\0\1", 4), DPL_E_CORRUPT);
    CU_ASSERT_EQUAL(decode_with(18, "\0\0\0\0\0\0\0\1", 8), DPL_E_CORRUPT);
    CU_ASSERT_EQUAL(decode_with(0x8001, "x", 1), DPL_E_CORRUPT);
    CU_ASSERT_EQUAL(decode_with(0xffff, "x", 1), DPL_E_CORRUPT);
}

static void unknown_types(void)
{
    struct dpl_record out = {0};
    CU_ASSERT_EQUAL(dpl_record_decode(&out, 200, DPL_OUTCOME_OK, "", 0, NULL), DPL_E_UNSUPPORTED);
    CU_ASSERT_EQUAL(dpl_record_decode(&out, 0, DPL_OUTCOME_OK, "", 0, NULL), DPL_E_UNSUPPORTED);
    CU_ASSERT_EQUAL(dpl_record_decode(&out, DPL_R_DROP, 9, "", 0, NULL), DPL_E_UNSUPPORTED);
    CU_ASSERT_EQUAL(dpl_record_decode(&out, DPL_R_DROP, DPL_OUTCOME_VOID, "", 0, NULL), 0);
    CU_ASSERT_EQUAL(dpl_record_decode(&out, DPL_R_DROP, DPL_OUTCOME_OPEN, "", 0, NULL), 0);
    CU_ASSERT_EQUAL(dpl_record_decode(&out, DPL_R_DROP, DPL_OUTCOME_OK, "", 0, NULL),
                    DPL_E_CORRUPT);
}

static void refused(void)
{
    uint8_t body[400];
    struct dpl_err err = {0};
    struct dpl_record record = sample();
    record.has &= ~(uint32_t)DPL_F_OFFSET;
    CU_ASSERT_EQUAL(dpl_record_encode(&record, body, sizeof body, &err), DPL_E_PARAM);
    CU_ASSERT_STRING_EQUAL(err.text, "a write record must have offset");
    record = sample();
    record.has |= DPL_F_NAME;
    CU_ASSERT_EQUAL(dpl_record_encode(&record, body, sizeof body, &err), DPL_E_PARAM);
    CU_ASSERT_STRING_EQUAL(err.text, "a write record may not have name");
    record = sample();
    record.attr.mtime.nsec = 1000000000;
    CU_ASSERT_EQUAL(dpl_record_encode(&record, body, sizeof body, &err), DPL_E_PARAM);
    record = sample();
    record.offset = INT64_MAX - 2;
    CU_ASSERT_EQUAL(dpl_record_encode(&record, body, sizeof body, &err), DPL_E_PARAM);
    record = sample();
    CU_ASSERT_EQUAL(dpl_record_encode(&record, body, 20, &err), DPL_E_TOO_LARGE);
}

static void names(void)
{
    static const struct {
        const char *name;
        size_t size;
        int want;
    } cases[] = {{"a", 1, 0}, {"...", 3, 0},  {".a", 2, 0},    {".", 1, -1}, {"..", 2, -1},
                 {"", 0, -1}, {"a/b", 3, -1}, {"a\0b", 3, -1}, {"/", 1, -1}, {"a.", 2, 0}};
    uint8_t body[400];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct dpl_record record = sample();
        record.type = DPL_R_LEAVE;
        record.has = DPL_F_OBJECT | DPL_F_PARENT | DPL_F_NAME | DPL_F_PARENT_ATTR;
        record.parent = record.object;
        record.name = (struct dpl_view){(const uint8_t *)cases[i].name, cases[i].size};
        ssize_t rc = dpl_record_encode(&record, body, sizeof body, NULL);
        CU_ASSERT_EQUAL(rc >= 0, cases[i].want == 0);
    }
}

static void outcome(void)
{
    struct dpl_record record = sample();
    record.type = DPL_R_OUTCOME;
    record.has |= DPL_F_LSN | DPL_F_OF_TYPE;
    record.of_lsn = 4096;
    record.of_type = DPL_R_WRITE;
    uint8_t body[400];
    ssize_t size = dpl_record_encode(&record, body, sizeof body, NULL);
    CU_ASSERT_TRUE_FATAL(size > 0);
    struct dpl_record out = {.lsn = 9000};
    CU_ASSERT_EQUAL(
        dpl_record_decode(&out, DPL_R_OUTCOME, DPL_OUTCOME_OK, body, (size_t)size, NULL), 0);
    dpl_record_resolve(&out);
    CU_ASSERT_EQUAL(out.lsn, 4096);
    CU_ASSERT_EQUAL(out.type, DPL_R_WRITE);
    CU_ASSERT_EQUAL(out.has, sample().has);
    record.of_type = DPL_R_OUTCOME;
    CU_ASSERT_TRUE(dpl_record_encode(&record, body, sizeof body, NULL) < 0);
    record.of_type = DPL_R_DROP;
    CU_ASSERT_TRUE(dpl_record_encode(&record, body, sizeof body, NULL) < 0);
}

static void stat_attr(void)
{
    struct stat st = {.st_mode = S_IFREG | 0640, .st_size = 12, .st_nlink = 2};
    st.st_mtim = (struct timespec){-5, 123456789};
    struct dpl_attr attr;
    dpl_attr_from_stat(&attr, &st);
    CU_ASSERT_EQUAL(attr.mode, (S_IFREG | 0640));
    CU_ASSERT_EQUAL(attr.size, 12);
    CU_ASSERT_EQUAL(attr.nlink, 2);
    CU_ASSERT_EQUAL(attr.mtime.sec, -5);
    CU_ASSERT_EQUAL(attr.mtime.nsec, 123456789);
    CU_ASSERT_EQUAL(attr.has & (DPL_A_BTIME | DPL_A_IFLAGS), 0);
}

static void oids(void)
{
    uint8_t handle[129] = {0};
    CU_ASSERT_EQUAL(dpl_oid_make(&oid, 1, 0, handle, 128, NULL), 0);
    CU_ASSERT_EQUAL(oid.size, DPL_OID_MAX);
    CU_ASSERT_EQUAL(dpl_oid_make(&oid, 1, 0, handle, 129, NULL), DPL_E_TOO_LARGE);
}

static void xattrs(void)
{
    uint8_t bytes[64];
    ssize_t used = dpl_xattrs_append(bytes, 0, sizeof bytes, "user.a", "1", 1);
    used = dpl_xattrs_append(bytes, (size_t)used, sizeof bytes, "user.bc", NULL, 0);
    CU_ASSERT_EQUAL_FATAL(used, 4 + 6 + 4 + 1 + 4 + 7 + 4);
    CU_ASSERT_EQUAL(dpl_xattrs_append(bytes, (size_t)used, sizeof bytes, "user.d", bytes, 60),
                    DPL_E_TOO_LARGE);
    struct dpl_view list = {bytes, (size_t)used}, name, value;
    CU_ASSERT_EQUAL(dpl_xattrs_next(&list, &name, &value), 1);
    CU_ASSERT_TRUE(name.size == 6 && memcmp(name.data, "user.a", 6) == 0 && value.size == 1);
    CU_ASSERT_EQUAL(dpl_xattrs_next(&list, &name, &value), 1);
    CU_ASSERT_TRUE(name.size == 7 && value.size == 0);
    CU_ASSERT_EQUAL(dpl_xattrs_next(&list, &name, &value), 0);
    list = (struct dpl_view){bytes, 9};
    CU_ASSERT_EQUAL(dpl_xattrs_next(&list, &name, &value), DPL_E_CORRUPT);
}

static void crc(void)
{
    CU_ASSERT_EQUAL(dpl_crc32c(0, "123456789", 9), 0xe3069283);
    CU_ASSERT_EQUAL(dpl_crc32c_tables(0, "123456789", 9), 0xe3069283);
    CU_ASSERT_EQUAL(dpl_crc32c(0, "", 0), 0);
}

static const struct unit_test tests[] = {
    {"a write's body is these bytes", golden},
    {"a barrier's body with a synced position is these bytes", golden_synced},
    {"a rename's body with a whiteout and its attributes is these bytes", golden_rename},
    {"each flipped bit of a header is found", header},
    {"a header's sizes and position are bounded", header_bounds},
    {"an unknown optional field is skipped, any other stranger refused", fields},
    {"an unknown type or outcome is unsupported", unknown_types},
    {"a record that breaks the format is not encoded, and says why", refused},
    {"names are names", names},
    {"an outcome resolves to the record that it completes", outcome},
    {"attributes come from a stat", stat_attr},
    {"an id holds a handle of any size", oids},
    {"lists of extended attributes are bounded on both ways", xattrs},
    {"the CRC is that of the manual", crc},
};
UNIT_MAIN(tests)
