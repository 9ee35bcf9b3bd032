/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/net/repeat.h"

#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/net/ifaddr.h"
#include "lib/net/neighbour.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { END_WAIT_MS = 1000 };

struct watch {
    const struct dpl_net_repeat *repeat;
    bool gone;
};

/* When the process started, in ticks since boot (field 22 of its stat), or 0 if it is not there. */
static uint64_t start_time(pid_t pid)
{
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    dpl_autofd int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? -1 : dpl_fd_read_full(fd, text, sizeof text - 1, NULL);
    if (size <= 0)
        return 0;
    text[size] = '\0';
    char *p = strrchr(text, ')'); /* the name before it may hold anything */
    for (int field = 2; p && field < 22; field++)
        p = strchr(p + 1, ' ');
    return p ? strtoull(p + 1, NULL, 10) : 0;
}

static int write_pid(const char *path, struct dpl_err *err)
{
    char text[64];
    int n = snprintf(text, sizeof text, "%d %" PRIu64 "\n", (int)getpid(), start_time(getpid()));
    dpl_autofd int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0)
        return dpl_err_sys(err, errno, "cannot write \"%s\"", path);
    return dpl_fd_write_all(fd, text, (size_t)n, err);
}

/* The process of the path, if it is still the one that wrote it; else 0. */
static pid_t read_pid(const char *path)
{
    char text[64];
    int pid;
    uint64_t started;
    dpl_autofd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    ssize_t size = fd < 0 ? -1 : dpl_fd_read_full(fd, text, sizeof text - 1, NULL);
    if (size <= 0)
        return 0;
    text[size] = '\0';
    if (sscanf(text, "%d %" SCNu64, &pid, &started) != 2 || pid <= 1 || started == 0 ||
        start_time(pid) != started)
        return 0;
    return pid;
}

int dpl_net_repeat_end(const char *pid_path, struct dpl_err *err)
{
    pid_t pid = read_pid(pid_path);
    dpl_autofd int fd = pid ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
    /* Asked again with the descriptor in hand: now the number cannot be another's. */
    if (fd >= 0 && read_pid(pid_path) == pid) {
        struct pollfd wait = {.fd = fd, .events = POLLIN};
        if (syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0) < 0 && errno != ESRCH)
            return dpl_err_sys(err, errno, "cannot end the announcing process %d", (int)pid);
        int64_t deadline = dpl_clock_now_ns(&dpl_clock_system) + END_WAIT_MS * INT64_C(1000000);
        int ended = 0;
        while (ended == 0 || (ended < 0 && errno == EINTR)) {
            int left_ms = dpl_clock_left_ms(&dpl_clock_system, deadline);
            ended = poll(&wait, 1, left_ms);
            if (ended == 0 && left_ms == 0)
                return dpl_err_set(err, DPL_E_TIMEOUT, "the announcing process %d does not end",
                                   (int)pid);
        }
    }
    if (unlink(pid_path) < 0 && errno != ENOENT)
        return dpl_err_sys(err, errno, "cannot remove \"%s\"", pid_path);
    return DPL_OK;
}

static int watch_each(const struct nlmsghdr *message, void *data, struct dpl_err *err)
{
    struct watch *watch = data;
    struct dpl_net_ifaddr one;
    if (message->nlmsg_type == RTM_DELADDR && dpl_net_ifaddr_decode(message, &one, err) == DPL_OK &&
        one.index == watch->repeat->link.index &&
        dpl_net_addr_equal(&one.addr, &watch->repeat->addr))
        watch->gone = true;
    return DPL_OK;
}

/* Whether the address is on the interface now. */
static bool is_there(struct dpl_net_nl *nl, const struct dpl_net_repeat *repeat)
{
    struct dpl_net_ifaddrs list;
    bool found = false;
    if (dpl_net_ifaddrs_list(nl, repeat->addr.family, &list, NULL) == DPL_OK)
        for (size_t i = 0; i < list.count; i++)
            found = found || (list.items[i].index == repeat->link.index &&
                              dpl_net_addr_equal(&list.items[i].addr, &repeat->addr));
    dpl_net_ifaddrs_done(&list);
    return found;
}

