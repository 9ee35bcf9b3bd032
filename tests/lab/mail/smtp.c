/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The little SMTP that delivers a message (RFC 5321), and says what became of it.
 */
#include "tests/lab/mail/flow.h"

#include <string.h>

/* Reads a reply of one or more lines; its code must begin with this digit. */
static int reply(struct flow_conn *c, char digit, struct dpl_err *err)
{
    int rc;

    do
        rc = flow_conn_line(c, err);
    while (rc == 0 && strlen(c->line) > 3 && c->line[3] == '-');
    if (rc == 0 && c->line[0] != digit)
        return dpl_err_set(err, DPL_E_REFUSED, "%s", c->line);
    return rc;
}

int flow_smtp_greet(struct flow_conn *c, struct dpl_err *err)
{
    int rc = reply(c, '2', err);

    if (rc == 0)
        rc = flow_conn_say(c, "EHLO flow.example.org\r\n", err);
    return rc < 0 ? rc : reply(c, '2', err);
}

static int envelope(struct flow_conn *c, const char *to, struct dpl_err *err)
{
    char text[512];
    int rc = flow_conn_say(c, "MAIL FROM:<flow@flow.example.org>\r\n", err);

    if (rc == 0)
        rc = reply(c, '2', err);
    snprintf(text, sizeof text, "RCPT TO:<%s>\r\n", to);
    if (rc == 0)
        rc = flow_conn_say(c, text, err);
    if (rc == 0)
        rc = reply(c, '2', err);
    if (rc == 0)
        rc = flow_conn_say(c, "DATA\r\n", err);
    return rc < 0 ? rc : reply(c, '3', err);
}

enum flow_fate flow_smtp_send(struct flow_conn *c, const char *to, const char *id, size_t bytes,
                              struct dpl_err *err)
{
    g_autoptr(GString) text = g_string_new(NULL);

    if (envelope(c, to, err) < 0)
        return FLOW_REFUSED;
    g_string_printf(
        text, "From: flow@flow.example.org\r\nTo: %s\r\nSubject: %s\r\nMessage-ID: <%s>\r\n\r\n",
        to, id, id);
    while (text->len < bytes)
        g_string_append(text, "All work and no play makes a dull double of a mail service.\r\n");
    /* Without the end of the data nothing is taken; from here on it may be. */
    if (flow_conn_say(c, text->str, err) < 0)
        return FLOW_REFUSED;
    if (flow_conn_say(c, ".\r\n", err) < 0)
        return FLOW_UNANSWERED;
    if (reply(c, '2', err) == 0)
        return FLOW_ACKNOWLEDGED;
    return c->line[0] == '4' || c->line[0] == '5' ? FLOW_REFUSED : FLOW_UNANSWERED;
}
