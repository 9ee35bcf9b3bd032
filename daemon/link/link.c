/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/link/link.h"

#include "daemon/link/mirror_lend.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SECOND_NS    INT64_C(1000000000)
#define FULL_LONG_NS (10 * SECOND_NS)

enum {
    BURST = 8, /* messages of records in one turn */
    KEPT_ENOUGH = 256 * 1024,
};

static int64_t now_of(const struct dpl_link *link)
{
    return dpl_clock_now_ns(link->clock);
}

static int call_send(void *self, const struct dpl_message *m)
{
    struct dpl_link *link = self;
    link->sent_messages++;
    return dpl_peer_send(&link->peer, m, &link->source.why);
}

static ssize_t call_epochs(void *self, const struct dpl_journal_epoch **list)
{
    struct dpl_link *link = self;
    struct dpl_err err = {0};
    ssize_t rc = dpl_ledger_epochs(&link->ledger, list, &err);
    if (rc < 0)
        g_strlcpy(link->last_error, err.text, sizeof link->last_error);
    return rc;
}

static int call_chain_at(void *self, uint64_t epoch, uint64_t lsn, uint32_t *chain)
{
    struct dpl_link *link = self;
    struct dpl_err err = {0};
    return dpl_ledger_chain_at(&link->ledger, epoch, lsn, chain, &err);
}

static void remote_tell(struct dpl_link *link)
{
    const struct dpl_source_position *now = &link->source.now;
    bool behind = link->source.state == DPL_SOURCE_COMPARE || !link->wanted ||
                  (link->source.flags & (DPL_STATE_NEEDS_MIRROR | DPL_STATE_MIRROR));
    enum dpl_link_target target = behind                                       ? DPL_TARGET_BEHIND
                                  : link->source.state == DPL_SOURCE_STREAMING ? DPL_TARGET_FOLLOWS
                                                                               : DPL_TARGET_AWAY;
    if (dpl_link_remote_tell(&link->remote, link->config.capture_run_dir, link->config.set, target,
                             now->tag, now->durable, now_of(link)))
        dpl_link_event(link, "durability",
                       !link->remote.wanted ? "a sync waits for this disk alone"
                       : target == DPL_TARGET_FOLLOWS
                           ? "a sync waits for the target"
                           : "the target does not follow: the policy is in force");
}

/* The promise of a heartbeat that is sent now. */
static void promise(struct dpl_link *link, int64_t now)
{
    dpl_link_remote_cover(&link->remote, link->reserved, link->reserved_ns,
                          link->source.now.durable);
    link->source.promise = dpl_link_remote_promise(&link->remote, now);
}

static void call_news(void *self, enum dpl_source_news news)
{
    struct dpl_link *link = self;
    link->changed = link->look = true;
    switch (news) {
    case DPL_SOURCE_NEWS_ACK:
        remote_tell(link);
        /* Somebody may wait for it. */
        if (link->source.flags != link->flags_told)
            link->status_ns = 0;
        break;
    case DPL_SOURCE_NEWS_COMPARE:
        dpl_link_event(link, "mirror-needed", NULL);
        break;
    case DPL_SOURCE_NEWS_WENT_BACK:
        dpl_link_event(link, "target-went-back",
                       "the target has lost changes that it had acknowledged; they are sent again "
                       "if the journal still has them");
        break;
    }
}

static void call_mirror(void *self, const struct dpl_message *m)
{
    dpl_link_mirror_take(self, m);
}

void dpl_link_init(struct dpl_link *link, struct dpl_channel *channel,
                   const struct dpl_clock *clock)
{
    *link = (struct dpl_link){.clock = clock, .channel = channel, .wanted = true};
    link->calls = (struct dpl_source_calls){call_send, call_epochs, call_chain_at,
                                            call_news, call_mirror, link};
    link->peer.fd = -1;
    link->ledger.dir_fd = link->ledger.watch_fd = -1;
    dpl_bucket_set(&link->bucket, 0, now_of(link));
}

void dpl_link_done(struct dpl_link *link)
{
    dpl_peer_close(&link->peer);
    if (link->ledger.path)
        dpl_ledger_done(&link->ledger);
    dpl_link_mirror_done(link);
    dpl_link_remote_done(&link->remote);
    g_clear_pointer(&link->capstat, dpl_capstat_close);
    g_clear_pointer(&link->peer_doc, dpl_doc_free);
    g_free(link->config.set);
    g_free(link->config.capture_run_dir);
    g_clear_pointer(&link->channel, dpl_channel_free);
}

void dpl_link_event(struct dpl_link *link, const char *name, const char *text)
{
    g_autoptr(dpl_doc_auto) doc = dpl_doc_new();
    struct dpl_err err;
    dpl_doc_set_text(doc, "event", name);
    if (text)
        dpl_doc_set_text(doc, "text", text);
    (void)dpl_channel_send(link->channel, doc, NULL, 0, &err);
    link->changed = true;
}

