/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/parent/lines.h"

#include "daemon/parent/log.h"
#include "lib/base/fd.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

enum { LINE_BYTES = 1024, LAST_READS = 64 };

static void log_line(struct dpl_lines *lines, const char *text)
{
    dpl_log(LOG_NOTICE, "%s: %s", lines->name, text);
    g_free(lines->last);
    lines->last = g_strdup(text);
}

static void log_text(struct dpl_lines *lines, bool end)
{
    char *start = lines->line->str, *newline;
    while ((newline = strchr(start, '\n')) != NULL) {
        *newline = '\0';
        if (newline > start)
            log_line(lines, start);
        start = newline + 1;
    }
    g_string_erase(lines->line, 0, start - lines->line->str);
    if (lines->line->len > 0 && (end || lines->line->len >= LINE_BYTES)) {
        log_line(lines, lines->line->str);
        g_string_truncate(lines->line, 0);
    }
}

/* False at the end, or when there is nothing now. */
static bool read_some(struct dpl_lines *lines)
{
    char text[LINE_BYTES];
    ssize_t n = read(lines->fd, text, sizeof text);
    if (n == 0)
        errno = 0;
    if (n <= 0)
        return false;
    for (ssize_t i = 0; i < n; i++)
        if (text[i] == '\0')
            text[i] = '?';
    g_string_append_len(lines->line, text, n);
    log_text(lines, false);
    return true;
}

static void on_event(void *self, int revents)
{
    struct dpl_lines *lines = self;
    (void)revents;
    if (!read_some(lines) && errno != EAGAIN && errno != EINTR)
        dpl_watch_remove(&lines->watch);
}

int dpl_lines_open(struct dpl_lines *lines, qb_loop_t *loop, int fd, const char *name,
                   struct dpl_err *err)
{
    lines->name = name;
    lines->fd = fd;
    lines->line = g_string_new(NULL);
    int rc = dpl_watch_add(&lines->watch, loop, fd, POLLIN, on_event, lines, err);
    if (rc < 0)
        dpl_lines_close(lines);
    return rc;
}

const char *dpl_lines_last(struct dpl_lines *lines)
{
    for (int i = 0; lines->line && i < LAST_READS && read_some(lines); i++)
        ;
    return lines->last;
}

void dpl_lines_close(struct dpl_lines *lines)
{
    if (!lines->line)
        return;
    for (int i = 0; i < LAST_READS && read_some(lines); i++)
        ;
    log_text(lines, true);
    dpl_watch_remove(&lines->watch);
    dpl_fd_clear(&lines->fd);
    g_string_free(lines->line, TRUE);
    lines->line = NULL;
    g_clear_pointer(&lines->last, g_free);
}
