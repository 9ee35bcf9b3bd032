/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Before a procedure begins: its plan, and what a person has to agree to.
 */
#include "lib/client/client.h"
#include "tools/doppel.h"

#include <string.h>
#include <unistd.h>

char *doppel_read_answer(const char *prompt)
{
    char text[256];
    fputs(prompt, stdout);
    fflush(stdout);
    if (!fgets(text, sizeof text, stdin))
        return NULL;
    return g_strdup(g_strstrip(text));
}

/* What is left where nothing is undone any more. */
static const char *way_back(const struct dpl_command *c, const struct dpl_doc *args)
{
    if (strcmp(c->words, "failover") == 0)
        return "the way back is doppel failback";
    if (strcmp(c->words, "restore") == 0 && !dpl_doc_bool(args, "discard_target", false))
        return "this site serves on, and doppel procedure resume goes on";
    return "the way back is doppel failover, typed here";
}

void doppel_procedure_steps(const struct dpl_command *c, const struct dpl_doc *args,
                            const struct dpl_doc *doc)
{
    const struct dpl_doc *steps = dpl_doc_list(doc, "steps");
    const char *back = way_back(c, args);
    bool told = false;
    for (size_t i = 0; i < dpl_doc_count(steps); i++) {
        const struct dpl_doc *step = dpl_doc_at(steps, i);
        bool last = dpl_doc_bool(step, "last", false);
        printf("%2zu %-10s %s\n", i + 1, dpl_doc_text(step, "name"), dpl_doc_text(step, "plan"));
        if (last && !told)
            printf("   %-10s from here on nothing is undone: %s\n", "", back);
        told |= last;
    }
}

static void print_plan(const struct dpl_command *c, const struct dpl_doc *args,
                       const struct dpl_doc *doc)
{
    const struct dpl_doc *lines = dpl_doc_list(doc, "evidence");
    for (size_t i = 0; i < dpl_doc_count(lines); i++)
        printf("%s\n", dpl_doc_as_text(dpl_doc_at(lines, i)));
    doppel_procedure_steps(c, args, doc);
}

int doppel_procedure_plan(struct doppel *doppel, const struct dpl_command *c,
                          const struct dpl_doc *args)
{
    g_autoptr(dpl_doc_auto) result = NULL;
    struct dpl_err err = {0};
    if (doppel_ask(doppel, c->words, args, DOPPEL_PROCEDURE_MS, &result, &err) < 0)
        return doppel_fail(c->words, &err);
    if (doppel->json) {
        g_autofree char *json = dpl_doc_to_json(result, true);
        fputs(json, stdout);
    } else if (!doppel->quiet) {
        print_plan(c, args, result);
    }
    return doppel_flushed(c->words, 0);
}

/* The plan of these arguments, and more. */
static int plan_of(struct doppel *doppel, const struct dpl_command *c, const struct dpl_doc *args,
                   bool discard)
{
    g_autoptr(dpl_doc_auto) asked = dpl_doc_copy(args);
    dpl_doc_unset(asked, "ask");
    dpl_doc_set_bool(asked, "plan", true);
    if (discard)
        dpl_doc_set_bool(asked, "discard_target", true);
    return doppel_procedure_plan(doppel, c, asked);
}

static bool is_terminal(const struct doppel *doppel)
{
    return !doppel->json && isatty(STDIN_FILENO);
}

static int not_agreed(const struct dpl_command *c, const char *why)
{
    fprintf(stderr, "doppel %s: %s: nothing was done\n", c->words,
            doppel_stop ? "interrupted" : why);
    return dpl_err_cli_exit(doppel_stop ? DPL_E_INTERRUPTED : DPL_E_REFUSED);
}

#define SERVES_ON "If the other site still serves, mail is lost."

static int type_name(const struct dpl_command *c, struct dpl_doc *args, const char *set,
                     const char *risk)
{
    g_autofree char *prompt =
        g_strdup_printf("%s If it is down, type the set's name (%s): ", risk, set);
    g_autofree char *name = doppel_read_answer(prompt);
    if (g_strcmp0(name, set) != 0)
        return not_agreed(c, "that is not the set's name");
    dpl_doc_set_text(args, "confirm", name);
    return 0;
}

