/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lab/keeper.h"

#include "lib/base/fd.h"
#include "tests/lab/disk.h"
#include "tests/lab/run.h"
#include "tests/lab/supervisor.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CLEAN_TRIES = 500, CLEAN_WAIT_US = 10000, LOOPS_MS = 20000 };

int lab_keeper_cgroup_root(struct dpl_err *err)
{
    dpl_autofd int fs = fsopen("cgroup2", FSOPEN_CLOEXEC);
    if (fs < 0 || fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
        return dpl_err_sys(err, errno, "reach the unified cgroup hierarchy");
    int fd = fsmount(fs, FSMOUNT_CLOEXEC, 0);
    return fd < 0 ? dpl_err_sys(err, errno, "mount the unified cgroup hierarchy") : fd;
}

/* Removes the directories beneath and itself. In a cgroup files vanish with their directory. */
static int remove_tree(int at, const char *name, bool files)
{
    dpl_autofd int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : -1;
    DIR *dir = fdopendir(dup(fd));
    for (struct dirent *e; dir && (e = readdir(dir));) {
        if (e->d_name[0] == '.')
            continue;
        if (e->d_type == DT_DIR)
            remove_tree(fd, e->d_name, files);
        else if (files)
            unlinkat(fd, e->d_name, 0);
    }
    if (dir)
        closedir(dir);
    return unlinkat(at, name, AT_REMOVEDIR);
}

void lab_keeper_clean(const struct lab_plan *plan, int cgroup_root)
{
    g_autofree char *name = g_strdup_printf("doppel-lab.%s", plan->name);
    /* A cgroup is busy until the kernel is through with its last process. */
    for (int i = 0; i < CLEAN_TRIES && remove_tree(cgroup_root, name, false) < 0; i++)
        usleep(CLEAN_WAIT_US);
    remove_tree(AT_FDCWD, plan->dir, true);
    rmdir(LAB_ROOT);
}

/* Only who holds the lock on the directory makes the log in it, so a lab that is about to start
 * is not taken for one that was killed. */
static void sweep_one(const char *name, int cgroup_root)
{
    struct lab_plan dead = {0};
    snprintf(dead.name, sizeof(dead.name), "%s", name);
    snprintf(dead.dir, sizeof(dead.dir), "%s/%s", LAB_ROOT, dead.name);
    g_autofree char *log = g_strdup_printf("%s/log", dead.dir);
    dpl_autofd int fd = open(dead.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0 && access(log, F_OK) == 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
        lab_keeper_clean(&dead, cgroup_root);
}

void lab_keeper_sweep(void)
{
    dpl_autofd int root = lab_keeper_cgroup_root(NULL);
    DIR *dir = root >= 0 ? opendir(LAB_ROOT) : NULL;
    for (struct dirent *e; dir && (e = readdir(dir));)
        if (e->d_name[0] != '.' && strlen(e->d_name) < sizeof(((struct lab_plan *)NULL)->name))
            sweep_one(e->d_name, root);
    if (dir)
        closedir(dir);
}

static int try_lock(const struct lab_plan *plan, struct dpl_err *err)
{
    struct stat held, named;
    if ((mkdir(LAB_ROOT, 0755) < 0 && errno != EEXIST) ||
        (mkdir(plan->dir, 0755) < 0 && errno != EEXIST && errno != ENOENT))
        return dpl_err_sys(err, errno, "make \"%s\"", plan->dir);
    dpl_autofd int fd = open(plan->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0)
        return dpl_err_set(err, DPL_E_BUSY, "the lab \"%s\" is up already", plan->name);
    /* It may have been removed by its last owner meanwhile. */
    if (fd < 0 || fstat(fd, &held) < 0 || stat(plan->dir, &named) < 0 ||
        held.st_ino != named.st_ino)
        return dpl_err_set(err, DPL_E_NOT_FOUND, "\"%s\" went away", plan->dir);
    return dpl_fd_steal(&fd);
}

int lab_keeper_lock(const struct lab_plan *plan, struct dpl_err *err)
{
    int fd = DPL_E_NOT_FOUND;
    for (int i = 0; i < CLEAN_TRIES && fd == DPL_E_NOT_FOUND; i++)
        fd = try_lock(plan, err);
    return fd;
}

static void to_log(const struct lab_plan *plan)
{
    g_autofree char *path = g_strdup_printf("%s/log", plan->dir);
    int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int out = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    dup2(in, 0);
    dup2(out, 1);
    dup2(out, 2);
    close(in);
    close(out);
}

static pid_t start_supervisor(const struct lab_plan *plan, const struct lab_keeper_fds *fds,
                              int cgroup, int *pidfd_r, struct dpl_err *err)
{
    int life[2];
    if (pipe2(life, O_CLOEXEC) < 0)
        return dpl_err_sys(err, errno, "pipe");
    pid_t pid = lab_clone(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS,
                          -1, pidfd_r);
    if (pid == 0) {
        const struct lab_supervisor_fds s = {cgroup, fds->ready, life[0]};
        close(life[1]);
        close(fds->armed);
        lab_supervisor(plan, &s);
    }
    close(life[0]); /* the other end stays open as long as the keeper lives */
    return pid < 0 ? dpl_err_sys(err, errno, "make namespaces") : pid;
}

/* Returns when the lab has ended, or shall. */
static void watch(const struct lab_plan *plan, int armed, int supervisor, const int *with)
{
    struct pollfd p[2 + LAB_WITH_MAX];
    p[0] = (struct pollfd){.fd = supervisor, .events = POLLIN};
    p[1] = (struct pollfd){.fd = armed, .events = POLLIN};
    for (size_t i = 0; i < plan->n_with; i++)
        p[2 + i] = (struct pollfd){.fd = with[i], .events = POLLIN};
    for (;;) {
        char byte;
        if (poll(p, 2 + plan->n_with, -1) < 0)
            continue;
        if (p[0].revents)
            return;
        for (size_t i = 0; i < plan->n_with; i++)
            if (p[2 + i].revents)
                return;
        if (p[1].revents && read(p[1].fd, &byte, 1) != 1)
            return;
        if (p[1].revents)
            p[1].fd = -1;
    }
}

static void __attribute__((noreturn))
keeper(const struct lab_plan *plan, const struct lab_keeper_fds *fds, const int *with)
{
    struct dpl_err err = {0};
    char tag[64];
    int supervisor = -1;
    setsid();
    signal(SIGPIPE, SIG_IGN);
    (void)!chdir("/");
    to_log(plan);
    int cgroup = lab_keeper_cgroup_root(&err);
    g_autofree char *name = g_strdup_printf("doppel-lab.%s", plan->name);
    int rc = cgroup;
    if (cgroup >= 0 && mkdirat(cgroup, name, 0755) < 0 && errno != EEXIST)
        rc = dpl_err_sys(&err, errno, "make a cgroup");
    if (rc >= 0)
        rc = start_supervisor(plan, fds, cgroup, &supervisor, &err);
    if (rc < 0)
        dprintf(fds->ready, "%d %s", err.code, err.text);
    g_autofree char *pids = g_strdup_printf("keeper %d\nsupervisor %d\n", getpid(), rc);
    g_autofree char *pids_path = g_strdup_printf("%s/pids", plan->dir);
    lab_write_file(pids_path, pids, NULL);
    close(fds->ready);
    if (rc >= 0) {
        watch(plan, fds->armed, supervisor, with);
        lab_pidfd_kill(supervisor, SIGKILL);
        while (waitpid(rc, NULL, 0) < 0 && errno == EINTR)
            ;
        lab_disk_tag(plan, tag, sizeof(tag));
        lab_disks_wait_gone(tag, LOOPS_MS, NULL);
    }
    lab_keeper_clean(plan, cgroup);
    _exit(0);
}

pid_t lab_keeper_start(const struct lab_plan *plan, const struct lab_keeper_fds *fds, int arm,
                       struct dpl_err *err)
{
    int with[LAB_WITH_MAX];
    for (size_t i = 0; i < plan->n_with; i++) {
        with[i] = lab_pidfd_open(plan->with_pid[i]);
        if (with[i] < 0)
            return dpl_err_sys(err, errno, "--with-pid %d", plan->with_pid[i]);
    }
    pid_t pid = fork();
    if (pid < 0)
        return dpl_err_sys(err, errno, "fork");
    if (pid == 0) {
        close(arm);
        keeper(plan, fds, with);
    }
    for (size_t i = 0; i < plan->n_with; i++)
        close(with[i]);
    return pid;
}
