/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/base/uuid.h"
#include "tests/unit/unit.h"

#include <string.h>

static const char sample[] = "00112233-4455-6677-8899-aabbccddeeff";

static void there_and_back(void)
{
    char text[DPL_UUID_TEXT];
    uint8_t uuid[16];
    CU_ASSERT_TRUE(dpl_uuid_parse(sample, uuid));
    for (unsigned i = 0; i < 16; i++)
        CU_ASSERT_EQUAL(uuid[i], 17 * i);
    dpl_uuid_format(uuid, text);
    CU_ASSERT_STRING_EQUAL(text, sample);
    CU_ASSERT_TRUE(dpl_uuid_parse("00112233-4455-6677-8899-AABBCCDDEEFF", uuid));
    CU_ASSERT_EQUAL(uuid[15], 255);
}

/* No prefix, and none with one character changed to what may not stand there. */
static void all_else_is_refused(void)
{
    uint8_t uuid[16] = {7};
    for (size_t i = 0; i < sizeof sample - 1; i++) {
        char text[sizeof sample + 1] = "";
        memcpy(text, sample, i);
        CU_ASSERT_FALSE(dpl_uuid_parse(text, uuid));
        memcpy(text, sample, sizeof sample);
        text[i] = text[i] == '-' ? '0' : '-';
        CU_ASSERT_FALSE(dpl_uuid_parse(text, uuid));
    }
    CU_ASSERT_FALSE(dpl_uuid_parse("00112233-4455-6677-8899-aabbccddeeff0", uuid));
    CU_ASSERT_EQUAL(uuid[0], 7);
}

static const struct unit_test tests[] = {
    {"what is written is read again", there_and_back},
    {"all else is none, and sets nothing", all_else_is_refused},
};
UNIT_MAIN(tests)
