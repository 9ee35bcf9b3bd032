/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a process says on its standard error, line by line, into our log with its name in front.
 *
 * A reader lives where its owner put it, zeroed before the first use. It owns its descriptor. Lines
 * are bounded; a zero byte is read as "?".
 */
#ifndef DPL_PARENT_LINES_H
#define DPL_PARENT_LINES_H

#include "daemon/parent/loop.h"

#include <glib.h>

struct dpl_lines {
    const char *name; /* borrowed */
    int fd;           /* not blocking */
    struct dpl_watch watch;
    GString *line; /* NULL: it is not open */
    char *last;    /* the last one that was whole; NULL: none yet */
};

/* Takes the descriptor, also where it fails. */
int dpl_lines_open(struct dpl_lines *lines, qb_loop_t *loop, int fd, const char *name,
                   struct dpl_err *err);
/* The last line, of those too that are there and were not read yet; NULL: none. Borrowed. */
const char *dpl_lines_last(struct dpl_lines *lines);
/* Reads what is there, bounded, logs the rest of a line too, and closes. Harmless when it is not
 * open. */
void dpl_lines_close(struct dpl_lines *lines);

#endif
