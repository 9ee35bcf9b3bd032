/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/apply/engine.h"

#include "lib/base/fd.h"

#include <errno.h>
#include <poll.h>

#define MS     INT64_C(1000000)
#define SECOND (1000 * MS)

enum { BATCH_BYTES = 8 << 20 }; /* received before it is made durable */
static const int64_t slice_ns = 5 * MS, reopen_ns = 5 * SECOND, again_ns = SECOND / 2,
                     room_lasts_ns = 5 * SECOND;

static int64_t now_of(const struct dpl_engine *e)
{
    return dpl_clock_now_ns(e->clock);
}

void dpl_engine_init(struct dpl_engine *e, struct dpl_channel *channel,
                     const struct dpl_clock *clock)
{
    *e = (struct dpl_engine){.clock = clock, .channel = channel};
    e->peer.fd = e->reserve_fd = e->lock_fd = e->mirror.orphans_fd = -1;
    e->root_fds = g_array_new(FALSE, FALSE, sizeof(int));
    e->held = g_byte_array_new();
    (void)dpl_helper_init(&e->helper, NULL);
    dpl_engine_session_init(e);
}

void dpl_engine_done(struct dpl_engine *e)
{
    dpl_peer_close(&e->peer);
    dpl_engine_shut(e);
    dpl_helper_done(&e->helper);
    g_clear_pointer(&e->root_fds, g_array_unref);
    g_clear_pointer(&e->held, g_byte_array_unref);
    g_clear_pointer(&e->config, dpl_doc_free);
    g_clear_pointer(&e->peer_doc, dpl_doc_free);
    g_clear_pointer(&e->channel, dpl_channel_free);
}

/* A session that ended leaves its socket to us. */
static void session_over(struct dpl_engine *e)
{
    struct dpl_err err;
    if (e->target.state != DPL_TARGET_OFFLINE || e->peer.fd < 0)
        return;
    (void)dpl_peer_flush(&e->peer, &err);
    dpl_peer_close(&e->peer);
    dpl_engine_mirror_leave(e, "the connection ended");
    e->mirror.want_told = false;
    g_byte_array_set_size(e->held, 0);
    g_clear_pointer(&e->peer_doc, dpl_doc_free);
    if (e->target.over != DPL_TARGET_OVER_CLOSED)
        dpl_engine_error(e, e->target.why.text);
    e->changed = true;
}

/* The disk: what could not be done is tried again now and then. */
static void failed(struct dpl_engine *e, const struct dpl_err *err, int64_t now)
{
    bool no_space = err->code == DPL_E_NO_SPACE;
    if (no_space && e->full_told) /* that was told, and is the same each second */
        g_strlcpy(e->last_error, err->text, sizeof e->last_error);
    else
        dpl_engine_error(e, err->text);
    e->retry_ns = now + (no_space ? SECOND : 10 * SECOND);
    dpl_target_moved(&e->target);
}

void dpl_engine_tell_full(struct dpl_engine *e)
{
    if (!e->full_told)
        dpl_engine_event(e, "queue-full",
                         "the replica's disk or queue has no room: the source waits");
    e->full_told = true;
}

/* Whether the source may go on sending: what it may have under way must fit. */
static void look_at_room(struct dpl_engine *e, int64_t now)
{
    if (now < e->room_ns || !e->replica)
        return;
    e->room_ns = now + SECOND / 4;
    /* What was applied may go as soon as there is a checkpoint behind it. */
    if (e->full)
        dpl_replica_hurry(e->replica);
    bool full = dpl_replica_room(e->replica) < e->window_bytes + DPL_RECORDS_MAX;
    if (full != e->full && e->held->len == 0) {
        e->full = full;
        e->changed = true;
        e->turned_ns = now;
        dpl_target_moved(&e->target);
        if (full)
            dpl_engine_tell_full(e);
    }
    if (e->full_told && !e->full && now - e->turned_ns >= room_lasts_ns) {
        e->full_told = false;
        dpl_engine_event(e, "queue-has-room", "the source goes on");
    }
}

