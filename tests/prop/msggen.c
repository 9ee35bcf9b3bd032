/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/prop/msggen.h"

#include <glib.h>
#include <string.h>
#include <sys/stat.h>

unsigned msggen_types(unsigned types[DPL_MSG_END])
{
    unsigned n = 0;
    for (unsigned i = 0; i < DPL_MSG_END; i++)
        if (dpl_message_text(i))
            types[n++] = i;
    return n;
}

static uint8_t *room_of(struct msggen *g)
{
    return g->text[g->used++ % 16];
}

static struct dpl_view bytes_of(struct rng *r, struct msggen *g, size_t size)
{
    uint8_t *at = room_of(g);
    for (size_t i = 0; i < size; i++)
        at[i] = (uint8_t)(rng_next(r) | 1);
    return (struct dpl_view){at, size};
}

static struct dpl_view word_of(struct rng *r, struct msggen *g)
{
    static const char set[] = "abcXYZ019._-";
    uint8_t *at = room_of(g);
    size_t size = 1 + rng_below(r, 60);
    for (size_t i = 0; i < size; i++)
        at[i] = (uint8_t)set[rng_below(r, sizeof set - 1)];
    return (struct dpl_view){at, size};
}

static uint64_t lsn_of(struct rng *r)
{
    uint64_t shift = 8 + rng_below(r, 40); /* in this order with every compiler */
    return rng_next(r) >> shift << 3;
}

static void append_some(struct rng *r, struct msggen *g, unsigned type, struct dpl_message *m)
{
    uint64_t at = 0;
    ssize_t used = 0;
    for (unsigned n = 1 + rng_below(r, 4); n > 0; n--) {
        struct dpl_mirror_entry e = {word_of(r, g), bytes_of(r, g, 12 + rng_below(r, 40)),
                                     rng_one_in(r, 2) ? S_IFREG : S_IFDIR};
        if (e.name.data[0] == '.')
            e.name = dpl_view_text("x");
        uint64_t length = 1 + rng_below(r, 9000);
        at += rng_below(r, 9000);
        if (type == DPL_MSG_MIRROR_DIR)
            used = dpl_mirror_entries_append(g->data, (size_t)used, sizeof g->data, &e);
        else if (type == DPL_MSG_MIRROR_NEED)
            used = dpl_mirror_ranges_append(g->data, (size_t)used, sizeof g->data, at, length);
        else
            used = dpl_mirror_paths_append(g->data, (size_t)used, sizeof g->data, e.name);
        g_assert(used > 0);
        at += length;
    }
    m->data = (struct dpl_view){g->data, (size_t)used};
}

static void append_files(struct rng *r, struct msggen *g, struct dpl_message *m)
{
    ssize_t used = 0;
    for (unsigned n = 1 + rng_below(r, 4); n > 0; n--) {
        struct dpl_mirror_file file = {bytes_of(r, g, 1 + rng_below(r, 100)),
                                       bytes_of(r, g, rng_below(r, 100))};
        used = dpl_mirror_files_append(g->data, (size_t)used, sizeof g->data, &file);
        g_assert(used > 0);
    }
    m->data = (struct dpl_view){g->data, (size_t)used};
}

