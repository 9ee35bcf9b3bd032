/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A mirror at the target: its messages stand in the stream between records. Each waits, in memory,
 * until all records before it have been applied, and is then applied before those behind it. How
 * much may wait is bounded by the window of the session: the source counts what was taken.
 */
#include "daemon/apply/engine.h"

#define SECOND INT64_C(1000000000)

struct waiting {
    struct dpl_position at;
    GBytes *frame;
};

static int64_t now_of(const struct dpl_engine *e)
{
    return dpl_clock_now_ns(e->clock);
}

static void waiting_free(gpointer data)
{
    struct waiting *w = data;
    g_bytes_unref(w->frame);
    g_free(w);
}

static void close_it(struct dpl_engine *e)
{
    struct dpl_engine_mirror *m = &e->mirror;
    g_queue_clear_full(&m->waiting, waiting_free);
    m->waiting_bytes = 0;
    if (e->replica)
        dpl_replica_follow(e->replica, NULL, NULL);
    g_clear_pointer(&m->target, dpl_mirror_target_close);
    if (e->replica)
        dpl_replica_watch(e->replica, NULL, NULL);
    dpl_kept_close(&m->kept);
    m->id = 0;
    e->changed = true;
    dpl_target_moved(&e->target);
}

void dpl_engine_mirror_leave(struct dpl_engine *e, const char *why)
{
    struct dpl_engine_mirror *m = &e->mirror;
    if (m->id == 0)
        return;
    if (m->target && !m->test)
        dpl_replica_mirror_left(e->replica);
    close_it(e);
    dpl_engine_event(e, "mirror-left", why);
}

/* We give it up, and say so. What of it is under way is passed over. */
static void stop(struct dpl_engine *e, enum dpl_mirror_stop reason, const char *why)
{
    char text[480];
    g_strlcpy(text, why, sizeof text);
    struct dpl_message m = {.type = DPL_MSG_MIRROR_STOP,
                            .has = DPL_M(MIRROR) | DPL_M(REASON) | DPL_M(TEXT),
                            .mirror = e->mirror.id,
                            .reason = reason,
                            .text = dpl_view_text(text)};
    e->mirror.stopped = e->mirror.id;
    dpl_engine_mirror_leave(e, why);
    dpl_engine_error(e, why);
    (void)dpl_target_say(&e->target, &m, now_of(e));
}

/* Receiving. */

static int note_end(struct dpl_engine *e, const struct dpl_message *m, struct dpl_err *err)
{
    struct dpl_replica_status s;
    dpl_replica_status(e->replica, &s);
    if (dpl_epoch_tag(&s.epoch) != m->epoch_tag)
        return dpl_err_set(err, DPL_E_CORRUPT, "a mirror ends in an epoch that is not open");
    e->mirror.end = (struct dpl_position){s.epoch.number, m->lsn};
    return 0;
}

/* One message, whose place in the stream has come. */
static int apply_message(struct dpl_engine *e, struct dpl_position at, const struct dpl_message *m,
                         struct dpl_err *err)
{
    int rc = 0;
    if (m->type == DPL_MSG_MIRROR_BEGIN)
        return dpl_engine_mirror_begin(e, m, err);
    if (!e->mirror.target)
        return dpl_err_set(err, DPL_E_CORRUPT, "a mirror has no begin");
    if (m->type == DPL_MSG_MIRROR_END)
        rc = note_end(e, m, err);
    if (rc == 0)
        rc = dpl_mirror_target_message(e->mirror.target, at.epoch, at.lsn, m, err);
    if (!e->mirror.test)
        dpl_replica_changed(e->replica, dpl_message_frame_bytes(m));
    return rc;
}