/* Shows what speaks for it, and wants the set's name typed. */
static int is_down(struct doppel *doppel, const struct dpl_command *c, struct dpl_doc *args)
{
    const char *set = dpl_doc_text(args, "set");
    if (!is_terminal(doppel))
        return doppel_usage(c->words,
                            "--source-is-down wants the set's name typed on a terminal, or "
                            "--confirm=%s",
                            set);
    int status = plan_of(doppel, c, args, false);
    if (status != 0)
        return status;
    return type_name(c, args, set, SERVES_ON);
}

/* The same, of a procedure that has begun: doppeld knows its set. */
static int is_down_by_now(struct doppel *doppel, const struct dpl_command *c, struct dpl_doc *args)
{
    bool undo = strcmp(c->words, "procedure undo") == 0;
    g_autoptr(dpl_doc_auto) asked = dpl_doc_copy(args), result = NULL;
    struct dpl_err err = {0};
    if (!is_terminal(doppel))
        return 0; /* it is refused without the name */
    dpl_doc_set_bool(asked, "plan", true);
    if (doppel_ask(doppel, c->words, asked, DOPPEL_PROCEDURE_MS, &result, &err) < 0)
        return doppel_fail(c->words, &err);
    if (!doppel->quiet)
        print_plan(c, args, result);
    return type_name(c, args, dpl_doc_text(result, "set"),
                     undo ? "Where the other site does not answer it stays as it is." : SERVES_ON);
}

static int discard(struct doppel *doppel, const struct dpl_command *c, struct dpl_doc *args)
{
    if (!is_terminal(doppel))
        return 0; /* it is refused without a yes */
    int status = plan_of(doppel, c, args, true);
    if (status != 0)
        return status;
    g_autofree char *word =
        doppel_read_answer("What was changed here since the failover is taken out of service, kept "
                           "beside the roots and listed. Type yes to do that: ");
    if (g_strcmp0(word, "yes") != 0)
        return not_agreed(c, "that is not yes");
    dpl_doc_set_bool(args, "yes", true);
    return 0;
}

/* --ask: which side's state wins, and then what that side's way wants to be agreed to. */
static int which_wins(struct doppel *doppel, const struct dpl_command *c, struct dpl_doc *args)
{
    if (!is_terminal(doppel))
        return doppel_usage(c->words, "--ask asks on a terminal; without one it is "
                                      "--discard-target, or neither");
    dpl_doc_unset(args, "ask");
    int status = plan_of(doppel, c, args, false);
    if (status != 0)
        return status;
    g_autofree char *word = doppel_read_answer(
        "target: this site's state wins, and what the other one alone has is kept there and "
        "listed.\nsource: the other site's state wins, and it serves again at once.\n"
        "Type target or source: ");
    if (g_strcmp0(word, "target") == 0)
        return 0;
    if (g_strcmp0(word, "source") != 0)
        return not_agreed(c, "that is neither target nor source");
    dpl_doc_set_bool(args, "discard_target", true);
    return discard(doppel, c, args);
}

int doppel_procedure_agree(struct doppel *doppel, const struct dpl_command *c, struct dpl_doc *args)
{
    bool discards = dpl_doc_bool(args, "discard_target", false);
    bool down = dpl_doc_bool(args, "source_is_down", false) && !dpl_doc_text(args, "confirm");
    if (!dpl_doc_text(args, "set"))
        return down ? is_down_by_now(doppel, c, args) : 0;
    if (down)
        return is_down(doppel, c, args);
    if (dpl_doc_bool(args, "ask", false))
        return discards ? doppel_usage(c->words, "--ask and --discard-target exclude each other")
                        : which_wins(doppel, c, args);
    return discards && !dpl_doc_bool(args, "yes", false) ? discard(doppel, c, args) : 0;
}
