/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The directories below a capture, lent to the link for a mirror.
 *
 * The capture's mount lies over them. A copy of the mount beneath, without what is mounted on it,
 * leads to them once; what is lent is opened by handle on the mount itself: as long as the link has
 * it the file system counts as in use, so that nobody believes it to be free.
 */
#include "daemon/parent/daemon.h"
#include "daemon/parent/log.h"
#include "daemon/parent/set_doc.h"
#include "lib/base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { HANDLE_MAX = 128 };

union handle {
    struct file_handle h;
    unsigned char room[sizeof(struct file_handle) + HANDLE_MAX];
};

/* The directory of this name where nothing is mounted over it. */
static int open_beneath(const char *parent, const char *name, struct dpl_err *err)
{
    struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
                           .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV | RESOLVE_BENEATH};
    dpl_autofd int tree =
        (int)syscall(SYS_open_tree, AT_FDCWD, parent, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    if (tree < 0)
        return dpl_err_sys(err, errno, "look beneath the capture of \"%s/%s\"", parent, name);
    int fd = (int)syscall(SYS_openat2, tree, name, &how, sizeof how);
    return fd < 0 ? dpl_err_sys(err, errno, "open \"%s/%s\" beneath the capture", parent, name)
                  : fd;
}

static int open_root(const char *path, struct dpl_err *err)
{
    union handle u = {.h.handle_bytes = HANDLE_MAX};
    int mount_id;
    g_autofree char *parent = g_path_get_dirname(path), *name = g_path_get_basename(path);
    dpl_autofd int below = open_beneath(parent, name, err);
    if (below < 0)
        return below;
    dpl_autofd int mount = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (mount < 0 || name_to_handle_at(below, "", &u.h, &mount_id, AT_EMPTY_PATH) < 0)
        return dpl_err_sys(err, errno, "look at \"%s\" beneath the capture", path);
    int fd = open_by_handle_at(mount, &u.h, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? dpl_err_sys(err, errno, "open \"%s\" beneath the capture", path) : fd;
}

static int open_all(struct dpl_set *set, struct dpl_doc *paths, int *fds, size_t *count,
                    struct dpl_err *err)
{
    enum dpl_capstat_state state = dpl_capture_state(set);
    g_autoptr(dpl_doc_auto) roots = dpl_set_doc_roots(set->doc);
    if (state != DPL_CAPSTAT_IS_SERVING)
        return dpl_err_set(err, DPL_E_NOT_RUNNING, "a mirror waits: the capture is %s",
                           dpl_capstat_state_text(state));
    for (size_t i = 0; i < dpl_doc_count(roots) && i < DPL_CHANNEL_FDS_MAX; i++) {
        const char *path = dpl_doc_as_text(dpl_doc_at(roots, i));
        int fd = open_root(path, err);
        if (fd < 0)
            return fd;
        fds[(*count)++] = fd;
        dpl_doc_add_text(paths, path);
    }
    return DPL_OK;
}

void dpl_lend(struct dpl_set *set)
{
    g_autoptr(dpl_doc_auto) doc = dpl_doc_new();
    struct dpl_doc *lent = dpl_doc_set_tree(doc, "lent");
    struct dpl_doc *paths = dpl_doc_set_list(lent, "paths");
    struct dpl_err err = {0};
    int fds[DPL_CHANNEL_FDS_MAX];
    size_t count = 0;
    if (open_all(set, paths, fds, &count, &err) < 0) {
        dpl_doc_set_text(lent, "text", err.text);
        dpl_doc_set_list(lent, "paths");
        while (count > 0)
            close(fds[--count]);
    }
    if (dpl_child_send(set->engine, doc, fds, count, &err) < 0)
        dpl_log(LOG_ERR, "set \"%s\": %s", set->name, err.text);
    while (count > 0)
        close(fds[--count]);
}
