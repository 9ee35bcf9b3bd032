/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Procedures: begun, or gone on with, and followed: a line for each step when it has ended, and on
 * a terminal what is waited for meanwhile. Ctrl-C asks it to stop after the step that runs.
 */
#include "lib/client/client.h"
#include "lib/ctl/quote.h"
#include "tools/doppel.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    CALL_MS = DOPPEL_PROCEDURE_MS,
    LOOK_MS = 100,
    SILENT_MS = 10000,
    STOPPED_MS = 3000,
    KEPT_PRINTED = 20
};

#define THEN "--then=" /* a question that begins so names the answers */

struct follow {
    struct doppel *doppel;
    char *id;
    size_t told;      /* steps whose end was told, in the direction in which it goes */
    bool back;        /* that was of an undo */
    bool undo;        /* a person asked for it */
    bool stopped;     /* the stop was asked for, heard or not */
    size_t line_size; /* of the line that is drawn over */
};

/* --- drawing ---------------------------------------------------------------------------------- */

static bool live(const struct follow *f)
{
    return !f->doppel->json && !f->doppel->quiet && isatty(STDOUT_FILENO);
}

static void clear_line(struct follow *f)
{
    if (f->line_size > 0)
        printf("\r%*s\r", (int)f->line_size, "");
    f->line_size = 0;
}

static const char *text_or(const struct dpl_doc *doc, const char *key, const char *fallback)
{
    const char *text = dpl_doc_text(doc, key);
    return text && text[0] ? text : fallback;
}

static double seconds(const struct dpl_doc *doc)
{
    return (double)(dpl_doc_int(doc, "ended_ms", 0) - dpl_doc_int(doc, "begun_ms", 0)) / 1000;
}

static void print_step(size_t number, const struct dpl_doc *step)
{
    const char *text = dpl_doc_text(step, "text");
    g_autoptr(GString) quoted = g_string_new(NULL);
    if (text)
        dpl_quote_into(quoted, text, strlen(text));
    printf("%2zu %-10s %-7s %7.1f s%s%s\n", number, text_or(step, "name", "?"),
           text_or(step, "state", "?"), seconds(step), quoted->len ? "  " : "", quoted->str);
}

static bool has_state(const struct dpl_doc *step, const char *state)
{
    return g_strcmp0(dpl_doc_text(step, "state"), state) == 0;
}

/* Forwards from the first step on, backwards from the last one that was begun. */
static void print_steps(struct follow *f, const struct dpl_doc *doc)
{
    const struct dpl_doc *steps = dpl_doc_list(doc, "steps");
    bool back = dpl_doc_bool(doc, "back", false);
    size_t count = dpl_doc_count(steps);
    if (back && !f->back) {
        f->back = true;
        f->told = 0;
        while (f->told < count && has_state(dpl_doc_at(steps, count - 1 - f->told), "to do"))
            f->told++;
    }
    for (; f->told < count; f->told++) {
        size_t at = back ? count - 1 - f->told : f->told;
        const struct dpl_doc *step = dpl_doc_at(steps, at);
        if (!has_state(step, back ? "undone" : "done"))
            break;
        clear_line(f);
        if (!f->doppel->json && !f->doppel->quiet)
            print_step(at + 1, step);
    }
    fflush(stdout);
}

static void print_now(struct follow *f, const struct dpl_doc *doc)
{
    const struct dpl_doc *steps = dpl_doc_list(doc, "steps");
    size_t count = dpl_doc_count(steps), at = f->back ? count - 1 - f->told : f->told;
    const char *now = text_or(doc, "now", "...");
    g_autoptr(GString) line = g_string_new(NULL);
    if (!live(f) || f->told >= count)
        return;
    clear_line(f);
    g_string_printf(line, "%2zu %-10s ", at + 1, text_or(dpl_doc_at(steps, at), "name", "?"));
    dpl_quote_into(line, now, strlen(now));
    g_string_truncate(line, MIN(line->len, 100));
    f->line_size = line->len;
    fputs(line->str, stdout);
    fflush(stdout);
}

static void print_files(const struct dpl_doc *files)
{
    for (size_t i = 0; i < dpl_doc_count(files) && i < KEPT_PRINTED; i++) {
        const struct dpl_doc *row = dpl_doc_at(files, i);
        const char *path = text_or(row, "path", "?");
        g_autoptr(GString) quoted = g_string_new(NULL);
        dpl_quote_into(quoted, path, strlen(path));
        printf("  %-10s %10lld  %s%s%s\n", text_or(row, "what", "?"),
               (long long)dpl_doc_int(row, "size", 0), quoted->str,
               dpl_doc_text(row, "message_id") ? "  " : "", text_or(row, "message_id", ""));
    }
}

