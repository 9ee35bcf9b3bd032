/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/priv/relay.h"

#include "daemon/priv/pump.h"
#include "lib/base/clock.h"
#include "lib/base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#define NS_PER_MS 1000000LL

enum {
    STEPS = 32, /* between two looks at the sockets */
    STATS_MS = 2000,
    LINGER_MS = 2000,
};

struct relay {
    struct dpl_greet *greet;
    struct dpl_stream *stream;
    int engine_fd;
    bool engine_ended;
    struct dpl_pump in, out;
    int in_step, out_step; /* the last ones; one that waits is not tried before poll says so */
    int64_t stats_ns;
    uint64_t stats_bytes;
};

static ssize_t peer_read(void *self, void *data, size_t size, struct dpl_err *err)
{
    return dpl_stream_read(self, data, size, err);
}

static ssize_t peer_write(void *self, const struct iovec *parts, int count, struct dpl_err *err)
{
    (void)count; /* the second part comes with the next call */
    return dpl_stream_write(self, parts[0].iov_base, parts[0].iov_len, err);
}

static bool peer_ended(void *self)
{
    const struct dpl_stream *stream = self;
    return stream->peer_closed;
}

static ssize_t engine_read(void *self, void *data, size_t size, struct dpl_err *err)
{
    struct relay *relay = self;
    ssize_t n = recv(relay->engine_fd, data, size, MSG_DONTWAIT);
    if (n > 0)
        return n;
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    (void)err; /* an engine that died has ended, however it did */
    relay->engine_ended = true;
    return 0;
}

static ssize_t engine_write(void *self, const struct iovec *parts, int count, struct dpl_err *err)
{
    struct relay *relay = self;
    struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)parts,
                             .msg_iovlen = (size_t)count};
    ssize_t n = sendmsg(relay->engine_fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n >= 0)
        return n;
    if (errno == EAGAIN || errno == EINTR)
        return 0;
    relay->engine_ended = true;
    return dpl_err_set(err, DPL_E_NOT_RUNNING, "the engine ended");
}

static bool engine_ended(void *self)
{
    const struct relay *relay = self;
    return relay->engine_ended;
}

static void tell_stats(struct relay *relay)
{
    const struct dpl_codec *codec = &relay->out.codec;
    g_autoptr(dpl_doc_auto) doc = dpl_doc_new();
    struct dpl_doc *stats = dpl_doc_set_tree(doc, "stats");
    dpl_doc_set_int(stats, "sent_bytes", (int64_t)relay->stream->sent_bytes);
    dpl_doc_set_int(stats, "received_bytes", (int64_t)relay->stream->received_bytes);
    dpl_doc_set_int(stats, "plain_bytes", (int64_t)codec->plain_bytes);
    dpl_doc_set_int(stats, "packed_bytes", (int64_t)codec->packed_bytes);
    dpl_channel_send(relay->greet->channel, doc, NULL, 0, NULL); /* none is missed */
}

/* Milliseconds until figures are due; -1 while nothing has moved. */
static int stats_wait(struct relay *relay)
{
    uint64_t bytes = relay->stream->sent_bytes + relay->stream->received_bytes;
    int64_t now_ns = dpl_clock_now_ns(&dpl_clock_system);
    if (bytes == relay->stats_bytes)
        return -1;
    if (now_ns < relay->stats_ns)
        return dpl_clock_left_ms(&dpl_clock_system, relay->stats_ns);
    tell_stats(relay);
    relay->stats_bytes = bytes;
    relay->stats_ns = now_ns + STATS_MS * NS_PER_MS;
    return -1;
}

/* Reads what doppeld says: nothing but its end matters. */
static int look_at_channel(struct dpl_greet *greet, struct dpl_err *err)
{
    for (;;) {
        g_autoptr(dpl_doc_auto) doc = NULL;
        int rc = dpl_channel_receive(greet->channel, &doc, NULL);
        if (rc < 0)
            return dpl_err_set(err, DPL_E_INTERRUPTED, "doppeld ended");
        if (rc == 0)
            return DPL_OK;
    }
}

