/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Stands for the parent's children in its own tests: by its name it is doppel-link, doppel-replica
 * or doppel-door. It says and does over the channel what the real one would, and notes what it was
 * told in the directory $DOPPEL_FAKE_DIR: NAME.start, and what a replica received in NAME.data. Its
 * door has no TLS: it tells the peer's hello as documents with a length in front.
 */
#include "lib/base/fd.h"
#include "lib/ctl/channel.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct dpl_channel *channel;
static const char *set_name = "none";
static int data_fd = -1;
static bool paused;
static int64_t bytes;

static _Noreturn void die(const char *why)
{
    fprintf(stderr, "fake: %s\n", why);
    _exit(1);
}

static void say(struct dpl_doc *doc, const int *fds, size_t count)
{
    struct dpl_err err = {0};
    if (dpl_channel_send(channel, doc, fds, count, &err) < 0)
        _exit(0);
    dpl_doc_free(doc);
}

static void note(const char *kind, const void *data, size_t size, int flags)
{
    g_autofree char *path = g_strdup_printf("%s/%s.%s", getenv("DOPPEL_FAKE_DIR"), set_name, kind);
    dpl_autofd int fd = open(path, O_WRONLY | O_CREAT | flags, 0600);
    dpl_fd_write_all(fd, data, size, NULL);
}

/* The next document of the channel, or NULL when there is none yet. */
static struct dpl_doc *next(void)
{
    struct dpl_doc *doc = NULL;
    return dpl_channel_receive(channel, &doc, NULL) < 0 ? (_exit(0), NULL) : doc;
}

static struct dpl_doc *wait_next(void)
{
    struct pollfd p = {.fd = DPL_CHANNEL_FD, .events = POLLIN};
    struct dpl_doc *doc;
    while (!(doc = next()))
        poll(&p, 1, -1);
    return doc;
}

static void say_status(void)
{
    struct dpl_doc *doc = dpl_doc_new(), *status = dpl_doc_set_tree(doc, "status");
    dpl_doc_set_int(status, "applied_lsn", paused ? 1 : 2);
    dpl_doc_set_int(status, "received_lsn", 2);
    dpl_doc_set_bool(status, "paused", paused);
    dpl_doc_set_bool(status, "consistent", data_fd >= 0);
    dpl_doc_set_int(status, "queue_bytes", paused ? 1 : 0);
    dpl_doc_set_int(status, "lag_ms", paused ? 120000 : 5);
    dpl_doc_set_int(status, "received_bytes", bytes);
    say(doc, NULL, 0);
}

static void command(const struct dpl_doc *doc)
{
    const char *name = dpl_doc_text(doc, "command");
    struct dpl_doc *result = dpl_doc_new();
    if (strcmp(name, "resume") == 0 && !paused)
        die("told to go on where nothing is paused");
    dpl_doc_set_int(result, "result", dpl_doc_int(doc, "id", 0));
    if (strcmp(name, "pause") == 0 || strcmp(name, "resume") == 0) {
        paused = name[0] == 'p';
        dpl_doc_set_int(result, "code", 0);
        dpl_doc_set_text(dpl_doc_set_tree(result, "answer"), "did", name);
    } else {
        dpl_doc_set_int(result, "code", DPL_E_UNSUPPORTED);
        dpl_doc_set_text(result, "text", "not in this fake");
    }
    say_status();
    say(result, NULL, 0);
}

static void engine_told(const struct dpl_doc *doc)
{
    if (dpl_doc_get(doc, "start")) {
        g_autofree char *json = dpl_doc_to_json(doc, true);
        struct dpl_doc *ready = dpl_doc_new();
        note("start", json, strlen(json), O_TRUNC);
        dpl_doc_set_bool(ready, "ready", true);
        say(ready, NULL, 0);
    }
    if (dpl_doc_get(doc, "connected")) {
        dpl_fd_clear(&data_fd);
        data_fd = dpl_channel_take_fd(channel);
        if (dpl_fd_write_all(data_fd, "hello\n", 6, NULL) < 0)
            dpl_fd_clear(&data_fd);
    }
    if (dpl_doc_get(doc, "disconnected"))
        dpl_fd_clear(&data_fd);
    if (dpl_doc_text(doc, "command"))
        command(doc);
    say_status();
}

static void engine_data(void)
{
    char text[4096];
    ssize_t n = read(data_fd, text, sizeof text);
    if (n <= 0) {
        dpl_fd_clear(&data_fd);
        return;
    }
    bytes += n;
    note("data", text, (size_t)n, O_APPEND);
    say_status();
}

