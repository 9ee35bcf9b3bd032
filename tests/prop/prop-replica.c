/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A model makes random ops, a replica receives, syncs, applies and makes checkpoints in random
 * turns, and is left at any moment, with the power cut or its map taken away. Nothing that was
 * durable is lost, positions do not go back, and when all has been applied the replica is what the
 * model is.
 */
#include "daemon/apply/replica.h"
#include "lib/base/fd.h"
#include "tests/prop/feed.h"
#include "tests/prop/powercut.h"
#include "tests/unit/unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct model model;
static struct {
    struct dpl_replica *replica;
    int dir, roots[MODEL_ROOTS];
    struct powercut cut;
    unsigned opened;
    unsigned saved;              /* crashes with everything saved */
    struct dpl_checkpoint *work; /* that a helper was given, and has not done */
    bool helped, dies;
} target;

/* The helper: does its work when the test says so, or when it is waited for; the replica goes on
 * meanwhile. In a crash it may get that far or not. */
static void helper_start(void *self, struct dpl_checkpoint *work)
{
    (void)self;
    CU_ASSERT_PTR_NULL_FATAL(target.work);
    target.work = work;
}

static void helper_wait(void *self)
{
    (void)self;
    if (target.work && !target.dies)
        dpl_checkpoint_run(target.work);
    target.work = NULL;
}

static const struct dpl_replica_helper helper = {helper_start, helper_wait, NULL};

static int sync_well(void *self, int dir_fd)
{
    (void)self;
    (void)dir_fd;
    return 0;
}

static int sync_that_fails(void *self, int dir_fd)
{
    (void)self;
    (void)dir_fd;
    errno = EIO;
    target.cut.io.sync_all = sync_well; /* the kernel says it once */
    return -1;
}
static const struct dpl_segment_limits limits = {.segment_bytes = DPL_SEGMENT_MIN,
                                                 .max_bytes = 1ULL << 30};

static void new_epoch(uint64_t number)
{
    struct dpl_epoch epoch = {.number = number, .set = "mail"};
    memset(epoch.id, (int)number, sizeof epoch.id);
    memcpy(epoch.parent_id, source.epoch.id, sizeof epoch.parent_id);
    feed_begin(&epoch);
}

static struct dpl_replica_status status(void)
{
    struct dpl_replica_status s;
    dpl_replica_status(target.replica, &s);
    return s;
}

/* Opens it, as often as it takes: the power may go in the middle of a recovery too. */
static void open_replica(struct rng *r, bool cuts)
{
    struct dpl_apply_root roots[MODEL_ROOTS];
    for (uint32_t i = 0; i < MODEL_ROOTS; i++)
        roots[i] = (struct dpl_apply_root){.number = i, .fd = target.roots[i]};
    struct dpl_replica_options options = {
        .set = "mail",
        .dir_fd = target.dir,
        .roots = roots,
        .count = MODEL_ROOTS,
        .allow_setid = true,
        .queue = limits,
        .checkpoint_bytes = 50000 + rng_below(r, 200000),
        .checkpoint_ms = 1000000,
        .clock = &dpl_clock_system,
        .io = &target.cut.io,
        .helper = target.helped ? &helper : NULL,
    };
    for (;;) {
        struct dpl_err err = {0};
        powercut_init(&target.cut, cuts ? 1 + rng_below(r, 60) : 0, rng_next(r));
        int rc = dpl_replica_open(&target.replica, &options, &err);
        target.opened++;
        if (rc == 0)
            return;
        if (!powercut_is_off(&target.cut)) {
            printf("open: %s\n", err.text);
            CU_FAIL_FATAL("the replica does not open");
        }
        powercut_happen(&target.cut);
    }
}