/* What came is taken, up to a batch. */
static void hear(struct dpl_engine *e)
{
    struct dpl_message m;
    struct dpl_err err = {0};
    size_t batch = 0;
    while (e->target.state != DPL_TARGET_OFFLINE && e->held->len == 0 && batch < BATCH_BYTES) {
        int rc = dpl_peer_next(&e->peer, &m, &err);
        if (rc > 0) {
            (void)dpl_target_receive(&e->target, &m, now_of(e));
            continue;
        }
        ssize_t n = rc < 0 ? rc : dpl_peer_read(&e->peer, &err);
        if (n == 0)
            return;
        if (n == DPL_E_UNREACHABLE) {
            e->target.why = err;
            dpl_target_lost(&e->target, now_of(e));
            return;
        }
        if (n < 0) {
            (void)dpl_target_nonsense(&e->target, &err, now_of(e));
            return;
        }
        batch += (size_t)n;
    }
}

/* What was received is made durable, then applied for a while. */
static void work(struct dpl_engine *e)
{
    struct dpl_err err = {0};
    struct dpl_replica_status before, after;
    int64_t now = now_of(e);
    dpl_replica_status(e->replica, &before);
    int rc = e->held->len > 0 ? dpl_engine_put_held(e, &err) : 0;
    if (rc == 0)
        rc = dpl_replica_sync(e->replica, &err);
    if (rc < 0) {
        dpl_engine_error(e, err.text);
        (void)dpl_target_storage(&e->target, &err, now);
        e->broken = true;
        return;
    }
    /* Acknowledged before it is applied: the source waits for this one. */
    (void)dpl_target_tick(&e->target, now);
    if (e->retry_ns && now >= e->retry_ns) {
        e->retry_ns = 0;
        dpl_replica_retry(e->replica);
    }
    rc = dpl_engine_apply(e, now_of(e) + slice_ns, &err);
    e->more = rc > 0;
    if (rc < 0)
        failed(e, &err, now);
    dpl_replica_status(e->replica, &after);
    /* Without its source it may have to serve soon, from what is on the disk. */
    if (e->target.state == DPL_TARGET_OFFLINE && after.queue_bytes == 0)
        dpl_replica_hurry(e->replica);
    if (after.applied.lsn != before.applied.lsn || after.checkpoint.lsn != before.checkpoint.lsn ||
        after.saved != before.saved || after.consistent != before.consistent ||
        after.durable != before.durable) {
        dpl_target_moved(&e->target);
        e->changed = true;
    }
    if (after.consistent && e->target.state != DPL_TARGET_OFFLINE)
        e->last_error[0] = '\0';
}

static void open_if_due(struct dpl_engine *e, int64_t now)
{
    struct dpl_err err = {0};
    if (e->replica || !e->config || now < e->open_ns || e->stopping)
        return;
    e->open_ns = now + reopen_ns;
    if (dpl_engine_open(e, &err) < 0) {
        dpl_engine_error(e, err.text);
        return;
    }
    e->more = e->changed = true;
    e->last_error[0] = '\0';
}

