/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/ctl/doc.h"
#include "tests/unit/unit.h"

#include <string.h>

static struct dpl_doc *example(void)
{
    struct dpl_doc *doc = dpl_doc_new();
    dpl_doc_set_text(doc, "set", "mail");
    dpl_doc_set_int(doc, "lag_ms", -5);
    dpl_doc_set_bool(doc, "paused", true);
    struct dpl_doc *roots = dpl_doc_set_list(doc, "roots");
    dpl_doc_add_text(roots, "/srv/a\xff\n");
    dpl_doc_add_int(roots, 7);
    dpl_doc_set_text(dpl_doc_add_tree(roots), "x", "");
    dpl_doc_set_tree(doc, "empty");
    return doc;
}

static void order_and_replacement(void)
{
    g_autoptr(dpl_doc_auto) doc = example();
    dpl_doc_set_int(doc, "set", 1);
    dpl_doc_set_format(doc, "last", "%d%%", 5);
    CU_ASSERT_EQUAL(dpl_doc_count(doc), 6);
    CU_ASSERT_STRING_EQUAL(dpl_doc_key(dpl_doc_at(doc, 0)), "set");
    CU_ASSERT_EQUAL(dpl_doc_int(doc, "set", 0), 1);
    CU_ASSERT_STRING_EQUAL(dpl_doc_key(dpl_doc_at(doc, 5)), "last");
    CU_ASSERT_STRING_EQUAL(dpl_doc_text(doc, "last"), "5%");
    CU_ASSERT_TRUE(dpl_doc_unset(doc, "lag_ms"));
    CU_ASSERT_FALSE(dpl_doc_unset(doc, "lag_ms"));
    CU_ASSERT_STRING_EQUAL(dpl_doc_key(dpl_doc_at(doc, 1)), "paused");
    CU_ASSERT_EQUAL(dpl_doc_count(doc), 5);
}

static void absent_values(void)
{
    g_autoptr(dpl_doc_auto) doc = example();
    CU_ASSERT_PTR_NULL(dpl_doc_text(doc, "nothing"));
    CU_ASSERT_PTR_NULL(dpl_doc_text(doc, "lag_ms"));
    CU_ASSERT_EQUAL(dpl_doc_int(doc, "set", 9), 9);
    CU_ASSERT_TRUE(dpl_doc_bool(doc, "set", true));
    CU_ASSERT_PTR_NULL(dpl_doc_tree(doc, "roots"));
    CU_ASSERT_PTR_NULL(dpl_doc_list(doc, "empty"));
    CU_ASSERT_PTR_NULL(dpl_doc_get(NULL, "x"));
    CU_ASSERT_PTR_NULL(dpl_doc_get(dpl_doc_get(doc, "set"), "x"));
    CU_ASSERT_EQUAL(dpl_doc_count(NULL), 0);
    CU_ASSERT_EQUAL(dpl_doc_count(dpl_doc_get(doc, "set")), 0);
    CU_ASSERT_PTR_NULL(dpl_doc_at(doc, 5));
}

static void a_copy_is_equal(void)
{
    g_autoptr(dpl_doc_auto) doc = example();
    g_autoptr(dpl_doc_auto) copy = dpl_doc_copy(doc);
    CU_ASSERT_TRUE(dpl_doc_equal(doc, copy));
    dpl_doc_set_text(dpl_doc_get_mutable(copy, "empty"), "k", "v");
    CU_ASSERT_FALSE(dpl_doc_equal(doc, copy));
}

static void keys(void)
{
    char longest[DPL_DOC_KEY_MAX + 1];
    memset(longest, 'k', sizeof longest);
    CU_ASSERT_TRUE(dpl_doc_key_ok("k", 1));
    CU_ASSERT_TRUE(dpl_doc_key_ok("\xc3\xbc", 2));
    CU_ASSERT_TRUE(dpl_doc_key_ok(longest, DPL_DOC_KEY_MAX));
    CU_ASSERT_FALSE(dpl_doc_key_ok(longest, DPL_DOC_KEY_MAX + 1));
    CU_ASSERT_FALSE(dpl_doc_key_ok("", 0));
    CU_ASSERT_FALSE(dpl_doc_key_ok("a\0b", 3));
    CU_ASSERT_FALSE(dpl_doc_key_ok("\xff", 1));
}

