/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/parent/boot_mark.h"

#include "lib/base/fd.h"
#include "lib/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BOOT_ID_MAX = 64 };

static char *boot_id(void)
{
    char *id = NULL;
    if (dpl_file_read(AT_FDCWD, "/proc/sys/kernel/random/boot_id", BOOT_ID_MAX, &id, NULL, NULL) <
        0)
        return g_strdup("");
    return id;
}

static int open_dir(const struct dpl_set *set, const char *kind, bool make)
{
    g_autofree char *dir = g_build_filename(set->daemon->settings.run_dir, kind, NULL);
    if (make && mkdir(dir, 0700) < 0 && errno != EEXIST)
        return -1;
    return open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

bool dpl_boot_mark_is(const struct dpl_set *set, const char *kind)
{
    g_autofree char *id = boot_id(), *mark = NULL;
    dpl_autofd int dir = open_dir(set, kind, false);
    return dir >= 0 && dpl_file_read(dir, set->name, BOOT_ID_MAX, &mark, NULL, NULL) == DPL_OK &&
           strcmp(mark, id) == 0;
}

int dpl_boot_mark_put(const struct dpl_set *set, const char *kind, struct dpl_err *err)
{
    g_autofree char *id = boot_id();
    dpl_autofd int dir = open_dir(set, kind, true);
    if (dir < 0)
        return dpl_err_sys(err, errno, "%s", kind);
    if (dpl_boot_mark_is(set, kind))
        return DPL_OK;
    return dpl_file_replace(dir, set->name, id, strlen(id), 0600, err);
}

int dpl_boot_mark_drop(const struct dpl_set *set, const char *kind, struct dpl_err *err)
{
    dpl_autofd int dir = open_dir(set, kind, false);
    if (dir >= 0 && unlinkat(dir, set->name, 0) < 0 && errno != ENOENT)
        return dpl_err_sys(err, errno, "%s/%s", kind, set->name);
    return DPL_OK;
}
