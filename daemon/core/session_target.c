/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The table's actions. An action runs before the state changes; one that fails ends the session.
 */
#include "daemon/core/session_target.h"

#include <string.h>

#define MS_NS     INT64_C(1000000)
#define SECOND_NS INT64_C(1000000000)

const struct dpl_target_config dpl_target_defaults = {
    .ack_ns = 2 * MS_NS,
    .heartbeat_ns = SECOND_NS,
    .dead_ns = 10 * SECOND_NS,
    .close_ns = 10 * SECOND_NS,
};

static int send_it(struct dpl_target *t, const struct dpl_message *m)
{
    int rc = t->calls->send(t->calls->self, m);
    if (rc == 0)
        t->said_ns = t->event_ns;
    return rc;
}

static int nothing(struct dpl_target *t)
{
    (void)t;
    return 0;
}

static uint64_t tag_or_none(const struct dpl_target_holds *h)
{
    return h->any ? dpl_epoch_tag(&h->epoch) : 0;
}

static int send_state(struct dpl_target *t)
{
    struct dpl_target_holds h;
    t->over = DPL_TARGET_NOT_OVER;
    t->refusal = 0;
    t->why = (struct dpl_err){0};
    t->heard_ns = t->said_ns = t->acked_ns = t->event_ns;
    t->tag = 0;
    t->moved = false;
    t->offered = (struct dpl_target_offer){0};
    /* What it gained behind the position that it says would look like a gap. */
    int rc = t->calls->sync(t->calls->self);
    if (rc < 0)
        return rc;
    t->calls->holds(t->calls->self, &h);
    struct dpl_message m = {.type = DPL_MSG_TARGET_STATE,
                            .has = DPL_M(REPLICA) | DPL_M(WINDOW) | DPL_M(FLAGS),
                            .replica = {h.replica, 16},
                            .window = h.window,
                            .flags = h.flags | (h.empty ? DPL_STATE_EMPTY : 0U)};
    if (h.any) {
        m.has |= DPL_M(EPOCH) | DPL_M(EPOCH_ID) | DPL_M(DURABLE) | DPL_M(CHAIN);
        m.epoch = h.epoch.number;
        m.epoch_id = (struct dpl_view){h.epoch.id, 16};
        m.durable = h.durable;
        m.chain = h.chain;
    }
    if (h.any && h.applies) {
        m.has |= DPL_M(APPLIED) | DPL_M(CHECKPOINT);
        m.applied = h.applied;
        m.checkpoint = h.checkpoint;
    }
    if (h.flags & DPL_STATE_NEEDS_MIRROR) {
        m.has |= DPL_M(REASON);
        m.reason = h.reason;
    }
    if (h.flags & DPL_STATE_MIRROR) {
        m.has |= DPL_M(MIRROR);
        m.mirror = h.mirror;
    }
    if (h.cursor.size > 0) {
        m.has |= DPL_M(CURSOR);
        m.cursor = h.cursor;
    }
    return send_it(t, &m);
}

static int send_answer(struct dpl_target *t, enum dpl_answer answer, uint32_t reason)
{
    struct dpl_message m = {.type = DPL_MSG_EPOCH_ANSWER,
                            .has = DPL_M(EPOCH_TAG) | DPL_M(ANSWER),
                            .epoch_tag = dpl_epoch_tag(&t->offered.epoch),
                            .answer = answer};
    if (reason) {
        m.has |= DPL_M(REASON);
        m.reason = reason;
    }
    return send_it(t, &m);
}

static int accept(struct dpl_target *t)
{
    t->tag = dpl_epoch_tag(&t->offered.epoch);
    t->lsn = t->offered.lsn;
    t->head = t->promise = 0;
    t->moved = true;
    return send_answer(t, DPL_ANSWER_ACCEPTED, 0);
}

static int compare(struct dpl_target *t)
{
    return send_answer(t, DPL_ANSWER_COMPARE, t->reason);
}

