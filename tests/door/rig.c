/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/door/rig.h"

#include "lib/tls/site.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WAIT_MS = 120000, DATA_BYTES = 4 << 20 };

bool rig_network(void)
{
    struct ifreq request = {.ifr_name = "lo"};
    if (geteuid() != 0 || unshare(CLONE_NEWNET) < 0)
        return false;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    request.ifr_flags = IFF_UP | IFF_RUNNING;
    bool up = fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &request) == 0;
    close(fd);
    return up;
}

void rig_side_make(struct rig_side *side, const char *dir, const char *name, int age_days)
{
    struct dpl_err err = {0};
    *side = (struct rig_side){.name = name, .knows = dpl_doc_new()};
    side->key_path = g_strdup_printf("%s/%s/node.key", unit_tempdir(), dir);
    side->cert_path = g_strdup_printf("%s/%s/node.crt", unit_tempdir(), dir);
    struct dpl_keys_at at = {side->key_path, side->cert_path};
    int64_t then_s = (int64_t)time(NULL) - (int64_t)age_days * 86400;
    if (dpl_keys_init(&at, name, "n1", then_s, &err) < 0 ||
        dpl_keys_load(&at, &side->keys, &err) < 0) {
        printf("%s\n", err.text);
        abort();
    }
}

void rig_side_done(struct rig_side *side)
{
    dpl_keys_clear(&side->keys);
    dpl_doc_free(side->knows);
    g_free(side->key_path);
    g_free(side->cert_path);
}

void rig_trust(struct rig_side *side, const struct rig_side *other)
{
    g_autoptr(dpl_doc_auto) offer = NULL;
    g_autoptr(dpl_doc_auto) waiting = NULL;
    struct dpl_doc *site = NULL;
    g_assert(dpl_site_offer(other->keys.site_cert, NULL, &offer, NULL) == 0);
    g_assert(dpl_site_take_offer(NULL, offer, &waiting, NULL) == 1);
    g_assert(dpl_site_confirm(waiting, dpl_doc_text(offer, "key"), 1, &site, NULL) == 0);
    dpl_doc_set(side->knows, other->name, site);
}

int rig_listen(uint16_t *port_r)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof in;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_assert(fd >= 0 && bind(fd, (struct sockaddr *)&in, sizeof in) == 0 && listen(fd, 64) == 0);
    g_assert(getsockname(fd, (struct sockaddr *)&in, &size) == 0);
    *port_r = ntohs(in.sin_port);
    return fd;
}

/* Says what a door said instead of what was wanted, and ends the test. */
static void not_wanted(const struct dpl_doc *doc)
{
    const char *why = dpl_doc_text(doc, "failed");
    printf("a door failed: %s\n", why ? why : doc ? "it said something else" : "it ended");
    exit(1);
}

int rig_accept(int listener, struct rig_door *connector)
{
    struct pollfd p[2] = {
        {.fd = listener, .events = POLLIN},
        {.fd = connector ? dpl_channel_fd(connector->channel) : -1, .events = POLLIN}};
    g_assert(poll(p, 2, WAIT_MS) > 0);
    if (!p[0].revents)
        not_wanted(rig_door_read(connector));
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    g_assert(fd >= 0);
    return fd;
}

int rig_connect(uint16_t port)
{
    struct sockaddr_in in = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_assert(fd >= 0 && connect(fd, (struct sockaddr *)&in, sizeof in) == 0);
    return fd;
}

struct dpl_doc *rig_start(const struct rig_side *side, const char *how)
{
    struct dpl_doc *doc = dpl_doc_new(), *start = dpl_doc_set_tree(doc, "start");
    dpl_doc_set_text(start, "how", how);
    dpl_doc_set_text(start, "site", side->name);
    dpl_doc_set_text(start, "node", "n1");
    dpl_doc_set_text(start, "user", "65534");
    dpl_doc_set_text(start, "key", side->key_path);
    dpl_doc_set_text(start, "cert", side->cert_path);
    dpl_doc_set(start, "sites", dpl_doc_copy(side->knows));
    dpl_doc_set_text(start, "site_cert", side->keys.site_cert);
    dpl_doc_set_text(start, "address", "the test");
    return doc;
}

