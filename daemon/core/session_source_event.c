/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What happens to the source's side of a session, as events of its table.
 */
#include "daemon/core/session_source_step.h"

void dpl_source_init(struct dpl_source *s, const struct dpl_source_config *config,
                     const struct dpl_source_calls *calls)
{
    *s = (struct dpl_source){.config = *config, .calls = calls};
}

int dpl_source_connected(struct dpl_source *s, int64_t now_ns)
{
    return dpl_source_step(s, DPL_SOURCE_ON_CONNECTED, now_ns);
}

void dpl_source_lost(struct dpl_source *s, int64_t now_ns)
{
    (void)dpl_source_step(s, DPL_SOURCE_ON_LOST, now_ns);
}

int dpl_source_nonsense(struct dpl_source *s, const struct dpl_err *why, int64_t now_ns)
{
    s->event_ns = now_ns;
    if (s->state == DPL_SOURCE_OFFLINE)
        return DPL_E_PARAM;
    s->why = *why;
    return dpl_source_broken(s);
}

static int event_of(const struct dpl_message *m)
{
    switch (m->type) {
    case DPL_MSG_TARGET_STATE:
        return DPL_SOURCE_ON_STATE;
    case DPL_MSG_EPOCH_ANSWER:
        return m->answer == DPL_ANSWER_ACCEPTED ? DPL_SOURCE_ON_ACCEPTED : DPL_SOURCE_ON_DIFFERS;
    case DPL_MSG_ACK:
        return DPL_SOURCE_ON_ACK;
    case DPL_MSG_HEARTBEAT:
        return m->has & DPL_M(HEAD) ? -1 : DPL_SOURCE_ON_HEARTBEAT;
    case DPL_MSG_WANT:
        return DPL_SOURCE_ON_WANT;
    case DPL_MSG_MIRROR_NEED:
    case DPL_MSG_MIRROR_PROGRESS:
    case DPL_MSG_MIRROR_RESULT:
    case DPL_MSG_MIRROR_STOP:
        return DPL_SOURCE_ON_OF_MIRROR;
    case DPL_MSG_CONTROL:
        return m->command == DPL_COMMAND_CLOSE ? DPL_SOURCE_ON_LEAVES : -1;
    case DPL_MSG_REFUSE:
        return DPL_SOURCE_ON_REFUSE;
    default:
        return -1;
    }
}

int dpl_source_receive(struct dpl_source *s, const struct dpl_message *m, int64_t now_ns)
{
    int event = event_of(m);
    if (event < 0) {
        struct dpl_err why;
        dpl_err_set(&why, DPL_E_CORRUPT, "a target does not send \"%s\" like this",
                    dpl_message_text(m->type) ? dpl_message_text(m->type) : "?");
        return dpl_source_nonsense(s, &why, now_ns);
    }
    s->message = m;
    int rc = dpl_source_step(s, (enum dpl_source_event)event, now_ns);
    s->message = NULL;
    if (rc == 0 && s->state == DPL_SOURCE_CHOOSING)
        rc = dpl_source_journal_grew(s, now_ns);
    return rc;
}

/* Handles an event of our own whose action sends this message. */
static int step_with(struct dpl_source *s, enum dpl_source_event event,
                     const struct dpl_message *message, int64_t now_ns)
{
    s->message = message;
    int rc = dpl_source_step(s, event, now_ns);
    s->message = NULL;
    return rc;
}

static int offer_it(struct dpl_source *s, const struct dpl_source_offer *offer, int64_t now_ns)
{
    struct dpl_message flags = {.flags = offer->equal ? DPL_EPOCH_EQUAL : 0};
    s->offered = (struct dpl_source_position){
        .epoch = offer->epoch,
        .tag = dpl_epoch_tag(&offer->epoch),
        .start = offer->lsn,
        .sent = offer->lsn,
        .chain = offer->chain,
        .received = offer->lsn,
        .durable = offer->lsn,
        .equal = offer->equal,
    };
    return step_with(s, DPL_SOURCE_ON_OFFER, &flags, now_ns);
}

int dpl_source_journal_grew(struct dpl_source *s, int64_t now_ns)
{
    struct dpl_source_offer offer;
    if (s->state != DPL_SOURCE_CHOOSING)
        return 0;
    int rc = dpl_source_choose(s, &offer);
    if (rc <= 0)
        return rc;
    return offer_it(s, &offer, now_ns);
}

int dpl_source_journal_ended(struct dpl_source *s, uint32_t reason, bool gap, int64_t now_ns)
{
    struct dpl_message m = {
        .type = DPL_MSG_ENDED,
        .has = DPL_M(EPOCH_TAG) | DPL_M(LSN) | DPL_M(FLAGS) | DPL_M(REASON),
        .epoch_tag = s->now.tag,
        .lsn = s->now.sent,
        .flags = gap ? DPL_ENDED_MIRROR_NEEDED : 0,
        .reason = reason,
    };
    int rc = step_with(s, gap ? DPL_SOURCE_ON_END_GAP : DPL_SOURCE_ON_END_CLEAN, &m, now_ns);
    return rc < 0 || gap ? rc : dpl_source_journal_grew(s, now_ns);
}

