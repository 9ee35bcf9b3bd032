/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The simulator's loop: time, faults, and what must hold at the end.
 */
#include "tests/prop/sim.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void sim_fail(struct sim *sim, const char *format, ...)
{
    va_list args;
    if (sim->failed)
        return;
    sim->failed = true;
    printf("seed %llu, at %.3f s: ", (unsigned long long)sim->seed,
           (double)sim->now_ns / (double)SIM_SECOND);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf("\n");
}

static void source_crash(struct sim *sim)
{
    bool equal = sim->source.config.equal;
    sim->seen.source_crashes++;
    bool was_online = sim->source.state != DPL_SOURCE_OFFLINE;
    sim_source_init(sim, equal);
    if (was_online && sim->connected)
        sim_wire_cut(sim);
}

/* The source's epoch ends: cleanly, or with its writer; another begins. */
static void next_epoch(struct sim *sim, bool clean)
{
    struct sim_epoch *e = sim_journal_newest(sim);
    if (sim->journal.count == SIM_EPOCHS)
        return;
    if (clean && !e->gap) {
        e->ended = true;
        sim->seen.handovers++;
    } else if (!e->gap) {
        e->abandoned = true;
        sim->seen.node_crashes++;
    }
    sim_journal_begin(sim, true);
}

/* A person makes both sides equal: the replica begins anew, with an epoch of its own. */
static void make_equal(struct sim *sim)
{
    struct sim_replica *r = &sim->replica;
    uint8_t id[16];
    if (sim->journal.count == SIM_EPOCHS)
        return;
    sim->seen.resyncs++;
    next_epoch(sim, true);
    memcpy(id, r->id, 16);
    *r = (struct sim_replica){.sync_ns = INT64_MAX};
    memcpy(r->id, id, 16);
    r->id[0]++;
    if (sim->connected)
        sim_wire_cut(sim);
    sim_source_init(sim, true);
    sim_target_init(sim);
    sim->acked_durable = 0;
}

static void fault(struct sim *sim)
{
    struct rng *r = &sim->rng;
    switch (rng_below(r, 12)) {
    case 0:
    case 1:
    case 2:
        sim_wire_cut(sim);
        break;
    case 3:
        source_crash(sim);
        break;
    case 4:
    case 5:
        sim_target_crash(sim);
        break;
    case 6:
        next_epoch(sim, true);
        break;
    case 7:
        if (rng_one_in(r, 3))
            next_epoch(sim, false);
        break;
    case 8:
        sim->replica.full_ns = sim->now_ns + (int64_t)rng_below(r, 20000) * SIM_MS;
        sim->seen.fulls++;
        break;
    case 9:
        (void)dpl_source_close(&sim->source, sim->now_ns);
        break;
    case 10:
        sim->target_left = true;
        (void)dpl_target_close(&sim->target, sim->now_ns);
        break;
    default:
        (void)dpl_source_control(
            &sim->source, rng_one_in(r, 2) ? DPL_COMMAND_PAUSE : DPL_COMMAND_RESUME, sim->now_ns);
        break;
    }
}

/* A mirror is needed: both sides say so, and no record goes. */
static bool stands_still(const struct sim *sim)
{
    return sim->source.state == DPL_SOURCE_COMPARE && sim->replica.needs_mirror;
}

static void write_some(struct sim *sim)
{
    if (sim->now_ns < sim->write_ns)
        return;
    for (uint32_t n = rng_below(&sim->rng, rng_one_in(&sim->rng, 10) ? 60 : 5); n > 0; n--)
        sim_journal_write(sim);
    struct sim_epoch *e = sim_journal_newest(sim);
    sim->source.head = e->bytes->len;
    if (sim->source.now.tag != dpl_epoch_tag(&e->epoch))
        sim->source.head = sim->source.now.sent;
    sim->write_ns = sim->now_ns + (int64_t)rng_below(&sim->rng, 200) * SIM_MS;
}

static void round_of(struct sim *sim, bool writes)
{
    if (writes)
        write_some(sim);
    if (!sim->connected && sim->now_ns >= sim->connect_ns)
        sim_wire_connect(sim);
    sim_wire_deliver(sim);
    sim_target_work(sim);
    sim_source_pump(sim);
    int64_t due =
        MIN(dpl_source_tick(&sim->source, sim->now_ns), dpl_target_tick(&sim->target, sim->now_ns));
    due = MIN(due, MIN(sim_wire_due(sim), sim_target_due(sim)));
    if (writes)
        due = MIN(due, sim->write_ns);
    due = MIN(due, sim->now_ns + SIM_SECOND);
    sim->now_ns = MAX(due, sim->now_ns + SIM_MS / 10);
}

/* Nothing fails any more: then all that was written is applied, or a mirror is said to be needed
 * for a reason. */
static void settle(struct sim *sim)
{
    struct sim_replica *r = &sim->replica;
    sim->calm = true;
    r->full_ns = 0;
    r->paused = false;
    int64_t end = sim->now_ns + 300 * SIM_SECOND;
    const struct sim_epoch *last = sim_journal_newest(sim);
    for (;;) {
        bool all = r->any && r->epoch + 1 == sim->journal.count && r->applied == last->bytes->len &&
                   r->former_left == 0 && sim->source.now.durable == last->bytes->len &&
                   sim->source.state == DPL_SOURCE_STREAMING;
        if (sim->failed || all || stands_still(sim))
            return;
        if (sim->now_ns > end)
            break;
        round_of(sim, false);
        r->paused = false;
    }
    sim_fail(
        sim,
        "it never settles: source %s, target %s, epoch %u of %u, applied %llu of %u, sent %llu",
        dpl_source_state_text(sim->source.state), dpl_target_state_text(sim->target.state),
        r->epoch + 1, sim->journal.count, (unsigned long long)r->applied, last->bytes->len,
        (unsigned long long)sim->source.now.sent);
}

/* Whether there was a reason for a mirror. */
static void had_reason(struct sim *sim)
{
    bool reason = false;
    for (unsigned i = 0; i < sim->journal.count; i++)
        reason |= sim->journal.epochs[i].gap || sim->journal.epochs[i].abandoned;
    if (sim->seen.compares > 0 && !reason)
        sim_fail(sim, "a mirror was called for, and nothing was missing");
}

bool sim_run(struct sim *sim, uint64_t seed)
{
    memset(sim, 0, sizeof *sim);
    sim->seed = seed;
    sim->rng.state = seed;
    sim->replica.id[0] = 1;
    sim->replica.sync_ns = INT64_MAX;
    sim_journal_init(sim);
    sim_wire_init(sim);
    sim_source_init(sim, true);
    sim_target_init(sim);
    uint32_t rounds_left = 200 + rng_below(&sim->rng, 800);
    uint32_t calmness = 10 + rng_below(&sim->rng, 200);
    for (; rounds_left > 0 && !sim->failed; rounds_left--) {
        round_of(sim, true);
        if (stands_still(sim) && rng_one_in(&sim->rng, 10))
            make_equal(sim);
        else if (rng_one_in(&sim->rng, calmness))
            fault(sim);
    }
    settle(sim);
    had_reason(sim);
    sim_wire_done(sim);
    sim_journal_done(sim);
    return !sim->failed;
}
