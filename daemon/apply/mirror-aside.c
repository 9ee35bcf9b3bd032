/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What the replica has and the source has otherwise, at a site that served before: a copy of each
 * file is kept in the directory for orphans, durably, before its content is changed for the first
 * time. An object that is there since this mirror, or was found equal, is no loss.
 */
#include "daemon/apply/kept-list.h"
#include "daemon/apply/mirror-private.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

void dpl_mirror_note_from(const struct dpl_mirror_target *t, const char *at, char kind,
                          const struct stat *st, const char *path)
{
    long long ctime_ns = (long long)st->st_ctim.tv_sec * 1000000000 + st->st_ctim.tv_nsec;
    g_autofree char *text =
        g_strdup_printf("%lld %lld %c %s", (long long)t->options.life, ctime_ns, kind, path);
    (void)lsetxattr(at, DPL_APPLY_FROM, text, strlen(text), 0);
}

static int copy_content(int from, int to, const struct stat *st, struct dpl_err *err)
{
    off_t at = 0;
    if (ioctl(to, FICLONE, from) == 0)
        return 0;
    while (at < st->st_size) {
        ssize_t n = copy_file_range(from, &at, to, NULL, (size_t)(st->st_size - at), 0);
        if (n < 0 && errno != EINTR)
            return dpl_err_sys(err, errno, "keep a copy of a file that differs");
        if (n == 0)
            break;
    }
    return 0;
}

/* As whose it was, with its times, and on the disk. */
static int finish_copy(const struct dpl_mirror_target *t, int to, const struct stat *st,
                       struct dpl_err *err)
{
    const struct timespec times[2] = {st->st_atim, st->st_mtim};
    if (fchown(to, st->st_uid, st->st_gid) < 0 || fchmod(to, st->st_mode & 0777) < 0 ||
        futimens(to, times) < 0 || fsync(to) < 0 || fsync(t->options.orphans_fd) < 0)
        return dpl_err_sys(err, errno, "keep a copy of a file that differs");
    return 0;
}

static int keep(struct dpl_mirror_target *t, int from, const char *path, const struct stat *st,
                struct dpl_err *err)
{
    char name[NAME_MAX + 1];
    g_autofree char *base = g_path_get_basename(path);
    snprintf(name, sizeof name, "%016llx-c%05llu-%.200s", (unsigned long long)t->id,
             (unsigned long long)t->aside.count, base);
    dpl_autofd int to = openat(t->options.orphans_fd, name,
                               O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (to < 0)
        return dpl_err_sys(err, errno, "keep a copy of \"%s\"", path);
    g_autofree char *full = dpl_path_of_dir(from);
    g_autofree char *at = g_strdup_printf("/proc/self/fd/%d/%s", t->options.orphans_fd, name);
    int rc = copy_content(from, to, st, err);
    if (rc == 0 && full)
        dpl_mirror_note_from(t, at, 'c', st, full);
    if (rc == 0)
        rc = finish_copy(t, to, st, err);
    if (rc < 0)
        (void)unlinkat(t->options.orphans_fd, name, 0);
    return rc;
}

/* The content of this object is about to be changed, by a record or by the mirror itself. */
int dpl_mirror_aside(void *self, struct dpl_object *object, int fd, struct dpl_err *err)
{
    struct dpl_mirror_target *t = self;
    struct stat st;
    uint32_t root;
    if (dpl_idset_has(&t->fresh, object->id) || dpl_content_kept(t, object->id) ||
        dpl_idset_has(&t->aside, object->id))
        return 0;
    if (fstat(fd, &st) < 0)
        return dpl_err_sys(err, errno, "look at an object of the replica");
    g_autofree char *path = dpl_mirror_path_in_root(t, fd, &root);
    if (st.st_size == 0 || !path)
        return 0; /* nothing is lost, or it has no name: then it goes where those go */
    int rc = keep(t, fd, path, &st, err);
    if (rc == 0)
        rc = dpl_mirror_note_path(t, path, err);
    if (rc == 0)
        dpl_idset_add(&t->aside, object->id);
    return rc;
}
