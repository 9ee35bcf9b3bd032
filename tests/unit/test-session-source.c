/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/core/session_source.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#define SECOND INT64_C(1000000000)

/* A journal of up to four epochs, what was sent, and what was told. */
static struct {
    struct dpl_journal_epoch epochs[4];
    uint64_t head[4];
    ssize_t count;
    int send_rc;
    char sent[64]; /* a letter for each message */
    struct dpl_message last;
    uint8_t epoch_id[16];
    unsigned news[3], mirror;
} world;
static struct dpl_source source;

static int send_it(void *self, const struct dpl_message *m)
{
    (void)self;
    static uint8_t frame[4 << 20];
    static const char letters[] = "?HWRTEARKBEC";
    CU_ASSERT_TRUE(dpl_message_encode(m, frame, sizeof frame, NULL) > 0);
    char letter[2] = {m->type == DPL_MSG_RECORDS     ? 'r'
                      : m->type == DPL_MSG_ENDED     ? 'e'
                      : m->type == DPL_MSG_CONTROL   ? "?PUC"[m->command]
                      : m->type < sizeof letters - 1 ? letters[m->type]
                                                     : 'M',
                      0};
    if (world.send_rc < 0)
        return world.send_rc;
    strncat(world.sent, letter, sizeof world.sent - strlen(world.sent) - 1);
    world.last = *m;
    if (m->has & DPL_M(EPOCH_ID))
        memcpy(world.epoch_id, m->epoch_id.data, 16);
    return 0;
}

static ssize_t epochs(void *self, const struct dpl_journal_epoch **list)
{
    (void)self;
    *list = world.epochs;
    return world.count;
}

static uint32_t chain_of(uint64_t epoch, uint64_t lsn)
{
    return (uint32_t)(epoch * 1000003 + lsn);
}

static int chain_at(void *self, uint64_t epoch, uint64_t lsn, uint32_t *chain)
{
    (void)self;
    for (ssize_t i = 0; i < world.count; i++)
        if (world.epochs[i].epoch.number == epoch) {
            if (lsn < world.epochs[i].oldest_lsn || lsn > world.head[i])
                return DPL_E_NOT_FOUND;
            *chain = chain_of(epoch, lsn);
            return 0;
        }
    return DPL_E_NOT_FOUND;
}

static void news(void *self, enum dpl_source_news what)
{
    (void)self;
    world.news[what]++;
}

static void mirror(void *self, const struct dpl_message *m)
{
    (void)self;
    (void)m;
    world.mirror++;
}

static const struct dpl_source_calls calls = {send_it, epochs, chain_at, news, mirror, NULL};

static void epoch_add(uint64_t number, uint64_t parent, uint64_t oldest, uint64_t head)
{
    struct dpl_journal_epoch *e = &world.epochs[world.count];
    *e =
        (struct dpl_journal_epoch){.epoch = {.number = number, .id = {(uint8_t)number}, .set = "m"},
                                   .oldest_lsn = oldest,
                                   .oldest_chain = chain_of(number, oldest)};
    e->epoch.parent_id[0] = (uint8_t)parent;
    world.head[world.count++] = head;
}

static void start(void)
{
    memset(&world, 0, sizeof world);
    dpl_source_init(&source, &dpl_source_defaults, &calls);
}

static uint64_t tag_of(uint64_t number)
{
    return number << 56; /* the first byte of the id */
}

/* A target's state: it holds this epoch (0: none) up to lsn. */
static struct dpl_message state(uint64_t number, uint64_t lsn)
{
    static uint8_t id[16], replica[16] = {7};
    memset(id, 0, sizeof id);
    id[0] = (uint8_t)number;
    struct dpl_message m = {.type = DPL_MSG_TARGET_STATE,
                            .has = DPL_M(REPLICA) | DPL_M(WINDOW) | DPL_M(FLAGS),
                            .window = 1 << 20,
                            .replica = {replica, 16}};
    if (number == 0)
        return m;
    m.has |= DPL_M(EPOCH) | DPL_M(EPOCH_ID) | DPL_M(DURABLE) | DPL_M(CHAIN);
    m.epoch = number;
    m.epoch_id = (struct dpl_view){id, 16};
    m.durable = lsn;
    m.chain = chain_of(number, lsn);
    return m;
}

