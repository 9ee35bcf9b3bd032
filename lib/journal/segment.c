/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The writer of segments. A segment is made under a hidden name and renamed when it is whole and
 * durable; the next one exists before the last is closed, so a journal never ends in a closed
 * segment.
 */
#include "lib/journal/segment.h"

#include "lib/base/fd.h"
#include "lib/journal/segment-private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

/* From Linux 6.14 on: written to the disk at once, and not kept in memory. */
#ifndef RWF_DONTCACHE
#define RWF_DONTCACHE 0x00000080
#endif
enum { UNCACHED_BYTES = 512 * 1024 };

/* What comes in bulk would only displace what applications read, and pages that were not used for
 * long are slow to fill. What comes in small pieces is read again at once. */
static ssize_t host_pwritev(void *self, int fd, const struct iovec *iov, int count, off_t at)
{
    static _Atomic bool unknown;
    size_t bytes = 0;
    (void)self;
    for (int i = 0; i < count; i++)
        bytes += iov[i].iov_len;
    if (bytes >= UNCACHED_BYTES && !atomic_load(&unknown)) {
        ssize_t n = pwritev2(fd, iov, count, at, RWF_DONTCACHE);
        if (n >= 0 || (errno != EOPNOTSUPP && errno != EINVAL && errno != ENOSYS))
            return n;
        atomic_store(&unknown, true);
    }
    return pwritev(fd, iov, count, at);
}

static int host_datasync(void *self, int fd)
{
    (void)self;
    return fdatasync(fd);
}

static int host_allocate(void *self, int fd, off_t bytes)
{
    (void)self;
    int rc = posix_fallocate(fd, 0, bytes);
    errno = rc;
    return rc == 0 ? 0 : -1;
}

static int host_truncate(void *self, int fd, off_t bytes)
{
    (void)self;
    return ftruncate(fd, bytes);
}

static int host_free_bytes(void *self, int dir_fd, uint64_t *bytes)
{
    (void)self;
    struct statvfs vfs;
    if (fstatvfs(dir_fd, &vfs) < 0)
        return -1;
    *bytes = (uint64_t)vfs.f_bavail * vfs.f_frsize;
    return 0;
}

static int host_sync_all(void *self, int dir_fd)
{
    (void)self;
    return syncfs(dir_fd);
}

const struct dpl_segment_io dpl_segment_io_system = {
    .pwritev = host_pwritev,
    .datasync = host_datasync,
    .allocate = host_allocate,
    .truncate = host_truncate,
    .free_bytes = host_free_bytes,
    .sync_all = host_sync_all,
};

/* Writes all of the iovec, which it uses up. */
static int write_all(const struct dpl_segment_io *io, int fd, struct iovec *iov, int count,
                     off_t at, struct dpl_err *err)
{
    while (count > 0) {
        ssize_t n = iov->iov_len > 0 ? io->pwritev(io->self, fd, iov, count, at) : 0;
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 || (n == 0 && iov->iov_len > 0))
            return dpl_err_sys(err, n < 0 ? errno : EIO, "write the journal");
        at += n;
        for (; count > 0 && (size_t)n >= iov->iov_len; iov++, count--)
            n -= (ssize_t)iov->iov_len;
        if (count > 0) {
            iov->iov_base = (char *)iov->iov_base + n;
            iov->iov_len -= (size_t)n;
        }
    }
    return 0;
}

static int write_bytes(const struct dpl_segment_io *io, int fd, void *bytes, size_t size, off_t at,
                       struct dpl_err *err)
{
    struct iovec iov = {.iov_base = bytes, .iov_len = size};
    return write_all(io, fd, &iov, 1, at, err);
}

static uint64_t wall_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static int file_fill(int fd, const struct dpl_segment_head *head, const struct dpl_segment_io *io,
                     struct dpl_err *err)
{
    uint8_t bytes[DPL_SEGMENT_HEADER];
    int rc = dpl_segment_head_encode(head, bytes, err);
    if (rc < 0)
        return rc;
    if (io->allocate(io->self, fd, (off_t)(DPL_SEGMENT_HEADER + head->bytes)) < 0)
        return dpl_err_sys(err, errno, "allocate a journal segment");
    rc = write_bytes(io, fd, bytes, sizeof bytes, 0, err);
    if (rc == 0 && io->datasync(io->self, fd) < 0)
        rc = dpl_err_sys(err, errno, "sync a journal segment");
    return rc;
}