void rig_start_connect(struct dpl_doc *doc, const char *peer, uint16_t port, const char *direction)
{
    struct dpl_doc *start = dpl_doc_get_mutable(doc, "start");
    dpl_doc_set_text(start, "host", "127.0.0.1");
    dpl_doc_set_int(start, "port", port);
    dpl_doc_set_text(start, "peer", peer);
    struct dpl_doc *hello = dpl_doc_set_tree(start, "hello");
    dpl_doc_set_text(hello, "set", "mail");
    dpl_doc_set_text(hello, "direction", direction);
    dpl_doc_set_int(hello, "generation", 3);
    if (strcmp(direction, "talk") == 0)
        dpl_doc_set_text(dpl_doc_set_tree(start, "ask"), "ask", "state");
}

static void become_door(int channel)
{
    const char *program = getenv("DPL_DOOR");
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (channel == DPL_CHANNEL_FD)
        fcntl(channel, F_SETFD, 0);
    else
        dup2(channel, DPL_CHANNEL_FD);
    if (!program)
        program = "daemon/priv/doppel-door";
    execl(program, "doppel-door", (char *)NULL);
    _exit(127);
}

void rig_door_start(struct rig_door *door, struct dpl_doc *start, int tcp)
{
    int ends[2];
    *door = (struct rig_door){.data = -1};
    g_assert(dpl_channel_pair(ends, NULL) == 0);
    door->pid = fork();
    g_assert(door->pid >= 0);
    if (door->pid == 0)
        become_door(ends[1]);
    close(ends[1]);
    door->channel = dpl_channel_new(ends[0]);
    g_assert(dpl_channel_send(door->channel, start, &tcp, tcp >= 0, NULL) == 0);
    dpl_doc_free(start);
}

struct dpl_doc *rig_door_read(struct rig_door *door)
{
    for (;;) {
        struct dpl_doc *doc = NULL;
        struct pollfd p = {.fd = dpl_channel_fd(door->channel), .events = POLLIN};
        g_assert(poll(&p, 1, WAIT_MS) == 1);
        int rc = dpl_channel_receive(door->channel, &doc, NULL);
        if (rc < 0)
            return NULL;
        if (rc > 0 && !dpl_doc_get(doc, "stats") && !dpl_doc_get(doc, "reached"))
            return doc;
        dpl_doc_free(doc);
    }
}

bool rig_door_go(struct rig_door *door)
{
    int ends[2], size = DATA_BYTES;
    g_autoptr(dpl_doc_auto) go = dpl_doc_new();
    g_assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0);
    setsockopt(ends[0], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size);
    setsockopt(ends[1], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size);
    dpl_doc_set_bool(go, "go", true);
    dpl_doc_set_int(dpl_doc_set_tree(go, "hello"), "generation", 5);
    bool sent = dpl_channel_send(door->channel, go, &ends[1], 1, NULL) == 0;
    close(ends[1]);
    if (sent)
        door->data = ends[0];
    else
        close(ends[0]);
    return sent;
}

int rig_door_wait(struct rig_door *door)
{
    int status = -1;
    waitpid(door->pid, &status, 0);
    dpl_channel_free(door->channel);
    if (door->data >= 0)
        close(door->data);
    door->channel = NULL;
    door->data = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

void rig_door_kill(struct rig_door *door)
{
    kill(door->pid, SIGKILL);
    rig_door_wait(door);
}

/* The peer that a door names; prints what it says instead. */
static void expect_peer(struct rig_door *door)
{
    g_autoptr(dpl_doc_auto) doc = rig_door_read(door);
    if (!dpl_doc_tree(doc, "peer"))
        not_wanted(doc);
}

void rig_pair_start(struct rig_pair *pair, const struct rig_side *a, const struct rig_side *b,
                    unsigned compression)
{
    uint16_t port;
    int listener = rig_listen(&port);
    struct dpl_doc *connect = rig_start(b, "connect"), *accept = rig_start(a, "accept");
    rig_start_connect(connect, a->name, port, "send");
    dpl_doc_set_int(dpl_doc_get_mutable(connect, "start"), "compression", compression);
    dpl_doc_set_int(dpl_doc_get_mutable(accept, "start"), "compression", compression);
    rig_door_start(&pair->connector, connect, -1);
    int tcp = rig_accept(listener, &pair->connector);
    rig_door_start(&pair->acceptor, accept, tcp);
    close(tcp);
    close(listener);
    expect_peer(&pair->acceptor);
    g_assert(rig_door_go(&pair->acceptor));
    expect_peer(&pair->connector);
    g_assert(rig_door_go(&pair->connector));
}

void rig_pair_done(struct rig_pair *pair)
{
    rig_door_kill(&pair->acceptor);
    rig_door_kill(&pair->connector);
}