static void print_changed(const struct dpl_doc *changed)
{
    if (!changed)
        return;
    printf("changed: %lld files here, of them %lld mails, since this site let go; %lld could not "
           "be read; all of them: %s\n",
           (long long)dpl_doc_int(changed, "total", 0), (long long)dpl_doc_int(changed, "mails", 0),
           (long long)dpl_doc_int(changed, "unread", 0), text_or(changed, "list", "?"));
    print_files(dpl_doc_list(changed, "files"));
}

static void print_kept(const struct dpl_doc *kept)
{
    const struct dpl_doc *files = dpl_doc_list(kept, "files");
    bool exact = dpl_doc_bool(kept, "exact", false);
    long long unread = dpl_doc_int(kept, "unread", 0);
    if (!kept || (dpl_doc_int(kept, "total", 0) == 0 && unread == 0))
        return;
    printf("kept: %lld files that the other site alone has, or had otherwise%s",
           (long long)dpl_doc_int(kept, "total", 0), exact || unread > 0 ? "" : ", at most");
    if (unread > 0)
        printf("; not complete: %lld directories or files there could not be read", unread);
    if (dpl_doc_get(kept, "never_came"))
        printf("; %lld never came here, of them %lld mails",
               (long long)dpl_doc_int(kept, "never_came", 0),
               (long long)dpl_doc_int(kept, "never_came_mails", 0));
    printf("; all of them there: %s\n", text_or(kept, "list", "?"));
    print_files(files);
}

static void print_report(const struct dpl_doc *doc)
{
    static const char *const keys[] = {"missing", "probe", "warning", "directory", "names"};
    const struct dpl_doc *facts = dpl_doc_tree(doc, "facts");
    for (size_t i = 0; i < G_N_ELEMENTS(keys); i++) {
        const char *text = dpl_doc_text(facts, keys[i]);
        if (text && text[0])
            printf("%s: %s\n", keys[i], text);
    }
    print_kept(dpl_doc_tree(facts, "kept"));
    print_changed(dpl_doc_tree(facts, "changed"));
}

/* --- asking ----------------------------------------------------------------------------------- */

static int ask(const struct follow *f, const char *command, const struct dpl_doc *more,
               struct dpl_doc **result_r, struct dpl_err *err)
{
    g_autoptr(dpl_doc_auto) args = more ? dpl_doc_copy(more) : dpl_doc_new();
    struct dpl_client *client;
    dpl_doc_set_text(args, "id", f->id);
    /* Who wants to go waits for no daemon that hangs. */
    int rc = f->stopped
                 ? dpl_client_open_within(f->doppel->instance, NULL, STOPPED_MS, &client, err)
                 : dpl_client_open(f->doppel->instance, &doppel_stop, &client, err);
    if (rc < 0)
        return rc;
    rc = dpl_client_call(client, command, args, f->stopped ? STOPPED_MS : CALL_MS, result_r, err);
    dpl_client_close(client);
    return rc;
}

/* Reads one of the words that "--then=WORD|WORD" names, or abort, which is always a way. NULL:
 * none. */
static char *read_then(const char *question)
{
    g_auto(GStrv) words = g_strsplit(question + strlen(THEN), "|", -1);
    g_autoptr(GString) prompt = g_string_new("Type ");
    for (size_t i = 0; words[i]; i++)
        if (strcmp(words[i], "abort") != 0)
            g_string_append_printf(prompt, "%s%s", i > 0 ? ", " : "", words[i]);
    g_string_append(prompt, " or abort: ");
    g_autofree char *word = doppel_read_answer(prompt->str);
    if (!word ||
        (strcmp(word, "abort") != 0 && !g_strv_contains((const char *const *)(void *)words, word)))
        return NULL;
    return g_steal_pointer(&word);
}

/* A person answers what it waits for. 1: it goes on; 0: it does not. */
static int answer_question(struct follow *f, const struct dpl_doc *doc, struct dpl_err *err)
{
    const char *question = dpl_doc_text(doc, "question");
    g_autoptr(dpl_doc_auto) args = dpl_doc_new();
    g_autoptr(dpl_doc_auto) result = NULL;
    if (!question || f->doppel->json || !isatty(STDIN_FILENO) || doppel_stop)
        return 0;
    printf("%s\n", text_or(doc, "why", "it waits"));
    if (strcmp(question, "--yes") == 0)
        print_files(dpl_doc_list(dpl_doc_tree(dpl_doc_tree(doc, "facts"), "changed"), "files"));
    bool then = g_str_has_prefix(question, THEN);
    g_autofree char *word =
        then ? read_then(question) : doppel_read_answer("Type yes to accept that: ");
    if (word && then && strcmp(word, "abort") == 0) {
        f->undo = true;
        return ask(f, "procedure undo", NULL, &result, err) < 0 ? -1 : 1;
    }
    if (word && then)
        dpl_doc_set_text(args, "then", word);
    else if (word && !then && strcmp(word, "yes") == 0)
        dpl_doc_set_bool(args, strcmp(question, "--yes") == 0 ? "yes" : "accept_incomplete", true);
    else
        return 0;
    return ask(f, "procedure resume", args, &result, err) < 0 ? -1 : 1;
}

