/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/capture/unmount.h"

#include "daemon/capture/fusectl.h"
#include "daemon/capture/mountinfo.h"
#include "daemon/capture/mountuser.h"
#include "lib/base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* A mount that was just given up can be busy for a moment more: there is no event for that. */
#define RETRY_MS 20

static int64_t deadline_in(const struct dpl_clock *clock, int64_t ms)
{
    return dpl_clock_now_ns(clock) + ms * 1000000;
}

__attribute__((format(printf, 2, 3))) static void remark(struct dpl_unmount_result *result,
                                                         const char *format, ...)
{
    size_t n = strlen(result->text);
    if (n > 0 && n + 2 < sizeof result->text)
        n += (size_t)snprintf(result->text + n, sizeof result->text - n, "; ");
    va_list ap;
    va_start(ap, format);
    vsnprintf(result->text + n, sizeof result->text - n, format, ap);
    va_end(ap);
}

static int pidfd_open_of(pid_t pid)
{
    return (int)syscall(SYS_pidfd_open, pid, 0);
}

static int pidfd_signal(int fd, int signal)
{
    return (int)syscall(SYS_pidfd_send_signal, fd, signal, NULL, 0);
}

/* Waits for one process. True: it has ended. */
static bool wait_ended(int pidfd, const struct dpl_clock *clock, int64_t deadline_ns)
{
    for (;;) {
        struct pollfd p = {.fd = pidfd, .events = POLLIN};
        int left_ms = dpl_clock_left_ms(clock, deadline_ns);
        int n = poll(&p, 1, left_ms);
        if (n > 0)
            return true;
        if (n == 0 && left_ms == 0)
            return false;
        if (n < 0 && errno != EINTR)
            return false;
    }
}

/* --- users ------------------------------------------------------------------------------------ */

struct victim {
    pid_t pid;
    int pidfd;
};

/* The caller, those above it, and process 1: ending them would end the stop itself, or the host. */
static bool is_spared(pid_t pid)
{
    if (pid == 1)
        return true;
    for (pid_t up = getpid(); up > 0; up = dpl_proc_parent(up))
        if (up == pid)
            return true;
    return false;
}

/* Signals one user. Looks again once the pidfd stands: the number may be another process's by then.
 */
static bool victim_take(const struct dpl_unmount *order, pid_t pid, int signal, struct victim *v)
{
    dpl_autofd int pidfd = pidfd_open_of(pid);
    if (pidfd < 0 || !dpl_mount_user_look(pid, order->dev, NULL) || pidfd_signal(pidfd, signal) < 0)
        return false;
    *v = (struct victim){pid, dpl_fd_steal(&pidfd)};
    return true;
}

struct round {
    struct victim *victims;
    int count;
};

static int round_begin(const struct dpl_unmount *order, int signal, struct round *round,
                       struct dpl_unmount_result *result, struct dpl_err *err)
{
    *round = (struct round){0};
    g_autofree struct dpl_mount_user *users = NULL;
    int count = dpl_mount_users_find(order->dev, order->is_ours, order->ours, &users, err);
    if (count < 0)
        return count;
    round->victims = g_new(struct victim, (size_t)count);
    result->spared = 0;
    for (int i = 0; i < count; i++) {
        if (is_spared(users[i].pid)) {
            result->spared++;
            snprintf(result->spared_name, sizeof result->spared_name, "%d (%s)", (int)users[i].pid,
                     users[i].comm);
        } else if (victim_take(order, users[i].pid, signal, &round->victims[round->count])) {
            round->count++;
        }
    }
    return DPL_OK;
}

/* Waits for all of them. Returns how many are left, and closes what is held of them. */
static int round_end(const struct dpl_unmount *order, struct round *round, int64_t deadline_ns)
{
    int left = 0;
    for (int i = 0; i < round->count; i++) {
        left += !wait_ended(round->victims[i].pidfd, order->clock, deadline_ns);
        dpl_fd_clear(&round->victims[i].pidfd);
    }
    g_free(round->victims);
    return left;
}

/* Signals users until there are none, or time is up: one that ends may leave children behind. */
static int end_users(const struct dpl_unmount *order, int signal, int64_t bound_ms, int *count_r,
                     struct dpl_unmount_result *result, struct dpl_err *err)
{
    int64_t deadline_ns = deadline_in(order->clock, bound_ms);
    for (*count_r = 0;;) {
        struct round round;
        int rc = round_begin(order, signal, &round, result, err);
        if (rc < 0)
            return rc;
        *count_r += round.count;
        bool none = round.count == 0;
        result->surviving = round_end(order, &round, deadline_ns);
        if (none || result->surviving > 0 || dpl_clock_now_ns(order->clock) >= deadline_ns)
            return DPL_OK;
    }
}

/* --- unmounting ------------------------------------------------------------------------------- */

