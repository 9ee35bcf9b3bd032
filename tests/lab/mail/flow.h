/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * mailflow: mail that flows into a service under test and is read from it, and the account of it:
 * each message that the service acknowledged must be there exactly once.
 *
 * The ledger is a text file with a line for each message, appended when its fate is known:
 *     acknowledged USER ID MS     the service said 250 to its end
 *     unanswered USER ID MS       it was sent, and no answer came: it may be there, once at most
 *     refused USER ID MS          it was not taken; it must not be there
 * MS: milliseconds of wall time; why it was not acknowledged may follow.
 */
#ifndef DPL_MAIL_FLOW_H
#define DPL_MAIL_FLOW_H

#include "lib/base/err.h"

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { FLOW_LINE = 4096 };

/* A connection of lines. Everything is bounded by the timeout of a single wait. */
struct flow_conn {
    int fd;
    size_t have, used;
    char bytes[65536];
    char line[FLOW_LINE]; /* the last line read, without its end */
};

int flow_conn_open(struct flow_conn *c, const char *host, const char *port, int timeout_ms,
                   struct dpl_err *err);
void flow_conn_close(struct flow_conn *c);
int flow_conn_line(struct flow_conn *c, struct dpl_err *err);
int flow_conn_skip(struct flow_conn *c, size_t bytes, GString *text, struct dpl_err *err);
int flow_conn_say(struct flow_conn *c, const char *text, struct dpl_err *err);

enum flow_fate { FLOW_REFUSED, FLOW_UNANSWERED, FLOW_ACKNOWLEDGED };

/* Says EHLO on a fresh connection. */
int flow_smtp_greet(struct flow_conn *c, struct dpl_err *err);
/* One message over a connection that was greeted; err says why it was not acknowledged. */
enum flow_fate flow_smtp_send(struct flow_conn *c, const char *to, const char *id, size_t bytes,
                              struct dpl_err *err);

/* Logs in and opens the user's INBOX for looking. */
int flow_imap_open(struct flow_conn *c, const char *user, const char *password,
                   uint32_t *messages_r, struct dpl_err *err);
/* What a folder has of one Message-ID. */
struct flow_sight {
    unsigned count;
    int64_t first_s; /* when the first of them was saved, in seconds of wall time */
};
/* Notes each Message-ID of the open folder in `seen` (string → struct flow_sight). */
int flow_imap_count(struct flow_conn *c, uint32_t messages, GHashTable *seen, struct dpl_err *err);

/* Whether SMTP greets and IMAP lets the user in and opens the INBOX, now. */
bool flow_serves(const char *host, const char *user, const char *password);

struct flow_entry {
    enum flow_fate fate;
    char user[64], id[128];
    int64_t ms;
};

const char *flow_fate_name(enum flow_fate fate);
void flow_ledger_add(FILE *ledger, const struct flow_entry *entry, const char *why);
/* All entries, of struct flow_entry. A line cut short at the end is left out. */
int flow_ledger_read(const char *path, GArray **entries_r, struct dpl_err *err);

#endif
