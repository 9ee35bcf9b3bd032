/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lab/boot.h"

#include "lib/base/fd.h"
#include "tests/lab/cluster.h"
#include "tests/lab/disk.h"
#include "tests/lab/net.h"
#include "tests/lab/run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOTIFY_PATH "/run/init.notify"

enum { COROSYNC_START_MS = 20000 };

struct mount_row {
    const char *type, *dir, *options;
    unsigned long flags;
    mode_t mode; /* of the directory, made first; 0: it is there */
};

/* In this order, beneath the new root. What is not ours alone (sysfs, /proc/sys) is read-only. */
static const struct mount_row mounts[] = {
    {"proc", "proc", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC, 0},
    {"sysfs", "sys", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC, 0},
    {"fusectl", "sys/fs/fuse/connections", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC, 0},
    {"tmpfs", "dev", "mode=755,size=1m", MS_NOSUID, 0},
    {"devpts", "dev/pts", "newinstance,ptmxmode=666,mode=620", MS_NOSUID | MS_NOEXEC, 0755},
    {"tmpfs", "dev/shm", "mode=1777", MS_NOSUID | MS_NODEV, 0755},
    {"mqueue", "dev/mqueue", NULL, MS_NOSUID | MS_NODEV | MS_NOEXEC, 0755},
    {"tmpfs", "run", "mode=755", MS_NOSUID | MS_NODEV, 0},
    {"tmpfs", "tmp", "mode=1777", MS_NOSUID | MS_NODEV, 0},
};

struct node_row {
    const char *name;
    unsigned major, minor;
    mode_t mode;
};

static const struct node_row nodes[] = {
    {"null", 1, 3, 0666}, {"zero", 1, 5, 0666},    {"full", 1, 7, 0666},    {"random", 1, 8, 0666},
    {"tty", 5, 0, 0666},  {"urandom", 1, 9, 0666}, {"fuse", 10, 229, 0666},
};

static const char *const links[][2] = {
    {"/proc/self/fd", "fd"},       {"/proc/self/fd/0", "stdin"}, {"/proc/self/fd/1", "stdout"},
    {"/proc/self/fd/2", "stderr"}, {"pts/ptmx", "ptmx"},
};

enum { GO_FD = 3, BOOTED_FD = 4 };

/* The supervisor gets the reason instead of the byte that says booted. */
static void __attribute__((noreturn)) stop(const struct dpl_err *err)
{
    lab_log("init: %s", err->text);
    dprintf(BOOTED_FD, "%d %s", err->code, err->text);
    _exit(1);
}

static int mount_root(const struct lab *lab, const struct lab_host *host, const char *base,
                      struct dpl_err *err)
{
    char node[128];
    lab_disk_node(lab, host->own_disk, node, sizeof(node));
    g_autofree char *disk = g_strdup_printf("%s/disk", base);
    g_autofree char *root = g_strdup_printf("%s/root", base);
    g_autofree char *upper = g_strdup_printf("%s/upper", disk);
    g_autofree char *work = g_strdup_printf("%s/work", disk);
    g_autofree char *options = g_strdup_printf("lowerdir=%s/layer:%s/install:/,upperdir=%s,"
                                               "workdir=%s",
                                               lab->fs, lab->fs, upper, work);
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return dpl_err_sys(err, errno, "make mounts private");
    if (mount(node, disk, "ext4", 0, NULL) < 0)
        return dpl_err_sys(err, errno, "mount the host's disk");
    if ((mkdir(upper, 0755) < 0 || mkdir(work, 0755) < 0) && errno != EEXIST)
        return dpl_err_sys(err, errno, "prepare the host's disk");
    if (mount("overlay", root, "overlay", 0, options) < 0)
        return dpl_err_sys(err, errno, "mount the host's root (%s)", options);
    return chdir(root) < 0 ? dpl_err_sys(err, errno, "enter \"%s\"", root) : DPL_OK;
}

static int mount_rows(struct dpl_err *err)
{
    for (size_t i = 0; i < G_N_ELEMENTS(mounts); i++) {
        const struct mount_row *m = &mounts[i];
        if (m->mode && mkdir(m->dir, m->mode) < 0)
            return dpl_err_sys(err, errno, "make \"%s\"", m->dir);
        if (mount(m->type, m->dir, m->type, m->flags, m->options) < 0 && errno != ENOENT)
            return dpl_err_sys(err, errno, "mount \"%s\"", m->dir);
    }
    return DPL_OK;
}

