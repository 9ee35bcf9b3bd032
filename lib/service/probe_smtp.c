/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/service/probe.h"

#include <ctype.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { REPLY_LINES_MAX = 64, TEASER_MS = 50 };

struct reply {
    int code;
    bool last;
    bool auth_plain; /* a line of EHLO's offered it */
    char text[DPL_TALK_LINE];
};

static bool parse_line(const char *line, struct reply *reply)
{
    if (!isdigit((unsigned char)line[0]) || !isdigit((unsigned char)line[1]) ||
        !isdigit((unsigned char)line[2]) || (line[3] && line[3] != ' ' && line[3] != '-'))
        return false;
    reply->code = (line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0');
    reply->last = line[3] != '-';
    return true;
}

static bool offers_plain(const char *line)
{
    const char *at = line[3] ? line + 4 : "";
    return strncasecmp(at, "AUTH", 4) == 0 && (at[4] == ' ' || at[4] == '=') &&
           strcasestr(at, "PLAIN");
}

static int read_line(struct dpl_talk *talk, struct reply *reply, struct dpl_err *err)
{
    int code = dpl_talk_line(talk, reply->text, err);
    if (code == DPL_OK && !parse_line(reply->text, reply))
        return dpl_err_set(err, DPL_E_CORRUPT, "this is no answer of a mail server: \"%.120s\"",
                           reply->text);
    return code;
}

/* A whole reply, its text being that of the last line. */
static int read_reply(struct dpl_talk *talk, struct reply *reply, struct dpl_err *err)
{
    reply->auth_plain = false;
    for (int lines = 0; lines < REPLY_LINES_MAX; lines++) {
        int code = read_line(talk, reply, err);
        if (code < 0)
            return code;
        reply->auth_plain = reply->auth_plain || offers_plain(reply->text);
        if (reply->last)
            return DPL_OK;
    }
    return dpl_err_set(err, DPL_E_CORRUPT, "its answer has no end");
}

/* What a reply means that is not the one we want: who refuses us for now, or us alone, lives. */
static int unwanted(const struct reply *reply, const char *to, struct dpl_err *err)
{
    bool alive = reply->code / 100 == 4;
    return dpl_err_set(err, alive ? DPL_E_DEGRADED : DPL_E_FAILED, "%s is answered by \"%.160s\"",
                       to, reply->text);
}

static int ask(struct dpl_talk *talk, struct reply *reply, int want, const char *to,
               struct dpl_err *err)
{
    int code = read_reply(talk, reply, err);
    if (code == DPL_OK && reply->code / 100 != want / 100)
        return unwanted(reply, to, err);
    return code;
}

/* 1: it greets, but makes us wait for the rest, as postscreen does. */
static int greeting(struct dpl_talk *talk, const struct dpl_probe *probe, struct reply *reply,
                    struct dpl_err *err)
{
    int code = read_line(talk, reply, err);
    while (code == DPL_OK && reply->code == 220 && !reply->last) {
        if (probe->level == DPL_PROBE_BANNER && !dpl_talk_has_more(talk, TEASER_MS))
            return 1;
        code = read_line(talk, reply, err);
    }
    if (code == DPL_OK && reply->code != 220) {
        unwanted(reply, "a connection", err);
        /* 554 is for us alone, 421 and the like for now: both were said by a living server. */
        return dpl_err_set(err, DPL_E_DEGRADED, "it greets by \"%.160s\"", reply->text);
    }
    return code;
}

static int authenticate(struct dpl_talk *talk, const struct dpl_probe *probe, struct reply *reply,
                        struct dpl_err *err)
{
    char secret[600];
    size_t user = strlen(probe->user), password = strlen(probe->password);
    if (!reply->auth_plain)
        return dpl_err_set(err, DPL_E_FAILED, "it offers no AUTH PLAIN there");
    if (user + password + 2 > sizeof secret)
        return dpl_err_set(err, DPL_E_TOO_LARGE, "user and password are too long");
    secret[0] = '\0';
    memcpy(secret + 1, probe->user, user + 1);
    memcpy(secret + 2 + user, probe->password, password);
    g_autofree char *text = g_base64_encode((const guchar *)secret, user + password + 2);
    int code = dpl_talk_say(talk, err, "AUTH PLAIN %s\r\n", text);
    explicit_bzero(secret, sizeof secret);
    explicit_bzero(text, strlen(text));
    return code < 0 ? code : ask(talk, reply, 235, "the login of the probe user", err);
}

static void make_date(char text[64])
{
    time_t now = time(NULL);
    struct tm tm;
    gmtime_r(&now, &tm);
    strftime(text, 64, "%a, %d %b %Y %H:%M:%S +0000", &tm);
}

/* "250 2.0.0 Ok: queued as 4XyZ": the word behind. */
static void keep_queue_id(struct dpl_probe *probe, const char *text)
{
    const char *at = strstr(text, "queued as ");
    size_t length =
        at ? strspn(at + 10, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") : 0;
    if (length > 0 && length < sizeof probe->queue_id)
        snprintf(probe->queue_id, sizeof probe->queue_id, "%.*s", (int)length, at + 10);
}

static int deliver(struct dpl_talk *talk, struct dpl_probe *probe, struct reply *reply,
                   struct dpl_err *err)
{
    char date[64];
    make_date(date);
    int code = dpl_talk_say(talk, err, "MAIL FROM:<>\r\n");
    if (code == DPL_OK)
        code = ask(talk, reply, 250, "MAIL FROM:<>", err);
    if (code == DPL_OK)
        code = dpl_talk_say(talk, err, "RCPT TO:<%s>\r\n", probe->user);
    if (code == DPL_OK)
        code = ask(talk, reply, 250, "RCPT TO of the probe user", err);
    if (code == DPL_OK)
        code = dpl_talk_say(talk, err, "DATA\r\n");
    if (code == DPL_OK)
        code = ask(talk, reply, 354, "DATA", err);
    if (code == DPL_OK)
        code = dpl_talk_say(talk, err,
                            "From: doppel probe <>\r\nTo: <%s>\r\nDate: %s\r\nSubject: probe %s\r\n"
                            "Message-ID: <%s@doppel.invalid>\r\nX-Doppel-Probe: %s\r\n"
                            "Auto-Submitted: auto-generated\r\n\r\n"
                            "A probe of this mail service. It can be deleted.\r\n.\r\n",
                            probe->user, date, probe->mark, probe->mark, probe->mark);
    if (code == DPL_OK)
        code = ask(talk, reply, 250, "the probe message", err);
    if (code == DPL_OK)
        keep_queue_id(probe, reply->text);
    return code;
}

static int converse(struct dpl_talk *talk, struct dpl_probe *probe, const char *hello,
                    struct dpl_err *err)
{
    struct reply reply;
    bool lmtp = hello[0] == 'L';
    int code = greeting(talk, probe, &reply, err);
    if (code == 1)
        return DPL_OK;
    if (code == DPL_OK)
        code = dpl_talk_say(talk, err, "%s %s\r\n", hello, probe->name);
    if (code == DPL_OK)
        code = ask(talk, &reply, 250, hello, err);
    if (code == DPL_OK && probe->level >= DPL_PROBE_LOGIN && probe->password && !lmtp)
        code = authenticate(talk, probe, &reply, err);
    if (code == DPL_OK && probe->level >= DPL_PROBE_DELIVER)
        code = deliver(talk, probe, &reply, err);
    if (code == DPL_OK)
        (void)dpl_talk_say(talk, NULL, "QUIT\r\n");
    return code;
}

int dpl_probe_smtp(struct dpl_talk *talk, struct dpl_probe *probe, struct dpl_err *err)
{
    return converse(talk, probe, "EHLO", err);
}

int dpl_probe_lmtp(struct dpl_talk *talk, struct dpl_probe *probe, struct dpl_err *err)
{
    return converse(talk, probe, "LHLO", err);
}
