/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * doppel-replica is killed at random moments under load.
 *
 *     replica-kill PROGRAM DIRECTORY [DEVICE]
 *
 * This program is daemon and source in one: it starts PROGRAM with a channel, connects it, and
 * sends it the records of a model's random ops. After a random time it is killed by SIGKILL and
 * started again. With DEVICE, an ext4 that is mounted at DIRECTORY, the power of the disk is cut at
 * the same moment (nothing in memory reaches it) and it is mounted again.
 *
 * Demanded: what was acknowledged as durable is there, no position goes back within a session, the
 * replica needs no help to go on; when it has applied all that it holds, it is what the model was
 * there; and in the end what the model is. DPL_ROUNDS kills, by DPL_SEED. With REPLICA_FULL in the
 * environment the disk is filled for a while at first, which must be small.
 */
#include "lib/base/fd.h"
#include "lib/ctl/channel.h"
#include "lib/proto/frame.h"
#include "lib/proto/message.h"
#include "tests/crash/replica-source.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define EXT4_SHUTDOWN _IOR('X', 125, uint32_t)

static struct model past;
static uint64_t model_seed;

static struct {
    const char *program, *dir, *device;
    pid_t pid;
    struct dpl_channel *channel;
    int data;
    struct dpl_frame_in in;
    struct dpl_message last; /* the last ack */
    uint64_t sent, durable;  /* durable: the most that was acknowledged, ever */
    bool streaming;
    bool full; /* the disk is, on purpose: events are expected */
    unsigned events;
    unsigned budget; /* messages left for this life: the model's room is to last for all of them */
} rig;
static unsigned long kills, compared;

__attribute__((format(printf, 1, 2), noreturn)) static void die(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf(" (kill %lu)\n", kills);
    if (rig.pid > 0)
        kill(rig.pid, SIGKILL);
    exit(1);
}

static void on_nothing(void *self, const struct dpl_record *record)
{
    (void)self;
    (void)record;
}

static void path_of(char *path, size_t room, const char *name)
{
    snprintf(path, room, "%s/%s", rig.dir, name);
}

static void spawn(void)
{
    int ends[2], data[2];
    if (dpl_channel_pair(ends, NULL) < 0 ||
        socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, data) < 0)
        die("no sockets");
    rig.pid = fork();
    if (rig.pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (dup2(ends[1], DPL_CHANNEL_FD) < 0)
            _exit(99);
        execl(rig.program, rig.program, "--set", "mail", (char *)NULL);
        _exit(98);
    }
    dpl_fd_clear(&ends[1]);
    rig.channel = dpl_channel_new(ends[0]);
    source_send_start(rig.channel, rig.dir);
    rig.data = data[0];
    dpl_frame_in_init(&rig.in, DPL_FRAME_BODY_MAX);
    /* It opens the replica first; a connection before that would be refused. */
    for (bool open = false; !open;) {
        struct pollfd p = {.fd = dpl_channel_fd(rig.channel), .events = POLLIN};
        if (poll(&p, 1, 120000) <= 0)
            die("the replica does not come up");
        for (;;) {
            g_autoptr(dpl_doc_auto) doc = NULL;
            int rc = dpl_channel_receive(rig.channel, &doc, NULL);
            if (rc < 0)
                die("the replica went away");
            if (rc == 0)
                break;
            const struct dpl_doc *status = dpl_doc_tree(doc, "status");
            const char *state = dpl_doc_text(status, "state");
            const char *error = dpl_doc_text(status, "last_error");
            if (error)
                die("the replica says: %s", error);
            open |= state && strcmp(state, "closed") != 0;
        }
    }
    g_autoptr(dpl_doc_auto) doc = dpl_doc_new();
    dpl_doc_set_tree(doc, "connected");
    if (dpl_channel_send(rig.channel, doc, &data[1], 1, NULL) < 0)
        die("the connection cannot be given");
    dpl_fd_clear(&data[1]);
    rig.sent = 0;
    rig.streaming = false;
    rig.last = (struct dpl_message){0};
}