bool dpl_source_room(const struct dpl_source *s)
{
    return s->state == DPL_SOURCE_STREAMING && !(s->flags & DPL_STATE_FULL) &&
           s->now.sent - s->now.durable < s->window;
}

bool dpl_source_has_room(const struct dpl_source *s, uint64_t bytes)
{
    return s->state == DPL_SOURCE_STREAMING && (s->flags & DPL_STATE_FULL) &&
           s->now.sent == s->now.durable && bytes <= s->room;
}

int dpl_source_send_records(struct dpl_source *s, struct dpl_view records, uint32_t chain,
                            int64_t now_ns)
{
    if (!dpl_source_room(s) && !dpl_source_has_room(s, records.size))
        return DPL_E_PARAM;
    struct dpl_message m = {
        .type = DPL_MSG_RECORDS,
        .has = DPL_M(EPOCH_TAG) | DPL_M(LSN) | DPL_M(CHAIN) | DPL_M(DATA),
        .epoch_tag = s->now.tag,
        .lsn = s->now.sent,
        .chain = s->now.chain,
        .data = records,
    };
    int rc = step_with(s, DPL_SOURCE_ON_RECORDS, &m, now_ns);
    if (rc == 0)
        s->now.chain = chain;
    return rc;
}

int dpl_source_send_mirror(struct dpl_source *s, const struct dpl_message *m, int64_t now_ns)
{
    /* Behind a gap nothing follows in that epoch: another one is to be offered first. */
    if (s->state == DPL_SOURCE_COMPARE && (s->now.tag == 0 || s->now.accepted))
        return DPL_E_PARAM;
    return step_with(s, DPL_SOURCE_ON_MIRROR, m, now_ns);
}

int dpl_source_send_part(struct dpl_source *s, const struct dpl_message *m, int64_t now_ns)
{
    return step_with(s, DPL_SOURCE_ON_PART, m, now_ns);
}

int dpl_source_offer(struct dpl_source *s, const struct dpl_source_offer *offer, int64_t now_ns)
{
    return s->state == DPL_SOURCE_COMPARE ? offer_it(s, offer, now_ns) : DPL_E_PARAM;
}

int dpl_source_control(struct dpl_source *s, enum dpl_command command, int64_t now_ns)
{
    struct dpl_message m = {
        .type = DPL_MSG_CONTROL, .has = DPL_M(COMMAND), .command = (uint32_t)command};
    if (command == DPL_COMMAND_CLOSE)
        return DPL_E_PARAM;
    return step_with(s, DPL_SOURCE_ON_CONTROL, &m, now_ns);
}

int dpl_source_close(struct dpl_source *s, int64_t now_ns)
{
    return dpl_source_step(s, DPL_SOURCE_ON_CLOSE, now_ns);
}

static void heartbeat(struct dpl_source *s, int64_t now_ns)
{
    struct dpl_message m = {.type = DPL_MSG_HEARTBEAT, .has = DPL_M(TIME), .time_ns = s->wall_ns};
    if (s->state == DPL_SOURCE_STREAMING) {
        m.has |= DPL_M(EPOCH_TAG) | DPL_M(HEAD) | DPL_M(SYNCED) | DPL_M(PROMISE);
        m.epoch_tag = s->now.tag;
        m.head = s->head > s->now.sent ? s->head : s->now.sent;
        m.synced = s->synced < m.head ? s->synced : m.head;
        m.promise = s->promise;
    }
    s->event_ns = s->beat_ns = now_ns;
    int rc = dpl_source_send(s, &m);
    if (rc < 0)
        dpl_source_step_failed(s, DPL_SOURCE_ON_SILENCE, rc);
}

int64_t dpl_source_tick(struct dpl_source *s, int64_t now_ns)
{
    if (s->state == DPL_SOURCE_OFFLINE)
        return INT64_MAX;
    bool closing = s->state == DPL_SOURCE_CLOSING;
    int64_t dead = closing ? s->closing_ns + s->config.close_ns : s->heard_ns + s->config.dead_ns;
    if (now_ns >= dead) {
        (void)dpl_source_step(s, DPL_SOURCE_ON_SILENCE, now_ns);
        return INT64_MAX;
    }
    if (now_ns >= s->beat_ns + s->config.heartbeat_ns)
        heartbeat(s, now_ns);
    if (s->state == DPL_SOURCE_OFFLINE)
        return INT64_MAX;
    int64_t beat = s->beat_ns + s->config.heartbeat_ns;
    return beat < dead ? beat : dead;
}

bool dpl_source_held(const struct dpl_source *s, uint64_t *epoch, uint64_t *lsn)
{
    const struct dpl_source_position *p = s->former.tag ? &s->former : &s->now;
    if (!p->accepted)
        return false;
    *epoch = p->epoch.number;
    *lsn = p->durable;
    return true;
}
