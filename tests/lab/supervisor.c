/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lab/supervisor.h"

#include "lib/base/fd.h"
#include "tests/lab/disk.h"
#include "tests/lab/host.h"
#include "tests/lab/keeper.h"
#include "tests/lab/net.h"
#include "tests/lab/request.h"
#include "tests/lab/run.h"
#include "tests/lab/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CLIENTS_MAX = 64, LAYERS_MB = 1024 };

struct supervisor {
    struct lab lab;
    int listener, signals, life;
    struct lab_client clients[CLIENTS_MAX];
};

static int make_dir(const char *base, const char *name, struct dpl_err *err)
{
    g_autofree char *path = g_strdup_printf("%s/%s", base, name);
    return g_mkdir_with_parents(path, 0755) < 0 ? dpl_err_sys(err, errno, "make \"%s\"", path)
                                                : DPL_OK;
}

static int make_mounts(struct lab *lab, struct dpl_err *err)
{
    /* Room for all images, which are sparse. */
    g_autofree char *size = g_strdup_printf(
        "mode=755,size=%dm",
        LAYERS_MB + (int)lab->plan->n_hosts *
                        (lab->plan->own_disk_mb + lab->plan->disks * lab->plan->disk_mb));
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("proc", "/proc", "proc", 0, NULL) < 0 || mount("sysfs", "/sys", "sysfs", 0, NULL) < 0)
        return dpl_err_sys(err, errno, "mount proc and sysfs");
    if (mkdir(lab->fs, 0755) < 0 || mount("lab", lab->fs, "tmpfs", 0, size) < 0)
        return dpl_err_sys(err, errno, "mount the lab's tmpfs");
    int rc = make_dir(lab->fs, "layer/usr/sbin", err);
    if (rc == DPL_OK)
        rc = make_dir(lab->fs, "install", err);
    for (size_t i = 0; i < lab->plan->n_hosts && rc == DPL_OK; i++) {
        g_autofree char *base = g_strdup_printf("%s/%s", lab->fs, lab->plan->hosts[i].name);
        rc = make_dir(base, "root", err);
        if (rc == DPL_OK)
            rc = make_dir(base, "disk", err);
    }
    return rc;
}

/* The layers above the machine's root: the lab's own programs, and the build under test. */
static int make_layers(const struct lab *lab, struct dpl_err *err)
{
    static const char *const names[] = {"fence_lab", "modprobe"};
    g_autofree char *program = g_strdup_printf("%s/layer/usr/sbin/lab", lab->fs);
    const char *const copy[] = {"cp", "/proc/self/exe", program, NULL};
    g_autofree char *exe = g_file_read_link("/proc/self/exe", NULL);
    const char *const copy_exe[] = {"cp", exe ? exe : "", program, NULL};
    int rc = lab_run(exe ? copy_exe : copy, err);
    for (size_t i = 0; i < G_N_ELEMENTS(names) && rc == DPL_OK; i++) {
        g_autofree char *path = g_strdup_printf("%s/layer/usr/sbin/%s", lab->fs, names[i]);
        if (symlink("lab", path) < 0)
            rc = dpl_err_sys(err, errno, "make \"%s\"", path);
    }
    if (rc < 0 || !lab->plan->install)
        return rc;
    g_autofree char *from = g_strdup_printf("%s/.", lab->plan->install);
    g_autofree char *to = g_strdup_printf("%s/install", lab->fs);
    const char *const install[] = {"cp", "-a", from, to, NULL};
    return lab_run(install, err);
}

