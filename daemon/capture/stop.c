/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Ending a capture from outside, see stop.h.
 */
#include "daemon/capture/stop.h"

#include "daemon/capture/mount.h"
#include "daemon/capture/mountinfo.h"
#include "daemon/capture/unmount.h"
#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/capstat/capstat.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* How long a capture that is just starting, or just ending, is given between two looks. */
#define LOOK_MS       20
#define AFTER_KILL_MS 5000

struct stop {
    const struct options *options;
    int64_t deadline_ns;
    bool progress; /* somebody watches */
    bool degraded;
    struct dpl_capstat *capstat;
    char source[DPL_CAPSTAT_SET + 8]; /* what our mounts are mounted from */
    struct dpl_proc_id keeper;
    bool abandoned; /* its processes have ended, and somebody holds a connection all the same */
};

__attribute__((format(printf, 2, 3))) static void tell(const struct stop *stop, const char *format,
                                                       ...)
{
    va_list args;

    if (!stop->progress)
        return;
    va_start(args, format);
    fprintf(stderr, "set %s: ", stop->options->set);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
}

static int64_t left_ms(const struct stop *stop)
{
    return dpl_clock_left_ms(&dpl_clock_system, stop->deadline_ns);
}

static int running(const struct stop *stop, struct dpl_err *err)
{
    return dpl_capstat_running(stop->options->run_dir, stop->options->set, err);
}

/* Whether the page is that of the capture that is being stopped. It takes its page away when all is
 * unmounted; then another one may stand there, which somebody has started at once. */
static bool page_is_ours(const struct stop *stop)
{
    const struct dpl_capstat_what *what = dpl_capstat_what(stop->capstat);
    struct dpl_capstat *now = NULL;
    bool ours;

    if (dpl_capstat_open(&now, stop->options->run_dir, stop->options->set, NULL) != 0)
        return false;
    ours = dpl_capstat_what(now)->start_wall_ns == what->start_wall_ns;
    dpl_capstat_close(now);
    return ours;
}

static bool is_keeper_or_worker(void *self, pid_t pid)
{
    const struct stop *stop = self;

    return pid == stop->keeper.pid ||
           (stop->keeper.pid != 0 && dpl_proc_parent(pid) == stop->keeper.pid);
}

static bool lists_it(pid_t pid, dev_t dev, const char *source)
{
    dpl_automounts struct dpl_mounts *mounts = NULL;

    if (dpl_mountinfo_read(pid, &mounts, NULL) != 0)
        return false;
    for (size_t i = 0; i < mounts->count; i++)
        if (mounts->items[i].dev == dev && dpl_mount_is_ours(&mounts->items[i]) &&
            strcmp(mounts->items[i].source, source) == 0)
            return true;
    return false;
}

/* Whether this mount of ours is anywhere. The number alone does not say it: once it is unmounted
 * the kernel gives the number to another file system. */
static bool is_mounted(const struct stop *stop, dev_t dev)
{
    g_autofree pid_t *pids = NULL;
    int count;

    if (lists_it(0, dev, stop->source))
        return true;
    count = dpl_proc_list(&pids, NULL);
    for (int i = 0; i < count; i++)
        if (lists_it(pids[i], dev, stop->source))
            return true;
    return false;
}

/* A share of this time goes to each step. */
static struct dpl_unmount order_for(struct stop *stop, const struct dpl_capstat_root *root,
                                    int64_t ms)
{
    return (struct dpl_unmount){
        .clock = &dpl_clock_system,
        .dev = root->connection,
        .term_ms = ms * 4 / 10,
        .kill_ms = ms / 10,
        .unmount_ms = ms * 2 / 10,
        .abort_ms = ms / 10,
        .server_ms = ms * 2 / 10,
        .is_ours = is_keeper_or_worker,
        .ours = stop,
        .abandoned = stop->abandoned,
    };
}

