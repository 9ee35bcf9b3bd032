/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the session asks of the replica.
 */
#include "daemon/apply/engine.h"
#include "lib/wire/writer.h"

#include <string.h>

static int call_send(void *self, const struct dpl_message *m)
{
    struct dpl_engine *e = self;
    return dpl_peer_send(&e->peer, m, &e->target.why);
}

static uint32_t flags_of(const struct dpl_engine *e, const struct dpl_replica_status *s)
{
    return (s->consistent ? DPL_STATE_CONSISTENT : 0U) | (s->reason ? DPL_STATE_NEEDS_MIRROR : 0U) |
           (s->paused ? DPL_STATE_PAUSED : 0U) | (s->mirror ? DPL_STATE_MIRROR : 0U) |
           (e->full || e->held->len > 0 ? DPL_STATE_FULL : 0U);
}

/* What a mirror that did not end has left for the next. */
static struct dpl_view cursor_of(struct dpl_engine *e)
{
    struct dpl_writer w;
    uint64_t cursor = e->mirror.id == 0 ? dpl_replica_cursor(e->replica) : 0;
    dpl_writer_init(&w, e->mirror.cursor, sizeof e->mirror.cursor);
    dpl_writer_u64(&w, cursor);
    return cursor ? (struct dpl_view){e->mirror.cursor, w.used} : (struct dpl_view){0};
}

static void call_holds(void *self, struct dpl_target_holds *h)
{
    struct dpl_engine *e = self;
    struct dpl_replica_status s;
    dpl_replica_status(e->replica, &s);
    *h = (struct dpl_target_holds){
        .replica = s.replica,
        .any = s.epoch.number != 0,
        .epoch = s.epoch,
        .received = s.received,
        .durable = s.durable,
        .chain = s.durable_chain,
        .applies = s.epoch.number != 0 && s.applied.epoch == s.epoch.number,
        .applied = s.applied.lsn,
        .queue_bytes = s.queue_bytes,
        .time_ns = s.time_ns,
        .flags = flags_of(e, &s),
        .reason = s.reason,
        .mirror = s.mirror,
        .cursor = cursor_of(e),
        .window = e->window_bytes,
    };
    if (e->full && e->held->len == 0 &&
        (dpl_doc_int(e->peer_doc, "features", 0) & DPL_FEATURE_ROOM))
        h->room = dpl_replica_room(e->replica);
    h->empty = s.reason == DPL_COMPARE_NEW &&
               (dpl_doc_int(e->peer_doc, "features", 0) & DPL_FEATURE_FILES) &&
               dpl_replica_is_empty(e->replica);
    if (h->applies && s.checkpoint.epoch == s.epoch.number)
        h->checkpoint = s.checkpoint.lsn < e->synced ? s.checkpoint.lsn : e->synced;
}

static int call_offer(void *self, const struct dpl_target_offer *o, uint32_t *reason)
{
    struct dpl_engine *e = self;
    int rc = dpl_replica_offer(e->replica, &o->epoch, o->lsn, o->chain, o->equal, reason,
                               &e->target.why);
    if (rc > 0)
        e->synced = 0;
    return rc;
}

static int call_begin(void *self, const struct dpl_target_offer *o, uint32_t reason)
{
    struct dpl_engine *e = self;
    e->synced = 0;
    return dpl_replica_begin(e->replica, &o->epoch, o->lsn, o->chain, reason, &e->target.why);
}

static void chain_of_last(const uint8_t *bytes, size_t size, uint64_t *chain)
{
    /* The digest behind these records is the CRC in the header of the last. */
    for (size_t at = 0; at + DPL_RECORD_HEADER <= size;) {
        struct dpl_record_header h;
        if (dpl_record_header_decode(&h, bytes + at) < 0)
            return;
        *chain = h.crc;
        at += h.size;
    }
}

/* Puts as much as there is room for. Returns how much, or a negative code. */
static ssize_t put(struct dpl_engine *e, uint64_t tag, uint64_t lsn, uint64_t chain,
                   const uint8_t *bytes, size_t size, uint64_t *chain_r, struct dpl_err *err)
{
    size_t done = 0;
    while (done < size) {
        ssize_t n = dpl_replica_put(e->replica, tag, lsn + done, (uint32_t)chain, bytes + done,
                                    size - done, err);
        if (n == DPL_E_NO_SPACE)
            break;
        if (n < 0)
            return n;
        if ((size_t)n < size - done)
            chain_of_last(bytes + done, (size_t)n, &chain);
        done += (size_t)n;
    }
    *chain_r = chain;
    return (ssize_t)done;
}

static int call_records(void *self, const struct dpl_message *m, struct dpl_err *err)
{
    struct dpl_engine *e = self;
    uint64_t chain;
    ssize_t n = put(e, m->epoch_tag, m->lsn, m->chain, m->data.data, m->data.size, &chain, err);
    if (n < 0 || (size_t)n == m->data.size)
        return n < 0 ? (int)n : 0;
    *err = (struct dpl_err){0};
    g_byte_array_append(e->held, m->data.data + n, (guint)(m->data.size - (size_t)n));
    e->held_tag = m->epoch_tag;
    e->held_lsn = m->lsn + (uint64_t)n;
    e->held_chain = chain;
    e->full = e->changed = true;
    dpl_engine_tell_full(e);
    return 0;
}

int dpl_engine_put_held(struct dpl_engine *e, struct dpl_err *err)
{
    uint64_t chain;
    if (e->held->len == 0)
        return 0;
    ssize_t n =
        put(e, e->held_tag, e->held_lsn, e->held_chain, e->held->data, e->held->len, &chain, err);
    if (n <= 0)
        return (int)n;
    g_byte_array_remove_range(e->held, 0, (guint)n);
    e->held_lsn += (uint64_t)n;
    e->held_chain = chain;
    dpl_target_moved(&e->target);
    return 0;
}

static int call_ended(void *self, uint64_t lsn, bool gap, struct dpl_err *err)
{
    struct dpl_engine *e = self;
    if (gap)
        dpl_engine_mirror_leave(e, "the journal ended before the changes did");
    return dpl_replica_ended(e->replica, e->target.tag, lsn, !gap, err);
}

static void call_synced(void *self, uint64_t lsn, uint64_t head)
{
    struct dpl_engine *e = self;
    (void)head;
    if (lsn > e->synced)
        e->synced = lsn;
    dpl_replica_synced(e->replica, e->target.tag, lsn);
}

static int call_pause(void *self, bool paused)
{
    struct dpl_engine *e = self;
    e->changed = true;
    return dpl_replica_pause(e->replica, paused, &e->target.why);
}

static int call_sync(void *self)
{
    struct dpl_engine *e = self;
    return dpl_replica_sync(e->replica, &e->target.why);
}

static int call_mirror(void *self, const struct dpl_message *m)
{
    struct dpl_engine *e = self;
    return dpl_engine_mirror_message(e, m, &e->target.why);
}

void dpl_engine_session_init(struct dpl_engine *e)
{
    e->calls = (struct dpl_target_calls){.send = call_send,
                                         .holds = call_holds,
                                         .offer = call_offer,
                                         .begin = call_begin,
                                         .records = call_records,
                                         .ended = call_ended,
                                         .synced = call_synced,
                                         .pause = call_pause,
                                         .sync = call_sync,
                                         .mirror = call_mirror,
                                         .self = e};
    dpl_target_init(&e->target, &dpl_target_defaults, &e->calls);
}
