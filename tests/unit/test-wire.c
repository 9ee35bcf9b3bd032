/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/wire/reader.h"
#include "lib/wire/writer.h"
#include "tests/unit/unit.h"

#include <glib.h>
#include <string.h>

static const uint8_t golden[] = {
    0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d,
    0x0e, 0x0f, 0x00, 0x00, 0x00, 0x02, 'h',  'i',  0x00, 0x00, 0x00, 0x00,
};

static ssize_t encode(uint8_t *room, size_t size)
{
    struct dpl_writer w;
    dpl_writer_init(&w, room, size);
    dpl_writer_u8(&w, 0x01);
    dpl_writer_u16(&w, 0x0203);
    dpl_writer_u32(&w, 0x04050607);
    dpl_writer_u64(&w, 0x08090a0b0c0d0e0f);
    dpl_writer_text(&w, "hi");
    dpl_writer_blob(&w, NULL, 0);
    return dpl_writer_end(&w, "golden", NULL);
}

static int decode(const uint8_t *data, size_t size)
{
    struct dpl_reader r;
    char text[8];
    dpl_reader_init(&r, data, size);
    uint64_t sum = dpl_reader_u8(&r);
    sum += dpl_reader_u16(&r);
    sum += dpl_reader_u32(&r);
    sum += dpl_reader_u64(&r);
    dpl_reader_text(&r, text, sizeof text);
    dpl_reader_blob(&r, 100);
    int rc = dpl_reader_end(&r, "golden", NULL);
    if (rc == 0) {
        CU_ASSERT_EQUAL(sum, 0x01u + 0x0203 + 0x04050607 + 0x08090a0b0c0d0e0f);
        CU_ASSERT_STRING_EQUAL(text, "hi");
    }
    return rc;
}

static void bytes_are_as_documented(void)
{
    uint8_t room[sizeof golden];
    CU_ASSERT_EQUAL(encode(room, sizeof room), sizeof golden);
    CU_ASSERT_EQUAL(memcmp(room, golden, sizeof golden), 0);
    CU_ASSERT_EQUAL(decode(golden, sizeof golden), 0);
}

static void every_strict_prefix_is_refused(void)
{
    for (size_t n = 0; n < sizeof golden; n++) {
        g_autofree uint8_t *copy =
            g_memdup2(golden, n); /* exact, so that ASan sees a step beyond */
        CU_ASSERT_EQUAL(decode(copy ? copy : golden, n), DPL_E_TRUNCATED);
        uint8_t room[sizeof golden];
        CU_ASSERT_EQUAL(encode(room, n), DPL_E_TOO_LARGE);
    }
}

static void leftovers_are_refused(void)
{
    uint8_t more[sizeof golden + 1] = {0};
    memcpy(more, golden, sizeof golden);
    CU_ASSERT_EQUAL(decode(more, sizeof more), DPL_E_CORRUPT);
}

static void lengths_of_a_peer_are_bounded(void)
{
    static const uint8_t huge[] = {0xff, 0xff, 0xff, 0xff, 'x'};
    struct dpl_reader r;
    struct dpl_err err = {0};
    dpl_reader_init(&r, huge, sizeof huge);
    CU_ASSERT_EQUAL(dpl_reader_blob(&r, 1 << 20).size, 0);
    CU_ASSERT_EQUAL(dpl_reader_end(&r, "a name", &err), DPL_E_TOO_LARGE);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "a name"));
}

static void zero_in_a_text_is_refused(void)
{
    static const uint8_t bad[] = {0, 0, 0, 3, 'a', 0, 'b'};
    struct dpl_reader r;
    char text[8] = "full";
    dpl_reader_init(&r, bad, sizeof bad);
    dpl_reader_text(&r, text, sizeof text);
    CU_ASSERT_STRING_EQUAL(text, "");
    CU_ASSERT_EQUAL(dpl_reader_end(&r, "text", NULL), DPL_E_CORRUPT);
}

static void first_error_stays(void)
{
    static const uint8_t data[] = {0, 0, 0, 9, 1, 2, 3, 4};
    struct dpl_reader r;
    dpl_reader_init(&r, data, sizeof data);
    dpl_reader_blob(&r, 4);
    CU_ASSERT_EQUAL(dpl_reader_u32(&r), 0);
    dpl_reader_fail(&r, DPL_E_CORRUPT);
    CU_ASSERT_EQUAL(dpl_reader_end(&r, "x", NULL), DPL_E_TOO_LARGE);
}

static const struct unit_test tests[] = {
    {"bytes are as documented", bytes_are_as_documented},
    {"every strict prefix is refused", every_strict_prefix_is_refused},
    {"leftovers are refused", leftovers_are_refused},
    {"lengths of a peer are bounded", lengths_of_a_peer_are_bounded},
    {"a zero in a text is refused", zero_in_a_text_is_refused},
    {"the first error stays", first_error_stays},
};
UNIT_MAIN(tests)
