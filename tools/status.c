/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * doppel status: once, or for Nagios (--check); --watch is in watch.c.
 */
#include "lib/ctl/quote.h"
#include "tools/doppel.h"

#include <string.h>

enum { CALL_MS = 10000, HISTORY = 60 };

static const char *const levels[] = {"OK", "WARNING", "CRITICAL", "UNKNOWN"};
static const char *const colour_of[] = {"\033[32m", "\033[33m", "\033[31m", "\033[36m"};

static size_t level_of(const struct dpl_doc *set)
{
    int64_t level = dpl_doc_int(set, "level", 3);
    return level >= 0 && level <= 3 ? (size_t)level : 3;
}

static void print_line(FILE *to, const char *name, const char *text)
{
    g_autoptr(GString) safe = g_string_new(NULL);
    dpl_quote_into(safe, text ? text : "", text ? strlen(text) : 0);
    fprintf(to, "%-9s%s\n", name, safe->str);
}

static void print_set(FILE *to, const struct dpl_doc *set, bool colours, bool verbose)
{
    size_t level = level_of(set);
    const char *peer = dpl_doc_text(set, "peer");
    print_line(to, "serves:", dpl_doc_text(set, "serves"));
    print_line(to, "replica:", dpl_doc_text(set, "replica"));
    print_line(to, "wrong:", dpl_doc_text(set, "wrong"));
    print_line(to, "next:", dpl_doc_text(set, "next"));
    fprintf(to, "%-9s%s is %s%s%s (%s%s%s%s)\n", "set:", dpl_doc_text(set, "set"),
            colours ? colour_of[level] : "", dpl_doc_text(set, "state"), colours ? "\033[0m" : "",
            dpl_doc_text(set, "role"), peer ? ", other site " : "", peer ? peer : "",
            dpl_doc_tree(set, "limited_by_hand") ? ", limited by hand" : "");
    if (verbose) {
        g_autofree char *all = dpl_doc_to_text(set);
        fputs(all, to);
    }
}

void doppel_print_status(FILE *to, const struct dpl_doc *result, bool colours, bool verbose)
{
    const struct dpl_doc *sets = dpl_doc_list(result, "sets");
    const char *why = dpl_doc_text(dpl_doc_tree(result, "store"), "why");
    if (why)
        fprintf(to, "%-9snothing can be changed: %s\n\n", "store:", why);
    if (dpl_doc_count(sets) == 0)
        fprintf(to, "site %s has no sets; next: doppel set create, or doppel set accept\n",
                dpl_doc_text(result, "site"));
    for (size_t i = 0; i < dpl_doc_count(sets); i++) {
        if (i > 0)
            fputc('\n', to);
        print_set(to, dpl_doc_at(sets, i), colours, verbose);
    }
}

static int check(struct doppel *doppel, const struct dpl_doc *args)
{
    static const size_t order[] = {0, 2, 3, 1}; /* a critical set outweighs an unknown one */
    g_autoptr(dpl_doc_auto) result = NULL;
    g_autoptr(GString) text = g_string_new(NULL);
    struct dpl_err err = {0};
    size_t worst = 0;
    if (doppel_ask(doppel, "status", args, CALL_MS, &result, &err) < 0) {
        printf("DOPPEL UNKNOWN - %s\n", err.text);
        return 3;
    }
    const struct dpl_doc *sets = dpl_doc_list(result, "sets");
    const char *why = dpl_doc_text(dpl_doc_tree(result, "store"), "why");
    if (dpl_doc_count(sets) == 0)
        worst = 3;
    else if (why)
        worst = 1;
    for (size_t i = 0; i < dpl_doc_count(sets); i++) {
        const struct dpl_doc *set = dpl_doc_at(sets, i);
        size_t level = level_of(set);
        if (order[level] > order[worst])
            worst = level;
        g_string_append_printf(text, "%s%s is %s", i > 0 ? "; " : "", dpl_doc_text(set, "set"),
                               dpl_doc_text(set, "state"));
        if (level > 0)
            g_string_append_printf(text, ": %s", dpl_doc_text(set, "wrong"));
    }
    if (why)
        g_string_append_printf(text, "%snothing can be changed: %s", text->len ? "; " : "", why);
    printf("DOPPEL %s - %s\n", levels[worst], text->len ? text->str : "there are no sets");
    return doppel_flushed("status", (int)worst);
}

int doppel_status(struct doppel *doppel, const struct dpl_command *command,
                  const struct dpl_doc *args)
{
    g_autoptr(dpl_doc_auto) asked = dpl_doc_new();
    g_autoptr(dpl_doc_auto) result = NULL;
    const char *set = dpl_doc_text(args, "set");
    struct dpl_err err = {0};
    if (set)
        dpl_doc_set_text(asked, "set", set);
    if (dpl_doc_bool(args, "check", false))
        return check(doppel, asked);
    if (dpl_doc_bool(args, "watch", false))
        return doppel_watch(doppel, asked);
    if (doppel_ask(doppel, command->words, asked, CALL_MS, &result, &err) < 0)
        return doppel_fail(command->words, &err);
    if (doppel->quiet)
        return 0;
    if (doppel->json) {
        g_autofree char *json = dpl_doc_to_json(result, true);
        fputs(json, stdout);
    } else {
        doppel_print_status(stdout, result, doppel_colours(), doppel->verbose);
    }
    return doppel_flushed(command->words, 0);
}
