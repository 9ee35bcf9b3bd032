/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Figures for Prometheus: text over HTTP on a local port. One request a connection, bounded in
 * size, number and time; whatever is asked for, the answer is the figures.
 */
#include "daemon/parent/daemon.h"
#include "daemon/parent/log.h"
#include "lib/base/clock.h"
#include "lib/base/fd.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CLIENTS_MAX = 8, CLIENT_MS = 5000, REQUEST_BYTES = 4096 };

struct dpl_metrics {
    struct dpl_daemon *daemon;
    int fd;
    struct dpl_watch watch;
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

static void figure(GString *out, const char *name, const char *set, int64_t value)
{
    g_string_append_printf(out, "doppel_%s{set=\"%s\"} %lld\n", name, set, (long long)value);
}

/* Every integer and boolean that the engine says. */
static void engine_figures(GString *out, const struct dpl_set *set)
{
    for (size_t i = 0; i < dpl_doc_count(set->status); i++) {
        const struct dpl_doc *value = dpl_doc_at(set->status, i);
        g_autofree char *name = g_strdup_printf("engine_%s", dpl_doc_key(value));
        for (char *p = name; *p; p++)
            if (!g_ascii_isalnum(*p))
                *p = '_';
        if (dpl_doc_kind(value) == DPL_DOC_INTEGER)
            figure(out, name, set->name, dpl_doc_as_int(value, 0));
        else if (dpl_doc_kind(value) == DPL_DOC_BOOLEAN)
            figure(out, name, set->name, dpl_doc_as_bool(value, false));
    }
}

static GString *figures(const struct dpl_daemon *daemon)
{
    GString *out = g_string_new(NULL);
    int64_t up_ns = dpl_clock_now_ns(&dpl_clock_system) - daemon->started_ns;
    g_string_append_printf(out, "doppel_info{site=\"%s\",node=\"%s\",version=\"%s\"} 1\n",
                           daemon->settings.site, daemon->settings.node, PACKAGE_VERSION);
    g_string_append_printf(out, "doppel_uptime_seconds %lld\n", (long long)(up_ns / 1000000000));
    for (guint i = 0; i < daemon->sets->len; i++) {
        const struct dpl_set *set = daemon->sets->pdata[i];
        for (enum dpl_set_state s = 0; s < DPL_SET_STATES; s++)
            g_string_append_printf(out, "doppel_state{set=\"%s\",state=\"%s\"} %d\n", set->name,
                                   dpl_set_state_text(s), set->state == s);
        figure(out, "connected", set->name, set->connected);
        figure(out, "engine_running", set->name, dpl_child_running(set->engine));
        figure(out, "engine_starts", set->name, dpl_child_starts(set->engine));
        if (set->capture.wanted)
            figure(out, "capture_serving", set->name, set->capture.state == DPL_CAPSTAT_IS_SERVING);
        engine_figures(out, set);
    }
    return out;
}

static void begin_answer(struct client *c)
{
    GString *body = figures(c->metrics->daemon);
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
    int fd = accept4(metrics->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
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
static int listen_at(const char *endpoint, struct dpl_err *err)
{
    struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICHOST | AI_NUMERICSERV,
                             .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    bool bracket = endpoint[0] == '[';
    const char *colon = strrchr(endpoint, ':');
    g_autofree char *host = g_strndup(endpoint + bracket, (gsize)(colon - endpoint) - 2 * bracket);
    int one = 1;
    if (getaddrinfo(host, colon + 1, &hints, &found) != 0)
        return dpl_err_set(err, DPL_E_CONFIG, "[daemon] metrics: \"%s\" is not an address", host);
    dpl_autofd int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int rc = fd < 0 ? -1 : setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (rc == 0)
        rc = bind(fd, found->ai_addr, found->ai_addrlen);
    if (rc == 0)
        rc = listen(fd, CLIENTS_MAX);
    int saved = errno;
    freeaddrinfo(found);
    return rc < 0 ? dpl_err_sys(err, saved, "listen on %s for metrics", endpoint)
                  : dpl_fd_steal(&fd);
}

int dpl_metrics_begin(struct dpl_daemon *daemon, struct dpl_err *err)
{
    const char *endpoint = dpl_conf_text(daemon->settings.conf, "daemon", "metrics");
    if (strcmp(endpoint, "off") == 0)
        return DPL_OK;
    int fd = listen_at(endpoint, err);
    if (fd < 0)
        return fd;
    daemon->metrics = g_new0(struct dpl_metrics, 1);
    daemon->metrics->daemon = daemon;
    daemon->metrics->fd = fd;
    daemon->metrics->clients = g_ptr_array_new();
    return dpl_watch_add(&daemon->metrics->watch, daemon->loop, fd, POLLIN, on_connection,
                         daemon->metrics, err);
}

void dpl_metrics_end(struct dpl_daemon *daemon)
{
    struct dpl_metrics *metrics = daemon->metrics;
    if (!metrics)
        return;
    while (metrics->clients->len > 0)
        client_free(metrics->clients->pdata[0]);
    dpl_watch_remove(&metrics->watch);
    dpl_fd_clear(&metrics->fd);
    g_ptr_array_unref(metrics->clients);
    g_free(metrics);
    daemon->metrics = NULL;
}