static void down(int sig)
{
    int status;
    kill(rig.pid, sig);
    if (waitpid(rig.pid, &status, 0) != rig.pid)
        die("waitpid");
    rig.pid = 0;
    dpl_channel_free(rig.channel);
    dpl_fd_clear(&rig.data);
    dpl_frame_in_done(&rig.in);
    if (sig == SIGKILL ? !WIFSIGNALED(status) : status != 0)
        die("it ended with status %x", (unsigned)status);
}

static void say(const struct dpl_message *m)
{
    uint8_t head[DPL_MESSAGE_HEAD_MAX];
    ssize_t n = dpl_message_encode_head(m, head, sizeof head, NULL);
    if (n < 0 || dpl_fd_write_all(rig.data, head, (size_t)n, NULL) < 0 ||
        (m->data.size > 0 && dpl_fd_write_all(rig.data, m->data.data, m->data.size, NULL) < 0))
        die("message %u cannot be sent", m->type);
}

static void take_state(const struct dpl_message *m)
{
    uint64_t from = m->has & DPL_M(EPOCH) ? m->durable : 0;
    if (from < rig.durable)
        die("durable was %llu and is %llu", (unsigned long long)rig.durable,
            (unsigned long long)from);
    size_t i = feed_index(from);
    if ((m->has & DPL_M(EPOCH)) && m->chain != source.chain[i])
        die("another digest at %llu", (unsigned long long)from);
    rig.sent = from;
    struct dpl_message epoch = {
        .type = DPL_MSG_EPOCH,
        .has = DPL_M(SET) | DPL_M(EPOCH) | DPL_M(EPOCH_ID) | DPL_M(PARENT_ID) | DPL_M(FS_UUID) |
               DPL_M(LSN) | DPL_M(CHAIN) | DPL_M(FLAGS),
        .set = dpl_view_text("mail"),
        .epoch = source.epoch.number,
        .epoch_id = {source.epoch.id, 16},
        .parent_id = {source.epoch.parent_id, 16},
        .fs_uuid = {source.epoch.fs_uuid, 16},
        .lsn = from,
        .chain = source.chain[i],
        .flags = m->has & DPL_M(EPOCH) ? 0 : DPL_EPOCH_EQUAL,
    };
    say(&epoch);
}

static void take_ack(const struct dpl_message *m)
{
    if (m->received > rig.sent || m->durable > m->received)
        die("it has received what was not sent");
    if (m->durable < rig.last.durable || m->received < rig.last.received ||
        m->applied < rig.last.applied || m->checkpoint < rig.last.checkpoint)
        die("a position went back");
    if (!(m->flags & DPL_STATE_CONSISTENT) && m->applied >= rig.durable && rig.durable > 0 &&
        m->applied == m->durable)
        die("it has applied everything and is not consistent (flags %u)", m->flags);
    rig.last = *m;
    if (m->durable > rig.durable)
        rig.durable = m->durable;
}

static void take(const struct dpl_message *m)
{
    switch (m->type) {
    case DPL_MSG_TARGET_STATE:
        take_state(m);
        break;
    case DPL_MSG_EPOCH_ANSWER:
        if (m->answer != DPL_ANSWER_ACCEPTED)
            die("the epoch is not accepted: %u", m->reason);
        rig.streaming = true;
        break;
    case DPL_MSG_ACK:
        take_ack(m);
        break;
    case DPL_MSG_HEARTBEAT:
        break;
    default:
        die("\"%s\" came: %.*s", dpl_message_text(m->type), (int)m->text.size,
            m->text.data ? (const char *)m->text.data : "");
    }
}