static void json(void)
{
    g_autoptr(dpl_doc_auto) doc = example();
    dpl_doc_set_text(doc, "odd", "\"\\\t\x01\x7f\xc3\xbc");
    g_autofree char *compact = dpl_doc_to_json(doc, false);
    CU_ASSERT_STRING_EQUAL(compact,
                           "{\"set\":\"mail\",\"lag_ms\":-5,\"paused\":true,"
                           "\"roots\":[{\"hex\":\"2f7372762f61ff0a\"},7,{\"x\":\"\"}],"
                           "\"empty\":{},\"odd\":\"\\\"\\\\\\u0009\\u0001\\u007f\xc3\xbc\"}");
    g_autoptr(dpl_doc_auto) small = dpl_doc_new();
    dpl_doc_add_int(dpl_doc_set_list(small, "l"), 1);
    dpl_doc_set_list(small, "m");
    g_autofree char *indented = dpl_doc_to_json(small, true);
    CU_ASSERT_STRING_EQUAL(indented, "{\n  \"l\": [\n    1\n  ],\n  \"m\": []\n}\n");
}

static void text(void)
{
    g_autoptr(dpl_doc_auto) doc = example();
    g_autofree char *out = dpl_doc_to_text(doc);
    CU_ASSERT_STRING_EQUAL(out, "set: mail\nlag_ms: -5\npaused: yes\nroots:\n"
                                "  - /srv/a\\xff\\n\n  - 7\n  -\n    x: \nempty: none\n");
}

