/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Two sites with a set, failovers, failbacks, restores and their undoing in any order, over
 * questions that are lost, late or asked twice, and whose answers are: never do both serve, unless
 * a person said what was not true; and wherever nobody does, a person can let either serve.
 */
#include "daemon/core/set_role.h"
#include "tests/prop/rng.h"
#include "tests/unit/set_side.h"

#include <string.h>

enum { FLIGHT = 6, STEPS = 400 };

struct question {
    bool used;
    unsigned to;
    enum dpl_set_event event;
    int64_t generation;
};

/* What a site's procedure knows: durable, so that its crash is nothing but a pause. */
struct run {
    enum { NONE, FAILOVER, FAILBACK, UNDOING } kind;
    bool failback; /* that is undone */
    int64_t generation;
    bool ceded, told; /* the other one has given it away; was told to serve */
    bool withdrawn;
};

static struct world {
    struct dpl_set_side sides[2];
    bool running[2];
    struct run runs[2];
    struct question flight[FLIGHT];
    int64_t undone[2]; /* the highest whose undoing was answered by that site */
    unsigned served;
} w;

static void must(bool good, const char *what)
{
    if (good)
        return;
    for (unsigned i = 0; i < 2; i++)
        printf("site %u: %s generation %lld released for %lld ceded %lld pending %lld\n", i,
               dpl_set_role_text(w.sides[i].role), (long long)w.sides[i].generation,
               (long long)w.sides[i].released_for, (long long)w.sides[i].ceded,
               (long long)w.sides[i].failing_over);
    printf("FAIL: %s\n", what);
    exit(1);
}

static bool is(unsigned site, enum dpl_set_role role)
{
    return w.sides[site].role == role;
}

static int become(unsigned site, enum dpl_set_event event, int64_t generation)
{
    struct dpl_set_side before = w.sides[site];
    int rc = dpl_set_role_become(&w.sides[site], event, generation, NULL);
    must(w.sides[site].generation >= before.generation, "a generation goes down");
    must(w.sides[site].released_for == before.released_for || w.sides[site].released_for == 0 ||
             w.sides[site].released_for > w.undone[site],
         "it lets go for what was undone");
    must(rc > 0 || set_side_same(&before, &w.sides[site]), "no change is none");
    w.served += is(site, DPL_SET_ROLE_SERVING) && before.role != DPL_SET_ROLE_SERVING;
    return rc;
}

/* The answer is of the moment in which it is done; NULL-like -1: none came. */
static int asked(struct rng *r, unsigned to, enum dpl_set_event event, int64_t generation)
{
    if (rng_one_in(r, 4))
        return -1;          /* lost */
    if (rng_one_in(r, 3)) { /* once more, later */
        struct question *q = &w.flight[rng_below(r, FLIGHT)];
        *q = (struct question){true, to, event, generation};
    }
    if (event == DPL_SET_EVENT_CEDE && w.running[to])
        return -1; /* something still runs there */
    int rc = become(to, event, generation);
    return rng_one_in(r, 4) ? -1 : rc; /* its answer is lost */
}

static void late(struct rng *r)
{
    struct question *q = &w.flight[rng_below(r, FLIGHT)];
    if (!q->used)
        return;
    q->used = rng_one_in(r, 3);
    if (q->event != DPL_SET_EVENT_CEDE || !w.running[q->to])
        (void)become(q->to, q->event, q->generation);
}

static void begin_run(struct rng *r, unsigned i)
{
    struct run *run = &w.runs[i];
    const struct dpl_set_side *other = &w.sides[!i];
    if (is(i, DPL_SET_ROLE_STANDBY)) {
        int64_t seen = rng_one_in(r, 2) ? other->generation : 0;
        *run = (struct run){.kind = FAILOVER, .generation = dpl_set_role_next(&w.sides[i], seen)};
        if (become(i, DPL_SET_EVENT_ANNOUNCE, run->generation) < 0)
            run->kind = NONE;
    } else if (is(i, DPL_SET_ROLE_SERVING) && other->role == DPL_SET_ROLE_STANDBY) {
        *run = (struct run){.kind = FAILBACK, .generation = dpl_set_role_next(&w.sides[i], 0)};
    } else if (is(i, DPL_SET_ROLE_SERVING)) {
        (void)asked(r, !i, DPL_SET_EVENT_STAND_BY, w.sides[i].generation);
    }
}

static void failover(struct rng *r, unsigned i, struct run *run)
{
    switch (rng_below(r, 4)) {
    case 0:
        (void)asked(r, !i, DPL_SET_EVENT_RELEASE, run->generation);
        break;
    case 1:
        run->ceded |= asked(r, !i, DPL_SET_EVENT_CEDE, run->generation) >= 0;
        break;
    case 2:
        if (run->ceded) {
            (void)become(i, DPL_SET_EVENT_RAISE, run->generation);
            run->kind = NONE;
        }
        break;
    default:
        if (rng_one_in(r, 6))
            *run = (struct run){UNDOING, false, run->generation, false, false, false};
    }
}