static int apply(struct dpl_engine *e, const struct waiting *w, struct dpl_err *err)
{
    struct dpl_message m = {0};
    gsize size;
    const uint8_t *frame = g_bytes_get_data(w->frame, &size);
    unsigned type, flags;
    size_t body;
    int rc = dpl_frame_head_decode(frame, DPL_FRAME_BODY_MAX, &type, &flags, &body, err);
    if (rc == 0)
        rc = dpl_message_decode(&m, type, frame + DPL_FRAME_HEAD, body, err);
    return rc < 0 ? rc : apply_message(e, w->at, &m, err);
}

static enum dpl_mirror_stop reason_of(int code)
{
    return code == DPL_E_REFUSED                                ? DPL_MIRROR_STOP_GUARD
           : code == DPL_E_CORRUPT || code == DPL_E_UNSUPPORTED ? DPL_MIRROR_STOP_BROKEN
           : code == DPL_E_NO_SPACE                             ? DPL_MIRROR_STOP_SPACE
                                                                : DPL_MIRROR_STOP_IO;
}

static void ended(struct dpl_engine *e)
{
    const struct dpl_mirror_result *r = &e->mirror.result;
    g_autofree char *text =
        g_strdup_printf("%s%llu objects, %llu made, %llu changed, %llu orphans, %llu of them gone",
                        r->test ? "a test: " : "", (unsigned long long)r->objects,
                        (unsigned long long)r->created, (unsigned long long)r->changed,
                        (unsigned long long)r->found, (unsigned long long)r->removed);
    if (!e->mirror.test && !e->mirror.of_object)
        dpl_kept_remove(e->reserve_fd);
    e->mirror.want_told = false;
    close_it(e);
    dpl_engine_event(e, "mirror-ended", text);
}

/* The first that waits. 1: it was taken; 0: it cannot be, for now; or a negative code of the disk.
 */
static int take_first(struct dpl_engine *e, struct dpl_err *err)
{
    struct waiting *w = g_queue_peek_head(&e->mirror.waiting);
    struct dpl_err why = {0};
    int rc = apply(e, w, &why);
    if (rc == DPL_E_NO_SPACE) { /* it comes again, and ends where it would have */
        *err = why;
        return rc;
    }
    if (rc == DPL_E_NOT_RUNNING)
        return 0; /* the session is over */
    if (rc < 0) {
        stop(e, reason_of(rc), why.text);
        return 1;
    }
    g_queue_pop_head(&e->mirror.waiting);
    e->mirror.waiting_bytes -= g_bytes_get_size(w->frame);
    waiting_free(w);
    if (rc > 0)
        ended(e);
    return 1;
}

int dpl_engine_apply(struct dpl_engine *e, int64_t deadline_ns, struct dpl_err *err)
{
    const struct waiting *w;
    while ((w = g_queue_peek_head(&e->mirror.waiting))) {
        struct dpl_replica_status s;
        int rc = dpl_replica_apply_to(e->replica, w->at, deadline_ns, err);
        if (rc != 0)
            return rc;
        dpl_replica_status(e->replica, &s);
        if (s.paused || s.failed || e->retry_ns || dpl_position_below(s.applied, w->at))
            return 0;
        rc = take_first(e, err);
        if (rc <= 0)
            return rc;
        if (now_of(e) >= deadline_ns)
            return 1;
    }
    return dpl_replica_apply(e->replica, deadline_ns, err);
}

/* What brings content need not wait, nor be copied, where all before it has been applied. What it
 * could not do is done again in its turn, and fails there. */
static bool apply_now(struct dpl_engine *e, const struct dpl_message *m)
{
    struct dpl_replica_status s;
    struct dpl_err err = {0};
    if ((m->type != DPL_MSG_MIRROR_FILES && m->type != DPL_MSG_MIRROR_DATA) || !e->mirror.target ||
        !g_queue_is_empty(&e->mirror.waiting) || e->retry_ns)
        return false;
    dpl_replica_status(e->replica, &s);
    struct dpl_position at = {s.epoch.number, e->target.lsn};
    return !s.paused && !s.failed && !dpl_position_below(s.applied, at) &&
           apply_message(e, at, m, &err) == 0;
}

