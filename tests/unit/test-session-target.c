/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/core/session_target.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#define SECOND INT64_C(1000000000)
#define MS     INT64_C(1000000)

/* A replica of which every answer is set by the test; what was sent and what was called. */
static struct {
    struct dpl_target_holds holds;
    int offer_rc, records_rc, ended_rc, send_rc;
    uint32_t offer_reason;
    char sent[64], called[64]; /* a letter each */
    struct dpl_message last;
    uint64_t synced;
} world;
static struct dpl_target target;
static const uint8_t replica_id[16] = {9};
static const uint8_t records[4096];

static void add(char *text, char letter)
{
    size_t n = strlen(text);
    if (n < 62) {
        text[n] = letter;
        text[n + 1] = '\0';
    }
}

static int call_send(void *self, const struct dpl_message *m)
{
    (void)self;
    static uint8_t frame[8192];
    static const char letters[] = "?HWRTEPrABeC";
    CU_ASSERT_TRUE(dpl_message_encode(m, frame, sizeof frame, NULL) > 0);
    add(world.sent, m->type < sizeof letters - 1 ? letters[m->type] : 'M');
    world.last = *m;
    return world.send_rc;
}

static void call_holds(void *self, struct dpl_target_holds *h)
{
    (void)self;
    *h = world.holds;
}

static int call_offer(void *self, const struct dpl_target_offer *o, uint32_t *reason)
{
    (void)self;
    add(world.called, 'o');
    *reason = world.offer_reason;
    if (world.offer_rc > 0) {
        world.holds.any = true;
        world.holds.epoch = o->epoch;
    }
    return world.offer_rc;
}

static int call_begin(void *self, const struct dpl_target_offer *o, uint32_t reason)
{
    (void)self;
    CU_ASSERT_EQUAL(reason, world.offer_reason);
    add(world.called, 'b');
    world.holds.any = true;
    world.holds.epoch = o->epoch;
    return 0;
}

static int call_records(void *self, const struct dpl_message *m, struct dpl_err *err)
{
    (void)self;
    add(world.called, 'r');
    if (world.records_rc < 0)
        return dpl_err_set(err, world.records_rc, "these are bad");
    world.holds.received = m->lsn + m->data.size;
    return 0;
}

static int call_ended(void *self, uint64_t lsn, bool gap, struct dpl_err *err)
{
    (void)self;
    (void)lsn;
    (void)err;
    add(world.called, gap ? 'g' : 'e');
    return world.ended_rc;
}

static void call_synced(void *self, uint64_t lsn, uint64_t head)
{
    (void)self;
    (void)head;
    world.synced = lsn;
}

static int call_pause(void *self, bool paused)
{
    (void)self;
    add(world.called, paused ? 'p' : 'u');
    return 0;
}

static int call_sync(void *self)
{
    (void)self;
    add(world.called, 's');
    world.holds.durable = world.holds.received;
    return 0;
}

static int call_mirror(void *self, const struct dpl_message *m)
{
    (void)self;
    (void)m;
    add(world.called, 'm');
    return 0;
}

static const struct dpl_target_calls calls = {call_send,    call_holds,  call_offer,  call_begin,
                                              call_records, call_ended,  call_synced, call_pause,
                                              call_sync,    call_mirror, NULL};

static int receive(struct dpl_message m, int64_t now)
{
    return dpl_target_receive(&target, &m, now);
}

static struct dpl_message epoch(void)
{
    static uint8_t id[16] = {3}, parent[16], uuid[16];
    return (struct dpl_message){.type = DPL_MSG_EPOCH,
                                .set = dpl_view_text("mail"),
                                .epoch = 3,
                                .epoch_id = {id, 16},
                                .parent_id = {parent, 16},
                                .fs_uuid = {uuid, 16},
                                .lsn = 800,
                                .chain = 7};
}

static uint64_t tag(void)
{
    return (uint64_t)3 << 56;
}

static struct dpl_message some_records(uint64_t lsn)
{
    return (struct dpl_message){
        .type = DPL_MSG_RECORDS, .epoch_tag = tag(), .lsn = lsn, .data = {records, 64}};
}

static struct dpl_message ended(uint64_t lsn, uint32_t flags)
{
    return (struct dpl_message){
        .type = DPL_MSG_ENDED, .epoch_tag = tag(), .lsn = lsn, .flags = flags};
}

static struct dpl_message mirror_begin(bool of_object)
{
    return (struct dpl_message){
        .type = DPL_MSG_MIRROR_BEGIN, .has = of_object ? DPL_M(OBJECT) : 0, .mirror = 1};
}