/* What the peer's socket is waited for. */
static short peer_events(const struct relay *relay, bool unsent)
{
    int events = 0;
    if (relay->in_step == DPL_PUMP_WAITS_READ)
        events |= POLLIN;
    if (relay->out_step == DPL_PUMP_WAITS_WRITE || unsent)
        events |= POLLOUT;
    return (short)events;
}

static short engine_events(const struct relay *relay)
{
    int events = 0;
    if (relay->in_step == DPL_PUMP_WAITS_WRITE)
        events |= POLLOUT;
    if (relay->out_step == DPL_PUMP_WAITS_READ)
        events |= POLLIN;
    return (short)events;
}

/* Whether what a pump waits for has come. */
static bool may_go_on(int step, short read_events, short write_events)
{
    short wake = POLLHUP | POLLERR;
    return (step == DPL_PUMP_WAITS_READ && (read_events & (POLLIN | wake))) ||
           (step == DPL_PUMP_WAITS_WRITE && (write_events & (POLLOUT | wake)));
}

static int look(struct relay *relay, bool moved, bool unsent, struct dpl_err *err)
{
    struct pollfd fds[3] = {
        {.fd = relay->stream->fd, .events = peer_events(relay, unsent)},
        {.fd = relay->engine_fd, .events = engine_events(relay)},
        {.fd = dpl_channel_fd(relay->greet->channel),
         .events = dpl_channel_wants_write(relay->greet->channel) ? POLLIN | POLLOUT : POLLIN}};
    int wait_ms = stats_wait(relay);
    int n = poll(fds, 3, moved ? 0 : wait_ms);
    if (n < 0 && errno != EINTR)
        return dpl_err_sys(err, errno, "poll");
    if (n <= 0)
        return DPL_OK;
    if ((fds[2].revents & POLLOUT) && dpl_channel_flush(relay->greet->channel, NULL) < 0)
        return dpl_err_set(err, DPL_E_INTERRUPTED, "doppeld ended");
    if (fds[2].revents & ~POLLOUT)
        return look_at_channel(relay->greet, err);
    if (may_go_on(relay->in_step, fds[0].revents, fds[1].revents))
        relay->in_step = DPL_PUMP_MOVED;
    if (may_go_on(relay->out_step, fds[1].revents, fds[0].revents))
        relay->out_step = DPL_PUMP_MOVED;
    /* A socket that hung up while it is not read, or not written, would wake us for ever. */
    if ((fds[1].revents & (POLLHUP | POLLERR)) && fds[1].events == 0)
        relay->engine_ended = true;
    if ((fds[0].revents & (POLLHUP | POLLERR)) && fds[0].events == 0)
        return dpl_err_set(err, DPL_E_UNREACHABLE, "the connection is lost");
    return DPL_OK;
}

/* Some steps of each pump that does not wait. 1: something moved. */
static int steps(struct relay *relay, struct dpl_err *err)
{
    const struct dpl_port peer = {peer_read, peer_write, peer_ended, relay->stream};
    const struct dpl_port engine = {engine_read, engine_write, engine_ended, relay};
    int moved = 0;
    for (int i = 0; i < STEPS; i++) {
        if (relay->in_step == DPL_PUMP_MOVED)
            relay->in_step = dpl_pump_in_step(&relay->in, &peer, &engine, err);
        if (relay->in_step < 0)
            return relay->in_step;
        if (relay->out_step == DPL_PUMP_MOVED)
            relay->out_step = dpl_pump_out_step(&relay->out, &engine, &peer, err);
        if (relay->out_step < 0)
            return relay->out_step;
        if (relay->in_step != DPL_PUMP_MOVED && relay->out_step != DPL_PUMP_MOVED)
            break;
        moved = 1;
    }
    return moved;
}