static struct dpl_message answer(uint64_t number, enum dpl_answer what)
{
    struct dpl_message m = {.type = DPL_MSG_EPOCH_ANSWER,
                            .has = DPL_M(EPOCH_TAG) | DPL_M(ANSWER),
                            .epoch_tag = tag_of(number),
                            .answer = what};
    if (what == DPL_ANSWER_COMPARE) {
        m.has |= DPL_M(REASON);
        m.reason = DPL_COMPARE_EPOCH;
    }
    return m;
}

static struct dpl_message ack(uint64_t number, uint64_t received, uint64_t durable)
{
    return (struct dpl_message){.type = DPL_MSG_ACK,
                                .has = DPL_M(EPOCH_TAG) | DPL_M(RECEIVED) | DPL_M(DURABLE) |
                                       DPL_M(QUEUE_BYTES) | DPL_M(FLAGS),
                                .epoch_tag = tag_of(number),
                                .received = received,
                                .durable = durable};
}

static int receive(struct dpl_message m, int64_t now)
{
    return dpl_source_receive(&source, &m, now);
}

static int command(enum dpl_command what)
{
    return receive((struct dpl_message){.type = DPL_MSG_CONTROL,
                                        .has = DPL_M(COMMAND),
                                        .command = (uint32_t)what},
                   0);
}

static const uint8_t records[3 * 1024 * 1024];

static int send_bytes(size_t size, int64_t now)
{
    return dpl_source_send_records(&source, (struct dpl_view){records, size}, 5, now);
}

/* Brings a fresh source into a state, at time 0. */
static void bring(enum dpl_source_state to)
{
    start();
    if (to != DPL_SOURCE_CHOOSING)
        epoch_add(1, 0, 0, 8000);
    if (to == DPL_SOURCE_OFFLINE)
        return;
    dpl_source_connected(&source, 0);
    if (to == DPL_SOURCE_STATING)
        return;
    receive(state(1, 800), 0);
    if (to == DPL_SOURCE_AGREEING || to == DPL_SOURCE_CHOOSING)
        return;
    receive(answer(1, to == DPL_SOURCE_COMPARE ? DPL_ANSWER_COMPARE : DPL_ANSWER_ACCEPTED), 0);
    if (to == DPL_SOURCE_CLOSING)
        dpl_source_close(&source, 0);
}

static int fire_own(enum dpl_source_event event)
{
    struct dpl_message begin = {.type = DPL_MSG_MIRROR_BEGIN,
                                .has = DPL_M(MIRROR) | DPL_M(KIND) | DPL_M(ORPHANS) | DPL_M(FLAGS),
                                .mirror = 1,
                                .kind = DPL_MIRROR_CHECKSUM,
                                .orphans = DPL_ORPHANS_KEEP};
    switch (event) {
    case DPL_SOURCE_ON_CONNECTED:
        return dpl_source_connected(&source, 0);
    case DPL_SOURCE_ON_OFFER:
        if (world.count == 0)
            epoch_add(1, 0, 0, 8000);
        return dpl_source_journal_grew(&source, 0);
    case DPL_SOURCE_ON_RECORDS:
        return send_bytes(64, 0);
    case DPL_SOURCE_ON_END_CLEAN:
        return dpl_source_journal_ended(&source, 1, false, 0);
    case DPL_SOURCE_ON_END_GAP:
        return dpl_source_journal_ended(&source, 3, true, 0);
    case DPL_SOURCE_ON_MIRROR:
        return dpl_source_send_mirror(&source, &begin, 0);
    case DPL_SOURCE_ON_PART:
        return dpl_source_send_part(&source, &begin, 0);
    case DPL_SOURCE_ON_CONTROL:
        return dpl_source_control(&source, DPL_COMMAND_PAUSE, 0);
    case DPL_SOURCE_ON_CLOSE:
        return dpl_source_close(&source, 0);
    case DPL_SOURCE_ON_SILENCE:
        dpl_source_tick(&source, 11 * SECOND);
        return 0;
    default:
        dpl_source_lost(&source, 0);
        return 0;
    }
}

