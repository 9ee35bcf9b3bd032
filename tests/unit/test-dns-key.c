/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/dns/key.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <glib.h>
#include <string.h>

static int parse(const char *text, struct dpl_dns_key *key, struct dpl_err *err)
{
    *err = (struct dpl_err){0};
    return dpl_dns_key_parse("/keys/K", text, key, err);
}

static void as_tsig_keygen(void)
{
    static const char *const texts[] = {
        "key \"Site.Key\" {\n\talgorithm hmac-sha256;\n\tsecret \"c2VjcmV0\";\n};\n",
        "key site.key. { secret c2VjcmV0; algorithm HMAC-SHA256; };",
        "# one\n// two\n/* key \"x\" {\n*/ key \"site.key\"{algorithm \"hmac-sha256.\";secret "
        "\"c2VjcmV0\";};\n# KEY no more",
    };
    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        struct dpl_dns_key key;
        struct dpl_err err;
        CU_ASSERT_EQUAL(parse(texts[i], &key, &err), DPL_OK);
        CU_ASSERT_STRING_EQUAL(key.name, "site.key.");
        CU_ASSERT_STRING_EQUAL(key.algorithm->wire, "hmac-sha256.");
        CU_ASSERT_EQUAL(key.secret_size, 6);
        CU_ASSERT_EQUAL(memcmp(key.secret, "secret", 6), 0);
        dpl_dns_key_done(&key);
        CU_ASSERT_EQUAL(key.secret_size, 0);
    }
}

static void all_algorithms(void)
{
    static const char *const rows[][2] = {
        {"hmac-md5", "hmac-md5.sig-alg.reg.int."},
        {"hmac-md5.sig-alg.reg.int", "hmac-md5.sig-alg.reg.int."},
        {"hmac-sha1", "hmac-sha1."},
        {"hmac-sha224", "hmac-sha224."},
        {"hmac-sha384", "hmac-sha384."},
        {"hmac-sha512", "hmac-sha512."},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct dpl_dns_key key;
        struct dpl_err err;
        g_autofree char *text =
            g_strdup_printf("key a { algorithm %s; secret c2VjcmV0; };", rows[i][0]);
        CU_ASSERT_EQUAL(parse(text, &key, &err), DPL_OK);
        CU_ASSERT_STRING_EQUAL(key.algorithm->wire, rows[i][1]);
    }
}

static void older_files(void)
{
    struct dpl_dns_key key;
    struct dpl_err err = {0};
    CU_ASSERT_EQUAL(parse("site.key. IN KEY 512 3 165 c2Vj cmV0\n", &key, &err), DPL_OK);
    CU_ASSERT_STRING_EQUAL(key.algorithm->name, "hmac-sha512");
    CU_ASSERT_STRING_EQUAL(key.name, "site.key.");
    CU_ASSERT_EQUAL(key.secret_size, 6);
    static const char text[] = "Private-key-format: v1.3\nAlgorithm: 157 (HMAC_MD5)\nKey: "
                               "c2VjcmV0\nBits: AAA=\n";
    CU_ASSERT_EQUAL(dpl_dns_key_parse("/keys/Ksite.key.+157+12345.private", text, &key, &err),
                    DPL_OK);
    CU_ASSERT_STRING_EQUAL(key.algorithm->name, "hmac-md5");
    CU_ASSERT_STRING_EQUAL(key.name, "site.key.");
    CU_ASSERT_EQUAL(dpl_dns_key_parse("/keys/site.private", text, &key, &err), DPL_E_CONFIG);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "must keep its name"));
}

static void wrong_files(void)
{
    static const char *const rows[][2] = {
        {"", "holds no key"},
        {"options { };", "holds no key"},
        {"key", "holds no key"},
        {"key \"a b\" { };", "\"a b\" is not the name of a key"},
        {"key a ;", "expected { behind"},
        {"key a { secret AAAA;", "expected } behind"},
        {"key a { secret AAAA }", "expected \"secret VALUE;\""},
        {"key a { server x; };", "\"server\" is not part of a key"},
        {"key a { algorithm hmac-sha256-128; };", "the algorithm hmac-sha256-128 is not known"},
        {"key a { algorithm hmac-sha256; secret AAA; };", "not in base64"},
        {"key a { algorithm hmac-sha256; secret \"\"; };", "not in base64"},
        {"key a { secret AAAA; };", "names no algorithm"},
        {"key a { algorithm hmac-sha256; };", "has no secret"},
        {"key a { algorithm hmac-sha256; secret AAAA; }; key b { };", "one key and nothing"},
        {"a. IN KEY 512 3 8 AAAA", "the algorithm 8 is not known"},
        {"a. IN KEY 512", "expected NAME IN KEY"},
        {"Private-key-format: v1.3\nKey: AAAA\n", "must keep its name"},
    };
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct dpl_dns_key key;
        struct dpl_err err;
        CU_ASSERT_EQUAL(parse(rows[i][0], &key, &err), DPL_E_CONFIG);
        if (!strstr(err.text, rows[i][1]))
            printf("%s: %s\n", rows[i][0], err.text);
        CU_ASSERT_PTR_NOT_NULL(strstr(err.text, rows[i][1]));
        CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "/keys/K"));
        CU_ASSERT_EQUAL(key.secret_size, 0);
    }
}

static int read_mode(mode_t mode, struct dpl_err *err)
{
    g_autofree char *path = g_strdup_printf("%s/key", unit_tempdir());
    static const char text[] = "key a { algorithm hmac-sha256; secret c2VjcmV0; };\n";
    struct dpl_dns_key key;
    CU_ASSERT_TRUE(g_file_set_contents(path, text, -1, NULL));
    CU_ASSERT_EQUAL(chmod(path, mode), 0);
    *err = (struct dpl_err){0};
    return dpl_dns_key_read(path, &key, err);
}

static void rights(void)
{
    struct dpl_err err;
    CU_ASSERT_EQUAL(read_mode(0600, &err), DPL_OK);
    CU_ASSERT_EQUAL(read_mode(0400, &err), DPL_OK);
    CU_ASSERT_EQUAL(read_mode(0640, &err), DPL_OK);
    static const mode_t loose[] = {0644, 0660, 0601, 0602, 0610};
    for (size_t i = 0; i < G_N_ELEMENTS(loose); i++) {
        CU_ASSERT_EQUAL(read_mode(loose[i], &err), DPL_E_CONFIG);
        CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "chmod 0600"));
    }
    struct dpl_dns_key key;
    CU_ASSERT_EQUAL(dpl_dns_key_read("/nosuch/key", &key, &err), DPL_E_NOT_FOUND);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "/nosuch/key"));
    CU_ASSERT_EQUAL(dpl_dns_key_read("/dev/null", &key, &err), DPL_E_CONFIG);
}

static const struct unit_test tests[] = {
    {"a key as tsig-keygen writes it is read", as_tsig_keygen},
    {"every algorithm of TSIG is known", all_algorithms},
    {"the files of the older dnssec-keygen are read", older_files},
    {"a file that is no key is refused by name", wrong_files},
    {"a key that others may read is refused", rights},
};
UNIT_MAIN(tests)
