/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The simulator's target: a replica whose disk is slow, sometimes full, and forgets in a crash what
 * was not durable.
 */
#include "lib/journal/crc32c.h"
#include "lib/journal/record.h"
#include "tests/prop/sim.h"

#include <string.h>

enum { QUEUE_MAX = 60000, FULL_ROOM = 3000 };

static struct sim_epoch *epoch_of(struct sim *sim)
{
    return &sim->journal.epochs[sim->replica.epoch];
}

static int call_send(void *self, const struct dpl_message *m)
{
    struct sim *sim = self;
    return sim_wire_send(sim, &sim->to_source, m);
}

static bool is_full(const struct sim *sim)
{
    const struct sim_replica *r = &sim->replica;
    return sim->now_ns < r->full_ns || r->received - r->applied > QUEUE_MAX;
}

static void call_holds(void *self, struct dpl_target_holds *h)
{
    struct sim *sim = self;
    const struct sim_replica *r = &sim->replica;
    *h = (struct dpl_target_holds){.replica = r->id,
                                   .any = r->any,
                                   .received = r->received,
                                   .durable = r->durable,
                                   .chain = r->durable_chain,
                                   .applies = r->former_left == 0,
                                   .applied = r->applied,
                                   .checkpoint = r->checkpoint,
                                   .queue_bytes = r->received - r->applied,
                                   .reason = r->reason,
                                   .window = 65536};
    h->room = sim->now_ns < r->full_ns ? 0 : FULL_ROOM;
    if (r->any)
        h->epoch = epoch_of(sim)->epoch;
    h->flags = (r->needs_mirror ? DPL_STATE_NEEDS_MIRROR : 0) |
               (is_full(sim) ? DPL_STATE_FULL : 0) | (r->paused ? DPL_STATE_PAUSED : 0);
}

static void made_durable(struct sim *sim, uint64_t lsn, uint32_t chain)
{
    struct sim_replica *r = &sim->replica;
    r->durable = lsn;
    r->durable_chain = chain;
    if (lsn != r->received)
        return;
    r->ended = r->ended || r->got_end;
    if (r->got_gap && !r->needs_mirror) {
        r->needs_mirror = true;
        r->reason = DPL_COMPARE_ENDED;
    }
}

static int call_sync(void *self)
{
    struct sim *sim = self;
    made_durable(sim, sim->replica.received, sim->replica.chain);
    sim->replica.sync_ns = INT64_MAX;
    return 0;
}

static uint32_t reason_of(struct sim *sim, const struct dpl_target_offer *o)
{
    const struct sim_replica *r = &sim->replica;
    if (r->needs_mirror)
        return r->reason;
    if (!r->any)
        return DPL_COMPARE_NEW;
    const struct dpl_epoch *last = &epoch_of(sim)->epoch;
    if (memcmp(o->epoch.id, last->id, 16) == 0)
        return o->lsn != r->durable ? DPL_COMPARE_GAP
                                    : (o->chain != r->durable_chain ? DPL_COMPARE_CHAIN : 0);
    if (memcmp(o->epoch.parent_id, last->id, 16) != 0)
        return DPL_COMPARE_EPOCH;
    return !r->ended || o->lsn != 0 ? DPL_COMPARE_UNENDED : 0;
}

/* Opens an epoch: it must really follow what is here. */
static void open_epoch(struct sim *sim, const struct dpl_target_offer *o)
{
    struct sim_replica *r = &sim->replica;
    int index = sim_journal_find(sim, dpl_epoch_tag(&o->epoch));
    uint32_t chain;
    g_assert(index >= 0);
    struct sim_epoch *e = &sim->journal.epochs[index];
    if (!sim_journal_chain(e, o->lsn, &chain) || chain != o->chain)
        sim_fail(sim, "an epoch was offered with a digest that it never had");
    if (r->any && r->epoch == (unsigned)index)
        return;
    if (r->any) {
        const struct sim_epoch *last = epoch_of(sim);
        if (!last->ended || r->durable != last->bytes->len || (unsigned)index != r->epoch + 1)
            sim_fail(sim, "an epoch was accepted, and changes before it are missing");
    }
    r->former_left = r->any ? r->durable - r->applied : 0;
    r->any = true;
    r->epoch = (unsigned)index;
    r->begin = r->durable = r->applied = r->checkpoint = o->lsn;
    r->durable_chain = o->chain;
    r->ended = r->got_end = r->got_gap = false;
}

static int call_offer(void *self, const struct dpl_target_offer *o, uint32_t *reason)
{
    struct sim *sim = self;
    struct sim_replica *r = &sim->replica;
    call_sync(self);
    bool trusted = o->equal && !r->any;
    *reason = trusted ? 0 : reason_of(sim, o);
    if (*reason) {
        r->needs_mirror = true;
        r->reason = *reason;
        return 0;
    }
    open_epoch(sim, o);
    r->received = r->durable;
    r->chain = r->durable_chain;
    sim->seen.accepted++;
    return 1;
}

static int call_begin(void *self, const struct dpl_target_offer *o, uint32_t reason)
{
    (void)o;
    (void)reason;
    sim_fail(self, "a mirror has begun, and none is here");
    return DPL_E_UNSUPPORTED;
}