static void fill_payload(struct rng *r, struct msggen *g, struct dpl_message *m)
{
    uint32_t blocks = 1 + rng_below(r, 5);
    m->data = (struct dpl_view){g->data, 0};
    memset(g->data, (int)rng_next(r), 512);
    switch (m->type) {
    case DPL_MSG_RECORDS:
        m->data.size = 64 + 8 * rng_below(r, 50);
        break;
    case DPL_MSG_ASK:
    case DPL_MSG_ANSWER:
    case DPL_MSG_MIRROR_ITEM:
        m->data.size = 1 + rng_below(r, 500);
        break;
    case DPL_MSG_MIRROR_SUMS:
        m->block = rng_one_in(r, 2) ? 4096 : 1U << 20;
        m->offset = (uint64_t)m->block * rng_below(r, 1000);
        m->length = (uint64_t)m->block * blocks - rng_below(r, 4096);
        m->data.size = (size_t)16 * blocks;
        break;
    case DPL_MSG_MIRROR_DATA:
        m->data.size = rng_below(r, 500);
        m->offset = rng_next(r) >> 2;
        m->length = m->data.size;
        if (rng_one_in(r, 3)) {
            m->has &= ~DPL_M(DATA);
            m->flags = DPL_MIRROR_HOLE;
            m->length = 1 + rng_below(r, 1U << 30);
        } else {
            m->flags = rng_one_in(r, 2) ? DPL_MIRROR_LAST : 0;
        }
        break;
    case DPL_MSG_MIRROR_NEED:
        m->level = 1 + rng_below(r, 3);
        if (m->level == DPL_MIRROR_NEED_ITEM)
            break;
        append_some(r, g, m->type, m);
        break;
    case DPL_MSG_MIRROR_BEGIN:
        memset(g->data, 'r', 512);
        m->data.size = rng_below(r, 200);
        break;
    case DPL_MSG_MIRROR_DIR:
    case DPL_MSG_MIRROR_RESULT:
        append_some(r, g, m->type, m);
        break;
    case DPL_MSG_MIRROR_FILES:
        append_files(r, g, m);
        break;
    default:
        break;
    }
}

/* Fields that go together. */
static void settle(struct rng *r, struct dpl_message *m)
{
    const uint64_t position = DPL_M(EPOCH) | DPL_M(EPOCH_ID) | DPL_M(DURABLE) | DPL_M(CHAIN);
    switch (m->type) {
    case DPL_MSG_HELLO:
        m->version_max = m->version_min + rng_below(r, 5);
        if (!(m->has & DPL_M(EPOCH)) != !(m->has & DPL_M(FS_UUID)))
            m->has &= ~(DPL_M(EPOCH) | DPL_M(FS_UUID));
        break;
    case DPL_MSG_TARGET_STATE:
        m->has = m->has & DPL_M(EPOCH) ? m->has | position
                                       : m->has & ~(position | DPL_M(APPLIED) | DPL_M(CURSOR));
        m->flags &= ~(uint32_t)(DPL_STATE_NEEDS_MIRROR | DPL_STATE_MIRROR);
        m->flags |= m->has & DPL_M(REASON) ? DPL_STATE_NEEDS_MIRROR : 0;
        m->flags |= m->has & DPL_M(MIRROR) ? DPL_STATE_MIRROR : 0;
        if (!(m->has & DPL_M(MIRROR)))
            m->has &= ~DPL_M(CURSOR);
        break;
    case DPL_MSG_EPOCH_ANSWER:
        m->answer = m->has & DPL_M(REASON) ? DPL_ANSWER_COMPARE : DPL_ANSWER_ACCEPTED;
        break;
    case DPL_MSG_HEARTBEAT:
        if ((m->has & (DPL_M(HEAD) | DPL_M(SYNCED) | DPL_M(EPOCH_TAG))) !=
            (DPL_M(HEAD) | DPL_M(SYNCED) | DPL_M(EPOCH_TAG)))
            m->has = DPL_M(TIME);
        m->synced = m->head / 16 * 8;
        break;
    case DPL_MSG_MIRROR_RESULT:
        if (!(m->has & DPL_M(UNSETTLED)) || !(m->has & DPL_M(LSN)) || !(m->has & DPL_M(EPOCH)))
            m->has &= ~(DPL_M(EPOCH) | DPL_M(LSN) | DPL_M(UNSETTLED));
        break;
    case DPL_MSG_WANT:
        if (!(m->has & DPL_M(LSN)) != !(m->has & DPL_M(EPOCH_TAG)))
            m->has &= ~(DPL_M(LSN) | DPL_M(EPOCH_TAG));
        break;
    default:
        break;
    }
    m->has = m->has & DPL_M(APPLIED) ? m->has | DPL_M(CHECKPOINT) : m->has & ~DPL_M(CHECKPOINT);
    if (m->has & DPL_M(DURABLE)) {
        m->received = m->durable + 8 * (uint64_t)rng_below(r, 1000);
        m->checkpoint = m->durable / 32 * 8;
        m->applied = m->durable / 16 * 8;
    }
}