/* Hears for so long at most. */
static void hear(int timeout_ms)
{
    struct pollfd p[] = {{.fd = rig.data, .events = POLLIN},
                         {.fd = dpl_channel_fd(rig.channel), .events = POLLIN}};
    if (poll(p, 2, timeout_ms) <= 0)
        return;
    for (int rc = 1; rc > 0;) {
        g_autoptr(dpl_doc_auto) doc = NULL;
        rc = dpl_channel_receive(rig.channel, &doc, NULL);
        if (rc < 0)
            die("the replica went away");
        if (rc > 0 && getenv("REPLICA_VERBOSE")) {
            g_autofree char *text = dpl_doc_to_json(doc, false);
            printf("%s\n", text);
        }
        if (rc > 0 && dpl_doc_text(doc, "event"))
            rig.events++;
        if (rc > 0 && dpl_doc_text(doc, "event") && !rig.full)
            die("event: %s %s", dpl_doc_text(doc, "event"), dpl_doc_text(doc, "text"));
    }
    uint8_t *at;
    size_t room;
    struct dpl_frame f;
    struct dpl_message m;
    if (dpl_frame_in_room(&rig.in, &at, &room, NULL) < 0)
        die("no room");
    ssize_t n = recv(rig.data, at, room, MSG_DONTWAIT);
    if (n == 0)
        die("the connection ended");
    if (n < 0)
        return;
    dpl_frame_in_added(&rig.in, (size_t)n);
    while (dpl_frame_in_next(&rig.in, &f, NULL) > 0) {
        if (dpl_message_decode(&m, f.type, f.body.data, f.body.size, NULL) < 0)
            die("it sent nonsense");
        take(&m);
    }
}

/* A few whole steps of the model in one message. */
static void send_some(struct rng *r)
{
    size_t step = 0;
    while (step < steps.count && steps.at[step + 1] <= rig.sent)
        step++;
    step += 1 + rng_below(r, 3);
    rig.budget--;
    while (steps.count < step && source_grow())
        ;
    if (step > steps.count)
        step = steps.count;
    size_t i = feed_index(rig.sent);
    if (steps.at[step] <= rig.sent)
        return;
    struct dpl_message m = {.type = DPL_MSG_RECORDS,
                            .has = DPL_M(EPOCH_TAG) | DPL_M(LSN) | DPL_M(CHAIN) | DPL_M(DATA),
                            .epoch_tag = dpl_epoch_tag(&source.epoch),
                            .lsn = rig.sent,
                            .chain = source.chain[i],
                            .data = {source.bytes + rig.sent, steps.at[step] - rig.sent}};
    say(&m);
    rig.sent = steps.at[step];
    struct dpl_message beat = {.type = DPL_MSG_HEARTBEAT,
                               .has = DPL_M(TIME) | DPL_M(EPOCH_TAG) | DPL_M(HEAD) | DPL_M(SYNCED),
                               .epoch_tag = m.epoch_tag,
                               .head = rig.sent,
                               .synced = rig.durable};
    say(&beat);
}

