/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A mirror that changes nothing reports what an independent walk of both trees finds, and leaves
 * the replica as it was.
 */
#include "tests/lib/treecmp.h"
#include "tests/prop/mirrorrig.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { NAMES = 6 };

static struct mirrorrig rig;
static unsigned round_number;

static void begin(uint64_t seed)
{
    mirrorrig_init(&rig, seed, round_number++);
}

static void run(bool test)
{
    rig.test = test;
    int rc = mirrorrig_run(&rig);
    if (rc < 0)
        printf("%s: %s\n", test ? "test" : "mirror", rig.err.text);
    CU_ASSERT_EQUAL_FATAL(rc, 0);
}

static void put_file(int dir, const char *name, const char *text)
{
    int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    CU_ASSERT_FATAL(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
}

static void note(void *arg, const char *path, const char *what)
{
    (void)what;
    g_hash_table_add(arg, g_strdup(path));
}

/* The paths at which an independent walk finds a difference. */
static GHashTable *walk(void)
{
    static const char *const skip[] = {"trusted.", NULL};
    GHashTable *paths = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    struct treecmp_options options = {.what = TREECMP_DEFAULT & ~(TREECMP_FLAGS | TREECMP_LINKS),
                                      .skip_xattrs = skip,
                                      .max_reports = 100000,
                                      .report = note,
                                      .arg = paths};
    struct treecmp_result result;
    struct dpl_err err = {0};
    CU_ASSERT_EQUAL_FATAL(treecmp(rig.source, rig.replica, &options, &result, &err), 0);
    return paths;
}

/* Whether the report has this line. */
static bool has(const char *line)
{
    g_autofree char *text = g_strdup_printf("%s\n", line);
    const char *at = strstr(rig.paths, text);
    while (at && at != rig.paths && at[-1] != '\n')
        at = strstr(at + 1, text);
    return at;
}

/* The paths of the report; what is missing in what is missing is no path of its own. */
static GHashTable *reported(void)
{
    GHashTable *paths = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_auto(GStrv) lines = g_strsplit(rig.paths, "\n", -1);
    for (char **line = lines; *line && **line; line++) {
        g_autofree char *dir = g_path_get_dirname(*line + 2), *above = g_strdup_printf("m %s", dir);
        if (**line != 'm' || !has(above))
            g_hash_table_add(paths, g_strdup(*line + 2));
    }
    return paths;
}

static bool same_sets(GHashTable *found, GHashTable *told)
{
    GHashTableIter iter;
    gpointer path;
    bool same = g_hash_table_size(found) == g_hash_table_size(told);
    g_hash_table_iter_init(&iter, found);
    while (g_hash_table_iter_next(&iter, &path, NULL))
        same &= g_hash_table_contains(told, path);
    if (same)
        return true;
    g_hash_table_iter_init(&iter, found);
    while (g_hash_table_iter_next(&iter, &path, NULL))
        printf("found: %s\n", (char *)path);
    printf("told:\n%s", rig.paths);
    return false;
}

/* --- somebody works in the replica ------------------------------------------------------------ */

static int some_dir(struct rng *r, int dir)
{
    int fd = dup(dir);
    for (int depth = 0; depth < 3 && !rng_one_in(r, 3); depth++) {
        char name[8];
        snprintf(name, sizeof name, "n%u", rng_below(r, NAMES));
        int next = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (next < 0)
            break;
        close(fd);
        fd = next;
    }
    return fd;
}

/* A file with more names is left alone: what differs in it is told under one of them. */
static void change(struct rng *r, int dir, const char *name, unsigned number)
{
    char other[32];
    struct stat st;
    bool there = fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
    snprintf(other, sizeof other, "stranger%u", number);
    bool one = there && S_ISREG(st.st_mode) && st.st_nlink == 1;
    int fd = one ? openat(dir, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC) : -1;
    switch (rng_below(r, 7)) {
    case 0:
        if (fd >= 0 && st.st_size > 0)
            CU_ASSERT_EQUAL(pwrite(fd, "other", 1, rng_below(r, (uint32_t)st.st_size)), 1);
        break;
    case 1:
        if (fd >= 0)
            CU_ASSERT_EQUAL(fchmod(fd, st.st_mode ^ 0001), 0);
        break;
    case 2:
        if (fd >= 0)
            CU_ASSERT_EQUAL(fsetxattr(fd, "user.new", "x", 1, 0), 0);
        break;
    case 3:
        if (one || (there && !S_ISREG(st.st_mode)))
            unlinkat(dir, name, S_ISDIR(st.st_mode) ? AT_REMOVEDIR : 0);
        break;
    case 4:
        if (one)
            CU_ASSERT_EQUAL(renameat2(dir, name, dir, other, RENAME_NOREPLACE), 0);
        break;
    case 5:
        CU_ASSERT_EQUAL(mkdirat(dir, other, 0700), 0);
        break;
    default:
        put_file(dir, other, "nobody sent this");
    }
    if (fd >= 0)
        close(fd);
}

static void the_report_is_true(void)
{
    struct rng r = rng_start(71);
    for (unsigned i = 0, n = rounds(25); i < n; i++) {
        begin(rng_next(&r));
        put_file(rig.source, "always", "x");
        randomtree_change(&rig.rng, rig.source, 150);
        run(false);
        for (unsigned more = 0; more < 4; more++) {
            for (unsigned changes = rng_below(&r, 6); changes > 0; changes--) {
                char name[8];
                int dir = some_dir(&rig.rng, rig.replica);
                snprintf(name, sizeof name, "n%u", rng_below(&r, NAMES));
                change(&rig.rng, dir, name, more * 10 + changes);
                close(dir);
            }
            g_autoptr(GHashTable) before = walk();
            run(true);
            g_autoptr(GHashTable) told = reported(), after = walk();
            CU_ASSERT_TRUE_FATAL(same_sets(before, told));
            CU_ASSERT_TRUE_FATAL(same_sets(before, after));
            CU_ASSERT_EQUAL(rig.count.unsettled, 0);
            bool equal = rig.count.created + rig.count.changed + rig.count.orphans == 0;
            CU_ASSERT_EQUAL(equal, g_hash_table_size(before) == 0);
        }
        mirrorrig_done(&rig);
    }
}

/* Both sides have changed as they liked. */
static void equal_only_if_equal(void)
{
    struct rng r = rng_start(72);
    for (unsigned i = 0, n = rounds(40); i < n; i++) {
        begin(rng_next(&r));
        put_file(rig.source, "always", "x");
        randomtree_change(&rig.rng, rig.source, 60);
        run(false);
        if (rng_one_in(&r, 2))
            randomtree_change(&rig.rng, rig.source, rng_below(&r, 4));
        if (rng_one_in(&r, 2))
            randomtree_change(&rig.rng, rig.replica, rng_below(&r, 4));
        g_autoptr(GHashTable) before = walk();
        run(true);
        g_autoptr(GHashTable) after = walk();
        bool equal = rig.count.created + rig.count.changed + rig.count.orphans == 0;
        if (equal != (g_hash_table_size(before) == 0))
            (void)same_sets(before, reported());
        CU_ASSERT_EQUAL_FATAL(equal, g_hash_table_size(before) == 0);
        CU_ASSERT_TRUE_FATAL(same_sets(before, after));
        mirrorrig_done(&rig);
    }
}

static void counted_with_all_beneath(void)
{
    begin(73);
    mkdirat(rig.source, "dir", 0755);
    mkdirat(rig.source, "dir/sub", 0755);
    put_file(rig.source, "dir/sub/a", "a");
    put_file(rig.source, "dir/sub/b", "b");
    run(false);
    unlinkat(rig.replica, "dir/sub/a", 0);
    unlinkat(rig.replica, "dir/sub/b", 0);
    unlinkat(rig.replica, "dir/sub", AT_REMOVEDIR);
    mkdirat(rig.replica, "theirs", 0755);
    mkdirat(rig.replica, "theirs/sub", 0755);
    put_file(rig.replica, "theirs/sub/c", "c");
    run(true);
    CU_ASSERT_EQUAL(rig.count.created, 3);
    CU_ASSERT_EQUAL(rig.count.orphans, 3);
    CU_ASSERT_EQUAL(rig.count.changed, 2); /* the root and dir, whose times have changed */
    CU_ASSERT(has("m dir/sub") && has("m dir/sub/a") && has("m dir/sub/b") && has("x theirs"));
    CU_ASSERT(has("d .") && has("d dir"));
    mirrorrig_done(&rig);
}

/* Another file at the same name is a difference, though it looks the same. */
static void another_file(void)
{
    struct stat st;
    begin(74);
    put_file(rig.source, "f", "the same");
    run(false);
    CU_ASSERT_EQUAL(fstatat(rig.replica, "f", &st, 0), 0);
    put_file(rig.replica, "new", "the same");
    CU_ASSERT_EQUAL(renameat(rig.replica, "new", rig.replica, "f"), 0);
    run(true);
    CU_ASSERT(has("d f"));
    mirrorrig_done(&rig);
}

static void excluded(void)
{
    begin(75);
    rig.rules = "include recursive /source\nexclude recursive /source/tmp\n";
    mkdirat(rig.source, "tmp", 0755);
    put_file(rig.source, "keep", "k");
    put_file(rig.source, "tmp/secret", "s");
    run(false);
    mkdirat(rig.replica, "tmp", 0755);
    put_file(rig.replica, "tmp/theirs", "t");
    struct stat st;
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {0}};
    CU_ASSERT_EQUAL(fstat(rig.source, &st), 0);
    times[1] = st.st_mtim;
    CU_ASSERT_EQUAL(futimens(rig.replica, times), 0);
    run(true);
    CU_ASSERT_STRING_EQUAL(rig.paths, "");
    CU_ASSERT_EQUAL(rig.count.orphans, 0);
    mirrorrig_done(&rig);
}

static const struct unit_test tests[] = {
    {"what differs is told, all of it and nothing else", the_report_is_true},
    {"two trees are called equal only if they are", equal_only_if_equal},
    {"a directory is counted with all that stands in it", counted_with_all_beneath},
    {"another file with the same content is not the same", another_file},
    {"what the rules exclude is not compared", excluded},
};

UNIT_MAIN_ROOT(tests, "set owners and open file handles")
