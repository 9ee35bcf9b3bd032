/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The simulator's source: the application, the journal and the engine.
 */
#include "lib/journal/crc32c.h"
#include "lib/journal/record.h"
#include "tests/prop/sim.h"

#include <string.h>

struct sim_epoch *sim_journal_newest(struct sim *sim)
{
    return &sim->journal.epochs[sim->journal.count - 1];
}

void sim_journal_begin(struct sim *sim, bool child_of_last)
{
    struct sim_journal *j = &sim->journal;
    g_assert(j->count < SIM_EPOCHS);
    struct sim_epoch *e = &j->epochs[j->count++];
    *e = (struct sim_epoch){.bytes = g_byte_array_new(),
                            .ends = g_array_new(FALSE, FALSE, sizeof(uint64_t)),
                            .chains = g_array_new(FALSE, FALSE, sizeof(uint32_t))};
    e->epoch = (struct dpl_epoch){.number = j->count, .set = "mail"};
    for (int i = 0; i < 16; i++)
        e->epoch.id[i] = (uint8_t)rng_next(&sim->rng);
    e->epoch.id[0] = (uint8_t)j->count; /* never the same */
    if (child_of_last && j->count > 1)
        memcpy(e->epoch.parent_id, e[-1].epoch.id, 16);
}

void sim_journal_init(struct sim *sim)
{
    sim->journal.bound = 20000 + rng_below(&sim->rng, 200000);
    sim_journal_begin(sim, false);
}

void sim_journal_done(struct sim *sim)
{
    for (unsigned i = 0; i < sim->journal.count; i++) {
        g_byte_array_free(sim->journal.epochs[i].bytes, TRUE);
        g_array_free(sim->journal.epochs[i].ends, TRUE);
        g_array_free(sim->journal.epochs[i].chains, TRUE);
    }
}