static struct dpl_message control(enum dpl_command command)
{
    return (struct dpl_message){.type = DPL_MSG_CONTROL, .command = (uint32_t)command};
}

/* Brings a fresh target into a state, at time 0. */
static void bring(enum dpl_target_state to)
{
    memset(&world, 0, sizeof world);
    world.holds = (struct dpl_target_holds){
        .replica = replica_id, .window = 1 << 20, .received = 800, .durable = 800};
    world.offer_rc = 1;
    dpl_target_init(&target, &dpl_target_defaults, &calls);
    if (to == DPL_TARGET_OFFLINE)
        return;
    dpl_target_connected(&target, 0);
    if (to == DPL_TARGET_AGREEING)
        return;
    if (to == DPL_TARGET_COMPARE) {
        world.offer_rc = 0;
        world.offer_reason = DPL_COMPARE_NEW;
    }
    receive(epoch(), 0);
    if (to == DPL_TARGET_CLOSING)
        dpl_target_close(&target, 0);
}

static int fire(enum dpl_target_event event)
{
    struct dpl_err why = {.code = DPL_E_IO, .text = "the disk is gone"};
    switch (event) {
    case DPL_TARGET_ON_CONNECTED:
        return dpl_target_connected(&target, 0);
    case DPL_TARGET_ON_CLOSE:
        return dpl_target_close(&target, 0);
    case DPL_TARGET_ON_STORAGE:
        return dpl_target_storage(&target, &why, 0);
    case DPL_TARGET_ON_SILENCE:
        dpl_target_tick(&target, 11 * SECOND);
        return 0;
    case DPL_TARGET_ON_LOST:
        dpl_target_lost(&target, 0);
        return 0;
    case DPL_TARGET_ON_EPOCH:
        world.offer_rc = 1;
        return receive(epoch(), 0);
    case DPL_TARGET_ON_EPOCH_OTHER:
        world.offer_rc = 0;
        world.offer_reason = DPL_COMPARE_EPOCH;
        return receive(epoch(), 0);
    case DPL_TARGET_ON_RECORDS:
        return receive(some_records(800), 0);
    case DPL_TARGET_ON_ENDED:
        return receive(ended(800, 0), 0);
    case DPL_TARGET_ON_ENDED_GAP:
        return receive(ended(800, DPL_ENDED_MIRROR_NEEDED), 0);
    case DPL_TARGET_ON_HEARTBEAT:
        return receive((struct dpl_message){.type = DPL_MSG_HEARTBEAT}, 0);
    case DPL_TARGET_ON_PAUSE:
        return receive(control(DPL_COMMAND_PAUSE), 0);
    case DPL_TARGET_ON_MIRROR_SET:
        return receive(mirror_begin(false), 0);
    case DPL_TARGET_ON_OF_MIRROR:
        return receive(mirror_begin(true), 0);
    case DPL_TARGET_ON_LEAVES:
        return receive(control(DPL_COMMAND_CLOSE), 0);
    default:
        return receive((struct dpl_message){.type = DPL_MSG_REFUSE,
                                            .code = DPL_REFUSE_ROLE,
                                            .text = dpl_view_text("no")},
                       0);
    }
}

/* For each state, by the order of the events: the state that follows (O offline, G agreeing, S
 * streaming, M compare, L closing), what is sent (T state, P answer, A ack, C control, R refuse)
 * and, behind a comma, what is called; "." where nothing happens, "!" where the session is broken,
 * "*" where a peer's message meets no session. Written apart from the table. */
static const char *const expected[DPL_TARGET_STATES] = {
    /* CONNECTED CLOSE STORAGE SILENCE LOST EPOCH EPOCH_OTHER RECORDS ENDED ENDED_GAP HEARTBEAT
     * PAUSE MIRROR_SET OF_MIRROR LEAVES REFUSE */
    [DPL_TARGET_OFFLINE] = "GT,s . . . . * * * * * * * * * * *",
    [DPL_TARGET_AGREEING] = ". LC,s OR OR O SP,o MP,o ! ! ! G G,p ! G,m OC,s O",
    [DPL_TARGET_STREAMING] = ". LAC,s OR OR O ! ! S,r G,e M,g S S,p S,m S,m OAC,s O",
    [DPL_TARGET_COMPARE] = ". LC,s OR OR O SP,o MP,o ! ! ! M M,p S,bm M,m OC,s O",
    [DPL_TARGET_CLOSING] = ". . O O O L L L L L L L L L O O",
};