static int64_t min_of(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Everything that time asks for; when the next of it is due. */
static int64_t chores(struct dpl_engine *e)
{
    int64_t now = now_of(e), due = now + SECOND;
    open_if_due(e, now);
    look_at_room(e, now);
    if (e->replica)
        work(e);
    now = now_of(e);
    e->target.wall_ns = (uint64_t)dpl_clock_wall_ns(e->clock);
    due = min_of(due, dpl_target_tick(&e->target, now));
    if (e->replica)
        due = min_of(due, dpl_engine_mirror_tick(e, now));
    session_over(e);
    if (e->broken) {
        /* What the disk has of the queue is looked at anew, as after a crash. */
        dpl_engine_shut(e);
        e->broken = false;
        e->open_ns = now + reopen_ns;
    }
    if (e->replica)
        due = min_of(due, dpl_replica_due_ns(e->replica));
    if (e->retry_ns)
        due = min_of(due, e->retry_ns);
    if (e->held->len > 0)
        due = min_of(due, now + again_ns);
    if (!e->replica && e->config)
        due = min_of(due, e->open_ns);
    return min_of(e->more ? now : due, dpl_engine_status(e, now));
}

/* 1: go on; 0: the daemon is gone. */
static int channel_hear(struct dpl_engine *e, struct dpl_err *err)
{
    for (;;) {
        g_autoptr(dpl_doc_auto) doc = NULL;
        int rc = dpl_channel_receive(e->channel, &doc, err);
        if (rc == DPL_E_NOT_RUNNING)
            return 0;
        if (rc <= 0)
            return rc < 0 ? rc : 1;
        rc = dpl_engine_take(e, doc, err);
        if (rc < 0)
            return rc;
    }
}

enum { P_CHANNEL, P_PEER, P_HELPER, P_COUNT };

static int wait_for(struct dpl_engine *e, struct pollfd *p, int64_t due)
{
    p[P_CHANNEL] = (struct pollfd){.fd = dpl_channel_fd(e->channel), .events = POLLIN};
    if (dpl_channel_wants_write(e->channel))
        p[P_CHANNEL].events |= POLLOUT;
    p[P_PEER] = (struct pollfd){.fd = e->peer.fd};
    if (e->held->len == 0)
        p[P_PEER].events |= POLLIN;
    if (dpl_peer_kept(&e->peer) > 0)
        p[P_PEER].events |= POLLOUT;
    if (p[P_PEER].events == 0)
        p[P_PEER].fd = -1;
    p[P_HELPER] = (struct pollfd){.fd = e->helper.fd, .events = POLLIN};
    /* To the nanosecond: acks are due within a millisecond. */
    int64_t left = due - now_of(e);
    struct timespec ts = {.tv_sec = left > 0 ? left / SECOND : 0,
                          .tv_nsec = left > 0 ? left % SECOND : 0};
    int n = ppoll(p, P_COUNT, &ts, NULL);
    return n < 0 && errno != EINTR ? -errno : 0;
}

/* The helper has done its piece of a checkpoint. */
static void helped(struct dpl_engine *e)
{
    struct dpl_err err = {0};
    if (!dpl_helper_heard(&e->helper) || !e->replica)
        return;
    if (dpl_replica_helped(e->replica, &err) < 0)
        failed(e, &err, now_of(e));
    dpl_target_moved(&e->target);
    e->changed = true;
}

static int finish(struct dpl_engine *e, struct dpl_err *err)
{
    int rc = 0;
    if (e->target.state != DPL_TARGET_OFFLINE)
        (void)dpl_target_close(&e->target, now_of(e));
    if (e->peer.fd >= 0)
        (void)dpl_peer_flush(&e->peer, NULL);
    if (e->replica)
        rc = dpl_replica_stop(e->replica, err);
    return rc;
}

int dpl_engine_turn(struct dpl_engine *e, int64_t wait_ns, struct dpl_err *err)
{
    struct pollfd p[P_COUNT];
    if (e->stopping)
        return finish(e, err);
    int rc = wait_for(e, p, min_of(chores(e), now_of(e) + wait_ns));
    if (rc < 0)
        return dpl_err_sys(err, -rc, "wait for events");
    if (p[P_CHANNEL].revents & POLLOUT)
        (void)dpl_channel_flush(e->channel, err);
    if (e->peer.fd >= 0 && (p[P_PEER].revents & POLLOUT) &&
        dpl_peer_flush(&e->peer, &e->target.why) < 0)
        dpl_target_lost(&e->target, now_of(e));
    if (p[P_HELPER].revents & POLLIN)
        helped(e);
    if (e->peer.fd >= 0 && (p[P_PEER].revents & (POLLIN | POLLHUP | POLLERR)))
        hear(e);
    if (p[P_CHANNEL].revents & (POLLIN | POLLHUP | POLLERR)) {
        rc = channel_hear(e, err);
        if (rc < 0)
            return rc;
        if (rc == 0)
            dpl_engine_stop(e);
    }
    return 1;
}

void dpl_engine_stop(struct dpl_engine *e)
{
    e->stopping = true;
}
