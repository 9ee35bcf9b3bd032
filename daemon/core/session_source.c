/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The table's actions. An action runs before the state changes; one that fails ends the session.
 */
#include "daemon/core/session_source_step.h"

#include <string.h>

#define SECOND_NS INT64_C(1000000000)

const struct dpl_source_config dpl_source_defaults = {
    .window_max = 32 * 1024 * 1024,
    .heartbeat_ns = SECOND_NS,
    .dead_ns = 10 * SECOND_NS,
    .close_ns = 10 * SECOND_NS,
};

int dpl_source_send(struct dpl_source *s, const struct dpl_message *m)
{
    return s->calls->send(s->calls->self, m);
}

static void tell(struct dpl_source *s, enum dpl_source_news news)
{
    s->calls->news(s->calls->self, news);
}

static int nothing(struct dpl_source *s)
{
    (void)s;
    return 0;
}

static int begin(struct dpl_source *s)
{
    s->over = DPL_SOURCE_NOT_OVER;
    s->refusal = 0;
    s->why = (struct dpl_err){0};
    s->heard_ns = s->beat_ns = s->event_ns;
    s->now = s->former = s->offered = (struct dpl_source_position){0};
    s->flags = s->compare = 0;
    s->queue_bytes = s->applied_time_ns = s->room = 0;
    return 0;
}

void dpl_source_take_cursor(struct dpl_source *s, const struct dpl_message *m)
{
    s->cursor_size = 0;
    if (!(m->has & DPL_M(CURSOR)) || m->cursor.size == 0 || m->cursor.size > sizeof s->cursor)
        return;
    memcpy(s->cursor, m->cursor.data, m->cursor.size);
    s->cursor_size = m->cursor.size;
}

static int take_state(struct dpl_source *s)
{
    const struct dpl_message *m = s->message;
    s->window = m->window < s->config.window_max ? m->window : s->config.window_max;
    s->flags = m->flags & ~(uint32_t)DPL_STATE_EMPTY;
    s->empty = m->flags & DPL_STATE_EMPTY;
    s->compare = s->told = m->has & DPL_M(REASON) ? m->reason : 0;
    memcpy(s->replica, m->replica.data, sizeof s->replica);
    dpl_source_take_cursor(s, m);
    s->has_epoch = m->has & DPL_M(EPOCH);
    if (!s->has_epoch)
        return 0;
    s->last_number = m->epoch;
    memcpy(s->last_id, m->epoch_id.data, sizeof s->last_id);
    s->last_durable = m->durable;
    s->last_chain = m->chain;
    if (memcmp(s->last_id, s->best_id, sizeof s->best_id) == 0 && m->durable < s->best_durable) {
        s->best_durable = m->durable;
        tell(s, DPL_SOURCE_NEWS_WENT_BACK);
    }
    return 0;
}

static int send_epoch(struct dpl_source *s)
{
    const struct dpl_source_position *o = &s->offered;
    struct dpl_message m = {
        .type = DPL_MSG_EPOCH,
        .has = DPL_M(SET) | DPL_M(EPOCH) | DPL_M(EPOCH_ID) | DPL_M(PARENT_ID) | DPL_M(FS_UUID) |
               DPL_M(LSN) | DPL_M(CHAIN) | DPL_M(FLAGS),
        .set = dpl_view_text(o->epoch.set),
        .epoch = o->epoch.number,
        .epoch_id = {o->epoch.id, 16},
        .parent_id = {o->epoch.parent_id, 16},
        .fs_uuid = {o->epoch.fs_uuid, 16},
        .lsn = o->start,
        .chain = o->chain,
        .flags = s->message->flags,
    };
    return dpl_source_send(s, &m);
}

/* The answer must be to what was offered. */
static int answer_check(struct dpl_source *s)
{
    if (s->offered.tag != 0 && s->message->epoch_tag == s->offered.tag)
        return 0;
    return dpl_err_set(&s->why, DPL_E_CORRUPT, "the target answers what was not asked");
}

/* From here on what is sent is of `now`. */
static void follow(struct dpl_source *s)
{
    s->now.accepted = true;
    s->acked = false;
    s->room = 0;
    s->head = s->now.start; /* not that of the epoch before */
    s->synced = 0;
    s->promise = 0;
    s->compare = 0; /* its flags hold until the next ack tells again */
    s->has_epoch = true;
    s->last_number = s->now.epoch.number;
    memcpy(s->last_id, s->now.epoch.id, sizeof s->last_id);
    s->last_durable = s->now.start;
    s->last_chain = s->now.chain;
    if (memcmp(s->best_id, s->now.epoch.id, sizeof s->best_id) != 0) {
        memcpy(s->best_id, s->now.epoch.id, sizeof s->best_id);
        s->best_durable = s->now.start;
    }
    tell(s, DPL_SOURCE_NEWS_ACK);
}

