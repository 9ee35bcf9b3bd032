/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/core/rules.h"
#include "lib/base/path.h"
#include "tests/prop/rng.h"
#include "tests/unit/unit.h"

#include <string.h>

static struct dpl_rules *parse(const char *text)
{
    struct dpl_rules *rules = NULL;
    struct dpl_err err = {0};
    if (dpl_rules_parse(&rules, text, strlen(text), &err) < 0)
        printf("%s\n", err.text);
    CU_ASSERT_PTR_NOT_NULL_FATAL(rules);
    return rules;
}

static void refused(const char *text, const char *why)
{
    struct dpl_rules *rules = NULL;
    struct dpl_err err = {0};
    CU_ASSERT_EQUAL(dpl_rules_parse(&rules, text, strlen(text), &err), DPL_E_PARAM);
    if (strcmp(err.text, why) != 0)
        printf("got:  %s\nwant: %s\n", err.text, why);
    CU_ASSERT_STRING_EQUAL(err.text, why);
}

static void decisions(void)
{
    static const struct {
        const char *path;
        bool inside, some, all;
    } cases[] = {
        {"/", false, true, false},
        {"/srv", false, true, false},
        {"/srv/mail", true, true, false},
        {"/srv/mail/a/b", true, true, true},
        {"/srv/mail/tmp", false, true, false},
        {"/srv/mail/tmp/x", false, false, false},
        {"/srv/mail/tmp/keep", true, true, true},
        {"/srv/mail/tmp/keep/x", true, true, true},
        {"/srv/mailbox", false, false, false},
        {"/srv/web", true, true, false},
        {"/srv/web/index", true, false, false},
        {"/srv/web/index/deeper", false, false, false},
        {"/srv/both", false, true, false},
        {"/srv/both/x", false, true, true},
        {"/srv/both/x/y", true, true, true},
        {"/other", false, false, false},
    };
    struct dpl_rules *rules = parse("# of the mail\n"
                                    "include recursive /srv/mail\n"
                                    "\n"
                                    "exclude recursive /srv/mail/tmp\n"
                                    "include recursive /srv/mail/tmp/keep\n"
                                    "include flat /srv/web\n"
                                    "include recursive /srv/both\n"
                                    "exclude flat /srv/both");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct dpl_rules_at at = dpl_rules_find(rules, cases[i].path);
        bool same = at.inside == cases[i].inside && at.some_beneath == cases[i].some &&
                    at.all_beneath == cases[i].all;
        if (!same)
            printf("%s: %d %d %d\n", cases[i].path, at.inside, at.some_beneath, at.all_beneath);
        CU_ASSERT_TRUE(same);
    }
    CU_ASSERT_EQUAL(dpl_rules_root_count(rules), 3);
    CU_ASSERT_STRING_EQUAL(dpl_rules_root(rules, 0), "/srv/mail");
    CU_ASSERT_STRING_EQUAL(dpl_rules_root(rules, 1), "/srv/web");
    CU_ASSERT_STRING_EQUAL(dpl_rules_root(rules, 2), "/srv/both");
    dpl_rules_free(rules);
}

static void errors(void)
{
    refused("", "the rules include nothing");
    refused("exclude recursive /a", "the rules include nothing");
    refused("include /a",
            "line 1 of the rules: \"recursive\" or \"flat\" was expected, not \"/a\"");
    refused(
        "\nincluded flat /a",
        "line 2 of the rules: \"include\" or \"exclude\" was expected, not \"included flat /a\"");
    refused("include flat a",
            "line 1 of the rules: an absolute path like /a/b was expected, not \"a\"");
    refused("include flat /a/../b",
            "line 1 of the rules: an absolute path like /a/b was expected, not \"/a/../b\"");
    refused("include flat /a/",
            "line 1 of the rules: an absolute path like /a/b was expected, not \"/a/\"");
    refused("include flat /a\ninclude flat /a",
            "line 2 of the rules: this rule is there already, for \"/a\"");
}

static void spaces(void)
{
    struct dpl_rules *rules = parse("include recursive /srv/my mail");
    char text[100];
    CU_ASSERT_TRUE(dpl_rules_find(rules, "/srv/my mail/x").inside);
    CU_ASSERT_EQUAL(dpl_rules_format(rules, text, sizeof text), 31);
    CU_ASSERT_STRING_EQUAL(text, "include recursive /srv/my mail\n");
    CU_ASSERT_EQUAL(dpl_rules_format(rules, text, 31), DPL_E_TOO_LARGE);
    dpl_rules_free(rules);
}

