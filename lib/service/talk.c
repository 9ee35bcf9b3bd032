/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/service/talk.h"

#include "lib/base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { SAY_MAX = 4096, ENDLESS_MAX = 1 << 20 };

static int silent(struct dpl_err *err)
{
    return dpl_err_set(err, DPL_E_TIMEOUT, "no answer in time");
}

/* 1 when there is something, 0 at the deadline. */
static int await(const struct dpl_talk *talk, short events)
{
    for (;;) {
        struct pollfd one = {.fd = talk->fd, .events = events};
        int left = dpl_clock_left_ms(talk->clock, talk->deadline_ns);
        int ready = poll(&one, 1, left);
        if (ready > 0)
            return 1;
        if (ready == 0 && left == 0)
            return 0;
    }
}

void dpl_talk_use(struct dpl_talk *talk, int fd, const struct dpl_clock *clock, int64_t deadline_ns)
{
    talk->fd = fd;
    talk->clock = clock;
    talk->deadline_ns = deadline_ns;
    talk->start = talk->end = 0;
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

static int finish_connect(struct dpl_talk *talk, struct dpl_err *err)
{
    int number = 0;
    socklen_t size = sizeof number;
    if (!await(talk, POLLOUT))
        return dpl_err_set(err, DPL_E_BUSY, "it takes no connection in time");
    getsockopt(talk->fd, SOL_SOCKET, SO_ERROR, &number, &size);
    if (number == 0)
        return DPL_OK;
    (void)dpl_err_sys(err, number, "nobody listens there");
    return dpl_err_set(err, DPL_E_UNREACHABLE, "cannot connect: %s", strerror(number));
}

int dpl_talk_open(struct dpl_talk *talk, const struct dpl_address *address,
                  const struct dpl_clock *clock, int64_t deadline_ns, struct dpl_err *err)
{
    int fd = socket(address->socket.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return dpl_err_sys(err, errno, "cannot make a socket");
    dpl_talk_use(talk, fd, clock, deadline_ns);
    int code = DPL_OK;
    if (connect(fd, &address->socket.any, address->size) < 0) {
        if (errno == EINPROGRESS)
            code = finish_connect(talk, err);
        else if (errno == EAGAIN)
            code = dpl_err_set(err, DPL_E_BUSY, "it takes no further connection");
        else
            code = dpl_err_set(err, DPL_E_UNREACHABLE, "cannot connect: %s", strerror(errno));
    }
    if (code < 0)
        dpl_talk_close(talk);
    return code;
}

void dpl_talk_close(struct dpl_talk *talk)
{
    dpl_fd_clear(&talk->fd);
}

int dpl_talk_send(struct dpl_talk *talk, const void *bytes, size_t size, struct dpl_err *err)
{
    const char *at = bytes;
    while (size > 0) {
        ssize_t sent = send(talk->fd, at, size, MSG_NOSIGNAL);
        if (sent > 0) {
            at += sent;
            size -= (size_t)sent;
        } else if (errno != EAGAIN && errno != EINTR) {
            return dpl_err_set(err, DPL_E_TRUNCATED, "it closed the connection");
        } else if (errno == EAGAIN && !await(talk, POLLOUT)) {
            return silent(err);
        }
    }
    return DPL_OK;
}

int dpl_talk_say(struct dpl_talk *talk, struct dpl_err *err, const char *format, ...)
{
    char text[SAY_MAX];
    va_list ap;
    va_start(ap, format);
    int length = vsnprintf(text, sizeof text, format, ap);
    va_end(ap);
    if (length < 0 || length >= (int)sizeof text)
        return dpl_err_set(err, DPL_E_TOO_LARGE, "what we would say is too long");
    return dpl_talk_send(talk, text, (size_t)length, err);
}

/* Receives something, into a buffer that has room. */
static int receive(struct dpl_talk *talk, struct dpl_err *err)
{
    if (talk->start == talk->end)
        talk->start = talk->end = 0;
    if (talk->end == sizeof talk->buffer) {
        memmove(talk->buffer, talk->buffer + talk->start, talk->end - talk->start);
        talk->end -= talk->start;
        talk->start = 0;
    }
    for (;;) {
        ssize_t got = recv(talk->fd, talk->buffer + talk->end, sizeof talk->buffer - talk->end, 0);
        if (got > 0) {
            talk->end += (size_t)got;
            return DPL_OK;
        }
        if (got == 0 || (errno != EAGAIN && errno != EINTR))
            return dpl_err_set(err, DPL_E_TRUNCATED, "it closed the connection");
        if (errno == EAGAIN && !await(talk, POLLIN))
            return silent(err);
    }
}

/* A line longer than the room is read to its end, in bounds, and cut. */
int dpl_talk_line(struct dpl_talk *talk, char line[DPL_TALK_LINE], struct dpl_err *err)
{
    size_t length = 0;
    for (size_t total = 0; total < ENDLESS_MAX; total++) {
        if (talk->start == talk->end) {
            int code = receive(talk, err);
            if (code < 0)
                return code;
        }
        char c = talk->buffer[talk->start++];
        if (c == '\n') {
            while (length > 0 && line[length - 1] == '\r')
                length--;
            line[length] = '\0';
            for (size_t i = 0; i < length; i++)
                if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
                    line[i] = '?';
            return DPL_OK;
        }
        if (length < DPL_TALK_LINE - 1)
            line[length++] = c;
    }
    return dpl_err_set(err, DPL_E_TOO_LARGE, "it sends a line without an end");
}

int dpl_talk_bytes(struct dpl_talk *talk, void *bytes, size_t size, struct dpl_err *err)
{
    char *at = bytes;
    while (size > 0) {
        size_t have = talk->end - talk->start;
        if (have == 0) {
            int code = receive(talk, err);
            if (code < 0)
                return code;
            continue;
        }
        have = have < size ? have : size;
        memcpy(at, talk->buffer + talk->start, have);
        talk->start += have;
        at += have;
        size -= have;
    }
    return DPL_OK;
}

bool dpl_talk_has_more(struct dpl_talk *talk, int within_ms)
{
    struct pollfd one = {.fd = talk->fd, .events = POLLIN};
    return talk->start < talk->end || poll(&one, 1, within_ms) > 0;
}
