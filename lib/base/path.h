/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Names and paths beneath a root.
 *
 * What a peer or a user names is opened relative to a directory that we hold, and never leaves it:
 * the kernel refuses "..", absolute paths, symbolic links and, where asked, other mounts (openat2).
 */
#ifndef DPL_BASE_PATH_H
#define DPL_BASE_PATH_H

#include "lib/base/err.h"

#include <stdbool.h>
#include <sys/types.h>

enum dpl_path_limits {
    DPL_PATH_ANY_MOUNT = 0,
    DPL_PATH_SAME_MOUNT = 1, /* a mount point on the way is refused */
};

/* Opens path beneath root_fd with the flags and mode of open(2). Returns a descriptor,
 * close-on-exec. */
int dpl_path_open_beneath(int root_fd, const char *path, int flags, mode_t mode,
                          enum dpl_path_limits limits, struct dpl_err *err);

/* The absolute path of an open directory, of any length: deeper than PATH_MAX its names are looked
 * for upwards. The caller frees (g_free). NULL: it has none, or it cannot be found. */
char *dpl_path_of_dir(int fd);

/* A name of one component: not empty, not "." or "..", no '/', at most NAME_MAX bytes. */
bool dpl_path_name_ok(const char *name);
/* A relative path of such components, divided by single slashes. */
bool dpl_path_relative_ok(const char *path);
/* An absolute path of such components: "/a/b"; "/" alone is not one. */
bool dpl_path_absolute_ok(const char *path);
/* Whether path is dir itself or lies beneath it. Both absolute and normal. */
bool dpl_path_is_beneath(const char *path, const char *dir);

#endif
