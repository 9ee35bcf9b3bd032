/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The dirty log: whatever happens, a reader's answer holds all that was told durable since the
 * mark; and where no sector was torn and nothing overflowed, it holds little more.
 */
#include "tests/prop/dirtydisk.h"
#include "tests/unit/unit.h"

#include <string.h>

enum { OBJECTS = 40, EXTENTS = 300, STEPS = 60, SIZE = DPL_DIRTY_MIN_BYTES };

const char *__asan_default_options(void);
/* A process that dies frees nothing. */
const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}

/* What was told durable, by generation: the last one in which an extent was. */
static struct {
    uint8_t told[OBJECTS][EXTENTS], tried[OBJECTS][EXTENTS];
    unsigned generation, kept, candidate;
    uint64_t lsn, placed_lsn;
    bool all_expected;
} model;

static struct dirtydisk disk;
static struct dpl_dirty log_;
static struct dpl_dirty_shared *memory;
static unsigned deaths, rarely;

static void id_of(unsigned object, uint8_t *id)
{
    memset(id, (int)object, 20);
    id[3] = 1;
}

static struct dpl_dirty_key key_of(unsigned object, unsigned extent)
{
    struct dpl_dirty_key key;
    uint8_t id[20];
    id_of(object, id);
    CU_ASSERT_EQUAL_FATAL(dpl_dirty_key_make(&key, id, sizeof id, extent), 0);
    return key;
}

static void said_all(void *self, enum dpl_dirty_reason reason, bool durable)
{
    (void)self, (void)reason, (void)durable;
    model.all_expected = true;
}

static const struct dpl_dirty_events events = {
    .all = said_all, .point = dirtydisk_point, .self = &disk};

static void attach(void)
{
    struct dpl_dirty_io io = dirtydisk_io(&disk);
    CU_ASSERT_EQUAL_FATAL(dpl_dirty_attach(&log_, memory, &io, &events, NULL), 0);
    model.generation = (unsigned)memory->generation;
}

/* A change of some extents: only if the log works is it counted. */
static void step_add(struct rng *rng)
{
    struct dpl_dirty_key keys[DPL_DIRTY_ADD_MAX];
    unsigned object = rng_below(rng, OBJECTS), extent = rng_below(rng, EXTENTS);
    unsigned count = 1 + rng_below(rng, DPL_DIRTY_ADD_MAX), cold = 0;
    unsigned section = dpl_dirty_enter(&log_);
    if (extent + count > EXTENTS)
        count = EXTENTS - extent;
    for (unsigned i = 0; i < count; i++) {
        struct dpl_dirty_key key = key_of(object, extent + i);
        model.tried[object][extent + i] = 1;
        if (!dpl_dirty_hot(&log_, &key))
            keys[cold++] = key;
    }
    if (cold > 0 && dpl_dirty_wants(&log_))
        dpl_dirty_add(&log_, keys, cold);
    for (unsigned i = 0; i < count && atomic_load(&memory->failed) == 0; i++)
        model.told[object][extent + i] = (uint8_t)model.generation;
    dpl_dirty_leave(&log_, section);
}

static void step_candidate(void)
{
    if (dpl_dirty_candidate_open(&log_, 100, NULL) == 0) {
        model.candidate = model.generation = (unsigned)memory->generation;
        CU_ASSERT_TRUE(dpl_dirty_candidate_settled(&log_));
        if (dpl_dirty_candidate_place(&log_, 1, ++model.lsn, NULL) == 0)
            model.placed_lsn = model.lsn;
    }
}

static void step_mark(void)
{
    if (model.candidate == 0 || model.placed_lsn != model.lsn)
        return;
    /* From the moment of asking on, nobody needs what was before. */
    model.kept = model.candidate;
    model.candidate = 0;
    dpl_dirty_mark_set(&log_, 1, model.placed_lsn, NULL);
}

static void step(struct rng *rng)
{
    switch (rng_below(rng, 3 * rarely)) {
    case 0:
        step_candidate();
        break;
    case 1:
        step_mark();
        break;
    case 2:
        dpl_dirty_mark_lower(&log_, 50, NULL);
        break;
    default:
        step_add(rng);
    }
}

/* All that was told in a generation that is kept must be in the list. */
static void check_list(void)
{
    struct dpl_dirty_list list = {0};
    struct dpl_dirty_io io = dirtydisk_io(&disk);
    unsigned missing = 0, invented = 0;
    dpl_dirty_read(&list, &io);
    for (unsigned o = 0; o < OBJECTS; o++)
        for (unsigned e = 0; e < EXTENTS; e++) {
            uint8_t id[20];
            id_of(o, id);
            bool covered = dpl_dirty_list_covers(&list, id, sizeof id, e);
            missing += model.told[o][e] >= model.kept && model.told[o][e] != 0 && !covered;
            invented += covered && !model.tried[o][e];
        }
    CU_ASSERT_EQUAL(missing, 0);
    if (!disk.torn_inside && !model.all_expected && atomic_load(&memory->coarsened) == 0 &&
        disk.end != DISK_TEARS_SECTORS && disk.end != DISK_TEARS_BYTES) {
        CU_ASSERT_FALSE(list.everything);
        if (list.everything)
            printf("everything: %s\n", list.why);
        CU_ASSERT_EQUAL(invented, 0);
    }
    dpl_dirty_list_clear(&list);
}

