/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/capture/mountinfo.h"
#include "daemon/capture/proc.h"
#include "lib/base/fd.h"
#include "lib/base/file.h"
#include "tests/unit/unit.h"

#include <fcntl.h>
#include <glib.h>
#include <signal.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

static const char golden[] =
    "22 27 0:21 / /proc rw,relatime - proc proc rw\n"
    "27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw,discard\n"
    "40 27 8:16 / /srv/mail rw,nosuid,nodev shared:2 master:7 - xfs /dev/sdb rw,lazytime\n"
    "41 40 0:55 / /srv/mail/data rw,nosuid - fuse.doppel doppel:mail rw,user_id=0\n"
    "42 27 8:16 /sub\\040dir /mnt/a\\040b\\134c\\011d\\012e rw,idmapped - xfs /dev/sdb rw\n"
    "43 27 0:60 / /mnt/none rw - tmpfs  rw,size=1k\n";

static struct dpl_mounts *parse(const char *text)
{
    struct dpl_mounts *mounts = NULL;
    CU_ASSERT_EQUAL(dpl_mountinfo_parse(text, strlen(text), &mounts, NULL), DPL_OK);
    CU_ASSERT_PTR_NOT_NULL_FATAL(mounts);
    return mounts;
}

static void every_field_is_read(void)
{
    dpl_automounts struct dpl_mounts *mounts = parse(golden);
    CU_ASSERT_EQUAL_FATAL(mounts->count, 6);
    const struct dpl_mount *m = &mounts->items[2];
    CU_ASSERT(m->id == 40 && m->parent == 27 && m->dev == makedev(8, 16) && m->shared);
    CU_ASSERT_STRING_EQUAL(m->root, "/");
    CU_ASSERT_STRING_EQUAL(m->point, "/srv/mail");
    CU_ASSERT_STRING_EQUAL(m->options, "rw,nosuid,nodev");
    CU_ASSERT_STRING_EQUAL(m->type, "xfs");
    CU_ASSERT_STRING_EQUAL(m->source, "/dev/sdb");
    CU_ASSERT_STRING_EQUAL(m->super_options, "rw,lazytime");
    CU_ASSERT_FALSE(mounts->items[3].shared);
    CU_ASSERT_STRING_EQUAL(mounts->items[5].source, "");
    CU_ASSERT_STRING_EQUAL(mounts->items[5].super_options, "rw,size=1k");
}

static void escapes_are_undone(void)
{
    dpl_automounts struct dpl_mounts *mounts = parse(golden);
    CU_ASSERT_STRING_EQUAL(mounts->items[4].root, "/sub dir");
    CU_ASSERT_STRING_EQUAL(mounts->items[4].point, "/mnt/a b\\c\td\ne");
}

static void every_cut_is_told_from_the_whole(void)
{
    for (size_t n = 0; n < sizeof golden - 1; n++) {
        struct dpl_mounts *mounts = NULL;
        struct dpl_err err = {0};
        int rc = dpl_mountinfo_parse(golden, n, &mounts, &err);
        bool whole_lines = n == 0 || golden[n - 1] == '\n';
        CU_ASSERT_EQUAL(rc, whole_lines ? DPL_OK : DPL_E_TRUNCATED);
        CU_ASSERT_EQUAL(mounts != NULL, whole_lines);
        dpl_mounts_free(mounts);
    }
}

static void wrong_lines_are_refused_by_number(void)
{
    static const char *const bad[] = {
        "x 1 8:1 / / rw - ext4 /dev/a rw\n",       "1 1 8 / / rw - ext4 /dev/a rw\n",
        "1 1 8:1x / / rw - ext4 /dev/a rw\n",      "1 1 8:1 / / rw ext4 /dev/a rw\n",
        "1 1 8:1 / / rw - ext4 /dev/a\n",          "1 1 8:1 / / rw - ext4\n",
        "99999999999 1 8:1 / / rw - a b c\n",      "-1 1 8:1 / / rw - a b c\n",
        "1 1 99999999999:1 / / rw - ext4 a b c\n", "\n",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        g_autofree char *text = g_strconcat(golden, bad[i], NULL);
        struct dpl_mounts *mounts = NULL;
        struct dpl_err err = {0};
        CU_ASSERT_EQUAL(dpl_mountinfo_parse(text, strlen(text), &mounts, &err), DPL_E_CORRUPT);
        CU_ASSERT_PTR_NULL(mounts);
        CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "line 7"));
    }
    struct dpl_mounts *mounts = NULL;
    CU_ASSERT_EQUAL(dpl_mountinfo_parse("1 \0", 3, &mounts, NULL), DPL_E_CORRUPT);
}