static void matrix(void)
{
    static const char letters[] = "OGSML";
    for (unsigned st = 0; st < DPL_TARGET_STATES; st++) {
        const char *want = expected[st];
        for (unsigned ev = 0; ev < DPL_TARGET_EVENTS; ev++) {
            char cell[16] = "", got[160];
            int used = 0;
            CU_ASSERT_EQUAL_FATAL(sscanf(want, "%15s%n", cell, &used), 1);
            want += used;
            bring((enum dpl_target_state)st);
            CU_ASSERT_EQUAL_FATAL(target.state, st);
            world.sent[0] = world.called[0] = '\0';
            int rc = fire((enum dpl_target_event)ev);
            bool quiet = world.sent[0] == '\0' && world.called[0] == '\0' && target.state == st;
            if (target.over == DPL_TARGET_OVER_BROKEN)
                snprintf(got, sizeof got, "%s", strcmp(world.sent, "R") == 0 ? "!" : "?");
            else if (rc < 0 && quiet)
                snprintf(got, sizeof got, "%s", rc == DPL_E_PARAM ? "." : "*");
            else
                snprintf(got, sizeof got, "%c%s%s%s", letters[target.state], world.sent,
                         world.called[0] ? "," : "", world.called);
            if (quiet && rc == 0 && cell[0] == '.')
                snprintf(got, sizeof got, ".");
            if (strcmp(got, cell) != 0)
                printf("%s + %s: %s, expected %s\n",
                       dpl_target_state_text((enum dpl_target_state)st),
                       dpl_target_event_text((enum dpl_target_event)ev), got, cell);
            CU_ASSERT_STRING_EQUAL(got, cell);
        }
    }
}

static void state_says(void)
{
    bring(DPL_TARGET_OFFLINE);
    dpl_target_connected(&target, 0);
    CU_ASSERT_EQUAL(world.last.type, DPL_MSG_TARGET_STATE);
    CU_ASSERT_EQUAL(world.last.has, DPL_M(REPLICA) | DPL_M(WINDOW) | DPL_M(FLAGS));
    bring(DPL_TARGET_OFFLINE);
    world.holds.any = true;
    world.holds.epoch = (struct dpl_epoch){.number = 3, .id = {3}};
    world.holds.chain = 77;
    world.holds.flags = DPL_STATE_NEEDS_MIRROR | DPL_STATE_PAUSED;
    world.holds.reason = DPL_COMPARE_GAP;
    dpl_target_connected(&target, 0);
    CU_ASSERT_TRUE(world.last.durable == 800 && world.last.chain == 77 && world.last.epoch == 3);
    CU_ASSERT_TRUE((world.last.has & DPL_M(REASON)) && world.last.reason == DPL_COMPARE_GAP);
    CU_ASSERT_FALSE(world.last.has & DPL_M(APPLIED));
    world.holds.applies = true;
    world.holds.applied = 640;
    world.holds.checkpoint = 64;
    dpl_target_lost(&target, 0);
    dpl_target_connected(&target, 0);
    CU_ASSERT_TRUE(world.last.applied == 640 && world.last.checkpoint == 64);
    CU_ASSERT_FALSE(world.last.flags & DPL_STATE_EMPTY);
    world.holds.empty = true;
    dpl_target_lost(&target, 0);
    dpl_target_connected(&target, 0);
    CU_ASSERT_TRUE(world.last.flags & DPL_STATE_EMPTY);
}

static void answers(void)
{
    bring(DPL_TARGET_AGREEING);
    receive(epoch(), 0);
    CU_ASSERT_TRUE(world.last.answer == DPL_ANSWER_ACCEPTED && world.last.epoch_tag == tag());
    CU_ASSERT_FALSE(world.last.has & DPL_M(REASON));
    bring(DPL_TARGET_COMPARE);
    CU_ASSERT_TRUE(world.last.answer == DPL_ANSWER_COMPARE && world.last.reason == DPL_COMPARE_NEW);
    /* The disk fails while it looks. */
    bring(DPL_TARGET_AGREEING);
    world.offer_rc = DPL_E_IO;
    CU_ASSERT_EQUAL(receive(epoch(), 0), DPL_E_IO);
    CU_ASSERT_EQUAL(target.over, DPL_TARGET_OVER_STORAGE);
    CU_ASSERT_TRUE(world.last.type == DPL_MSG_REFUSE && world.last.code == DPL_REFUSE_STORAGE);
}