/* Nobody in a host may touch the machine: no sysctl but its own network's, no SysRq. */
static int guard_machine(struct dpl_err *err)
{
    const unsigned long ro = MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC;
    if (mount("proc/sys", "proc/sys", NULL, MS_BIND, NULL) < 0 ||
        mount("proc/sys/net", "proc/sys/net", NULL, MS_BIND, NULL) < 0 ||
        mount(NULL, "proc/sys", NULL, ro, NULL) < 0)
        return dpl_err_sys(err, errno, "protect /proc/sys");
    if (mount(NULL, "sys", NULL, ro, NULL) < 0)
        return dpl_err_sys(err, errno, "protect /sys");
    if (access("proc/sysrq-trigger", F_OK) == 0 &&
        mount("dev/null", "proc/sysrq-trigger", NULL, MS_BIND, NULL) < 0)
        return dpl_err_sys(err, errno, "cover sysrq-trigger");
    return DPL_OK;
}

static int make_nodes(const struct lab *lab, const struct lab_host *host, struct dpl_err *err)
{
    for (size_t i = 0; i < G_N_ELEMENTS(nodes); i++) {
        g_autofree char *path = g_strdup_printf("dev/%s", nodes[i].name);
        if (mknod(path, S_IFCHR | nodes[i].mode, makedev(nodes[i].major, nodes[i].minor)) < 0 ||
            chmod(path, nodes[i].mode) < 0)
            return dpl_err_sys(err, errno, "make \"%s\"", path);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(links); i++) {
        g_autofree char *path = g_strdup_printf("dev/%s", links[i][1]);
        if (symlink(links[i][0], path) < 0)
            return dpl_err_sys(err, errno, "make \"%s\"", path);
    }
    for (int d = 0; d < lab->plan->disks; d++) {
        g_autofree char *path = d ? g_strdup_printf("dev/shared%d", d + 1) : g_strdup("dev/shared");
        if (mknod(path, S_IFBLK | 0660, makedev(7, (unsigned)host->disk[d])) < 0)
            return dpl_err_sys(err, errno, "make \"%s\"", path);
    }
    return DPL_OK;
}

static int enter_root(const struct lab *lab, struct dpl_err *err)
{
    if (mkdir("run/lock", 01777) < 0 || chmod("run/lock", 01777) < 0 ||
        mkdir("run/resource-agents", 0755) < 0 || mkdir("run/lab", 0755) < 0)
        return dpl_err_sys(err, errno, "make directories in /run");
    if (mount(lab->plan->dir, "run/lab", NULL, MS_BIND, NULL) < 0)
        return dpl_err_sys(err, errno, "show the lab's directory to the host");
    if (syscall(SYS_pivot_root, ".", ".") < 0 || umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
        return dpl_err_sys(err, errno, "enter the host's root");
    return DPL_OK;
}

static void clean_environment(const char *name)
{
    clearenv();
    setenv("PATH", LAB_PATH, 1);
    setenv("HOME", "/root", 1);
    setenv("LANG", "C.UTF-8", 1);
    setenv("TERM", "dumb", 1);
    setenv("LAB_HOST", name, 1);
}

static pid_t start(const char *const argv[], const char *log, const char *const env[][2])
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    lab_signals_default();
    int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int out = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    dup2(in, 0);
    if (out >= 0) {
        dup2(out, 1);
        dup2(out, 2);
    }
    for (size_t i = 0; env[i][0]; i++)
        setenv(env[i][0], env[i][1], 1);
    setsid();
    lab_exec(argv);
    _exit(127);
}

/* What init started and stops in order; 0 if it does not run. */
struct services {
    pid_t corosync, pacemaker;
};

static void reap(struct services *run, pid_t pid, int status)
{
    if (pid == run->pacemaker)
        run->pacemaker = 0;
    if (pid == run->corosync)
        run->corosync = 0;
    if (WIFSIGNALED(status))
        lab_log("init: process %d ended by signal %d", pid, WTERMSIG(status));
}

static void stop_service(struct services *run, const pid_t *service)
{
    if (*service > 0)
        kill(*service, SIGTERM);
    while (*service > 0) {
        int status;
        pid_t pid = waitpid(-1, &status, 0);
        if (pid > 0)
            reap(run, pid, status);
    }
}

/* The power button: SIGTERM from the supervisor. */
static void __attribute__((noreturn)) shut_down(struct services *run)
{
    lab_log("init: shutting down");
    stop_service(run, &run->pacemaker);
    stop_service(run, &run->corosync);
    _exit(0);
}

/* Pid 1: reaps until the power button is pressed. */
static void __attribute__((noreturn)) live(struct services *run)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGTERM);
    for (;;) {
        int status, sig = 0;
        for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
            reap(run, pid, status);
        sigwait(&set, &sig);
        if (sig == SIGTERM)
            shut_down(run);
    }
}

