/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The little IMAP that reads an INBOX (RFC 3501): login, EXAMINE, the Message-IDs.
 */
#include "tests/lab/mail/flow.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char ID_FIELD[] = "message-id:";

/* Reads up to the tagged answer "a ...". Untagged lines go to fn. */
static int answer(struct flow_conn *c,
                  int (*fn)(struct flow_conn *c, void *self, struct dpl_err *err), void *self,
                  struct dpl_err *err)
{
    for (;;) {
        int rc = flow_conn_line(c, err);
        if (rc < 0)
            return rc;
        if (g_str_has_prefix(c->line, "a OK"))
            return 0;
        if (g_str_has_prefix(c->line, "a "))
            return dpl_err_set(err, DPL_E_REFUSED, "%s", c->line);
        rc = fn ? fn(c, self, err) : 0;
        if (rc < 0)
            return rc;
    }
}

static int see_exists(struct flow_conn *c, void *self, struct dpl_err *err)
{
    unsigned n;
    char word[16];

    (void)err;
    if (sscanf(c->line, "* %u %15s", &n, word) == 2 && strcmp(word, "EXISTS") == 0)
        *(uint32_t *)self = n;
    return 0;
}

int flow_imap_open(struct flow_conn *c, const char *user, const char *password,
                   uint32_t *messages_r, struct dpl_err *err)
{
    char text[512];
    int rc = flow_conn_line(c, err);

    *messages_r = 0;
    if (rc == 0 && !g_str_has_prefix(c->line, "* OK"))
        rc = dpl_err_set(err, DPL_E_REFUSED, "%s", c->line);
    snprintf(text, sizeof text, "a LOGIN %s %s\r\n", user, password);
    if (rc == 0)
        rc = flow_conn_say(c, text, err);
    if (rc == 0)
        rc = answer(c, NULL, NULL, err);
    if (rc == 0)
        rc = flow_conn_say(c, "a EXAMINE INBOX\r\n", err);
    return rc < 0 ? rc : answer(c, see_exists, messages_r, err);
}

/* INTERNALDATE "21-Nov-2026 21:40:15 +0000" in a line; 0: there is none. */
static int64_t date_of(const char *line)
{
    struct tm tm = {0};
    const char *date = strstr(line, "INTERNALDATE \"");
    if (!date || !strptime(date + strlen("INTERNALDATE \""), "%d-%b-%Y %H:%M:%S %z", &tm))
        return 0;
    long east_s = tm.tm_gmtoff;
    return (int64_t)timegm(&tm) - east_s;
}

static void note(GHashTable *seen, char *id, int64_t date_s)
{
    struct flow_sight *sight = g_hash_table_lookup(seen, id);
    if (!sight) {
        sight = g_new0(struct flow_sight, 1);
        sight->first_s = date_s;
        g_hash_table_insert(seen, g_strdup(id), sight);
    }
    sight->count++;
    sight->first_s = MIN(sight->first_s, date_s);
}

/* "* 3 FETCH (INTERNALDATE "..." BODY[HEADER.FIELDS (MESSAGE-ID)] {40}", then 40 bytes of header.
 */
static int see_header(struct flow_conn *c, void *self, struct dpl_err *err)
{
    g_autoptr(GString) text = g_string_new(NULL);
    GHashTable *seen = self;
    const char *brace = strrchr(c->line, '{');

    if (!brace || !strstr(c->line, "FETCH"))
        return 0;
    size_t size = strtoul(brace + 1, NULL, 10);
    int64_t date_s = date_of(c->line);
    if (size > FLOW_LINE)
        return dpl_err_set(err, DPL_E_CORRUPT, "a header of %zu bytes", size);
    int rc = flow_conn_skip(c, size, text, err);
    if (rc < 0)
        return rc;
    g_autofree char *low = g_ascii_strdown(text->str, -1);
    const char *field = strstr(low, ID_FIELD);
    if (!field)
        return 0;
    const char *from = strchr(text->str + (field - low), '<');
    const char *end = from ? strchr(from, '>') : NULL;
    if (!end)
        return 0;
    g_autofree char *id = g_strndup(from + 1, (gsize)(end - from - 1));
    note(seen, id, date_s);
    return 0;
}

int flow_imap_count(struct flow_conn *c, uint32_t messages, GHashTable *seen, struct dpl_err *err)
{
    if (messages == 0)
        return 0;
    int rc = flow_conn_say(
        c, "a FETCH 1:* (INTERNALDATE BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)])\r\n", err);
    return rc < 0 ? rc : answer(c, see_header, seen, err);
}