static void fill(struct rng *r, struct msggen *g, struct dpl_message *m)
{
    m->version = m->version_min = 1 + rng_below(r, 60000);
    m->direction = 1 + rng_below(r, 2);
    m->code = 1 + rng_below(r, 65535);
    m->chain = (uint32_t)rng_next(r);
    m->reason = rng_below(r, 65536);
    m->command = 1 + rng_below(r, 3);
    m->kind = 1 + rng_below(r, 3);
    m->orphans = 1 + rng_below(r, 4);
    m->block = 4096;
    m->flags = rng_below(r, 2);
    m->features = rng_next(r);
    m->generation = rng_next(r);
    m->time_ns = rng_next(r);
    m->epoch = 1 + rng_below(r, 1000);
    m->epoch_tag = rng_next(r);
    m->mirror = 1 + rng_below(r, 1000);
    m->lsn = lsn_of(r);
    m->durable = lsn_of(r);
    m->head = lsn_of(r);
    m->queue_bytes = rng_next(r) >> 1;
    m->window = 65536 + rng_below(r, 1U << 29);
    m->objects = rng_next(r) >> 1;
    m->bytes = rng_next(r) >> 1;
    m->created = rng_next(r) >> 1;
    m->changed = rng_below(r, 1000);
    m->found = rng_below(r, 1000);
    m->removed = rng_below(r, 1000);
    m->unsettled = m->removed / 2;
    m->room = m->queue_bytes / 2;
    m->product = word_of(r, g);
    m->site = word_of(r, g);
    m->node = word_of(r, g);
    m->set = word_of(r, g);
    m->text = word_of(r, g);
    m->epoch_id = bytes_of(r, g, 16);
    m->parent_id = bytes_of(r, g, 16);
    m->fs_uuid = bytes_of(r, g, 16);
    m->replica = bytes_of(r, g, 16);
    m->object = bytes_of(r, g, 12 + rng_below(r, 129));
    m->cursor = bytes_of(r, g, rng_below(r, 100));
}

static void make(struct rng *r, struct msggen *g, unsigned type, uint64_t optional,
                 struct dpl_message *m)
{
    uint64_t required, may;
    g_assert(dpl_message_fields(type, &required, &may));
    *m = (struct dpl_message){.type = (uint16_t)type, .has = required | (may & optional)};
    g->used = 0;
    fill(r, g, m);
    fill_payload(r, g, m);
    settle(r, m);
}

void msggen_message(struct rng *r, struct msggen *g, unsigned type, struct dpl_message *m)
{
    make(r, g, type, rng_next(r) | DPL_M(DATA), m);
}

void msggen_sample(struct msggen *g, unsigned type, struct dpl_message *m)
{
    struct rng r = {.state = type};
    make(&r, g, type, UINT64_MAX, m);
    if (type == DPL_MSG_HEARTBEAT) /* it came later than these bytes */
        m->has &= ~DPL_M(PROMISE);
    if (type == DPL_MSG_MIRROR_RESULT) /* likewise */
        m->has &= ~(DPL_M(EPOCH) | DPL_M(LSN) | DPL_M(UNSETTLED));
}

static bool view_same(struct dpl_view a, struct dpl_view b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

bool msggen_equal(const struct dpl_message *a, const struct dpl_message *b)
{
    bool same = a->type == b->type && a->has == b->has;
#define VIEW(m) view_same(a->m, b->m)
#define U32(m)  (a->m == b->m)
#define U64     U32
#define LSN     U32
#define ID      VIEW
#define OID     VIEW
#define WORD    VIEW
#define TEXT    VIEW
#define BYTES   VIEW
#define DPL_MFIELD(name, member, kind, tag, min, max, text)                                        \
    same = same && (!(a->has & DPL_MFIELD_BIT(DPL_MFIELD_##name)) || kind(member));
#include "lib/proto/message.tbl.h"
#undef DPL_MFIELD
    return same;
}