/* The bytes themselves: other programs read them. */
static void golden(void)
{
    static const char want[] = "\1\0\0\0\0\2\0\0\0\1a\2\0\0\0\2hi\0\0\0\1b\1\0\0\0\2"
                               "\3\xff\xff\xff\xff\xff\xff\xff\xfe\4\1";
    g_autoptr(dpl_doc_auto) doc = dpl_doc_new();
    dpl_doc_set_text(doc, "a", "hi");
    struct dpl_doc *list = dpl_doc_set_list(doc, "b");
    dpl_doc_add_int(list, -2);
    dpl_doc_add(list, dpl_doc_new_bool(true));
    g_autofree uint8_t *data = NULL;
    size_t size;
    CU_ASSERT_EQUAL_FATAL(dpl_doc_encode(doc, &data, &size, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(size, sizeof want - 1);
    CU_ASSERT_EQUAL(memcmp(data, want, size), 0);
}

static void refused(const char *bytes, size_t size, int code)
{
    struct dpl_doc *doc = NULL;
    struct dpl_err err = {0};
    CU_ASSERT_EQUAL(dpl_doc_decode(bytes, size, &doc, &err), code);
    CU_ASSERT_EQUAL(err.code, code);
    CU_ASSERT_PTR_NULL(doc);
    if (doc)
        dpl_doc_free(doc);
}

static void nonsense(void)
{
    refused("\2\0\0\0\0\0", 6, DPL_E_VERSION);
    refused("", 0, DPL_E_TRUNCATED);
    refused("\1\5", 2, DPL_E_CORRUPT);                                    /* no such kind */
    refused("\1\4\2", 3, DPL_E_CORRUPT);                                  /* neither 0 nor 1 */
    refused("\1\4\1x", 4, DPL_E_CORRUPT);                                 /* something behind it */
    refused("\1\2\0\0\0\1\0", 7, DPL_E_CORRUPT);                          /* a zero byte */
    refused("\1\0\0\0\0\1\0\0\0\0\4\1", 12, DPL_E_CORRUPT);               /* an empty key */
    refused("\1\0\0\0\0\2\0\0\0\1a\4\1\0\0\0\1a\4\1", 20, DPL_E_CORRUPT); /* a key twice */
    refused("\1\1\xff\xff\xff\xff", 6, DPL_E_TRUNCATED);                  /* a count of nothing */
    refused("\1\2\xff\xff\xff\xff", 6, DPL_E_TOO_LARGE);                  /* a length likewise */
}

/* A list in a list ..., so deep. */
static struct dpl_doc *nested(unsigned depth)
{
    struct dpl_doc *top = dpl_doc_new_list(), *at = top;
    while (--depth > 0)
        at = dpl_doc_add(at, dpl_doc_new_list());
    return top;
}

static void bounds(void)
{
    g_autoptr(dpl_doc_auto) deep = nested(DPL_DOC_DEPTH_MAX);
    g_autoptr(dpl_doc_auto) deeper = nested(DPL_DOC_DEPTH_MAX + 1);
    g_autofree uint8_t *data = NULL, *none = NULL;
    struct dpl_doc *again = NULL;
    size_t size;
    CU_ASSERT_EQUAL_FATAL(dpl_doc_encode(deep, &data, &size, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(dpl_doc_decode(data, size, &again, NULL), 0);
    dpl_doc_free(again);
    CU_ASSERT_EQUAL(dpl_doc_encode(deeper, &none, &size, NULL), DPL_E_TOO_LARGE);

    g_autoptr(dpl_doc_auto) many = dpl_doc_new_list();
    for (int i = 1; i < DPL_DOC_VALUES_MAX; i++)
        dpl_doc_add_int(many, i);
    g_autofree uint8_t *most = NULL;
    CU_ASSERT_EQUAL_FATAL(dpl_doc_encode(many, &most, &size, NULL), 0);
    CU_ASSERT_EQUAL_FATAL(dpl_doc_decode(most, size, &again, NULL), 0);
    dpl_doc_free(again);
    dpl_doc_add_int(many, 0);
    CU_ASSERT_EQUAL(dpl_doc_encode(many, &none, &size, NULL), DPL_E_TOO_LARGE);

    g_autofree char *long_text = g_strnfill(DPL_DOC_SIZE_MAX, 'x');
    g_autoptr(dpl_doc_auto) large = dpl_doc_new_text(long_text);
    CU_ASSERT_EQUAL(dpl_doc_encode(large, &none, &size, NULL), DPL_E_TOO_LARGE);
}

/* One level more than allowed, and one value more, as bytes. */
static void bounds_of_others(void)
{
    g_autoptr(GString) deep = g_string_new("\1");
    for (int i = 0; i < DPL_DOC_DEPTH_MAX; i++)
        g_string_append_len(deep, "\1\0\0\0\1", 5);
    g_string_append_len(deep, "\4\1", 2);
    refused(deep->str, deep->len, DPL_E_TOO_LARGE);

    g_autoptr(GString) many = g_string_new("\1\1");
    uint32_t count = GUINT32_TO_BE(DPL_DOC_VALUES_MAX);
    g_string_append_len(many, (const char *)&count, sizeof count);
    for (int i = 0; i < DPL_DOC_VALUES_MAX; i++)
        g_string_append_len(many, "\4\1", 2);
    refused(many->str, many->len, DPL_E_TOO_LARGE);

    g_autoptr(GString) large = g_string_new("\1\1");
    g_string_set_size(large, DPL_DOC_SIZE_MAX + 1);
    refused(large->str, large->len, DPL_E_TOO_LARGE);
}

static const struct unit_test tests[] = {
    {"a tree keeps the order of its keys, and a key once", order_and_replacement},
    {"what is not there, or of another kind, reads as nothing", absent_values},
    {"a copy is equal until it is changed", a_copy_is_equal},
    {"a key is UTF-8 of 1 to 255 bytes", keys},
    {"JSON is right for any bytes", json},
    {"text has a line for each value and nothing that commands a terminal", text},
    {"the encoding is the one that is documented", golden},
    {"nonsense is refused", nonsense},
    {"what is too deep, too many or too large is not encoded", bounds},
    {"what is too deep, too many or too large is not decoded", bounds_of_others},
};
UNIT_MAIN(tests)
