/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Mounts of ours that are busy, copied, hung or left behind: found, and ended in order, for real.
 */
#include "daemon/capture/fusectl.h"
#include "daemon/capture/mountinfo.h"
#include "daemon/capture/mountuser.h"
#include "daemon/capture/unmount.h"
#include "lib/base/fd.h"
#include "tests/crash/safety.h"

#include <errno.h>
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
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#define DIR  SAFETY_DIR "/m"
#define FILE DIR "/file"

/* One mount, its server, and the order to end it. */
struct stage {
    pid_t server;
    dev_t dev;
    struct dpl_unmount order;
    struct dpl_unmount_result result;
    struct dpl_err err;
};

static dev_t dev_of(const char *point)
{
    dpl_automounts struct dpl_mounts *mounts = NULL;
    if (dpl_mountinfo_read(0, &mounts, NULL) < 0)
        return 0;
    const struct dpl_mount *m = dpl_mounts_covering(mounts, point);
    return m && dpl_mount_is_ours(m) && strcmp(m->point, point) == 0 ? m->dev : 0;
}

static struct stage stage_begin(void)
{
    struct stage stage = {.server = safety_tinyfuse(DIR)};
    stage.dev = dev_of(DIR);
    CU_ASSERT_FATAL(stage.dev != 0);
    stage.order = (struct dpl_unmount){.clock = &dpl_clock_system,
                                       .dev = stage.dev,
                                       .term_ms = 30000,
                                       .kill_ms = 30000,
                                       .unmount_ms = 30000,
                                       .server_ms = 30000,
                                       .abort_ms = 30000};
    CU_ASSERT(dpl_proc_id_of(stage.server, &stage.order.keeper, NULL) == DPL_OK);
    return stage;
}

static int stage_stop(struct stage *stage)
{
    return dpl_unmount_run(&stage->order, &stage->result, &stage->err);
}

/* Nothing is left of it, whatever the test did. */
static void stage_end(struct stage *stage)
{
    CU_ASSERT_EQUAL(dev_of(DIR), 0);
    while (umount2(DIR, MNT_DETACH) == 0)
        ;
    safety_end(stage->server);
}

/* A clock by which an hour passes between any two looks. */
static int64_t hasty_now_ns(void *self)
{
    int64_t *now = self;
    return *now += 3600 * 1000000000LL;
}

static struct dpl_clock hasty_clock(int64_t *now)
{
    return (struct dpl_clock){hasty_now_ns, hasty_now_ns, now};
}

static bool stand_in(void *dir)
{
    return chdir(dir) == 0;
}

static bool live_in(void *dir)
{
    return chroot(dir) == 0; /* and its working directory stays outside */
}

static bool stand_in_stubbornly(void *dir)
{
    return signal(SIGTERM, SIG_IGN) != SIG_ERR && chdir(dir) == 0;
}

static bool open_file(void *path)
{
    return open(path, O_RDWR | O_CLOEXEC) >= 0;
}

static bool map_file(void *path)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    char *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    return fd >= 0 && p != MAP_FAILED;
}

/* Leaves a page that the kernel must write before the process can end. */
static bool map_and_store(void *path)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    char *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (fd < 0 || p == MAP_FAILED)
        return false;
    *p = 'x';
    return true;
}

