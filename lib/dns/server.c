/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/dns/server.h"

#include "lib/base/fd.h"
#include "lib/base/file.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    DATAGRAM_MAX = 512, /* a larger request goes over a connection */
    REPEAT_MS = 1000,   /* after this time without a reply the datagram is sent again */
    RESOLV_MAX = 65536, /* bytes of resolv.conf */
    RESOLV_SERVERS = 3, /* as in glibc */
    DEFAULT_PORT = 53,
    NS_PER_MS = 1000000,
};

static bool parse_address(const char *address, uint16_t port, struct dpl_dns_server *server_r)
{
    char text[INET6_ADDRSTRLEN + IF_NAMESIZE + 1];
    if (strlen(address) >= sizeof text)
        return false;
    strcpy(text, address);
    char *zone = strchr(text, '%');
    if (zone)
        *zone++ = '\0';
    struct sockaddr_in6 *in6 = &server_r->addr.in6;
    if (!zone && inet_pton(AF_INET, text, &server_r->addr.in.sin_addr) == 1) {
        server_r->addr.in.sin_family = AF_INET;
        server_r->addr.in.sin_port = htons(port);
        return true;
    }
    if (inet_pton(AF_INET6, text, &in6->sin6_addr) != 1)
        return false;
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons(port);
    in6->sin6_scope_id = zone ? if_nametoindex(zone) : 0;
    return !zone || in6->sin6_scope_id != 0;
}

/* Its text is the same however the address was written. */
static void name_server(struct dpl_dns_server *server, const char *zone, uint16_t port)
{
    char address[INET6_ADDRSTRLEN] = "", suffix[16] = "";
    bool in = server->addr.any.sa_family == AF_INET;
    inet_ntop(in ? AF_INET : AF_INET6,
              in ? (const void *)&server->addr.in.sin_addr : &server->addr.in6.sin6_addr, address,
              sizeof address);
    if (port != DEFAULT_PORT)
        snprintf(suffix, sizeof suffix, " port %u", port);
    snprintf(server->text, sizeof server->text, "%s%.16s%s", address, zone ? zone : "", suffix);
}

bool dpl_dns_servers_add(struct dpl_dns_servers *servers, const char *address, uint16_t port)
{
    struct dpl_dns_server server = {0};
    if (servers->count == DPL_DNS_SERVERS_MAX || !parse_address(address, port, &server))
        return false;
    name_server(&server, strchr(address, '%'), port);
    for (size_t i = 0; i < servers->count; i++)
        if (strcmp(servers->items[i].text, server.text) == 0)
            return true;
    servers->items[servers->count++] = server;
    return true;
}

int dpl_dns_servers_read(const char *path, struct dpl_dns_servers *servers_r, struct dpl_err *err)
{
    g_autofree char *text = NULL;
    *servers_r = (struct dpl_dns_servers){0};
    int code = dpl_file_read(AT_FDCWD, path, RESOLV_MAX, &text, NULL, err);
    if (code < 0 && code != DPL_E_NOT_FOUND)
        return code;
    for (char *rest = text, *line; rest && (line = strsep(&rest, "\n"));) {
        char address[64];
        if (sscanf(line, " nameserver %63s", address) == 1 && servers_r->count < RESOLV_SERVERS)
            (void)dpl_dns_servers_add(servers_r, address, DEFAULT_PORT);
    }
    if (servers_r->count == 0)
        (void)dpl_dns_servers_add(servers_r, "127.0.0.1", DEFAULT_PORT);
    return DPL_OK;
}

static int unreachable(const struct dpl_dns_server *server, int sys_errno, struct dpl_err *err)
{
    if (sys_errno == ETIMEDOUT)
        return dpl_err_set(err, DPL_E_UNREACHABLE, "%s does not answer", server->text);
    dpl_err_set(err, DPL_E_UNREACHABLE, "%s cannot be reached: %s", server->text,
                strerror(sys_errno));
    return DPL_E_UNREACHABLE;
}

static int open_socket(const struct dpl_dns_server *server, int type, struct dpl_err *err)
{
    int family = server->addr.any.sa_family;
    socklen_t size = family == AF_INET ? sizeof server->addr.in : sizeof server->addr.in6;
    dpl_autofd int fd = socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return dpl_err_sys(err, errno, "cannot open a socket to %s", server->text);
    if (connect(fd, &server->addr.any, size) < 0 && errno != EINPROGRESS)
        return unreachable(server, errno, err);
    return dpl_fd_steal(&fd);
}

/* Waits for events until the deadline: 0 when they came, or an errno. */
static int wait_for(int fd, short events, const struct dpl_clock *clock, int64_t deadline_ns)
{
    struct pollfd one = {.fd = fd, .events = events};
    int n;
    do
        n = poll(&one, 1, dpl_clock_left_ms(clock, deadline_ns));
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return errno;
    return n == 0 ? ETIMEDOUT : 0;
}