/* --- following -------------------------------------------------------------------------------- */

/* A line for each command that may be typed. */
static void print_ways(FILE *to, const struct dpl_doc *doc)
{
    const struct dpl_doc *on = dpl_doc_list(doc, "go_on");
    for (size_t i = 0; i < dpl_doc_count(on); i++)
        fprintf(to, "  %s: %s\n", i == 0 ? "to go on" : "or", dpl_doc_as_text(dpl_doc_at(on, i)));
    if (dpl_doc_text(doc, "go_back"))
        fprintf(to, "  to go back: %s\n", dpl_doc_text(doc, "go_back"));
}

static int ended(struct follow *f, const struct dpl_doc *doc)
{
    const char *state = text_or(doc, "state", "?"), *why = dpl_doc_text(doc, "why");
    bool done = strcmp(state, "done") == 0, undone = strcmp(state, "undone") == 0;
    const struct dpl_doc *facts = dpl_doc_tree(doc, "facts");
    if (f->doppel->json) {
        g_autofree char *json = dpl_doc_to_json(doc, true);
        fputs(json, stdout);
    } else if (!f->doppel->quiet && (done || undone)) {
        printf("%s %s: %s, after %.1f s\n", text_or(doc, "kind", "procedure"), f->id, state,
               seconds(doc));
        print_report(doc);
    }
    if (done)
        return dpl_err_cli_exit(dpl_doc_bool(facts, "degraded", false) ? DPL_E_DEGRADED : DPL_OK);
    if (undone)
        return dpl_err_cli_exit(f->undo ? DPL_OK : DPL_E_TIMEOUT);
    fprintf(stderr, "doppel: procedure %s is %s%s%s\n", f->id, state, why ? ": " : "",
            why ? why : "");
    print_ways(stderr, doc);
    return dpl_err_cli_exit(f->stopped ? DPL_E_INTERRUPTED : DPL_E_UNFINISHED);
}

static int lost(const struct follow *f, const struct dpl_err *err)
{
    fprintf(stderr,
            "doppel: %s\n  to see how far it is: doppel procedure show %s\n"
            "  to go on: doppel procedure resume %s\n",
            err->text, f->id, f->id);
    return dpl_err_cli_exit(DPL_E_UNFINISHED);
}

static void want_stop(struct follow *f)
{
    g_autoptr(dpl_doc_auto) result = NULL;
    struct dpl_err err = {0};
    if (f->stopped || !doppel_stop)
        return;
    f->stopped = true;
    clear_line(f);
    fprintf(stderr, "doppel: it stops after the step that runs; once more leaves this command\n");
    if (ask(f, "procedure stop", NULL, &result, &err) < 0)
        fprintf(stderr, "doppel: procedure stop: %s\n", err.text);
}

/* Who asks twice wants to go, whatever becomes of the step. */
static int left(struct follow *f)
{
    clear_line(f);
    fprintf(stderr,
            "doppel: procedure %s rests after its step, if doppeld heard it: doppel procedure show "
            "%s\n",
            f->id, f->id);
    return dpl_err_cli_exit(DPL_E_INTERRUPTED);
}

/* Whether it may yet end by itself. */
static bool goes_on(const struct dpl_doc *doc, int64_t since_ms)
{
    const char *state = text_or(doc, "state", "");
    if (dpl_doc_bool(doc, "attended", false))
        return true;
    /* An abort undoes it a moment after it has failed. */
    return strcmp(state, "failed") == 0 && dpl_doc_bool(doc, "abort", false) && since_ms < 2000;
}

