/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A mirror of any kind makes any replica equal to any source, whatever was here before: nothing, an
 * older state, a copy by other means, a replica that somebody changed by hand.
 */
#include "tests/prop/mirrorrig.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct mirrorrig rig;
static unsigned round_number;

static void begin(uint64_t seed)
{
    mirrorrig_init(&rig, seed, round_number++);
}

static void run_well(const char *when)
{
    int rc = mirrorrig_run(&rig);
    if (rc < 0)
        printf("%s: %s\n", when, rig.err.text);
    CU_ASSERT_EQUAL_FATAL(rc, 0);
}

static void converged(const char *when)
{
    run_well(when);
    long differences = mirrorrig_compare(&rig);
    if (differences != 0)
        printf("%s, kind %d: %ld differences\n", when, (int)rig.kind, differences);
    CU_ASSERT_EQUAL_FATAL(differences, 0);
}

static void put_file(int dir, const char *name, const char *text)
{
    int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    CU_ASSERT_FATAL(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
}

static bool is_there(int dir, const char *name)
{
    struct stat st;
    return fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static void random_trees(void)
{
    struct rng r = rng_start(51);
    for (unsigned i = 0, n = rounds(12); i < n; i++) {
        begin(rng_next(&r));
        put_file(rig.source, "always", "x");
        randomtree_change(&rig.rng, rig.source, 150);
        rig.kind = DPL_MIRROR_FULL + rng_below(&r, 3);
        converged("into nothing");
        for (int again = 0; again < 3; again++) {
            randomtree_change(&rig.rng, rig.source, 40);
            if (rng_one_in(&r, 2))
                randomtree_change(&rig.rng, rig.replica, 20);
            rig.kind = rng_one_in(&r, 3) ? DPL_MIRROR_FULL : DPL_MIRROR_CHECKSUM;
            converged("again");
        }
        mirrorrig_done(&rig);
    }
}

static void nothing_to_do(void)
{
    for (int kind = DPL_MIRROR_DIFFERENCE; kind <= DPL_MIRROR_CHECKSUM; kind++) {
        begin(61);
        put_file(rig.source, "always", "x");
        randomtree_change(&rig.rng, rig.source, 200);
        rig.kind = (enum dpl_mirror_kind)kind;
        converged("first");
        converged("second");
        CU_ASSERT_EQUAL(rig.count.created, 0);
        CU_ASSERT_EQUAL(rig.count.changed, 0);
        CU_ASSERT_EQUAL(rig.source_count.bytes_sent, 0);
        mirrorrig_done(&rig);
    }
}

static void one_block(void)
{
    static uint8_t block[1 << 20];
    begin(62);
    int fd = openat(rig.source, "big", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    for (int i = 0; i < 8; i++) {
        memset(block, i + 1, sizeof block);
        CU_ASSERT_EQUAL(write(fd, block, sizeof block), sizeof block);
    }
    converged("first");
    CU_ASSERT_EQUAL(pwrite(fd, "changed", 7, 3000000), 7);
    close(fd);
    converged("second");
    CU_ASSERT_EQUAL(rig.source_count.bytes_sent, 4096);
    CU_ASSERT_EQUAL(rig.count.changed, 1);
    mirrorrig_done(&rig);
}

static void adopts(void)
{
    begin(63);
    put_file(rig.source, "mail", "the same text on both sides");
    mkdirat(rig.source, "dir", 0755);
    put_file(rig.replica, "mail", "the same text on both sides");
    mkdirat(rig.replica, "dir", 0755);
    converged("over a copy");
    CU_ASSERT_EQUAL(rig.count.created, 0);
    CU_ASSERT_EQUAL(rig.source_count.bytes_sent, 0);
    mirrorrig_done(&rig);
}

static void orphans(void)
{
    begin(64);
    put_file(rig.source, "a", "a");
    put_file(rig.source, "b", "b");
    converged("first");
    unlinkat(rig.source, "b", 0);
    mkdirat(rig.replica, "d", 0755);
    put_file(rig.replica, "stranger", "s");
    rig.policy = DPL_ORPHANS_KEEP;
    run_well("keep");
    CU_ASSERT_EQUAL(rig.count.orphans, 3);
    CU_ASSERT_EQUAL(rig.count.removed, 0);
    CU_ASSERT(is_there(rig.replica, "b") && is_there(rig.replica, "stranger"));
    CU_ASSERT(strstr(rig.paths, "stranger\n") && strstr(rig.paths, "b\n"));
    rig.policy = DPL_ORPHANS_DELETE;
    rig.test = true;
    run_well("test");
    CU_ASSERT_EQUAL(rig.count.orphans, 3);
    CU_ASSERT(is_there(rig.replica, "b") && is_there(rig.replica, "stranger"));
    rig.test = false;
    rig.max_delete = 10;
    CU_ASSERT_EQUAL(mirrorrig_run(&rig), DPL_E_REFUSED);
    CU_ASSERT(is_there(rig.replica, "b") && is_there(rig.replica, "stranger"));
    rig.max_delete = 100;
    rig.policy = DPL_ORPHANS_MOVE;
    converged("move");
    CU_ASSERT_EQUAL(rig.count.removed, 3);
    mirrorrig_done(&rig);
}

static void empty_root(void)
{
    begin(65);
    put_file(rig.source, "a", "a");
    converged("first");
    unlinkat(rig.source, "a", 0);
    CU_ASSERT_EQUAL(mirrorrig_run(&rig), DPL_E_REFUSED);
    CU_ASSERT(strstr(rig.err.text, "/source") != NULL);
    CU_ASSERT(is_there(rig.replica, "a"));
    rig.allow_empty = true;
    converged("when it is meant");
    mirrorrig_done(&rig);
}

static void excluded(void)
{
    begin(66);
    rig.rules = "include recursive /source\nexclude recursive /source/tmp\n";
    mkdirat(rig.source, "tmp", 0755);
    put_file(rig.source, "keep", "k");
    int tmp = openat(rig.source, "tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    put_file(tmp, "secret", "s");
    close(tmp);
    mkdirat(rig.replica, "tmp", 0755);
    put_file(rig.replica, "gone", "g");
    run_well("with rules");
    CU_ASSERT(is_there(rig.replica, "keep") && is_there(rig.replica, "tmp"));
    CU_ASSERT(!is_there(rig.replica, "tmp/secret") && !is_there(rig.replica, "gone"));
    mirrorrig_done(&rig);
}

static const struct unit_test tests[] = {
    {"any mirror makes any replica equal to any source", random_trees},
    {"a second mirror finds nothing to do and sends no content", nothing_to_do},
    {"of a block that changed only the block is sent", one_block},
    {"a copy that was made by other means is taken over", adopts},
    {"orphans are kept, listed, moved, never too many of them", orphans},
    {"an empty root stops the mirror until somebody means it", empty_root},
    {"what the rules exclude is neither sent nor taken away", excluded},
};

int main(void)
{
    if (geteuid() != 0) {
        printf("SKIP: only root may set owners and open file handles\n");
        return 77;
    }
    umask(022);
    return unit_main(__FILE__, tests, sizeof tests / sizeof tests[0]);
}
