/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/parent/instance.h"

#include "lib/base/fd.h"
#include "lib/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int make_dir(const char *path, mode_t mode, struct dpl_err *err)
{
    if (g_mkdir_with_parents(path, (int)mode) < 0)
        return dpl_err_sys(err, errno, "make the directory \"%s\"", path);
    return DPL_OK;
}

/* Locks DIR/doppeld.lock. Returns the descriptor that holds it. */
static int lock(const char *dir, struct dpl_err *err)
{
    g_autofree char *path = g_build_filename(dir, "doppeld.lock", NULL);
    dpl_autofd int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    char pid[32] = "";
    if (fd < 0)
        return dpl_err_sys(err, errno, "open \"%s\"", path);
    if (flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK) {
        ssize_t n = pread(fd, pid, sizeof pid - 1, 0);
        return dpl_err_set(err, DPL_E_BUSY, "another doppeld runs (process %ld has \"%s\")",
                           n > 0 ? strtol(pid, NULL, 10) : 0L, path);
    }
    int n = snprintf(pid, sizeof pid, "%d\n", (int)getpid());
    if (ftruncate(fd, 0) < 0 || pwrite(fd, pid, (size_t)n, 0) != n)
        return dpl_err_sys(err, errno, "write \"%s\"", path);
    return dpl_fd_steal(&fd);
}

static int write_pid(struct dpl_instance *instance, const char *run_dir, struct dpl_err *err)
{
    char text[32];
    dpl_autofd int dir = open(run_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return dpl_err_sys(err, errno, "open \"%s\"", run_dir);
    int n = snprintf(text, sizeof text, "%d\n", (int)getpid());
    instance->pid_path = g_build_filename(run_dir, "doppeld.pid", NULL);
    return dpl_file_replace(dir, "doppeld.pid", text, (size_t)n, 0644, err);
}

int dpl_instance_take(struct dpl_instance *instance, const struct dpl_settings *settings,
                      struct dpl_err *err)
{
    *instance = (struct dpl_instance){-1, -1, NULL};
    int rc = make_dir(settings->run_dir, 0755, err);
    if (rc == DPL_OK)
        rc = make_dir(settings->state_dir, 0750, err);
    if (rc == DPL_OK)
        rc = make_dir(settings->journal_dir, 0700, err);
    if (rc == DPL_OK)
        rc = instance->run_lock = lock(settings->run_dir, err);
    if (rc >= 0)
        rc = instance->state_lock = lock(settings->state_dir, err);
    if (rc >= 0)
        rc = write_pid(instance, settings->run_dir, err);
    if (rc < 0)
        dpl_instance_drop(instance);
    return rc < 0 ? rc : DPL_OK;
}

void dpl_instance_drop(struct dpl_instance *instance)
{
    if (instance->pid_path)
        unlink(instance->pid_path);
    g_clear_pointer(&instance->pid_path, g_free);
    dpl_fd_clear(&instance->run_lock);
    dpl_fd_clear(&instance->state_lock);
}
