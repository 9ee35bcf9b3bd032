/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Any document comes back from its bytes; no strict prefix of them is one; what decodes from
 * changed bytes encodes to just these; JSON of any document is valid.
 */
#include "lib/ctl/doc.h"
#include "tests/prop/rng.h"
#include "tests/unit/unit.h"

#include <string.h>

static char *random_text(struct rng *r)
{
    size_t size = rng_below(r, 12);
    char *text = g_malloc0(size + 1);
    for (size_t i = 0; i < size; i++)
        text[i] = (char)(1 + rng_below(r, rng_one_in(r, 3) ? 255 : 126));
    return text;
}

static struct dpl_doc *random_doc(struct rng *r, unsigned depth)
{
    uint32_t kind = rng_below(r, depth < 5 ? 5 : 3);
    if (kind == 0)
        return dpl_doc_new_int((int64_t)rng_next(r) >> rng_below(r, 64));
    if (kind == 1)
        return dpl_doc_new_bool(rng_one_in(r, 2));
    if (kind == 2) {
        g_autofree char *text = random_text(r);
        return dpl_doc_new_text(text);
    }
    struct dpl_doc *doc = kind == 3 ? dpl_doc_new() : dpl_doc_new_list();
    for (uint32_t n = rng_below(r, 6); n > 0; n--) {
        g_autofree char *key = random_text(r);
        struct dpl_doc *value = random_doc(r, depth + 1);
        if (kind == 4)
            dpl_doc_add(doc, value);
        else
            dpl_doc_set(doc, dpl_doc_key_ok(key, strlen(key)) ? key : "plain", value);
    }
    return doc;
}

static void round_trip(void)
{
    struct rng r = rng_start(1);
    for (unsigned i = rounds(2000); i > 0; i--) {
        g_autoptr(dpl_doc_auto) doc = random_doc(&r, 0);
        g_autofree uint8_t *data = NULL;
        size_t size;
        struct dpl_doc *again = NULL;
        CU_ASSERT_EQUAL_FATAL(dpl_doc_encode(doc, &data, &size, NULL), 0);
        CU_ASSERT_EQUAL_FATAL(dpl_doc_decode(data, size, &again, NULL), 0);
        CU_ASSERT_TRUE(dpl_doc_equal(doc, again));
        dpl_doc_free(again);
        for (size_t cut = 0; cut < size; cut++)
            CU_ASSERT_TRUE_FATAL(dpl_doc_decode(data, cut, &again, NULL) < 0);
    }
}

static void changed_bytes(void)
{
    struct rng r = rng_start(2);
    for (unsigned i = rounds(20000); i > 0; i--) {
        g_autoptr(dpl_doc_auto) doc = random_doc(&r, 0);
        g_autofree uint8_t *data = NULL, *other = NULL;
        size_t size, other_size;
        struct dpl_doc *again = NULL;
        dpl_doc_encode(doc, &data, &size, NULL);
        data[rng_below(&r, (uint32_t)size)] = (uint8_t)rng_below(&r, 256);
        if (dpl_doc_decode(data, size, &again, NULL) < 0)
            continue;
        CU_ASSERT_EQUAL_FATAL(dpl_doc_encode(again, &other, &other_size, NULL), 0);
        CU_ASSERT_TRUE(size == other_size && memcmp(data, other, size) == 0);
        dpl_doc_free(again);
    }
}

/* A reader of JSON, of what can come out: answers where the value ends, or NULL. */
static const char *json_value(const char *p);

static const char *json_string(const char *p)
{
    if (*p++ != '"')
        return NULL;
    for (; *p != '"'; p++) {
        if ((unsigned char)*p < ' ')
            return NULL;
        if (*p == '\\' && *++p == 'u')
            for (int i = 0; i < 4; i++)
                if (!g_ascii_isxdigit(*++p))
                    return NULL;
    }
    return p + 1;
}

static const char *json_items(const char *p, char end)
{
    if (*p == end)
        return p + 1;
    for (;; p++) {
        if (end == '}' && (!(p = json_string(p)) || *p++ != ':'))
            return NULL;
        p = json_value(p);
        if (!p || *p == end)
            return p ? p + 1 : NULL;
        if (*p != ',')
            return NULL;
    }
}

static const char *json_value(const char *p)
{
    if (*p == '{' || *p == '[')
        return json_items(p + 1, *p == '{' ? '}' : ']');
    if (*p == '"')
        return json_string(p);
    if (g_str_has_prefix(p, "true"))
        return p + 4;
    if (g_str_has_prefix(p, "false"))
        return p + 5;
    const char *digits = *p == '-' ? p + 1 : p;
    size_t n = strspn(digits, "0123456789");
    return n > 0 ? digits + n : NULL;
}

static void valid_json(void)
{
    struct rng r = rng_start(3);
    for (unsigned i = rounds(5000); i > 0; i--) {
        g_autoptr(dpl_doc_auto) doc = random_doc(&r, 0);
        g_autofree char *json = dpl_doc_to_json(doc, false);
        const char *end = json_value(json);
        CU_ASSERT_TRUE(end && *end == '\0' && g_utf8_validate(json, -1, NULL));
        g_autofree char *text = dpl_doc_to_text(doc);
        CU_ASSERT_TRUE(g_utf8_validate(text, -1, NULL));
        for (const char *p = text; *p; p++)
            CU_ASSERT_TRUE_FATAL(*p == '\n' || ((unsigned char)*p >= ' ' && *p != 0x7f));
    }
}

static const struct unit_test tests[] = {
    {"a document comes back from its bytes, and from no prefix of them", round_trip},
    {"what decodes encodes to the same bytes", changed_bytes},
    {"JSON is valid and text is printable for any document", valid_json},
};
UNIT_MAIN(tests)
