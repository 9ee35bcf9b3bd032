/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/capture/bypass_scan.h"

#include "daemon/capture/mountinfo.h"
#include "lib/base/path.h"

#include <fcntl.h>
#include <glib.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

struct place {
    dev_t dev;      /* of the file system */
    dev_t file_dev; /* of files in it, which differs on btrfs */
    char *inner;    /* the root's path in it */
};

struct scan {
    struct place *places;
    size_t place_count;
    struct dpl_bypass_writers *writers;
    const struct dpl_mounts *own_mounts;
    /* of the process that is looked at */
    pid_t pid;
    struct dpl_mounts *mounts;
};

static bool beneath_a_root(const struct scan *scan, const struct dpl_mount *mount,
                           const char *inner)
{
    for (size_t i = 0; i < scan->place_count; i++)
        if (scan->places[i].dev == mount->dev && dpl_path_is_beneath(inner, scan->places[i].inner))
            return true;
    return false;
}

static bool on_our_devices(const struct scan *scan, dev_t dev)
{
    for (size_t i = 0; i < scan->place_count; i++)
        if (scan->places[i].dev == dev || scan->places[i].file_dev == dev)
            return true;
    return false;
}

/* Whether a file that lies on one of our devices may lie beneath a root. In doubt it does: a mount
 * that is in no list was detached while the file was open. What /proc adds to the last name of a
 * deleted file does no harm. */
static bool concerns_us(const struct scan *scan, int mount_id, const char *path)
{
    const struct dpl_mount *mount = NULL;
    if (mount_id < 0)
        mount = scan->mounts ? dpl_mounts_covering(scan->mounts, path) : NULL;
    else /* ours first: its list may be relative to a root of its own, the path is to ours */
        mount = dpl_mounts_by_id(scan->own_mounts, mount_id);
    if (!mount && scan->mounts)
        mount = dpl_mounts_by_id(scan->mounts, mount_id);
    g_autofree char *inner = mount ? dpl_mount_inner_path(mount, path) : NULL;
    return !inner || beneath_a_root(scan, mount, inner);
}

static void add(struct scan *scan, int fd, const char *path)
{
    struct dpl_bypass_writers *w = scan->writers;
    if (w->count == DPL_BYPASS_WRITERS_MAX) {
        w->more = true;
        return;
    }
    w->items = g_renew(struct dpl_bypass_writer, w->items, w->count + 1);
    struct dpl_bypass_writer *item = &w->items[w->count++];
    *item = (struct dpl_bypass_writer){.pid = scan->pid, .fd = fd, .path = g_strdup(path)};
    dpl_proc_comm(scan->pid, item->comm);
}

static void look_at_fd(struct scan *scan, int fd)
{
    char link[32], path[PATH_MAX];
    dev_t dev = 0;
    uint64_t flags = 0, mount_id = 0;
    snprintf(link, sizeof link, "fd/%d", fd);
    if (dpl_proc_link_dev(scan->pid, link, &dev) < 0 || !on_our_devices(scan, dev) ||
        !dpl_proc_fdinfo(scan->pid, fd, "flags", 8, &flags) || (flags & O_ACCMODE) == O_RDONLY ||
        !dpl_proc_link_text(scan->pid, link, path, sizeof path))
        return;
    bool known = dpl_proc_fdinfo(scan->pid, fd, "mnt_id", 10, &mount_id);
    if (concerns_us(scan, known ? (int)mount_id : -1, path))
        add(scan, fd, path);
}

static bool look_at_map(void *self, const struct dpl_proc_map *map)
{
    struct scan *scan = self;
    if (map->shared && map->writable && on_our_devices(scan, map->dev) &&
        concerns_us(scan, -1, map->path))
        add(scan, -1, map->path);
    return true;
}

static void look_at_process(struct scan *scan, pid_t pid)
{
    scan->pid = pid;
    dpl_automounts struct dpl_mounts *mounts = NULL;
    dpl_mountinfo_read(pid, &mounts, NULL);
    scan->mounts = mounts;
    g_autofree int *fds = NULL;
    int count = dpl_proc_fds(pid, &fds, NULL);
    for (int i = 0; i < count; i++)
        look_at_fd(scan, fds[i]);
    dpl_proc_maps(pid, look_at_map, scan, NULL);
    scan->mounts = NULL;
}

static int place_of(const struct dpl_mounts *mounts, const char *root, struct place *place,
                    struct dpl_err *err)
{
    const struct dpl_mount *mount = dpl_mounts_covering(mounts, root);
    struct statx stx;
    if (!mount || dpl_mount_is_ours(mount))
        return dpl_err_set(err, DPL_E_PARAM_HERE, "\"%s\": %s", root,
                           mount ? "is captured already" : "lies on no mount");
    if (statx(AT_FDCWD, root, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT, 0, &stx) < 0)
        return dpl_err_set(err, DPL_E_NOT_FOUND, "\"%s\" cannot be looked at", root);
    place->dev = mount->dev;
    place->file_dev = makedev(stx.stx_dev_major, stx.stx_dev_minor);
    place->inner = dpl_mount_inner_path(mount, root);
    return DPL_OK;
}

static int scan_all(struct scan *scan, dpl_proc_is_ours_fn is_ours, void *ours, struct dpl_err *err)
{
    g_autofree pid_t *pids = NULL;
    int count = dpl_proc_list(&pids, err);
    for (int i = 0; i < count; i++)
        if (!is_ours || !is_ours(ours, pids[i]))
            look_at_process(scan, pids[i]);
    return count < 0 ? count : DPL_OK;
}

int dpl_bypass_scan(const char *const *roots, size_t root_count, dpl_proc_is_ours_fn is_ours,
                    void *ours, struct dpl_bypass_writers *writers_r, struct dpl_err *err)
{
    *writers_r = (struct dpl_bypass_writers){0};
    dpl_automounts struct dpl_mounts *mounts = NULL;
    int rc = dpl_mountinfo_read(0, &mounts, err);
    if (rc < 0)
        return rc;
    struct scan scan = {.writers = writers_r, .own_mounts = mounts, .place_count = root_count};
    scan.places = g_new0(struct place, root_count);
    for (size_t i = 0; i < root_count && rc == DPL_OK; i++)
        rc = place_of(mounts, roots[i], &scan.places[i], err);
    if (rc == DPL_OK)
        rc = scan_all(&scan, is_ours, ours, err);
    for (size_t i = 0; i < root_count; i++)
        g_free(scan.places[i].inner);
    g_free(scan.places);
    return rc;
}

void dpl_bypass_writers_clear(struct dpl_bypass_writers *writers)
{
    for (size_t i = 0; i < writers->count; i++)
        g_free(writers->items[i].path);
    g_free(writers->items);
    *writers = (struct dpl_bypass_writers){0};
}