static int fire(enum dpl_source_event event)
{
    switch (event) {
    case DPL_SOURCE_ON_STATE:
        return receive(state(1, 800), 0);
    case DPL_SOURCE_ON_ACCEPTED:
        return receive(answer(1, DPL_ANSWER_ACCEPTED), 0);
    case DPL_SOURCE_ON_DIFFERS:
        return receive(answer(1, DPL_ANSWER_COMPARE), 0);
    case DPL_SOURCE_ON_ACK:
        return receive(ack(1, 800, 800), 0);
    case DPL_SOURCE_ON_HEARTBEAT:
        return receive((struct dpl_message){.type = DPL_MSG_HEARTBEAT, .has = DPL_M(TIME)}, 0);
    case DPL_SOURCE_ON_WANT:
        return receive(
            (struct dpl_message){.type = DPL_MSG_WANT, .has = DPL_M(REASON), .reason = 1}, 0);
    case DPL_SOURCE_ON_OF_MIRROR:
        return receive((struct dpl_message){.type = DPL_MSG_MIRROR_STOP,
                                            .has = DPL_M(MIRROR) | DPL_M(REASON),
                                            .mirror = 1},
                       0);
    case DPL_SOURCE_ON_LEAVES:
        return command(DPL_COMMAND_CLOSE);
    case DPL_SOURCE_ON_REFUSE:
        return receive((struct dpl_message){.type = DPL_MSG_REFUSE,
                                            .has = DPL_M(CODE) | DPL_M(TEXT),
                                            .code = DPL_REFUSE_ROLE,
                                            .text = dpl_view_text("no")},
                       0);
    default:
        return fire_own(event);
    }
}

/* For each state, by the order of the events: the state that follows (its first letter; G for
 * agreeing, L for closing, C choosing, M compare) and what is sent, or - where nothing happens, or
 * ! where the session is broken. Written apart from the table. */
static const char *const expected[DPL_SOURCE_STATES] = {
    /*  CONNECTED OFFER RECORDS END_CLEAN END_GAP MIRROR PART CONTROL CLOSE SILENCE LOST
     *  STATE ACCEPTED DIFFERS ACK HEARTBEAT WANT OF_MIRROR LEAVES REFUSE */
    [DPL_SOURCE_OFFLINE] = "T . . . . . . . . . . * * * * * * * * *",
    [DPL_SOURCE_STATING] = ". . . . . . . . LC OR O GE ! ! ! T ! ! OC O",
    [DPL_SOURCE_CHOOSING] = ". GE . . . . . CP LC OR O ! ! ! ! C C C OC O",
    [DPL_SOURCE_AGREEING] = ". . . . . . . GP LC OR O ! S M ! G G G OC O",
    [DPL_SOURCE_STREAMING] = ". . Sr Ce Me SM SM SP LC OR O ! ! ! S S S S OC O",
    [DPL_SOURCE_COMPARE] = ". . . . . SM . MP LC OR O ! ! ! M M M M OC O",
    [DPL_SOURCE_CLOSING] = ". . . . . . . . . O O L ! L L L L L O O",
};

static void matrix(void)
{
    static const char letters[] = "OTCGSML";
    for (unsigned st = 0; st < DPL_SOURCE_STATES; st++) {
        const char *want = expected[st];
        for (unsigned ev = 0; ev < DPL_SOURCE_EVENTS; ev++) {
            char cell[8] = "", got[80];
            int used = 0;
            CU_ASSERT_EQUAL_FATAL(sscanf(want, "%7s%n", cell, &used), 1);
            want += used;
            bring((enum dpl_source_state)st);
            CU_ASSERT_EQUAL_FATAL(source.state, st);
            world.sent[0] = '\0';
            int rc = fire((enum dpl_source_event)ev);
            if (source.over == DPL_SOURCE_OVER_BROKEN && source.state == DPL_SOURCE_OFFLINE)
                snprintf(got, sizeof got, "%s", strcmp(world.sent, "R") == 0 ? "!" : "?");
            else if (rc < 0 && source.state == st)
                snprintf(got, sizeof got, "%s", rc == DPL_E_PARAM ? "." : "*");
            else
                snprintf(got, sizeof got, "%c%s", letters[source.state], world.sent);
            /* Of our own and of no consequence. */
            if (source.state == st && world.sent[0] == '\0' && rc == 0 && cell[0] == '.')
                snprintf(got, sizeof got, ".");
            if (strcmp(got, cell) != 0)
                printf("%s + %s: %s, expected %s\n",
                       dpl_source_state_text((enum dpl_source_state)st),
                       dpl_source_event_text((enum dpl_source_event)ev), got, cell);
            CU_ASSERT_STRING_EQUAL(got, cell);
        }
    }
}

static void same_epoch(void)
{
    bring(DPL_SOURCE_AGREEING);
    CU_ASSERT_STRING_EQUAL(world.sent, "E");
    CU_ASSERT_EQUAL(world.last.lsn, 800);
    CU_ASSERT_EQUAL(world.last.chain, chain_of(1, 800));
    CU_ASSERT_EQUAL(world.last.flags, 0);
    receive(answer(1, DPL_ANSWER_ACCEPTED), 0);
    CU_ASSERT_TRUE(dpl_source_room(&source));
    CU_ASSERT_EQUAL(send_bytes(128, 0), 0);
    CU_ASSERT_EQUAL(world.last.lsn, 800);
    CU_ASSERT_EQUAL(send_bytes(64, 0), 0);
    CU_ASSERT_EQUAL(world.last.lsn, 928);
    CU_ASSERT_EQUAL(world.last.chain, 5);
}

