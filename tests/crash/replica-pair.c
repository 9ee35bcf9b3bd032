/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * doppel-link and doppel-replica meet: a journal in segments at the one end grows by a model's
 * random ops, a replica at the other follows, and either is killed now and then.
 *
 *     replica-pair LINK REPLICA DIRECTORY
 *
 * This program is the daemon of both: it starts them again and joins them. In the end the replica
 * is what the model is, consistent, and both end cleanly. DPL_ROUNDS kills, by DPL_SEED.
 */
#include "lib/base/fd.h"
#include "tests/crash/replica-source.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { LINK, REPLICA, ENGINES };

static struct engine {
    const char *program;
    pid_t pid;
    struct dpl_channel *channel;
    struct dpl_doc *status;
    bool ready;
} engines[ENGINES];
static const char *dir;
static char journal_path[400];
static struct dpl_segments segments;
static size_t written;
static unsigned long kills, joins;

__attribute__((noreturn)) static void die(const char *what)
{
    printf("%s (kill %lu)\n", what, kills);
    for (int i = 0; i < ENGINES; i++) {
        g_autofree char *text =
            engines[i].status ? dpl_doc_to_json(engines[i].status, false) : NULL;
        printf("%s: %s\n", engines[i].program, text ? text : "-");
        if (engines[i].pid > 0)
            kill(engines[i].pid, SIGKILL);
    }
    exit(1);
}

static void send_link_start(struct dpl_channel *channel)
{
    g_autoptr(dpl_doc_auto) doc = dpl_doc_new();
    struct dpl_doc *start = dpl_doc_set_tree(doc, "start");
    dpl_doc_set_text(start, "set", "mail");
    dpl_doc_set_text(start, "journal", journal_path);
    dpl_doc_set_bool(start, "equal", true);
    if (dpl_channel_send(channel, doc, NULL, 0, NULL) < 0)
        die("the link cannot be started");
}

static void start(int which)
{
    struct engine *e = &engines[which];
    int ends[2];
    if (dpl_channel_pair(ends, NULL) < 0)
        die("no sockets");
    e->pid = fork();
    if (e->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (dup2(ends[1], DPL_CHANNEL_FD) < 0)
            _exit(99);
        execl(e->program, e->program, "--set", "mail", (char *)NULL);
        _exit(98);
    }
    dpl_fd_clear(&ends[1]);
    e->channel = dpl_channel_new(ends[0]);
    e->ready = false;
    if (which == LINK)
        send_link_start(e->channel);
    else
        source_send_start(e->channel, dir);
}

static void stop(int which, int sig)
{
    struct engine *e = &engines[which];
    int status;
    kill(e->pid, sig);
    if (waitpid(e->pid, &status, 0) != e->pid)
        die("waitpid");
    e->pid = 0;
    if (sig == SIGTERM && status != 0)
        die("an engine did not end cleanly");
    g_clear_pointer(&e->channel, dpl_channel_free);
    g_clear_pointer(&e->status, dpl_doc_free);
}

static const struct dpl_doc *status(int which)
{
    return dpl_doc_tree(engines[which].status, "status");
}

static void hear(int which)
{
    struct engine *e = &engines[which];
    for (;;) {
        g_autoptr(dpl_doc_auto) doc = NULL;
        int rc = dpl_channel_receive(e->channel, &doc, NULL);
        if (rc < 0)
            die("an engine went away");
        if (rc == 0)
            return;
        e->ready |= dpl_doc_bool(doc, "ready", false);
        if (dpl_doc_tree(doc, "status")) {
            dpl_doc_free(e->status);
            e->status = g_steal_pointer(&doc);
        }
    }
}

static void hear_all(int timeout_ms)
{
    struct pollfd p[ENGINES];
    for (int i = 0; i < ENGINES; i++)
        p[i] = (struct pollfd){.fd = dpl_channel_fd(engines[i].channel), .events = POLLIN};
    if (poll(p, ENGINES, timeout_ms) > 0)
        for (int i = 0; i < ENGINES; i++)
            hear(i);
}

/* When both are ready, with a new socket between them. */
static void join(void)
{
    int ends[ENGINES];
    for (;;) {
        const char *state = dpl_doc_text(status(REPLICA), "state");
        if (engines[LINK].ready && state && strcmp(state, "closed") != 0)
            break;
        hear_all(10000);
    }
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        die("no sockets");
    for (int i = 0; i < ENGINES; i++) {
        g_autoptr(dpl_doc_auto) doc = dpl_doc_new();
        dpl_doc_set_tree(doc, "connected");
        if (dpl_channel_send(engines[i].channel, doc, &ends[i], 1, NULL) < 0)
            die("the connection cannot be given");
        dpl_fd_clear(&ends[i]);
    }
    joins++;
}

static void write_journal(void)
{
    struct iovec iov = {source.bytes + written, source.size - written};
    if (iov.iov_len == 0)
        return;
    if (dpl_segments_append(&segments, written, &iov, 1, NULL) < 0)
        die("the journal cannot be written");
    written = source.size;
}

static void open_journal(void)
{
    static const struct dpl_segment_limits limits = {.segment_bytes = 64 << 20,
                                                     .max_bytes = 1ULL << 30};
    snprintf(journal_path, sizeof journal_path, "%s/journal", dir);
    mkdir(journal_path, 0700);
    int fd = open(journal_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dpl_segments_create(fd, &source.epoch, &limits, &dpl_segment_io_system, NULL) < 0 ||
        dpl_segments_open(&segments, fd, &source.epoch, &limits, &dpl_segment_io_system, 0, NULL) <
            0)
        die("no journal");
}

static int64_t now_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void follow_to_the_end(void)
{
    int64_t end = now_ms() + 180000;
    while (dpl_doc_int(status(REPLICA), "applied_lsn", -1) != (int64_t)source.size) {
        hear_all(1000);
        if (now_ms() > end)
            die("the replica does not follow");
    }
}

int main(int argc, char **argv)
{
    if (argc < 4)
        return 2;
    if (geteuid() != 0) {
        printf("SKIP: only root may set owners and open file handles\n");
        return 77;
    }
    umask(022);
    signal(SIGPIPE, SIG_IGN);
    engines[LINK].program = argv[1];
    engines[REPLICA].program = argv[2];
    dir = argv[3];
    struct rng r = rng_start(95);
    char path[500];
    for (int i = 0; i < MODEL_ROOTS; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, i ? "two" : "one");
        mkdir(path, 0755);
    }
    source_init(rng_next(&r));
    open_journal();
    write_journal();
    start(LINK);
    start(REPLICA);
    for (unsigned i = 0, n = rounds(30); i < n; i++) {
        join();
        for (unsigned k = rng_below(&r, 2 + 1500 / n); k > 0 && source_grow(); k--)
            if (rng_one_in(&r, 3)) {
                write_journal();
                hear_all(1);
            }
        write_journal();
        if (rng_one_in(&r, 5))
            follow_to_the_end();
        int which = rng_one_in(&r, 2) ? LINK : REPLICA;
        stop(which, SIGKILL);
        start(which);
        kills++;
    }
    join();
    follow_to_the_end();
    if (!dpl_doc_bool(status(REPLICA), "consistent", false))
        die("the replica is not consistent");
    if (!source_equal(&model, dir))
        die("the replica is not what the model is");
    stop(LINK, SIGTERM);
    stop(REPLICA, SIGTERM);
    printf("%lu kills, %lu joins, %zu bytes, %zu records\n", kills, joins, source.size,
           source.count);
    return 0;
}