static int take_records(struct dpl_target *t)
{
    const struct dpl_message *m = t->message;
    if (m->epoch_tag != t->tag || m->lsn != t->lsn)
        return dpl_err_set(&t->why, DPL_E_CORRUPT,
                           "records came for LSN %llu, where %llu was the next",
                           (unsigned long long)m->lsn, (unsigned long long)t->lsn);
    int rc = t->calls->records(t->calls->self, m, &t->why);
    if (rc < 0)
        return rc;
    t->lsn += m->data.size;
    t->moved = true;
    return 0;
}

static int take_ended(struct dpl_target *t)
{
    const struct dpl_message *m = t->message;
    if (m->epoch_tag != t->tag || m->lsn != t->lsn)
        return dpl_err_set(&t->why, DPL_E_CORRUPT, "the journal is said to end where it does not");
    t->moved = true;
    t->offered = (struct dpl_target_offer){0};
    return t->calls->ended(t->calls->self, m->lsn, m->flags & DPL_ENDED_MIRROR_NEEDED, &t->why);
}

static int take_heartbeat(struct dpl_target *t)
{
    const struct dpl_message *m = t->message;
    t->source_time_ns = (int64_t)m->time_ns;
    t->promise = 0; /* that of an earlier one was from its own time on */
    if (!(m->has & DPL_M(EPOCH_TAG)) || t->tag == 0 || m->epoch_tag != t->tag)
        return 0;
    t->head = m->head;
    t->promise = m->has & DPL_M(PROMISE) ? m->promise : 0;
    t->calls->synced(t->calls->self, m->synced, m->head);
    t->moved = true;
    return 0;
}

static int take_pause(struct dpl_target *t)
{
    t->moved = true;
    return t->calls->pause(t->calls->self, t->message->command == DPL_COMMAND_PAUSE);
}

static int of_mirror(struct dpl_target *t)
{
    return t->calls->mirror(t->calls->self, t->message);
}

static int mirror_here(struct dpl_target *t)
{
    return of_mirror(t);
}

/* The mirror that was waited for: records follow from the last offer on. */
static int mirror_anew(struct dpl_target *t)
{
    if (t->offered.epoch.number == 0)
        return of_mirror(t); /* behind a gap: of the epoch that is open */
    int rc = t->calls->begin(t->calls->self, &t->offered, t->reason);
    if (rc < 0)
        return rc;
    t->tag = dpl_epoch_tag(&t->offered.epoch);
    t->lsn = t->offered.lsn;
    t->head = t->promise = 0;
    t->moved = true;
    return of_mirror(t);
}

static int send_ack(struct dpl_target *t)
{
    struct dpl_target_holds h;
    t->calls->holds(t->calls->self, &h);
    if (t->tag == 0 || tag_or_none(&h) != t->tag)
        return 0;
    struct dpl_message m = {.type = DPL_MSG_ACK,
                            .has = DPL_M(EPOCH_TAG) | DPL_M(RECEIVED) | DPL_M(DURABLE) |
                                   DPL_M(QUEUE_BYTES) | DPL_M(FLAGS),
                            .epoch_tag = t->tag,
                            .received = h.received,
                            .durable = h.durable,
                            .queue_bytes = h.queue_bytes,
                            .flags = h.flags};
    if (h.applies) {
        m.has |= DPL_M(APPLIED) | DPL_M(CHECKPOINT);
        m.applied = h.applied;
        m.checkpoint = h.checkpoint;
    }
    if (h.time_ns) {
        m.has |= DPL_M(TIME);
        m.time_ns = h.time_ns;
    }
    if ((h.flags & DPL_STATE_FULL) && h.room > 0) {
        m.has |= DPL_M(ROOM);
        m.room = h.room;
    }
    t->moved = false;
    t->acked_ns = t->event_ns;
    return send_it(t, &m);
}

static const struct dpl_message close_message = {
    .type = DPL_MSG_CONTROL, .has = DPL_M(COMMAND), .command = DPL_COMMAND_CLOSE};

/* What was received is durable, and said to be, before we go. */
static int last_words(struct dpl_target *t)
{
    int rc = t->calls->sync(t->calls->self);
    if (rc == 0)
        rc = send_ack(t);
    return rc < 0 ? rc : send_it(t, &close_message);
}

