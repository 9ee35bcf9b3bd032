/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/prop/target_model.h"

#include "lib/journal/crc32c.h"
#include "lib/journal/record.h"

#include <string.h>

void tmodel_init(struct tmodel *t)
{
    *t = (struct tmodel){.bytes = g_byte_array_new(), .window = 1 << 20};
}

void tmodel_done(struct tmodel *t)
{
    g_byte_array_free(t->bytes, TRUE);
}

void tmodel_connect(struct tmodel *t)
{
    static const uint8_t replica[16] = {1};
    struct dpl_message m = {.type = DPL_MSG_TARGET_STATE,
                            .has = DPL_M(REPLICA) | DPL_M(WINDOW) | DPL_M(FLAGS),
                            .replica = {replica, 16},
                            .window = t->window};
    t->streaming = t->refused = t->told_to_close = false;
    if (t->needs_mirror) {
        m.has |= DPL_M(REASON);
        m.reason = t->reason;
        m.flags |= DPL_STATE_NEEDS_MIRROR;
    }
    if (t->has_epoch) {
        m.has |= DPL_M(EPOCH) | DPL_M(EPOCH_ID) | DPL_M(DURABLE) | DPL_M(CHAIN);
        m.epoch = t->epoch.number;
        m.epoch_id = (struct dpl_view){t->epoch.id, 16};
        m.durable = t->durable;
        m.chain = t->durable_chain;
    }
    t->send(t->self, &m);
}

static void epoch_begin(struct tmodel *t, const struct dpl_message *m)
{
    t->epoch = (struct dpl_epoch){.number = m->epoch};
    memcpy(t->epoch.id, m->epoch_id.data, 16);
    memcpy(t->epoch.parent_id, m->parent_id.data, 16);
    memcpy(t->epoch.fs_uuid, m->fs_uuid.data, 16);
    dpl_view_copy_text(m->set, t->epoch.set, sizeof t->epoch.set);
    t->has_epoch = true;
    t->ended = t->pending_ended = false;
    g_byte_array_set_size(t->bytes, 0);
    t->start = t->durable = t->applied = t->checkpoint = t->received = m->lsn;
    t->chain = t->durable_chain = m->chain;
}

static uint32_t compare_reason(const struct tmodel *t, const struct dpl_message *m)
{
    if (t->needs_mirror)
        return t->reason;
    if (!t->has_epoch)
        return DPL_COMPARE_NEW;
    if (m->epoch == t->epoch.number && memcmp(m->epoch_id.data, t->epoch.id, 16) == 0)
        return m->lsn != t->durable ? DPL_COMPARE_GAP
                                    : (m->chain != t->durable_chain ? DPL_COMPARE_CHAIN : 0);
    if (memcmp(m->parent_id.data, t->epoch.id, 16) != 0)
        return DPL_COMPARE_EPOCH;
    return !t->ended || m->lsn != 0 ? DPL_COMPARE_UNENDED : 0;
}

static int on_epoch(struct tmodel *t, const struct dpl_message *m)
{
    /* It answers when the epoch before is durable to its end. */
    tmodel_sync(t);
    uint32_t reason = m->flags & DPL_EPOCH_EQUAL ? 0 : compare_reason(t, m);
    bool same = t->has_epoch && memcmp(m->epoch_id.data, t->epoch.id, 16) == 0;
    struct dpl_message answer = {.type = DPL_MSG_EPOCH_ANSWER,
                                 .has = DPL_M(EPOCH_TAG) | DPL_M(ANSWER),
                                 .answer = DPL_ANSWER_ACCEPTED};
    for (int i = 0; i < 8; i++)
        answer.epoch_tag = answer.epoch_tag << 8 | m->epoch_id.data[i];
    if (reason) {
        answer.answer = DPL_ANSWER_COMPARE;
        answer.has |= DPL_M(REASON);
        answer.reason = reason;
        t->needs_mirror = true;
        t->reason = reason;
    } else {
        if (!same)
            epoch_begin(t, m);
        t->received = t->durable;
        t->chain = t->durable_chain;
        t->streaming = true;
        t->epochs_accepted++;
    }
    return t->send(t->self, &answer);
}