static bool leave_with_a_copy(void *unused)
{
    (void)unused;
    return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

static bool users_of_all_kinds_are_found(dev_t dev)
{
    char dir[] = DIR, file[] = FILE;
    pid_t pids[] = {safety_child(stand_in, dir), safety_child(open_file, file),
                    safety_child(map_file, file), safety_child(live_in, dir)};
    static const unsigned how[] = {DPL_USE_CWD, DPL_USE_FILE, DPL_USE_MAP, DPL_USE_ROOT};
    g_autofree struct dpl_mount_user *users = NULL;
    int count = dpl_mount_users_find(dev, NULL, NULL, &users, NULL);
    bool good = count == 4;
    for (int i = 0; good && i < 4; i++)
        good = users[i].pid == pids[i] && users[i].how == how[i] && users[i].sample[0] == '/';
    for (int i = 0; i < 4; i++)
        safety_end(pids[i]);
    return good;
}

static void users_are_found(void)
{
    struct stage stage = stage_begin();
    CU_ASSERT(users_of_all_kinds_are_found(stage.dev));
    CU_ASSERT_EQUAL(stage_stop(&stage), DPL_OK);
    stage_end(&stage);
}

static void users_are_found_while_the_server_hangs(void)
{
    struct stage stage = stage_begin();
    char dir[] = DIR, file[] = FILE;
    pid_t stander = safety_child(stand_in, dir), opener = safety_child(open_file, file);
    kill(stage.server, SIGSTOP);
    g_autofree struct dpl_mount_user *users = NULL;
    CU_ASSERT_EQUAL(dpl_mount_users_find(stage.dev, NULL, NULL, &users, NULL), 2);
    kill(stage.server, SIGCONT);
    safety_end(stander);
    safety_end(opener);
    CU_ASSERT_EQUAL(stage_stop(&stage), DPL_OK);
    stage_end(&stage);
}

static void clean_stop_asks_first(void)
{
    struct stage stage = stage_begin();
    char dir[] = DIR, file[] = FILE;
    pid_t stander = safety_child(stand_in, dir), mapper = safety_child(map_file, file);
    CU_ASSERT_EQUAL(stage_stop(&stage), DPL_OK);
    CU_ASSERT_EQUAL(stage.result.users, 2);
    CU_ASSERT_EQUAL(stage.result.killed, 0);
    CU_ASSERT_EQUAL(stage.result.unmounted, 1);
    CU_ASSERT(stage.result.keeper_gone && !stage.result.detached && !stage.result.aborted);
    int status = 0;
    CU_ASSERT(waitpid(stander, &status, 0) == stander && WTERMSIG(status) == SIGTERM);
    CU_ASSERT(waitpid(mapper, &status, 0) == mapper && WTERMSIG(status) == SIGTERM);
    stage_end(&stage);
}

static void who_does_not_listen_is_killed(void)
{
    struct stage stage = stage_begin();
    char dir[] = DIR;
    stage.order.term_ms = 0;
    pid_t pid = safety_child(stand_in_stubbornly, dir);
    CU_ASSERT_EQUAL(stage_stop(&stage), DPL_OK);
    CU_ASSERT_EQUAL(stage.result.killed, 1);
    int status = 0;
    CU_ASSERT(waitpid(pid, &status, 0) == pid && WTERMSIG(status) == SIGKILL);
    stage_end(&stage);
}

static void time_is_the_callers(void)
{
    struct stage stage = stage_begin();
    char dir[] = DIR;
    int64_t now = 0;
    struct dpl_clock clock = hasty_clock(&now);
    stage.order.clock = &clock;
    stage.order.term_ms = 1800000; /* over at the next look */
    stage.order.kill_ms = stage.order.unmount_ms = 1000 * 3600000LL;
    stage.order.server_ms = stage.order.abort_ms = 1000 * 3600000LL;
    pid_t pid = safety_child(stand_in_stubbornly, dir);
    CU_ASSERT_EQUAL(stage_stop(&stage), DPL_OK);
    CU_ASSERT_EQUAL(stage.result.killed, 1);
    safety_end(pid);
    stage_end(&stage);
}

static void caller_is_spared_and_the_mount_goes_all_the_same(void)
{
    struct stage stage = stage_begin();
    stage.order.unmount_ms = 100;
    stage.order.server_ms = 100;
    CU_ASSERT(chdir(DIR) == 0);
    int rc = stage_stop(&stage);
    CU_ASSERT(chdir("/") == 0);
    CU_ASSERT_EQUAL(rc, DPL_E_DEGRADED);
    CU_ASSERT_EQUAL(stage.result.spared, 1);
    CU_ASSERT(stage.result.detached && stage.result.aborted && stage.result.keeper_gone);
    CU_ASSERT_PTR_NOT_NULL(strstr(stage.err.text, "was spared"));
    CU_ASSERT_PTR_NOT_NULL(strstr(stage.err.text, "the mount was detached"));
    CU_ASSERT_PTR_NOT_NULL(strstr(stage.err.text, "the connection was aborted"));
    stage_end(&stage);
}

static void copies_in_other_namespaces_go_too(void)
{
    struct stage stage = stage_begin();
    pid_t other = safety_child(leave_with_a_copy, NULL);
    struct dpl_mount_places places;
    CU_ASSERT_EQUAL(dpl_mount_places_find(stage.dev, &places, NULL), DPL_OK);
    CU_ASSERT_EQUAL(places.count, 2);
    for (size_t i = 0; i < places.count; i++)
        CU_ASSERT(places.items[i].here == (places.items[i].pid != other) &&
                  places.items[i].count == 1 && strcmp(places.items[i].points[0], DIR) == 0);
    dpl_mount_places_clear(&places);
    CU_ASSERT_EQUAL(stage_stop(&stage), DPL_OK);
    CU_ASSERT_EQUAL(stage.result.unmounted, 2);
    CU_ASSERT_EQUAL(stage.result.users, 0);
    CU_ASSERT(stage.result.keeper_gone);
    CU_ASSERT_EQUAL(kill(other, 0), 0); /* it did nothing wrong */
    safety_end(other);
    stage_end(&stage);
}

static bool leave_with_a_slave(void *unused)
{
    (void)unused;
    return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) == 0;
}

