/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Figures for Prometheus: text over HTTP on a local port. One request a connection, bounded in
 * size, number and time; whatever is asked for, the answer is the figures.
 */
#include "daemon/parent/daemon.h"
#include "daemon/parent/listen.h"
#include "lib/base/fd.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CLIENTS_MAX = 8, CLIENT_MS = 5000, REQUEST_BYTES = 4096 };

struct dpl_metrics {
    struct dpl_daemon *daemon;
    struct dpl_listener listener;
    GPtrArray *clients;
};

struct client {
    struct dpl_metrics *metrics;
    int fd;
    struct dpl_watch watch;
    struct dpl_timer timer;
    char request[REQUEST_BYTES];
    size_t have;
    GString *answer; /* NULL while the request is read */
    size_t sent;
};

static void client_free(struct client *c)
{
    g_ptr_array_remove(c->metrics->clients, c);
    dpl_watch_remove(&c->watch);
    dpl_timer_clear(&c->timer);
    dpl_fd_clear(&c->fd);
    if (c->answer)
        g_string_free(c->answer, TRUE);
    g_free(c);
}

static void client_late(void *self)
{
    client_free(self);
}

static void begin_answer(struct client *c)
{
    GString *body = dpl_figures(c->metrics->daemon);
    c->answer = g_string_new(NULL);
    g_string_append_printf(c->answer,
                           "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\n"
                           "Content-Length: %zu\r\nConnection: close\r\n\r\n",
                           body->len);
    g_string_append_len(c->answer, body->str, (gssize)body->len);
    g_string_free(body, TRUE);
    dpl_watch_events(&c->watch, POLLOUT);
}

/* False at the end of the client. */
static bool read_request(struct client *c)
{
    ssize_t n = recv(c->fd, c->request + c->have, sizeof c->request - 1 - c->have, 0);
    if (n <= 0)
        return n < 0 && errno == EAGAIN;
    c->have += (size_t)n;
    c->request[c->have] = '\0';
    if (strstr(c->request, "\r\n\r\n"))
        begin_answer(c);
    return c->answer || c->have < sizeof c->request - 1;
}

static bool send_answer(struct client *c)
{
    ssize_t n = send(c->fd, c->answer->str + c->sent, c->answer->len - c->sent, MSG_NOSIGNAL);
    if (n < 0)
        return errno == EAGAIN;
    c->sent += (size_t)n;
    return c->sent < c->answer->len;
}

static void client_event(void *self, int revents)
{
    struct client *c = self;
    (void)revents;
    if (!(c->answer ? send_answer(c) : read_request(c)))
        client_free(c);
}

static void on_connection(void *self, int revents)
{
    struct dpl_metrics *metrics = self;
    (void)revents;
    int fd = accept4(metrics->listener.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return;
    if (metrics->clients->len >= CLIENTS_MAX) {
        close(fd);
        return;
    }
    struct client *c = g_new0(struct client, 1);
    c->metrics = metrics;
    c->fd = fd;
    g_ptr_array_add(metrics->clients, c);
    dpl_timer_set(&c->timer, metrics->daemon->loop, CLIENT_MS, client_late, c);
    if (dpl_watch_add(&c->watch, metrics->daemon->loop, fd, POLLIN, client_event, c, NULL) < 0)
        client_free(c);
}

/* "ADDRESS:PORT" or "[ADDRESS]:PORT", as the configuration has checked it. */
static char *host_of(const char *endpoint, const char **port_r)
{
    bool bracket = endpoint[0] == '[';
    const char *colon = strrchr(endpoint, ':');
    *port_r = colon + 1;
    return g_strndup(endpoint + bracket, (gsize)(colon - endpoint) - 2 * bracket);
}

int dpl_metrics_prepare(const struct dpl_daemon *daemon, const struct dpl_conf *conf, int *fd_r,
                        struct dpl_err *err)
{
    const char *endpoint = dpl_conf_text(conf, "daemon", "metrics"), *port;
    const struct dpl_listener *now = &daemon->metrics->listener;
    *fd_r = -1;
    if (strcmp(endpoint, "off") == 0)
        return DPL_OK;
    g_autofree char *host = host_of(endpoint, &port);
    if (now->fd >= 0 && strcmp(now->host, host) == 0 && strcmp(now->port, port) == 0)
        return DPL_OK;
    *fd_r = dpl_listen(host, port, CLIENTS_MAX, err);
    return *fd_r < 0 ? dpl_err_context(err, "[daemon] metrics") : DPL_OK;
}

int dpl_metrics_listen(struct dpl_daemon *daemon, int fd, struct dpl_err *err)
{
    struct dpl_metrics *metrics = daemon->metrics;
    const char *endpoint = dpl_conf_text(daemon->settings.conf, "daemon", "metrics"), *port;
    if (strcmp(endpoint, "off") == 0)
        dpl_listener_close(&metrics->listener);
    if (fd < 0)
        return DPL_OK;
    g_autofree char *host = host_of(endpoint, &port);
    return dpl_listener_take(&metrics->listener, fd, host, port, daemon->loop, on_connection,
                             metrics, err);
}

int dpl_metrics_begin(struct dpl_daemon *daemon, struct dpl_err *err)
{
    int fd;
    daemon->metrics = g_new0(struct dpl_metrics, 1);
    daemon->metrics->daemon = daemon;
    daemon->metrics->listener.fd = -1;
    daemon->metrics->clients = g_ptr_array_new();
    int rc = dpl_metrics_prepare(daemon, daemon->settings.conf, &fd, err);
    return rc < 0 ? rc : dpl_metrics_listen(daemon, fd, err);
}

void dpl_metrics_end(struct dpl_daemon *daemon)
{
    struct dpl_metrics *metrics = daemon->metrics;
    if (!metrics)
        return;
    while (metrics->clients->len > 0)
        client_free(metrics->clients->pdata[0]);
    dpl_listener_close(&metrics->listener);
    g_ptr_array_unref(metrics->clients);
    g_free(metrics);
    daemon->metrics = NULL;
}
