/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/link/mirror_content.h"

#include "lib/base/fd.h"
#include "lib/proto/sums.h"

#include <glib.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
    PIECE = DPL_SUM_COARSE,
    AHEAD = 2 * PIECE,
    COARSE_AT_ONCE = 4,
    SUMS_MAX = PIECE / DPL_SUM_FINE
};

struct dpl_mirror_job *dpl_mirror_job_new(struct dpl_view oid, enum dpl_mirror_as as,
                                          struct dpl_view ranges)
{
    struct dpl_mirror_job *job = g_new0(struct dpl_mirror_job, 1);
    memcpy(job->oid.bytes, oid.data, oid.size);
    job->oid.size = (uint8_t)oid.size;
    job->as = as;
    job->fd = -1;
    if (ranges.size > 0) {
        job->ranges = g_memdup2(ranges.data, ranges.size);
        job->left = (struct dpl_view){job->ranges, ranges.size};
    } else {
        job->end = UINT64_MAX;
    }
    return job;
}

void dpl_mirror_job_free(struct dpl_mirror_job *job)
{
    if (!job)
        return;
    dpl_fd_clear(&job->fd);
    g_free(job->ranges);
    g_free(job);
}

int dpl_mirror_send_state(const struct dpl_mirror_desk *desk, int fd, struct dpl_view oid,
                          struct dpl_view parent, struct dpl_view name, struct stat *st,
                          struct dpl_err *err)
{
    ssize_t size =
        dpl_mirror_state(fd, oid, parent, name, desk->state, DPL_MIRROR_STATE_ROOM, st, err);
    if (size < 0)
        return (int)size;
    struct dpl_message m = {.type = DPL_MSG_MIRROR_ITEM,
                            .has = DPL_M(MIRROR) | DPL_M(DATA),
                            .mirror = desk->options->id,
                            .data = {desk->state, (size_t)size}};
    return desk->options->send(desk->options->self, &m, err);
}

static struct dpl_message message_of(const struct dpl_mirror_desk *desk,
                                     const struct dpl_mirror_job *job, unsigned type)
{
    return (struct dpl_message){.type = (uint16_t)type,
                                .has = DPL_M(MIRROR) | DPL_M(OBJECT) | DPL_M(OFFSET) |
                                       DPL_M(LENGTH) | DPL_M(FLAGS),
                                .mirror = desk->options->id,
                                .object = dpl_oid_view(&job->oid),
                                .offset = job->offset};
}

/* Sums of a piece: some coarse blocks, or the fine ones of one coarse block. */
static int send_sums(struct dpl_mirror_job *job, const struct dpl_mirror_desk *desk,
                     struct dpl_err *err)
{
    bool coarse = job->as == DPL_MIRROR_AS_COARSE;
    uint8_t sums[SUMS_MAX * DPL_SUM_BYTES];
    size_t count = 0;
    struct dpl_message m = message_of(desk, job, DPL_MSG_MIRROR_SUMS);
    m.block = coarse ? DPL_SUM_COARSE : DPL_SUM_FINE;
    for (int i = 0; i < (coarse ? COARSE_AT_ONCE : 1) && job->offset < job->end; i++) {
        size_t want = job->end - job->offset < PIECE ? (size_t)(job->end - job->offset) : PIECE;
        ssize_t got = dpl_fd_pread_full(job->fd, job->offset, desk->buffer, want, err);
        if (got < 0)
            return (int)got;
        count += dpl_sums(desk->buffer, (size_t)got, m.block, sums + count * DPL_SUM_BYTES);
        job->offset += (uint64_t)got;
        m.length += (uint64_t)got;
        desk->count->bytes_read += (uint64_t)got;
        if ((size_t)got < want)
            job->end = job->offset; /* it has become shorter */
    }
    if (count == 0)
        return 0;
    m.has |= DPL_M(BLOCK) | DPL_M(DATA);
    m.data = (struct dpl_view){sums, count * DPL_SUM_BYTES};
    m.flags = job->offset < job->end || job->left.size > 0 ? DPL_MIRROR_MORE : 0;
    return desk->options->send(desk->options->self, &m, err);
}