static void unmounting_that_is_passed_on_is_no_fault(void)
{
    CU_ASSERT(mount(NULL, "/mnt", NULL, MS_SHARED, NULL) == 0);
    struct stage stage = stage_begin();
    pid_t other = safety_child(leave_with_a_slave, NULL);
    CU_ASSERT_EQUAL(stage_stop(&stage), DPL_OK);
    CU_ASSERT_EQUAL(stage.result.unmounted, 1);
    safety_end(other);
    stage_end(&stage);
    CU_ASSERT(mount(NULL, "/mnt", NULL, MS_PRIVATE, NULL) == 0);
}

static void served_mount_is_not_stale(void)
{
    struct stage stage = stage_begin();
    CU_ASSERT_EQUAL(dpl_fusectl_server(stage.dev, &stage.order.keeper, NULL), DPL_SERVER_ALIVE);
    CU_ASSERT_EQUAL(dpl_unmount_stale(&stage.order, &stage.result, &stage.err), DPL_E_REFUSED);
    /* A keeper that is long gone, and a stranger that has its number now. */
    struct dpl_proc_id gone = {.pid = stage.server, .start_ticks = 1};
    CU_ASSERT_FALSE(dpl_proc_id_alive(&gone));
    int server = dpl_fusectl_server(stage.dev, &gone, NULL);
    CU_ASSERT(server == DPL_SERVER_ALIVE || server == DPL_SERVER_UNKNOWN);
    printf("PRINT the kernel names the connection of a descriptor: %s\n",
           server == DPL_SERVER_ALIVE ? "yes" : "no");
    CU_ASSERT_EQUAL(stage_stop(&stage), DPL_OK);
    CU_ASSERT_EQUAL(dpl_unmount_stale(&stage.order, &stage.result, NULL), DPL_E_NOT_FOUND);
    stage_end(&stage);
}

static void an_abandoned_mount_goes_whoever_holds_it(void)
{
    struct stage stage = stage_begin();
    stage.order.abandoned = true;
    CU_ASSERT_EQUAL(dpl_unmount_stale(&stage.order, &stage.result, &stage.err), DPL_E_DEGRADED);
    CU_ASSERT(stage.result.aborted && stage.result.unmounted == 1);
    CU_ASSERT_PTR_NOT_NULL(strstr(stage.err.text, "the connection was aborted"));
    struct stat st;
    CU_ASSERT(stat(DIR, &st) == 0 && st.st_dev != stage.dev);
    stage_end(&stage);
}

static void what_a_dead_server_left_is_cleared(void)
{
    struct stage stage = stage_begin();
    safety_end(stage.server);
    CU_ASSERT_EQUAL(dpl_fusectl_server(stage.dev, NULL, NULL), DPL_SERVER_DEAD);
    struct stat st;
    CU_ASSERT(stat(DIR, &st) < 0 && errno == ENOTCONN); /* so it is really left behind */
    CU_ASSERT_EQUAL(dpl_unmount_stale(&stage.order, &stage.result, &stage.err), DPL_OK);
    CU_ASSERT_EQUAL(stage.result.unmounted, 1);
    stage_end(&stage);
}

