/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/ctl/quote.h"
#include "tests/unit/unit.h"

static void check(const char *bytes, size_t size, const char *want)
{
    g_autofree char *got = dpl_quote(bytes, size);
    CU_ASSERT_STRING_EQUAL(got, want);
}

static void plain(void)
{
    check("", 0, "\"\"");
    check("a b", 3, "\"a b\"");
    check("\xc3\xbc\xe2\x82\xac\xf0\x9f\x90\x93", 9, "\"\xc3\xbc\xe2\x82\xac\xf0\x9f\x90\x93\"");
}

static void escaped(void)
{
    check("\"\\\n\t\r\x1b\x7f", 7, "\"\\\"\\\\\\n\\t\\x0d\\x1b\\x7f\"");
    check("a\0b", 3, "\"a\\x00b\"");
    check("\xc2\x9b", 2, "\"\\xc2\\x9b\"");          /* CSI as one character */
    check("\xe2\x80\xa8", 3, "\"\\xe2\\x80\\xa8\""); /* line separator */
}

static void not_utf8(void)
{
    check("\xff", 1, "\"\\xff\"");
    check("a\xc3", 2, "\"a\\xc3\"");
    check("\xc3x", 2, "\"\\xc3x\"");
    check("\xc0\xaf", 2, "\"\\xc0\\xaf\"");          /* overlong */
    check("\xed\xa0\x80", 3, "\"\\xed\\xa0\\x80\""); /* a surrogate */
}

static void unquoted(void)
{
    g_autoptr(GString) out = g_string_new("x: ");
    dpl_quote_into(out, "a \"b\"\\\n", 7);
    CU_ASSERT_STRING_EQUAL(out->str, "x: a \"b\"\\\\\\n");
}

static const struct unit_test tests[] = {
    {"in a line of its own quotes need no escape", unquoted},
    {"what can be printed is printed", plain},
    {"what ends a line or commands a terminal is escaped", escaped},
    {"what is not UTF-8 is escaped byte by byte", not_utf8},
};
UNIT_MAIN(tests)