static void engine(void)
{
    for (;;) {
        struct pollfd p[] = {{.fd = DPL_CHANNEL_FD, .events = POLLIN},
                             {.fd = data_fd, .events = POLLIN}};
        if (poll(p, 2, -1) < 0)
            _exit(1);
        if (p[1].revents)
            engine_data();
        for (struct dpl_doc *doc; (doc = next()); dpl_doc_free(doc))
            engine_told(doc);
    }
}

static void put_hello(int tcp, const char *site, const struct dpl_doc *ours)
{
    g_autoptr(dpl_doc_auto) hello = dpl_doc_copy(ours);
    g_autofree uint8_t *data = NULL;
    size_t size;
    dpl_doc_set_text(hello, "site", site);
    dpl_doc_encode(hello, &data, &size, NULL);
    uint32_t length = htonl((uint32_t)size);
    if (dpl_fd_write_all(tcp, &length, sizeof length, NULL) < 0 ||
        dpl_fd_write_all(tcp, data, size, NULL) < 0)
        die("the peer is gone");
}

/* The peer's hello, told to the parent. */
static void take_hello(int tcp)
{
    uint32_t length = 0;
    uint8_t data[4096];
    struct dpl_doc *hello, *doc = dpl_doc_new();
    if (dpl_fd_read_full(tcp, &length, sizeof length, NULL) != sizeof length ||
        ntohl(length) > sizeof data ||
        dpl_fd_read_full(tcp, data, ntohl(length), NULL) != (ssize_t)ntohl(length) ||
        dpl_doc_decode(data, ntohl(length), &hello, NULL) < 0)
        die("the peer is gone");
    dpl_doc_set(doc, "peer", hello);
    say(doc, NULL, 0);
}

static int connect_to(const struct dpl_doc *start)
{
    struct sockaddr_in to = {.sin_family = AF_INET};
    int tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const char *address = dpl_doc_as_text(dpl_doc_at(dpl_doc_list(start, "addresses"), 0));
    char host[64] = "";
    unsigned port = 0;
    if (!address || sscanf(address, "%63[^:]:%u", host, &port) != 2)
        die("no address");
    to.sin_port = htons((uint16_t)port);
    inet_pton(AF_INET, host, &to.sin_addr);
    if (connect(tcp, (struct sockaddr *)&to, sizeof to) < 0) {
        struct dpl_doc *doc = dpl_doc_new();
        dpl_doc_set_text(doc, "failed", "the other site does not answer");
        say(doc, NULL, 0);
        _exit(1);
    }
    return tcp;
}

static void relay(int a, int b)
{
    char text[4096];
    for (;;) {
        struct pollfd p[] = {{.fd = a, .events = POLLIN},
                             {.fd = b, .events = POLLIN},
                             {.fd = DPL_CHANNEL_FD, .events = POLLIN}};
        poll(p, 3, -1);
        if (p[2].revents)
            dpl_doc_free(next());
        for (int i = 0; i < 2; i++) {
            ssize_t n = p[i].revents ? read(i ? b : a, text, sizeof text) : 1;
            if (n <= 0 || (p[i].revents && dpl_fd_write_all(i ? a : b, text, (size_t)n, NULL) < 0))
                _exit(0);
        }
    }
}

static void door(void)
{
    g_autoptr(dpl_doc_auto) doc = wait_next();
    const struct dpl_doc *start = dpl_doc_tree(doc, "start");
    const char *site = dpl_doc_text(start, "site");
    bool connects = strcmp(dpl_doc_text(start, "how"), "connect") == 0;
    int tcp = connects ? connect_to(start) : dpl_channel_take_fd(channel);
    if (connects)
        put_hello(tcp, site, dpl_doc_tree(start, "hello"));
    take_hello(tcp);
    g_autoptr(dpl_doc_auto) go = wait_next();
    int data = dpl_channel_take_fd(channel);
    if (!dpl_doc_get(go, "go") || data < 0)
        _exit(0);
    if (!connects)
        put_hello(tcp, site, dpl_doc_tree(go, "hello"));
    relay(tcp, data);
}

int main(int argc, char **argv)
{
    channel = dpl_channel_new(DPL_CHANNEL_FD);
    for (int i = 1; i + 1 < argc; i++)
        if (strcmp(argv[i], "--set") == 0)
            set_name = argv[i + 1];
    if (g_str_has_suffix(argv[0], "doppel-door"))
        door();
    engine();
}