static void busy_leftover_is_detached_and_nobody_is_hurt(void)
{
    struct stage stage = stage_begin();
    char dir[] = DIR;
    pid_t stander = safety_child(stand_in, dir);
    safety_end(stage.server);
    CU_ASSERT_EQUAL(dpl_unmount_stale(&stage.order, &stage.result, &stage.err), DPL_E_DEGRADED);
    CU_ASSERT(stage.result.detached);
    CU_ASSERT_EQUAL(stage.result.users, 1);
    CU_ASSERT_EQUAL(kill(stander, 0), 0);
    safety_end(stander);
    stage_end(&stage);
}

static bool look_at_it(void *path)
{
    pid_t pid = fork();
    if (pid == 0) {
        struct stat st;
        _exit(stat(path, &st) < 0);
    }
    return pid > 0;
}

static void waiting_requests_are_counted(void)
{
    struct stage stage = stage_begin();
    dpl_autofd int ctl = dpl_fusectl_open(&stage.err);
    CU_ASSERT_FATAL(ctl >= 0);
    uint64_t waiting = 0;
    kill(stage.server, SIGSTOP);
    char file[] = FILE;
    pid_t parent = safety_child(look_at_it, file);
    while (waiting == 0) /* the watchdog ends a test in which it never comes */
        CU_ASSERT_FATAL(dpl_fusectl_waiting(ctl, stage.dev, &waiting, &stage.err) == DPL_OK);
    kill(stage.server, SIGCONT);
    while (waiting != 0)
        CU_ASSERT_FATAL(dpl_fusectl_waiting(ctl, stage.dev, &waiting, &stage.err) == DPL_OK);
    CU_ASSERT_EQUAL(dpl_fusectl_waiting(ctl, makedev(0, 0xffff0), &waiting, NULL), DPL_E_NOT_FOUND);
    safety_end(parent);
    CU_ASSERT_EQUAL(stage_stop(&stage), DPL_OK);
    stage_end(&stage);
}

/* The user cannot end: the kernel waits for the server to take its page. */
static void hung_server_with_unwritten_data_ends_by_abort(void)
{
    struct stage stage = stage_begin();
    char file[] = FILE;
    pid_t mapper = safety_child(map_and_store, file);
    kill(stage.server, SIGSTOP);
    stage.order.term_ms = stage.order.kill_ms = 200;
    stage.order.server_ms = stage.order.abort_ms = 200;
    stage.order.unmount_ms = 3000; /* also for the unmounting child to end after the abort */
    int rc = stage_stop(&stage);
    /* Stopped, it cannot end even now. */
    CU_ASSERT_EQUAL(rc, DPL_E_TIMEOUT);
    CU_ASSERT(stage.result.aborted && !stage.result.keeper_gone);
    CU_ASSERT_EQUAL(stage.result.stuck, 0);
    CU_ASSERT_PTR_NOT_NULL(strstr(stage.err.text, "keeper"));
    int status = 0; /* the abort let it go */
    CU_ASSERT(waitpid(mapper, &status, 0) == mapper && WIFSIGNALED(status));
    kill(stage.server, SIGCONT);
    CU_ASSERT(waitpid(stage.server, &status, 0) == stage.server && WIFEXITED(status));
    CU_ASSERT_EQUAL(dev_of(DIR), 0);
}

static bool is_second(void *self, pid_t pid)
{
    return *(pid_t *)self == pid;
}

static void our_own_processes_are_no_users(void)
{
    struct stage stage = stage_begin();
    char dir[] = DIR;
    pid_t stander = safety_child(stand_in, dir);
    g_autofree struct dpl_mount_user *users = NULL;
    CU_ASSERT_EQUAL(dpl_mount_users_find(stage.dev, is_second, &stander, &users, NULL), 0);
    CU_ASSERT_EQUAL(stage_stop(&stage), DPL_OK);
    safety_end(stander);
    stage_end(&stage);
}

