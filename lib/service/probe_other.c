/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Probes of what stands around a mail service. Each asks one question that needs no account, and
 * reads no more of the answer than tells that this protocol is spoken.
 */
#include "lib/service/probe.h"

#include <stdio.h>
#include <string.h>

static int stranger(const char *of, struct dpl_err *err)
{
    return dpl_err_set(err, DPL_E_CORRUPT, "this is no answer of %s", of);
}

static int ask_web(struct dpl_talk *talk, const struct dpl_probe *probe, const char *request,
                   int below, struct dpl_err *err)
{
    char line[DPL_TALK_LINE];
    int status = 0;
    int code = dpl_talk_say(talk, err,
                            "%s HTTP/1.1\r\nHost: %s\r\nUser-Agent: doppel\r\n"
                            "Connection: close\r\n\r\n",
                            request, probe->name);
    if (code == DPL_OK)
        code = dpl_talk_line(talk, line, err);
    if (code < 0)
        return code;
    if (sscanf(line, "HTTP/%*1[0-9].%*1[0-9] %3d", &status) != 1 || status < 100)
        return stranger("a web server", err);
    /* 503 is load, or something behind it that is away; 500 and the like are its own. */
    if (status == 503 || status == 429)
        return dpl_err_set(err, DPL_E_DEGRADED, "it answers \"%.120s\"", line);
    return status < below ? DPL_OK : dpl_err_set(err, DPL_E_FAILED, "it answers \"%.120s\"", line);
}

int dpl_probe_http(struct dpl_talk *talk, struct dpl_probe *probe, struct dpl_err *err)
{
    return ask_web(talk, probe, "HEAD /", 500, err);
}

int dpl_probe_rspamd(struct dpl_talk *talk, struct dpl_probe *probe, struct dpl_err *err)
{
    return ask_web(talk, probe, "GET /ping", 300, err);
}

int dpl_probe_ldap(struct dpl_talk *talk, struct dpl_probe *probe, struct dpl_err *err)
{
    /* Message 1: search, base "", the object alone, never dereferenced, (objectClass=*), "1.1". */
    static const char request[] = "\x30\x2a\x02\x01\x01\x63\x25\x04\x00\x0a\x01\x00\x0a\x01\x00"
                                  "\x02\x01\x01\x02\x01\x05\x01\x01\x00\x87\x0bobjectClass"
                                  "\x30\x05\x04\x03"
                                  "1.1";
    unsigned char head[2] = {0};
    (void)probe;
    int code = dpl_talk_send(talk, request, sizeof request - 1, err);
    if (code == DPL_OK)
        code = dpl_talk_bytes(talk, head, 2, err);
    if (code < 0)
        return code;
    size_t more = head[1] & 0x80 ? head[1] & 0x7f : 0;
    unsigned char length[4], answer[4] = {0};
    if (head[0] != 0x30 || more > sizeof length)
        return stranger("an LDAP server", err);
    code = dpl_talk_bytes(talk, length, more, err);
    if (code == DPL_OK)
        code = dpl_talk_bytes(talk, answer, 4, err);
    if (code < 0)
        return code;
    /* Number 1, and an entry (4) or the end (5); number 0 is its good-bye. */
    if (answer[0] == 0x02 && answer[1] == 1 && answer[2] == 0)
        return dpl_err_set(err, DPL_E_DEGRADED, "it says good-bye: too many connections?");
    if (answer[0] != 0x02 || answer[1] != 1 || answer[2] != 1 ||
        (answer[3] != 0x64 && answer[3] != 0x65))
        return stranger("an LDAP server", err);
    return DPL_OK;
}

int dpl_probe_milter(struct dpl_talk *talk, struct dpl_probe *probe, struct dpl_err *err)
{
    /* Version 6, all actions and all steps offered: a milter refuses who does not offer what it
     * needs. */
    static const unsigned char request[] = {0, 0, 0, 13,   'O', 0,    0,    0,   6,
                                            0, 0, 1, 0xff, 0,   0x1f, 0xff, 0xff};
    static const unsigned char quit[] = {0, 0, 0, 1, 'Q'};
    unsigned char answer[5] = {0};
    (void)probe;
    int code = dpl_talk_send(talk, request, sizeof request, err);
    if (code == DPL_OK)
        code = dpl_talk_bytes(talk, answer, sizeof answer, err);
    if (code < 0)
        return code;
    if (answer[0] || answer[1] || answer[4] != 'O')
        return stranger("a milter", err);
    (void)dpl_talk_send(talk, quit, sizeof quit, NULL);
    return DPL_OK;
}

int dpl_probe_pgsql(struct dpl_talk *talk, struct dpl_probe *probe, struct dpl_err *err)
{
    /* Protocol 3.0, user "doppel": it asks for a password or refuses; both are answers. */
    static const unsigned char request[] = {0,   0, 0,   21,  0,   3,   0,   0,   'u', 's', 'e',
                                            'r', 0, 'd', 'o', 'p', 'p', 'e', 'l', 0,   0};
    unsigned char head[5] = {0};
    char body[513] = "", *state;
    (void)probe;
    int code = dpl_talk_send(talk, request, sizeof request, err);
    if (code == DPL_OK)
        code = dpl_talk_bytes(talk, head, sizeof head, err);
    if (code < 0 || head[0] == 'R')
        return code;
    size_t size = (size_t)head[3] << 8 | head[4];
    if (head[0] != 'E' || head[1] || head[2] || size < 5 || size - 4 >= sizeof body)
        return stranger("PostgreSQL", err);
    code = dpl_talk_bytes(talk, body, size - 4, err);
    if (code < 0)
        return code;
    /* The field C is the SQLSTATE: 53... too many connections, 57P03 starting or shutting down. */
    body[size - 5] = '\0';
    state = body;
    while (state < body + size - 5 && *state && *state != 'C')
        state += strnlen(state, (size_t)(body + size - 4 - state)) + 1;
    if (strncmp(state, "C53", 3) == 0 || strncmp(state, "C57P03", 6) == 0)
        return dpl_err_set(err, DPL_E_DEGRADED, "it answers with the state %.5s", state + 1);
    return DPL_OK;
}

int dpl_probe_mysql(struct dpl_talk *talk, struct dpl_probe *probe, struct dpl_err *err)
{
    unsigned char head[5] = {0}, number[2] = {0};
    (void)probe;
    int code = dpl_talk_bytes(talk, head, sizeof head, err);
    if (code < 0)
        return code;
    if (head[2] || head[3] > 1 || (head[4] != 10 && head[4] != 0xff))
        return stranger("MariaDB", err);
    if (head[4] == 10)
        return DPL_OK;
    code = dpl_talk_bytes(talk, number, sizeof number, err);
    if (code < 0)
        return code;
    /* 1040 too many connections, 1129 and 1130: this host is blocked, or not allowed. */
    return dpl_err_set(err, DPL_E_DEGRADED, "it answers with the error %u",
                       (unsigned)number[0] | (unsigned)number[1] << 8);
}
