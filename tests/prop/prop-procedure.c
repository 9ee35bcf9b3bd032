/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Random walks of nodes over one procedure: they begin it, resume it while another still runs it,
 * undo it, stop it, die at every deed, freeze and wake; actions and reverts fail, or come to
 * nothing though they said that they succeeded. The store keeps a record upon the version it
 * replaces, no more.
 *
 * What holds: nothing is acted without the token, nor before "begun" is durable; no step is "done"
 * without a check that found its effect; nothing is reverted past a last step that has acted; one
 * that was begun is to do again only if it has not acted, and whoever is stopped leaves none begun
 * that it has begun and not made; at the end all effects are there, or none. DPL_SEED=N
 * DPL_ROUNDS=1 runs seed N again.
 */
#include "daemon/core/procedure.h"
#include "tests/prop/rng.h"
#include "tests/unit/unit.h"

#include <string.h>

enum { NODES = 3, WALK = 400, CALM = 200 };

struct record {
    struct dpl_procedure p;
    unsigned version, token;
};

struct node {
    bool runs;
    struct record mine; /* as it will be saved next; version: upon which */
};

struct world {
    struct rng rng;
    struct record store;
    struct node nodes[NODES];
    unsigned tokens;
    bool effect[DPL_PROCEDURE_STEPS];
    bool checked[DPL_PROCEDURE_STEPS]; /* by the holder of the token, since the last action */
    bool calm;                         /* nothing fails, nobody dies */
    bool last_acted;
    unsigned begun[DPL_PROCEDURE_STEPS]; /* by which token */
    bool acted[DPL_PROCEDURE_STEPS];     /* since then */
};

static void start(struct world *w, struct node *n, bool back)
{
    n->mine = w->store;
    if ((back ? dpl_procedure_undo(&n->mine.p, NULL) : dpl_procedure_resume(&n->mine.p, NULL)) < 0)
        return;
    n->mine.token = ++w->tokens;
    n->runs = true;
}

static void save_begun(struct world *w, const struct record *mine, size_t i)
{
    bool was = w->store.p.steps[i] == DPL_STEP_BEGUN, is = mine->p.steps[i] == DPL_STEP_BEGUN;
    if (is && !was) {
        w->begun[i] = mine->token;
        w->acted[i] = false;
    }
    if (was && mine->p.steps[i] == DPL_STEP_TODO)
        CU_ASSERT_FALSE_FATAL(w->acted[i]);
    if (is && mine->p.state == DPL_PROCEDURE_INTERRUPTED && w->begun[i] == mine->token)
        CU_ASSERT_TRUE_FATAL(w->acted[i]);
}

static enum dpl_procedure_outcome save(struct world *w, struct node *n)
{
    struct record *mine = &n->mine;
    if (mine->version != w->store.version)
        return DPL_OUTCOME_LOST;
    for (size_t i = 0; i < mine->p.count; i++) {
        if (mine->p.steps[i] == DPL_STEP_DONE && w->store.p.steps[i] != DPL_STEP_DONE)
            CU_ASSERT_TRUE_FATAL(w->checked[i] && w->effect[i]);
        save_begun(w, mine, i);
    }
    mine->version++;
    w->store = *mine;
    CU_ASSERT_EQUAL_FATAL(dpl_procedure_check(&w->store.p, NULL), DPL_OK);
    return DPL_OUTCOME_OK;
}

/* Whether it is made: it may end as said and come to nothing. */
static bool made(struct world *w)
{
    return w->calm || !rng_one_in(&w->rng, 6);
}

static enum dpl_procedure_outcome said(struct world *w)
{
    if (w->calm || !rng_one_in(&w->rng, 8))
        return DPL_OUTCOME_OK;
    return DPL_OUTCOME_FAILED;
}

static enum dpl_procedure_outcome act(struct world *w, struct node *n, size_t at)
{
    if (n->mine.token != w->store.token)
        return DPL_OUTCOME_LOST;
    CU_ASSERT_EQUAL_FATAL(w->store.p.steps[at], DPL_STEP_BEGUN);
    CU_ASSERT_FALSE_FATAL(w->store.p.back);
    for (size_t i = 0; i < at; i++)
        CU_ASSERT_TRUE_FATAL(w->effect[i]);
    w->checked[at] = false;
    w->acted[at] = true;
    w->last_acted |= n->mine.p.last[at];
    w->effect[at] |= made(w);
    return said(w);
}

