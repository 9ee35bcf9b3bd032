/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/config/hooks.h"

#include "lib/base/fd.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define NAME_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"

/* What others could write would be theirs to run as root. */
static bool is_hook(int dir_fd, const char *name)
{
    struct stat st;
    return strspn(name, NAME_CHARS) == strlen(name) &&
           fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
           st.st_uid == 0 && (st.st_mode & 022) == 0 && (st.st_mode & 0100) != 0;
}

GPtrArray *dpl_hooks_list(const char *dir, GPtrArray **refused_r)
{
    GPtrArray *paths = g_ptr_array_new_with_free_func(g_free);
    struct dirent **list = NULL;
    dpl_autofd int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int count = dir_fd < 0 ? 0 : scandir(dir, &list, NULL, alphasort);
    *refused_r = g_ptr_array_new_with_free_func(g_free);
    for (int i = 0; i < count; i++) {
        const char *name = list[i]->d_name;
        if (name[0] != '.')
            g_ptr_array_add(is_hook(dir_fd, name) ? paths : *refused_r,
                            g_build_filename(dir, name, NULL));
        free(list[i]);
    }
    free(list);
    return paths;
}