/* What is offered to a target that has (epoch, position), by what the journal has. */
static struct dpl_source_offer offered(uint64_t number, uint64_t lsn, uint32_t other_chain)
{
    struct dpl_source_offer offer = {0};
    struct dpl_message m = state(number, lsn);
    m.chain += other_chain;
    ssize_t count = world.count;
    world.count = 0;
    dpl_source_init(&source, &dpl_source_defaults, &calls);
    dpl_source_connected(&source, 0);
    receive(m, 0);
    world.count = count;
    CU_ASSERT_EQUAL(dpl_source_choose(&source, &offer), count > 0);
    return offer;
}

static void choice(void)
{
    start();
    CU_ASSERT_EQUAL(offered(1, 80, 0).epoch.number, 0);
    epoch_add(4, 3, 400, 8000);
    epoch_add(5, 4, 0, 8000);
    epoch_add(6, 5, 0, 800);
    struct dpl_source_offer o = offered(4, 800, 0); /* the journal has it: from there */
    CU_ASSERT_TRUE(o.epoch.number == 4 && o.lsn == 800);
    o = offered(5, 0, 0);
    CU_ASSERT_TRUE(o.epoch.number == 5 && o.lsn == 0);
    o = offered(4, 320, 0); /* gone from the journal: the newest, and no child */
    CU_ASSERT_TRUE(o.epoch.number == 6 && o.lsn == 0);
    o = offered(4, 8008, 0); /* beyond the journal */
    CU_ASSERT_TRUE(o.epoch.number == 6 && o.lsn == 0);
    o = offered(5, 800, 1); /* another history */
    CU_ASSERT_TRUE(o.epoch.number == 6 && o.lsn == 0);
    o = offered(3, 80, 0); /* the parent of one that is there, but not from its beginning */
    CU_ASSERT_TRUE(o.epoch.number == 6);
    o = offered(9, 80, 0); /* never heard of */
    CU_ASSERT_TRUE(o.epoch.number == 6 && o.lsn == 0 && !o.equal);
    o = offered(0, 0, 0); /* new */
    CU_ASSERT_TRUE(o.epoch.number == 6 && !o.equal);
    start();
    epoch_add(4, 3, 0, 8000);
    o = offered(3, 80, 0); /* its child */
    CU_ASSERT_TRUE(o.epoch.number == 4 && o.lsn == 0 && o.chain == chain_of(4, 0));
    start();
    epoch_add(4, 3, 80, 8000);
    o = offered(0, 0, 0);
    CU_ASSERT_TRUE(o.lsn == 80 && o.chain == chain_of(4, 80));
}

static void another_id(void)
{
    start();
    epoch_add(4, 3, 0, 8000);
    world.epochs[0].epoch.id[15] = 1; /* the same number, another epoch */
    CU_ASSERT_EQUAL(offered(4, 80, 0).lsn, 0);
}

static void equal(void)
{
    struct dpl_source_config config = dpl_source_defaults;
    config.equal = true;
    start();
    epoch_add(4, 3, 0, 8000);
    dpl_source_init(&source, &config, &calls);
    dpl_source_connected(&source, 0);
    receive(state(0, 0), 0);
    CU_ASSERT_EQUAL(world.last.flags, DPL_EPOCH_EQUAL);
    /* For the epoch that a person saw, and no later one. */
    config.equal_epoch = 3;
    dpl_source_init(&source, &config, &calls);
    dpl_source_connected(&source, 0);
    receive(state(0, 0), 0);
    CU_ASSERT_EQUAL(world.last.flags, 0);
    config.equal_epoch = 4;
    /* Its answer counts, not what it had said of itself. */
    struct dpl_message fresh = state(0, 0);
    fresh.has |= DPL_M(REASON);
    fresh.reason = DPL_COMPARE_NEW;
    fresh.flags = DPL_STATE_NEEDS_MIRROR | DPL_STATE_EMPTY;
    dpl_source_init(&source, &config, &calls);
    dpl_source_connected(&source, 0);
    receive(fresh, 0);
    CU_ASSERT_EQUAL(source.compare, DPL_COMPARE_NEW);
    CU_ASSERT_TRUE(source.empty);
    CU_ASSERT_EQUAL(source.flags, DPL_STATE_NEEDS_MIRROR);
    receive(answer(4, DPL_ANSWER_ACCEPTED), 0);
    CU_ASSERT_EQUAL(source.compare, 0);
    CU_ASSERT_EQUAL(source.flags & DPL_STATE_NEEDS_MIRROR, 0);
    /* Never for a target that has a history. */
    dpl_source_init(&source, &config, &calls);
    dpl_source_connected(&source, 0);
    receive(state(2, 80), 0);
    CU_ASSERT_EQUAL(world.last.type, DPL_MSG_EPOCH);
    CU_ASSERT_EQUAL(world.last.flags, 0);
    /* Nor from the middle of the journal. */
    world.epochs[0].oldest_lsn = 80;
    dpl_source_init(&source, &config, &calls);
    dpl_source_connected(&source, 0);
    receive(state(0, 0), 0);
    CU_ASSERT_EQUAL(world.last.flags, 0);
}

