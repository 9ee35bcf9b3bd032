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
#include <sys/xattr.h>
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

/* What the rules exclude stays, though the directory around it is an orphan; what of that is the
 * set's goes. */
static void excluded_in_an_orphan(void)
{
    begin(67);
    rig.rules = "include recursive /source\nexclude recursive /source/old/tmp\n";
    put_file(rig.source, "keep", "k");
    mkdirat(rig.replica, "old", 0755);
    mkdirat(rig.replica, "old/tmp", 0755);
    mkdirat(rig.replica, "old/sub", 0755);
    put_file(rig.replica, "old/tmp/theirs", "t");
    put_file(rig.replica, "old/sub/ours", "o");
    rig.max_delete = 80; /* of four that would go and two that live */
    run_well("with an orphan around what is excluded");
    CU_ASSERT(is_there(rig.replica, "old/tmp/theirs"));
    CU_ASSERT(!is_there(rig.replica, "old/sub"));
    rig.rules = NULL;
    rig.max_delete = 100;
    converged("without rules");
    mirrorrig_done(&rig);
}

static void trusted(void)
{
    char value[8];
    begin(68);
    put_file(rig.source, "f", "x");
    converged("first");
    int fd = openat(rig.replica, "f", O_RDONLY | O_CLOEXEC);
    int theirs = openat(rig.source, "f", O_RDONLY | O_CLOEXEC);
    CU_ASSERT_EQUAL(fsetxattr(fd, "trusted.here", "1", 1, 0), 0);
    CU_ASSERT_EQUAL(fsetxattr(fd, "user.here", "1", 1, 0), 0);
    CU_ASSERT_EQUAL(fsetxattr(theirs, "trusted.there", "1", 1, 0), 0);
    converged("again");
    CU_ASSERT_EQUAL(fgetxattr(fd, "trusted.here", value, sizeof value), 1);
    CU_ASSERT(fgetxattr(fd, "trusted.there", value, sizeof value) < 0);
    close(theirs);
    close(fd);
    mirrorrig_done(&rig);
}

/* What the removal of temporary directories could not reach. */
static void remove_down(int dir, const char *name)
{
    int next = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (next >= 0) {
        remove_down(next, name);
        unlinkat(next, "ours", 0);
        close(next);
    }
    unlinkat(dir, name, AT_REMOVEDIR);
}

/* Deeper than the kernel can say a path. */
static void deep(void)
{
    char name[201];
    memset(name, 'd', 200);
    name[200] = '\0';
    begin(69);
    put_file(rig.source, "keep", "k");
    for (int side = 0; side < 2; side++) {
        int dir = dup(side ? rig.source : rig.replica);
        for (int i = 0; i < 40; i++) {
            mkdirat(dir, name, 0755);
            int next = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
            close(dir);
            dir = next;
        }
        put_file(dir, side ? "ours" : "orphan", "x");
        close(dir);
    }
    converged("far down");
    CU_ASSERT_EQUAL(rig.count.orphans, 1);
    remove_down(rig.source, name);
    remove_down(rig.replica, name);
    mirrorrig_done(&rig);
}

/* What a directory gives to what is made in it. */
static void handed_down(void)
{
    static const uint8_t acl[] = {2,    0, 0, 0,                      /* version */
                                  1,    0, 7, 0, 255, 255, 255, 255,  /* owner */
                                  2,    0, 7, 0, 210, 4,   0,   0,    /* user 1234 */
                                  4,    0, 5, 0, 255, 255, 255, 255,  /* group */
                                  0x10, 0, 7, 0, 255, 255, 255, 255,  /* mask */
                                  0x20, 0, 5, 0, 255, 255, 255, 255}; /* others */
    for (int kind = DPL_MIRROR_FULL; kind <= DPL_MIRROR_CHECKSUM; kind++)
        for (uint64_t seed = 67; seed < 72; seed++) {
            begin(seed);
            mkdirat(rig.source, "dir", 0755);
            int dir = openat(rig.source, "dir", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
            put_file(dir, "before", "made before the directory had anything to give");
            mkdirat(dir, "sub", 0700);
            CU_ASSERT_EQUAL(fsetxattr(dir, "system.posix_acl_default", acl, sizeof acl, 0), 0);
            CU_ASSERT_EQUAL(fchown(dir, 0, 1234), 0);
            CU_ASSERT_EQUAL(fchmod(dir, 02775), 0);
            put_file(dir, "after", "made after that");
            close(dir);
            rig.kind = (enum dpl_mirror_kind)kind;
            converged("of a directory that hands down");
            mirrorrig_done(&rig);
        }
}

static const struct unit_test tests[] = {
    {"any mirror makes any replica equal to any source", random_trees},
    {"a second mirror finds nothing to do and sends no content", nothing_to_do},
    {"of a block that changed only the block is sent", one_block},
    {"a copy that was made by other means is taken over", adopts},
    {"orphans are kept, listed, moved, never too many of them", orphans},
    {"an empty root stops the mirror until somebody means it", empty_root},
    {"what a directory hands down is not given to what was made before", handed_down},
    {"what the rules exclude is neither sent nor taken away", excluded},
    {"nor is it in a directory that is an orphan", excluded_in_an_orphan},
    {"attributes of the name space trusted are left as they are", trusted},
    {"an orphan is one however far down it stands", deep},
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
