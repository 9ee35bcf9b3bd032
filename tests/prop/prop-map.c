/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The object map: after a power cut at any call it loads as the last save left it, or as the one
 * under way would have; what was changed in it is seen.
 */
#include "daemon/apply/map.h"
#include "lib/base/fd.h"
#include "lib/journal/crc32c.h"
#include "tests/prop/powercut.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const uint8_t replica[16] = {7, 7, 7};
static int dir_fd;
static struct dpl_objects objects;
static struct dpl_wants wants;

static void open_dir(void)
{
    int base = open(unit_tempdir(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    mkdirat(base, "map", 0700);
    dir_fd = openat(base, "map", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CU_ASSERT_TRUE_FATAL(dir_fd >= 0);
    dpl_fd_clear(&base);
}

static void clear(void)
{
    unlinkat(dir_fd, DPL_MAP_FILE, 0);
    unlinkat(dir_fd, ".map.new", 0);
}

static void begin(void)
{
    CU_ASSERT_EQUAL_FATAL(dpl_objects_init(&objects, dir_fd, NULL), 0);
    dpl_wants_init(&wants);
}

static void end(void)
{
    dpl_objects_done(&objects);
    dpl_wants_done(&wants);
}

/* A sum over all that is in memory, whatever its order. */
static uint64_t digest(void)
{
    GHashTableIter iter;
    gpointer key, value;
    uint64_t sum = 0;
    g_hash_table_iter_init(&iter, objects.by_id);
    while (g_hash_table_iter_next(&iter, NULL, &value)) {
        const struct dpl_object *o = value;
        uint64_t fields[] = {o->ino,  o->type,       o->placed.epoch, o->placed.lsn,
                             o->root, o->flags_held, o->limbo,        (uint64_t)o->handle_type};
        uint32_t crc = dpl_crc32c(0, fields, sizeof fields);
        sum += 0x100000001ULL * dpl_crc32c(crc, o->bytes, o->id.size + o->handle_bytes);
    }
    g_hash_table_iter_init(&iter, wants.by_id);
    while (g_hash_table_iter_next(&iter, &key, &value)) {
        gsize size;
        const void *id = g_bytes_get_data(key, &size);
        sum += 0x300000007ULL * dpl_crc32c(((struct dpl_wanted *)value)->reason, id, size);
    }
    return sum;
}

static void change(struct rng *r, struct dpl_position position)
{
    struct dpl_oid oid;
    dpl_oid_make(&oid, 1, rng_below(r, 60), "abcdefgh", 1 + rng_below(r, 8), NULL);
    struct dpl_object *object = dpl_objects_find(&objects, dpl_oid_view(&oid));
    if (rng_one_in(r, 5)) {
        if (rng_one_in(r, 3))
            dpl_wants_remove(&wants, dpl_oid_view(&oid));
        else
            dpl_wants_add(&wants, dpl_oid_view(&oid), 1 + rng_below(r, 4), position);
        return;
    }
    if (object && rng_one_in(r, 2)) {
        dpl_objects_forget(&objects, object);
        return;
    }
    if (object) {
        object->limbo = rng_one_in(r, 2);
        object->flags_held = rng_below(r, 3);
        object->placed = position;
    } else {
        uint8_t handle[DPL_HANDLE_MAX];
        memset(handle, (int)rng_below(r, 256), sizeof handle);
        struct dpl_object like = {
            .id = dpl_oid_view(&oid), .ino = rng_next(r), .type = S_IFREG, .handle_type = 1};
        object = dpl_objects_load(&objects, &like,
                                  (struct dpl_view){handle, 1 + rng_below(r, DPL_HANDLE_MAX)});
    }
    dpl_objects_change(&objects, object);
}

struct known {
    uint64_t saved, tried; /* digests */
    uint64_t saved_lsn, tried_lsn, generation, bytes;
};

/* Changes and saves; stops at the first failure. */
static int play(struct dpl_map *map, struct rng *r, struct known *k, unsigned saves, uint64_t from)
{
    for (unsigned i = 1; i <= saves; i++) {
        struct dpl_position position = {1, from + i * 8};
        for (unsigned n = rng_below(r, 12); n > 0; n--)
            change(r, position);
        k->tried = digest();
        k->tried_lsn = position.lsn;
        int rc = dpl_map_save(map, &objects, &wants, position, NULL);
        if (rc < 0)
            return rc;
        k->saved = k->tried;
        k->saved_lsn = k->tried_lsn;
        k->generation = map->generation;
        k->bytes = map->bytes;
    }
    return 0;
}

static void check(struct dpl_map *map, const struct known *k)
{
    struct dpl_err err = {0};
    int rc = dpl_map_load(map, k->generation, k->bytes, &objects, &wants, &err);
    if (k->saved_lsn == 0 && rc == DPL_E_CORRUPT)
        return; /* nothing had been saved */
    CU_ASSERT_EQUAL_FATAL(rc, 0);
    bool old = map->checkpoint.lsn == k->saved_lsn && digest() == k->saved;
    bool new = map->checkpoint.lsn == k->tried_lsn &&digest() == k->tried;
    CU_ASSERT_TRUE_FATAL(old || new);
}

static unsigned cut_run(unsigned at, uint64_t seed)
{
    struct powercut cut;
    struct rng r = {.state = seed};
    struct known k = {0};
    struct dpl_map map;
    clear();
    begin();
    powercut_init(&cut, at, seed + 1);
    dpl_map_init(&map, dir_fd, replica, &cut.io);
    int rc = play(&map, &r, &k, 25, 0);
    CU_ASSERT_EQUAL(rc < 0, powercut_is_off(&cut));
    unsigned calls = cut.calls;
    dpl_map_done(&map);
    end();
    powercut_happen(&cut);
    begin();
    powercut_init(&cut, 0, 0);
    dpl_map_init(&map, dir_fd, replica, &cut.io);
    check(&map, &k);
    CU_ASSERT_EQUAL(play(&map, &r, &k, 3, 1000), 0);
    dpl_map_done(&map);
    end();
    begin();
    dpl_map_init(&map, dir_fd, replica, &cut.io);
    check(&map, &k);
    dpl_map_done(&map);
    end();
    powercut_forget(&cut);
    return calls;
}

static void power_cuts(void)
{
    struct rng r = rng_start(71);
    open_dir();
    unsigned calls = cut_run(0, 9);
    CU_ASSERT_TRUE(calls > 40);
    for (unsigned at = 1; at <= calls; at++)
        for (unsigned i = 0, n = rounds(4); i < n; i++)
            cut_run(at, i == 0 ? 9 : rng_next(&r));
    clear();
    dpl_fd_clear(&dir_fd);
}

/* Any byte before the last checkpoint that is not what was written makes it a damaged map. */
static void damage(void)
{
    struct rng r = rng_start(72);
    struct known k = {0};
    struct dpl_map map;
    struct dpl_err err = {0};
    open_dir();
    clear();
    begin();
    dpl_map_init(&map, dir_fd, replica, &dpl_segment_io_system);
    CU_ASSERT_EQUAL(play(&map, &r, &k, 25, 0), 0);
    dpl_map_done(&map);
    end();
    for (unsigned i = 0; i < 300; i++) {
        uint8_t byte, mark = (uint8_t)(1 + rng_below(&r, 255));
        off_t at = rng_below(&r, (uint32_t)k.bytes);
        int fd = openat(dir_fd, DPL_MAP_FILE, O_RDWR | O_CLOEXEC);
        CU_ASSERT_EQUAL_FATAL(pread(fd, &byte, 1, at), 1);
        byte ^= mark;
        CU_ASSERT_EQUAL_FATAL(pwrite(fd, &byte, 1, at), 1);
        begin();
        dpl_map_init(&map, dir_fd, replica, &dpl_segment_io_system);
        CU_ASSERT_EQUAL(dpl_map_load(&map, k.generation, k.bytes, &objects, &wants, &err),
                        DPL_E_CORRUPT);
        CU_ASSERT_EQUAL(g_hash_table_size(objects.by_id), 0);
        dpl_map_done(&map);
        end();
        byte ^= mark;
        CU_ASSERT_EQUAL_FATAL(pwrite(fd, &byte, 1, at), 1);
        dpl_fd_clear(&fd);
    }
    begin();
    dpl_map_init(&map, dir_fd, replica, &dpl_segment_io_system);
    check(&map, &k);
    dpl_map_done(&map);
    end();
    clear();
    dpl_fd_clear(&dir_fd);
}

/* Changes for ever do not make it grow for ever. */
static void growth(void)
{
    struct rng r = rng_start(73);
    struct known k = {0};
    struct dpl_map map;
    open_dir();
    begin();
    dpl_map_init(&map, dir_fd, replica, &dpl_segment_io_system);
    uint64_t most = 0;
    for (unsigned i = 0; i < 60; i++) {
        for (unsigned n = 0; n < 400; n++)
            change(&r, (struct dpl_position){1, i});
        CU_ASSERT_EQUAL(play(&map, &r, &k, 1, 8 * i), 0);
        most = map.bytes > most ? map.bytes : most;
    }
    CU_ASSERT_TRUE(map.generation > 1 && most < (2 << 20));
    dpl_map_done(&map);
    end();
    clear();
    dpl_fd_clear(&dir_fd);
}

static const struct unit_test tests[] = {
    {"a power cut at any call leaves the last save, or the one under way", power_cuts},
    {"any changed byte before the last checkpoint is seen", damage},
    {"outdated entries go", growth},
};
UNIT_MAIN(tests)
