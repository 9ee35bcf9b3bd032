/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lab/client.h"

#include "lib/base/fd.h"
#include "tests/lab/run.h"
#include "tests/lab/wire.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

bool lab_client_name_ok(const char *name)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-");
    return n > 0 && n < sizeof(((struct lab_plan *)NULL)->name) && name[n] == '\0';
}

void lab_client_dir(const char *name, char *dir, size_t size)
{
    if (access(LAB_IN_HOST "/" LAB_SOCKET, F_OK) == 0)
        snprintf(dir, size, "%s", LAB_IN_HOST);
    else
        snprintf(dir, size, "%s/%s", LAB_ROOT, name);
}

static int connect_to(const char *dir, struct dpl_err *err)
{
    int fd = lab_wire_connect(dir, err);
    if (fd < 0)
        return dpl_err_set(err, DPL_E_NOT_RUNNING, "no lab is up at %s", dir);
    return fd;
}

static int ask(const char *dir, const char *const words[], int fds[2], struct dpl_err *err)
{
    dpl_autofd int fd = connect_to(dir, err);
    int rc = fd;
    if (rc >= 0)
        rc = lab_wire_request(fd, words, err);
    return rc < 0 ? rc : lab_wire_answer(fd, fds, err);
}

int lab_client_ask(const char *dir, const char *const words[], struct dpl_err *err)
{
    return ask(dir, words, NULL, err);
}

/* The keeper holds a lock on the directory until it has removed the last thing. */
int lab_client_down(const char *dir, struct dpl_err *err)
{
    const char *const words[] = {"down", NULL};
    dpl_autofd int held = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    dpl_autofd int fd = connect_to(dir, err);
    if (fd < 0)
        return fd;
    int rc = lab_wire_request(fd, words, err);
    if (rc < 0)
        return rc;
    while (flock(held, LOCK_EX) < 0)
        if (errno != EINTR)
            return dpl_err_sys(err, errno, "wait for the end of the lab");
    return DPL_OK;
}

/* Routers share the lab's other namespaces, so setns to those is no change. */
static int enter(int pidfd, int procs, struct dpl_err *err)
{
    const int flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC |
                      (procs >= 0 ? CLONE_NEWCGROUP : 0);
    return setns(pidfd, flags) < 0 ? dpl_err_sys(err, errno, "enter the host") : DPL_OK;
}

static void set_environment(const char *host)
{
    g_autofree char *term = g_strdup(getenv("TERM"));
    clearenv();
    setenv("PATH", LAB_PATH, 1);
    setenv("HOME", "/root", 1);
    setenv("LANG", "C.UTF-8", 1);
    setenv("TERM", term ? term : "dumb", 1);
    setenv("OCF_ROOT", "/usr/lib/ocf", 1);
    setenv("LAB_HOST", host, 1);
}

static void __attribute__((noreturn))
run_inside(const char *host, int procs, const char *const argv[])
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (procs >= 0 && write(procs, "0", 1) != 1) {
        fprintf(stderr, "lab: cannot join the host's cgroup: %s\n", strerror(errno));
        _exit(LAB_EXIT_CANNOT_ENTER);
    }
    set_environment(host);
    (void)!chdir("/");
    lab_exec(argv);
    fprintf(stderr, "lab: %s: %s\n", argv[0], strerror(errno));
    _exit(errno == ENOENT ? 127 : 126);
}

/* Returns the pid. This process goes back to its own mounts and network, or it would keep those of
 * a dead host. */
static pid_t start_inside(const char *dir, const char *host, const char *const argv[], int out,
                          struct dpl_err *err)
{
    const char *const words[] = {"enter", host, NULL};
    int fds[2] = {-1, -1};
    int rc = ask(dir, words, fds, err);
    if (rc < 0)
        return rc;
    dpl_autofd int pidfd = fds[0];
    dpl_autofd int procs = fds[1];
    dpl_autofd int mounts = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
    dpl_autofd int network = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    rc = enter(pidfd, procs, err);
    if (rc < 0)
        return rc;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        if (out >= 0)
            dup2(out, 1);
        run_inside(host, procs, argv);
    }
    setns(mounts, CLONE_NEWNS);
    setns(network, CLONE_NEWNET);
    return pid < 0 ? dpl_err_sys(err, errno, "fork") : pid;
}

static int wait_for(pid_t pid)
{
    int status;
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return 1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int lab_client_exec(const char *dir, const char *host, const char *const argv[],
                    struct dpl_err *err)
{
    pid_t pid = start_inside(dir, host, argv, -1, err);
    if (pid < 0)
        return pid;
    /* A key press reaches the command too; this process stays to tell how it ended. */
    signal(SIGINT, SIG_IGN);
    signal(SIGQUIT, SIG_IGN);
    return wait_for(pid);
}

/* Once per process only: the next pid namespace can be entered just from above. So in a child. */
static int capture_child(const char *dir, const char *host, const char *const argv[], int out)
{
    pid_t pid = start_inside(dir, host, argv, out, NULL);
    return pid < 0 ? LAB_EXIT_CANNOT_ENTER : wait_for(pid);
}

int lab_client_capture(const char *dir, const char *host, const char *const argv[], char *text,
                       size_t size, struct dpl_err *err)
{
    int out[2];
    if (pipe2(out, O_CLOEXEC) < 0)
        return dpl_err_sys(err, errno, "pipe");
    pid_t pid = fork();
    if (pid == 0)
        _exit(capture_child(dir, host, argv, out[1]));
    close(out[1]);
    ssize_t n = dpl_fd_read_full(out[0], text, size - 1, NULL);
    close(out[0]);
    text[n > 0 ? n : 0] = '\0';
    return pid < 0 ? dpl_err_sys(err, errno, "fork") : wait_for(pid);
}

int lab_client_list(void)
{
    DIR *dir = opendir(LAB_ROOT);
    for (struct dirent *e; dir && (e = readdir(dir));) {
        if (!lab_client_name_ok(e->d_name))
            continue;
        g_autofree char *path = g_strdup_printf("%s/%s", LAB_ROOT, e->d_name);
        dpl_autofd int fd = lab_wire_connect(path, NULL);
        if (fd >= 0)
            puts(e->d_name);
    }
    if (dir)
        closedir(dir);
    return 0;
}