static int keep(struct dpl_engine *e, const struct dpl_message *m, struct dpl_err *err)
{
    struct dpl_replica_status s;
    size_t size = dpl_message_frame_bytes(m);
    if (e->mirror.waiting_bytes > 2 * e->window_bytes + DPL_RECORDS_MAX)
        return dpl_err_set(err, DPL_E_CORRUPT, "more of a mirror came than there is a window for");
    uint8_t *frame = g_malloc(size);
    ssize_t rc = dpl_message_encode(m, frame, size, err);
    if (rc < 0) {
        g_free(frame);
        return (int)rc;
    }
    dpl_replica_status(e->replica, &s);
    struct waiting *w = g_new(struct waiting, 1);
    *w = (struct waiting){{s.epoch.number, e->target.lsn}, g_bytes_new_take(frame, size)};
    g_queue_push_tail(&e->mirror.waiting, w);
    e->mirror.waiting_bytes += size;
    e->more = true;
    return 0;
}

int dpl_engine_mirror_message(struct dpl_engine *e, const struct dpl_message *m,
                              struct dpl_err *err)
{
    struct dpl_engine_mirror *at = &e->mirror;
    if (m->mirror == at->stopped)
        return 0; /* it was under way when we stopped it */
    if (m->type == DPL_MSG_MIRROR_STOP) {
        if (m->mirror == at->id)
            dpl_engine_mirror_leave(e, "the source has stopped it");
        return 0;
    }
    if (m->type == DPL_MSG_MIRROR_BEGIN) {
        if (at->id != 0)
            return dpl_err_set(err, DPL_E_CORRUPT, "a mirror begins before another one ended");
        at->id = m->mirror;
        e->changed = true;
    }
    if (m->mirror != at->id)
        return dpl_err_set(err, DPL_E_CORRUPT, "\"%s\" is of a mirror that is not open",
                           dpl_message_text(m->type));
    if (apply_now(e, m))
        return 0;
    /* The source could not be told of it: there is nobody any more. */
    return e->target.state == DPL_TARGET_OFFLINE ? DPL_E_UNREACHABLE : keep(e, m, err);
}

/* Time. */

int64_t dpl_engine_mirror_tick(struct dpl_engine *e, int64_t now)
{
    struct dpl_err err = {0};
    dpl_engine_ask(e, now);
    if (!e->mirror.target)
        return INT64_MAX;
    if (now - e->mirror.told_ns >= SECOND) {
        e->mirror.told_ns = now;
        (void)dpl_mirror_target_tell(e->mirror.target, &err);
        e->changed = true;
    }
    return e->mirror.told_ns + SECOND;
}

void dpl_engine_mirror_status(const struct dpl_engine *e, struct dpl_doc *status, int64_t now)
{
    struct dpl_mirror_target_count count;
    if (!e->mirror.target)
        return;
    dpl_mirror_target_count(e->mirror.target, &count);
    struct dpl_doc *doc = dpl_doc_set_tree(status, "mirror");
    dpl_doc_set_text(doc, "state", "running");
    dpl_doc_set_text(doc, "kind", dpl_mirror_kind_text(e->mirror.kind));
    dpl_doc_set_text(doc, "orphans", dpl_orphans_text(e->mirror.orphans));
    dpl_doc_set_bool(doc, "test", e->mirror.test);
    dpl_doc_set_int(doc, "objects", (int64_t)count.objects);
    dpl_doc_set_int(doc, "created", (int64_t)count.created);
    dpl_doc_set_int(doc, "changed", (int64_t)count.changed);
    dpl_doc_set_int(doc, "received_bytes", (int64_t)count.bytes);
    dpl_doc_set_int(doc, "waiting_bytes", (int64_t)e->mirror.waiting_bytes);
    dpl_doc_set_int(doc, "seconds", (now - e->mirror.began_ns) / SECOND);
}
