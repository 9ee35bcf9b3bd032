/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The manual pages and the completion hold what the tables hold, and nothing else.
 */
#include "daemon/core/set_state.h"
#include "lib/base/file.h"
#include "lib/config/site_conf.h"
#include "lib/ctl/command.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *page(const char *name)
{
    const char *srcdir = getenv("srcdir");
    g_autofree char *path = g_strdup_printf("%s/%s", srcdir ? srcdir : ".", name);
    char *text = NULL;
    struct dpl_err err = {0};
    if (dpl_file_read(AT_FDCWD, path, 1 << 20, &text, NULL, &err) < 0)
        printf("%s\n", err.text);
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    return text;
}

/* The text from the line `heading` to the next line that begins with `end`. */
static char *section(const char *text, const char *heading, const char *end)
{
    g_autofree char *line = g_strdup_printf("\n%s\n", heading);
    const char *start = strstr(text, line);
    if (!start) {
        printf("there is no \"%s\"\n", heading);
        CU_FAIL("a heading is missing");
        return g_strdup("");
    }
    start += strlen(line);
    const char *stop = g_str_has_prefix(start, end + 1) ? start : strstr(start, end);
    return stop ? g_strndup(start, (gsize)(stop - start)) : g_strdup(start);
}

static unsigned count(const char *text, const char *what)
{
    unsigned n = 0;
    for (const char *p = text; (p = strstr(p, what)) != NULL; p += strlen(what))
        n++;
    return n;
}

static void expect(const char *where, const char *text, const char *what)
{
    if (!strstr(text, what)) {
        printf("%s: no \"%s\"\n", where, what);
        CU_FAIL("the page lacks it");
    }
}

static void configuration(void)
{
    g_autofree char *text = page("doc/doppel.conf.5");
    unsigned keys = 0;
    for (size_t i = 0; i < dpl_site_conf.count; i++) {
        const struct dpl_conf_key *key = &dpl_site_conf.keys[i];
        g_auto(GStrv) words = g_strsplit(key->group, "*", 2); /* "set *" is there as "set NAME" */
        g_autofree char *heading = g_strdup_printf(".Ss [%s%s]", words[0], words[1] ? "NAME" : "");
        g_autofree char *item = g_strdup_printf(".It Cm %s\n", key->key);
        g_autofree char *part = section(text, heading, "\n.S");
        expect(heading, part, item);
        g_autofree char *about = section(part, g_strchomp(item), "\n.It");
        if (key->preset && key->preset[0] != '/') {
            g_autofree char *preset = g_strdup_printf("Default: %s.", key->preset);
            expect(key->key, about, preset);
        }
        keys++;
    }
    CU_ASSERT_EQUAL(count(text, "\n.It Cm "), keys);
}

static void commands(void)
{
    g_autofree char *text = page("doc/doppel.8");
    const struct dpl_command *c;
    unsigned rows = 0;
    for (; (c = dpl_command_at(rows)) != NULL; rows++) {
        g_autofree char *heading = g_strdup_printf(".Ss %s", c->words);
        g_autofree char *part = section(text, heading, "\n.S");
        struct dpl_command_arg arg;
        const char *at = c->arguments;
        while (dpl_command_arg_next(&at, &arg)) {
            g_autofree char *word = arg.option ? g_strdup_printf("Fl %s", arg.word + 1)
                                               : g_strdup_printf("Ar %s", arg.word);
            expect(c->words, part, word);
        }
    }
    CU_ASSERT_EQUAL(count(text, "\n.Ss "), rows);
}

static void states(void)
{
    g_autofree char *text = page("doc/doppel.8");
    for (enum dpl_set_state s = 0; s < DPL_SET_STATES; s++) {
        g_autoptr(GString) row = g_string_new(NULL);
        g_string_printf(row, ".It %s Ta ", dpl_set_state_text(s));
        const char *between = "";
        for (enum dpl_set_command k = 0; k < DPL_SET_COMMANDS; k++) {
            if (!dpl_set_allowed(s, k))
                continue;
            g_string_append_printf(row, "%s%s", between, dpl_set_command_text(k));
            between = ", ";
        }
        g_string_append_c(row, '\n');
        expect("STATES", text, row->str);
    }
    for (enum dpl_set_command k = 0; k < DPL_SET_COMMANDS; k++)
        CU_ASSERT_PTR_NOT_NULL(dpl_command_find(dpl_set_command_text(k)));
}

static void completion(void)
{
    g_autofree char *want = page("tools/bash-completion/doppel");
    g_autofree char *got = NULL;
    CU_ASSERT_TRUE_FATAL(g_spawn_command_line_sync("./doppel completion", &got, NULL, NULL, NULL));
    CU_ASSERT_STRING_EQUAL(got, want); /* else: ./doppel completion >tools/bash-completion/doppel */
}

static bool is_page(const char *name)
{
    const char *srcdir = getenv("srcdir");
    g_autofree char *path = g_strdup_printf("%s/doc/%s", srcdir ? srcdir : ".", name);
    return access(path, R_OK) == 0;
}

/* Every ".Xr doppel... N" leads to a page. */
static void check_references(const char *name)
{
    g_autofree char *file = g_strdup_printf("doc/%s", name), *text = page(file);
    for (const char *p = text; (p = strstr(p, "\n.Xr doppel")) != NULL; p++) {
        char to[64], chapter;
        if (sscanf(p, "\n.Xr %63s %c", to, &chapter) != 2) {
            CU_FAIL("a reference without a section");
            continue;
        }
        g_autofree char *target = g_strdup_printf("%s.%c", to, chapter);
        if (!is_page(target)) {
            printf("%s leads to %s, which is not there\n", name, target);
            CU_FAIL("a reference leads nowhere");
        }
    }
}

static void programs(void)
{
    static const char *const names[] = {"doppel.8",      "doppel-capture.8", "doppel-door.8",
                                        "doppel-link.8", "doppel-replica.8", "doppeld.8"};
    static const char *const parts[] = {"NAME",  "SYNOPSIS",    "DESCRIPTION",
                                        "FILES", "EXIT STATUS", "SEE ALSO"};
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        g_autofree char *file = g_strdup_printf("doc/%s", names[i]), *text = page(file);
        for (size_t k = 0; k < G_N_ELEMENTS(parts); k++) {
            g_autofree char *heading = g_strdup_printf(".Sh %s", parts[k]);
            expect(names[i], text, heading);
        }
        check_references(names[i]);
    }
    check_references("doppel.conf.5");
    check_references("doppel-protocol.5");
    check_references("doppel-replica.5");
    check_references("doppel-journal.5");
    check_references("doppel-dirty.5");
}

static const struct unit_test tests[] = {
    {"doppel.conf(5) has every key with its default, and no other", configuration},
    {"doppel(8) has every command with its arguments, and no other", commands},
    {"doppel(8) says what each state allows", states},
    {"each program has a page with all its parts, and no page leads nowhere", programs},
    {"the completion is the one that the table gives", completion},
};
UNIT_MAIN(tests)
