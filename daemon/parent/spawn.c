/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/parent/spawn.h"

#include "lib/base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* The numbers above those that a child may get. */
#define ABOVE 100

static int place_fds(const struct dpl_spawn *spawn, int *news)
{
    int moved[DPL_SPAWN_FDS_MAX];
    *news = fcntl(*news, F_DUPFD_CLOEXEC, ABOVE);
    if (*news < 0)
        return errno;
    for (size_t i = 0; i < spawn->fd_count; i++) {
        moved[i] = spawn->fds[i] < 0 ? -1 : fcntl(spawn->fds[i], F_DUPFD_CLOEXEC, ABOVE);
        if (moved[i] < 0 && spawn->fds[i] >= 0)
            return errno;
    }
    for (size_t i = 0; i < spawn->fd_count; i++) {
        if (moved[i] < 0)
            close((int)i);
        else if (dup2(moved[i], (int)i) < 0)
            return errno;
    }
    close_range((unsigned)spawn->fd_count, (unsigned)*news - 1, 0);
    close_range((unsigned)*news + 1, ~0U, 0);
    return 0;
}

/* In the child; only what is safe between fork and exec. Answers by the pipe why it failed. */
static void child(const struct dpl_spawn *spawn, pid_t parent, int news)
{
    sigset_t nothing;
    sigemptyset(&nothing);
    for (int s = 1; s < NSIG; s++)
        signal(s, SIG_DFL);
    sigprocmask(SIG_SETMASK, &nothing, NULL);
    if (spawn->session)
        setsid();
    else
        prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (!spawn->session && getppid() != parent)
        _exit(127);
    int why = place_fds(spawn, &news);
    if (why == 0) {
        execve(spawn->path, spawn->argv, spawn->env);
        why = errno;
    }
    if (write(news, &why, sizeof why) < 0)
        _exit(126);
    _exit(127);
}

/* What the child says before its exec closes the pipe: nothing, or an errno. */
static int failure_of(int news)
{
    int why = 0;
    ssize_t n = dpl_fd_read_full(news, &why, sizeof why, NULL);
    return n == (ssize_t)sizeof why ? why : 0;
}

pid_t dpl_spawn(const struct dpl_spawn *spawn, int *pidfd_r, struct dpl_err *err)
{
    int ends[2];
    pid_t parent = getpid();
    g_assert(spawn->fd_count <= DPL_SPAWN_FDS_MAX);
    if (pipe2(ends, O_CLOEXEC) < 0)
        return dpl_err_sys(err, errno, "start \"%s\"", spawn->path);
    dpl_autofd int mine = ends[0], theirs = ends[1];
    pid_t pid = fork();
    if (pid < 0)
        return dpl_err_sys(err, errno, "start \"%s\"", spawn->path);
    if (pid == 0)
        child(spawn, parent, theirs);
    dpl_fd_clear(&theirs);
    int why = failure_of(mine);
    dpl_autofd int pidfd = why ? -1 : (int)syscall(SYS_pidfd_open, pid, 0);
    if (pidfd < 0) {
        why = why ? why : errno;
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        return dpl_err_sys(err, why, "start \"%s\"", spawn->path);
    }
    *pidfd_r = dpl_fd_steal(&pidfd);
    return pid;
}