/* Makes the file of this header. Returns its descriptor. */
static int file_make(int dir_fd, const struct dpl_segment_head *head,
                     const struct dpl_segment_io *io, struct dpl_err *err)
{
    char name[DPL_SEGMENT_NAME], temp[DPL_SEGMENT_NAME + 8];
    dpl_segment_name(name, head->epoch.number, head->first_lsn);
    snprintf(temp, sizeof temp, ".%s.new", name);
    dpl_autofd int fd =
        openat(dir_fd, temp, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return dpl_err_sys(err, errno, "create \"%s\"", temp);
    int rc = file_fill(fd, head, io, err);
    if (rc == 0 && renameat(dir_fd, temp, dir_fd, name) < 0)
        rc = dpl_err_sys(err, errno, "name \"%s\"", name);
    if (rc < 0) {
        unlinkat(dir_fd, temp, 0);
        return rc;
    }
    if (io->datasync(io->self, dir_fd) < 0)
        return dpl_err_sys(err, errno, "sync the journal's directory");
    return dpl_fd_steal(&fd);
}

static int add_bytes(void *self, const struct dpl_segment_entry *entry)
{
    *(uint64_t *)self += entry->file_bytes;
    return 0;
}

/* Whether one more segment may be: NO_SPACE and the reason if not. */
static int bounds_check(int dir_fd, const struct dpl_segment_limits *limits,
                        const struct dpl_segment_io *io, enum dpl_journal_end *reason,
                        struct dpl_err *err)
{
    uint64_t have = 0, more = DPL_SEGMENT_HEADER + limits->segment_bytes, left = 0;
    int rc = dpl_segments_walk(dir_fd, add_bytes, &have, err);
    if (rc == 0 && io->free_bytes(io->self, dir_fd, &left) < 0)
        rc = dpl_err_sys(err, errno, "ask for the room on the journal's file system");
    *reason = DPL_JOURNAL_IO_ERROR;
    if (rc < 0)
        return rc;
    if (have > limits->max_bytes || more > limits->max_bytes - have) {
        *reason = DPL_JOURNAL_BOUND;
        return dpl_err_set(err, DPL_E_NO_SPACE,
                           "the journal has reached its bound of %llu bytes (max_size)",
                           (unsigned long long)limits->max_bytes);
    }
    if (left < more || left - more < limits->min_free_bytes) {
        *reason = DPL_JOURNAL_MIN_FREE;
        return dpl_err_set(err, DPL_E_NO_SPACE,
                           "the journal's file system has %llu bytes left, of which %llu must stay "
                           "free (min_free)",
                           (unsigned long long)left, (unsigned long long)limits->min_free_bytes);
    }
    return 0;
}

static int limits_check(const struct dpl_segment_limits *limits, struct dpl_err *err)
{
    if (limits->segment_bytes < DPL_SEGMENT_MIN || limits->segment_bytes > 1ULL << 40 ||
        limits->segment_bytes % DPL_RECORD_ALIGN != 0)
        return dpl_err_set(err, DPL_E_PARAM, "a journal segment of %llu bytes cannot be",
                           (unsigned long long)limits->segment_bytes);
    return 0;
}

/* Of an epoch's segments: the newest at or below lsn, and the one before it. */
struct find {
    uint64_t epoch, lsn;
    bool found, found_before;
    uint64_t first, before;
};

static int find_visit(void *self, const struct dpl_segment_entry *entry)
{
    struct find *f = self;
    if (entry->epoch != f->epoch || entry->first_lsn > f->lsn)
        return 0;
    if (!f->found || entry->first_lsn > f->first) {
        f->before = f->first;
        f->found_before = f->found;
        f->first = entry->first_lsn;
        f->found = true;
    } else if (!f->found_before || entry->first_lsn > f->before) {
        f->before = entry->first_lsn;
        f->found_before = true;
    }
    return 0;
}

int dpl_segments_create_at(int dir_fd, const struct dpl_epoch *epoch, uint64_t lsn, uint32_t chain,
                           const struct dpl_segment_limits *limits, const struct dpl_segment_io *io,
                           struct dpl_err *err)
{
    struct find find = {.epoch = epoch->number, .lsn = UINT64_MAX};
    enum dpl_journal_end reason;
    int rc = limits_check(limits, err);
    if (rc == 0)
        rc = dpl_segments_walk(dir_fd, find_visit, &find, err);
    if (rc == 0 && find.found)
        rc = dpl_err_set(err, DPL_E_EXISTS, "epoch %llu has a journal already",
                         (unsigned long long)epoch->number);
    if (rc == 0)
        rc = bounds_check(dir_fd, limits, io, &reason, err);
    if (rc < 0)
        return rc;
    struct dpl_segment_head head = {.epoch = *epoch,
                                    .first_lsn = lsn,
                                    .bytes = limits->segment_bytes,
                                    .time_ns = wall_ns(),
                                    .chain = chain};
    dpl_autofd int fd = file_make(dir_fd, &head, io, err);
    return fd < 0 ? fd : 0;
}

int dpl_segments_create(int dir_fd, const struct dpl_epoch *epoch,
                        const struct dpl_segment_limits *limits, const struct dpl_segment_io *io,
                        struct dpl_err *err)
{
    return dpl_segments_create_at(dir_fd, epoch, 0, dpl_epoch_chain(epoch), limits, io, err);
}

static int segment_open(int dir_fd, const struct dpl_epoch *epoch, uint64_t first_lsn,
                        struct dpl_segment_head *head, struct dpl_err *err)
{
    char name[DPL_SEGMENT_NAME];
    dpl_segment_name(name, epoch->number, first_lsn);
    dpl_autofd int fd = openat(dir_fd, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return dpl_err_sys(err, errno, "open \"%s\"", name);
    int rc = dpl_segment_read_head(fd, epoch->number, first_lsn, head, NULL, err);
    if (rc == 0 && memcmp(head->epoch.id, epoch->id, sizeof epoch->id) != 0)
        rc = dpl_err_set(err, DPL_E_CORRUPT, "it belongs to another epoch of that number");
    if (rc < 0)
        return dpl_err_context(err, "\"%s\"", name);
    return dpl_fd_steal(&fd);
}

/* Writes a state into the sector whose turn it is. A sector that failed is not used twice. */
static int state_write(struct dpl_segments *s, uint32_t flags, enum dpl_journal_end reason,
                       uint64_t end_lsn, struct dpl_segment_head *head_r, struct dpl_err *err)
{
    uint8_t sector[512];
    s->head.state_count++;
    *head_r = s->head;
    head_r->flags = flags;
    head_r->reason = (uint32_t)reason;
    head_r->end_lsn = end_lsn;
    dpl_segment_state_encode(head_r, sector);
    return write_bytes(s->io, s->fd, sector, sizeof sector,
                       dpl_segment_state_at(head_r->state_count), err);
}

/* Says that the records go on elsewhere, and syncs nothing: a sync would wait for the data of the
 * whole segment, while records pile up in memory. A reader needs the next segment, which is durable
 * already, and not this flag. */
static int close_current(struct dpl_segments *s, uint64_t end_lsn, struct dpl_err *err)
{
    struct dpl_segment_head head;
    int rc = state_write(s, DPL_SEGMENT_CLOSED, DPL_JOURNAL_RUNS, end_lsn, &head, err);
    if (rc < 0)
        return rc;
    s->head = head;
    /* Only to give room back: not worth an error. */
    off_t bytes = (off_t)(DPL_SEGMENT_HEADER + end_lsn - s->head.first_lsn);
    (void)!s->io->truncate(s->io->self, s->fd, bytes);
    return 0;
}

int dpl_segments_open(struct dpl_segments *s, int dir_fd, const struct dpl_epoch *epoch,
                      const struct dpl_segment_limits *limits, const struct dpl_segment_io *io,
                      uint64_t lsn, struct dpl_err *err)
{
    *s = (struct dpl_segments){.dir_fd = dir_fd, .fd = -1, .io = io, .limits = *limits};
    struct find find = {.epoch = epoch->number, .lsn = lsn};
    int rc = limits_check(limits, err);
    if (rc == 0)
        rc = dpl_segments_walk(dir_fd, find_visit, &find, err);
    if (rc == 0 && !find.found)
        rc = dpl_err_set(err, DPL_E_NOT_FOUND, "epoch %llu has no journal segment at %llu",
                         (unsigned long long)epoch->number, (unsigned long long)lsn);
    if (rc < 0)
        return rc;
    if (find.found_before) {
        s->fd = segment_open(dir_fd, epoch, find.before, &s->head, err);
        if (s->fd < 0)
            return s->fd;
        if (!(s->head.flags & DPL_SEGMENT_CLOSED))
            rc = close_current(s, find.first, err);
        dpl_segments_close(s);
        if (rc < 0)
            return rc;
    }
    s->fd = segment_open(dir_fd, epoch, find.first, &s->head, err);
    return s->fd < 0 ? s->fd : 0;
}

void dpl_segments_close(struct dpl_segments *s)
{
    dpl_fd_clear(&s->fd);
}

uint64_t dpl_segments_room(const struct dpl_segments *s, uint64_t lsn)
{
    uint64_t end = s->head.first_lsn + s->head.bytes;
    if (s->head.flags & DPL_SEGMENT_CLOSED)
        end = s->head.end_lsn;
    return lsn >= s->head.first_lsn && lsn < end ? end - lsn : 0;
}

int dpl_segments_append(struct dpl_segments *s, uint64_t lsn, struct iovec *iov, int count,
                        struct dpl_err *err)
{
    off_t at = (off_t)(DPL_SEGMENT_HEADER + (lsn - s->head.first_lsn));
    return write_all(s->io, s->fd, iov, count, at, err);
}

/* The next segment: one that a predecessor made is taken as it is. */
static int next_make(struct dpl_segments *s, struct dpl_segment_head *next,
                     enum dpl_journal_end *reason, struct dpl_err *err)
{
    char name[DPL_SEGMENT_NAME];
    struct dpl_segment_head there;
    dpl_segment_name(name, next->epoch.number, next->first_lsn);
    *reason = DPL_JOURNAL_IO_ERROR;
    if (faccessat(s->dir_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
        int fd = segment_open(s->dir_fd, &next->epoch, next->first_lsn, &there, err);
        if (fd >= 0 && there.chain != next->chain) {
            dpl_fd_clear(&fd);
            return dpl_err_set(err, DPL_E_CORRUPT, "\"%s\" does not follow", name);
        }
        *next = fd >= 0 ? there : *next;
        return fd;
    }
    int rc = bounds_check(s->dir_fd, &s->limits, s->io, reason, err);
    if (rc < 0)
        return rc;
    struct dpl_err why = {0};
    rc = file_make(s->dir_fd, next, s->io, &why);
    if (rc < 0 && (why.sys_errno == ENOSPC || why.sys_errno == EDQUOT))
        *reason = DPL_JOURNAL_MIN_FREE;
    if (rc < 0 && err)
        *err = why;
    /* Made with both states written: the higher count is in force. */
    if (rc >= 0)
        next->state_count++;
    return rc;
}

int dpl_segments_rotate(struct dpl_segments *s, uint64_t lsn, uint32_t chain,
                        enum dpl_journal_end *reason, struct dpl_err *err)
{
    const uint32_t lasting = DPL_SEGMENT_MIRROR_NEEDED | DPL_SEGMENT_ENDED;
    struct dpl_segment_head next = {.epoch = s->head.epoch,
                                    .first_lsn = lsn,
                                    .bytes = s->limits.segment_bytes,
                                    .time_ns = wall_ns(),
                                    .chain = chain};
    if (s->head.flags & lasting) {
        next.flags = s->head.flags & lasting;
        next.reason = s->head.reason;
        next.end_lsn = s->head.end_lsn;
    }
    int fd = next_make(s, &next, reason, err);
    if (fd < 0)
        return fd;
    *reason = DPL_JOURNAL_IO_ERROR;
    int rc = close_current(s, lsn, err);
    dpl_fd_clear(&s->fd);
    s->fd = fd;
    s->head = next;
    return rc;
}

int dpl_segments_flag(struct dpl_segments *s, uint32_t flags, enum dpl_journal_end reason,
                      uint64_t end_lsn, struct dpl_err *err)
{
    struct dpl_segment_head head;
    int rc = state_write(s, flags, reason, end_lsn, &head, err);
    if (rc == 0 && s->io->datasync(s->io->self, s->fd) < 0)
        rc = dpl_err_sys(err, errno, "sync the journal");
    if (rc == 0)
        s->head = head;
    return rc;
}

int dpl_segments_sync(struct dpl_segments *s, struct dpl_err *err)
{
    return s->io->datasync(s->io->self, s->fd) < 0 ? dpl_err_sys(err, errno, "sync the journal")
                                                   : 0;
}