static int stop_root(struct stop *stop, const struct dpl_capstat_root *root, bool served,
                     int64_t ms, struct dpl_err *err)
{
    struct dpl_unmount order = order_for(stop, root, ms);
    struct dpl_unmount_result result = {0};
    int code;

    if (!is_mounted(stop, root->connection))
        return 0;
    tell(stop, "'%s': ending its users, unmounting", root->path);
    code = served ? dpl_unmount_run(&order, &result, err) : dpl_unmount_stale(&order, &result, err);
    tell(stop, "'%s': %d users ended, %d of them killed, %d mounts gone", root->path, result.users,
         result.killed, result.unmounted);
    if (code == DPL_E_NOT_FOUND)
        return 0;
    if (code == DPL_E_DEGRADED) {
        fprintf(stderr, "doppel-capture: set '%s': '%s': %s\n", stop->options->set, root->path,
                result.text);
        stop->degraded = true;
        return 0;
    }
    return code != 0 ? dpl_err_context(err, "'%s'", root->path) : 0;
}

static int stop_roots(struct stop *stop, bool served, int64_t ms, struct dpl_err *err)
{
    const struct dpl_capstat_what *what = dpl_capstat_what(stop->capstat);
    int code = 0;

    for (uint32_t i = 0; code == 0 && i < what->root_count; i++)
        code = stop_root(stop, &what->roots[i], served, ms, err);
    return code;
}

static const char *mounted_root(const struct stop *stop)
{
    const struct dpl_capstat_what *what = dpl_capstat_what(stop->capstat);

    for (uint32_t i = 0; i < what->root_count; i++)
        if (is_mounted(stop, what->roots[i].connection))
            return what->roots[i].path;
    return NULL;
}

/* Waits until no process of the capture is left. */
static bool wait_gone(struct stop *stop, int64_t deadline_ns)
{
    while (running(stop, NULL) == 1 && (page_is_ours(stop) || dpl_proc_id_alive(&stop->keeper))) {
        if (dpl_clock_now_ns(&dpl_clock_system) >= deadline_ns)
            return false;
        poll(NULL, 0, LOOK_MS);
    }
    return true;
}

/* By a descriptor that stands before the process is looked at, so that its number is its own. */
static void kill_surely(const struct dpl_proc_id *id)
{
    dpl_autofd int fd = (int)syscall(SYS_pidfd_open, id->pid, 0);

    if (fd >= 0 && dpl_proc_id_alive(id))
        syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0);
}

static int wait_processes(struct stop *stop, struct dpl_err *err)
{
    struct dpl_proc_id worker = {0};
    struct dpl_capstat_now now;

    tell(stop, "waiting for keeper and worker");
    if (wait_gone(stop, stop->deadline_ns))
        return 0;
    dpl_capstat_read(stop->capstat, &now);
    dpl_proc_id_of((pid_t)now.worker, &worker, NULL);
    if (worker.pid != 0 && dpl_proc_parent(worker.pid) != stop->keeper.pid)
        worker.pid = 0;
    fprintf(stderr, "doppel-capture: set '%s': keeper %d and worker %d did not end: killed\n",
            stop->options->set, (int)stop->keeper.pid, (int)worker.pid);
    stop->degraded = true;
    kill_surely(&stop->keeper);
    if (worker.pid != 0)
        kill_surely(&worker);
    if (wait_gone(stop, dpl_clock_now_ns(&dpl_clock_system) + AFTER_KILL_MS * INT64_C(1000000)))
        return 0;
    return dpl_err_set(err, DPL_E_TIMEOUT,
                       "a process of the capture has not ended, not even killed");
}

/* Takes the page of a capture that died. Who starts in this moment has the lock. */
static void remove_page(const struct stop *stop)
{
    g_autofree char *path = g_build_filename(stop->options->run_dir, stop->options->set, NULL);
    dpl_autofd int dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    dpl_autofd int lock_fd = dir_fd < 0 ? -1 : dpl_capstat_lock(dir_fd, NULL);

    if (lock_fd >= 0)
        unlinkat(dir_fd, DPL_CAPSTAT_NAME, 0);
}

/* Mounts whose capture has ended. What was killed may hold the connection for a moment yet, and a
 * namespace that was being made may have a copy of a mount that was not found. Nobody of the
 * capture is left to serve: who holds the connection longer does not keep it. */
