/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/apply/message-id.h"

#include <string.h>
#include <strings.h>

#define FIELD "message-id:"

/* Behind the end of this line; NULL: it does not end. */
static const char *line_end(const char *at, const char *end)
{
    const char *newline = memchr(at, '\n', (size_t)(end - at));
    return newline ? newline + 1 : NULL;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* From the field's value, which may go on in folded lines. */
static bool take(const char *at, const char *end, char *text)
{
    size_t used = 0;
    while (at < end && is_blank(*at)) {
        if (*at == '\n' && (at + 1 == end || (at[1] != ' ' && at[1] != '\t')))
            return false; /* it is empty */
        at++;
    }
    if (at == end || *at != '<')
        return false;
    for (; at < end && used < DPL_MESSAGE_ID_MAX; at++) {
        if (*at <= ' ' || *at > '~')
            return false;
        text[used++] = *at;
        if (*at == '>') {
            text[used] = '\0';
            return true;
        }
    }
    return false;
}

bool dpl_message_id(const char *head, size_t size, char *text)
{
    const char *end = head + size;
    for (const char *at = head; at && at < end; at = line_end(at, end)) {
        if (*at == '\n' || (*at == '\r' && at + 1 < end && at[1] == '\n'))
            return false; /* the body */
        if ((size_t)(end - at) > strlen(FIELD) && strncasecmp(at, FIELD, strlen(FIELD)) == 0)
            return take(at + strlen(FIELD), end, text);
    }
    return false;
}

bool dpl_message_is_at(const char *path)
{
    const char *name = strrchr(path, '/');
    size_t size = name ? (size_t)(name - path) : 0;
    if (size < 3 || (size > 3 && path[size - 4] != '/'))
        return false;
    return strncmp(path + size - 3, "cur", 3) == 0 || strncmp(path + size - 3, "new", 3) == 0;
}
