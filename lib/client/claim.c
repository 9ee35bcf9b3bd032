/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/client/claim.h"

#include "lib/base/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static const char *const prefixes[] = {
    [DPL_CLAIM_SERVICE] = "service.", [DPL_CLAIM_REPLICA] = "replica."};

static char *file_of(enum dpl_claim kind, const char *who)
{
    return g_strdelimit(g_strconcat(prefixes[kind], who, NULL), "/", '_');
}

/* The directory of the set, locked as long as the descriptor is open. */
static int open_locked(const char *run_dir, const char *set, struct dpl_err *err)
{
    g_autofree char *path = g_build_filename(run_dir, "claim", set, NULL);
    if (g_mkdir_with_parents(path, 0755) < 0)
        return dpl_err_sys(err, errno, "make \"%s\"", path);
    dpl_autofd int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return dpl_err_sys(err, errno, "open \"%s\"", path);
    while (flock(fd, LOCK_EX) < 0)
        if (errno != EINTR)
            return dpl_err_sys(err, errno, "lock \"%s\"", path);
    return dpl_fd_steal(&fd);
}

/* The holder of a claim of this kind, or NULL; the caller frees it. */
static char *holder(int dir_fd, enum dpl_claim kind, struct dpl_err *err)
{
    int own = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = own < 0 ? NULL : fdopendir(own);
    char *found = NULL;
    if (!dir) {
        dpl_err_sys(err, errno, "read the claims on the set");
        dpl_fd_clear(&own);
        return NULL;
    }
    for (struct dirent *entry; !found && (entry = readdir(dir));)
        if (g_str_has_prefix(entry->d_name, prefixes[kind]))
            found = g_strdup(entry->d_name + strlen(prefixes[kind]));
    closedir(dir);
    return found;
}

int dpl_claim_take(const char *run_dir, const char *set, enum dpl_claim kind, const char *who,
                   struct dpl_err *err)
{
    enum dpl_claim other = kind == DPL_CLAIM_SERVICE ? DPL_CLAIM_REPLICA : DPL_CLAIM_SERVICE;
    g_autofree char *name = file_of(kind, who);
    struct dpl_err why = {0};
    dpl_autofd int dir_fd = open_locked(run_dir, set, err);
    if (dir_fd < 0)
        return dir_fd;
    g_autofree char *other_holder = holder(dir_fd, other, &why);
    if (why.code < 0)
        return dpl_err_set(err, why.code, "%s", why.text);
    if (other_holder)
        return dpl_err_set(err, DPL_E_REFUSED,
                           other == DPL_CLAIM_REPLICA
                               ? "the replica of set \"%s\" is written on this node (%s)"
                               : "the files of set \"%s\" are used by a service on this node (%s)",
                           set, other_holder);
    dpl_autofd int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    return fd < 0 ? dpl_err_sys(err, errno, "claim set \"%s\"", set) : DPL_OK;
}

int dpl_claim_drop(const char *run_dir, const char *set, enum dpl_claim kind, const char *who,
                   struct dpl_err *err)
{
    g_autofree char *name = file_of(kind, who);
    dpl_autofd int dir_fd = open_locked(run_dir, set, err);
    if (dir_fd < 0)
        return dir_fd;
    if (unlinkat(dir_fd, name, 0) < 0 && errno != ENOENT)
        return dpl_err_sys(err, errno, "drop the claim on set \"%s\"", set);
    return DPL_OK;
}

int dpl_claim_held(const char *run_dir, const char *set, enum dpl_claim kind, const char *who,
                   struct dpl_err *err)
{
    g_autofree char *name = file_of(kind, who);
    g_autofree char *path = g_build_filename(run_dir, "claim", set, name, NULL);
    if (access(path, F_OK) == 0)
        return 1;
    return errno == ENOENT ? 0 : dpl_err_sys(err, errno, "look at \"%s\"", path);
}