static int stop_dead_roots(struct stop *stop, struct dpl_err *err)
{
    int64_t deadline_ns = dpl_clock_now_ns(&dpl_clock_system) + AFTER_KILL_MS * INT64_C(1000000);

    for (;;) {
        int code = stop_roots(stop, false, AFTER_KILL_MS, err);
        bool late = dpl_clock_now_ns(&dpl_clock_system) >= deadline_ns;

        if (code == 0 && !mounted_root(stop))
            return 0;
        if ((code != 0 && code != DPL_E_REFUSED) || (late && stop->abandoned))
            return code;
        stop->abandoned = late && running(stop, NULL) == 0;
        if (late && !stop->abandoned)
            return code;
        poll(NULL, 0, LOOK_MS);
    }
}

static int stop_all(struct stop *stop, struct dpl_err *err)
{
    const char *mounted = NULL;
    uint64_t ticks = 0;
    int served = running(stop, err);
    int code;

    if (served < 0)
        return served;
    stop->keeper.pid = (pid_t)dpl_capstat_keeper(stop->capstat, &ticks);
    stop->keeper.start_ticks = ticks;
    /* A namespace that is made meanwhile may have a copy of a mount, and was not among those found.
     */
    do
        code = stop_roots(stop, served == 1, left_ms(stop), err);
    while (code == 0 && page_is_ours(stop) && mounted_root(stop) && left_ms(stop) > 0);
    if (code == 0 && served == 1)
        code = wait_processes(stop, err);
    if (code == 0 && !page_is_ours(stop))
        return 0;
    if (code == 0 && mounted_root(stop))
        code = stop_dead_roots(stop, err);
    if (code == 0 && (mounted = mounted_root(stop)) != NULL)
        code = dpl_err_set(err, DPL_E_TIMEOUT, "'%s' is still mounted", mounted);
    if (code == 0)
        remove_page(stop);
    return code;
}

/* A capture that is just starting has its lock before its page. */
static int open_page(struct stop *stop, struct dpl_err *err)
{
    for (;;) {
        int code =
            dpl_capstat_open(&stop->capstat, stop->options->run_dir, stop->options->set, err);
        int alive = running(stop, code == 0 ? NULL : err);

        if (code != DPL_E_NOT_RUNNING)
            return code;
        if (alive <= 0)
            return alive;
        if (left_ms(stop) == 0)
            return dpl_err_set(err, DPL_E_TIMEOUT, "it is starting, and does not get done");
        poll(NULL, 0, LOOK_MS);
    }
}

int stop_run(const struct options *options)
{
    struct stop stop = {.options = options,
                        .deadline_ns = dpl_clock_now_ns(&dpl_clock_system) +
                                       (int64_t)options->timeout_s * 1000000000,
                        .progress = isatty(STDERR_FILENO) == 1};
    struct dpl_err err = {0};
    int code;

    snprintf(stop.source, sizeof(stop.source), "doppel:%s", options->set);
    code = open_page(&stop, &err);
    if (code == 0 && stop.capstat == NULL)
        tell(&stop, "not running");
    if (code == 0 && stop.capstat != NULL)
        code = stop_all(&stop, &err);
    dpl_capstat_close(stop.capstat);
    if (code != 0) {
        fprintf(stderr, "doppel-capture: set '%s': %s\n", options->set, err.text);
        return dpl_err_cli_exit(code);
    }
    tell(&stop, "ended");
    return stop.degraded ? dpl_err_cli_exit(DPL_E_DEGRADED) : 0;
}

int stop_clear_stale(const struct options *options)
{
    int worst = 0;

    for (uint32_t i = 0; i < options->root_count; i++) {
        struct dpl_err err = {0};
        int code = mount_clear_stale(options->roots[i], &err);

        if (code < 0) {
            fprintf(stderr, "doppel-capture: %s\n", err.text);
            worst = dpl_err_cli_exit(code);
        } else {
            printf("%s: %s\n", options->roots[i],
                   code > 0 ? "a dead mount was taken away" : "no dead mount");
        }
    }
    return worst;
}
