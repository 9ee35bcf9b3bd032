/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A site that serves, and later stands by again, holds a new replica each time: queue, map and
 * state of the time before say nothing of what happened since. The file `life` says whose they are.
 * State goes first, and durably; then all else; then the life is written: whoever dies between is
 * followed by one who begins with this again.
 */
#include "daemon/apply/replica-private.h"
#include "lib/base/fd.h"
#include "lib/base/file.h"
#include "lib/base/path.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LIFE_FILE "life"

static int life_read(int dir_fd, int64_t *life_r, struct dpl_err *err)
{
    g_autofree char *text = NULL;
    size_t size;
    *life_r = 0;
    int rc = dpl_file_read(dir_fd, LIFE_FILE, 32, &text, &size, err);
    if (rc == DPL_E_NOT_FOUND)
        return 0;
    if (rc == 0 && sscanf(text, "%" SCNd64, life_r) != 1)
        *life_r = -1; /* damaged: of none that is known */
    return rc;
}

static int life_write(int dir_fd, int64_t life, struct dpl_err *err)
{
    char text[32];
    int size = snprintf(text, sizeof text, "%" PRId64 "\n", life);
    return dpl_file_replace(dir_fd, LIFE_FILE, text, (size_t)size, 0600, err);
}

static int remove_name(int dir_fd, const char *name, struct dpl_err *err)
{
    return unlinkat(dir_fd, name, 0) < 0 && errno != ENOENT
               ? dpl_err_sys(err, errno, "remove \"%s\" of an earlier replica", name)
               : 0;
}

static int remove_queue(int dir_fd, struct dpl_err *err)
{
    int fd = openat(dir_fd, "queue", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), rc = 0;
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *d;
    if (!dir && errno == ENOENT)
        return 0;
    if (!dir) {
        rc = dpl_err_sys(err, errno, "open the queue of an earlier replica");
        dpl_fd_clear(&fd);
        return rc;
    }
    while (rc == 0 && (d = readdir(dir)))
        if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
            rc = remove_name(dirfd(dir), d->d_name, err);
    closedir(dir);
    return rc;
}

/* Objects without a name were set aside: a person may want them. */
static int keep_objects(int dir_fd, int64_t life, struct dpl_err *err)
{
    char to[64];
    if (unlinkat(dir_fd, "objects", AT_REMOVEDIR) == 0 || errno == ENOENT)
        return 0;
    snprintf(to, sizeof to, "orphans/objects-before-%" PRId64, life);
    if (mkdirat(dir_fd, "orphans", 0700) < 0 && errno != EEXIST)
        return dpl_err_sys(err, errno, "make the directory for orphans");
    return renameat(dir_fd, "objects", dir_fd, to) < 0
               ? dpl_err_sys(err, errno, "set aside what an earlier replica held without a name")
               : 0;
}

int dpl_replica_begin_life(int dir_fd, int64_t life, struct dpl_err *err)
{
    static const char *const names[] = {"map", "compared", "mirror", "owner"};
    int64_t former;
    int rc = life_read(dir_fd, &former, err);
    if (rc < 0 || former == life)
        return rc;
    rc = remove_name(dir_fd, DPL_REPLICA_STATE_FILE, err);
    if (rc == 0 && fsync(dir_fd) < 0)
        rc = dpl_err_sys(err, errno, "sync the reserved directory");
    if (rc == 0)
        rc = remove_queue(dir_fd, err);
    for (size_t i = 0; rc == 0 && i < G_N_ELEMENTS(names); i++)
        rc = remove_name(dir_fd, names[i], err);
    if (rc == 0)
        rc = keep_objects(dir_fd, life, err);
    return rc < 0 ? rc : life_write(dir_fd, life, err);
}