static int covering(const struct dpl_mounts *mounts, const char *path)
{
    const struct dpl_mount *m = dpl_mounts_covering(mounts, path);
    return m ? m->id : -1;
}

static void covering_mount_is_the_one_a_walk_ends_on(void)
{
    dpl_automounts struct dpl_mounts *mounts = parse(golden);
    CU_ASSERT_EQUAL(covering(mounts, "/"), 27);
    CU_ASSERT_EQUAL(covering(mounts, "/srv"), 27);
    CU_ASSERT_EQUAL(covering(mounts, "/srv/mail"), 40);
    CU_ASSERT_EQUAL(covering(mounts, "/srv/mailbox"), 27);
    CU_ASSERT_EQUAL(covering(mounts, "/srv/mail/data/x/y"), 41);
}

static void what_is_mounted_over_is_hidden(void)
{
    dpl_automounts struct dpl_mounts *mounts = parse("1 0 8:1 / / rw - ext4 a rw\n"
                                                     "2 1 8:2 / /a/b rw - ext4 b rw\n"
                                                     "3 1 8:3 / /a rw - ext4 c rw\n"
                                                     "4 3 8:4 / /a rw - ext4 d rw\n"
                                                     "5 4 8:5 / /a/c rw - ext4 e rw\n");
    CU_ASSERT_EQUAL(covering(mounts, "/a/b/x"), 4);
    CU_ASSERT_EQUAL(covering(mounts, "/a"), 4);
    CU_ASSERT_EQUAL(covering(mounts, "/a/c"), 5);
}

static void rings_of_parents_end(void)
{
    dpl_automounts struct dpl_mounts *mounts = parse("1 1 8:1 / / rw - ext4 a rw\n"
                                                     "2 3 8:2 / / rw - ext4 b rw\n"
                                                     "3 2 8:3 / / rw - ext4 c rw\n"
                                                     "2 1 8:3 / / rw - ext4 c rw\n");
    CU_ASSERT_PTR_NOT_NULL(dpl_mounts_covering(mounts, "/a"));
    dpl_automounts struct dpl_mounts *none = parse("");
    CU_ASSERT_PTR_NULL(dpl_mounts_covering(none, "/a"));
}

static bool inner_is(const struct dpl_mount *mount, const char *path, const char *inner)
{
    g_autofree char *found = dpl_mount_inner_path(mount, path);
    return g_strcmp0(found, inner) == 0;
}

static void inner_paths_are_the_file_systems_own(void)
{
    struct dpl_mount whole = {.root = "/", .point = "/srv"};
    struct dpl_mount part = {.root = "/sub", .point = "/"};
    CU_ASSERT(inner_is(&whole, "/srv", "/"));
    CU_ASSERT(inner_is(&whole, "/srv/a/b", "/a/b"));
    CU_ASSERT(inner_is(&whole, "/other", NULL));
    CU_ASSERT(inner_is(&part, "/", "/sub"));
    CU_ASSERT(inner_is(&part, "/a", "/sub/a"));
}

static void options_are_whole_words(void)
{
    CU_ASSERT(dpl_mount_option("rw,nosuid", "rw"));
    CU_ASSERT(dpl_mount_option("rw,nosuid", "nosuid"));
    CU_ASSERT(dpl_mount_option("rw,context=a:b", "context"));
    CU_ASSERT_FALSE(dpl_mount_option("rw,rootcontext=a:b", "context"));
    CU_ASSERT_FALSE(dpl_mount_option("nosuidx", "nosuid"));
    CU_ASSERT_FALSE(dpl_mount_option("", "ro"));
}

static void ours_is_told_by_its_type(void)
{
    dpl_automounts struct dpl_mounts *mounts = parse(golden);
    for (size_t i = 0; i < mounts->count; i++)
        CU_ASSERT_EQUAL(dpl_mount_is_ours(&mounts->items[i]), i == 3);
}

static void this_process_has_mounts(void)
{
    dpl_automounts struct dpl_mounts *mounts = NULL;
    CU_ASSERT_EQUAL(dpl_mountinfo_read(0, &mounts, NULL), DPL_OK);
    CU_ASSERT_PTR_NOT_NULL(dpl_mounts_covering(mounts, "/proc/self"));
    struct dpl_mounts *none = NULL;
    CU_ASSERT_EQUAL(dpl_mountinfo_read(0x7ffffff0, &none, NULL), DPL_E_NOT_FOUND);
}

