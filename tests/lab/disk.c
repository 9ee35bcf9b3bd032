/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/lab/disk.h"

#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "tests/lab/run.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* The same number for ext4 and XFS; the log is not flushed. */
#define FS_SHUTDOWN              _IOR('X', 125, uint32_t)
#define FS_SHUTDOWN_NO_LOG_FLUSH 2U

enum { LOOP_MAJOR = 7, ATTACH_TRIES = 100, POLL_US = 2000 };

void lab_disk_tag(const struct lab_plan *plan, char *tag, size_t size)
{
    snprintf(tag, size, "doppel-lab.%s.", plan->name);
}

static void image_path(const struct lab *lab, const char *of, char *path, size_t size)
{
    char tag[64];
    lab_disk_tag(lab->plan, tag, sizeof(tag));
    snprintf(path, size, "%s/%s%s.img", lab->fs, tag, of);
}

void lab_disk_node(const struct lab *lab, int number, char *path, size_t size)
{
    snprintf(path, size, "%s/loop%d", lab->fs, number);
}

static int image_make(const char *path, int mb, struct dpl_err *err)
{
    dpl_autofd int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 || ftruncate(fd, (off_t)mb * 1024 * 1024) < 0)
        return dpl_err_sys(err, errno, "make the image \"%s\"", path);
    return DPL_OK;
}

/* Another lab may take the free device first: then the next one. */
static int loop_attach(const struct lab *lab, const char *image, int *number_r, struct dpl_err *err)
{
    dpl_autofd int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
    dpl_autofd int file = open(image, O_RDWR | O_CLOEXEC);
    if (control < 0 || file < 0)
        return dpl_err_sys(err, errno, "open loop-control or \"%s\"", image);
    struct loop_config config = {.fd = (uint32_t)file};
    config.info.lo_flags = LO_FLAGS_AUTOCLEAR;
    const char *base = strrchr(image, '/');
    snprintf((char *)config.info.lo_file_name, LO_NAME_SIZE, "%s", base ? base + 1 : image);
    for (int i = 0; i < ATTACH_TRIES; i++) {
        int number = ioctl(control, LOOP_CTL_GET_FREE);
        if (number < 0)
            return dpl_err_sys(err, errno, "find a free loop device");
        char node[128];
        lab_disk_node(lab, number, node, sizeof(node));
        if (mknod(node, S_IFBLK | 0660, makedev(LOOP_MAJOR, (unsigned)number)) < 0 &&
            errno != EEXIST)
            return dpl_err_sys(err, errno, "make \"%s\"", node);
        dpl_autofd int fd = open(node, O_RDWR | O_CLOEXEC);
        if (fd >= 0 && ioctl(fd, LOOP_CONFIGURE, &config) == 0) {
            *number_r = number;
            return dpl_fd_steal(&fd);
        }
        if (errno != EBUSY && errno != ENXIO)
            return dpl_err_sys(err, errno, "attach \"%s\" to loop%d", image, number);
        unlink(node);
    }
    return dpl_err_set(err, DPL_E_BUSY, "no loop device could be had for \"%s\"", image);
}

/* With blocks of 4 KiB, whatever the size: ext4 starts a mount with 1 KiB, and the change of size
 * makes the kernel drop what it has cached of the device, which another host may have written. */
static pid_t mkfs(const char *image, const char *label, bool shared, struct dpl_err *err)
{
    const char *const argv[] = {
        "mkfs.ext4", "-q",
        "-b",        "4096",
        "-L",        label,
        "-O",        shared ? "mmp" : "^mmp",
        "-E",        shared ? "mmp_update_interval=1" : "lazy_itable_init=1",
        image,       NULL};
    return lab_spawn(argv, err);
}

struct batch {
    pid_t pids[LAB_HOSTS_MAX + LAB_SITES_MAX * LAB_DISKS_MAX];
    size_t n;
};

static int batch_add(struct batch *batch, const struct lab *lab, const char *of, int mb,
                     bool shared, struct dpl_err *err)
{
    char path[192];
    image_path(lab, of, path, sizeof(path));
    int rc = image_make(path, mb, err);
    if (rc < 0)
        return rc;
    pid_t pid = mkfs(path, of, shared, err);
    if (pid < 0)
        return pid;
    batch->pids[batch->n++] = pid;
    return DPL_OK;
}

static void shared_name(int site, int disk, char *name, size_t size)
{
    snprintf(name, size, "site-%c-%d", 'a' + site, disk + 1);
}

static int images_make(const struct lab *lab, struct dpl_err *err)
{
    struct batch batch = {.n = 0};
    char name[32];
    int rc = DPL_OK;
    for (int site = 0; site < LAB_SITES_MAX && rc == DPL_OK; site++)
        for (int d = 0; d < lab->plan->disks && lab_plan_has_site(lab->plan, site) && rc == DPL_OK;
             d++) {
            shared_name(site, d, name, sizeof(name));
            rc = batch_add(&batch, lab, name, lab->plan->disk_mb, true, err);
        }
    for (size_t i = 0; i < lab->plan->n_hosts && rc == DPL_OK; i++) {
        snprintf(name, sizeof(name), "host-%s", lab->plan->hosts[i].name);
        rc = batch_add(&batch, lab, name, lab->plan->own_disk_mb, false, err);
    }
    for (size_t i = 0; i < batch.n; i++) {
        int one = lab_spawn_wait(batch.pids[i], "mkfs.ext4", rc == DPL_OK ? err : NULL);
        if (rc == DPL_OK)
            rc = one;
    }
    return rc;
}