static int begin_mirror(void)
{
    return fire_own(DPL_SOURCE_ON_MIRROR);
}

static void mirror_behind_a_gap(void)
{
    struct dpl_source_offer offer = {.lsn = 160, .chain = chain_of(2, 160)};
    uint64_t epoch, lsn;
    bring(DPL_SOURCE_STREAMING);
    send_bytes(64, 0);
    CU_ASSERT_EQUAL(dpl_source_journal_ended(&source, 3, true, 0), 0);
    /* In that epoch nothing can follow. */
    CU_ASSERT_EQUAL(begin_mirror(), DPL_E_PARAM);
    CU_ASSERT_EQUAL(source.state, DPL_SOURCE_COMPARE);
    epoch_add(2, 1, 0, 8000);
    offer.epoch = world.epochs[1].epoch;
    CU_ASSERT_EQUAL(dpl_source_offer(&source, &offer, 0), 0);
    CU_ASSERT_EQUAL(world.last.type, DPL_MSG_EPOCH);
    CU_ASSERT_EQUAL(world.last.lsn, 160);
    /* The target has not taken it yet: what it says is of the one before. */
    CU_ASSERT_EQUAL(receive(ack(1, 864, 800), 0), 0);
    CU_ASSERT_EQUAL(receive(answer(2, DPL_ANSWER_COMPARE), 0), 0);
    CU_ASSERT_EQUAL(receive(ack(1, 864, 864), 0), 0);
    CU_ASSERT_EQUAL(begin_mirror(), 0);
    CU_ASSERT_EQUAL(source.state, DPL_SOURCE_STREAMING);
    CU_ASSERT_EQUAL(source.now.sent, 160);
    CU_ASSERT_FALSE(source.acked);
    CU_ASSERT_EQUAL(receive(ack(1, 864, 864), 0), 0); /* it was under way */
    CU_ASSERT_EQUAL(receive(ack(2, 160, 160), 0), 0);
    CU_ASSERT_TRUE(source.acked);
    CU_ASSERT_TRUE(dpl_source_held(&source, &epoch, &lsn));
    CU_ASSERT_EQUAL(epoch, 2);
    CU_ASSERT_EQUAL(lsn, 160);
    CU_ASSERT_EQUAL(receive(ack(1, 864, 864), 0), DPL_E_CORRUPT);
}

static void need_holds_until_an_ack(void)
{
    struct dpl_message m;
    bring(DPL_SOURCE_STATING);
    m = state(1, 800);
    m.has |= DPL_M(REASON);
    m.reason = DPL_COMPARE_UNFINISHED;
    m.flags = DPL_STATE_NEEDS_MIRROR;
    receive(m, 0);
    receive(answer(1, DPL_ANSWER_ACCEPTED), 0);
    CU_ASSERT_TRUE(source.flags & DPL_STATE_NEEDS_MIRROR);
    CU_ASSERT_EQUAL(source.told, DPL_COMPARE_UNFINISHED);
    CU_ASSERT_EQUAL(begin_mirror(), 0);
    receive(ack(1, 800, 800), 0);
    CU_ASSERT_FALSE(source.flags & DPL_STATE_NEEDS_MIRROR);
    CU_ASSERT_EQUAL(source.told, 0);
}

