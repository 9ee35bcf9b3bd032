/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/parent/listen.h"

#include "lib/base/fd.h"

#include <errno.h>
#include <glib.h>
#include <netdb.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

int dpl_listen(const char *host, const char *port, int backlog, struct dpl_err *err)
{
    struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV,
                             .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    int one = 1, zero = 0;
    if (getaddrinfo(host, port, &hints, &found) != 0)
        return dpl_err_set(err, DPL_E_CONFIG, "\"%s\" is not an address to listen on", host);
    dpl_autofd int fd =
        socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
    if (fd < 0 && errno == EAFNOSUPPORT && strcmp(host, "::") == 0) { /* a host without IPv6 */
        freeaddrinfo(found);
        return dpl_listen("0.0.0.0", port, backlog, err);
    }
    int rc = fd < 0 ? -1 : setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (rc == 0 && found->ai_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof zero);
    if (rc == 0)
        rc = bind(fd, found->ai_addr, found->ai_addrlen);
    if (rc == 0)
        rc = listen(fd, backlog);
    int saved = errno;
    freeaddrinfo(found);
    if (rc < 0)
        return dpl_err_sys(err, saved, "listen on %s port %s", host, port);
    return dpl_fd_steal(&fd);
}

int dpl_listener_take(struct dpl_listener *listener, int fd, const char *host, const char *port,
                      qb_loop_t *loop, dpl_fd_fn *fn, void *self, struct dpl_err *err)
{
    dpl_listener_close(listener);
    listener->fd = fd;
    listener->host = g_strdup(host);
    listener->port = g_strdup(port);
    return dpl_watch_add(&listener->watch, loop, fd, POLLIN, fn, self, err);
}

void dpl_listener_close(struct dpl_listener *listener)
{
    dpl_watch_remove(&listener->watch);
    dpl_fd_clear(&listener->fd);
    g_clear_pointer(&listener->host, g_free);
    g_clear_pointer(&listener->port, g_free);
}