static void crash(struct rng *r, bool cuts, uint64_t durable)
{
    struct dpl_replica_status before = status();
    bool whole = !rng_one_in(r, 12);
    target.dies = rng_one_in(r, 2);
    dpl_replica_close(target.replica);
    target.dies = false;
    powercut_happen(&target.cut);
    if (!whole)
        unlinkat(target.dir, "map", 0);
    open_replica(r, cuts);
    struct dpl_replica_status s = status();
    /* What was said to be saved is not applied anew. */
    if (whole && before.saved && before.applied.lsn > 0 &&
        before.checkpoint.epoch == before.applied.epoch) {
        CU_ASSERT_FALSE_FATAL(dpl_position_below(s.checkpoint, before.applied));
        target.saved++;
    }
    if (s.epoch.number == source.epoch.number)
        CU_ASSERT_TRUE_FATAL(s.durable >= durable);
    CU_ASSERT_EQUAL(s.durable, s.received);
    CU_ASSERT_FALSE(s.again && s.consistent);
}

/* One turn of the target. Whether the power is still there. */
static bool turn(struct rng *r)
{
    struct dpl_err err = {0};
    struct dpl_replica_status s = status();
    int rc = 0;
    if (s.epoch.number != source.epoch.number || !s.open) {
        uint32_t reason;
        rc = dpl_replica_offer(target.replica, &source.epoch, 0, source.chain[0],
                               source.epoch.number == 1, &reason, &err);
        CU_ASSERT_TRUE_FATAL(rc != 0);
    } else if (rng_one_in(r, 3)) {
        rc = dpl_replica_sync(target.replica, &err);
    } else if (rng_one_in(r, 3)) {
        rc = dpl_replica_apply(target.replica, rng_one_in(r, 2) ? 0 : INT64_MAX, &err);
    } else if (rng_one_in(r, 12)) {
        rc = dpl_replica_checkpoint(target.replica, &err);
    } else if (rng_one_in(r, 12)) {
        dpl_replica_hurry(target.replica);
    } else if (target.work && rng_one_in(r, 3)) {
        rc = dpl_replica_helped(target.replica, &err);
    } else {
        size_t i = feed_index(s.received), n = i + 1 + rng_below(r, 20);
        n = n < source.count ? n : source.count;
        ssize_t took =
            n == i ? 0
                   : dpl_replica_put(target.replica, dpl_epoch_tag(&source.epoch), source.at[i],
                                     source.chain[i], source.bytes + source.at[i],
                                     source.at[n] - source.at[i], &err);
        rc = took < 0 ? (int)took : 0;
        dpl_replica_synced(target.replica, dpl_epoch_tag(&source.epoch), source.at[i]);
    }
    if (rc < 0 && !powercut_is_off(&target.cut)) {
        printf("turn: %s\n", err.text);
        CU_FAIL_FATAL("a call failed though the disk is well");
    }
    return !powercut_is_off(&target.cut);
}