static void failback(struct rng *r, unsigned i, struct run *run)
{
    const struct dpl_set_side *mine = &w.sides[i];
    switch (rng_below(r, 4)) {
    case 0:
        if (!mine->released_for && become(i, DPL_SET_EVENT_RELEASE, run->generation) < 0)
            run->kind = NONE;
        break;
    case 1:
        if (!w.running[i])
            (void)become(i, DPL_SET_EVENT_CEDE, run->generation);
        break;
    case 2:
        if (mine->ceded == run->generation && mine->ceded &&
            asked(r, !i, DPL_SET_EVENT_SERVE, run->generation) >= 0) {
            (void)become(i, DPL_SET_EVENT_STAND_BY, run->generation);
            run->kind = NONE;
        }
        break;
    default:
        if (rng_one_in(r, 6))
            *run = (struct run){UNDOING, true, run->generation, false, false, false};
    }
}

/* Who is going to serve gives the number up before the other one has it back. */
static void undo(struct rng *r, unsigned i, struct run *run)
{
    if (run->failback) {
        run->withdrawn |= asked(r, !i, DPL_SET_EVENT_WITHDRAW, run->generation) >= 0;
        if (run->withdrawn) {
            (void)become(i, DPL_SET_EVENT_GIVEN_BACK, run->generation);
            run->kind = NONE;
        } else if (!w.sides[i].ceded && rng_one_in(r, 2)) {
            (void)become(i, DPL_SET_EVENT_TAKE_BACK, run->generation);
        }
        return;
    }
    if (!run->withdrawn)
        run->withdrawn = become(i, DPL_SET_EVENT_WITHDRAW, run->generation) >= 0;
    int rc = run->withdrawn ? asked(r, !i, DPL_SET_EVENT_GIVEN_BACK, run->generation) : 0;
    if (rc == -1)
        return;
    run->kind = NONE;
    if (run->withdrawn && rc >= 0 && run->generation > w.undone[!i])
        w.undone[!i] = run->generation;
}

/* A person who knows: nothing that is under way can let the other site serve. */
static void confirm(unsigned i)
{
    const struct dpl_set_side *other = &w.sides[!i];
    bool under_way = w.runs[0].kind != NONE || w.runs[1].kind != NONE;
    for (unsigned q = 0; q < FLIGHT; q++)
        under_way |= w.flight[q].used;
    bool comes_back = other->role == DPL_SET_ROLE_RELEASED && !other->ceded;
    if (under_way || comes_back || other->role == DPL_SET_ROLE_SERVING ||
        is(i, DPL_SET_ROLE_SERVING))
        return;
    must(become(i, DPL_SET_EVENT_CONFIRM, 0) > 0, "a person may not let it serve");
}

static void step(struct rng *r)
{
    unsigned i = rng_below(r, 2);
    struct run *run = &w.runs[i];
    const struct dpl_set_side *other = &w.sides[!i];
    if (is(i, DPL_SET_ROLE_SERVING))
        w.running[i] |= rng_one_in(r, 2);
    else if (rng_one_in(r, 2))
        w.running[i] = false;
    if (rng_one_in(r, 3))
        late(r);
    if (other->role == DPL_SET_ROLE_SERVING && rng_one_in(r, 4)) {
        (void)asked(r, i, DPL_SET_EVENT_MEET, other->generation);
        return;
    }
    if (rng_one_in(r, 30) && is(i, DPL_SET_ROLE_RELEASED)) { /* by itself */
        (void)become(i, DPL_SET_EVENT_TAKE_BACK, w.sides[i].released_for);
        return;
    }
    if (rng_one_in(r, 20)) {
        confirm(i);
        return;
    }
    if (run->kind == FAILOVER)
        failover(r, i, run);
    else if (run->kind == FAILBACK)
        failback(r, i, run);
    else if (run->kind == UNDOING)
        undo(r, i, run);
    else if (rng_one_in(r, 3))
        begin_run(r, i);
}

static void check(void)
{
    must(!is(0, DPL_SET_ROLE_SERVING) || !is(1, DPL_SET_ROLE_SERVING), "both serve");
    must(!w.running[0] || !w.running[1], "services run at both");
    for (unsigned i = 0; i < 2 && !is(0, DPL_SET_ROLE_SERVING) && !is(1, DPL_SET_ROLE_SERVING);
         i++) {
        struct dpl_set_side side = w.sides[i];
        must(dpl_set_role_become(&side, DPL_SET_EVENT_CONFIRM, 0, NULL) > 0,
             "nobody can serve any more");
    }
}

int main(void)
{
    struct rng r = rng_start(1);
    unsigned n = rounds(3000), served = 0;
    for (unsigned i = 0; i < n; i++) {
        memset(&w, 0, sizeof w);
        w.sides[0] = (struct dpl_set_side){.role = DPL_SET_ROLE_SERVING, .generation = 1};
        w.sides[1] = (struct dpl_set_side){.role = DPL_SET_ROLE_STANDBY, .generation = 1};
        w.running[0] = true;
        for (unsigned s = 0; s < STEPS; s++) {
            step(&r);
            check();
        }
        served += w.served;
    }
    must(served > n, "next to nothing happened");
    printf("%u walks, %u times another one came to serve\n", n, served);
    return 0;
}