static void window(void)
{
    bring(DPL_SOURCE_STREAMING);
    CU_ASSERT_EQUAL(send_bytes(1 << 20, 0), 0);
    CU_ASSERT_FALSE(dpl_source_room(&source));
    CU_ASSERT_EQUAL(send_bytes(64, 0), DPL_E_PARAM);
    CU_ASSERT_EQUAL(source.state, DPL_SOURCE_STREAMING);
    receive(ack(1, 800 + (1 << 20), 800), 0); /* received is not enough */
    CU_ASSERT_FALSE(dpl_source_room(&source));
    receive(ack(1, 800 + (1 << 20), 808), 0);
    CU_ASSERT_TRUE(dpl_source_room(&source));
    struct dpl_message full = ack(1, 800 + (1 << 20), 800 + (1 << 20));
    full.flags = DPL_STATE_FULL;
    receive(full, 0);
    CU_ASSERT_FALSE(dpl_source_room(&source));
    CU_ASSERT_EQUAL(send_bytes(64, 0), DPL_E_PARAM);
    CU_ASSERT_FALSE(dpl_source_has_room(&source, 64)); /* nothing was said of it */
    full.has |= DPL_M(ROOM);
    full.room = 64;
    receive(full, 0);
    CU_ASSERT_FALSE(dpl_source_room(&source));
    CU_ASSERT_FALSE(dpl_source_has_room(&source, 72));
    CU_ASSERT_EQUAL(send_bytes(72, 0), DPL_E_PARAM);
    CU_ASSERT_EQUAL(send_bytes(64, 0), 0);
    CU_ASSERT_FALSE(dpl_source_has_room(&source, 8)); /* until that is durable */
    full.received += 64;
    receive(full, 0);
    CU_ASSERT_FALSE(dpl_source_has_room(&source, 8));
    full.durable += 64;
    receive(full, 0);
    CU_ASSERT_TRUE(dpl_source_has_room(&source, 64));
    receive(ack(1, 864 + (1 << 20), 864 + (1 << 20)), 0);
    CU_ASSERT_TRUE(dpl_source_room(&source));
    CU_ASSERT_FALSE(dpl_source_has_room(&source, 8));
    struct dpl_message huge = state(1, 800);
    huge.window = 1 << 30;
    bring(DPL_SOURCE_STATING);
    receive(huge, 0);
    CU_ASSERT_EQUAL(source.window, dpl_source_defaults.window_max);
}

/* Each is sent as the first ack behind a good one, and must end the session. */
static void wrong_acks(void)
{
    struct dpl_message good = ack(1, 1600, 1200);
    good.has |= DPL_M(APPLIED) | DPL_M(CHECKPOINT);
    good.applied = 1000;
    good.checkpoint = 900;
    struct dpl_message bad[6];
    for (size_t i = 0; i < 6; i++)
        bad[i] = good;
    bad[0].received = 1864 + 8;
    bad[1].received = 1592;
    bad[2].durable = 1192;
    bad[3].applied = 992;
    bad[4].checkpoint = 896;
    bad[5].epoch_tag = tag_of(2);
    for (size_t i = 0; i < 6; i++) {
        bring(DPL_SOURCE_STREAMING);
        send_bytes(1064, 0);
        CU_ASSERT_EQUAL(receive(good, 0), 0);
        CU_ASSERT_EQUAL(source.now.durable, 1200);
        CU_ASSERT_EQUAL(receive(bad[i], 0), DPL_E_CORRUPT);
        CU_ASSERT_EQUAL(source.over, DPL_SOURCE_OVER_BROKEN);
        CU_ASSERT_EQUAL(world.last.type, DPL_MSG_REFUSE);
        CU_ASSERT_EQUAL(world.last.code, DPL_REFUSE_PROTOCOL);
    }
    bring(DPL_SOURCE_STREAMING);
    send_bytes(1064, 0);
    receive(good, 0);
    good.has &= ~(DPL_M(APPLIED) | DPL_M(CHECKPOINT));
    CU_ASSERT_EQUAL(receive(good, 0), DPL_E_CORRUPT);
}

