/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The loop of the simulator of mirrors: time, faults, and what must hold.
 */
#include "tests/prop/mirrorsim.h"

#include "lib/base/fd.h"
#include "tests/lib/treecmp.h"
#include "tests/unit/unit.h"

#include <ftw.h>
#include <stdarg.h>
#include <string.h>

void msim_fail(struct msim *sim, const char *format, ...)
{
    va_list args;
    if (sim->failed)
        return;
    sim->failed = true;
    printf("seed %llu, at %.3f s: ", (unsigned long long)sim->seed,
           (double)sim->fake.now_ns / (double)MSIM_SECOND);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf("\n");
}

/* What the replica says of itself; false: it is not open. */
static bool replica_now(struct msim *sim, struct dpl_replica_status *status)
{
    if (!sim->to_engine || !sim->engine.replica)
        return false;
    dpl_replica_status(sim->engine.replica, status);
    return true;
}

/* The state of the source at this position is in the history. */
static bool was_so(const struct msim *sim, const struct dpl_replica_status *s, uint64_t print)
{
    for (guint i = sim->history->len; i > 0; i--) {
        const struct msim_state *state = &g_array_index(sim->history, struct msim_state, i - 1);
        if (state->epoch == s->applied.epoch && state->lsn == s->applied.lsn)
            return state->print == print;
    }
    return false;
}

static void check_consistent(struct msim *sim)
{
    struct dpl_replica_status s;
    if (sim->touched || !replica_now(sim, &s) || !s.consistent)
        return;
    sim->seen.consistent++;
    if (!was_so(sim, &s, msim_print_of(sim->replica)))
        msim_fail(sim,
                  "the replica calls itself consistent at %llu/%llu, and is no such state of the "
                  "source",
                  (unsigned long long)s.applied.epoch, (unsigned long long)s.applied.lsn);
}

static void person(struct msim *sim)
{
    static const char *const kinds[] = {"full", "difference", "checksum", NULL};
    static const char *const rules[] = {"delete", "delete", "move", "keep", "list", NULL};
    struct rng *r = &sim->rng;
    if (sim->to_link && sim->link.mirror.source && rng_one_in(r, 3)) {
        msim_stop(sim);
        return;
    }
    bool test = rng_one_in(r, 3);
    msim_wish(sim, test ? "checksum" : kinds[rng_below(r, 4)], rules[rng_below(r, 6)],
              rng_one_in(r, 2), test);
}

/* Somebody works in the replica's tree. */
static void touch(struct msim *sim)
{
    char name[16];
    struct rng *r = &sim->rng;
    sim->seen.touches++;
    sim->touched = true;
    sim->touched_late |= sim->link.mirror.source != NULL;
    for (unsigned n = 1 + rng_below(r, 4); n > 0; n--) {
        snprintf(name, sizeof name, "n%u", rng_below(r, 6));
        switch (rng_below(r, 4)) {
        case 0:
            unlinkat(sim->replica, name, 0);
            break;
        case 1:
            snprintf(name, sizeof name, "stranger%u", rng_below(r, 3));
            mkdirat(sim->replica, name, 0700);
            break;
        default: {
            dpl_autofd int fd = openat(sim->replica, name,
                                       O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC |
                                           (rng_one_in(r, 2) ? O_CREAT : 0),
                                       0600);
            if (fd >= 0 && pwrite(fd, "touched", 7, rng_below(r, 9000)) < 0)
                break;
        }
        }
    }
}

static void fault(struct msim *sim)
{
    switch (rng_below(&sim->rng, 14)) {
    case 0:
    case 1:
    case 2:
        msim_cut(sim);
        break;
    case 3:
    case 4:
        msim_link_dies(sim);
        break;
    case 5:
    case 6:
        msim_engine_dies(sim);
        break;
    case 7:
        if (rng_one_in(&sim->rng, 3))
            msim_app_overflow(sim);
        break;
    case 8:
        if (rng_one_in(&sim->rng, 2))
            touch(sim);
        break;
    case 9:
        (void)dpl_clock_fake_advance(&sim->fake, rng_below(&sim->rng, 12) * MSIM_SECOND);
        break;
    default:
        person(sim);
        break;
    }
}

static void round_of(struct msim *sim, bool idle)
{
    struct rng *r = &sim->rng;
    msim_app_figures(sim);
    msim_nodes_turn(sim);
    dpl_clock_fake_advance(&sim->fake, (1 + rng_below(r, idle ? 200 : 8)) * MSIM_MS / 2);
}

static bool all_there(struct msim *sim)
{
    struct dpl_replica_status s;
    const struct dpl_link_mirror *m = &sim->link.mirror;
    return sim->to_link && replica_now(sim, &s) && s.consistent && !m->source && !m->wish.wanted &&
           !m->object_wanted && sim->journal.open &&
           sim->link.source.state == DPL_SOURCE_STREAMING &&
           s.applied.epoch == sim->journal.epoch.number && s.applied.lsn == sim->journal.lsn;
}

