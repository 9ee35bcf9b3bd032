/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Two engines as their daemons would run them: doppel-link and doppel-replica, each with a channel,
 * and a connection between them that is made whenever the link asks.
 *
 *     pair LINK REPLICA JOURNAL ROOT TARGET-ROOT SEED
 *
 * ROOT is the source's root as the journal names it. Each line on standard input is an order:
 *
 *     cut       the connection ends
 *     link, replica     that engine is killed (SIGKILL) and started again
 *     settle    waits until the target has applied, in a checkpoint or not, all that the journal
 * has quit      both are stopped cleanly, and this ends with 0
 *
 * Answers each with a line ("ok", or what went wrong). Ends with 1 when settle does not come.
 */
#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/ctl/channel.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECOND_NS INT64_C(1000000000)

struct engine {
    const char *name, *program;
    pid_t pid;
    struct dpl_channel *channel;
    struct dpl_doc *start, *status;
    bool ready, wants;
};

static struct engine link_engine = {.name = "link"}, replica_engine = {.name = "replica"};
static unsigned connections, starts;

static void die(const char *what)
{
    printf("pair: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void engine_start(struct engine *e)
{
    int ends[2];
    if (dpl_channel_pair(ends, NULL) < 0)
        die("channel");
    e->pid = fork();
    if (e->pid < 0)
        die("fork");
    if (e->pid == 0) {
        if (dup2(ends[1], DPL_CHANNEL_FD) != DPL_CHANNEL_FD)
            _exit(99);
        (void)close_range(DPL_CHANNEL_FD + 1, ~0U, 0);
        (void)close(0);
        execl(e->program, e->name, "--set", "test", NULL);
        _exit(98);
    }
    close(ends[1]);
    e->channel = dpl_channel_new(ends[0]);
    e->ready = e->wants = false;
    starts++;
    if (dpl_channel_send(e->channel, e->start, NULL, 0, NULL) < 0)
        die("start");
}

static int engine_end(struct engine *e, int how)
{
    int status = 0;
    if (kill(e->pid, how) < 0 || waitpid(e->pid, &status, 0) != e->pid)
        die(e->name);
    g_clear_pointer(&e->channel, dpl_channel_free);
    return WIFEXITED(status) ? WEXITSTATUS(status) : how == SIGKILL ? 0 : 1;
}

static void say(struct engine *e, struct dpl_doc *doc, int fd)
{
    struct dpl_err err;
    if (dpl_channel_send(e->channel, doc, &fd, fd >= 0, &err) < 0)
        printf("pair: %s: %s\n", e->name, err.text);
    dpl_doc_free(doc);
}

static struct dpl_doc *connected_doc(void)
{
    struct dpl_doc *doc = dpl_doc_new(), *peer = dpl_doc_set_tree(doc, "connected");
    dpl_doc_set_int(peer, "version", 1);
    dpl_doc_set_text(peer, "site", "other");
    return doc;
}

/* When both are ready and the link asks: a socket between them. */
static void connect_both(void)
{
    int ends[2];
    if (!link_engine.ready || !replica_engine.ready || !link_engine.wants)
        return;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        die("socket");
    say(&replica_engine, connected_doc(), ends[1]);
    say(&link_engine, connected_doc(), ends[0]);
    close(ends[0]);
    close(ends[1]);
    link_engine.wants = false;
    connections++;
}

static void hear(struct engine *e)
{
    for (;;) {
        g_autoptr(dpl_doc_auto) doc = NULL;
        struct dpl_err err;
        int rc = dpl_channel_receive(e->channel, &doc, &err);
        if (rc == 0)
            return;
        if (rc < 0) {
            printf("pair: the %s ended by itself: %s\n", e->name, err.text);
            exit(1);
        }
        if (dpl_doc_get(doc, "ready"))
            e->ready = e->wants = true;
        if (dpl_doc_get(doc, "connect"))
            e->wants = true;
        if (dpl_doc_text(doc, "event"))
            fprintf(stderr, "%s: %s: %s\n", e->name, dpl_doc_text(doc, "event"),
                    dpl_doc_text(doc, "text"));
        if (dpl_doc_tree(doc, "status")) {
            dpl_doc_free(e->status);
            e->status = dpl_doc_copy(dpl_doc_tree(doc, "status"));
        }
    }
}

/* Waits for anything, at most so long. Whether standard input has something. */
static bool turn(int timeout_ms)
{
    struct pollfd p[3] = {{.fd = dpl_channel_fd(link_engine.channel), .events = POLLIN},
                          {.fd = dpl_channel_fd(replica_engine.channel), .events = POLLIN},
                          {.fd = 0, .events = POLLIN}};
    if (poll(p, 3, timeout_ms) < 0)
        die("poll");
    if (p[0].revents)
        hear(&link_engine);
    if (p[1].revents)
        hear(&replica_engine);
    connect_both();
    return p[2].revents != 0;
}

/* All that the journal has is applied: said by two states of the link, one behind the other, so
 * that the journal has been looked at again. */
static bool settle(void)
{
    const struct dpl_clock *clock = &dpl_clock_system;
    int64_t end = dpl_clock_now_ns(clock) + 120 * SECOND_NS, since = 0, applied = -1;
    while (dpl_clock_now_ns(clock) < end) {
        const struct dpl_doc *s = link_engine.status;
        int64_t sent = dpl_doc_int(s, "sent_lsn", -2), now = dpl_clock_now_ns(clock);
        bool all = dpl_doc_bool(s, "following", false) &&
                   dpl_doc_int(s, "applied_lsn", -3) == sent &&
                   dpl_doc_int(s, "durable_lsn", -4) == sent;
        if (!all || sent != applied)
            since = now;
        applied = sent;
        if (all && now - since > 3 * SECOND_NS) {
            printf("ok: %lld bytes of the journal are applied\n", (long long)sent);
            return true;
        }
        if (dpl_doc_bool(s, "mirror_needed", false)) {
            printf("pair: a mirror is needed: %s\n", dpl_doc_text(s, "mirror_reason"));
            break;
        }
        (void)turn(200);
    }
    g_autofree char *text = dpl_doc_to_json(link_engine.status, true);
    g_autofree char *other = dpl_doc_to_json(replica_engine.status, true);
    printf("pair: it does not settle: %s%s\n", text, other);
    return false;
}

static void cut(void)
{
    struct dpl_doc *doc = dpl_doc_new();
    dpl_doc_set_text(doc, "disconnected", "cut");
    say(rand() % 2 ? &link_engine : &replica_engine, doc, -1);
}

static void starts_make(const char *journal, const char *root, const char *target)
{
    struct dpl_doc *start;
    link_engine.start = dpl_doc_new();
    start = dpl_doc_set_tree(link_engine.start, "start");
    dpl_doc_set_text(start, "set", "test");
    dpl_doc_set_text(start, "journal", journal);
    dpl_doc_set_bool(start, "equal", true);
    replica_engine.start = dpl_doc_new();
    start = dpl_doc_set_tree(replica_engine.start, "start");
    dpl_doc_set_text(start, "set", "test");
    dpl_doc_set_text(start, "node", "here");
    dpl_doc_add_text(dpl_doc_set_list(start, "target_roots"), target);
    struct dpl_doc *map = dpl_doc_add_tree(dpl_doc_set_list(start, "map"));
    dpl_doc_set_text(map, "source", root);
    dpl_doc_set_text(map, "target", target);
    dpl_doc_set_int(start, "queue_max_bytes", INT64_C(1) << 30);
    dpl_doc_set_bool(start, "allow_setid", true);
    dpl_doc_set_bool(start, "allow_devices", true);
    dpl_doc_set_bool(start, "by_number", true);
}

static int quit(void)
{
    int rc = engine_end(&link_engine, SIGTERM);
    rc |= engine_end(&replica_engine, SIGTERM);
    printf("ok: %u connections, %u starts\n", connections, starts);
    return rc;
}

/* -1: go on; else the exit code. */
static int order(const char *line)
{
    if (strcmp(line, "quit") == 0)
        return quit();
    if (strcmp(line, "settle") == 0) {
        return settle() ? -1 : 1;
    } else if (strcmp(line, "cut") == 0) {
        cut();
    } else {
        struct engine *e = strcmp(line, "link") == 0 ? &link_engine : &replica_engine;
        (void)engine_end(e, SIGKILL);
        engine_start(e);
    }
    printf("ok\n");
    return -1;
}

int main(int argc, char **argv)
{
    char line[64];
    int code = -1;
    if (argc != 7)
        return 2;
    setvbuf(stdout, NULL, _IOLBF, 0);
    link_engine.program = argv[1];
    replica_engine.program = argv[2];
    srand((unsigned)atoi(argv[6]));
    starts_make(argv[3], argv[4], argv[5]);
    engine_start(&link_engine);
    engine_start(&replica_engine);
    while (code < 0) {
        if (!turn(1000))
            continue;
        ssize_t n = 0;
        /* An order at a time, unbuffered: poll tells of the next. */
        while (n < (ssize_t)sizeof line - 1 && read(0, line + n, 1) == 1 && line[n] != '\n')
            n++;
        line[n] = '\0';
        code = n == 0 ? quit() : order(line);
    }
    return code;
}
