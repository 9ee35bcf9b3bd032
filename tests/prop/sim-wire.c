/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The simulator's link: bytes with delays, in order, until it is cut.
 */
#include "tests/prop/sim.h"

#include <string.h>

static void pipe_reset(struct sim_pipe *p)
{
    if (!p->bytes)
        p->bytes = g_byte_array_new();
    g_byte_array_set_size(p->bytes, 0);
    dpl_frame_in_done(&p->in);
    dpl_frame_in_init(&p->in, DPL_FRAME_BODY_MAX);
    p->at_ns = INT64_MAX;
    p->cut = false;
}

void sim_wire_init(struct sim *sim)
{
    pipe_reset(&sim->to_target);
    pipe_reset(&sim->to_source);
}

void sim_wire_done(struct sim *sim)
{
    struct sim_pipe *const both[] = {&sim->to_target, &sim->to_source};
    for (int i = 0; i < 2; i++) {
        dpl_frame_in_done(&both[i]->in);
        g_byte_array_free(both[i]->bytes, TRUE);
    }
}

static int64_t delay(struct sim *sim)
{
    return (int64_t)rng_below(&sim->rng, rng_one_in(&sim->rng, 20) ? 300 : 10) * SIM_MS;
}

int sim_wire_send(struct sim *sim, struct sim_pipe *p, const struct dpl_message *m)
{
    static uint8_t frame[DPL_FRAME_BODY_MAX + DPL_FRAME_HEAD];
    struct dpl_err err = {0};
    ssize_t size = dpl_message_encode(m, frame, sizeof frame, &err);
    if (size < 0) {
        sim_fail(sim, "%s", err.text);
        return (int)size;
    }
    sim->seen.frames++;
    if (p->cut)
        return 0; /* the sender cannot know */
    g_byte_array_append(p->bytes, frame, (guint)size);
    if (p->at_ns == INT64_MAX)
        p->at_ns = sim->now_ns + delay(sim);
    return 0;
}

void sim_wire_connect(struct sim *sim)
{
    sim->connected = true;
    sim->target_left = false;
    sim->source_hears_cut_ns = sim->target_hears_cut_ns = INT64_MAX;
    sim_wire_init(sim);
    (void)dpl_target_connected(&sim->target, sim->now_ns);
    (void)dpl_source_connected(&sim->source, sim->now_ns);
}

/* Of what is under way a part may still arrive. */
void sim_wire_cut(struct sim *sim)
{
    struct sim_pipe *const both[] = {&sim->to_target, &sim->to_source};
    if (!sim->connected)
        return;
    for (int i = 0; i < 2; i++) {
        both[i]->cut = true;
        if (both[i]->bytes->len > 0)
            g_byte_array_set_size(both[i]->bytes, rng_below(&sim->rng, both[i]->bytes->len + 1));
        if (both[i]->bytes->len == 0)
            both[i]->at_ns = INT64_MAX;
    }
    /* Sometimes nobody says so, and silence must. */
    int64_t late = 20 * SIM_SECOND;
    sim->source_hears_cut_ns =
        sim->now_ns + (rng_one_in(&sim->rng, 4) ? late : delay(sim) + 400 * SIM_MS);
    sim->target_hears_cut_ns =
        sim->now_ns + (rng_one_in(&sim->rng, 4) ? late : delay(sim) + 400 * SIM_MS);
    sim->seen.cuts++;
}

static void arrived(struct sim *sim, bool at_target, const struct dpl_frame *f)
{
    struct dpl_message m;
    struct dpl_err err;
    if (dpl_message_decode(&m, f->type, f->body.data, f->body.size, &err) < 0) {
        sim_fail(sim, "a message cannot be decoded: %s", err.text);
        return;
    }
    if (at_target) {
        if (sim->target.state != DPL_TARGET_OFFLINE)
            (void)dpl_target_receive(&sim->target, &m, sim->now_ns);
        if (sim->target.over == DPL_TARGET_OVER_BROKEN)
            sim_fail(sim, "the target was told nonsense: %s", sim->target.why.text);
    } else {
        bool leaving = sim->source.state == DPL_SOURCE_CLOSING && !sim->target_left;
        if (sim->source.state != DPL_SOURCE_OFFLINE)
            (void)dpl_source_receive(&sim->source, &m, sim->now_ns);
        if (leaving && sim->source.state == DPL_SOURCE_OFFLINE && m.type == DPL_MSG_CONTROL &&
            sim->source.now.accepted && sim->source.now.durable != sim->source.now.sent)
            sim_fail(sim, "a session was closed, and what it had sent is not durable");
        if (sim->source.over == DPL_SOURCE_OVER_BROKEN)
            sim_fail(sim, "the source was told nonsense: %s", sim->source.why.text);
    }
}

static void piece(struct sim *sim, struct sim_pipe *p, bool at_target)
{
    uint8_t *at;
    size_t room;
    if (sim->now_ns < p->at_ns || p->bytes->len == 0)
        return;
    guint size = 1 + rng_below(&sim->rng, rng_one_in(&sim->rng, 3) ? p->bytes->len : 9000);
    if (dpl_frame_in_room(&p->in, &at, &room, NULL) < 0) {
        sim_fail(sim, "the stream of frames is broken");
        return;
    }
    size = size > p->bytes->len ? p->bytes->len : size;
    size = size > room ? (guint)room : size;
    memcpy(at, p->bytes->data, size);
    g_byte_array_remove_range(p->bytes, 0, size);
    dpl_frame_in_added(&p->in, size);
    p->at_ns = p->bytes->len > 0 ? sim->now_ns + delay(sim) / 8 : INT64_MAX;
    struct dpl_frame f;
    int rc;
    while ((rc = dpl_frame_in_next(&p->in, &f, NULL)) > 0)
        arrived(sim, at_target, &f);
    if (rc < 0)
        sim_fail(sim, "the stream of frames is broken");
}

void sim_wire_deliver(struct sim *sim)
{
    if (!sim->connected)
        return;
    piece(sim, &sim->to_target, true);
    piece(sim, &sim->to_source, false);
    if (sim->now_ns >= sim->source_hears_cut_ns)
        dpl_source_lost(&sim->source, sim->now_ns);
    if (sim->now_ns >= sim->target_hears_cut_ns)
        dpl_target_lost(&sim->target, sim->now_ns);
    bool source_gone = sim->source.state == DPL_SOURCE_OFFLINE;
    bool target_gone = sim->target.state == DPL_TARGET_OFFLINE;
    /* Who has gone closes its end: the other hears it, unless the link was cut. What was said
     * before the end still arrives. */
    if (source_gone && !target_gone && !sim->to_target.cut && sim->to_target.bytes->len == 0)
        dpl_target_lost(&sim->target, sim->now_ns);
    if (target_gone && !source_gone && !sim->to_source.cut && sim->to_source.bytes->len == 0)
        dpl_source_lost(&sim->source, sim->now_ns);
    if (source_gone && target_gone) {
        sim->connected = false;
        sim->connect_ns =
            sim->now_ns +
            (int64_t)rng_below(&sim->rng, rng_one_in(&sim->rng, 2) ? 5 : 3000) * SIM_MS;
    }
}

int64_t sim_wire_due(const struct sim *sim)
{
    if (!sim->connected)
        return sim->connect_ns;
    int64_t due = MIN(sim->to_target.at_ns, sim->to_source.at_ns);
    return MIN(due, MIN(sim->source_hears_cut_ns, sim->target_hears_cut_ns));
}
