/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/ctl/command.h"
#include "tests/unit/unit.h"

#include <string.h>

/* Parses the words of a line and prints the arguments as JSON, or the error. */
static void check(const char *words, const char *line, const char *want)
{
    const struct dpl_command *command = dpl_command_find(words);
    CU_ASSERT_PTR_NOT_NULL_FATAL(command);
    g_auto(GStrv) argv = g_strsplit(line, " ", -1);
    g_autoptr(dpl_doc_auto) args = NULL;
    struct dpl_err err = {0};
    int argc = line[0] ? (int)g_strv_length(argv) : 0;
    int rc = dpl_command_parse(command, argc, argv, &args, &err);
    g_autofree char *got = rc < 0 ? g_strdup(err.text) : dpl_doc_to_json(args, false);
    if (strcmp(got, want) != 0)
        printf("%s %s\n  got  %s\n  want %s\n", words, line, got, want);
    CU_ASSERT_STRING_EQUAL(got, want);
    CU_ASSERT_TRUE(rc == 0 || rc == DPL_E_USAGE);
    if (rc == 0)
        CU_ASSERT_EQUAL(dpl_command_check(command, args, NULL), 0);
}

static void parsed(void)
{
    check("status", "", "{}");
    check("status", "mail --watch", "{\"set\":\"mail\",\"watch\":true}");
    check("set create", "mail /srv/a /srv/b --exclude=/srv/a/tmp --exclude /srv/b/tmp",
          "{\"set\":\"mail\",\"path\":[\"/srv/a\",\"/srv/b\"],"
          "\"exclude\":[\"/srv/a/tmp\",\"/srv/b/tmp\"]}");
    check("set accept", "--from site-a mail --map=/a:/b",
          "{\"from\":\"site-a\",\"set\":\"mail\",\"map\":[\"/a:/b\"]}");
    check("wait", "mail --queue-empty --timeout=5s",
          "{\"set\":\"mail\",\"queue_empty\":true,\"timeout\":\"5s\"}");
    check("set add", "mail -- --odd", "{\"set\":\"mail\",\"path\":[\"--odd\"]}");
    check("limit", "mail --bandwidth=", "{\"set\":\"mail\",\"bandwidth\":\"\"}");
}

static void refused(void)
{
    check("set create", "mail", "PATH is needed");
    check("set create", "", "SET is needed");
    check("set accept", "mail", "--from=SITE is needed");
    check("set accept", "mail --from", "--from needs a value");
    check("set accept", "mail --from=a --from=b", "--from stands twice");
    check("status", "mail --chek", "there is no option \"--chek\"");
    check("status", "mail --watch=1", "--watch takes no value");
    check("status", "a b", "\"b\" is too much");
}

/* What a client may send that never went through the parser. */
static void untrusted(void)
{
    const struct dpl_command *c = dpl_command_find("set accept");
    g_autoptr(dpl_doc_auto) args = dpl_doc_new();
    g_autoptr(dpl_doc_auto) text = dpl_doc_new_text("x");
    CU_ASSERT_EQUAL(dpl_command_check(c, NULL, NULL), DPL_E_USAGE);
    CU_ASSERT_EQUAL(dpl_command_check(c, text, NULL), DPL_E_USAGE);
    dpl_doc_set_text(args, "set", "mail");
    dpl_doc_set_text(args, "from", "b");
    CU_ASSERT_EQUAL(dpl_command_check(c, args, NULL), 0);
    dpl_doc_set_text(args, "map", "a:b"); /* a list is wanted */
    CU_ASSERT_EQUAL(dpl_command_check(c, args, NULL), DPL_E_USAGE);
    dpl_doc_add_int(dpl_doc_set_list(args, "map"), 1);
    CU_ASSERT_EQUAL(dpl_command_check(c, args, NULL), DPL_E_USAGE);
    dpl_doc_unset(args, "map");
    dpl_doc_set_int(args, "set", 1);
    CU_ASSERT_EQUAL(dpl_command_check(c, args, NULL), DPL_E_USAGE);
    dpl_doc_set_text(args, "set", "mail");
    dpl_doc_set_text(args, "other", "x");
    CU_ASSERT_EQUAL(dpl_command_check(c, args, NULL), DPL_E_USAGE);
}

static void rows(void)
{
    const struct dpl_command *c;
    for (size_t i = 0; (c = dpl_command_at(i)) != NULL; i++) {
        struct dpl_command_arg arg;
        const char *at = c->arguments;
        size_t names = 0;
        CU_ASSERT_PTR_EQUAL(dpl_command_find(c->words), c);
        CU_ASSERT_TRUE(c->help[0] && c->right != DPL_RIGHT_NONE);
        while (dpl_command_arg_next(&at, &arg)) {
            CU_ASSERT_TRUE(arg.key[0] && arg.word[0]);
            CU_ASSERT_EQUAL(arg.option, strncmp(arg.word, "--", 2) == 0);
            names += !arg.option;
        }
        CU_ASSERT_EQUAL(at[strspn(at, " ")], '\0'); /* all of it was understood */
        CU_ASSERT_TRUE(names <= 2);
    }
}

static const struct unit_test tests[] = {
    {"a command line becomes a document", parsed},
    {"a wrong command line is said", refused},
    {"the daemon trusts no document", untrusted},
    {"every row of the table can be read", rows},
};
UNIT_MAIN(tests)