/* Waits until corosync says that it is ready, as a service manager does. */
static int wait_ready(int socket, pid_t pid)
{
    char text[256];
    for (;;) {
        struct pollfd p = {.fd = socket, .events = POLLIN};
        int n = poll(&p, 1, COROSYNC_START_MS);
        if (n == 0 || (n < 0 && errno != EINTR) || waitpid(pid, NULL, WNOHANG) == pid)
            return -1;
        ssize_t got = n > 0 ? recv(socket, text, sizeof(text) - 1, 0) : 0;
        text[got > 0 ? got : 0] = '\0';
        if (strstr(text, "READY=1"))
            return 0;
    }
}

static void start_cluster(struct services *run)
{
    static const char *const corosync[] = {"corosync", "-f", NULL};
    static const char *const pacemaker[] = {"pacemakerd", "-f", NULL};
    static const char *const corosync_env[][2] = {{"NOTIFY_SOCKET", NOTIFY_PATH}, {NULL, NULL}};
    static const char *const pacemaker_env[][2] = {
        {"PCMK_logfile", "/var/log/pacemaker/pacemaker.log"},
        {"PCMK_logfacility", "none"},
        {NULL, NULL}};
    dpl_autofd int s = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un addr = {.sun_family = AF_UNIX, .sun_path = NOTIFY_PATH};
    if (s < 0 || bind(s, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
        lab_log("init: cannot listen for corosync: %s", strerror(errno));
        return;
    }
    run->corosync = start(corosync, "/var/log/corosync/stderr.log", corosync_env);
    if (wait_ready(s, run->corosync) < 0) {
        lab_log("init: corosync did not start");
        return;
    }
    run->pacemaker = start(pacemaker, "/var/log/pacemaker/stderr.log", pacemaker_env);
}

/* A scenario may put a program here, for what its hosts start at boot before Pacemaker. */
static void run_boot_program(void)
{
    static const char *const argv[] = {"/etc/lab/boot", NULL};
    struct dpl_err err = {0};
    if (access(argv[0], X_OK) == 0 && lab_run(argv, &err) < 0)
        lab_log("init: /etc/lab/boot: %s", err.text);
}

static int prepare(const struct lab *lab, const struct lab_host *host, struct dpl_err *err)
{
    const struct lab_host_plan *plan = host->plan;
    g_autofree char *base = g_strdup_printf("%s/%s", lab->fs, plan->name);
    if (sethostname(plan->name, strlen(plan->name)) < 0)
        return dpl_err_sys(err, errno, "set the host's name");
    clean_environment(plan->name);
    umask(022);
    int rc = mount_root(lab, host, base, err);
    if (rc == DPL_OK)
        rc = mount_rows(err);
    if (rc == DPL_OK)
        rc = make_nodes(lab, host, err);
    if (rc == DPL_OK)
        rc = guard_machine(err);
    if (rc == DPL_OK)
        rc = enter_root(lab, err);
    if (rc == DPL_OK)
        rc = lab_hosts_write(lab->plan, plan, err);
    if (rc == DPL_OK && plan->member)
        rc = lab_cluster_write(lab->plan, plan, err);
    return rc == DPL_OK ? lab_net_host_setup(lab->plan, plan, err) : rc;
}

void lab_boot(const struct lab *lab, const struct lab_host *host, int go, int booted)
{
    struct dpl_err err = {0};
    char byte;
    setsid();
    g_autofree char *console = g_strdup_printf("%s/console-%s", lab->plan->dir, host->plan->name);
    int log = open(console, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (log >= 0) {
        dup2(log, 1);
        dup2(log, 2);
    }
    /* Keep two descriptors, close the lab's: sockets, other hosts' disks. */
    int high_go = fcntl(go, F_DUPFD_CLOEXEC, 16), high_booted = fcntl(booted, F_DUPFD_CLOEXEC, 16);
    dup3(high_go, GO_FD, O_CLOEXEC);
    dup3(high_booted, BOOTED_FD, O_CLOEXEC);
    close_range(BOOTED_FD + 1, ~0U, 0);
    lab_log("init: power on");
    if (read(GO_FD, &byte, 1) != 1)
        _exit(1);
    if (prepare(lab, host, &err) < 0 || dpl_fd_write_all(BOOTED_FD, "b", 1, &err) < 0)
        stop(&err);
    close_range(GO_FD, ~0U, 0);
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    struct services run = {0};
    run_boot_program();
    if (host->plan->member)
        start_cluster(&run);
    live(&run);
}
