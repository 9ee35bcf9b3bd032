/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/base/file.h"

#include "lib/base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

/* A name beside `name` that nobody has: hidden, and not to be guessed. */
static int temp_open(int dir_fd, const char *name, mode_t mode, char *temp, size_t temp_size,
                     struct dpl_err *err)
{
    for (int tries = 0; tries < 16; tries++) {
        unsigned long long mark = 0;
        if (getrandom(&mark, sizeof mark, 0) != sizeof mark)
            return dpl_err_sys(err, errno, "getrandom");
        int n = snprintf(temp, temp_size, ".%s.%016llx", name, mark);
        if (n < 0 || (size_t)n >= temp_size)
            return dpl_err_set(err, DPL_E_TOO_LARGE, "replace \"%s\": the name is too long", name);
        int fd = openat(dir_fd, temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
        if (fd >= 0)
            return fd;
        if (errno != EEXIST)
            return dpl_err_sys(err, errno, "create \"%s\"", temp);
    }
    return dpl_err_set(err, DPL_E_EXISTS, "replace \"%s\": no free name beside it", name);
}

static int temp_fill(int fd, const char *name, const void *data, size_t size, mode_t mode,
                     struct dpl_err *err)
{
    int rc = dpl_fd_write_all(fd, data, size, err);
    if (rc < 0) {
        dpl_err_context(err, "replace \"%s\"", name);
        return rc;
    }
    if (fchmod(fd, mode) < 0) /* whatever the umask is */
        return dpl_err_sys(err, errno, "set the mode of \"%s\"", name);
    if (fsync(fd) < 0)
        return dpl_err_sys(err, errno, "sync \"%s\"", name);
    return DPL_OK;
}

int dpl_file_replace(int dir_fd, const char *name, const void *data, size_t size, mode_t mode,
                     struct dpl_err *err)
{
    g_assert(strchr(name, '/') == NULL);
    char temp[300];
    dpl_autofd int fd = temp_open(dir_fd, name, mode, temp, sizeof temp, err);
    if (fd < 0)
        return fd;
    int rc = temp_fill(fd, name, data, size, mode, err);
    if (rc == DPL_OK && renameat(dir_fd, temp, dir_fd, name) < 0)
        rc = dpl_err_sys(err, errno, "rename \"%s\" to \"%s\"", temp, name);
    if (rc < 0) {
        unlinkat(dir_fd, temp, 0);
        return rc;
    }
    dpl_autofd int dir = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0 || fsync(dir) < 0)
        return dpl_err_sys(err, errno, "sync the directory of \"%s\"", name);
    return DPL_OK;
}

int dpl_file_read(int dir_fd, const char *name, size_t max, char **data_r, size_t *size_r,
                  struct dpl_err *err)
{
    dpl_autofd int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return dpl_err_sys(err, errno, "open \"%s\"", name);
    size_t room = 4096, have = 0;
    g_autofree char *data = g_malloc(room + 1);
    for (;;) {
        ssize_t n = dpl_fd_read_full(fd, data + have, room - have, err);
        if (n < 0) {
            dpl_err_context(err, "\"%s\"", name);
            return (int)n;
        }
        have += (size_t)n;
        if (have > max)
            return dpl_err_set(err, DPL_E_TOO_LARGE, "\"%s\" is larger than %zu bytes", name, max);
        if (have < room)
            break;
        room *= 2;
        data = g_realloc(data, room + 1);
    }
    data[have] = '\0';
    *data_r = g_steal_pointer(&data);
    if (size_r)
        *size_r = have;
    return DPL_OK;
}
