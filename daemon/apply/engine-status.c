/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the replica says of itself: at a change, at most five times a second, when something has
 * come to its end a little sooner, and every two seconds.
 */
#include "daemon/apply/engine.h"
#include "lib/base/uuid.h"

#include <inttypes.h>
#include <string.h>

#define MS INT64_C(1000000)

static const int64_t at_once_ns = 50 * MS, soon_ns = 200 * MS, late_ns = 2000 * MS;
/* Two heartbeats in a row have not come; the session waits longer before it ends. */
static const int64_t silent_ns = 2000 * MS;

void dpl_engine_event(struct dpl_engine *e, const char *name, const char *text)
{
    g_autoptr(dpl_doc_auto) doc = dpl_doc_new();
    struct dpl_err err;
    dpl_doc_set_text(doc, "event", name);
    if (text)
        dpl_doc_set_text(doc, "text", text);
    (void)dpl_channel_send(e->channel, doc, NULL, 0, &err);
    e->changed = true;
}

void dpl_engine_error(struct dpl_engine *e, const char *text)
{
    bool same = strcmp(e->last_error, text) == 0;
    g_strlcpy(e->last_error, text, sizeof e->last_error);
    if (!same)
        dpl_engine_event(e, "error", text);
}

static int64_t as_int(uint64_t value)
{
    return value > INT64_MAX ? INT64_MAX : (int64_t)value;
}

static const char *state_text(const struct dpl_engine *e, const struct dpl_replica_status *s)
{
    if (s->failed)
        return s->failed == DPL_E_NO_SPACE ? "full" : "failed";
    if (s->paused)
        return "paused";
    if (e->full || e->held->len > 0)
        return "full";
    if (s->again)
        return "recovering";
    return s->queue_bytes > 0 ? "applying" : "idle";
}

static int64_t lag_ms(const struct dpl_engine *e, const struct dpl_replica_status *s)
{
    int64_t wall = dpl_clock_wall_ns(e->clock);
    if (s->queue_bytes == 0 || s->time_ns == 0 || s->time_ns >= (uint64_t)wall)
        return 0;
    return (wall - (int64_t)s->time_ns) / MS;
}

static void put_replica(const struct dpl_engine *e, struct dpl_doc *doc)
{
    struct dpl_replica_status s;
    dpl_replica_status(e->replica, &s);
    dpl_doc_set_text(doc, "state", state_text(e, &s));
    dpl_doc_set_bool(doc, "consistent", s.consistent);
    dpl_doc_set_bool(doc, "paused", s.paused);
    dpl_doc_set_bool(doc, "mirror_needed", s.reason != 0);
    dpl_doc_set_bool(doc, "replica_new", s.reason == DPL_COMPARE_NEW);
    if (s.reason)
        dpl_doc_set_int(doc, "mirror_reason", s.reason);
    if (s.epoch.number) {
        char disk[DPL_UUID_TEXT];
        dpl_uuid_format(s.epoch.fs_uuid, disk);
        dpl_doc_set_int(doc, "epoch", as_int(s.epoch.number));
        dpl_doc_set_text(doc, "source_disk", disk);
        dpl_doc_set_int(doc, "received_lsn", as_int(s.received));
        dpl_doc_set_int(doc, "durable_lsn", as_int(s.durable));
        dpl_doc_set_format(doc, "epoch_tag", "%016" PRIx64, dpl_epoch_tag(&s.epoch));
        dpl_doc_set_int(doc, "durable_chain", s.durable_chain);
        dpl_doc_set_int(doc, "applied_epoch", as_int(s.applied.epoch));
        dpl_doc_set_int(doc, "applied_lsn", as_int(s.applied.lsn));
        dpl_doc_set_int(doc, "checkpoint_lsn", as_int(s.checkpoint.lsn));
        dpl_doc_set_int(doc, "synced_lsn", as_int(e->synced));
    }
    dpl_doc_set_int(doc, "queue_bytes", as_int(s.queue_bytes));
    dpl_doc_set_bool(doc, "saved", s.saved);
    dpl_doc_set_int(doc, "applied_time_ms", as_int(s.time_ns) / MS);
    dpl_doc_set_int(doc, "applied_ops", as_int(s.ops));
    dpl_doc_set_int(doc, "applied_op_bytes", as_int(s.op_bytes));
    dpl_doc_set_int(doc, "lag_ms", lag_ms(e, &s));
    dpl_doc_set_int(doc, "wanted_objects", s.wanted);
    dpl_doc_set_bool(doc, "mirroring", s.mirror != 0 || (e->mirror.target && !e->mirror.test));
}