static void records_follow(void)
{
    bring(DPL_TARGET_STREAMING);
    CU_ASSERT_EQUAL(receive(some_records(800), 0), 0);
    CU_ASSERT_EQUAL(receive(some_records(864), 0), 0);
    CU_ASSERT_EQUAL(receive(some_records(864), 0), DPL_E_CORRUPT);
    CU_ASSERT_EQUAL(target.over, DPL_TARGET_OVER_BROKEN);
    bring(DPL_TARGET_STREAMING);
    struct dpl_message other = some_records(800);
    other.epoch_tag++;
    CU_ASSERT_EQUAL(receive(other, 0), DPL_E_CORRUPT);
    bring(DPL_TARGET_STREAMING);
    world.records_rc = DPL_E_CORRUPT;
    CU_ASSERT_EQUAL(receive(some_records(800), 0), DPL_E_CORRUPT);
    CU_ASSERT_TRUE(world.last.type == DPL_MSG_REFUSE && world.last.code == DPL_REFUSE_PROTOCOL);
    bring(DPL_TARGET_STREAMING);
    world.records_rc = DPL_E_IO;
    CU_ASSERT_EQUAL(receive(some_records(800), 0), DPL_E_IO);
    CU_ASSERT_TRUE(world.last.type == DPL_MSG_REFUSE && world.last.code == DPL_REFUSE_STORAGE);
    bring(DPL_TARGET_STREAMING);
    CU_ASSERT_EQUAL(receive(ended(864, 0), 0), DPL_E_CORRUPT);
}

static void acks(void)
{
    bring(DPL_TARGET_AGREEING);
    dpl_target_moved(&target);
    world.sent[0] = '\0';
    dpl_target_tick(&target, 5 * MS); /* of no epoch: none */
    CU_ASSERT_STRING_EQUAL(world.sent, "");
    bring(DPL_TARGET_STREAMING);
    world.sent[0] = '\0';
    CU_ASSERT_EQUAL(dpl_target_tick(&target, 1 * MS), 2 * MS);
    CU_ASSERT_STRING_EQUAL(world.sent, "");
    dpl_target_tick(&target, 2 * MS);
    CU_ASSERT_STRING_EQUAL(world.sent, "A");
    CU_ASSERT_TRUE(world.last.durable == 800 && !(world.last.has & DPL_M(APPLIED)));
    CU_ASSERT_EQUAL(dpl_target_tick(&target, 3 * MS), 2 * MS + SECOND);
    receive(some_records(800), 3 * MS);
    CU_ASSERT_EQUAL(dpl_target_tick(&target, 3 * MS), 4 * MS);
    dpl_target_tick(&target, 4 * MS);
    CU_ASSERT_STRING_EQUAL(world.sent, "AA");
    CU_ASSERT_TRUE(world.last.received == 864 && world.last.durable == 800);
    CU_ASSERT_FALSE(world.last.has & DPL_M(ROOM));
    world.holds.flags |= DPL_STATE_FULL;
    world.holds.room = 4096;
    dpl_target_moved(&target);
    dpl_target_tick(&target, 6 * MS);
    CU_ASSERT_TRUE(world.last.has & DPL_M(ROOM) && world.last.room == 4096);
}

static void heartbeats(void)
{
    bring(DPL_TARGET_STREAMING);
    dpl_target_tick(&target, 2 * MS);
    world.sent[0] = '\0';
    dpl_target_tick(&target, SECOND + 2 * MS);
    CU_ASSERT_STRING_EQUAL(world.sent, "B");
    receive((struct dpl_message){.type = DPL_MSG_HEARTBEAT,
                                 .has = DPL_M(EPOCH_TAG) | DPL_M(HEAD) | DPL_M(SYNCED),
                                 .epoch_tag = tag(),
                                 .head = 900,
                                 .synced = 808},
            9 * SECOND);
    CU_ASSERT_EQUAL(world.synced, 808);
    world.sent[0] = '\0';
    dpl_target_tick(&target, 19 * SECOND - 1);
    CU_ASSERT_EQUAL(target.state, DPL_TARGET_STREAMING);
    dpl_target_tick(&target, 19 * SECOND);
    CU_ASSERT_EQUAL(target.over, DPL_TARGET_OVER_SILENT);
    CU_ASSERT_EQUAL(world.last.code, DPL_REFUSE_SILENCE);
    /* Of another epoch it says nothing about ours. */
    bring(DPL_TARGET_STREAMING);
    receive((struct dpl_message){.type = DPL_MSG_HEARTBEAT,
                                 .has = DPL_M(EPOCH_TAG) | DPL_M(HEAD) | DPL_M(SYNCED),
                                 .epoch_tag = tag() + 1,
                                 .synced = 808},
            0);
    CU_ASSERT_EQUAL(world.synced, 0);
}

