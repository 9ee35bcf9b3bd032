/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/priv/dial.h"

#include "lib/base/clock.h"
#include "lib/base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

static void add_found(struct dpl_dial *dial, const struct addrinfo *found)
{
    for (; found && dial->count < DPL_DIAL_MAX; found = found->ai_next) {
        if (found->ai_addrlen > sizeof dial->to[0].address)
            continue;
        memcpy(&dial->to[dial->count].address, found->ai_addr, found->ai_addrlen);
        dial->to[dial->count++].size = found->ai_addrlen;
    }
}

static int look_up(struct dpl_dial *dial, const char *host, uint16_t port, struct dpl_err *err)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    char service[8];
    snprintf(service, sizeof service, "%u", (unsigned)port);
    int rc = getaddrinfo(host, service, &hints, &found);
    if (rc != 0)
        return dpl_err_set(err, DPL_E_UNREACHABLE, "\"%s\": %s", host, gai_strerror(rc));
    add_found(dial, found);
    freeaddrinfo(found);
    return DPL_OK;
}

static int look_up_own(struct dpl_dial *dial, const char *bind, struct dpl_err *err)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST};
    struct addrinfo *found = NULL;
    if (getaddrinfo(bind, NULL, &hints, &found) != 0)
        return dpl_err_set(err, DPL_E_PARAM, "\"%s\" is no local address to connect from", bind);
    memcpy(&dial->from, found->ai_addr, found->ai_addrlen);
    dial->from_size = found->ai_addrlen;
    freeaddrinfo(found);
    return DPL_OK;
}

int dpl_dial_resolve(struct dpl_dial *dial, const struct dpl_door_start *start, struct dpl_err *err)
{
    int first = DPL_OK;
    *dial = (struct dpl_dial){0};
    if (start->bind) {
        int rc = look_up_own(dial, start->bind, err);
        if (rc < 0)
            return rc;
    }
    for (size_t i = 0;; i++) {
        g_autofree char *host = NULL;
        uint16_t port;
        struct dpl_err one = {0};
        int rc = dpl_door_start_address(start, i, &host, &port, &one);
        if (rc == DPL_E_NOT_FOUND && i > 0)
            break;
        if (rc == DPL_OK)
            rc = look_up(dial, host, port, &one);
        if (rc < 0 && first == DPL_OK)
            first = dpl_err_set(err, rc, "%s", one.text);
        if (rc == DPL_E_NOT_FOUND)
            break;
    }
    return dial->count > 0 ? DPL_OK : first;
}

void dpl_dial_options(int fd)
{
    static const struct {
        int level, name, value;
    } options[] = {
        {SOL_SOCKET, SO_KEEPALIVE, 1},   {IPPROTO_TCP, TCP_KEEPIDLE, 10},
        {IPPROTO_TCP, TCP_KEEPINTVL, 5}, {IPPROTO_TCP, TCP_KEEPCNT, 3},
        {IPPROTO_TCP, TCP_NODELAY, 1},   {IPPROTO_TCP, TCP_USER_TIMEOUT, 20000},
    };
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++)
        setsockopt(fd, options[i].level, options[i].name, &options[i].value, sizeof(int));
}

static int wait_connected(int fd, int64_t until_ns)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    int n, error = 0;
    socklen_t size = sizeof error;
    do
        n = poll(&p, 1, dpl_clock_left_ms(&dpl_clock_system, until_ns));
    while (n < 0 && errno == EINTR);
    if (n == 0)
        return ETIMEDOUT;
    if (n < 0 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
        return errno;
    return error;
}

/* A descriptor, or -1 with errno. */
static int connect_one(const struct dpl_dial *dial, size_t i, int64_t until_ns)
{
    const struct sockaddr *to = (const struct sockaddr *)&dial->to[i].address;
    dpl_autofd int fd = socket(to->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    if (dial->from_size && dial->from.ss_family == to->sa_family &&
        bind(fd, (const struct sockaddr *)&dial->from, dial->from_size) < 0)
        return -1;
    if (connect(fd, to, dial->to[i].size) < 0) {
        int error = errno == EINPROGRESS ? wait_connected(fd, until_ns) : errno;
        if (error) {
            errno = error;
            return -1;
        }
    }
    dpl_dial_options(fd);
    return dpl_fd_steal(&fd);
}

static void address_text(const struct dpl_dial *dial, size_t i, char *text, size_t room)
{
    char host[64] = "?", port[8] = "?";
    getnameinfo((const struct sockaddr *)&dial->to[i].address, dial->to[i].size, host, sizeof host,
                port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV);
    snprintf(text, room, "%s port %s", host, port);
}

int dpl_dial_connect(const struct dpl_dial *dial, int64_t deadline_ns, char *text, size_t room,
                     struct dpl_err *err)
{
    g_autoptr(GString) why = g_string_new(NULL);
    for (size_t i = 0; i < dial->count; i++) {
        int64_t now_ns = dpl_clock_now_ns(&dpl_clock_system);
        int64_t until_ns = now_ns + (int64_t)DPL_DIAL_EACH_MS * 1000000;
        if (now_ns >= deadline_ns)
            break;
        address_text(dial, i, text, room);
        int fd = connect_one(dial, i, until_ns < deadline_ns ? until_ns : deadline_ns);
        if (fd >= 0)
            return fd;
        g_string_append_printf(why, "%s%s: %s", i ? "; " : "", text, g_strerror(errno));
    }
    return dpl_err_set(err, DPL_E_UNREACHABLE, "%s", why->str);
}