void dpl_link_rate(struct dpl_link *link, int64_t now_ns)
{
    time_t wall = (time_t)(dpl_clock_wall_ns(link->clock) / SECOND_NS);
    struct tm tm;
    localtime_r(&wall, &tm);
    uint64_t rate =
        dpl_schedule_rate(&link->config.schedule, link->config.bandwidth_bytes,
                          (unsigned)(tm.tm_wday + 6) % 7, (unsigned)(tm.tm_hour * 60 + tm.tm_min));
    if (rate != link->bucket.rate) {
        dpl_bucket_set(&link->bucket, rate, now_ns);
        link->changed = link->look = true;
    }
}

void dpl_link_connected(struct dpl_link *link, int fd, const struct dpl_doc *peer)
{
    int64_t now = now_of(link);
    if (link->source.state != DPL_SOURCE_OFFLINE) {
        dpl_source_lost(&link->source, now);
        dpl_link_over(link);
    }
    dpl_peer_close(&link->peer); /* of a session that was lost and is not over yet */
    dpl_peer_open(&link->peer, fd);
    g_clear_pointer(&link->peer_doc, dpl_doc_free);
    link->peer_doc = dpl_doc_copy(peer);
    link->peer_features = (uint64_t)dpl_doc_int(peer, "features", 0);
    link->rate_from = 0;
    link->streamed = false;
    link->ask_ns = 0;
    link->changed = true;
    (void)dpl_source_connected(&link->source, now);
}

/* Seconds before the next connection is asked for, after so many that came to nothing. */
static int64_t wait_ns(unsigned attempts)
{
    static const uint8_t seconds[] = {0, 1, 2, 4, 8, 15, 30};
    unsigned last = sizeof seconds - 1;
    int64_t ns = seconds[attempts < last ? attempts : last] * SECOND_NS;
    return ns - (int64_t)((uint64_t)random() % 256) * ns / 1024;
}

void dpl_link_over(struct dpl_link *link)
{
    const struct dpl_source *s = &link->source;
    struct dpl_err err;
    if (link->peer.fd < 0)
        return;
    (void)dpl_peer_flush(&link->peer, &err);
    dpl_peer_close(&link->peer);
    dpl_ledger_close(&link->ledger);
    dpl_link_mirror_lost(link, "the connection ended");
    g_clear_pointer(&link->peer_doc, dpl_doc_free);
    if (s->over != DPL_SOURCE_OVER_CLOSED) {
        g_strlcpy(link->last_error, s->why.text, sizeof link->last_error);
        dpl_link_event(link, "session-over", s->why.text);
    }
    link->attempts = link->streamed ? 0 : link->attempts + 1;
    link->changed = true;
    bool again = s->over != DPL_SOURCE_OVER_REFUSED || dpl_refusal_again(s->refusal);
    if (link->wanted && !link->stopping && again)
        link->ask_ns = now_of(link) + wait_ns(link->attempts) + 1;
}

static void ask(struct dpl_link *link, int64_t now)
{
    struct dpl_err err;
    if (link->ask_ns == 0 || now < link->ask_ns)
        return;
    link->ask_ns = 0;
    g_autoptr(dpl_doc_auto) doc = dpl_doc_new();
    dpl_doc_set_bool(doc, "connect", true);
    (void)dpl_channel_send(link->channel, doc, NULL, 0, &err);
}

/* The journal is read where the session is sending. */
static int ledger_follow(struct dpl_link *link)
{
    const struct dpl_source_position *now = &link->source.now;
    struct dpl_err err = {0};
    if (link->source.state != DPL_SOURCE_STREAMING) {
        dpl_ledger_close(&link->ledger);
        return 0;
    }
    if (link->ledger.range && link->ledger.range_epoch == now->epoch.number)
        return 1;
    link->streamed = true;
    if (link->paused)
        (void)dpl_source_control(&link->source, DPL_COMMAND_PAUSE, now_of(link));
    if (dpl_ledger_open(&link->ledger, now->epoch.number, now->sent, &err) == 0)
        return 1;
    g_strlcpy(link->last_error, err.text, sizeof link->last_error);
    (void)dpl_source_journal_ended(&link->source, 0, true, now_of(link));
    return 0;
}

/* Whether these records, which were just read, may go. A target that is full gets the rest of a
 * journal that has ended, where all of it fits: nothing follows, and somebody may wait for it. */
static bool may_go(const struct dpl_link *link, struct dpl_view records)
{
    const struct dpl_source *s = &link->source;
    uint64_t end;
    return dpl_source_room(s) ||
           (dpl_source_has_room(s, records.size) && dpl_range_end(link->ledger.range, &end) > 0 &&
            dpl_source_has_room(s, end - s->now.sent));
}

