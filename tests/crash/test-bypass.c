/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Changes past capture are seen: a real ext4, real writers, from before the mount and after it.
 */
#include "daemon/capture/bypass.h"
#include "daemon/capture/bypass_scan.h"
#include "lib/base/fd.h"
#include "tests/crash/safety.h"

#include <fcntl.h>
#include <glib.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define DISK SAFETY_DIR "/disk"
#define ROOT DISK "/data"

static void disk_make(void)
{
    static bool made;
    made = made || (safety_ext4(DISK, "", "") && mkdir(ROOT, 0755) == 0 &&
                    mkdir(DISK "/elsewhere", 0755) == 0);
    CU_ASSERT_FATAL(made);
}

/* --- the watch -------------------------------------------------------------------------------- */

struct seen {
    unsigned what; /* all together */
    int count;
    pid_t pid;
    char comm[DPL_COMM_SIZE];
    char *path[8]; /* of the first ones */
    bool unknown;
    int root_fd;
};

static void note(void *self, const struct dpl_bypass_change *change)
{
    struct seen *seen = self;
    seen->what |= change->what;
    seen->unknown = seen->unknown || change->what == DPL_BYPASS_UNKNOWN;
    if (seen->count < 8) {
        g_free(seen->path[seen->count]);
        seen->path[seen->count] =
            change->name ? dpl_bypass_path(seen->root_fd, &change->parent, change->name)
                         : dpl_bypass_path(seen->root_fd, &change->object, NULL);
    }
    seen->count++;
    seen->pid = change->pid;
    g_strlcpy(seen->comm, change->comm, sizeof seen->comm);
}

static void seen_clear(struct seen *seen)
{
    for (size_t i = 0; i < G_N_ELEMENTS(seen->path); i++)
        g_free(seen->path[i]);
    dpl_fd_clear(&seen->root_fd);
}

static bool has_path(const struct seen *seen, const char *path)
{
    for (size_t i = 0; i < G_N_ELEMENTS(seen->path); i++)
        if (seen->path[i] && strcmp(seen->path[i], path) == 0)
            return true;
    return false;
}

static bool is_me(void *self, pid_t pid)
{
    return *(pid_t *)self == pid;
}