/* Whole records, each what must stand there. */
static int on_records(struct tmodel *t, const struct dpl_message *m)
{
    if (!t->streaming || m->epoch_tag != dpl_epoch_tag(&t->epoch) || m->lsn != t->received ||
        m->chain != t->chain || t->pending_ended)
        return DPL_E_CORRUPT;
    if (t->received - t->durable >= t->window)
        return DPL_E_TOO_LARGE;
    for (size_t at = 0; at < m->data.size;) {
        struct dpl_record_header h;
        if (m->data.size - at < DPL_RECORD_HEADER ||
            dpl_record_header_decode(&h, m->data.data + at) < 0 || h.size > m->data.size - at ||
            h.lsn != t->received + at || h.chain != t->chain ||
            h.epoch_tag != dpl_epoch_tag(&t->epoch) ||
            dpl_crc32c(0, m->data.data + at + DPL_RECORD_HEADER, h.body_bytes) != h.body_crc)
            return DPL_E_CORRUPT;
        t->chain = h.crc;
        at += h.size;
    }
    g_byte_array_append(t->bytes, m->data.data, (guint)m->data.size);
    t->received += m->data.size;
    return 0;
}

static int on_ended(struct tmodel *t, const struct dpl_message *m)
{
    if (!t->streaming || m->lsn != t->received || m->epoch_tag != dpl_epoch_tag(&t->epoch))
        return DPL_E_CORRUPT;
    t->streaming = false;
    t->pending_ended = true;
    if (m->flags & DPL_ENDED_MIRROR_NEEDED) {
        t->needs_mirror = true;
        t->reason = DPL_COMPARE_ENDED;
    }
    return 0;
}

static int on_control(struct tmodel *t, const struct dpl_message *m)
{
    if (m->command == DPL_COMMAND_CLOSE) {
        t->told_to_close = true;
        tmodel_sync(t);
        tmodel_ack(t);
        return t->send(t->self, m);
    }
    t->paused = m->command == DPL_COMMAND_PAUSE;
    return 0;
}

int tmodel_receive(struct tmodel *t, const struct dpl_message *m)
{
    switch (m->type) {
    case DPL_MSG_EPOCH:
        return on_epoch(t, m);
    case DPL_MSG_RECORDS:
        return on_records(t, m);
    case DPL_MSG_ENDED:
        return on_ended(t, m);
    case DPL_MSG_CONTROL:
        return on_control(t, m);
    case DPL_MSG_HEARTBEAT:
        if (m->has & DPL_M(HEAD))
            t->head_heard = m->head;
        return 0;
    case DPL_MSG_REFUSE:
        t->refused = true;
        return 0;
    default:
        return DPL_E_CORRUPT;
    }
}

void tmodel_sync(struct tmodel *t)
{
    t->durable = t->received;
    t->durable_chain = t->chain;
    t->ended = t->ended || t->pending_ended;
}

void tmodel_apply(struct tmodel *t, uint64_t bytes)
{
    uint64_t end = t->applied + bytes;
    while (!t->paused && t->applied < t->received) {
        struct dpl_record_header h;
        g_assert(dpl_record_header_decode(&h, t->bytes->data + (t->applied - t->start)) == 0);
        if (t->applied + h.size > end)
            return;
        t->applied += h.size;
    }
}

void tmodel_checkpoint(struct tmodel *t)
{
    t->checkpoint = t->applied < t->durable ? t->applied : t->durable;
}

void tmodel_ack(struct tmodel *t)
{
    struct dpl_message m = {
        .type = DPL_MSG_ACK,
        .has = DPL_M(EPOCH_TAG) | DPL_M(RECEIVED) | DPL_M(DURABLE) | DPL_M(QUEUE_BYTES) |
               DPL_M(FLAGS) | DPL_M(APPLIED) | DPL_M(CHECKPOINT),
        .epoch_tag = dpl_epoch_tag(&t->epoch),
        .received = t->received,
        .durable = t->durable,
        .applied = t->applied,
        .checkpoint = t->checkpoint,
        .queue_bytes = t->received - t->applied,
        .flags = (t->full ? DPL_STATE_FULL : 0) | (t->paused ? DPL_STATE_PAUSED : 0),
    };
    if (t->full && t->room > 0) {
        m.has |= DPL_M(ROOM);
        m.room = t->room;
    }
    if (t->streaming || t->pending_ended)
        t->send(t->self, &m);
}

void tmodel_crash(struct tmodel *t)
{
    t->streaming = false;
    t->pending_ended = t->ended;
    t->received = t->durable;
    t->chain = t->durable_chain;
    g_byte_array_set_size(t->bytes, (guint)(t->durable - t->start));
    /* What was applied and not checkpointed is applied again from there. */
    t->applied = t->checkpoint;
}