/* Whether somebody must say something: a mirror was stopped. */
static bool asks(const struct msim *sim)
{
    const struct dpl_link_mirror *m = &sim->link.mirror;
    return sim->to_link && !m->source && !m->wish.wanted && !m->run.wanted &&
           strcmp(m->state, "stopped") == 0;
}

static void settle(struct msim *sim)
{
    int64_t end = sim->fake.now_ns + 900 * MSIM_SECOND, said = 0;
    bool again_once = rng_one_in(&sim->rng, 3);
    sim->calm = true;
    msim_app_journal(sim);
    while (!sim->failed && sim->fake.now_ns < end) {
        round_of(sim, true);
        if (all_there(sim) && !sim->touched) {
            if (!again_once)
                return;
            /* The same session may have seen mirrors already. */
            again_once = false;
            msim_app_overflow(sim);
            msim_app_step(sim);
        }
        bool again = asks(sim) || (all_there(sim) && sim->touched) || said == 0;
        if (again && sim->fake.now_ns - said > 40 * MSIM_SECOND && sim->link.started) {
            said = sim->fake.now_ns;
            msim_wish(sim, sim->touched ? "checksum" : NULL, "delete", true, false);
        }
    }
    struct dpl_replica_status s = {0};
    (void)replica_now(sim, &s);
    msim_fail(sim,
              "it never settles: source %s, mirror %s (%s), target %s (%s), applied %llu/%llu of "
              "%llu/%llu, wanted %u, needed %u%s",
              dpl_source_state_text(sim->link.source.state), sim->link.mirror.state,
              sim->link.mirror.why, dpl_target_state_text(sim->engine.target.state),
              sim->engine.last_error, (unsigned long long)s.applied.epoch,
              (unsigned long long)s.applied.lsn, (unsigned long long)sim->journal.epoch.number,
              (unsigned long long)sim->journal.lsn, s.wanted, s.reason,
              sim->touched ? ", touched" : "");
}

static void print_difference(void *arg, const char *path, const char *what)
{
    (void)arg;
    printf("  %s: %s\n", path, what);
}

static void compare(struct msim *sim)
{
    static const char *const skip[] = {"trusted.doppel.", NULL};
    struct treecmp_options options = {.what = TREECMP_DEFAULT,
                                      .skip_xattrs = skip,
                                      .max_reports = 20,
                                      .report = print_difference};
    struct treecmp_result result = {0};
    struct dpl_err err = {0};
    if (treecmp(sim->source, sim->replica, &options, &result, &err) < 0)
        msim_fail(sim, "%s", err.text);
    else if (result.differences > 0)
        msim_fail(sim, "the sites differ in the end: %ld times", result.differences);
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

bool msim_run(struct msim *sim, uint64_t seed)
{
    memset(sim, 0, sizeof *sim);
    sim->seed = seed;
    sim->rng.state = seed;
    sim->clock = dpl_clock_fake_init(&sim->fake, 1000 * MSIM_SECOND);
    sim->fake.wall_ns = 1600000000 * MSIM_SECOND;
    snprintf(sim->dir, sizeof sim->dir, "%s/s%llu", unit_tempdir(), (unsigned long long)seed);
    mkdir(sim->dir, 0755);
    sim->doubt = rng_one_in(&sim->rng, 3) ? UINT32_MAX : 8 + rng_below(&sim->rng, 60);
    sim->max_delete = rng_one_in(&sim->rng, 3) ? 10 : 100;
    sim->piece = rng_one_in(&sim->rng, 4) ? 200000 : 500 + rng_below(&sim->rng, 8000);
    msim_app_init(sim);
    msim_nodes_init(sim);
    unsigned calmness = 8 + rng_below(&sim->rng, 60);
    for (unsigned left = 100 + rng_below(&sim->rng, 300); left > 0 && !sim->failed; left--) {
        for (unsigned n = rng_one_in(&sim->rng, 3) ? rng_below(&sim->rng, 4) : 0; n > 0; n--)
            msim_app_step(sim);
        round_of(sim, rng_one_in(&sim->rng, 10));
        if (rng_one_in(&sim->rng, 8))
            check_consistent(sim);
        bool under_way = sim->to_link && sim->link.mirror.source;
        if (rng_one_in(&sim->rng, under_way ? calmness / 2 : calmness))
            fault(sim);
    }
    if (!sim->failed)
        settle(sim);
    if (!sim->failed)
        check_consistent(sim);
    if (!sim->failed || getenv("MSIM_VERBOSE"))
        compare(sim);
    msim_nodes_done(sim);
    msim_app_done(sim);
    if (!sim->failed || !getenv("MSIM_KEEP"))
        nftw(sim->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return !sim->failed;
}
