/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lab/host.h"

#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "tests/lab/boot.h"
#include "tests/lab/disk.h"
#include "tests/lab/net.h"
#include "tests/lab/run.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    FREEZE_MS = 3000,
    QUIET_LOOKS = 4,
    QUIET_MS = 10,
    CUT_FREEZE_MS = 300,
    DEATH_MS = 15000,
    DISK_MS = 15000
};

bool lab_host_switch_on(const struct lab_host *host)
{
    return host->power != LAB_OFF && host->power != LAB_TURNING_OFF;
}

const char *lab_host_state(const struct lab_host *host)
{
    switch (host->power) {
    case LAB_OFF:
        return "off";
    case LAB_BOOTING:
        return "booting";
    case LAB_UP:
        return host->frozen ? "frozen" : "up";
    case LAB_DEAD:
        return "dead";
    case LAB_TURNING_OFF:
        return "turning-off";
    }
    return "?";
}

static int cgroup_write(int dir, const char *name, const char *text, struct dpl_err *err)
{
    dpl_autofd int fd = openat(dir, name, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return dpl_err_sys(err, errno, "open %s", name);
    return dpl_fd_write_all(fd, text, strlen(text), err);
}

static bool is_running(const char *tid)
{
    g_autofree char *path = g_strdup_printf("/proc/%s/stat", tid);
    g_autofree char *stat = NULL;
    if (!g_file_get_contents(path, &stat, NULL, NULL))
        return false;
    const char *end = strrchr(stat, ')');
    return end && strncmp(end, ") R", 3) == 0;
}

static bool anyone_runs(int dir)
{
    char text[32768];
    dpl_autofd int fd = openat(dir, "cgroup.threads", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : dpl_fd_read_full(fd, text, sizeof(text) - 1, NULL);
    text[n > 0 ? n : 0] = '\0';
    char *rest = NULL;
    for (char *tid = strtok_r(text, "\n", &rest); tid; tid = strtok_r(NULL, "\n", &rest))
        if (is_running(tid))
            return true;
    return false;
}

static bool says_frozen(int events)
{
    char text[256];
    ssize_t n = pread(events, text, sizeof(text) - 1, 0);
    text[n > 0 ? n : 0] = '\0';
    return strstr(text, "frozen 1") != NULL;
}

/* The kernel tells of a change of cgroup.events by POLLPRI. It does not count as frozen who waits
 * in it for a process that is frozen already, as for a FUSE server, and who will be before it runs
 * again: so it is enough that nobody was seen running several times. */
static int wait_frozen(int dir, int timeout_ms, struct dpl_err *err)
{
    const struct dpl_clock *clock = &dpl_clock_system;
    int64_t deadline = dpl_clock_now_ns(clock) + (int64_t)timeout_ms * 1000000;
    dpl_autofd int fd = openat(dir, "cgroup.events", O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return dpl_err_sys(err, errno, "open cgroup.events");
    for (int quiet = 0; quiet < QUIET_LOOKS; quiet = anyone_runs(dir) ? 0 : quiet + 1) {
        struct pollfd p = {.fd = fd, .events = POLLPRI};
        if (says_frozen(fd))
            return DPL_OK;
        if (dpl_clock_left_ms(clock, deadline) == 0)
            return dpl_err_set(err, DPL_E_TIMEOUT, "a process did not stop");
        poll(&p, 1, QUIET_MS);
    }
    return DPL_OK;
}

int lab_host_freeze(struct lab_host *host, bool on, struct dpl_err *err)
{
    if (host->power != LAB_UP)
        return dpl_err_set(err, DPL_E_REFUSED, "%s is %s", host->plan->name, lab_host_state(host));
    int rc = cgroup_write(host->cgroup, "cgroup.freeze", on ? "1" : "0", err);
    if (rc == DPL_OK && on)
        rc = wait_frozen(host->cgroup, FREEZE_MS, err);
    if (rc == DPL_OK)
        host->frozen = on;
    return rc;
}

static int host_child(struct lab *lab, struct lab_host *host, int go[2], int booted[2],
                      struct dpl_err *err)
{
    const uint64_t flags =
        CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWCGROUP;
    host->init = lab_clone(flags, host->cgroup, &host->pidfd);
    if (host->init < 0) {
        host->init = 0;
        return dpl_err_sys(err, errno, "make %s", host->plan->name);
    }
    if (host->init == 0) {
        close(go[1]);
        close(booted[0]);
        lab_boot(lab, host, go[0], booted[1]);
    }
    return DPL_OK;
}

int lab_host_on(struct lab *lab, struct lab_host *host, struct dpl_err *err)
{
    int go[2], booted[2];
    if (host->power != LAB_OFF)
        return dpl_err_set(err, DPL_E_REFUSED, "%s is %s", host->plan->name, lab_host_state(host));
    int rc = cgroup_write(host->cgroup, "cgroup.freeze", "0", err);
    if (rc < 0)
        return rc;
    if (pipe2(go, O_CLOEXEC) < 0 || pipe2(booted, O_CLOEXEC) < 0)
        return dpl_err_sys(err, errno, "pipe");
    rc = host_child(lab, host, go, booted, err);
    close(go[0]);
    close(booted[1]);
    if (rc == DPL_OK) {
        host->power = LAB_BOOTING;
        host->frozen = false;
        host->shutting_down = false;
        host->boot_pipe = booted[0];
        rc = lab_net_plug(lab, host, err);
    } else {
        close(booted[0]);
    }
    if (rc == DPL_OK && (host->cut_in || host->cut_out || host->unplugged))
        rc = lab_net_apply_lan(host, err);
    if (rc == DPL_OK)
        rc = dpl_fd_write_all(go[1], "g", 1, err);
    close(go[1]);
    lab_log("%s: power on%s%s", host->plan->name, rc < 0 ? ": " : "",
            rc < 0 && err ? err->text : "");
    return rc;
}

/* The work of the switch, in a process of its own with mounts of its own. */
static int cut_power(const struct lab *lab, const struct lab_host *host, bool alive,
                     struct dpl_err *err)
{
    bool dirty[LAB_DISKS_MAX] = {false};
    int rc = DPL_OK;
    if (unshare(CLONE_NEWNS) < 0)
        return dpl_err_sys(err, errno, "unshare");
    if (alive) {
        /* Stopped first, so that nothing happens between the loss of one disk and the next. */
        if (cgroup_write(host->cgroup, "cgroup.freeze", "1", NULL) == DPL_OK)
            wait_frozen(host->cgroup, CUT_FREEZE_MS, NULL);
        lab_net_unplug(host);
        for (int d = 0; d < lab->plan->disks && rc == DPL_OK; d++) {
            dirty[d] = lab_disk_in_use(host->disk[d]);
            rc = lab_disk_lose(lab, host->disk[d], err);
        }
        if (rc == DPL_OK)
            rc = lab_disk_lose(lab, host->own_disk, err);
        lab_pidfd_kill(host->pidfd, SIGKILL);
    } else {
        lab_net_unplug(host);
    }
    if (rc == DPL_OK)
        rc = lab_pidfd_wait(host->pidfd, DEATH_MS, err);
    for (int d = 0; d < lab->plan->disks && rc == DPL_OK; d++) {
        rc = lab_disk_wait_free(host->disk[d], DISK_MS, err);
        lab_disk_drop_cache(host, d);
        if (rc == DPL_OK && dirty[d])
            rc = lab_disk_clear_mmp(lab, host->disk[d], err);
    }
    return rc == DPL_OK ? lab_disk_wait_free(host->own_disk, DISK_MS, err) : rc;
}

int lab_host_off(struct lab *lab, struct lab_host *host, struct dpl_err *err)
{
    if (host->power == LAB_OFF || host->power == LAB_TURNING_OFF)
        return DPL_OK;
    bool alive = host->power != LAB_DEAD;
    host->job = fork();
    if (host->job < 0) {
        host->job = 0;
        return dpl_err_sys(err, errno, "fork");
    }
    if (host->job == 0) {
        struct dpl_err why = {0};
        int rc = cut_power(lab, host, alive, &why);
        if (rc < 0)
            lab_log("%s: power off: %s", host->plan->name, why.text);
        _exit(rc < 0);
    }
    lab_log("%s: power off begins", host->plan->name);
    host->power = LAB_TURNING_OFF;
    return DPL_OK;
}

int lab_host_button(struct lab_host *host, struct dpl_err *err)
{
    if (host->power != LAB_UP || host->frozen)
        return dpl_err_set(err, DPL_E_REFUSED, "%s is %s", host->plan->name, lab_host_state(host));
    lab_log("%s: power button", host->plan->name);
    host->shutting_down = true;
    return lab_pidfd_kill(host->pidfd, SIGTERM) < 0
               ? dpl_err_sys(err, errno, "signal the init of %s", host->plan->name)
               : DPL_OK;
}

int lab_host_crash(struct lab_host *host, struct dpl_err *err)
{
    if (host->power != LAB_UP && host->power != LAB_BOOTING)
        return dpl_err_set(err, DPL_E_REFUSED, "%s is %s", host->plan->name, lab_host_state(host));
    lab_log("%s: crash", host->plan->name);
    if (lab_pidfd_kill(host->pidfd, SIGKILL) < 0)
        return dpl_err_sys(err, errno, "kill the init of %s", host->plan->name);
    host->power = LAB_DEAD;
    return DPL_OK;
}

void lab_host_booted(struct lab_host *host)
{
    char text[512];
    ssize_t n = read(host->boot_pipe, text, sizeof(text) - 1);
    bool ok = n > 0 && text[0] == 'b';
    text[n > 0 ? n : 0] = '\0';
    if (!ok)
        lab_take_failure(n > 0 ? text : "-1 its init ended", &host->boot_err);
    close(host->boot_pipe);
    host->boot_pipe = -1;
    if (host->power != LAB_BOOTING)
        return;
    host->power = ok ? LAB_UP : LAB_DEAD;
    lab_log("%s: %s%s", host->plan->name,
            ok ? "booted" : "did not boot: ", ok ? "" : host->boot_err.text);
}

static void job_ended(struct lab *lab, struct lab_host *host, int status)
{
    host->job = 0;
    if (status != 0) {
        host->power = LAB_DEAD; /* the switch never says off without being sure */
        host->on_after_off = false;
        return;
    }
    host->power = LAB_OFF;
    host->frozen = false;
    close(host->pidfd);
    host->pidfd = -1;
    lab_log("%s: off", host->plan->name);
    if (!host->on_after_off)
        return;
    host->on_after_off = false;
    lab_host_on(lab, host, NULL);
}

bool lab_host_reaped(struct lab *lab, struct lab_host *host, pid_t pid, int status)
{
    if (pid == host->job) {
        job_ended(lab, host, status);
        return true;
    }
    if (pid != host->init)
        return false;
    host->init = 0;
    if (host->power == LAB_BOOTING || host->power == LAB_UP) {
        host->power = LAB_DEAD;
        lab_log("%s: its init ended (status %#x)", host->plan->name, (unsigned)status);
        /* reboot(2) in the host: its init ends so. */
        bool again = WIFSIGNALED(status) && WTERMSIG(status) == SIGHUP;
        host->on_after_off |= again;
        if (again || host->shutting_down)
            lab_host_off(lab, host, NULL);
    }
    return true;
}
