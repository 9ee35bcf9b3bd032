/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/prop/rig.h"

#include "lib/base/fd.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static bool fails(struct rig_fault *f)
{
    f->calls++;
    errno = f->sys_errno;
    return f->at > 0 && f->calls >= f->at;
}

static ssize_t fault_pwritev(void *self, int fd, const struct iovec *iov, int count, off_t at)
{
    struct rig_fault *f = self;
    if (!fails(f))
        return pwritev(fd, iov, count, at);
    if (f->tear) {
        struct iovec part = iov[0];
        part.iov_len = (part.iov_len + 1) / 2;
        (void)!pwritev(fd, count > 1 ? iov : &part, count > 1 ? count / 2 : 1, at);
        errno = f->sys_errno;
    }
    return -1;
}

static int fault_datasync(void *self, int fd)
{
    return fails(self) ? -1 : fdatasync(fd);
}

static int fault_allocate(void *self, int fd, off_t bytes)
{
    return fails(self) ? -1 : posix_fallocate(fd, 0, bytes);
}

static int fault_truncate(void *self, int fd, off_t bytes)
{
    return fails(self) ? -1 : ftruncate(fd, bytes);
}

static int fault_free_bytes(void *self, int dir_fd, uint64_t *bytes)
{
    (void)dir_fd;
    *bytes = 1ULL << 40;
    return fails(self) ? -1 : 0;
}

static int fault_sync_all(void *self, int dir_fd)
{
    return fails(self) ? -1 : syncfs(dir_fd);
}

void rig_fault_init(struct rig_fault *fault, unsigned at, int sys_errno, bool tear)
{
    *fault = (struct rig_fault){
        .io = {fault_pwritev, fault_datasync, fault_allocate, fault_truncate, fault_free_bytes,
               fault_sync_all, fault},
        .at = at,
        .sys_errno = sys_errno,
        .tear = tear,
    };
}

int rig_init(struct rig *rig, const char *name, const struct dpl_arena_sizes *sizes,
             const struct dpl_segment_io *io)
{
    memset(rig, 0, sizeof *rig);
    rig->epoch = (struct dpl_epoch){.number = 3, .set = "mail"};
    memset(rig->epoch.id, 0x5a, sizeof rig->epoch.id);
    rig->limits =
        (struct dpl_segment_limits){.segment_bytes = DPL_SEGMENT_MIN, .max_bytes = 1ULL << 30};
    rig->io = io ? io : &dpl_segment_io_system;
    rig->segments.fd = -1;
    int base = open(unit_tempdir(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    mkdirat(base, name, 0700);
    rig->dir_fd = openat(base, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    dpl_fd_clear(&base);
    rig->bytes = (size_t)dpl_arena_bytes(sizes, NULL);
    rig->memory = mmap(NULL, rig->bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (rig->dir_fd < 0 || rig->memory == MAP_FAILED)
        abort();
    struct dpl_arena_start start = {.epoch_tag = dpl_epoch_tag(&rig->epoch),
                                    .chain = dpl_epoch_chain(&rig->epoch)};
    int rc = dpl_arena_format(rig->memory, rig->bytes, sizes, &start, NULL);
    if (rc == 0)
        rc = dpl_segments_create(rig->dir_fd, &rig->epoch, &rig->limits, rig->io, NULL);
    return rc;
}

static void on_ended(void *self, enum dpl_journal_end reason, bool durable)
{
    struct rig *rig = self;
    rig->ended++;
    rig->ended_durable += durable;
    rig->reason = reason;
}

int rig_attach(struct rig *rig)
{
    struct dpl_err err = {0};
    struct dpl_spill_events events = {on_ended, rig};
    int rc = dpl_arena_attach(&rig->arena, rig->memory, rig->bytes, &err);
    if (rc == 0)
        rc = dpl_segments_open(&rig->segments, rig->dir_fd, &rig->epoch, &rig->limits, rig->io,
                               dpl_arena_spilled(&rig->arena), &err);
    if (rc < 0) {
        printf("attach: %s\n", err.text);
        return rc;
    }
    dpl_spill_open(&rig->spill, &rig->arena, &rig->segments, &events);
    return 0;
}

void rig_detach(struct rig *rig)
{
    dpl_segments_close(&rig->segments);
    dpl_arena_detach(&rig->arena);
}

void rig_done(struct rig *rig)
{
    rig_detach(rig);
    dpl_segments_remove(rig->dir_fd, rig->epoch.number, NULL);
    munmap(rig->memory, rig->bytes);
    dpl_fd_clear(&rig->dir_fd);
}

int rig_reserve(struct rig *rig, const struct dpl_record *record, int buffer, uint64_t tag,
                struct dpl_arena_res *res)
{
    struct dpl_arena_request q = {
        .type = record->type,
        .tag = tag,
        .slot = (uint32_t)tag,
        .time_ns = 1,
        .head_bytes = dpl_record_head_bytes(record),
        .data_bytes = record->has & DPL_F_DATA ? record->data.size : 0,
        .buffer = buffer,
    };
    return dpl_arena_reserve(&rig->arena, &q, res);
}

int rig_commit(struct rig *rig, const struct dpl_record *record, const struct dpl_arena_res *res)
{
    uint8_t head[8192];
    ssize_t size = dpl_record_encode_head(record, head, sizeof head, NULL);
    if (size < 0)
        return (int)size;
    return dpl_arena_commit(&rig->arena, res, record->outcome, head, (size_t)size,
                            record->data.data, record->has & DPL_F_DATA ? record->data.size : 0);
}

int rig_put(struct rig *rig, const struct dpl_record *record, struct dpl_arena_res *res)
{
    struct dpl_arena_res mine;
    res = res ? res : &mine;
    int rc = rig_reserve(rig, record, -1, 0, res);
    return rc < 0 ? rc : rig_commit(rig, record, res);
}

int rig_drain(struct rig *rig)
{
    struct dpl_err err;
    ssize_t n;
    while ((n = dpl_spill_run(&rig->spill, 1, &err)) > 0)
        ;
    return (int)n;
}

static uint8_t byte_of(uint64_t mark, size_t i)
{
    return (uint8_t)((mark + 1) * 0x9e3779b97f4a7c15ULL >> (i % 56) ^ i);
}

void rig_write(struct dpl_record *record, struct dpl_oid *oid, uint64_t mark, uint8_t *data,
               size_t size)
{
    dpl_oid_make(oid, 1, mark, "", 0, NULL);
    for (size_t i = 0; i < size; i++)
        data[i] = byte_of(mark, i);
    *record = (struct dpl_record){
        .type = DPL_R_WRITE,
        .outcome = DPL_OUTCOME_OK,
        .has = DPL_F_OBJECT | DPL_F_OFFSET | DPL_F_ATTR | DPL_F_DATA,
        .object = dpl_oid_view(oid),
        .offset = mark,
        .attr = {.has = DPL_A_SIZE, .size = size},
        .data = {data, size},
    };
}

uint64_t rig_mark(const struct dpl_record *record)
{
    uint64_t mark = record->offset;
    if (record->type != DPL_R_WRITE || record->attr.size != record->data.size)
        return UINT64_MAX;
    for (size_t i = 0; i < record->data.size; i++)
        if (record->data.data[i] != byte_of(mark, i))
            return UINT64_MAX;
    return mark;
}