static int take_accepted(struct dpl_source *s)
{
    int rc = answer_check(s);
    if (rc < 0)
        return rc;
    s->now = s->offered;
    s->offered.tag = 0; /* one answer */
    s->former = (struct dpl_source_position){0};
    if (s->now.equal) { /* a person's word, against whatever its state had said */
        s->flags &= ~(uint32_t)DPL_STATE_NEEDS_MIRROR;
        s->told = 0;
    }
    follow(s);
    return 0;
}

static int take_differs(struct dpl_source *s)
{
    int rc = answer_check(s);
    if (rc < 0)
        return rc;
    if (s->now.accepted)
        s->former = s->now; /* acks are of it until a mirror has begun */
    s->now = s->offered;
    s->offered.tag = 0; /* one answer */
    s->compare = s->told = s->message->reason;
    tell(s, DPL_SOURCE_NEWS_COMPARE);
    return 0;
}

/* What the rules of the protocol forbid; dpl_message_decode has looked at the order of positions.
 */
static const char *ack_wrong(const struct dpl_source_position *p, const struct dpl_message *m)
{
    if (p->tag == 0 || m->epoch_tag != p->tag)
        return "it is of an epoch that is not being sent";
    if (m->received > p->sent)
        return "more was received than was sent";
    if (m->received < p->received || m->durable < p->durable)
        return "a position went back";
    if (!(m->has & DPL_M(APPLIED)))
        return p->applies ? "the applied position is missing" : NULL;
    if (p->applies && (m->applied < p->applied || m->checkpoint < p->checkpoint))
        return "a position went back";
    return NULL;
}

static int take_ack(struct dpl_source *s)
{
    const struct dpl_message *m = s->message;
    bool before = s->former.tag != 0 && m->epoch_tag == s->former.tag;
    struct dpl_source_position *p = before ? &s->former : &s->now;
    const char *wrong = ack_wrong(p, m);
    if (wrong)
        return dpl_err_set(&s->why, DPL_E_CORRUPT, "an acknowledgement makes no sense: %s", wrong);
    if (!before)
        s->former = (struct dpl_source_position){0};
    p->received = m->received;
    p->durable = m->durable;
    if (m->has & DPL_M(APPLIED)) {
        p->applies = true;
        p->applied = m->applied;
        p->checkpoint = m->checkpoint;
    }
    if (memcmp(s->best_id, p->epoch.id, sizeof s->best_id) == 0 && p->durable > s->best_durable)
        s->best_durable = p->durable;
    s->queue_bytes = m->queue_bytes;
    s->flags = m->flags;
    s->room = m->has & DPL_M(ROOM) && !before ? m->room : 0;
    s->acked |= !before;
    if (!before && !(m->flags & DPL_STATE_NEEDS_MIRROR))
        s->told = 0;
    if (m->has & DPL_M(TIME))
        s->applied_time_ns = m->time_ns;
    tell(s, DPL_SOURCE_NEWS_ACK);
    return 0;
}

static int send_records(struct dpl_source *s)
{
    int rc = dpl_source_send(s, s->message);
    if (rc < 0)
        return rc;
    s->now.sent += s->message->data.size;
    return 0;
}

static int send_message(struct dpl_source *s)
{
    return dpl_source_send(s, s->message);
}

static int send_ended(struct dpl_source *s)
{
    int rc = dpl_source_send(s, s->message);
    if (rc < 0)
        return rc;
    s->former = s->now;
    return 0;
}

static int send_gap(struct dpl_source *s)
{
    int rc = dpl_source_send(s, s->message);
    if (rc < 0)
        return rc;
    s->compare = DPL_COMPARE_ENDED;
    tell(s, DPL_SOURCE_NEWS_COMPARE);
    return 0;
}

/* The begin of a mirror is what makes the target begin at the offer that it could not follow. */
static int send_mirror(struct dpl_source *s)
{
    int rc = send_message(s);
    if (rc == 0)
        follow(s);
    return rc;
}

static int send_control(struct dpl_source *s)
{
    return send_message(s);
}

static int want(struct dpl_source *s)
{
    s->calls->mirror(s->calls->self, s->message);
    return 0;
}

static int of_mirror(struct dpl_source *s)
{
    return want(s);
}

static const struct dpl_message close_message = {
    .type = DPL_MSG_CONTROL, .has = DPL_M(COMMAND), .command = DPL_COMMAND_CLOSE};

static int send_close(struct dpl_source *s)
{
    s->closing_ns = s->event_ns;
    return dpl_source_send(s, &close_message);
}