static void maps_are_read_line_by_line(void)
{
    struct dpl_proc_map map;
    CU_ASSERT(
        dpl_proc_map_parse("7f00-7f01 rw-s 00001000 08:10 131074    /srv/a b (deleted)", &map));
    CU_ASSERT(map.shared && map.writable && map.dev == makedev(8, 16) && map.ino == 131074);
    CU_ASSERT_STRING_EQUAL(map.path, "/srv/a b (deleted)");
    CU_ASSERT(dpl_proc_map_parse("7f00-7f01 r-xp 00000000 00:00 0", &map));
    CU_ASSERT(!map.shared && !map.writable && map.ino == 0);
    CU_ASSERT_STRING_EQUAL(map.path, "");
    CU_ASSERT_FALSE(dpl_proc_map_parse("7f00-7f01 rw-s 00001000 08:10", &map));
    CU_ASSERT_FALSE(dpl_proc_map_parse("", &map));
}

static void process_is_more_than_its_number(void)
{
    struct dpl_proc_id id;
    CU_ASSERT_EQUAL(dpl_proc_id_of(getpid(), &id, NULL), DPL_OK);
    CU_ASSERT(dpl_proc_id_alive(&id));
    id.start_ticks++;
    CU_ASSERT_FALSE(dpl_proc_id_alive(&id));
    CU_ASSERT_EQUAL(dpl_proc_parent(getpid()), getppid());
    CU_ASSERT_EQUAL(dpl_proc_id_of(0x7ffffff0, &id, NULL), DPL_E_NOT_FOUND);
}

static void zombie_does_not_live(void)
{
    struct dpl_proc_id id;
    siginfo_t info;
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    CU_ASSERT_FATAL(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) == 0);
    CU_ASSERT_EQUAL(dpl_proc_id_of(pid, &id, NULL), DPL_E_NOT_FOUND);
    CU_ASSERT_EQUAL(waitpid(pid, NULL, 0), pid);
}

static void keeper_is_kept_in_a_file(void)
{
    dpl_autofd int dir = open(unit_tempdir(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct dpl_proc_id id = {.pid = 123, .start_ticks = 18446744073709551615ULL}, again;
    CU_ASSERT_EQUAL(dpl_proc_id_save(dir, "keeper", &id, NULL), DPL_OK);
    CU_ASSERT_EQUAL(dpl_proc_id_load(dir, "keeper", &again, NULL), DPL_OK);
    CU_ASSERT(again.pid == id.pid && again.start_ticks == id.start_ticks);
    static const char *const bad[] = {"", "1", "1 2", "x 2\n", "0 2\n", "-1 2\n", "1 2\n3"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        CU_ASSERT_EQUAL(dpl_file_replace(dir, "keeper", bad[i], strlen(bad[i]), 0600, NULL),
                        DPL_OK);
        CU_ASSERT_EQUAL(dpl_proc_id_load(dir, "keeper", &again, NULL), DPL_E_CORRUPT);
    }
    CU_ASSERT_EQUAL(dpl_proc_id_load(dir, "none", &again, NULL), DPL_E_NOT_FOUND);
}

static const struct unit_test tests[] = {
    {"every field is read", every_field_is_read},
    {"escapes are undone", escapes_are_undone},
    {"every cut is told from the whole", every_cut_is_told_from_the_whole},
    {"wrong lines are refused by number", wrong_lines_are_refused_by_number},
    {"the covering mount is the one a walk ends on", covering_mount_is_the_one_a_walk_ends_on},
    {"what is mounted over is hidden", what_is_mounted_over_is_hidden},
    {"rings of parents end", rings_of_parents_end},
    {"inner paths are the file system's own", inner_paths_are_the_file_systems_own},
    {"options are whole words", options_are_whole_words},
    {"ours is told by its type", ours_is_told_by_its_type},
    {"this process has mounts", this_process_has_mounts},
    {"maps are read line by line", maps_are_read_line_by_line},
    {"a process is more than its number", process_is_more_than_its_number},
    {"a zombie does not live", zombie_does_not_live},
    {"a keeper is kept in a file", keeper_is_kept_in_a_file},
};
UNIT_MAIN(tests)
