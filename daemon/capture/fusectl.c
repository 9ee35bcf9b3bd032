/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/capture/fusectl.h"

#include "daemon/capture/privmount.h"
#include "lib/base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

int dpl_fusectl_open(struct dpl_err *err)
{
    int fd = dpl_privmount_open("fusectl", NULL, err);
    if (fd >= 0)
        return fd;
    int usual = open("/sys/fs/fuse/connections", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return usual >= 0 ? usual : fd;
}

/* Opens a file of the connection. The kernel names it by its own form of the number. */
static int open_file(int ctl_fd, dev_t dev, const char *file, int flags, struct dpl_err *err)
{
    char name[64];
    snprintf(name, sizeof name, "%u/%s", (major(dev) << 20) | minor(dev), file);
    int fd = openat(ctl_fd, name, flags | O_CLOEXEC);
    return fd < 0 ? dpl_err_sys(err, errno, "fusectl: open \"%s\"", name) : fd;
}

int dpl_fusectl_waiting(int ctl_fd, dev_t dev, uint64_t *waiting_r, struct dpl_err *err)
{
    dpl_autofd int fd = open_file(ctl_fd, dev, "waiting", O_RDONLY, err);
    if (fd < 0)
        return fd;
    char text[32] = "";
    ssize_t n = dpl_fd_read_full(fd, text, sizeof text - 1, err);
    if (n < 0)
        return (int)n;
    if (sscanf(text, "%" SCNu64, waiting_r) != 1)
        return dpl_err_set(err, DPL_E_CORRUPT, "fusectl: \"waiting\" is no number");
    return DPL_OK;
}

int dpl_fusectl_abort(int ctl_fd, dev_t dev, struct dpl_err *err)
{
    dpl_autofd int fd = open_file(ctl_fd, dev, "abort", O_WRONLY, err);
    return fd < 0 ? fd : dpl_fd_write_all(fd, "1", 1, err);
}

enum holder { HOLDS_NOTHING, HOLDS_ANOTHER, HOLDS_ONE_UNNAMED, HOLDS_IT };

/* Whether this process has the connection open. Kernels that do not name it leave a doubt. */
static enum holder look_at(pid_t pid, uint64_t connection)
{
    g_autofree int *fds = NULL;
    int count = dpl_proc_fds(pid, &fds, NULL);
    enum holder found = HOLDS_NOTHING;
    for (int i = 0; i < count; i++) {
        char link[32], text[32];
        uint64_t number = 0;
        snprintf(link, sizeof link, "fd/%d", fds[i]);
        if (!dpl_proc_link_text(pid, link, text, sizeof text) || strcmp(text, "/dev/fuse") != 0)
            continue;
        enum holder now = HOLDS_ONE_UNNAMED;
        if (dpl_proc_fdinfo(pid, fds[i], "fuse_connection", 10, &number))
            now = number == connection ? HOLDS_IT : HOLDS_ANOTHER;
        found = MAX(found, now);
    }
    return found;
}

int dpl_fusectl_server(dev_t dev, const struct dpl_proc_id *keeper, struct dpl_err *err)
{
    if (keeper && dpl_proc_id_alive(keeper))
        return DPL_SERVER_ALIVE;
    g_autofree pid_t *pids = NULL;
    int count = dpl_proc_list(&pids, err);
    if (count < 0)
        return count;
    enum holder found = HOLDS_NOTHING;
    for (int i = 0; i < count && found != HOLDS_IT; i++) {
        enum holder now = look_at(pids[i], (major(dev) << 20) | minor(dev));
        found = MAX(found, now);
    }
    if (found == HOLDS_IT)
        return DPL_SERVER_ALIVE;
    return found == HOLDS_ONE_UNNAMED ? DPL_SERVER_UNKNOWN : DPL_SERVER_DEAD;
}