/* One message. Whether there may be another. The end of a journal of which all was sent needs no
 * room; behind a gap a mirror follows, which needs some. */
static bool send_one(struct dpl_link *link)
{
    struct dpl_view records;
    struct dpl_err err = {0};
    uint32_t reason = 0;
    int64_t now = now_of(link);
    bool room = dpl_source_room(&link->source);
    size_t want = (size_t)dpl_bucket_piece(&link->bucket, DPL_RECORDS_WANT);
    int rc = dpl_ledger_read(&link->ledger, want, &records, &reason, &err);
    switch (rc) {
    case DPL_LEDGER_RECORDS:
        if (!may_go(link, records)) {
            link->head = MAX(link->head, dpl_range_lsn(link->ledger.range));
            dpl_ledger_unread(&link->ledger, records);
            return false;
        }
        dpl_bucket_take(&link->bucket, records.size, now);
        if (dpl_link_mirror_before(link, records) < 0)
            return false;
        return dpl_source_send_records(&link->source, records, dpl_range_chain(link->ledger.range),
                                       now) == 0;
    case DPL_LEDGER_NOTHING:
        link->look = false;
        return false;
    case DPL_LEDGER_ENDED:
        dpl_ledger_close(&link->ledger);
        (void)dpl_source_journal_ended(&link->source, reason, false, now);
        return false;
    default:
        if (!room)
            return false;
        g_strlcpy(link->last_error, err.text, sizeof link->last_error);
        (void)dpl_source_journal_ended(&link->source, reason, true, now);
        return false;
    }
}

/* Whether the target has been full for long, and the journal that it is sent has a successor behind
 * changes that are in none. What is left of it ends in a mirror in any case; and what the target
 * holds of it would stay in its queue for good, for nobody says any more that it was synced. */
static bool is_hopeless(struct dpl_link *link)
{
    const struct dpl_source *s = &link->source;
    int64_t now = now_of(link);
    bool waits = s->state == DPL_SOURCE_STREAMING && (s->flags & DPL_STATE_FULL) &&
                 s->now.durable == s->now.sent && !link->mirror.source;
    if (!waits || link->full_ns == 0)
        link->full_ns = waits ? now : 0;
    if (!waits || now - link->full_ns < FULL_LONG_NS)
        return false;
    link->full_ns = now;
    return dpl_link_journal_left(link);
}

static void pump_records(struct dpl_link *link)
{
    if (link->source.state == DPL_SOURCE_CHOOSING)
        (void)dpl_source_journal_grew(&link->source, now_of(link));
    if (!ledger_follow(link))
        return;
    if (is_hopeless(link)) {
        (void)dpl_source_journal_ended(&link->source, 0, true, now_of(link));
        return;
    }
    for (int i = 0; i < BURST && link->look; i++) {
        if (dpl_peer_kept(&link->peer) > KEPT_ENOUGH ||
            dpl_bucket_wait_ns(&link->bucket, now_of(link)) > 0)
            return;
        if (!send_one(link))
            return;
        link->changed = true;
    }
}

void dpl_link_pump(struct dpl_link *link)
{
    pump_records(link);
    dpl_link_mirror_pump(link);
}

static void peer_hear(struct dpl_link *link)
{
    struct dpl_message m;
    struct dpl_err err = {0};
    ssize_t n = dpl_peer_read(&link->peer, &err);
    int rc = n < 0 ? (int)n : 0;
    while (rc == 0 && link->source.state != DPL_SOURCE_OFFLINE) {
        rc = dpl_peer_next(&link->peer, &m, &err);
        if (rc == 0)
            return;
        if (rc > 0) {
            (void)dpl_source_receive(&link->source, &m, now_of(link));
            rc = 0;
        }
    }
    if (link->source.state == DPL_SOURCE_OFFLINE)
        return;
    if (rc == DPL_E_UNREACHABLE) {
        link->source.why = err;
        dpl_source_lost(&link->source, now_of(link));
    } else {
        (void)dpl_source_nonsense(&link->source, &err, now_of(link));
    }
}

/* 1: go on; 0: the daemon is gone. */
static int channel_hear(struct dpl_link *link, struct dpl_err *err)
{
    for (;;) {
        g_autoptr(dpl_doc_auto) doc = NULL;
        int rc = dpl_channel_receive(link->channel, &doc, err);
        if (rc == DPL_E_NOT_RUNNING)
            return 0;
        if (rc <= 0)
            return rc < 0 ? rc : 1;
        rc = dpl_link_take(link, doc, err);
        if (rc < 0)
            return rc;
    }
}