static enum dpl_procedure_outcome check(struct world *w, struct node *n, size_t at)
{
    if (n->mine.token != w->store.token)
        return DPL_OUTCOME_LOST;
    if (!w->effect[at])
        return rng_one_in(&w->rng, 2) ? DPL_OUTCOME_WAITS : DPL_OUTCOME_FAILED;
    w->checked[at] = true;
    return DPL_OUTCOME_OK;
}

static enum dpl_procedure_outcome revert(struct world *w, struct node *n, size_t at)
{
    if (n->mine.token != w->store.token)
        return DPL_OUTCOME_LOST;
    CU_ASSERT_EQUAL_FATAL(w->store.p.steps[at], DPL_STEP_UNDOING);
    CU_ASSERT_FALSE_FATAL(w->last_acted);
    for (size_t i = at + 1; i < w->store.p.count; i++)
        CU_ASSERT_FALSE_FATAL(w->effect[i]);
    bool fails = !w->calm && rng_one_in(&w->rng, 6);
    w->effect[at] = w->effect[at] && fails;
    return fails ? DPL_OUTCOME_FAILED : DPL_OUTCOME_OK;
}

static void turn(struct world *w, struct node *n)
{
    struct dpl_procedure *p = &n->mine.p;
    switch (dpl_procedure_deed(p)) {
    case DPL_DEED_NONE:
        n->runs = false;
        break;
    case DPL_DEED_SAVE:
        dpl_procedure_ended(p, save(w, n));
        break;
    case DPL_DEED_LOOK:
        dpl_procedure_ended(p, said(w));
        break;
    case DPL_DEED_ACT:
        dpl_procedure_ended(p, act(w, n, p->at));
        break;
    case DPL_DEED_CHECK:
        dpl_procedure_ended(p, check(w, n, p->at));
        break;
    case DPL_DEED_REVERT:
        dpl_procedure_ended(p, revert(w, n, p->at));
        break;
    }
}

static void step(struct world *w)
{
    struct node *n = &w->nodes[rng_below(&w->rng, NODES)];
    if (!n->runs && rng_one_in(&w->rng, w->calm ? 2 : 10))
        start(w, n, !w->calm && rng_one_in(&w->rng, 6));
    else if (n->runs && !w->calm && rng_one_in(&w->rng, 30))
        n->runs = false; /* it dies */
    else if (n->runs && !w->calm && rng_one_in(&w->rng, 40))
        dpl_procedure_stop(&n->mine.p);
    else if (n->runs)
        turn(w, n);
}

static bool walk(uint64_t seed)
{
    struct world w = {.rng = {.state = seed}};
    size_t count = 1 + rng_below(&w.rng, DPL_PROCEDURE_STEPS);
    dpl_procedure_init(&w.store.p, count);
    if (rng_one_in(&w.rng, 2))
        w.store.p.last[rng_below(&w.rng, (uint32_t)count)] = true;
    for (unsigned i = 0; i < WALK; i++)
        step(&w);
    /* Somebody goes on with it now, in peace. */
    for (unsigned i = 0; i < NODES; i++)
        w.nodes[i].runs = false;
    w.calm = true;
    for (unsigned i = 0; i < CALM * NODES && !dpl_procedure_over(&w.store.p); i++) {
        if (!w.nodes[0].runs)
            start(&w, &w.nodes[0], false);
        turn(&w, &w.nodes[0]);
    }
    CU_ASSERT_TRUE_FATAL(dpl_procedure_over(&w.store.p));
    bool done = w.store.p.state == DPL_PROCEDURE_DONE;
    for (size_t i = 0; i < count; i++)
        CU_ASSERT_EQUAL_FATAL(w.effect[i], done);
    return done;
}

static void walks(void)
{
    struct rng r = rng_start(1);
    unsigned n = rounds(20000), done = 0;
    for (unsigned i = 0; i < n; i++)
        done += walk(r.state + i);
    printf("%u walks: %u done, %u undone\n", n, done, n - done);
    if (n >= 1000)
        CU_ASSERT_TRUE(done > n / 10 && n - done > n / 10); /* both ways are walked */
}

static const struct unit_test tests[] = {
    {"any walk acts with the token alone, checks all, and ends whole or undone", walks},
};
UNIT_MAIN(tests)