/* Waits until the time, or until the address is gone: false then. */
static bool wait_until(struct dpl_net_nl *events, const struct dpl_net_repeat *repeat,
                       int64_t deadline_ns)
{
    struct watch watch = {.repeat = repeat};
    for (;;) {
        if (dpl_net_nl_events(events, watch_each, &watch, NULL) < 0 || watch.gone)
            return false; /* after lost events, silence is the safe side */
        int left_ms = dpl_clock_left_ms(&dpl_clock_system, deadline_ns);
        if (left_ms == 0)
            return true;
        struct pollfd wait = {.fd = dpl_net_nl_fd(events), .events = POLLIN};
        (void)poll(&wait, 1, left_ms);
    }
}

static void announce_all(struct dpl_net_nl *events, struct dpl_net_neighbour *neighbour,
                         const struct dpl_net_repeat *repeat)
{
    int64_t next_ns = dpl_clock_now_ns(&dpl_clock_system);
    for (int i = 0; i < repeat->count; i++) {
        next_ns += repeat->interval_ms * INT64_C(1000000);
        if (!wait_until(events, repeat, next_ns))
            return;
        (void)dpl_net_neighbour_announce(neighbour, NULL); /* a link that flaps gets the next */
    }
}

/* Leaves nothing of the caller's open but keep_fd. Returns its new number, 3. */
static int detach(int keep_fd)
{
    setsid();
    (void)!chdir("/");
    prctl(PR_SET_NAME, "doppel-announce");
    signal(SIGALRM, SIG_DFL);
    signal(SIGPIPE, SIG_IGN);
    int null = open("/dev/null", O_RDWR);
    if (null >= 0)
        for (int fd = 0; fd < 3; fd++)
            dup2(null, fd);
    dup2(keep_fd, 3);
    syscall(SYS_close_range, 4u, ~0u, 0u);
    return 3;
}

/* The process. Tells on ready_fd what failed; a close without a word means that it runs. */
static void child(const struct dpl_net_repeat *repeat, int ready_fd)
{
    struct dpl_err err = {0};
    struct dpl_net_nl nl = {0}, events = {0};
    struct dpl_net_neighbour neighbour = {.fd = -1};
    int code = dpl_net_nl_open(
        &events, repeat->addr.family == AF_INET ? RTMGRP_IPV4_IFADDR : RTMGRP_IPV6_IFADDR, &err);
    if (code == DPL_OK)
        code = dpl_net_nl_open(&nl, 0, &err);
    if (code == DPL_OK)
        code = dpl_net_neighbour_open(&neighbour, &repeat->link, &repeat->addr, &err);
    if (code == DPL_OK)
        code = write_pid(repeat->pid_path, &err);
    if (code < 0)
        (void)dpl_fd_write_all(ready_fd, &err, sizeof err, NULL);
    close(ready_fd);
    if (code == DPL_OK && is_there(&nl, repeat))
        announce_all(&events, &neighbour, repeat);
    if (code == DPL_OK && read_pid(repeat->pid_path) == getpid())
        unlink(repeat->pid_path);
    _exit(0);
}

int dpl_net_repeat_start(const struct dpl_net_repeat *repeat, struct dpl_err *err)
{
    struct dpl_err told;
    int ends[2];
    int code = dpl_net_repeat_end(repeat->pid_path, err);
    if (code < 0)
        return code;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return dpl_err_sys(err, errno, "cannot make a pipe");
    dpl_autofd int in = ends[0], out = ends[1];
    pid_t pid = fork();
    if (pid < 0)
        return dpl_err_sys(err, errno, "cannot fork the announcing process");
    if (pid == 0) {
        int ready = detach(out);
        pid_t second = fork(); /* nobody's child, so nobody has to wait for it */
        if (second == 0)
            child(repeat, ready);
        if (second < 0) {
            dpl_err_sys(&told, errno, "cannot fork the announcing process");
            (void)dpl_fd_write_all(ready, &told, sizeof told, NULL);
        }
        _exit(0);
    }
    dpl_fd_clear(&out);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    ssize_t size = dpl_fd_read_full(in, &told, sizeof told, err);
    if (size == 0)
        return DPL_OK;
    if (size != sizeof told)
        return dpl_err_set(err, DPL_E_FAILED, "the announcing process did not start");
    if (err)
        *err = told;
    return told.code;
}