static void mounts(void)
{
    struct dpl_rules *rules = parse("include recursive /srv/mail\ninclude flat /srv/web/x");
    struct dpl_err err;
    CU_ASSERT_EQUAL(dpl_rules_check_mount(rules, "/srv", &err), 0);
    CU_ASSERT_EQUAL(dpl_rules_check_mount(rules, "/", &err), 0);
    CU_ASSERT_EQUAL(dpl_rules_check_mount(rules, "/srv/mail", &err), DPL_E_REFUSED);
    CU_ASSERT_EQUAL(dpl_rules_check_mount(rules, "/sr", &err), DPL_E_REFUSED);
    CU_ASSERT_STRING_EQUAL(
        err.text, "the root \"/srv/mail\" must be a directory beneath the mount point \"/sr\"");
    dpl_rules_free(rules);
}

static void overlaps(void)
{
    struct dpl_rules *a = parse("include recursive /srv/mail\nexclude recursive /srv/mail/x");
    struct dpl_rules *b = parse("include recursive /srv/mail/x"), *c = parse("include flat /srv/m");
    struct dpl_err err;
    CU_ASSERT_EQUAL(dpl_rules_check_apart(a, "a", b, "b", &err), DPL_E_REFUSED);
    CU_ASSERT_STRING_EQUAL(err.text,
                           "the sets \"a\" and \"b\" overlap: \"/srv/mail\" and \"/srv/mail/x\"");
    CU_ASSERT_EQUAL(dpl_rules_check_apart(b, "b", a, "a", &err), DPL_E_REFUSED);
    CU_ASSERT_EQUAL(dpl_rules_check_apart(a, "a", a, "a", &err), DPL_E_REFUSED);
    CU_ASSERT_EQUAL(dpl_rules_check_apart(a, "a", c, "c", &err), 0);
    dpl_rules_free(a);
    dpl_rules_free(b);
    dpl_rules_free(c);
}

/* The rule as it is told, straight from the definition. */
struct plain {
    bool include, flat;
    char path[32];
};

static bool plain_inside(const struct plain *rules, unsigned count, const char *path)
{
    size_t best = 0;
    bool inside = false;
    for (unsigned i = 0; i < count; i++) {
        const char *rest = path + strlen(rules[i].path);
        bool match = dpl_path_is_beneath(path, rules[i].path);
        if (match && rules[i].flat && *rest)
            match = !strchr(rest + 1, '/');
        size_t length = strlen(rules[i].path);
        if (!match || length < best)
            continue;
        inside = length > best ? rules[i].include : inside && rules[i].include;
        best = length;
    }
    return inside;
}

static void random_path(struct rng *r, char path[32], unsigned depth)
{
    *path = '\0';
    for (unsigned d = 0; d < depth; d++)
        sprintf(path + 2 * d, "/%c", 'a' + (char)rng_below(r, 2));
}

static void by_definition(void)
{
    struct rng r = rng_start(51);
    for (unsigned i = 0, n = rounds(3000); i < n; i++) {
        struct plain plain[6] = {{.include = true, .path = "/a"}};
        unsigned count = 1 + rng_below(&r, 5);
        char text[400];
        int used = sprintf(text, "include recursive /a\n");
        for (unsigned k = 1; k < count; k++) {
            plain[k] = (struct plain){.include = rng_one_in(&r, 2), .flat = rng_one_in(&r, 3)};
            random_path(&r, plain[k].path, 1 + rng_below(&r, 4));
            used += sprintf(text + used, "%s %s %s\n", plain[k].include ? "include" : "exclude",
                            plain[k].flat ? "flat" : "recursive", plain[k].path);
        }
        struct dpl_rules *rules = NULL;
        if (dpl_rules_parse(&rules, text, strlen(text), NULL) < 0)
            continue; /* the same rule twice */
        for (unsigned k = 0; k < 30; k++) {
            char dir[32], path[32];
            random_path(&r, dir, 1 + rng_below(&r, 3));
            struct dpl_rules_at at = dpl_rules_find(rules, dir);
            CU_ASSERT_EQUAL(at.inside, plain_inside(plain, count, dir));
            bool some = false, all = true;
            for (unsigned bits = 0; bits < 14; bits++) { /* all beneath, three deep */
                unsigned depth = bits < 2 ? 1 : bits < 6 ? 2 : 3;
                sprintf(path, "%s", dir);
                for (unsigned d = 0; d < depth; d++)
                    sprintf(path + strlen(path), "/%c", 'a' + (char)(bits >> d & 1));
                bool inside = plain_inside(plain, count, path);
                some |= inside;
                all &= inside;
            }
            CU_ASSERT_TRUE(at.some_beneath || !some);
            CU_ASSERT_TRUE(!at.all_beneath || all);
        }
        dpl_rules_free(rules);
    }
}

static const struct unit_test tests[] = {
    {"the longest match decides, exclude wins at the same path", decisions},
    {"a bad rule is refused with its line", errors},
    {"paths may hold spaces, and the text comes back", spaces},
    {"roots lie beneath the mount point", mounts},
    {"sets whose roots touch are refused, excluded or not", overlaps},
    {"random rules decide as the definition says, and nothing beneath is overlooked",
     by_definition},
};
UNIT_MAIN(tests)