static int answer_close(struct dpl_source *s)
{
    s->over = DPL_SOURCE_OVER_CLOSED;
    (void)dpl_source_send(s, &close_message);
    dpl_err_set(&s->why, DPL_E_NOT_RUNNING, "the target has closed the session");
    return 0;
}

static int closed(struct dpl_source *s)
{
    s->over = DPL_SOURCE_OVER_CLOSED;
    return 0;
}

static int refused(struct dpl_source *s)
{
    char text[200];
    s->over = DPL_SOURCE_OVER_REFUSED;
    s->refusal = s->message->code;
    dpl_view_copy_text(s->message->text, text, sizeof text);
    const char *known = dpl_refusal_text(s->refusal);
    dpl_err_set(&s->why, DPL_E_REFUSED, "the target refuses: %s: %s",
                known ? known : "a reason unknown here", text);
    return 0;
}

static int lost(struct dpl_source *s)
{
    s->over = DPL_SOURCE_OVER_LOST;
    if (s->why.code == 0)
        dpl_err_set(&s->why, DPL_E_UNREACHABLE, "the connection is lost");
    return 0;
}

static void refuse(struct dpl_source *s, enum dpl_refusal code, const char *text)
{
    struct dpl_message m = {.type = DPL_MSG_REFUSE,
                            .has = DPL_M(CODE) | DPL_M(TEXT),
                            .code = code,
                            .text = dpl_view_text(text)};
    (void)dpl_source_send(s, &m);
}

static int refuse_silence(struct dpl_source *s)
{
    s->over = DPL_SOURCE_OVER_SILENT;
    dpl_err_set(&s->why, DPL_E_TIMEOUT, "nothing was heard of the target for too long");
    refuse(s, DPL_REFUSE_SILENCE, s->why.text);
    return 0;
}

int dpl_source_broken(struct dpl_source *s)
{
    s->state = DPL_SOURCE_OFFLINE;
    s->over = DPL_SOURCE_OVER_BROKEN;
    refuse(s, DPL_REFUSE_PROTOCOL, s->why.text);
    return s->why.code;
}

static const struct {
    int (*action)(struct dpl_source *s);
    enum dpl_source_state next;
} steps[DPL_SOURCE_STATES][DPL_SOURCE_EVENTS] = {
#define SOURCE_STEP(state, event, next, action)                                                    \
    [DPL_SOURCE_##state][DPL_SOURCE_ON_##event] = {action, DPL_SOURCE_##next},
#include "daemon/core/session_source.tbl.h"
#undef SOURCE_STEP
};

enum by { OWN, PEER };
static const struct {
    const char *text;
    enum by by;
} events[] = {
#define SOURCE_EVENT(name, by, text) {text, by},
#include "daemon/core/session_source.tbl.h"
#undef SOURCE_EVENT
};

const char *dpl_source_event_text(enum dpl_source_event event)
{
    return event < DPL_SOURCE_EVENTS ? events[event].text : "?";
}

const char *dpl_source_state_text(enum dpl_source_state state)
{
    static const char *const texts[] = {
#define SOURCE_STATE(name, text) text,
#include "daemon/core/session_source.tbl.h"
#undef SOURCE_STATE
    };
    return state < DPL_SOURCE_STATES ? texts[state] : "?";
}

int dpl_source_step_failed(struct dpl_source *s, enum dpl_source_event event, int rc)
{
    if (events[event].by == PEER && s->why.code == DPL_E_CORRUPT)
        return dpl_source_broken(s);
    if (s->why.code == 0)
        dpl_err_set(&s->why, rc, "sending to the target fails: %s", dpl_err_text(rc));
    s->state = DPL_SOURCE_OFFLINE;
    lost(s);
    return rc;
}

int dpl_source_step(struct dpl_source *s, enum dpl_source_event event, int64_t now_ns)
{
    s->event_ns = now_ns;
    if (events[event].by == PEER)
        s->heard_ns = now_ns;
    if (!steps[s->state][event].action) {
        if (events[event].by == OWN)
            return DPL_E_PARAM;
        if (s->state == DPL_SOURCE_OFFLINE)
            return DPL_E_CORRUPT;
        dpl_err_set(&s->why, DPL_E_CORRUPT, "\"%s\" is out of place while %s",
                    dpl_source_event_text(event), dpl_source_state_text(s->state));
        return dpl_source_broken(s);
    }
    enum dpl_source_state next = steps[s->state][event].next;
    int rc = steps[s->state][event].action(s);
    if (rc < 0)
        return dpl_source_step_failed(s, event, rc);
    s->state = next;
    return 0;
}