int lab_disks_make(struct lab *lab, struct dpl_err *err)
{
    int rc = images_make(lab, err);
    if (rc < 0)
        return rc;
    for (size_t i = 0; i < lab->plan->n_hosts; i++) {
        struct lab_host *host = &lab->hosts[i];
        char name[32], path[192];
        for (int d = 0; d < lab->plan->disks; d++) {
            shared_name(host->plan->site, d, name, sizeof(name));
            image_path(lab, name, path, sizeof(path));
            host->disk_fd[d] = loop_attach(lab, path, &host->disk[d], err);
            if (host->disk_fd[d] < 0)
                return host->disk_fd[d];
        }
        snprintf(name, sizeof(name), "host-%s", host->plan->name);
        image_path(lab, name, path, sizeof(path));
        host->own_disk_fd = loop_attach(lab, path, &host->own_disk, err);
        if (host->own_disk_fd < 0)
            return host->own_disk_fd;
    }
    return DPL_OK;
}

/* A mounted file system has a directory named after its device. Returns its type or NULL. */
static const char *mounted_type(int number)
{
    static const char *const types[] = {"ext4", "xfs", NULL};
    for (size_t i = 0; types[i]; i++) {
        char path[64];
        snprintf(path, sizeof(path), "/sys/fs/%s/loop%d", types[i], number);
        if (access(path, F_OK) == 0)
            return types[i];
    }
    return NULL;
}

void lab_disk_drop_cache(const struct lab_host *host, int disk)
{
    ioctl(host->disk_fd[disk], BLKFLSBUF, 0);
}

bool lab_disk_in_use(int number)
{
    return mounted_type(number) != NULL;
}

/* Mounting a device that is mounted already gives the same superblock. So no path of the host is
 * walked, which might be hidden by another mount or lead into a file system that hangs. */
int lab_disk_lose(const struct lab *lab, int number, struct dpl_err *err)
{
    const char *type = mounted_type(number);
    if (!type)
        return DPL_OK;
    char node[128], dir[128];
    lab_disk_node(lab, number, node, sizeof(node));
    snprintf(dir, sizeof(dir), "%s/lose.%d", lab->fs, number);
    mkdir(dir, 0700);
    if (mount(node, dir, type, 0, NULL) < 0)
        return dpl_err_sys(err, errno, "reach the file system on loop%d", number);
    uint32_t how = FS_SHUTDOWN_NO_LOG_FLUSH;
    int fd = open(dir, O_RDONLY | O_CLOEXEC);
    int rc = DPL_OK;
    if (fd < 0 || ioctl(fd, FS_SHUTDOWN, &how) < 0)
        rc = dpl_err_sys(err, errno, "shut the file system on loop%d down", number);
    if (fd >= 0)
        close(fd);
    umount2(dir, MNT_DETACH);
    return rc;
}

int lab_disk_wait_free(int number, int timeout_ms, struct dpl_err *err)
{
    const struct dpl_clock *clock = &dpl_clock_system;
    int64_t deadline = dpl_clock_now_ns(clock) + (int64_t)timeout_ms * 1000000;
    while (mounted_type(number)) {
        if (dpl_clock_left_ms(clock, deadline) == 0)
            return dpl_err_set(err, DPL_E_TIMEOUT, "loop%d stayed mounted", number);
        usleep(POLL_US);
    }
    return DPL_OK;
}

int lab_disk_clear_mmp(const struct lab *lab, int number, struct dpl_err *err)
{
    char node[128];
    lab_disk_node(lab, number, node, sizeof(node));
    const char *const argv[] = {"tune2fs", "-f", "-E", "clear_mmp", node, NULL};
    return lab_run(argv, err);
}

static bool any_backed_by(const char *text)
{
    DIR *dir = opendir("/sys/block");
    bool found = false;
    for (struct dirent *e; dir && !found && (e = readdir(dir));) {
        char path[320], name[512];
        snprintf(path, sizeof(path), "/sys/block/%s/loop/backing_file", e->d_name);
        dpl_autofd int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
            continue;
        ssize_t n = dpl_fd_read_full(fd, name, sizeof(name) - 1, NULL);
        name[n > 0 ? n : 0] = '\0';
        found = strstr(name, text) != NULL;
    }
    if (dir)
        closedir(dir);
    return found;
}

int lab_disks_wait_gone(const char *text, int timeout_ms, struct dpl_err *err)
{
    const struct dpl_clock *clock = &dpl_clock_system;
    int64_t deadline = dpl_clock_now_ns(clock) + (int64_t)timeout_ms * 1000000;
    while (any_backed_by(text)) {
        if (dpl_clock_left_ms(clock, deadline) == 0)
            return dpl_err_set(err, DPL_E_TIMEOUT, "loop devices of %s stayed", text);
        usleep(POLL_US);
    }
    return DPL_OK;
}