static int send_data(struct dpl_mirror_job *job, const struct dpl_mirror_desk *desk,
                     struct dpl_err *err)
{
    bool hole;
    struct dpl_message m = message_of(desk, job, DPL_MSG_MIRROR_DATA);
    m.length = dpl_mirror_stretch(job->fd, job->offset, job->end, &hole);
    if (m.length > 0 && !hole) {
        size_t want = m.length < PIECE ? (size_t)m.length : PIECE;
        (void)posix_fadvise(job->fd, (off_t)(job->offset + want), AHEAD, POSIX_FADV_WILLNEED);
        ssize_t got = dpl_fd_pread_full(job->fd, job->offset, desk->buffer, want, err);
        if (got < 0)
            return (int)got;
        m.length = (uint64_t)got;
        m.data = (struct dpl_view){desk->buffer, (size_t)got};
        m.has |= DPL_M(DATA);
        desk->count->bytes_read += (uint64_t)got;
        desk->count->bytes_sent += (uint64_t)got;
    }
    job->offset += m.length;
    if (m.length == 0) {
        job->end = job->offset; /* it has become shorter */
        return 0;
    }
    m.flags = (hole ? DPL_MIRROR_HOLE : 0U) |
              (job->offset >= job->end && job->left.size == 0 ? DPL_MIRROR_LAST : 0U);
    return desk->options->send(desk->options->self, &m, err);
}

static int open_job(struct dpl_mirror_job *job, const struct dpl_mirror_desk *desk,
                    struct dpl_err *err)
{
    struct dpl_mirror_handle handle;
    struct stat st;
    int rc = dpl_mirror_handle_of(dpl_oid_view(&job->oid), &handle, err);
    if (rc < 0)
        return rc;
    rc = dpl_mirror_handle_open(desk->options->roots[0].fd, &handle, O_RDONLY | O_NOATIME, err);
    if (rc < 0)
        return rc;
    job->fd = rc;
    if (fstat(job->fd, &st) < 0 || !S_ISREG(st.st_mode))
        return dpl_err_set(err, DPL_E_CORRUPT, "content of what is no regular file was asked for");
    if (job->end == UINT64_MAX)
        job->end = (uint64_t)st.st_size;
    return 0;
}

/* The state once more, behind data: writing has changed the times at the target. */
static int close_with_state(struct dpl_mirror_job *job, const struct dpl_mirror_desk *desk,
                            struct dpl_err *err)
{
    struct stat st;
    struct dpl_mirror_handle handle;
    int rc = dpl_mirror_handle_of(dpl_oid_view(&job->oid), &handle, err);
    dpl_autofd int fd =
        rc < 0 ? rc : dpl_mirror_handle_open(desk->options->roots[0].fd, &handle, O_PATH, err);
    if (fd < 0)
        return fd;
    struct dpl_view none = {0};
    return dpl_mirror_send_state(desk, fd, dpl_oid_view(&job->oid), none, none, &st, err);
}

int dpl_mirror_job_step(struct dpl_mirror_job *job, const struct dpl_mirror_desk *desk,
                        struct dpl_err *err)
{
    int rc = job->fd < 0 ? open_job(job, desk, err) : 0;
    if (rc == 0 && job->offset >= job->end) {
        uint64_t length;
        if (dpl_mirror_ranges_next(&job->left, &job->offset, &length) > 0)
            job->end = job->offset + length;
    }
    bool work = rc == 0 && job->offset < job->end;
    if (work)
        rc = job->as == DPL_MIRROR_AS_DATA ? send_data(job, desk, err) : send_sums(job, desk, err);
    bool over = job->offset >= job->end && job->left.size == 0;
    if (rc == 0 && over && job->as == DPL_MIRROR_AS_DATA)
        rc = close_with_state(job, desk, err);
    if (rc == DPL_E_NOT_FOUND)
        return 0;
    return rc < 0 ? rc : !over;
}