static int send_close(struct dpl_target *t)
{
    t->closing_ns = t->event_ns;
    return last_words(t);
}

static int answer_close(struct dpl_target *t)
{
    t->over = DPL_TARGET_OVER_CLOSED;
    (void)last_words(t);
    dpl_err_set(&t->why, DPL_E_NOT_RUNNING, "the source has closed the session");
    return 0;
}

static int closed(struct dpl_target *t)
{
    t->over = DPL_TARGET_OVER_CLOSED;
    return 0;
}

static int refused(struct dpl_target *t)
{
    char text[200];
    t->over = DPL_TARGET_OVER_REFUSED;
    t->refusal = t->message->code;
    dpl_view_copy_text(t->message->text, text, sizeof text);
    const char *known = dpl_refusal_text(t->refusal);
    dpl_err_set(&t->why, DPL_E_REFUSED, "the source refuses: %s: %s",
                known ? known : "a reason unknown here", text);
    return 0;
}

static int lost(struct dpl_target *t)
{
    t->over = DPL_TARGET_OVER_LOST;
    if (t->why.code == 0)
        dpl_err_set(&t->why, DPL_E_UNREACHABLE, "the connection is lost");
    return 0;
}

static void refuse(struct dpl_target *t, enum dpl_refusal code, const char *text)
{
    struct dpl_message m = {.type = DPL_MSG_REFUSE,
                            .has = DPL_M(CODE) | DPL_M(TEXT),
                            .code = code,
                            .text = dpl_view_text(text)};
    (void)send_it(t, &m);
}

static int refuse_silence(struct dpl_target *t)
{
    t->over = DPL_TARGET_OVER_SILENT;
    dpl_err_set(&t->why, DPL_E_TIMEOUT, "nothing was heard of the source for too long");
    refuse(t, DPL_REFUSE_SILENCE, t->why.text);
    return 0;
}

static int refuse_storage(struct dpl_target *t)
{
    t->over = DPL_TARGET_OVER_STORAGE;
    refuse(t, DPL_REFUSE_STORAGE, t->why.text);
    return 0;
}

/* The peer broke the protocol: `why` says how. */
static int broken(struct dpl_target *t)
{
    t->state = DPL_TARGET_OFFLINE;
    t->over = DPL_TARGET_OVER_BROKEN;
    refuse(t, DPL_REFUSE_PROTOCOL, t->why.text);
    return t->why.code;
}

