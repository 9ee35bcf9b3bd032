/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/crash/safety.h"

#include "lib/base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* No test of ours takes this long: what hangs is found by the watchdog. */
#define WATCHDOG_S 300

static char tinyfuse_path[4096];

static bool namespace_make(void)
{
    return unshare(CLONE_NEWNS | CLONE_NEWPID) == 0 &&
           mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

static int inside(const char *file, const struct unit_test *tests, size_t count)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (mount("proc", "/proc", "proc", 0, NULL) < 0 ||
        mount("tmpfs", "/mnt", "tmpfs", 0, NULL) < 0 || mkdir(SAFETY_DIR, 0755) < 0) {
        perror("mounting within the namespace");
        return 2;
    }
    alarm(WATCHDOG_S);
    return unit_main(file, tests, count);
}

int safety_main(const char *file, const struct unit_test *tests, size_t count)
{
    ssize_t n = readlink("/proc/self/exe", tinyfuse_path, sizeof tinyfuse_path - 16);
    char *slash = n > 0 ? strrchr(tinyfuse_path, '/') : NULL;
    g_assert(slash);
    strcpy(slash + 1, "tinyfuse");
    if (geteuid() != 0 || !namespace_make() || access("/dev/fuse", R_OK | W_OK) < 0) {
        printf("SKIP: needs root, mount and process namespaces, and /dev/fuse\n");
        return 77;
    }
    fflush(stdout);
    pid_t init = fork();
    if (init == 0)
        exit(inside(file, tests, count));
    int status = 0;
    if (init < 0 || waitpid(init, &status, 0) != init)
        return 2;
    if (WIFSIGNALED(status))
        printf("ended by signal %d: a test hung, or crashed\n", WTERMSIG(status));
    /* Nothing can be started any more in a process namespace without its first process; leak
     * checkers would. This process holds nothing. */
    fflush(stdout);
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

bool safety_run(const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    g_autofree char *command = g_strdup_vprintf(format, ap);
    va_end(ap);
    int status = system(command); /* NOLINT(bugprone-command-processor): our own words */
    return status != -1 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool safety_ext4(const char *dir, const char *mkfs_options, const char *mount_options)
{
    return safety_run("mkdir -p %s && truncate -s 64M %s.img && mkfs.ext4 -q -F %s %s.img"
                      " >/dev/null 2>&1 && mount -o loop%s%s %s.img %s",
                      dir, dir, mkfs_options, dir, *mount_options ? "," : "", mount_options, dir,
                      dir);
}

pid_t safety_child(bool (*do_it)(void *self), void *self)
{
    int ends[2];
    g_assert(pipe2(ends, O_CLOEXEC) == 0);
    fflush(stdout);
    pid_t pid = fork();
    g_assert(pid >= 0);
    if (pid == 0) {
        bool good = do_it(self);
        if (!good || write(ends[1], "y", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    close(ends[1]);
    char said = 'n';
    ssize_t n = read(ends[0], &said, 1);
    close(ends[0]);
    CU_ASSERT_FATAL(n == 1);
    return pid;
}

void safety_end(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

pid_t safety_tinyfuse(const char *dir)
{
    return safety_tinyfuse_as(dir, "fuse.doppel");
}

pid_t safety_tinyfuse_as(const char *dir, const char *type)
{
    int ends[2];
    CU_ASSERT_FATAL(mkdir(dir, 0755) == 0 || errno == EEXIST);
    g_assert(pipe2(ends, O_CLOEXEC) == 0);
    fflush(stdout);
    pid_t pid = fork();
    g_assert(pid >= 0);
    if (pid == 0) {
        dup2(ends[1], STDOUT_FILENO);
        execl(tinyfuse_path, tinyfuse_path, dir, type, NULL);
        _exit(127);
    }
    close(ends[1]);
    char said[6] = "";
    ssize_t n = dpl_fd_read_full(ends[0], said, 5, NULL);
    close(ends[0]);
    CU_ASSERT_FATAL(n == 5);
    return pid;
}
