/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Connections of lines over TCP. The caller owns the struct; a wait that is too long is an error.
 */
#include "tests/lab/mail/flow.h"

#include "lib/base/fd.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static int connect_to(const struct addrinfo *place, int timeout_ms, struct dpl_err *err)
{
    struct timeval wait = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};
    int one = 1;
    dpl_autofd int fd =
        socket(place->ai_family, place->ai_socktype | SOCK_CLOEXEC, place->ai_protocol);

    if (fd < 0)
        return dpl_err_sys(err, errno, "socket");
    /* SO_SNDTIMEO bounds connect(2) too. */
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(fd, place->ai_addr, place->ai_addrlen) != 0)
        return dpl_err_sys(err, errno, "connect");
    return dpl_fd_steal(&fd);
}

int flow_conn_open(struct flow_conn *c, const char *host, const char *port, int timeout_ms,
                   struct dpl_err *err)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *places = NULL;
    int code = getaddrinfo(host, port, &hints, &places);

    c->fd = -1;
    c->have = c->used = 0;
    c->line[0] = '\0';
    if (code != 0)
        return dpl_err_set(err, DPL_E_NOT_FOUND, "%s: %s", host, gai_strerror(code));
    c->fd = connect_to(places, timeout_ms, err);
    freeaddrinfo(places);
    return c->fd < 0 ? c->fd : 0;
}

void flow_conn_close(struct flow_conn *c)
{
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
}

static int fill(struct flow_conn *c, struct dpl_err *err)
{
    memmove(c->bytes, c->bytes + c->used, c->have - c->used);
    c->have -= c->used;
    c->used = 0;
    if (c->have == sizeof c->bytes)
        return dpl_err_set(err, DPL_E_CORRUPT, "a line without end");
    ssize_t n = recv(c->fd, c->bytes + c->have, sizeof c->bytes - c->have, 0);
    if (n < 0)
        return dpl_err_sys(err, errno, "no answer");
    if (n == 0)
        return dpl_err_set(err, DPL_E_UNREACHABLE, "the service closed the connection");
    c->have += (size_t)n;
    return 0;
}

int flow_conn_line(struct flow_conn *c, struct dpl_err *err)
{
    for (;;) {
        char *from = c->bytes + c->used;
        char *end = memchr(from, '\n', c->have - c->used);
        if (end) {
            size_t n = MIN((size_t)(end - from), sizeof c->line - 1);
            memcpy(c->line, from, n);
            if (n > 0 && c->line[n - 1] == '\r')
                n--;
            c->line[n] = '\0';
            c->used = (size_t)(end + 1 - c->bytes);
            return 0;
        }
        int rc = fill(c, err);
        if (rc < 0)
            return rc;
    }
}

int flow_conn_skip(struct flow_conn *c, size_t bytes, GString *text, struct dpl_err *err)
{
    while (bytes > 0) {
        if (c->used == c->have) {
            int rc = fill(c, err);
            if (rc < 0)
                return rc;
        }
        size_t n = MIN(bytes, c->have - c->used);
        g_string_append_len(text, c->bytes + c->used, (gssize)n);
        c->used += n;
        bytes -= n;
    }
    return 0;
}

int flow_conn_say(struct flow_conn *c, const char *text, struct dpl_err *err)
{
    size_t left = strlen(text);

    while (left > 0) {
        ssize_t n = send(c->fd, text, left, MSG_NOSIGNAL);
        if (n < 0)
            return dpl_err_sys(err, errno, "send");
        text += n;
        left -= (size_t)n;
    }
    return 0;
}