/* In a child of its own: enters the namespace and view of that process, unmounts. */
static void child_unmount(int ns_fd, int root_fd, const char *point, int flags)
{
    if (ns_fd >= 0 && (setns(ns_fd, CLONE_NEWNS) < 0 || fchdir(root_fd) < 0 || chroot(".") < 0))
        _exit(errno);
    _exit(umount2(point, UMOUNT_NOFOLLOW | flags) < 0 ? errno : 0);
}

static int open_of(pid_t pid, const char *what, int flags)
{
    char name[64];
    snprintf(name, sizeof name, "/proc/%d/%s", (int)pid, what);
    return open(name, flags | O_CLOEXEC);
}

/* Unmounts one. Returns 0, an errno, or ETIMEDOUT: the child is left behind, for the kernel waits
 * in it for the file system; it ends with the connection. */
static int unmount_one(const struct dpl_mount_place *place, const char *point, int flags,
                       const struct dpl_clock *clock, int64_t deadline_ns, pid_t *stuck_r)
{
    dpl_autofd int ns_fd = place->here ? -1 : open_of(place->pid, "ns/mnt", O_RDONLY);
    dpl_autofd int root_fd = place->here ? -1 : open_of(place->pid, "root", O_PATH | O_DIRECTORY);
    if (!place->here && (ns_fd < 0 || root_fd < 0))
        return errno;
    pid_t child = fork();
    if (child < 0)
        return errno;
    if (child == 0)
        child_unmount(ns_fd, root_fd, point, flags);
    dpl_autofd int pidfd = pidfd_open_of(child);
    if (pidfd < 0 || !wait_ended(pidfd, clock, deadline_ns)) {
        *stuck_r = child;
        return ETIMEDOUT;
    }
    int status = 0;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return errno;
    return WIFEXITED(status) ? WEXITSTATUS(status) : EIO;
}

/* Unmounts all that is there now. Returns how many mounts are left, or a negative code. */
static int unmount_all(const struct dpl_unmount *order, int flags, int64_t deadline_ns,
                       struct dpl_unmount_result *result, int *error_r, struct dpl_err *err)
{
    struct dpl_mount_places places;
    int rc = dpl_mount_places_find(order->dev, &places, err);
    int left = 0;
    for (size_t i = 0; rc == DPL_OK && i < places.count; i++) {
        if (places.items[i].hidden > 0) { /* by path we would reach the other one */
            *error_r = EBUSY;
            left += (int)places.items[i].hidden;
        }
        for (size_t k = 0; k < places.items[i].count; k++) {
            int error = unmount_one(&places.items[i], places.items[i].points[k], flags,
                                    order->clock, deadline_ns, &result->stuck);
            result->unmounted += error == 0;
            /* Passed on from the namespace before, or gone with its last process. */
            if (error != 0 && error != EINVAL && error != ENOENT) {
                *error_r = error;
                left++;
            }
        }
    }
    dpl_mount_places_clear(&places);
    return rc < 0 ? rc : left;
}

/* Again and again, as long as it is merely busy. */
static int unmount_patiently(const struct dpl_unmount *order, struct dpl_unmount_result *result,
                             int *error_r, struct dpl_err *err)
{
    int64_t deadline_ns = deadline_in(order->clock, order->unmount_ms);
    for (;;) {
        int left = unmount_all(order, 0, deadline_ns, result, error_r, err);
        if (left <= 0 || *error_r != EBUSY || dpl_clock_now_ns(order->clock) >= deadline_ns)
            return left;
        poll(NULL, 0, RETRY_MS);
    }
}

static int abort_connection(const struct dpl_unmount *order, struct dpl_unmount_result *result,
                            struct dpl_err *err)
{
    dpl_autofd int ctl = dpl_fusectl_open(err);
    int rc = ctl < 0 ? ctl : dpl_fusectl_abort(ctl, order->dev, err);
    if (rc == DPL_E_NOT_FOUND) /* the connection has ended by itself */
        return DPL_OK;
    result->aborted = rc == DPL_OK;
    return rc;
}

/* Takes it from every namespace, whoever uses it. */
static int detach(const struct dpl_unmount *order, struct dpl_unmount_result *result,
                  struct dpl_err *err)
{
    int error = 0;
    int64_t deadline_ns = deadline_in(order->clock, order->unmount_ms);
    int before = result->unmounted;
    int left = unmount_all(order, MNT_DETACH, deadline_ns, result, &error, err);
    if (left < 0)
        return left;
    result->detached = result->unmounted > before;
    if (left > 0)
        return dpl_err_sys(err, error, "detach: %d mounts are left", left);
    return DPL_OK;
}

/* --- the whole -------------------------------------------------------------------------------- */

/* The child that waited for the server has no more to wait for. */
static void reap_stuck(const struct dpl_unmount *order, struct dpl_unmount_result *result)
{
    if (result->stuck == 0)
        return;
    dpl_autofd int pidfd = pidfd_open_of(result->stuck);
    if (pidfd >= 0 &&
        wait_ended(pidfd, order->clock, deadline_in(order->clock, order->unmount_ms)) &&
        waitpid(result->stuck, NULL, WNOHANG) == result->stuck)
        result->stuck = 0;
}