/* Until a side has ended. */
static int turn(struct relay *relay, struct dpl_err *err)
{
    for (;;) {
        int moved = steps(relay, err);
        if (moved < 0)
            return moved;
        if (relay->in_step == DPL_PUMP_ENDED || relay->out_step == DPL_PUMP_ENDED ||
            (relay->engine_ended && !dpl_pump_amid(&relay->out)))
            return DPL_OK;
        /* Gathered records leave when the engine has nothing more at once. */
        int flushed = 1;
        if (relay->out_step == DPL_PUMP_WAITS_READ)
            flushed = dpl_stream_flush(relay->stream, err);
        if (flushed < 0)
            return flushed;
        int rc = look(relay, moved == 1, flushed == 0, err);
        if (rc < 0)
            return rc;
    }
}

/* The rest of a frame that was begun, so that a refusal can stand behind it. */
static int finish_frame(struct relay *relay, int64_t deadline_ns)
{
    const struct dpl_port peer = {peer_read, peer_write, peer_ended, relay->stream};
    const struct dpl_port engine = {engine_read, engine_write, engine_ended, relay};
    while (dpl_pump_amid(&relay->out)) {
        int step = dpl_pump_out_step(&relay->out, &engine, &peer, NULL);
        struct pollfd p = {.fd = relay->stream->fd, .events = POLLOUT};
        if (step < 0 || (step == DPL_PUMP_WAITS_WRITE &&
                         poll(&p, 1, dpl_clock_left_ms(&dpl_clock_system, deadline_ns)) <= 0))
            return DPL_E_TIMEOUT;
    }
    return DPL_OK;
}

static bool is_nonsense(int code)
{
    return code == DPL_E_CORRUPT || code == DPL_E_TOO_LARGE || code == DPL_E_UNSUPPORTED ||
           code == DPL_E_TRUNCATED;
}

int dpl_relay_run(struct dpl_greet *greet, struct dpl_err *err)
{
    struct relay relay = {.greet = greet,
                          .stream = greet->stream,
                          .engine_fd = greet->data_fd,
                          .in_step = DPL_PUMP_MOVED,
                          .out_step = DPL_PUMP_MOVED};
    struct dpl_err why = {0};
    dpl_pump_init(&relay.in, &greet->frames, greet->agreed.features);
    dpl_pump_init(&relay.out, NULL, greet->agreed.features);
    relay.in.from = greet->peer_from;
    relay.out.level = greet->start->compression;
    int rc = turn(&relay, &why);
    int64_t deadline_ns = dpl_clock_now_ns(&dpl_clock_system) + LINGER_MS * NS_PER_MS;
    if (rc < 0 && is_nonsense(rc) && finish_frame(&relay, deadline_ns) == DPL_OK)
        dpl_greet_refuse(relay.stream, DPL_REFUSE_PROTOCOL, why.text, deadline_ns);
    if (rc == DPL_E_NOT_RUNNING)
        rc = DPL_OK; /* the engine has its reasons, and says them to doppeld */
    if (rc < 0 && err)
        *err = why;
    tell_stats(&relay);
    dpl_fd_clear(&greet->data_fd);
    dpl_pump_done(&relay.in);
    dpl_pump_done(&relay.out);
    return rc;
}

void dpl_relay_linger(struct dpl_stream *stream, int64_t most_ms)
{
    char waste[4096];
    int64_t deadline_ns = dpl_clock_now_ns(&dpl_clock_system) + most_ms * NS_PER_MS;
    dpl_stream_close(stream);
    for (bool out = false;;) {
        int flushed = out ? 1 : dpl_stream_flush(stream, NULL);
        if (flushed < 0)
            return;
        if (flushed > 0 && !out)
            shutdown(stream->fd, SHUT_WR);
        out = flushed > 0;
        struct pollfd p = {.fd = stream->fd, .events = out ? POLLIN : POLLOUT};
        if (poll(&p, 1, dpl_clock_left_ms(&dpl_clock_system, deadline_ns)) <= 0)
            return;
        if (out && recv(stream->fd, waste, sizeof waste, MSG_DONTWAIT) <= 0)
            return;
    }
}