static void begin(uint64_t seed, unsigned end, unsigned end_at)
{
    const struct dpl_dirty_owner owner = {.epoch = 1, .epoch_id = {1}, .now_ns = INT64_MAX};
    struct dpl_dirty_io io;
    memset(&model, 0, sizeof model);
    model.kept = 1;
    rarely = 10;
    dirtydisk_make(&disk, SIZE, 0);
    io = dirtydisk_io(&disk);
    memory = dirtydisk_memory();
    CU_ASSERT_EQUAL_FATAL(dpl_dirty_begin(memory, &io, &owner, NULL), 0);
    disk.rng.state = seed;
    disk.end = end;
    disk.end_at = end_at;
    attach();
}

static void end(void)
{
    dpl_dirty_detach(&log_);
    dirtydisk_free(&disk);
    free(memory);
}

/* What a process did when it died was told nobody; its successor goes on. */
static void run(struct rng *rng, unsigned steps)
{
    volatile unsigned left = steps;
    if (setjmp(disk.out) != 0) {
        deaths++;
        disk.writes = disk.points = 0;
        disk.end_at = 1 + rng_below(rng, 2 * rarely);
        /* The candidate that it may have opened is that of the memory, or none. */
        model.candidate = 0;
        model.placed_lsn = 0;
        check_list();
        attach();
        check_list();
    }
    while (left > 0) {
        left--;
        step(rng);
    }
}

static void any_end(unsigned kind)
{
    struct rng rng = rng_start(1);
    for (unsigned i = 0; i < rounds(30); i++) {
        begin(rng_next(&rng), kind, 1 + rng_below(&rng, STEPS));
        run(&rng, STEPS);
        check_list();
        end();
    }
}

static void lives(void)
{
    any_end(DISK_LIVES);
}

static void fails(void)
{
    any_end(DISK_FAILS);
}

static void tears_sectors(void)
{
    any_end(DISK_TEARS_SECTORS);
}

static void tears_bytes(void)
{
    any_end(DISK_TEARS_BYTES);
}

static void dies(void)
{
    deaths = 0;
    any_end(PROCESS_DIES_BEFORE);
    any_end(PROCESS_DIES_AFTER);
    any_end(PROCESS_DIES_AT_POINT);
    CU_ASSERT(deaths > 100);
    printf("deaths %u\n", deaths);
}

/* So many extents that the log is coarsened, several times round its ring, with deaths in it. */
static void coarsens(void)
{
    static const unsigned kinds[] = {DISK_LIVES, PROCESS_DIES_BEFORE, PROCESS_DIES_AFTER,
                                     PROCESS_DIES_AT_POINT, DISK_TEARS_SECTORS};
    struct rng rng = rng_start(2);
    for (unsigned i = 0; i < rounds(10); i++) {
        uint64_t coarsened;
        begin(rng_next(&rng), kinds[i % 5], 700 + rng_below(&rng, 500));
        rarely = 500;
        run(&rng, 3000);
        coarsened = atomic_load(&memory->coarsened);
        CU_ASSERT(coarsened > 0 || kinds[i % 5] != DISK_LIVES);
        check_list();
        end();
    }
}

/* The state of another ownership is gone on with. */
static void next_owner(void)
{
    struct rng rng = rng_start(3);
    begin(1, DISK_LIVES, 0);
    for (unsigned i = 0; i < rounds(30); i++) {
        const struct dpl_dirty_owner owner = {.epoch = i + 2, .epoch_id = {2}, .now_ns = 1};
        struct dpl_dirty_io io = dirtydisk_io(&disk);
        run(&rng, STEPS);
        check_list();
        dpl_dirty_detach(&log_);
        memset(memory, 0, sizeof *memory);
        CU_ASSERT_EQUAL_FATAL(dpl_dirty_begin(memory, &io, &owner, NULL), 0);
        model.candidate = 0;
        attach();
        check_list();
    }
    end();
}

/* Each bit counts: a file that is damaged anywhere says "everything". */
static void damaged(void)
{
    struct rng rng = rng_start(4);
    struct dpl_dirty_io io = dirtydisk_io(&disk);
    begin(1, DISK_LIVES, 0);
    run(&rng, STEPS);
    for (unsigned i = 0; i < rounds(60); i++) {
        struct dpl_dirty_list list = {0};
        uint64_t at = rng_one_in(&rng, 2) ? rng_below(&rng, 20000) : rng_below(&rng, SIZE);
        uint8_t bit = (uint8_t)(1U << rng_below(&rng, 8));
        disk.bytes[at] ^= bit;
        dpl_dirty_read(&list, &io);
        CU_ASSERT_TRUE(list.everything);
        if (!list.everything)
            printf("byte %llu\n", (unsigned long long)at);
        disk.bytes[at] ^= bit;
        dpl_dirty_list_clear(&list);
    }
    check_list();
    end();
}

static const struct unit_test tests[] = {
    {"a log that works holds all and nothing else", lives},
    {"a write that fails loses nothing that was told", fails},
    {"a write of which some sectors arrive loses nothing", tears_sectors},
    {"a write of which some bytes arrive loses nothing", tears_bytes},
    {"a process that dies anywhere leaves a log that goes on", dies},
    {"a log that is full names objects and loses nothing", coarsens},
    {"the next owner goes on where the last one was", next_owner},
    {"any damaged bit makes it everything", damaged},
};

UNIT_MAIN(tests)
