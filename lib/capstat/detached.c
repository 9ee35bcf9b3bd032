/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/capstat/detached.h"

#include "lib/base/fd.h"
#include "lib/base/file.h"
#include "lib/capstat/owner.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define DIR_NAME  "detached"
#define FILE_NAME "detached"

static int open_dir(const char *state_dir, bool make, struct dpl_err *err)
{
    g_autofree char *path = g_build_filename(state_dir, DIR_NAME, NULL);
    if (make && mkdir(path, 0700) < 0 && errno != EEXIST)
        return dpl_err_sys(err, errno, "make the directory \"%s\"", path);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    return fd < 0 ? dpl_err_sys(err, errno, "open \"%s\"", path) : fd;
}

static int write_mark(int dir, const char *name, struct dpl_err *err)
{
    char node[HOST_NAME_MAX + 1] = "", text[512];
    gethostname(node, sizeof node - 1);
    int n = snprintf(text, sizeof text, "detached on %s at %lld\n", node, (long long)time(NULL));
    return dpl_file_replace(dir, name, text, (size_t)n, 0600, err);
}

int dpl_detached_make(const char *state_dir, const char *root, const char *set,
                      struct dpl_err *disk_err, struct dpl_err *err)
{
    dpl_autofd int dir = open_dir(state_dir, true, err);
    int rc = dir < 0 ? dir : write_mark(dir, set, err);
    dpl_autofd int disk = root ? dpl_owner_open_dir(root, set, true, disk_err) : -1;
    if (disk >= 0)
        write_mark(disk, FILE_NAME, disk_err);
    return rc;
}

bool dpl_detached_is(const char *state_dir, const char *root, const char *set)
{
    dpl_autofd int dir = open_dir(state_dir, false, NULL);
    if (dir >= 0 && faccessat(dir, set, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        return true;
    dpl_autofd int disk = root ? dpl_owner_open_dir(root, set, false, NULL) : -1;
    return disk >= 0 && faccessat(disk, FILE_NAME, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* The capture that was ended may have closed its stamp: it says nothing of what came after. */
static int open_stamp(int disk, const char *set, struct dpl_err *err)
{
    struct dpl_owner owner;
    int rc = dpl_owner_read(disk, set, &owner, err);
    if (rc == DPL_E_NOT_FOUND || rc == DPL_E_CORRUPT)
        return DPL_OK;
    if (rc == DPL_OK && owner.closed) {
        owner.closed = false;
        rc = dpl_owner_write(disk, &owner, err);
    }
    return rc;
}

static int take_away(int dir, const char *name, struct dpl_err *err)
{
    if (unlinkat(dir, name, 0) < 0 && errno != ENOENT)
        return dpl_err_sys(err, errno, "remove the mark \"%s\"", name);
    return fsync(dir) < 0 ? dpl_err_sys(err, errno, "sync the directory of \"%s\"", name) : DPL_OK;
}

int dpl_detached_end(const char *state_dir, const char *root, const char *set, struct dpl_err *err)
{
    int rc = DPL_OK;
    dpl_autofd int dir = open_dir(state_dir, false, NULL);
    dpl_autofd int disk = root ? dpl_owner_open_dir(root, set, false, NULL) : -1;
    if (!dpl_detached_is(state_dir, root, set))
        return DPL_OK;
    if (disk >= 0)
        rc = open_stamp(disk, set, err);
    if (rc == DPL_OK && disk >= 0)
        rc = take_away(disk, FILE_NAME, err);
    if (rc == DPL_OK && dir >= 0)
        rc = take_away(dir, set, err);
    return rc;
}
