/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Shared by the parts of mailer: what writers do, and what a state of theirs may look like.
 *
 * Writer w < writers delivers messages 1, 2, 3, … into one Maildir. Its step k is:
 *
 *   1. tmp/w.k is written and fsynced        2. renamed to new/w.k; the directory is fsynced
 *   3. new/w.(k-MAILER_NEW) goes to cur/     4. cur/w.(k-MAILER_KEPT) is removed
 *
 * The writer after the last one commits transactions 1, 2, 3, … to a database (WAL,
 * synchronous=FULL): each adds row k, removes row k-MAILER_ROWS and sets a counter to k. A message
 * and a row tell how many steps each writer had finished before this one began. So of a state that
 * its source went through, the numbers tell exactly which objects it has; and each number is at
 * least what any record says.
 */
#ifndef DPL_TESTS_MAILER_H
#define DPL_TESTS_MAILER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAILER_MOST 8
#define MAILER_NEW  5
#define MAILER_KEPT 40
#define MAILER_ROWS 100
#define MAILER_HEAD 160   /* bytes of a record's first part */
#define MAILER_BODY 12000 /* bytes of its body, at most */

struct mailer_options {
    int dir_fd;
    const char *dir;
    int writers;   /* of messages */
    bool database; /* one writer more */
    long steps;    /* of each writer; 0: as long as the time lasts */
    long seconds;
    long rate;        /* steps a second of each writer; 0: as fast as it goes */
    const char *stop; /* ends when this file is there */
    const char *acks; /* a line "W K" for each finished step */
};

struct mailer_record {
    int writer;
    long step;
    long before[MAILER_MOST + 1];
};

/* The whole of record: head and body; the same for everybody. Returns its size. */
size_t mailer_encode(const struct mailer_record *record, char *text);
/* Whether these bytes are a whole record. */
bool mailer_decode(struct mailer_record *record, const char *text, size_t size);
enum { MAILER_BYTES = MAILER_HEAD + MAILER_BODY };

int mailer_write(const struct mailer_options *o);
int mailer_check(const struct mailer_options *o);

#endif