/* What came is what the application did, in its order and in its place. */
static int call_records(void *self, const struct dpl_message *m, struct dpl_err *err)
{
    struct sim *sim = self;
    struct sim_replica *r = &sim->replica;
    struct sim_epoch *e = epoch_of(sim);
    uint32_t chain = 0;
    if (m->lsn != r->received || m->chain != r->chain || m->epoch_tag != dpl_epoch_tag(&e->epoch))
        return dpl_err_set(err, DPL_E_CORRUPT, "these records are not the next");
    if (m->lsn + m->data.size > e->bytes->len ||
        memcmp(e->bytes->data + m->lsn, m->data.data, m->data.size) != 0)
        sim_fail(sim, "records came that never were");
    if (r->received - r->durable >= 65536)
        sim_fail(sim, "more came than there is a window for");
    if (!sim_journal_chain(e, m->lsn + m->data.size, &chain))
        sim_fail(sim, "a record came in part");
    r->received += m->data.size;
    r->chain = chain;
    return 0;
}

static int call_ended(void *self, uint64_t lsn, bool gap, struct dpl_err *err)
{
    struct sim *sim = self;
    struct sim_replica *r = &sim->replica;
    const struct sim_epoch *e = epoch_of(sim);
    (void)err;
    if (lsn != e->bytes->len || gap == e->ended)
        sim_fail(sim, "an epoch was said to end where and how it did not");
    r->got_end = !gap;
    r->got_gap = gap;
    if (gap) {
        r->needs_mirror = true; /* saved at once */
        r->reason = DPL_COMPARE_ENDED;
    }
    return 0;
}

static void call_synced(void *self, uint64_t lsn, uint64_t head)
{
    struct sim *sim = self;
    if (lsn > head || head > epoch_of(sim)->bytes->len)
        sim_fail(sim, "a heartbeat is ahead of the journal");
}

static int call_pause(void *self, bool paused)
{
    ((struct sim *)self)->replica.paused = paused;
    return 0;
}

static int call_mirror(void *self, const struct dpl_message *m)
{
    (void)m;
    sim_fail(self, "a message of a mirror came, and none is here");
    return 0;
}

void sim_target_init(struct sim *sim)
{
    sim->target_calls = (struct dpl_target_calls){
        call_send,   call_holds, call_offer, call_begin,  call_records, call_ended,
        call_synced, call_pause, call_sync,  call_mirror, sim};
    dpl_target_init(&sim->target, &dpl_target_defaults, &sim->target_calls);
}

static void apply_some(struct sim *sim)
{
    struct sim_replica *r = &sim->replica;
    uint64_t bytes = rng_below(&sim->rng, 6000);
    if (!r->any || r->paused)
        return;
    if (r->former_left > 0) {
        r->former_left = r->former_left > bytes ? r->former_left - bytes : 0;
        dpl_target_moved(&sim->target);
        return;
    }
    const struct sim_epoch *e = epoch_of(sim);
    for (guint i = sim_journal_behind(e, r->applied); i < e->ends->len; i++) {
        uint64_t end = g_array_index(e->ends, uint64_t, i);
        if (end > r->durable || end > r->applied + bytes)
            break;
        bytes -= end - r->applied;
        r->applied = end;
        dpl_target_moved(&sim->target);
    }
    if (rng_one_in(&sim->rng, 5))
        r->checkpoint = r->applied;
}

void sim_target_work(struct sim *sim)
{
    struct sim_replica *r = &sim->replica;
    if (sim->now_ns >= r->sync_ns) {
        made_durable(sim, r->syncing, r->syncing_chain);
        r->sync_ns = INT64_MAX;
        dpl_target_moved(&sim->target);
    }
    bool wants = r->received > r->durable || (r->got_end && !r->ended);
    if (r->sync_ns == INT64_MAX && r->any && wants) {
        r->syncing = r->received;
        r->syncing_chain = r->chain;
        r->sync_ns = sim->now_ns +
                     (int64_t)rng_below(&sim->rng, rng_one_in(&sim->rng, 30) ? 3000 : 30) * SIM_MS;
    }
    apply_some(sim);
    if (r->applied > r->durable || r->checkpoint > r->applied || r->durable > r->received)
        sim_fail(sim, "the target's positions are out of order");
}

int64_t sim_target_due(const struct sim *sim)
{
    return sim->replica.sync_ns;
}

/* The engine dies. Of what was not durable the disk may have got a part. */
void sim_target_crash(struct sim *sim)
{
    struct sim_replica *r = &sim->replica;
    sim->seen.target_crashes++;
    if (r->any && r->received > r->durable && rng_one_in(&sim->rng, 2)) {
        const struct sim_epoch *e = epoch_of(sim);
        for (guint i = sim_journal_behind(e, r->durable); i < e->ends->len; i++) {
            uint64_t end = g_array_index(e->ends, uint64_t, i);
            if (end > r->received || rng_one_in(&sim->rng, 4))
                break;
            r->durable = end;
            r->durable_chain = g_array_index(e->chains, uint32_t, i);
        }
    }
    r->received = r->durable;
    r->chain = r->durable_chain;
    r->got_end = r->ended;
    r->got_gap = false;
    r->applied = r->checkpoint; /* and again from there */
    r->sync_ns = INT64_MAX;
    bool was_online = sim->target.state != DPL_TARGET_OFFLINE;
    sim_target_init(sim);
    if (was_online && sim->connected)
        sim_wire_cut(sim);
}