static void beats(void)
{
    bring(DPL_SOURCE_STREAMING);
    source.head = 4000;
    source.synced = 9000;
    source.promise = 4000;
    source.wall_ns = 77;
    world.sent[0] = '\0';
    CU_ASSERT_EQUAL(dpl_source_tick(&source, SECOND - 1), SECOND);
    CU_ASSERT_STRING_EQUAL(world.sent, "");
    CU_ASSERT_EQUAL(dpl_source_tick(&source, SECOND), 2 * SECOND);
    CU_ASSERT_STRING_EQUAL(world.sent, "B");
    CU_ASSERT_TRUE(world.last.head == 4000 && world.last.synced == 4000);
    CU_ASSERT_EQUAL(world.last.time_ns, 77);
    CU_ASSERT_TRUE((world.last.has & DPL_M(PROMISE)) && world.last.promise == 4000);
    /* The target hears how far the journal goes, however much is sent. */
    send_bytes(64, SECOND + 5);
    CU_ASSERT_EQUAL(dpl_source_tick(&source, 2 * SECOND), 3 * SECOND);
    CU_ASSERT_TRUE(world.last.type == DPL_MSG_HEARTBEAT && world.last.head >= 4000);
    receive(ack(1, 800, 800), 3 * SECOND);
    CU_ASSERT_TRUE(dpl_source_tick(&source, 13 * SECOND - 1) <= 14 * SECOND);
    CU_ASSERT_EQUAL(source.state, DPL_SOURCE_STREAMING);
    CU_ASSERT_EQUAL(dpl_source_tick(&source, 13 * SECOND), INT64_MAX);
    CU_ASSERT_EQUAL(source.over, DPL_SOURCE_OVER_SILENT);
    CU_ASSERT_EQUAL(world.last.code, DPL_REFUSE_SILENCE);
    CU_ASSERT_EQUAL(dpl_source_tick(&source, 99 * SECOND), INT64_MAX);
}

static void next_epoch(void)
{
    uint64_t epoch, lsn;
    bring(DPL_SOURCE_STREAMING);
    send_bytes(7200, 0);
    CU_ASSERT_EQUAL(dpl_source_journal_ended(&source, 1, false, 0), 0);
    CU_ASSERT_EQUAL(world.last.type, DPL_MSG_ENDED);
    CU_ASSERT_TRUE(world.last.lsn == 8000 && world.last.flags == 0 && world.last.reason == 1);
    CU_ASSERT_EQUAL(source.state, DPL_SOURCE_CHOOSING);
    /* Nothing follows yet: the ended one is not offered again. */
    CU_ASSERT_EQUAL(dpl_source_journal_grew(&source, 0), 0);
    CU_ASSERT_EQUAL(source.state, DPL_SOURCE_CHOOSING);
    epoch_add(2, 1, 0, 800);
    CU_ASSERT_EQUAL(dpl_source_journal_grew(&source, 0), 0);
    CU_ASSERT_TRUE(world.last.type == DPL_MSG_EPOCH && world.last.epoch == 2);
    CU_ASSERT_EQUAL(receive(ack(1, 8000, 1600), 0), 0); /* of the epoch before */
    CU_ASSERT_TRUE(dpl_source_held(&source, &epoch, &lsn) && epoch == 1 && lsn == 1600);
    source.head = source.synced = 8000;
    CU_ASSERT_EQUAL(receive(answer(2, DPL_ANSWER_ACCEPTED), 0), 0);
    CU_ASSERT_TRUE(source.head == 0 && source.synced == 0); /* those were of the epoch before */
    CU_ASSERT_TRUE(dpl_source_held(&source, &epoch, &lsn) && epoch == 2 && lsn == 0);
    CU_ASSERT_EQUAL(receive(ack(2, 0, 0), 0), 0);
    CU_ASSERT_EQUAL(receive(ack(1, 8000, 8000), 0), DPL_E_CORRUPT);
    /* A stranger that follows is offered, and the target will say that all must be compared. */
    bring(DPL_SOURCE_STREAMING);
    epoch_add(3, 2, 0, 800);
    CU_ASSERT_EQUAL(dpl_source_journal_ended(&source, 1, false, 0), 0);
    CU_ASSERT_TRUE(world.last.type == DPL_MSG_EPOCH && world.last.epoch == 3);
    CU_ASSERT_EQUAL(receive(answer(1, DPL_ANSWER_ACCEPTED), 0), DPL_E_CORRUPT);
}

static void gap(void)
{
    uint64_t epoch, lsn;
    bring(DPL_SOURCE_STREAMING);
    CU_ASSERT_EQUAL(dpl_source_journal_ended(&source, 3, true, 0), 0);
    CU_ASSERT_TRUE(world.last.flags == DPL_ENDED_MIRROR_NEEDED && world.last.lsn == 800);
    CU_ASSERT_EQUAL(world.news[DPL_SOURCE_NEWS_COMPARE], 1);
    CU_ASSERT_EQUAL(source.compare, DPL_COMPARE_ENDED);
    CU_ASSERT_FALSE(dpl_source_room(&source));
    bring(DPL_SOURCE_COMPARE);
    CU_ASSERT_EQUAL(source.compare, DPL_COMPARE_EPOCH);
    CU_ASSERT_EQUAL(world.news[DPL_SOURCE_NEWS_COMPARE], 1);
    CU_ASSERT_FALSE(dpl_source_held(&source, &epoch, &lsn));
}