static unsigned reserved(void)
{
    unsigned count = 0;
    int objects = openat(target.dir, "objects", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fdopendir(objects);
    struct dirent *d;
    while ((d = readdir(dir)))
        count += d->d_name[0] != '.';
    closedir(dir);
    return count;
}

static void check(const char *when)
{
    unsigned bad = model_compare(&model, target.roots);
    if (reserved() != model_orphans(&model)) {
        printf("  %u in the directory of objects, not %u\n", reserved(), model_orphans(&model));
        bad++;
    }
    if (status().wanted > 0) {
        printf("  %u objects are wanted\n", status().wanted);
        bad++;
    }
    if (!status().consistent) {
        printf("  it is not consistent (mirror needed: %u)\n", status().reason);
        bad++;
    }
    if (bad) {
        printf("%s, after %zu records\n", when, source.count);
        CU_FAIL_FATAL("the replica is not what the model is");
    }
}

/* Until all of the journal has been applied. */
static void finish(struct rng *r, bool cuts)
{
    uint64_t durable = 0;
    for (unsigned tries = 0;; tries++) {
        struct dpl_replica_status s = status();
        bool here = s.epoch.number == source.epoch.number && s.open;
        if (here && s.applied.epoch == s.epoch.number && s.applied.lsn == source.size)
            break;
        durable = here ? s.durable : 0;
        if (!turn(r))
            crash(r, cuts && tries < 500, durable);
    }
}

/* Says until it is heard that the journal ended here, and begins the next. */
static void end_epoch(struct rng *r, bool cuts)
{
    struct dpl_err err = {0};
    finish(r, cuts);
    while (dpl_replica_ended(target.replica, dpl_epoch_tag(&source.epoch), source.size, true,
                             &err) < 0) {
        crash(r, cuts, source.size);
        finish(r, cuts);
    }
    new_epoch(source.epoch.number + 1);
}

static int subdir(int base, const char *name)
{
    mkdirat(base, name, 0700);
    return openat(base, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void begin(unsigned round, uint64_t seed, bool copies)
{
    target.helped = round % 4 >= 2;
    char name[32];
    snprintf(name, sizeof name, "replica%u", round);
    int base = open(unit_tempdir(), O_PATH | O_DIRECTORY | O_CLOEXEC), dir = subdir(base, name);
    target.dir = subdir(dir, ".doppel");
    target.roots[0] = subdir(dir, "one");
    target.roots[1] = subdir(dir, "two");
    dpl_fd_clear(&dir);
    dpl_fd_clear(&base);
    memset(&source.epoch, 0, sizeof source.epoch);
    new_epoch(1);
    memset(&model, 0, sizeof model);
    model.emit = feed_record;
    model.copies = copies;
    model_init(&model, seed);
}

static void end(void)
{
    dpl_replica_close(target.replica);
    powercut_forget(&target.cut);
    dpl_fd_clear(&target.dir);
    for (int i = 0; i < MODEL_ROOTS; i++)
        dpl_fd_clear(&target.roots[i]);
    model_done(&model);
}

static void run(unsigned round, uint64_t seed, unsigned steps, bool copies, bool cuts)
{
    struct rng r = {.state = seed + 7};
    begin(round, seed, copies);
    open_replica(&r, cuts);
    for (unsigned i = 0; i < steps && model_step(&model); i++) {
        struct dpl_replica_status s = status();
        uint64_t durable = s.epoch.number == source.epoch.number ? s.durable : 0;
        for (unsigned n = rng_below(&r, 5); n > 0; n--)
            if (!turn(&r)) {
                crash(&r, cuts, durable);
                break;
            }
        if (rng_one_in(&r, 25)) {
            s = status();
            crash(&r, cuts, s.epoch.number == source.epoch.number ? s.durable : 0);
        }
        if (rng_one_in(&r, 20)) {
            finish(&r, cuts);
            check("on the way");
        }
        if (rng_one_in(&r, 60)) {
            end_epoch(&r, cuts);
        }
    }
    finish(&r, cuts);
    check("at the end");
    end();
}

static void left_at_any_moment(void)
{
    struct rng r = rng_start(81);
    for (unsigned i = 0, n = rounds(6); i < n; i++)
        run(i, rng_next(&r), 250, i % 2 == 1, false);
    CU_ASSERT_TRUE(target.opened > 10);
}

static void power_cuts(void)
{
    struct rng r = rng_start(82);
    for (unsigned i = 0, n = rounds(6); i < n; i++)
        run(1000 + i, rng_next(&r), 250, i % 3 == 2, true);
    CU_ASSERT_TRUE(target.saved > 0);
    printf("opened %u times, %u of them with everything saved\n", target.opened, target.saved);
}

/* Until there is nothing to be done but what fails. */
static int apply_what_goes(void)
{
    struct dpl_err err = {0};
    int rc = 0;
    for (unsigned i = 0; i < 100 && rc >= 0; i++) {
        dpl_replica_hurry(target.replica);
        rc = dpl_replica_apply(target.replica, INT64_MAX, &err);
        if (rc == 0 && target.work)
            rc = dpl_replica_helped(target.replica, &err);
    }
    return rc;
}

static void sync_fails(unsigned round)
{
    struct rng r = {.state = round};
    begin(round, 7 + round, false);
    open_replica(&r, false);
    for (unsigned i = 0; i < 60; i++)
        model_step(&model);
    finish(&r, false);
    CU_ASSERT_EQUAL(dpl_replica_checkpoint(target.replica, NULL), 0);
    for (unsigned i = 0; i < 60; i++)
        model_step(&model);
    while (status().received < source.size)
        (void)turn(&r);
    CU_ASSERT_EQUAL(dpl_replica_sync(target.replica, NULL), 0);
    uint64_t before = status().checkpoint.lsn;
    target.cut.io.sync_all = sync_that_fails;
    CU_ASSERT_EQUAL(apply_what_goes(), DPL_E_IO);
    for (unsigned i = 0; i < 3; i++) {
        CU_ASSERT_EQUAL(status().failed, DPL_E_IO);
        CU_ASSERT_FALSE(status().consistent);
        dpl_replica_retry(target.replica);
        CU_ASSERT_EQUAL(apply_what_goes(), DPL_E_IO);
        CU_ASSERT_EQUAL(dpl_replica_checkpoint(target.replica, NULL), DPL_E_IO);
        CU_ASSERT_EQUAL(status().checkpoint.lsn, before);
    }
    CU_ASSERT_EQUAL(dpl_replica_stop(target.replica, NULL), DPL_E_IO);
    crash(&r, false, source.size);
    CU_ASSERT_EQUAL(status().applied.lsn, before);
    finish(&r, false);
    check("after a sync that failed");
    CU_ASSERT_EQUAL(dpl_replica_stop(target.replica, NULL), 0);
    CU_ASSERT_EQUAL(status().checkpoint.lsn, source.size);
    end();
}

static void after_a_failed_sync(void)
{
    sync_fails(2000);
    sync_fails(2002);
}

static ssize_t write_without_room(void *self, int fd, const struct iovec *iov, int count, off_t at)
{
    (void)self;
    (void)fd;
    (void)iov;
    (void)count;
    (void)at;
    errno = ENOSPC;
    return -1;
}

/* The end of a journal is taken where there is no room to note it: the next epoch follows, or,
 * after a crash, it is told once more. */
static void ends_without_room(void)
{
    struct dpl_err err = {0};
    struct rng r = {.state = 3};
    begin(2004, 9, false);
    open_replica(&r, false);
    for (unsigned i = 0; i < 6; i++) {
        for (unsigned n = 0; n < 10; n++)
            model_step(&model);
        finish(&r, false);
        ssize_t (*well)(void *, int, const struct iovec *, int, off_t) = target.cut.io.pwritev;
        target.cut.io.pwritev = write_without_room;
        CU_ASSERT_EQUAL_FATAL(dpl_replica_ended(target.replica, dpl_epoch_tag(&source.epoch),
                                                source.size, true, &err),
                              0);
        CU_ASSERT_EQUAL(err.code, 0);
        CU_ASSERT_TRUE(status().ended);
        target.cut.io.pwritev = well;
        if (i % 2 == 0)
            new_epoch(source.epoch.number + 1);
        else {
            crash(&r, false, source.size);
            CU_ASSERT_FALSE(status().ended);
            end_epoch(&r, false);
        }
    }
    finish(&r, false);
    check("after ends without room");
    end();
}

/* Applying goes on while a checkpoint waits, and its position is where it began. */
static void goes_on(void)
{
    struct dpl_err err = {0};
    struct rng r = {.state = 5};
    begin(3002, 11, false);
    open_replica(&r, false);
    for (unsigned i = 0; i < 80; i++)
        model_step(&model);
    while (status().received < source.size / 2)
        (void)turn(&r);
    while (target.work)
        CU_ASSERT_EQUAL_FATAL(dpl_replica_helped(target.replica, &err), 0);
    CU_ASSERT_EQUAL_FATAL(dpl_replica_checkpoint(target.replica, &err), 0);
    while (status().applied.lsn < status().received || !target.work) {
        size_t i = feed_index(status().received);
        if (i < source.count)
            CU_ASSERT_TRUE_FATAL(dpl_replica_put(target.replica, dpl_epoch_tag(&source.epoch),
                                                 source.at[i], source.chain[i],
                                                 source.bytes + source.at[i],
                                                 source.at[i + 1] - source.at[i], &err) > 0);
        CU_ASSERT_EQUAL(dpl_replica_sync(target.replica, &err), 0);
        CU_ASSERT_TRUE(dpl_replica_apply(target.replica, 0, &err) >= 0);
        dpl_replica_hurry(target.replica);
        CU_ASSERT_TRUE(dpl_replica_apply(target.replica, 0, &err) >= 0);
    }
    uint64_t begun = 0;
    for (unsigned pieces = 0; target.work; pieces++) {
        CU_ASSERT_TRUE(status().applied.lsn > begun);
        CU_ASSERT_EQUAL(dpl_replica_helped(target.replica, &err), 0);
        begun = status().checkpoint.lsn;
        CU_ASSERT_TRUE(pieces < 4);
    }
    CU_ASSERT_TRUE(begun < status().applied.lsn);
    end();
}

static struct dpl_record named(unsigned type, const struct dpl_oid *oid, mode_t mode,
                               const struct dpl_oid *parent, const char *name)
{
    return (struct dpl_record){
        .type = (uint16_t)type,
        .outcome = DPL_OUTCOME_OK,
        .has = DPL_F_OBJECT | DPL_F_ATTR | DPL_F_PARENT | DPL_F_NAME | DPL_F_PARENT_ATTR,
        .object = dpl_oid_view(oid),
        .parent = dpl_oid_view(parent),
        .name = {(const uint8_t *)name, strlen(name)},
        .attr = {.has = DPL_A_MODE | DPL_A_UID | DPL_A_GID | (S_ISREG(mode) ? DPL_A_SIZE : 0),
                 .mode = mode}};
}

/* Somebody else brings the object, by a name of its own: this one is known to the directory. */
static void names_of_the_unknown(void)
{
    const struct dpl_oid dir = {.size = 20, .bytes = {7, 1}}, other = {.size = 20, .bytes = {7, 2}},
                         file = {.size = 20, .bytes = {7, 3}};
    struct rng r = {.state = 6};
    struct dpl_err err = {0};
    begin(4000, 12, false);
    open_replica(&r, false);
    struct dpl_oid root = model.objects[0].oid;
    struct dpl_record make = named(DPL_R_CREATE, &dir, S_IFDIR | 0700, &root, "dir"),
                      make2 = named(DPL_R_CREATE, &other, S_IFDIR | 0700, &root, "other"),
                      unknown = named(DPL_R_CREATE, &file, S_IFREG | 0600, &root, "file"),
                      give = named(DPL_R_LINK, &file, S_IFREG | 0600, &dir, "link"),
                      move = named(DPL_R_RENAME, &file, S_IFREG | 0600, &root, "file");
    unknown.outcome = DPL_OUTCOME_UNKNOWN;
    move.has |= DPL_F_PARENT2 | DPL_F_NAME2 | DPL_F_PARENT2_ATTR;
    move.parent2 = dpl_oid_view(&other);
    move.name2 = make2.name;
    const struct dpl_record *all[] = {&make, &make2, &unknown, &give, &move};
    for (size_t i = 0; i < G_N_ELEMENTS(all); i++)
        feed_record(NULL, all[i]);
    while (status().received < source.size)
        (void)turn(&r);
    CU_ASSERT_EQUAL(dpl_replica_sync(target.replica, &err), 0);
    CU_ASSERT_TRUE(apply_what_goes() >= 0);
    const struct dpl_wants *wants = dpl_replica_wants(target.replica);
    CU_ASSERT_TRUE(dpl_wants_has(wants, dpl_oid_view(&file)));
    CU_ASSERT_TRUE(dpl_wants_has(wants, dpl_oid_view(&root)));
    CU_ASSERT_TRUE(dpl_wants_has(wants, dpl_oid_view(&dir)));
    CU_ASSERT_TRUE(dpl_wants_has(wants, dpl_oid_view(&other)));
    end();
}

static const struct unit_test tests[] = {
    {"a replica that is left at any moment ends as the model is", left_at_any_moment},
    {"and with the power cut at any write to queue, map or state", power_cuts},
    {"a sync that failed ends all checkpoints until all has been applied again",
     after_a_failed_sync},
    {"the end of a journal is taken where there is no room to note it", ends_without_room},
    {"applying goes on while a checkpoint waits for the disk", goes_on},
    {"a name that cannot be given is asked for with its directory", names_of_the_unknown},
};

UNIT_MAIN_ROOT(tests, "set owners and open file handles")
