/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/service/probe.h"

#include <glib.h>
#include <stdio.h>
#include <string.h>

enum { UNTAGGED_MAX = 10000, AGAIN_MS = 100 };

/* Answers that speak of load, or of what the server itself waits for. */
static bool is_passing(const char *text)
{
    static const char *const words[] = {
        "[UNAVAILABLE]", "[LIMIT]", "[INUSE]", "[OVERQUOTA]", "Maximum number of connections",
        "try again"};
    for (size_t i = 0; i < G_N_ELEMENTS(words); i++)
        if (strcasestr(text, words[i]))
            return true;
    return false;
}

static bool begins(const char *line, const char *word)
{
    return strncasecmp(line, word, strlen(word)) == 0;
}

static int greeting(struct dpl_talk *talk, bool *known_r, struct dpl_err *err)
{
    char line[DPL_TALK_LINE];
    int code = dpl_talk_line(talk, line, err);
    if (code < 0)
        return code;
    *known_r = begins(line, "* PREAUTH");
    if (*known_r || begins(line, "* OK"))
        return DPL_OK;
    if (begins(line, "* BYE"))
        return dpl_err_set(err, DPL_E_DEGRADED, "it greets by \"%.160s\"", line);
    return dpl_err_set(err, DPL_E_CORRUPT, "this is no greeting of an IMAP server: \"%.120s\"",
                       line);
}

/* Quoted, as both have no control characters, which the agent sees to. */
static void quote(const char *text, GString *to)
{
    g_string_append_c(to, '"');
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            g_string_append_c(to, '\\');
        g_string_append_c(to, *text);
    }
    g_string_append_c(to, '"');
}

/* Says "TAG command" and reads to its end; the numbers of a SEARCH are appended to found. */
static int command(struct dpl_talk *talk, const char *text, const char *what, GString *found,
                   struct dpl_err *err)
{
    char line[DPL_TALK_LINE];
    int code = dpl_talk_say(talk, err, "d %s\r\n", text);
    for (int lines = 0; code == DPL_OK && lines < UNTAGGED_MAX; lines++) {
        code = dpl_talk_line(talk, line, err);
        if (code < 0)
            return code;
        if (begins(line, "* BYE"))
            return dpl_err_set(err, DPL_E_DEGRADED, "%s is answered by \"%.160s\"", what, line);
        if (found && begins(line, "* SEARCH"))
            g_string_append(found, line + 8);
        if (begins(line, "d OK"))
            return DPL_OK;
        if (begins(line, "d "))
            return dpl_err_set(err, is_passing(line) ? DPL_E_DEGRADED : DPL_E_FAILED,
                               "%s is answered by \"%.160s\"", what, line + 2);
    }
    return code < 0 ? code : dpl_err_set(err, DPL_E_CORRUPT, "its answer has no end");
}

static int login(struct dpl_talk *talk, const struct dpl_probe *probe, struct dpl_err *err)
{
    g_autoptr(GString) text = g_string_new("LOGIN ");
    quote(probe->user, text);
    g_string_append_c(text, ' ');
    quote(probe->password, text);
    int code = command(talk, text->str, "the login of the probe user", NULL, err);
    explicit_bzero(text->str, text->len);
    return code;
}

/* Message numbers as a sequence set: " 3 4 7" becomes "3,4,7". */
static bool make_set(GString *numbers)
{
    g_strstrip(numbers->str);
    for (char *p = numbers->str; *p; p++) {
        if (*p == ' ')
            *p = ',';
        else if (!g_ascii_isdigit(*p))
            return false;
    }
    return numbers->str[0] != '\0' && strlen(numbers->str) < DPL_TALK_LINE;
}

static int remove_ours(struct dpl_talk *talk, struct dpl_err *err)
{
    g_autoptr(GString) found = g_string_new(NULL);
    int code = command(talk, "SEARCH HEADER X-Doppel-Probe \"\"", "SEARCH", found, err);
    if (code < 0 || !make_set(found))
        return code;
    g_autofree char *store = g_strdup_printf("STORE %s +FLAGS.SILENT (\\Deleted)", found->str);
    code = command(talk, store, "STORE", NULL, err);
    return code < 0 ? code : command(talk, "EXPUNGE", "EXPUNGE", NULL, err);
}

/* Looks until it is there: a delivery by way of a queue takes its time. */
static int find_message(struct dpl_talk *talk, const struct dpl_probe *probe, struct dpl_err *err)
{
    g_autofree char *search = g_strdup_printf("SEARCH HEADER X-Doppel-Probe %s", probe->mark);
    int code = command(talk, "SELECT INBOX", "SELECT INBOX", NULL, err);
    while (code == DPL_OK) {
        g_autoptr(GString) found = g_string_new(NULL);
        code = command(talk, search, "SEARCH", found, err);
        if (code < 0 || make_set(found))
            break;
        if (dpl_clock_left_ms(talk->clock, talk->deadline_ns) < 2 * AGAIN_MS)
            return dpl_err_set(err, DPL_E_FAILED, "the probe message was not delivered in time");
        g_usleep(AGAIN_MS * 1000);
        code = command(talk, "NOOP", "NOOP", NULL, err);
    }
    return code < 0 ? code : remove_ours(talk, err);
}

int dpl_probe_imap(struct dpl_talk *talk, struct dpl_probe *probe, struct dpl_err *err)
{
    bool known = false;
    int code = greeting(talk, &known, err);
    if (code == DPL_OK && probe->level >= DPL_PROBE_LOGIN && !known)
        code = login(talk, probe, err);
    if (code == DPL_OK && probe->level >= DPL_PROBE_DELIVER)
        code = find_message(talk, probe, err);
    if (code == DPL_OK)
        (void)dpl_talk_say(talk, NULL, "d LOGOUT\r\n");
    return code;
}

int dpl_probe_pop3(struct dpl_talk *talk, struct dpl_probe *probe, struct dpl_err *err)
{
    char line[DPL_TALK_LINE];
    int code = dpl_talk_line(talk, line, err);
    (void)probe;
    if (code == DPL_OK && begins(line, "-ERR"))
        return dpl_err_set(err, DPL_E_DEGRADED, "it greets by \"%.160s\"", line);
    if (code == DPL_OK && !begins(line, "+OK"))
        return dpl_err_set(err, DPL_E_CORRUPT, "this is no greeting of a POP3 server: \"%.120s\"",
                           line);
    if (code == DPL_OK)
        (void)dpl_talk_say(talk, NULL, "QUIT\r\n");
    return code;
}
