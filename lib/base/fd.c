/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "lib/base/fd.h"

#include <errno.h>
#include <unistd.h>

void dpl_fd_clear(int *fd)
{
    if (*fd >= 0) {
        int saved = errno;
        close(*fd);
        errno = saved;
    }
    *fd = -1;
}

int dpl_fd_steal(int *fd)
{
    int taken = *fd;
    *fd = -1;
    return taken;
}

int dpl_fd_write_all(int fd, const void *data, size_t size, struct dpl_err *err)
{
    const char *p = data;
    while (size > 0) {
        ssize_t n = write(fd, p, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return dpl_err_sys(err, errno, "write");
        p += n;
        size -= (size_t)n;
    }
    return DPL_OK;
}

ssize_t dpl_fd_read_full(int fd, void *data, size_t size, struct dpl_err *err)
{
    char *p = data;
    size_t have = 0;
    while (have < size) {
        ssize_t n = read(fd, p + have, size - have);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return dpl_err_sys(err, errno, "read");
        if (n == 0)
            break;
        have += (size_t)n;
    }
    return (ssize_t)have;
}

ssize_t dpl_fd_pread_full(int fd, uint64_t offset, void *data, size_t size, struct dpl_err *err)
{
    char *p = data;
    size_t have = 0;
    while (have < size) {
        ssize_t n = pread(fd, p + have, size - have, (off_t)(offset + have));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return dpl_err_sys(err, errno, "read");
        if (n == 0)
            break;
        have += (size_t)n;
    }
    return (ssize_t)have;
}