static int unmount_or_detach(const struct dpl_unmount *order, struct dpl_unmount_result *result,
                             struct dpl_err *err)
{
    int error = 0;
    int left = unmount_patiently(order, result, &error, err);
    if (left <= 0)
        return left;
    remark(result, "unmounting failed (%s)", strerror(error));
    if (error == ETIMEDOUT) { /* the kernel waits for the server: only an abort ends that */
        int rc = abort_connection(order, result, err);
        if (rc < 0)
            return rc;
        remark(result, "the connection was aborted");
        reap_stuck(order, result);
    }
    int rc = detach(order, result, err);
    if (rc == DPL_OK)
        remark(result, "the mount was detached");
    return rc;
}

static int wait_keeper(const struct dpl_unmount *order, struct dpl_unmount_result *result,
                       struct dpl_err *err)
{
    result->keeper_gone = true;
    if (order->keeper.pid == 0)
        return DPL_OK;
    dpl_autofd int pidfd = pidfd_open_of(order->keeper.pid);
    /* After the pidfd stands, the start time says whether it is the keeper's. */
    if (pidfd < 0 || !dpl_proc_id_alive(&order->keeper))
        return DPL_OK;
    if (wait_ended(pidfd, order->clock, deadline_in(order->clock, order->server_ms)))
        return DPL_OK;
    int rc = abort_connection(order, result, err);
    if (rc < 0)
        return rc;
    if (result->aborted)
        remark(result, "the connection was aborted: the keeper had not ended");
    result->keeper_gone =
        wait_ended(pidfd, order->clock, deadline_in(order->clock, order->abort_ms));
    if (!result->keeper_gone)
        return dpl_err_set(err, DPL_E_TIMEOUT, "the keeper (process %d) has not ended",
                           (int)order->keeper.pid);
    return DPL_OK;
}

static int verdict(const struct dpl_unmount_result *result, struct dpl_err *err)
{
    if (result->text[0] == '\0')
        return DPL_OK;
    return dpl_err_set(err, DPL_E_DEGRADED, "%s", result->text);
}

int dpl_unmount_run(const struct dpl_unmount *order, struct dpl_unmount_result *result_r,
                    struct dpl_err *err)
{
    *result_r = (struct dpl_unmount_result){0};
    int rc = end_users(order, SIGTERM, order->term_ms, &result_r->users, result_r, err);
    if (rc == DPL_OK && result_r->surviving > 0) {
        rc = end_users(order, SIGKILL, order->kill_ms, &result_r->killed, result_r, err);
        if (rc == DPL_OK && result_r->surviving > 0)
            remark(result_r, "%d users did not end, not even killed", result_r->surviving);
    }
    if (result_r->spared > 0)
        remark(result_r, "process %s uses the mount and was spared", result_r->spared_name);
    if (rc == DPL_OK)
        rc = unmount_or_detach(order, result_r, err);
    if (rc == DPL_OK)
        rc = wait_keeper(order, result_r, err);
    return rc < 0 ? rc : verdict(result_r, err);
}

int dpl_unmount_stale(const struct dpl_unmount *order, struct dpl_unmount_result *result_r,
                      struct dpl_err *err)
{
    *result_r = (struct dpl_unmount_result){.keeper_gone = true};
    struct dpl_mount_places places;
    int rc = dpl_mount_places_find(order->dev, &places, err);
    bool nowhere = rc == DPL_OK && places.count == 0;
    dpl_mount_places_clear(&places);
    if (rc < 0)
        return rc;
    if (nowhere)
        return dpl_err_set(err, DPL_E_NOT_FOUND, "it is not mounted");
    int server = dpl_fusectl_server(order->dev, &order->keeper, err);
    if (server < 0)
        return server;
    if (server != DPL_SERVER_DEAD && order->abandoned) {
        rc = abort_connection(order, result_r, err);
        if (rc < 0)
            return rc;
        remark(result_r, "the connection was aborted: who did not serve it had it open");
    } else if (server != DPL_SERVER_DEAD) {
        return dpl_err_set(err, DPL_E_REFUSED, "%s",
                           server == DPL_SERVER_ALIVE ? "it is served"
                                                      : "whether it is served cannot be told");
    }
    int error = 0;
    int left =
        unmount_all(order, 0, deadline_in(order->clock, order->unmount_ms), result_r, &error, err);
    if (left <= 0)
        return left < 0 ? left : verdict(result_r, err);
    g_autofree struct dpl_mount_user *users = NULL;
    int count = dpl_mount_users_find(order->dev, NULL, NULL, &users, NULL);
    result_r->users = count > 0 ? count : 0;
    rc = detach(order, result_r, err);
    if (rc < 0)
        return rc;
    remark(result_r, "the mount was detached: %d processes still have files of it",
           result_r->users);
    return verdict(result_r, err);
}