static const struct {
    int (*action)(struct dpl_target *t);
    enum dpl_target_state next;
} steps[DPL_TARGET_STATES][DPL_TARGET_EVENTS] = {
#define TARGET_STEP(state, event, next, action)                                                    \
    [DPL_TARGET_##state][DPL_TARGET_ON_##event] = {action, DPL_TARGET_##next},
#include "daemon/core/session_target.tbl.h"
#undef TARGET_STEP
};

enum by { OWN, PEER };
static const struct {
    const char *text;
    enum by by;
} events[] = {
#define TARGET_EVENT(name, by, text) {text, by},
#include "daemon/core/session_target.tbl.h"
#undef TARGET_EVENT
};

const char *dpl_target_event_text(enum dpl_target_event event)
{
    return event < DPL_TARGET_EVENTS ? events[event].text : "?";
}

const char *dpl_target_state_text(enum dpl_target_state state)
{
    static const char *const texts[] = {
#define TARGET_STATE(name, text) text,
#include "daemon/core/session_target.tbl.h"
#undef TARGET_STATE
    };
    return state < DPL_TARGET_STATES ? texts[state] : "?";
}

/* An action failed: the peer's message made no sense, the replica cannot be written, or nothing can
 * be sent any more. */
static int step_failed(struct dpl_target *t, enum dpl_target_event event, int rc)
{
    if (events[event].by == PEER &&
        (t->why.code == DPL_E_CORRUPT || t->why.code == DPL_E_UNSUPPORTED))
        return broken(t);
    t->state = DPL_TARGET_OFFLINE;
    if (rc == DPL_E_IO || rc == DPL_E_NO_SPACE) {
        if (t->why.code == 0)
            dpl_err_set(&t->why, rc, "the replica cannot be written: %s", dpl_err_text(rc));
        refuse_storage(t);
        return rc;
    }
    if (t->why.code == 0)
        dpl_err_set(&t->why, rc, "the session fails: %s", dpl_err_text(rc));
    lost(t);
    return rc;
}

static int step(struct dpl_target *t, enum dpl_target_event event, int64_t now_ns)
{
    t->event_ns = now_ns;
    if (events[event].by == PEER)
        t->heard_ns = now_ns;
    if (!steps[t->state][event].action) {
        if (events[event].by == OWN)
            return DPL_E_PARAM;
        if (t->state == DPL_TARGET_OFFLINE)
            return DPL_E_CORRUPT;
        dpl_err_set(&t->why, DPL_E_CORRUPT, "\"%s\" is out of place while %s",
                    dpl_target_event_text(event), dpl_target_state_text(t->state));
        return broken(t);
    }
    enum dpl_target_state next = steps[t->state][event].next;
    int rc = steps[t->state][event].action(t);
    if (rc < 0)
        return step_failed(t, event, rc);
    t->state = next;
    return 0;
}

void dpl_target_init(struct dpl_target *t, const struct dpl_target_config *config,
                     const struct dpl_target_calls *calls)
{
    *t = (struct dpl_target){.config = *config, .calls = calls};
}

int dpl_target_connected(struct dpl_target *t, int64_t now_ns)
{
    return step(t, DPL_TARGET_ON_CONNECTED, now_ns);
}

void dpl_target_lost(struct dpl_target *t, int64_t now_ns)
{
    (void)step(t, DPL_TARGET_ON_LOST, now_ns);
}

int dpl_target_nonsense(struct dpl_target *t, const struct dpl_err *why, int64_t now_ns)
{
    t->event_ns = now_ns;
    if (t->state == DPL_TARGET_OFFLINE)
        return DPL_E_PARAM;
    t->why = *why;
    return broken(t);
}

int dpl_target_storage(struct dpl_target *t, const struct dpl_err *why, int64_t now_ns)
{
    if (t->state == DPL_TARGET_OFFLINE)
        return DPL_E_PARAM;
    t->why = *why;
    return step(t, DPL_TARGET_ON_STORAGE, now_ns);
}

int dpl_target_close(struct dpl_target *t, int64_t now_ns)
{
    return step(t, DPL_TARGET_ON_CLOSE, now_ns);
}

int dpl_target_say(struct dpl_target *t, const struct dpl_message *m, int64_t now_ns)
{
    if (t->state == DPL_TARGET_OFFLINE || t->state == DPL_TARGET_CLOSING)
        return DPL_E_PARAM;
    t->event_ns = now_ns;
    int rc = send_it(t, m);
    return rc < 0 ? step_failed(t, DPL_TARGET_ON_LOST, rc) : 0;
}

void dpl_target_moved(struct dpl_target *t)
{
    t->moved = true;
}

/* An offered epoch is looked at before the table is: it is two events. */
static int event_of_epoch(struct dpl_target *t, const struct dpl_message *m)
{
    struct dpl_target_offer *o = &t->offered;
    if (t->state == DPL_TARGET_CLOSING || t->state == DPL_TARGET_STREAMING ||
        t->state == DPL_TARGET_OFFLINE)
        return DPL_TARGET_ON_EPOCH;
    *o = (struct dpl_target_offer){
        .lsn = m->lsn, .chain = m->chain, .equal = m->flags & DPL_EPOCH_EQUAL};
    o->epoch.number = m->epoch;
    memcpy(o->epoch.id, m->epoch_id.data, 16);
    memcpy(o->epoch.parent_id, m->parent_id.data, 16);
    memcpy(o->epoch.fs_uuid, m->fs_uuid.data, 16);
    dpl_view_copy_text(m->set, o->epoch.set, sizeof o->epoch.set);
    t->reason = 0;
    int rc = t->calls->offer(t->calls->self, o, &t->reason);
    if (rc < 0)
        return rc;
    return rc > 0 ? (int)DPL_TARGET_ON_EPOCH : (int)DPL_TARGET_ON_EPOCH_OTHER;
}

enum { NO_SUCH = DPL_TARGET_EVENTS };

static int event_of(struct dpl_target *t, const struct dpl_message *m)
{
    switch (m->type) {
    case DPL_MSG_EPOCH:
        return event_of_epoch(t, m);
    case DPL_MSG_RECORDS:
        return DPL_TARGET_ON_RECORDS;
    case DPL_MSG_ENDED:
        return m->flags & DPL_ENDED_MIRROR_NEEDED ? DPL_TARGET_ON_ENDED_GAP : DPL_TARGET_ON_ENDED;
    case DPL_MSG_HEARTBEAT:
        return DPL_TARGET_ON_HEARTBEAT;
    case DPL_MSG_CONTROL:
        return m->command == DPL_COMMAND_CLOSE ? DPL_TARGET_ON_LEAVES : DPL_TARGET_ON_PAUSE;
    case DPL_MSG_MIRROR_BEGIN:
        return m->has & DPL_M(OBJECT) ? DPL_TARGET_ON_OF_MIRROR : DPL_TARGET_ON_MIRROR_SET;
    case DPL_MSG_MIRROR_DIR:
    case DPL_MSG_MIRROR_ITEM:
    case DPL_MSG_MIRROR_SUMS:
    case DPL_MSG_MIRROR_DATA:
    case DPL_MSG_MIRROR_END:
    case DPL_MSG_MIRROR_STOP:
    case DPL_MSG_MIRROR_FILES:
        return DPL_TARGET_ON_OF_MIRROR;
    case DPL_MSG_REFUSE:
        return DPL_TARGET_ON_REFUSE;
    default:
        return NO_SUCH;
    }
}

int dpl_target_receive(struct dpl_target *t, const struct dpl_message *m, int64_t now_ns)
{
    t->event_ns = now_ns;
    int event = event_of(t, m);
    if (event < 0)
        return step_failed(t, DPL_TARGET_ON_EPOCH, event);
    if (event == NO_SUCH) {
        struct dpl_err why;
        dpl_err_set(&why, DPL_E_CORRUPT, "a source does not send \"%s\"",
                    dpl_message_text(m->type) ? dpl_message_text(m->type) : "?");
        return dpl_target_nonsense(t, &why, now_ns);
    }
    t->message = m;
    int rc = step(t, (enum dpl_target_event)event, now_ns);
    t->message = NULL;
    return rc;
}

static int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int say_what_is_due(struct dpl_target *t, int64_t now_ns)
{
    bool acks = t->tag != 0 && t->state != DPL_TARGET_CLOSING;
    if (acks && t->moved && now_ns - t->acked_ns >= t->config.ack_ns)
        return send_ack(t);
    if (now_ns - t->said_ns < t->config.heartbeat_ns)
        return 0;
    struct dpl_message m = {.type = DPL_MSG_HEARTBEAT, .has = DPL_M(TIME), .time_ns = t->wall_ns};
    return send_it(t, &m);
}

int64_t dpl_target_tick(struct dpl_target *t, int64_t now_ns)
{
    t->event_ns = now_ns;
    if (t->state == DPL_TARGET_OFFLINE)
        return INT64_MAX;
    bool leaving = t->state == DPL_TARGET_CLOSING;
    int64_t dead = t->heard_ns + t->config.dead_ns;
    if (leaving)
        dead = sooner(dead, t->closing_ns + t->config.close_ns);
    if (now_ns >= dead) {
        (void)step(t, DPL_TARGET_ON_SILENCE, now_ns);
        return INT64_MAX;
    }
    int rc = say_what_is_due(t, now_ns);
    if (rc < 0) {
        dpl_err_set(&t->why, rc, "sending to the source fails: %s", dpl_err_text(rc));
        (void)step(t, DPL_TARGET_ON_LOST, now_ns);
        return INT64_MAX;
    }
    int64_t next = sooner(dead, t->said_ns + t->config.heartbeat_ns);
    if (t->tag != 0 && t->moved && !leaving)
        next = sooner(next, t->acked_ns + t->config.ack_ns);
    return next;
}