static struct dpl_bypass *watch_begin(struct seen *seen, pid_t *me)
{
    disk_make();
    *me = getpid();
    *seen = (struct seen){.root_fd = open(ROOT, O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    struct dpl_bypass_config config = {
        .root_fd = seen->root_fd, .is_ours = is_me, .ours = me, .report = note, .self = seen};
    struct dpl_bypass *bypass = NULL;
    struct dpl_err err = {0};
    CU_ASSERT_EQUAL(dpl_bypass_open(&config, &bypass, &err), DPL_OK);
    CU_ASSERT_PTR_NOT_NULL_FATAL(bypass);
    return bypass;
}

/* All that happened so far. Returns how many foreign changes. */
static int watch_drain(struct dpl_bypass *bypass)
{
    int sum = 0;
    struct pollfd p = {.fd = dpl_bypass_fd(bypass), .events = POLLIN};
    while (poll(&p, 1, 0) == 1) {
        int n = dpl_bypass_read(bypass, NULL);
        CU_ASSERT_FATAL(n >= 0);
        sum += n;
    }
    return sum;
}

static bool change_everything(const char *dir)
{
    char a[128], b[128];
    snprintf(a, sizeof a, "%s/a", dir);
    snprintf(b, sizeof b, "%s/b", dir);
    int fd = open(a, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    bool good = fd >= 0 && write(fd, "x", 1) == 1 && fchmod(fd, 0640) == 0 && rename(a, b) == 0 &&
                unlink(b) == 0;
    close(fd);
    return good;
}

static bool in_a_child(bool (*change)(const char *dir))
{
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0)
        _exit(!change(ROOT));
    int status = 1;
    return waitpid(pid, &status, 0) == pid && status == 0;
}

static void foreign_changes_are_reported(void)
{
    struct seen seen;
    pid_t me;
    struct dpl_bypass *bypass = watch_begin(&seen, &me);
    CU_ASSERT(in_a_child(change_everything));
    CU_ASSERT(watch_drain(bypass) > 0); /* the kernel merges some */
    CU_ASSERT_EQUAL(seen.what, DPL_BYPASS_DATA | DPL_BYPASS_ATTR | DPL_BYPASS_CREATED |
                                   DPL_BYPASS_REMOVED | DPL_BYPASS_MOVED);
    CU_ASSERT(has_path(&seen, "/data/a"));
    CU_ASSERT(has_path(&seen, "/data/b"));
    CU_ASSERT_PTR_NOT_NULL(strstr(dpl_bypass_detail(bypass), "objects"));
    dpl_bypass_close(bypass);
    seen_clear(&seen);
}

static void our_own_changes_are_not(void)
{
    struct seen seen;
    pid_t me;
    struct dpl_bypass *bypass = watch_begin(&seen, &me);
    CU_ASSERT(change_everything(ROOT));
    CU_ASSERT_EQUAL(watch_drain(bypass), 0);
    dpl_bypass_close(bypass);
    seen_clear(&seen);
}

static bool write_and_stay(void *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    return fd >= 0 && write(fd, "x", 1) == 1;
}

static void who_did_it_is_named(void)
{
    struct seen seen;
    pid_t me;
    struct dpl_bypass *bypass = watch_begin(&seen, &me);
    char path[] = ROOT "/kept";
    pid_t pid = safety_child(write_and_stay, path);
    CU_ASSERT(watch_drain(bypass) > 0);
    CU_ASSERT_EQUAL(seen.pid, pid);
    CU_ASSERT_STRING_EQUAL(seen.comm, "test-bypass");
    safety_end(pid);
    /* A file that is still there is found by its handle alone. */
    seen.count = 0;
    CU_ASSERT(safety_run("echo y >>%s", path));
    watch_drain(bypass);
    CU_ASSERT(has_path(&seen, "/data/kept"));
    dpl_bypass_close(bypass);
    seen_clear(&seen);
}

static bool flood(const char *dir)
{
    for (int i = 0; i < 17000; i++) {
        char name[128];
        snprintf(name, sizeof name, "%s/f%d", dir, i);
        if (mkdir(name, 0700) < 0 || rmdir(name) < 0)
            return false;
    }
    return true;
}

static void what_was_lost_is_a_change_of_everything(void)
{
    struct seen seen;
    pid_t me;
    struct dpl_bypass *bypass = watch_begin(&seen, &me);
    CU_ASSERT(in_a_child(flood));
    CU_ASSERT(watch_drain(bypass) > 1000);
    CU_ASSERT(seen.unknown);
    dpl_bypass_close(bypass);
    seen_clear(&seen);
}

static void reading_is_bounded(void)
{
    struct seen seen;
    pid_t me;
    struct dpl_bypass *bypass = watch_begin(&seen, &me);
    CU_ASSERT(in_a_child(flood));
    int once = dpl_bypass_read(bypass, NULL);
    CU_ASSERT(once > 0);
    CU_ASSERT(watch_drain(bypass) > 0); /* there was more */
    dpl_bypass_close(bypass);
    seen_clear(&seen);
}

static void file_system_without_objects_is_said(void)
{
    dpl_autofd int fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct dpl_bypass_config config = {.root_fd = fd, .is_ours = is_me, .report = note};
    struct dpl_bypass *bypass = NULL;
    struct dpl_err err = {0};
    CU_ASSERT_EQUAL(dpl_bypass_open(&config, &bypass, &err), DPL_E_UNSUPPORTED);
    CU_ASSERT_EQUAL(err.code, DPL_E_UNSUPPORTED);
    CU_ASSERT_PTR_NULL(bypass);
}

/* --- the scan --------------------------------------------------------------------------------- */

static struct dpl_bypass_writers scan(void)
{
    static const char *const roots[] = {ROOT};
    pid_t me = getpid();
    struct dpl_bypass_writers writers;
    CU_ASSERT_EQUAL(dpl_bypass_scan(roots, 1, is_me, &me, &writers, NULL), DPL_OK);
    return writers;
}

struct way {
    const char *path;
    int flags;
    bool map, drop, detach, away, private;
};

static bool open_so(void *self)
{
    const struct way *way = self;
    if (way->away && (unshare(CLONE_NEWNS) < 0 || mkdir(SAFETY_DIR "/alias", 0755) < 0 ||
                      mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
                      mount(DISK, SAFETY_DIR "/alias", NULL, MS_BIND, NULL) < 0))
        return false;
    int fd = open(way->path, way->flags | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(way->flags == O_RDONLY ? open(way->path, O_RDWR) : fd, 4096) < 0)
        return false;
    int prot = PROT_READ | (way->flags == O_RDWR ? PROT_WRITE : 0);
    if (way->map &&
        mmap(NULL, 4096, prot, way->private ? MAP_PRIVATE : MAP_SHARED, fd, 0) == MAP_FAILED)
        return false;
    if (way->flags == O_RDONLY)
        close_range((unsigned)fd + 1, ~0U, 0);
    if (way->map)
        close(fd);
    return (!way->drop || unlink(way->path) == 0) &&
           (!way->detach || umount2(SAFETY_DIR "/alias", MNT_DETACH) == 0);
}

/* Whether the scan finds this process, and by which name. */
static bool finds(struct way way, char *path, size_t size)
{
    disk_make();
    pid_t pid = safety_child(open_so, &way);
    struct dpl_bypass_writers writers = scan();
    bool found = writers.count == 1 && writers.items[0].pid == pid &&
                 (writers.items[0].fd < 0) == way.map &&
                 strcmp(writers.items[0].comm, "test-bypass") == 0;
    CU_ASSERT(found || writers.count == 0);
    if (found && path)
        g_strlcpy(path, writers.items[0].path, size);
    dpl_bypass_writers_clear(&writers);
    safety_end(pid);
    return found;
}

static void writers_from_before_are_found(void)
{
    char path[256] = "";
    CU_ASSERT(finds((struct way){.path = ROOT "/w", .flags = O_RDWR}, path, sizeof path));
    CU_ASSERT_STRING_EQUAL(path, ROOT "/w");
    CU_ASSERT(finds((struct way){.path = ROOT "/w", .flags = O_WRONLY | O_APPEND}, NULL, 0));
    CU_ASSERT(finds((struct way){.path = ROOT "/w", .flags = O_RDWR, .map = true}, path, 256));
    CU_ASSERT_STRING_EQUAL(path, ROOT "/w");
    CU_ASSERT(finds((struct way){.path = ROOT "/gone", .flags = O_RDWR, .drop = true}, NULL, 0));
}

static void readers_and_others_are_not(void)
{
    CU_ASSERT_FALSE(finds((struct way){.path = ROOT "/w", .flags = O_RDONLY}, NULL, 0));
    CU_ASSERT_FALSE(
        finds((struct way){.path = ROOT "/w", .flags = O_RDONLY, .map = true}, NULL, 0));
    CU_ASSERT_FALSE(finds(
        (struct way){.path = ROOT "/w", .flags = O_RDWR, .map = true, .private = true}, NULL, 0));
    CU_ASSERT_FALSE(finds((struct way){.path = DISK "/elsewhere/w", .flags = O_RDWR}, NULL, 0));
    CU_ASSERT_FALSE(finds((struct way){.path = DISK "/database", .flags = O_RDWR}, NULL, 0));
    CU_ASSERT_FALSE(
        finds((struct way){.path = DISK "/elsewhere/w", .flags = O_RDWR, .map = true}, NULL, 0));
}

static void other_ways_to_the_same_file_hide_nothing(void)
{
    struct way way = {.path = SAFETY_DIR "/alias/data/w", .flags = O_RDWR, .away = true};
    CU_ASSERT(finds(way, NULL, 0));
    CU_ASSERT(rmdir(SAFETY_DIR "/alias") == 0);
    way.path = SAFETY_DIR "/alias/elsewhere/w";
    CU_ASSERT_FALSE(finds(way, NULL, 0));
    CU_ASSERT(rmdir(SAFETY_DIR "/alias") == 0);
    way.path = SAFETY_DIR "/alias/data/w";
    way.map = true;
    CU_ASSERT(finds(way, NULL, 0));
    CU_ASSERT(rmdir(SAFETY_DIR "/alias") == 0);
    way.map = false;
    way.detach = true; /* nobody can say where it was: in doubt it counts */
    CU_ASSERT(finds(way, NULL, 0));
    CU_ASSERT(rmdir(SAFETY_DIR "/alias") == 0);
}

static const struct unit_test tests[] = {
    {"foreign changes are reported, with their places", foreign_changes_are_reported},
    {"our own changes are not", our_own_changes_are_not},
    {"who did it is named", who_did_it_is_named},
    {"what was lost is a change of everything", what_was_lost_is_a_change_of_everything},
    {"reading is bounded", reading_is_bounded},
    {"a file system without objects is said", file_system_without_objects_is_said},
    {"writers from before the mount are found", writers_from_before_are_found},
    {"readers and writers elsewhere are not", readers_and_others_are_not},
    {"other ways to the same file hide nothing", other_ways_to_the_same_file_hide_nothing},
};

int main(void)
{
    return safety_main(__FILE__, tests, sizeof tests / sizeof tests[0]);
}
