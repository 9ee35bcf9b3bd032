/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A model file system makes random ops; each record is applied to a replica. After every record the
 * replica is what the model is; after any part of the journal is applied again, twice, it still is.
 */
#include "daemon/apply/apply.h"
#include "tests/prop/model.h"
#include "tests/unit/unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { RECORDS_MAX = 2000 };

struct replica {
    struct dpl_apply *apply;
    int reserve, roots[MODEL_ROOTS];
    struct {
        uint8_t *body;
        size_t size;
        uint16_t type;
        uint8_t outcome;
    } journal[RECORDS_MAX];
    size_t count;
    unsigned failed;
};

static struct model model;
static struct replica replica;

static void open_replica(struct replica *r)
{
    struct dpl_apply_root roots[MODEL_ROOTS];
    for (uint32_t i = 0; i < MODEL_ROOTS; i++)
        roots[i] = (struct dpl_apply_root){.number = i, .fd = r->roots[i]};
    struct dpl_apply_options options = {
        .reserve_fd = r->reserve, .roots = roots, .count = MODEL_ROOTS, .allow_setid = true};
    struct dpl_err err = {0};
    int rc = dpl_apply_open(&r->apply, &options, &err);
    if (rc < 0)
        printf("%s\n", err.text);
    CU_ASSERT_EQUAL_FATAL(rc, 0);
}

static int subdir(int base, const char *name)
{
    mkdirat(base, name, 0700);
    return openat(base, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void begin(struct replica *r, unsigned round)
{
    char name[32];
    memset(r, 0, sizeof *r);
    snprintf(name, sizeof name, "replica%u", round);
    int base = open(unit_tempdir(), O_PATH | O_DIRECTORY | O_CLOEXEC), dir = subdir(base, name);
    r->reserve = subdir(dir, ".doppel");
    r->roots[0] = subdir(dir, "one");
    r->roots[1] = subdir(dir, "two");
    close(dir);
    close(base);
    open_replica(r);
}

static void finish(struct replica *r)
{
    dpl_apply_close(r->apply);
    for (size_t i = 0; i < r->count; i++)
        free(r->journal[i].body);
    for (int i = 0; i < MODEL_ROOTS; i++)
        close(r->roots[i]);
    close(r->reserve);
}

static int replay_one(struct replica *r, size_t i)
{
    struct dpl_record record = {.lsn = i * 8};
    struct dpl_err err = {0};
    int rc = dpl_record_decode(&record, r->journal[i].type, r->journal[i].outcome,
                               r->journal[i].body, r->journal[i].size, &err);
    if (rc == 0)
        rc = dpl_apply_record(r->apply, 1, &record, &err);
    if (rc < 0) {
        printf("record %zu: %s\n", i, err.text);
        r->failed++;
    }
    return rc;
}

static void on_record(void *self, const struct dpl_record *record)
{
    struct replica *r = self;
    static uint8_t body[MODEL_DATA + 4096];
    struct dpl_err err = {0};
    ssize_t size = dpl_record_encode(record, body, sizeof body, &err);
    if (size < 0 || r->count == RECORDS_MAX) {
        printf("%s\n", err.text);
        abort();
    }
    r->journal[r->count].body = memcpy(malloc((size_t)size + 1), body, (size_t)size);
    r->journal[r->count].size = (size_t)size;
    r->journal[r->count].type = record->type;
    r->journal[r->count].outcome = record->outcome;
    r->count++;
    int rc = replay_one(r, r->count - 1);
    /* The first time everything is known. */
    if (rc != (record->outcome == DPL_OUTCOME_VOID ? DPL_APPLY_NOTHING : DPL_APPLY_DONE)) {
        printf("record %zu, %s: %d\n", r->count - 1, dpl_record_type_text(record->type), rc);
        r->failed++;
    }
}

/* Names of objects in the reserved directory. */
static unsigned reserved(const struct replica *r)
{
    unsigned count = 0;
    DIR *dir = fdopendir(openat(r->reserve, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    struct dirent *d;
    while ((d = readdir(dir)))
        count += strlen(d->d_name) == 16;
    closedir(dir);
    return count;
}

static void check(const char *when)
{
    unsigned bad = model_compare(&model, replica.roots) + replica.failed;
    if (reserved(&replica) != model_orphans(&model)) {
        printf("  %u in the reserved directory, not %u\n", reserved(&replica),
               model_orphans(&model));
        bad++;
    }
    if (bad) {
        printf("%s, after %zu records\n", when, replica.count);
        for (size_t i = replica.count > 12 ? replica.count - 12 : 0; i < replica.count; i++)
            printf("  %zu %s\n", i, dpl_record_type_text(replica.journal[i].type));
        CU_FAIL_FATAL("the replica is not what the model is");
    }
}

static void run(unsigned round, uint64_t seed, unsigned steps, bool copies)
{
    begin(&replica, round);
    memset(&model, 0, sizeof model);
    model.emit = on_record;
    model.self = &replica;
    model.copies = copies;
    model_init(&model, seed);
    struct rng r = {.state = seed + 99};
    for (unsigned i = 0; i < steps && model_step(&model); i++) {
        check("first time");
        if (!rng_one_in(&r, 8))
            continue;
        if (rng_one_in(&r, 3)) {
            dpl_apply_close(replica.apply);
            open_replica(&replica);
        }
        size_t from = rng_below(&r, (uint32_t)replica.count);
        for (int twice = 0; twice < 2; twice++) {
            for (size_t k = from; k < replica.count; k++)
                replay_one(&replica, k);
            CU_ASSERT_TRUE(dpl_apply_settle(replica.apply, NULL) >= 0);
            char when[60];
            snprintf(when, sizeof when, "again from %zu", from);
            check(when);
        }
    }
    model_done(&model);
    finish(&replica);
}

static void random_ops(void)
{
    struct rng r = rng_start(41);
    for (unsigned i = 0, n = rounds(12); i < n; i++)
        run(i, rng_next(&r), 250, false);
}

static void with_copies(void)
{
    struct rng r = rng_start(42);
    for (unsigned i = 0, n = rounds(3); i < n; i++)
        run(1000 + i, rng_next(&r), 150, true);
}

static const struct unit_test tests[] = {
    {"every prefix gives the model's state, any part again changes nothing", random_ops},
    {"and with copies whose bytes are not in the journal", with_copies},
};

UNIT_MAIN_ROOT(tests, "set owners and open file handles")