static void trim(struct dpl_link *link, int64_t now)
{
    uint64_t epoch, lsn;
    struct dpl_err err = {0};
    if (now - link->trim_ns < SECOND_NS || !dpl_source_held(&link->source, &epoch, &lsn))
        return;
    link->trim_ns = now;
    if (dpl_ledger_trim(&link->ledger, epoch, lsn, &err) < 0 &&
        strcmp(err.text, link->last_error) != 0) {
        g_strlcpy(link->last_error, err.text, sizeof link->last_error);
        dpl_link_event(link, "error", err.text);
    }
}

static int64_t min_of(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Everything that time asks for; when the next of it is due. */
static int64_t chores(struct dpl_link *link, int64_t now)
{
    int64_t due = now + SECOND_NS;
    if (!link->started)
        return due;
    (void)dpl_ledger_look(&link->ledger);
    dpl_link_rate(link, now);
    link->source.wall_ns = (uint64_t)dpl_clock_wall_ns(link->clock);
    promise(link, now);
    due = min_of(due, dpl_source_tick(&link->source, now));
    dpl_link_pump(link);
    if (link->source.state == DPL_SOURCE_OFFLINE)
        dpl_link_over(link);
    trim(link, now);
    ask(link, now);
    remote_tell(link);
    due = min_of(due, dpl_link_remote_due(&link->remote));
    if (link->ask_ns != 0)
        due = min_of(due, link->ask_ns);
    int64_t wait = dpl_bucket_wait_ns(&link->bucket, now);
    if (wait > 0)
        due = min_of(due, now + wait);
    bool more = link->look && link->source.state == DPL_SOURCE_STREAMING && wait == 0 &&
                dpl_source_room(&link->source) && dpl_peer_kept(&link->peer) <= KEPT_ENOUGH;
    due = min_of(due, dpl_link_mirror_due(link));
    if (more || dpl_link_mirror_more(link))
        due = now;
    return min_of(due, dpl_link_status(link, now));
}

enum { P_CHANNEL, P_PEER, P_WATCH, P_COUNT };

static int wait_for(struct dpl_link *link, struct pollfd *p, int64_t due)
{
    /* The end of a channel is readable for ever. */
    int channel_fd = link->alone ? -1 : dpl_channel_fd(link->channel);
    p[P_CHANNEL] = (struct pollfd){.fd = channel_fd, .events = POLLIN};
    if (dpl_channel_wants_write(link->channel))
        p[P_CHANNEL].events |= POLLOUT;
    p[P_PEER] = (struct pollfd){.fd = link->peer.fd, .events = POLLIN};
    if (dpl_peer_kept(&link->peer) > 0)
        p[P_PEER].events |= POLLOUT;
    p[P_WATCH] = (struct pollfd){.fd = link->ledger.watch_fd, .events = POLLIN};
    int n = poll(p, P_COUNT, dpl_clock_left_ms(link->clock, due));
    return n < 0 && errno != EINTR ? -errno : 0;
}

int dpl_link_turn(struct dpl_link *link, int64_t wait_ns, struct dpl_err *err)
{
    struct pollfd p[P_COUNT];
    int64_t now = now_of(link);
    int64_t due = min_of(chores(link, now), now + wait_ns);
    if (link->stopping && (link->source.state == DPL_SOURCE_OFFLINE || now >= link->stop_ns))
        return 0;
    if (link->stopping)
        due = min_of(due, link->stop_ns);
    int rc = wait_for(link, p, due);
    if (rc < 0)
        return dpl_err_sys(err, -rc, "wait for events");
    if (p[P_CHANNEL].revents & POLLOUT)
        (void)dpl_channel_flush(link->channel, err);
    if ((p[P_WATCH].revents & POLLIN) && dpl_ledger_heard(&link->ledger))
        link->look = true;
    if (link->peer.fd >= 0 && (p[P_PEER].revents & POLLOUT) &&
        dpl_peer_flush(&link->peer, &link->source.why) < 0)
        dpl_source_lost(&link->source, now_of(link));
    if (link->peer.fd >= 0 && (p[P_PEER].revents & (POLLIN | POLLHUP | POLLERR)))
        peer_hear(link);
    if (p[P_CHANNEL].revents & (POLLIN | POLLHUP | POLLERR)) {
        rc = channel_hear(link, err);
        if (rc < 0)
            return rc;
        if (rc == 0) {
            link->alone = true;
            dpl_link_stop(link);
        }
    }
    return 1;
}

void dpl_link_stop(struct dpl_link *link)
{
    int64_t now = now_of(link);
    if (link->stopping)
        return;
    link->stopping = true;
    link->ask_ns = 0;
    link->stop_ns = now + link->config.flush_timeout_ms * (SECOND_NS / 1000);
    if (link->started && link->source.state != DPL_SOURCE_OFFLINE)
        (void)dpl_source_close(&link->source, now);
}