guint sim_journal_behind(const struct sim_epoch *e, uint64_t lsn)
{
    guint low = 0, high = e->ends->len;
    while (low < high) {
        guint mid = (low + high) / 2;
        if (g_array_index(e->ends, uint64_t, mid) <= lsn)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

bool sim_journal_chain(const struct sim_epoch *e, uint64_t lsn, uint32_t *chain)
{
    if (lsn == 0) {
        *chain = dpl_epoch_chain(&e->epoch);
        return true;
    }
    guint i = sim_journal_behind(e, lsn - 1);
    if (i == e->ends->len || g_array_index(e->ends, uint64_t, i) != lsn)
        return false;
    *chain = g_array_index(e->chains, uint32_t, i);
    return true;
}

int sim_journal_find(const struct sim *sim, uint64_t tag)
{
    for (unsigned i = 0; i < sim->journal.count; i++)
        if (dpl_epoch_tag(&sim->journal.epochs[i].epoch) == tag)
            return (int)i;
    return -1;
}

/* One change by the application. Where the journal has ended it is not in it. */
void sim_journal_write(struct sim *sim)
{
    struct sim_epoch *e = sim_journal_newest(sim);
    uint8_t bytes[DPL_RECORD_HEADER + SIM_BODY + 8] = {0};
    uint32_t chain = 0;
    if (e->ended || e->gap || e->abandoned)
        return;
    if (e->bytes->len - e->oldest > sim->journal.bound) {
        e->gap = true;
        sim->seen.overflows++;
        return;
    }
    uint32_t body = rng_below(&sim->rng, SIM_BODY);
    for (uint32_t i = 0; i < body; i++)
        bytes[DPL_RECORD_HEADER + i] = (uint8_t)(rng_next(&sim->rng));
    g_assert(sim_journal_chain(e, e->bytes->len, &chain));
    struct dpl_record_header h = {
        .size = (uint32_t)dpl_record_align(DPL_RECORD_HEADER + body),
        .body_bytes = body,
        .lsn = e->bytes->len,
        .epoch_tag = dpl_epoch_tag(&e->epoch),
        .time_ns = (uint64_t)sim->now_ns,
        .chain = chain,
        .body_crc = dpl_crc32c(0, bytes + DPL_RECORD_HEADER, body),
        .type = DPL_R_WRITE,
        .outcome = DPL_OUTCOME_OK,
    };
    dpl_record_header_encode(&h, bytes);
    g_byte_array_append(e->bytes, bytes, h.size);
    uint64_t end = e->bytes->len;
    g_array_append_val(e->ends, end);
    g_array_append_val(e->chains, h.crc);
}

static int call_send(void *self, const struct dpl_message *m)
{
    struct sim *sim = self;
    if (m->type == DPL_MSG_RECORDS && (sim->source.flags & DPL_STATE_FULL) &&
        !dpl_source_has_room(&sim->source, m->data.size))
        sim_fail(sim, "records are sent to a target that is full");
    return sim_wire_send(sim, &sim->to_target, m);
}

static ssize_t call_epochs(void *self, const struct dpl_journal_epoch **list)
{
    struct sim *sim = self;
    ssize_t count = 0;
    for (unsigned i = 0; i < sim->journal.count; i++) {
        struct sim_epoch *e = &sim->journal.epochs[i];
        if (e->oldest == UINT64_MAX)
            continue; /* all of it was removed */
        struct dpl_journal_epoch *to = &sim->journal.list[count++];
        *to = (struct dpl_journal_epoch){.epoch = e->epoch, .oldest_lsn = e->oldest};
        g_assert(sim_journal_chain(e, e->oldest, &to->oldest_chain));
    }
    *list = sim->journal.list;
    return count;
}

static int call_chain_at(void *self, uint64_t number, uint64_t lsn, uint32_t *chain)
{
    struct sim *sim = self;
    if (number == 0 || number > sim->journal.count)
        return DPL_E_NOT_FOUND;
    struct sim_epoch *e = &sim->journal.epochs[number - 1];
    return lsn >= e->oldest && sim_journal_chain(e, lsn, chain) ? 0 : DPL_E_NOT_FOUND;
}

/* What the source has been told is true, now and for ever. */
static void acked(struct sim *sim)
{
    const struct dpl_source_position *p = &sim->source.now;
    const struct sim_replica *r = &sim->replica;
    int epoch = sim_journal_find(sim, p->tag);
    if (!p->accepted || epoch < 0)
        return;
    if ((unsigned)epoch == r->epoch && p->durable > r->durable)
        sim_fail(sim, "durable was acknowledged at %llu, the disk has %llu",
                 (unsigned long long)p->durable, (unsigned long long)r->durable);
    if ((unsigned)epoch == sim->acked_epoch && p->durable < sim->acked_durable &&
        sim->source.over == DPL_SOURCE_NOT_OVER && p->durable != p->start)
        sim_fail(sim, "durable went back from %llu to %llu", (unsigned long long)sim->acked_durable,
                 (unsigned long long)p->durable);
    if ((unsigned)epoch != sim->acked_epoch || p->durable > sim->acked_durable) {
        sim->acked_epoch = (unsigned)epoch;
        sim->acked_durable = p->durable;
    }
}

static void call_news(void *self, enum dpl_source_news news)
{
    struct sim *sim = self;
    switch (news) {
    case DPL_SOURCE_NEWS_ACK:
        acked(sim);
        break;
    case DPL_SOURCE_NEWS_COMPARE:
        sim->seen.compares++;
        break;
    case DPL_SOURCE_NEWS_WENT_BACK:
        sim->seen.went_back++;
        sim_fail(sim, "the target has less than it had acknowledged");
        break;
    }
}

static void call_mirror(void *self, const struct dpl_message *m)
{
    (void)m;
    sim_fail(self, "a mirror was asked for, and none is here");
}

void sim_source_init(struct sim *sim, bool equal)
{
    struct dpl_source_config config = dpl_source_defaults;
    config.equal = equal;
    config.window_max = 5000 + rng_below(&sim->rng, 100000);
    sim->source_calls = (struct dpl_source_calls){call_send, call_epochs, call_chain_at,
                                                  call_news, call_mirror, sim};
    dpl_source_init(&sim->source, &config, &sim->source_calls);
}

/* What the target holds may go, as whole segments of some size do. */
static void trim(struct sim *sim)
{
    uint64_t number, lsn;
    if (!dpl_source_held(&sim->source, &number, &lsn) || rng_one_in(&sim->rng, 3))
        return;
    const struct sim_replica *r = &sim->replica;
    if (!r->any || r->epoch + 1 < number || (r->epoch + 1 == number && r->durable < lsn))
        sim_fail(sim, "the journal would be trimmed to what the target does not hold");
    for (unsigned i = 0; i + 1 < number; i++)
        sim->journal.epochs[i].oldest = UINT64_MAX;
    struct sim_epoch *e = &sim->journal.epochs[number - 1];
    if (e->oldest == UINT64_MAX)
        return;
    for (guint i = sim_journal_behind(e, e->oldest); i < e->ends->len; i++) {
        uint64_t end = g_array_index(e->ends, uint64_t, i);
        if (end > lsn)
            break;
        if (end - e->oldest > 3000)
            e->oldest = end;
    }
}

/* The records behind `from`: as many as fit. */
static struct dpl_view records_from(struct sim_epoch *e, uint64_t from, size_t want,
                                    uint32_t *chain)
{
    uint64_t to = from;
    for (guint i = sim_journal_behind(e, from); i < e->ends->len && to - from < want; i++)
        to = g_array_index(e->ends, uint64_t, i);
    g_assert(sim_journal_chain(e, to, chain));
    return (struct dpl_view){e->bytes->data + from, to - from};
}

void sim_source_pump(struct sim *sim)
{
    struct dpl_source *s = &sim->source;
    if (s->state == DPL_SOURCE_CHOOSING)
        (void)dpl_source_journal_grew(s, sim->now_ns);
    for (int i = 0; i < 4 && s->state == DPL_SOURCE_STREAMING; i++) {
        int index = sim_journal_find(sim, s->now.tag);
        g_assert(index >= 0);
        struct sim_epoch *e = &sim->journal.epochs[index];
        uint32_t chain;
        if (s->now.sent < e->bytes->len) {
            size_t left = e->bytes->len - s->now.sent;
            if (!dpl_source_room(s) && !(e->ended && dpl_source_has_room(s, left)))
                break;
            struct dpl_view v =
                records_from(e, s->now.sent, 1 + rng_below(&sim->rng, 5000), &chain);
            (void)dpl_source_send_records(s, v, chain, sim->now_ns);
            sim->seen.bytes += v.size;
        } else if (e->ended) {
            (void)dpl_source_journal_ended(s, DPL_JOURNAL_CLOSED, false, sim->now_ns);
        } else if (e->gap || e->abandoned) {
            (void)dpl_source_journal_ended(s, DPL_JOURNAL_BOUND, true, sim->now_ns);
        } else {
            break;
        }
    }
    trim(sim);
}