static void again(void)
{
    bring(DPL_SOURCE_STREAMING);
    send_bytes(1600, 0);
    receive(ack(1, 2400, 2400), 0);
    dpl_source_lost(&source, 0);
    CU_ASSERT_EQUAL(source.over, DPL_SOURCE_OVER_LOST);
    CU_ASSERT_EQUAL(dpl_source_connected(&source, 0), 0);
    CU_ASSERT_EQUAL(source.over, DPL_SOURCE_NOT_OVER);
    receive(state(1, 2400), 0);
    CU_ASSERT_EQUAL(world.news[DPL_SOURCE_NEWS_WENT_BACK], 0);
    CU_ASSERT_EQUAL(world.last.lsn, 2400);
    dpl_source_lost(&source, 0);
    dpl_source_connected(&source, 0);
    receive(state(1, 2392), 0); /* it has lost what it had acknowledged: said, and sent again */
    CU_ASSERT_EQUAL(world.news[DPL_SOURCE_NEWS_WENT_BACK], 1);
    CU_ASSERT_EQUAL(world.last.lsn, 2392);
}

static void refusals(void)
{
    bring(DPL_SOURCE_STREAMING);
    fire(DPL_SOURCE_ON_REFUSE);
    CU_ASSERT_EQUAL(source.over, DPL_SOURCE_OVER_REFUSED);
    CU_ASSERT_EQUAL(source.refusal, DPL_REFUSE_ROLE);
    CU_ASSERT_STRING_EQUAL(source.why.text,
                           "the target refuses: the set's role here does not allow it now: no");
    /* What only a source sends. */
    bring(DPL_SOURCE_STREAMING);
    CU_ASSERT_EQUAL(command(DPL_COMMAND_PAUSE), DPL_E_CORRUPT);
    CU_ASSERT_EQUAL(source.over, DPL_SOURCE_OVER_BROKEN);
    bring(DPL_SOURCE_STREAMING);
    struct dpl_err why = {.code = DPL_E_UNSUPPORTED, .text = "x"};
    CU_ASSERT_EQUAL(dpl_source_nonsense(&source, &why, 0), DPL_E_UNSUPPORTED);
    CU_ASSERT_EQUAL(source.state, DPL_SOURCE_OFFLINE);
    CU_ASSERT_EQUAL(world.last.code, DPL_REFUSE_PROTOCOL);
}

static void send_fails(void)
{
    bring(DPL_SOURCE_STREAMING);
    world.send_rc = DPL_E_IO;
    CU_ASSERT_EQUAL(send_bytes(64, 0), DPL_E_IO);
    CU_ASSERT_EQUAL(source.state, DPL_SOURCE_OFFLINE);
    CU_ASSERT_EQUAL(source.over, DPL_SOURCE_OVER_LOST);
    bring(DPL_SOURCE_STREAMING);
    world.send_rc = DPL_E_IO;
    CU_ASSERT_EQUAL(dpl_source_tick(&source, SECOND), INT64_MAX);
    CU_ASSERT_EQUAL(source.over, DPL_SOURCE_OVER_LOST);
}

static const struct unit_test tests[] = {
    {"in every state every event leads where it should and says what it should", matrix},
    {"an epoch that both have goes on where the target's queue is durable", same_epoch},
    {"what is offered follows from the target's position and the journal", choice},
    {"an epoch of the same number and another id is another epoch", another_id},
    {"equal sides are believed for a new replica and a whole journal alone", equal},
    {"behind a gap a mirror begins in another epoch, and what is said of the one before is heard",
     mirror_behind_a_gap},
    {"a mirror is needed until the target says that it is not", need_holds_until_an_ack},
    {"records begin only while the target has room for them", window},
    {"an acknowledgement against the rules ends the session", wrong_acks},
    {"heartbeats go out when nothing else does, and silence ends the session", beats},
    {"behind a clean end the child follows, and no other", next_epoch},
    {"a journal that ended too early needs a mirror, and sends no more", gap},
    {"a lost connection goes on from what the target has, and tells when that is less", again},
    {"refusals say why, and what a target may not send breaks the session", refusals},
    {"a failing connection is a lost one", send_fails},
};
UNIT_MAIN(tests)