/* Takes datagrams until one is the reply, the time is over (0) or the socket fails (an errno). */
static int take_datagram(int fd, const struct dpl_clock *clock, int64_t deadline_ns,
                         const struct dpl_dns_wire *request, struct dpl_dns_wire *reply_r)
{
    for (;;) {
        int failed = wait_for(fd, POLLIN, clock, deadline_ns);
        if (failed)
            return failed;
        ssize_t n = recv(fd, reply_r->bytes, DPL_DNS_MESSAGE_MAX, 0);
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return errno;
        if (n > 0 && dpl_dns_message_answers(reply_r->bytes, (size_t)n, request)) {
            reply_r->size = (size_t)n;
            return 0;
        }
    }
}

static int by_datagram(const struct dpl_dns_server *server, const struct dpl_clock *clock,
                       int64_t deadline_ns, const struct dpl_dns_wire *request,
                       struct dpl_dns_wire *reply_r, struct dpl_err *err)
{
    dpl_autofd int fd = open_socket(server, SOCK_DGRAM, err);
    if (fd < 0)
        return fd;
    for (int64_t wait_ms = REPEAT_MS;; wait_ms *= 2) {
        int64_t until_ns = dpl_clock_now_ns(clock) + wait_ms * NS_PER_MS;
        bool last = until_ns >= deadline_ns;
        if (send(fd, request->bytes, request->size, 0) < 0 && errno != EAGAIN)
            return unreachable(server, errno, err);
        int failed = take_datagram(fd, clock, last ? deadline_ns : until_ns, request, reply_r);
        if (failed == 0)
            return DPL_OK;
        if (failed != ETIMEDOUT || last)
            return unreachable(server, failed, err);
    }
}

/* All of it in or out, until the deadline: 0 or an errno; what ends too early is ECONNRESET. */
static int move_all(int fd, uint8_t *bytes, size_t size, bool out, const struct dpl_clock *clock,
                    int64_t deadline_ns)
{
    for (size_t done = 0; done < size;) {
        int failed = wait_for(fd, out ? POLLOUT : POLLIN, clock, deadline_ns);
        if (failed)
            return failed;
        ssize_t n = out ? send(fd, bytes + done, size - done, MSG_NOSIGNAL)
                        : recv(fd, bytes + done, size - done, 0);
        if (n == 0)
            return ECONNRESET;
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            return errno;
        if (n > 0)
            done += (size_t)n;
    }
    return 0;
}

static int by_connection(const struct dpl_dns_server *server, const struct dpl_clock *clock,
                         int64_t deadline_ns, const struct dpl_dns_wire *request,
                         struct dpl_dns_wire *reply_r, struct dpl_err *err)
{
    dpl_autofd int fd = open_socket(server, SOCK_STREAM, err);
    if (fd < 0)
        return fd;
    g_autofree uint8_t *framed = g_malloc(request->size + 2);
    framed[0] = (uint8_t)(request->size >> 8);
    framed[1] = (uint8_t)request->size;
    memcpy(framed + 2, request->bytes, request->size);
    uint8_t head[2];
    int failed = move_all(fd, framed, request->size + 2, true, clock, deadline_ns);
    if (!failed)
        failed = move_all(fd, head, sizeof head, false, clock, deadline_ns);
    reply_r->size = failed ? 0 : (size_t)(head[0] << 8 | head[1]);
    if (!failed)
        failed = move_all(fd, reply_r->bytes, reply_r->size, false, clock, deadline_ns);
    if (failed)
        return unreachable(server, failed, err);
    if (!dpl_dns_message_answers(reply_r->bytes, reply_r->size, request))
        return dpl_err_set(err, DPL_E_CORRUPT, "%s answers something else than it was asked",
                           server->text);
    return DPL_OK;
}

int dpl_dns_server_exchange(const struct dpl_dns_server *server, const struct dpl_clock *clock,
                            int64_t deadline_ns, const struct dpl_dns_wire *request,
                            struct dpl_dns_wire *reply_r, struct dpl_err *err)
{
    *reply_r = (struct dpl_dns_wire){.bytes = malloc(DPL_DNS_MESSAGE_MAX)};
    if (!reply_r->bytes)
        return dpl_err_set(err, DPL_E_NO_MEMORY, "no memory for a reply");
    bool connection = request->size > DATAGRAM_MAX;
    int code = DPL_OK;
    if (!connection) {
        code = by_datagram(server, clock, deadline_ns, request, reply_r, err);
        connection = code == DPL_OK && reply_r->bytes[2] & 0x02;
    }
    if (connection)
        code = by_connection(server, clock, deadline_ns, request, reply_r, err);
    if (code < 0)
        dpl_dns_wire_done(reply_r);
    return code;
}
