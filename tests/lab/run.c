/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lab/run.h"

#include "lib/base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

void lab_signals_default(void)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
}

void lab_exec(const char *const argv[])
{
    /* execvp changes nothing of them; its prototype is older than const. */
    union {
        const char *const *given;
        char *const *taken;
    } list = {argv};
    execvp(argv[0], list.taken);
}

static pid_t spawn_with_input(const char *const argv[], int input, struct dpl_err *err)
{
    pid_t pid = fork();
    if (pid < 0)
        return dpl_err_sys(err, errno, "fork");
    if (pid > 0)
        return pid;
    lab_signals_default();
    if (input < 0)
        input = open("/dev/null", O_RDONLY);
    dup2(input, 0);
    dup2(2, 1);
    lab_exec(argv);
    dprintf(2, "lab: %s: %s\n", argv[0], strerror(errno));
    _exit(127);
}

pid_t lab_spawn(const char *const argv[], struct dpl_err *err)
{
    return spawn_with_input(argv, -1, err);
}

int lab_spawn_wait(pid_t pid, const char *what, struct dpl_err *err)
{
    int status;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return dpl_err_sys(err, errno, "wait for %s", what);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return DPL_OK;
    if (WIFEXITED(status))
        return dpl_err_set(err, DPL_E_FAILED, "%s: exit %d", what, WEXITSTATUS(status));
    return dpl_err_set(err, DPL_E_FAILED, "%s: signal %d", what, WTERMSIG(status));
}

int lab_run(const char *const argv[], struct dpl_err *err)
{
    pid_t pid = lab_spawn(argv, err);
    return pid < 0 ? pid : lab_spawn_wait(pid, argv[0], err);
}

int lab_ip(const char *lines, struct dpl_err *err)
{
    static const char *const argv[] = {"ip", "-batch", "-", NULL};
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) < 0)
        return dpl_err_sys(err, errno, "pipe");
    pid_t pid = spawn_with_input(argv, fds[0], err);
    close(fds[0]);
    int rc = pid < 0 ? pid : dpl_fd_write_all(fds[1], lines, strlen(lines), err);
    close(fds[1]);
    if (pid > 0 && rc == DPL_OK)
        rc = lab_spawn_wait(pid, "ip", err);
    if (rc < 0)
        lab_log("failed: ip -batch <<<\n%s", lines);
    return rc;
}

pid_t lab_clone(uint64_t flags, int cgroup, int *pidfd_r)
{
    int pidfd = -1;
    struct clone_args args = {
        .flags = flags,
        .exit_signal = (uint64_t)SIGCHLD,
    };
    if (cgroup >= 0) {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = (unsigned)cgroup;
    }
    if (pidfd_r) {
        args.flags |= (uint64_t)CLONE_PIDFD;
        args.pidfd = (uint64_t)(uintptr_t)&pidfd;
    }
    pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
    if (pid > 0 && pidfd_r)
        *pidfd_r = pidfd;
    return pid;
}

int lab_pidfd_open(pid_t pid)
{
    return (int)syscall(SYS_pidfd_open, pid, 0);
}

int lab_pidfd_kill(int pidfd, int sig)
{
    return (int)syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0);
}

int lab_pidfd_wait(int pidfd, int timeout_ms, struct dpl_err *err)
{
    struct pollfd p = {.fd = pidfd, .events = POLLIN};
    int n;
    do
        n = poll(&p, 1, timeout_ms);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return dpl_err_sys(err, errno, "poll");
    return n > 0 ? DPL_OK : dpl_err_set(err, DPL_E_TIMEOUT, "a process did not end");
}

int lab_write_file(const char *path, const char *text, struct dpl_err *err)
{
    dpl_autofd int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0)
        return dpl_err_sys(err, errno, "open \"%s\"", path);
    int rc = dpl_fd_write_all(fd, text, strlen(text), err);
    return rc < 0 ? dpl_err_context(err, "\"%s\"", path) : rc;
}

int lab_take_failure(const char *text, struct dpl_err *err)
{
    char *why;
    long code = strtol(text, &why, 10);
    return dpl_err_set(err, code < 0 ? (int)code : DPL_E_FAILED, "%s", *why == ' ' ? why + 1 : why);
}

void lab_log(const char *format, ...)
{
    struct timespec now;
    struct tm tm;
    char text[1024], stamp[16];
    va_list ap;
    va_start(ap, format);
    vsnprintf(text, sizeof(text), format, ap);
    va_end(ap);
    clock_gettime(CLOCK_REALTIME, &now);
    localtime_r(&now.tv_sec, &tm);
    strftime(stamp, sizeof(stamp), "%H:%M:%S", &tm);
    dprintf(2, "%s.%03ld %s\n", stamp, now.tv_nsec / 1000000, text);
}