static int64_t now_us(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static void compare(struct model *m, const char *when)
{
    if (!source_equal(m, rig.dir))
        die("%s the replica is not what the model was", when);
}

/* Everything that was sent is applied. */
static void settle(void)
{
    int64_t end = now_us() + 60000000;
    while (!rig.streaming || rig.last.applied < rig.sent) {
        hear(1000);
        if (now_us() > end)
            die("it does not apply: %llu of %llu", (unsigned long long)rig.last.applied,
                (unsigned long long)rig.sent);
    }
}

/* After a restart, before anything new is sent: a prefix, exactly. */
static void check_prefix(void)
{
    size_t step = 0;
    settle();
    while (step < steps.count && steps.at[step] < rig.sent)
        step++;
    if (steps.at[step] != rig.sent)
        return;
    memset(&past, 0, sizeof past);
    past.emit = on_nothing;
    model_init(&past, model_seed);
    for (size_t i = 0; i < step; i++)
        model_step(&past);
    compare(&past, "after a crash");
    model_done(&past);
    compared++;
}

static void power_cut(void)
{
    uint32_t flag = 2; /* without flushing the journal */
    int fd = open(rig.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || ioctl(fd, EXT4_SHUTDOWN, &flag) < 0)
        die("the power cannot be cut: %s", strerror(errno));
    dpl_fd_clear(&fd);
    down(SIGKILL);
    if (umount2(rig.dir, 0) < 0 || mount(rig.device, rig.dir, "ext4", 0, "") < 0)
        die("mount: %s", strerror(errno));
}

static void one_life(struct rng *r)
{
    rig.budget = 1 + rng_below(r, 1 + 1200 / rounds(100));
    spawn();
    int64_t end = now_us() + 500 + rng_below(r, rng_one_in(r, 4) ? 150000 : 20000);
    bool check = rng_one_in(r, 4);
    while (now_us() < end || (check && !rig.streaming)) {
        hear(rng_below(r, 2) ? 0 : 1);
        if (rig.streaming && check) {
            check_prefix();
            check = false;
            end = now_us() + 500 + rng_below(r, 20000);
        }
        if (rig.streaming && rig.budget > 0)
            send_some(r);
    }
    if (rig.device)
        power_cut();
    else
        down(SIGKILL);
    kills++;
}

/* Takes all the room that the disk has, or gives it back. */
static void hog(bool take)
{
    char path[400];
    path_of(path, sizeof path, "hog");
    if (!take) {
        unlink(path);
        return;
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    off_t at = 0;
    for (off_t size = 64 << 20; fd >= 0 && size >= 4096;)
        if (posix_fallocate(fd, at, size) == 0)
            at += size;
        else
            size /= 2;
    dpl_fd_clear(&fd);
}

/* The disk is full for a while: applying waits, nothing is lost, and goes on by itself. */
static void full_disk(struct rng *r)
{
    spawn();
    while (!rig.streaming)
        hear(1000);
    rig.full = true;
    rig.budget = UINT32_MAX;
    for (int i = 0; i < 30; i++)
        send_some(r);
    settle();
    hog(true);
    while (rig.events == 0 && source_grow()) {
        send_some(r);
        hear(1);
    }
    if (rig.events == 0)
        die("a full disk was not noticed");
    uint64_t stopped = rig.last.applied;
    for (int i = 0; i < 100; i++) {
        send_some(r);
        hear(1);
    }
    if (rig.last.flags & DPL_STATE_CONSISTENT && rig.last.applied < rig.sent)
        die("it is said to be consistent while a record is half applied");
    hog(false);
    settle();
    compare(&model, "after a full disk");
    printf("full at %llu of %llu\n", (unsigned long long)stopped, (unsigned long long)rig.sent);
    down(SIGTERM);
    rig.full = false;
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    if (geteuid() != 0) {
        printf("SKIP: only root may set owners and open file handles\n");
        return 77;
    }
    umask(022);
    signal(SIGPIPE, SIG_IGN);
    rig.program = argv[1];
    rig.dir = argv[2];
    rig.device = argv[3];
    struct rng r = rng_start(91);
    char path[400];
    path_of(path, sizeof path, "one");
    mkdir(path, 0755);
    path_of(path, sizeof path, "two");
    mkdir(path, 0755);
    model_seed = rng_next(&r);
    source_init(model_seed);
    if (rig.device)
        sync();
    if (getenv("REPLICA_FULL"))
        full_disk(&r);
    for (unsigned i = 0, n = rounds(100); i < n; i++)
        one_life(&r);
    spawn();
    while (!rig.streaming)
        hear(1000);
    rig.budget = UINT32_MAX;
    while (rig.sent < source.size) {
        send_some(&r);
        hear(0);
    }
    settle();
    compare(&model, "in the end");
    if (!(rig.last.flags & DPL_STATE_CONSISTENT))
        die("in the end it is not consistent");
    down(SIGTERM);
    printf("%lu kills, %zu bytes, %zu records, %lu prefixes compared\n", kills, source.size,
           source.count, compared);
    return 0;
}