/* Reads a page that is not there yet, once told to. */
static bool map_and_wait_for_a_page(void *self)
{
    int *go = self;
    int fd = open(FILE, O_RDWR | O_CLOEXEC);
    volatile char *p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (fd < 0 || p == MAP_FAILED)
        return false;
    pid_t reader = fork();
    if (reader == 0) {
        char word;
        _exit(read(*go, &word, 1) != 1 || *p != 0);
    }
    munmap((void *)(uintptr_t)p, 4096);
    return reader > 0;
}

static void users_that_wait_for_the_server_are_found(void)
{
    struct stage stage = stage_begin();
    int ends[2];
    CU_ASSERT_FATAL(pipe2(ends, O_CLOEXEC) == 0);
    pid_t parent = safety_child(map_and_wait_for_a_page, &ends[0]);
    dpl_autofd int ctl = dpl_fusectl_open(&stage.err);
    uint64_t waiting = 0;
    while (dpl_fusectl_waiting(ctl, stage.dev, &waiting, NULL) == DPL_OK && waiting != 0)
        ;
    kill(stage.server, SIGSTOP);
    CU_ASSERT(write(ends[1], "g", 1) == 1);
    while (dpl_fusectl_waiting(ctl, stage.dev, &waiting, NULL) == DPL_OK && waiting == 0)
        ;
    g_autofree struct dpl_mount_user *users = NULL;
    CU_ASSERT_EQUAL(dpl_mount_users_find(stage.dev, NULL, NULL, &users, NULL), 1);
    CU_ASSERT(users && users[0].how == DPL_USE_MAP);
    kill(stage.server, SIGCONT);
    CU_ASSERT_EQUAL(stage_stop(&stage), DPL_OK);
    safety_end(parent);
    close(ends[0]);
    close(ends[1]);
    stage_end(&stage);
}

/* Unmounting goes by path: what lies over ours is somebody else's. */
static void what_others_mounted_over_it_is_left_alone(void)
{
    struct stage stage = stage_begin();
    stage.order.unmount_ms = 100;
    CU_ASSERT_FATAL(mount("tmpfs", DIR, "tmpfs", 0, NULL) == 0);
    CU_ASSERT_EQUAL(stage_stop(&stage), DPL_E_BUSY);
    CU_ASSERT_EQUAL(stage.result.unmounted, 0);
    CU_ASSERT_FALSE(stage.result.aborted);
    CU_ASSERT_EQUAL(umount2(DIR, 0), 0); /* the other one is still there */
    CU_ASSERT_EQUAL(dev_of(DIR), stage.dev);
    CU_ASSERT_EQUAL(stage_stop(&stage), DPL_OK);
    stage_end(&stage);
}

static const struct unit_test tests[] = {
    {"users are found by descriptor, directory and map", users_are_found},
    {"users are found while the server hangs", users_are_found_while_the_server_hangs},
    {"a clean stop asks users to end, unmounts, waits for the server", clean_stop_asks_first},
    {"who does not listen is killed", who_does_not_listen_is_killed},
    {"the bounds are those of the caller's clock", time_is_the_callers},
    {"the caller is spared, and the mount goes all the same",
     caller_is_spared_and_the_mount_goes_all_the_same},
    {"copies in other namespaces go too", copies_in_other_namespaces_go_too},
    {"unmounting that is passed on is no fault", unmounting_that_is_passed_on_is_no_fault},
    {"a served mount is not stale", served_mount_is_not_stale},
    {"an abandoned mount goes, whoever holds it", an_abandoned_mount_goes_whoever_holds_it},
    {"what a dead server left is cleared", what_a_dead_server_left_is_cleared},
    {"a busy leftover is detached, and nobody is hurt",
     busy_leftover_is_detached_and_nobody_is_hurt},
    {"waiting requests are counted", waiting_requests_are_counted},
    {"a hung server with unwritten data ends by abort",
     hung_server_with_unwritten_data_ends_by_abort},
    {"our own processes are no users", our_own_processes_are_no_users},
    {"users that wait for the server are found", users_that_wait_for_the_server_are_found},
    {"what others mounted over it is left alone", what_others_mounted_over_it_is_left_alone},
};

int main(void)
{
    return safety_main(__FILE__, tests, sizeof tests / sizeof tests[0]);
}
