/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agents/program.h"

#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/config/hooks.h"

#include <errno.h>
#include <glib.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define HOOKS_DIR DPL_CONF_DIR "/" DPL_HOOKS_DIR

static _Noreturn void become(const char *const *argv, const char *const *env)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setpgid(0, 0);
    dup2(STDERR_FILENO, STDOUT_FILENO);
    if (env)
        execve(argv[0], (char *const *)(uintptr_t)argv, (char *const *)(uintptr_t)env);
    else
        execv(argv[0], (char *const *)(uintptr_t)argv);
    _exit(127);
}

static bool ended(int pidfd, int64_t deadline_ns)
{
    for (;;) {
        struct pollfd p = {.fd = pidfd, .events = POLLIN};
        int left_ms = dpl_clock_left_ms(&dpl_clock_system, deadline_ns);
        int n = poll(&p, 1, left_ms);
        if (n > 0 || (n < 0 && errno != EINTR))
            return n > 0;
        if (n == 0 && left_ms == 0)
            return false;
    }
}

int program_run(const char *const *argv, const char *const *env, int64_t most_ms,
                struct dpl_err *err)
{
    int64_t deadline_ns = dpl_clock_now_ns(&dpl_clock_system) + most_ms * 1000000;
    int status = 0;
    pid_t pid = fork();
    if (pid < 0)
        return dpl_err_sys(err, errno, "no process for \"%s\"", argv[0]);
    if (pid == 0)
        become(argv, env);
    (void)setpgid(pid, pid);
    dpl_autofd int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    bool late = pidfd < 0 || !ended(pidfd, deadline_ns);
    if (late) /* what it started in turn, too */
        (void)kill(-pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return dpl_err_sys(err, errno, "wait for \"%s\"", argv[0]);
    if (late)
        return dpl_err_set(err, DPL_E_TIMEOUT, "\"%s\" did not end within %lld ms: killed", argv[0],
                           (long long)most_ms);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void hook(const struct dpl_ocf_run *run, const char *path, const char *const *env,
                 int64_t left_ms)
{
    const char *argv[] = {path, NULL};
    struct dpl_err err = {0};
    int status = program_run(argv, env, left_ms, &err);
    if (status < 0)
        dpl_ocf_log(run, "WARNING", "hook %s", err.text);
    else if (status > 0)
        dpl_ocf_log(run, "WARNING", "hook \"%s\" failed (%d)", path, status);
}

void program_hooks(const struct dpl_ocf_run *run, const char *name, const char *const *env,
                   int64_t most_ms)
{
    int64_t deadline_ns = dpl_clock_now_ns(&dpl_clock_system) + most_ms * 1000000;
    g_autofree char *path = g_strdup_printf("%s/%s.d", HOOKS_DIR, name);
    g_autoptr(GPtrArray) all = g_ptr_array_new();
    g_autoptr(GPtrArray) refused = NULL;
    g_autoptr(GPtrArray) hooks = dpl_hooks_list(path, &refused);
    g_ptr_array_add(all, (gpointer)(uintptr_t) "PATH=/usr/sbin:/usr/bin:/sbin:/bin");
    for (; *env; env++)
        g_ptr_array_add(all, (gpointer)(uintptr_t)*env);
    g_ptr_array_add(all, NULL);
    for (guint i = 0; i < refused->len; i++)
        dpl_ocf_log(run, "WARNING", "hook \"%s\" is not run: " DPL_HOOKS_RULE,
                    (const char *)refused->pdata[i]);
    for (guint i = 0; i < hooks->len; i++) {
        int64_t left_ms = dpl_clock_left_ms(&dpl_clock_system, deadline_ns);
        if (left_ms > 0)
            hook(run, hooks->pdata[i], (const char *const *)all->pdata, left_ms);
        else
            dpl_ocf_log(run, "WARNING", "hook \"%s\" is not run: those before it took all the time",
                        (const char *)hooks->pdata[i]);
    }
}