/* When it counts as silent; INT64_MAX while it is not connected. */
static int64_t silent_at(const struct dpl_engine *e)
{
    const struct dpl_target *t = &e->target;
    bool connected = t->state != DPL_TARGET_OFFLINE && t->heard_ns > 0;
    return connected ? t->heard_ns + silent_ns : INT64_MAX;
}

/* What the source said of itself last, and when: what is known of it when it is gone. */
static void put_source(struct dpl_engine *e, struct dpl_doc *doc, int64_t now_ns)
{
    const struct dpl_target *t = &e->target;
    struct dpl_replica_status s;
    if (t->heard_ns == 0)
        return;
    if (t->heard_ns != e->heard_ns)
        e->heard_wall_ns = dpl_clock_wall_ns(e->clock) - (now_ns - t->heard_ns);
    e->heard_ns = t->heard_ns;
    dpl_doc_set_int(doc, "heard_ms", e->heard_wall_ns / MS);
    dpl_replica_status(e->replica, &s);
    if (t->head == 0 || t->tag == 0 || dpl_epoch_tag(&s.epoch) != t->tag)
        return;
    dpl_doc_set_int(doc, "source_head_lsn", as_int(t->head));
    dpl_doc_set_int(doc, "source_time_ms", t->source_time_ns / MS);
    dpl_doc_set_int(doc, "source_promise_ms",
                    t->promise == DPL_PROMISE_ALWAYS ? -1 : (int64_t)t->promise);
}

/* How much of what came is durable, applied, checkpointed: who waits for that is told at once. */
static unsigned how_much_done(const struct dpl_engine *e)
{
    struct dpl_replica_status s;
    if (!e->replica)
        return 0;
    dpl_replica_status(e->replica, &s);
    bool applied = s.applied.epoch == s.epoch.number && s.applied.lsn >= s.received;
    return (unsigned)(s.durable >= s.received) + applied + (applied && s.saved);
}

int64_t dpl_engine_status(struct dpl_engine *e, int64_t now_ns)
{
    unsigned done = how_much_done(e);
    bool silent = now_ns >= silent_at(e);
    bool at_once = done > e->told_done || silent != e->told_silent;
    int64_t wait_ns = at_once ? at_once_ns : e->changed ? soon_ns : late_ns;
    int64_t due = e->status_ns + wait_ns;
    if (now_ns < due)
        return silent ? due : MIN(due, silent_at(e));
    g_autoptr(dpl_doc_auto) doc = dpl_doc_new();
    struct dpl_doc *status = dpl_doc_set_tree(doc, "status");
    dpl_doc_set_text(status, "session", dpl_target_state_text(e->target.state));
    dpl_doc_set_bool(status, "connected", e->target.state != DPL_TARGET_OFFLINE);
    dpl_doc_set_bool(status, "source_silent", silent);
    if (e->peer_doc)
        dpl_doc_set(status, "peer", dpl_doc_copy(e->peer_doc));
    if (e->replica) {
        put_replica(e, status);
        put_source(e, status, now_ns);
    } else {
        dpl_doc_set_text(status, "state", "closed");
    }
    dpl_engine_mirror_status(e, status, now_ns);
    dpl_doc_set_int(status, "received_bytes", as_int(e->peer.received_bytes));
    if (e->last_error[0])
        dpl_doc_set_text(status, "last_error", e->last_error);
    struct dpl_err err;
    /* A daemon that does not read will get the next one. */
    (void)dpl_channel_send(e->channel, doc, NULL, 0, &err);
    e->status_ns = now_ns;
    e->told_done = done;
    e->told_silent = silent;
    e->changed = false;
    return silent ? now_ns + late_ns : MIN(now_ns + late_ns, silent_at(e));
}