/* For how long no sync returns without us is said from a heartbeat's time on. */
static void promises(void)
{
    struct dpl_message m = {.type = DPL_MSG_HEARTBEAT,
                            .has = DPL_M(TIME) | DPL_M(EPOCH_TAG) | DPL_M(HEAD) | DPL_M(SYNCED) |
                                   DPL_M(PROMISE),
                            .time_ns = 5 * SECOND,
                            .epoch_tag = tag(),
                            .head = 900,
                            .promise = 4000};
    bring(DPL_TARGET_STREAMING);
    receive(m, SECOND);
    CU_ASSERT_EQUAL(target.promise, 4000);
    m.has = DPL_M(TIME);
    m.time_ns = 6 * SECOND;
    receive(m, 2 * SECOND);
    CU_ASSERT_EQUAL(target.source_time_ns, 6 * SECOND);
    CU_ASSERT_EQUAL(target.promise, 0);
}

static void closing(void)
{
    bring(DPL_TARGET_STREAMING);
    receive(some_records(800), 0);
    world.sent[0] = world.called[0] = '\0';
    receive(control(DPL_COMMAND_CLOSE), 0);
    CU_ASSERT_STRING_EQUAL(world.called, "s"); /* durable, then said */
    CU_ASSERT_STRING_EQUAL(world.sent, "AC");
    CU_ASSERT_EQUAL(target.over, DPL_TARGET_OVER_CLOSED);
    bring(DPL_TARGET_CLOSING);
    world.called[0] = '\0';
    receive(some_records(800), 0); /* on their way when we said it */
    CU_ASSERT_STRING_EQUAL(world.called, "");
    dpl_target_tick(&target, 10 * SECOND);
    CU_ASSERT_TRUE(target.state == DPL_TARGET_OFFLINE && target.over == DPL_TARGET_OVER_CLOSED);
}

static void anew(void)
{
    bring(DPL_TARGET_COMPARE);
    CU_ASSERT_EQUAL(receive(mirror_begin(false), 0), 0);
    CU_ASSERT_EQUAL(receive(some_records(800), 0), 0);
    CU_ASSERT_EQUAL(target.lsn, 864);
    /* Behind a gap, of the epoch that was open. */
    bring(DPL_TARGET_STREAMING);
    receive(ended(800, DPL_ENDED_MIRROR_NEEDED), 0);
    world.called[0] = '\0';
    receive(mirror_begin(false), 0);
    CU_ASSERT_STRING_EQUAL(world.called, "m");
}

static void nonsense(void)
{
    struct dpl_err why = {.code = DPL_E_CORRUPT, .text = "garbage"};
    bring(DPL_TARGET_STREAMING);
    CU_ASSERT_EQUAL(dpl_target_nonsense(&target, &why, 0), DPL_E_CORRUPT);
    CU_ASSERT_EQUAL(target.over, DPL_TARGET_OVER_BROKEN);
    CU_ASSERT_EQUAL(dpl_target_nonsense(&target, &why, 0), DPL_E_PARAM);
    bring(DPL_TARGET_STREAMING);
    CU_ASSERT_EQUAL(receive((struct dpl_message){.type = DPL_MSG_ACK}, 0), DPL_E_CORRUPT);
    CU_ASSERT_EQUAL(target.over, DPL_TARGET_OVER_BROKEN);
    bring(DPL_TARGET_STREAMING);
    world.send_rc = DPL_E_UNREACHABLE;
    CU_ASSERT_EQUAL(dpl_target_tick(&target, SECOND), INT64_MAX);
    CU_ASSERT_EQUAL(target.over, DPL_TARGET_OVER_LOST);
}

static const struct unit_test tests[] = {
    {"every state meets every event", matrix},
    {"the state says what is held", state_says},
    {"an epoch is accepted, or compared, or the disk fails", answers},
    {"records that do not follow end the session", records_follow},
    {"acks are batched, and none is sent of no epoch", acks},
    {"heartbeats, and silence", heartbeats},
    {"a promise is of the last heartbeat alone", promises},
    {"whoever leaves, what was received is durable and said to be", closing},
    {"a mirror begins the queue where it was offered", anew},
    {"nonsense ends the session", nonsense},
};
UNIT_MAIN(tests)