static int make_cgroups(struct lab *lab, int root, struct dpl_err *err)
{
    g_autofree char *name = g_strdup_printf("doppel-lab.%s", lab->plan->name);
    lab->cgroup = openat(root, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (lab->cgroup < 0)
        return dpl_err_sys(err, errno, "open the lab's cgroup");
    for (size_t i = 0; i < lab->plan->n_hosts; i++) {
        struct lab_host *h = &lab->hosts[i];
        if (mkdirat(lab->cgroup, h->plan->name, 0755) < 0)
            return dpl_err_sys(err, errno, "make the cgroup of %s", h->plan->name);
        h->cgroup = openat(lab->cgroup, h->plan->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        h->cgroup_procs = openat(h->cgroup, "cgroup.procs", O_WRONLY | O_CLOEXEC);
        if (h->cgroup < 0 || h->cgroup_procs < 0)
            return dpl_err_sys(err, errno, "open the cgroup of %s", h->plan->name);
    }
    return DPL_OK;
}

static void init_state(struct supervisor *s, const struct lab_plan *plan)
{
    struct lab *lab = &s->lab;
    lab->plan = plan;
    snprintf(lab->fs, sizeof(lab->fs), "%s/fs", plan->dir);
    for (size_t i = 0; i < plan->n_hosts; i++)
        lab->hosts[i] = (struct lab_host){
            .plan = &plan->hosts[i], .power = LAB_OFF, .pidfd = -1, .boot_pipe = -1};
    for (size_t i = 0; i < CLIENTS_MAX; i++)
        s->clients[i].fd = -1;
}

static int build(struct supervisor *s, int cgroup_root, struct dpl_err *err)
{
    struct lab *lab = &s->lab;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (s->signals < 0)
        return dpl_err_sys(err, errno, "signalfd");
    int rc = make_mounts(lab, err);
    if (rc == DPL_OK)
        rc = make_cgroups(lab, cgroup_root, err);
    if (rc == DPL_OK)
        rc = make_layers(lab, err);
    if (rc == DPL_OK)
        rc = lab_disks_make(lab, err);
    if (rc == DPL_OK)
        rc = lab_net_make(lab, err);
    if (rc == DPL_OK)
        rc = s->listener = lab_wire_listen(lab->plan->dir, err);
    for (size_t i = 0; i < lab->plan->n_hosts && rc >= 0; i++)
        rc = lab_host_on(lab, &lab->hosts[i], err);
    return rc;
}

static void reap(struct supervisor *s)
{
    struct signalfd_siginfo info;
    while (read(s->signals, &info, sizeof(info)) > 0)
        ;
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
        for (size_t i = 0; i < s->lab.plan->n_hosts; i++)
            if (lab_host_reaped(&s->lab, &s->lab.hosts[i], pid, status))
                break;
}

static void client_free(struct lab_client *c)
{
    close(c->fd);
    *c = (struct lab_client){.fd = -1};
}

static void client_accept(struct supervisor *s)
{
    int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        return;
    for (size_t i = 0; i < CLIENTS_MAX; i++)
        if (s->clients[i].fd < 0) {
            s->clients[i] = (struct lab_client){.fd = fd};
            return;
        }
    lab_wire_failed(fd, DPL_E_BUSY, "too many requests at once");
    close(fd);
}

static void client_read(struct supervisor *s, struct lab_client *c)
{
    char packet[LAB_PACKET];
    const char *words[16];
    int n = lab_wire_read(c->fd, packet, words, G_N_ELEMENTS(words));
    if (n == 0)
        client_free(c);
    else
        lab_request(&s->lab, c, words, n);
}

static bool all_booted(const struct lab *lab)
{
    for (size_t i = 0; i < lab->plan->n_hosts; i++)
        if (lab->hosts[i].power == LAB_BOOTING)
            return false;
    return true;
}

static void tell_ready(const struct lab *lab, int fd)
{
    const struct lab_host *dead = NULL;
    for (size_t i = 0; i < lab->plan->n_hosts && !dead; i++)
        if (lab->hosts[i].power != LAB_UP)
            dead = &lab->hosts[i];
    if (dead)
        dprintf(fd, "%d %s did not boot: %s", dead->boot_err.code, dead->plan->name,
                dead->boot_err.text);
    else
        dprintf(fd, "ok");
    close(fd);
}

/* What is left outside is the keeper's, unless the keeper is gone. */
static void __attribute__((noreturn)) end(struct supervisor *s, int cgroup_root)
{
    struct lab *lab = &s->lab;
    for (size_t i = 0; i < lab->plan->n_hosts; i++)
        if (lab->hosts[i].pidfd >= 0)
            lab_pidfd_kill(lab->hosts[i].pidfd, SIGKILL);
    for (size_t i = 0; i < LAB_SITES_MAX; i++)
        if (lab->routers[i].pid > 0)
            kill(lab->routers[i].pid, SIGKILL);
    for (size_t i = 0; i < lab->n_wires; i++)
        if (lab->wires[i].relay > 0)
            kill(lab->wires[i].relay, SIGKILL);
    while (waitpid(-1, NULL, 0) > 0)
        ;
    struct pollfd life = {.fd = s->life, .events = POLLIN};
    if (poll(&life, 1, 0) > 0) {
        umount2(lab->fs, MNT_DETACH);
        lab_keeper_clean(lab->plan, cgroup_root);
    }
    _exit(0);
}

/* One turn of the loop: what the supervisor listens to, in fixed places and then one per client
 * and per booting host. */
static bool turn(struct supervisor *s)
{
    struct pollfd p[3 + CLIENTS_MAX + LAB_HOSTS_MAX];
    p[0] = (struct pollfd){.fd = s->signals, .events = POLLIN};
    p[1] = (struct pollfd){.fd = s->listener, .events = POLLIN};
    p[2] = (struct pollfd){.fd = s->life, .events = POLLIN};
    for (size_t i = 0; i < CLIENTS_MAX; i++)
        p[3 + i] = (struct pollfd){.fd = s->clients[i].fd, .events = POLLIN};
    for (size_t i = 0; i < LAB_HOSTS_MAX; i++)
        p[3 + CLIENTS_MAX + i] = (struct pollfd){
            .fd = i < s->lab.plan->n_hosts ? s->lab.hosts[i].boot_pipe : -1, .events = POLLIN};
    if (poll(p, G_N_ELEMENTS(p), -1) < 0)
        return true;
    if (p[2].revents)
        return false;
    for (size_t i = 0; i < LAB_HOSTS_MAX; i++)
        if (p[3 + CLIENTS_MAX + i].revents)
            lab_host_booted(&s->lab.hosts[i]);
    if (p[0].revents)
        reap(s);
    for (size_t i = 0; i < CLIENTS_MAX; i++)
        if (p[3 + i].revents)
            client_read(s, &s->clients[i]);
    if (p[1].revents)
        client_accept(s);
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        if (s->clients[i].end)
            return false;
        lab_request_waited(&s->clients[i]);
    }
    return true;
}

void lab_supervisor(const struct lab_plan *plan, const struct lab_supervisor_fds *fds)
{
    static struct supervisor s;
    struct dpl_err err = {0};
    bool told = false;
    init_state(&s, plan);
    s.life = fds->life;
    signal(SIGPIPE, SIG_IGN);
    clearenv();
    setenv("PATH", LAB_PATH, 1);
    setenv("LANG", "C.UTF-8", 1);
    umask(022);
    if (build(&s, fds->cgroup, &err) < 0) {
        lab_log("cannot start: %s", err.text);
        dprintf(fds->ready, "%d %s", err.code, err.text);
        end(&s, fds->cgroup);
    }
    do {
        if (!told && all_booted(&s.lab)) {
            told = true;
            tell_ready(&s.lab, fds->ready);
        }
    } while (turn(&s));
    lab_log("the lab ends");
    end(&s, fds->cgroup);
}
