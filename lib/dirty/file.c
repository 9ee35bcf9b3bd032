/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The file of a dirty log, see file.h.
 */
#include "lib/dirty/file.h"

#include "lib/base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define ZEROS (1U << 20)

static int file_read(void *self, void *bytes, size_t size, uint64_t at)
{
    int fd = (int)(intptr_t)self;
    uint8_t *to = bytes;
    while (size > 0) {
        ssize_t got = pread(fd, to, size, (off_t)at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got < 0 ? -errno : -EIO;
        to += got;
        at += (uint64_t)got;
        size -= (size_t)got;
    }
    return 0;
}

static int file_write(void *self, const void *bytes, size_t size, uint64_t at)
{
    int fd = (int)(intptr_t)self;
    const uint8_t *from = bytes;
    while (size > 0) {
        ssize_t put = pwrite(fd, from, size, (off_t)at);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return put < 0 ? -errno : -EIO;
        from += put;
        at += (uint64_t)put;
        size -= (size_t)put;
    }
    return 0;
}

struct dpl_dirty_io dpl_dirty_io_file(int fd)
{
    return (struct dpl_dirty_io){
        .read = file_read, .write = file_write, .self = (void *)(intptr_t)fd};
}

/* Room by fallocate, then zeros: blocks that were only allocated would change their state, which is
 * in the file system's own journal, at their first write. */
static int fill(int fd, uint64_t bytes, const struct dpl_dirty_head *head)
{
    static uint8_t zeros[ZEROS];
    uint8_t copy[DPL_DIRTY_BLOCK];
    struct dpl_dirty_head next = *head;
    if (fallocate(fd, 0, 0, (off_t)bytes) != 0 && errno != EOPNOTSUPP)
        return -errno;
    for (uint64_t at = 0; at < bytes; at += ZEROS) {
        size_t size = bytes - at < ZEROS ? (size_t)(bytes - at) : ZEROS;
        int code = file_write((void *)(intptr_t)fd, zeros, size, at);
        if (code != 0)
            return code;
    }
    for (unsigned i = 0; i < 2; i++, next.count++) {
        dpl_dirty_head_encode(&next, copy);
        int code =
            file_write((void *)(intptr_t)fd, copy, sizeof copy, dpl_dirty_head_at(next.count));
        if (code != 0)
            return code;
    }
    return fsync(fd) != 0 ? -errno : 0;
}

static int sync_directory_of(const char *path)
{
    char dir[PATH_MAX];
    const char *slash = strrchr(path, '/');
    snprintf(dir, sizeof dir, "%.*s",
             slash == NULL   ? 1
             : slash == path ? 1
                             : (int)(slash - path),
             slash == NULL ? "." : path);
    dpl_autofd int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 || fsync(fd) != 0 ? -errno : 0;
}

int dpl_dirty_create(const char *path, const struct dpl_dirty_origin *origin, struct dpl_err *err)
{
    struct dpl_dirty_head head = {.count = 1,
                                  .generation = 1,
                                  .kept_generation = 1,
                                  .all_reason = origin->reason,
                                  .all_generation = origin->reason != DPL_DIRTY_KNOWN,
                                  .mark = {.set = origin->mark, .time_ns = origin->mark_ns}};
    uint64_t bytes = origin->bytes - origin->bytes % DPL_DIRTY_BLOCK;
    char beside[PATH_MAX];
    if (bytes < DPL_DIRTY_MIN_BYTES || bytes > (uint64_t)1 << 40)
        return dpl_err_set(err, DPL_E_PARAM, "a dirty log has at least %d KiB",
                           DPL_DIRTY_MIN_BYTES / 1024);
    if (snprintf(beside, sizeof beside, "%s.new", path) >= (int)sizeof beside)
        return dpl_err_set(err, DPL_E_PARAM, "'%s' is too long", path);
    if (getrandom(head.id, sizeof head.id, 0) != sizeof head.id)
        return dpl_err_sys(err, errno, "no random number");
    head.sectors = (bytes - DPL_DIRTY_SECTORS_AT) / DPL_DIRTY_SECTOR;
    dpl_autofd int fd = open(beside, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return dpl_err_sys(err, errno, "dirty log '%s' cannot be made", beside);
    int code = fill(fd, bytes, &head);
    if (code == 0 && rename(beside, path) != 0)
        code = -errno;
    if (code == 0)
        code = sync_directory_of(path);
    else
        unlink(beside);
    return code != 0 ? dpl_err_sys(err, -code, "dirty log '%s' cannot be made", path) : 0;
}

int dpl_dirty_open_file(const char *path, struct dpl_err *err)
{
    int fd = open(path, O_RDWR | O_DIRECT | O_DSYNC | O_NOFOLLOW);
    if (fd < 0 && errno == EINVAL)
        fd = open(path, O_RDWR | O_DSYNC | O_NOFOLLOW);
    return fd < 0 ? dpl_err_sys(err, errno, "dirty log '%s' cannot be opened", path) : fd;
}