static int follow(struct follow *f)
{
    struct timespec pause = {.tv_nsec = LOOK_MS * 1000000L};
    int64_t silent_ms = 0, since_ms = 0;
    for (;;) {
        g_autoptr(dpl_doc_auto) doc = NULL;
        struct dpl_err err = {0};
        want_stop(f);
        if (doppel_stop > 1)
            return left(f);
        if (ask(f, "procedure show", NULL, &doc, &err) < 0) {
            if (err.code == DPL_E_INTERRUPTED)
                continue; /* and asks it to stop */
            silent_ms += LOOK_MS;
            if (silent_ms > SILENT_MS || err.code != DPL_E_NOT_RUNNING || f->stopped)
                return lost(f, &err);
            nanosleep(&pause, NULL);
            continue;
        }
        silent_ms = 0;
        print_steps(f, doc);
        if (!goes_on(doc, since_ms)) {
            clear_line(f);
            int rc = answer_question(f, doc, &err);
            if (rc < 0 && err.code != DPL_E_INTERRUPTED)
                return doppel_fail("procedure resume", &err);
            if (rc == 0)
                return doppel_flushed("procedure", ended(f, doc));
        } else {
            print_now(f, doc);
        }
        since_ms = dpl_doc_bool(doc, "attended", false) ? 0 : since_ms + LOOK_MS;
        nanosleep(&pause, NULL);
    }
}

/* --- commands --------------------------------------------------------------------------------- */

int doppel_procedure_begin(struct doppel *doppel, const struct dpl_command *c,
                           const struct dpl_doc *given)
{
    g_autoptr(dpl_doc_auto) args = dpl_doc_copy(given);
    g_autoptr(dpl_doc_auto) result = NULL;
    struct dpl_err err = {0};
    struct follow f = {.doppel = doppel, .undo = strcmp(c->words, "procedure undo") == 0};
    int status = 0;
    if (dpl_doc_bool(args, "plan", false) || dpl_doc_bool(args, "test", false))
        return doppel_procedure_plan(doppel, c, args);
    status = doppel_procedure_agree(doppel, c, args);
    if (status != 0)
        return status;
    if (doppel_ask(doppel, c->words, args, CALL_MS, &result, &err) < 0)
        return doppel_fail(c->words, &err);
    f.id = g_strdup(dpl_doc_text(result, "procedure"));
    if (!doppel->json && !doppel->quiet) {
        printf("procedure %s\n", f.id);
        doppel_procedure_steps(c, args, result);
        fflush(stdout);
    }
    status = follow(&f);
    g_free(f.id);
    return status;
}

static void print_one(const struct dpl_doc *doc)
{
    const struct dpl_doc *steps = dpl_doc_list(doc, "steps");
    printf("%s %s of set %s, generation %lld: %s\n", text_or(doc, "kind", "?"),
           text_or(doc, "procedure", "?"), text_or(doc, "set", "?"),
           (long long)dpl_doc_int(doc, "generation", 0), text_or(doc, "state", "?"));
    for (size_t i = 0; i < dpl_doc_count(steps); i++) {
        const struct dpl_doc *step = dpl_doc_at(steps, i);
        if (dpl_doc_get(step, "ended_ms"))
            print_step(i + 1, step);
        else
            printf("%2zu %-10s %s\n", i + 1, text_or(step, "name", "?"),
                   text_or(step, "state", "?"));
    }
    print_report(doc);
    if (dpl_doc_text(doc, "why"))
        printf("why: %s\n", dpl_doc_text(doc, "why"));
    if (dpl_doc_text(doc, "now"))
        printf("now: %s\n", dpl_doc_text(doc, "now"));
    if (dpl_doc_list(doc, "go_on"))
        print_ways(stdout, doc);
    else
        printf("next: %s\n", text_or(doc, "next", "?"));
}

static void print_list(const struct dpl_doc *list)
{
    for (size_t i = 0; i < dpl_doc_count(list); i++) {
        const struct dpl_doc *row = dpl_doc_at(list, i);
        printf("%-40s %-9s %-12s %s\n", text_or(row, "procedure", "?"), text_or(row, "kind", "?"),
               text_or(row, "state", "?"), text_or(row, "node", "?"));
    }
}

int doppel_procedure_show(struct doppel *doppel, const struct dpl_command *c,
                          const struct dpl_doc *args)
{
    g_autoptr(dpl_doc_auto) result = NULL;
    struct dpl_err err = {0};
    if (doppel_ask(doppel, c->words, args, CALL_MS, &result, &err) < 0)
        return doppel_fail(c->words, &err);
    if (doppel->json) {
        g_autofree char *json = dpl_doc_to_json(result, true);
        fputs(json, stdout);
    } else if (!doppel->quiet && dpl_doc_list(result, "procedures")) {
        print_list(dpl_doc_list(result, "procedures"));
    } else if (!doppel->quiet) {
        print_one(result);
    }
    return doppel_flushed(c->words, 0);
}
