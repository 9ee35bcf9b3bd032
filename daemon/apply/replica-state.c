/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/apply/replica-state.h"

#include "lib/base/fd.h"
#include "lib/base/file.h"
#include "lib/journal/crc32c.h"
#include "lib/wire/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define NEW_FILE ".state.new"
static const char magic[8] = {'D', 'P', 'L', 'R', 'S', 'T', 'A', '1'};

static void put_position(struct dpl_writer *w, struct dpl_position position)
{
    dpl_writer_u64(w, position.epoch);
    dpl_writer_u64(w, position.lsn);
}

static void put_epoch(struct dpl_writer *w, const struct dpl_replica_epoch *e)
{
    dpl_writer_u64(w, e->epoch.number);
    dpl_writer_bytes(w, e->epoch.id, 16);
    dpl_writer_bytes(w, e->epoch.parent_id, 16);
    dpl_writer_bytes(w, e->epoch.fs_uuid, 16);
    dpl_writer_u64(w, e->begin);
    dpl_writer_u32(w, e->begin_chain);
    dpl_writer_u64(w, e->end);
    dpl_writer_u32(w, e->end_chain);
    dpl_writer_u32(w, e->ended);
}

size_t dpl_replica_state_encode(const struct dpl_replica_state *s,
                                uint8_t bytes[DPL_REPLICA_STATE_MAX])
{
    struct dpl_writer w;
    dpl_writer_init(&w, bytes, DPL_REPLICA_STATE_MAX);
    dpl_writer_bytes(&w, magic, sizeof magic);
    dpl_writer_u32(&w, 0);
    dpl_writer_bytes(&w, s->replica, sizeof s->replica);
    dpl_writer_text(&w, s->set);
    dpl_writer_u32(&w, s->flags);
    dpl_writer_u32(&w, s->reason);
    dpl_writer_u64(&w, s->map_generation);
    dpl_writer_u64(&w, s->map_bytes);
    put_position(&w, s->checkpoint);
    put_position(&w, s->high_water);
    put_position(&w, s->synced);
    dpl_writer_u64(&w, s->mirror);
    dpl_writer_u32(&w, s->mirror_kind);
    put_position(&w, s->mirror_end);
    dpl_writer_blob(&w, s->cursor, s->cursor_bytes);
    dpl_writer_u32(&w, s->count);
    for (unsigned i = 0; i < s->count; i++)
        put_epoch(&w, &s->epochs[i]);
    ssize_t size = dpl_writer_end(&w, "the replica's state", NULL);
    g_assert(size > 0 && size <= DPL_REPLICA_STATE_MAX - 4);
    struct dpl_writer length;
    dpl_writer_init(&length, bytes + sizeof magic, 4);
    dpl_writer_u32(&length, (uint32_t)size + 4);
    dpl_writer_u32(&w, dpl_crc32c(0, bytes, (size_t)size));
    return (size_t)size + 4;
}

static struct dpl_position get_position(struct dpl_reader *r)
{
    uint64_t epoch = dpl_reader_u64(r);
    return (struct dpl_position){.epoch = epoch, .lsn = dpl_reader_u64(r)};
}

static void get_bytes(struct dpl_reader *r, uint8_t *to, size_t size)
{
    struct dpl_view view = dpl_reader_bytes(r, size);
    if (view.size == size)
        memcpy(to, view.data, size);
}

static void get_epoch(struct dpl_reader *r, struct dpl_replica_epoch *e)
{
    e->epoch.number = dpl_reader_u64(r);
    get_bytes(r, e->epoch.id, 16);
    get_bytes(r, e->epoch.parent_id, 16);
    get_bytes(r, e->epoch.fs_uuid, 16);
    e->begin = dpl_reader_u64(r);
    e->begin_chain = dpl_reader_u32(r);
    e->end = dpl_reader_u64(r);
    e->end_chain = dpl_reader_u32(r);
    e->ended = dpl_reader_u32(r);
}

static bool epochs_ok(const struct dpl_replica_state *s)
{
    static const uint8_t zeros[16];
    for (unsigned i = 0; i < s->count; i++) {
        const struct dpl_replica_epoch *e = &s->epochs[i];
        bool last = i + 1 == s->count;
        if (e->ended > DPL_REPLICA_LEFT || (e->ended == 0 && (!last || e->end || e->end_chain)) ||
            memcmp(e->epoch.id, zeros, 16) == 0 ||
            (i > 0 && e->epoch.number < s->epochs[i - 1].epoch.number))
            return false;
    }
    return true;
}

int dpl_replica_state_decode(struct dpl_replica_state *s, const uint8_t *bytes, size_t size,
                             struct dpl_err *err)
{
    static const uint8_t zeros[16];
    struct dpl_reader r;
    memset(s, 0, sizeof *s);
    dpl_reader_init(&r, bytes, size);
    struct dpl_view found = dpl_reader_bytes(&r, sizeof magic);
    if (found.size == sizeof magic && memcmp(found.data, magic, sizeof magic) != 0)
        dpl_reader_fail(&r, DPL_E_VERSION);
    if (dpl_reader_u32(&r) != size || size > DPL_REPLICA_STATE_MAX)
        dpl_reader_fail(&r, DPL_E_TRUNCATED);
    get_bytes(&r, s->replica, sizeof s->replica);
    dpl_reader_text(&r, s->set, sizeof s->set);
    s->flags = dpl_reader_u32(&r);
    s->reason = dpl_reader_u32(&r);
    s->map_generation = dpl_reader_u64(&r);
    s->map_bytes = dpl_reader_u64(&r);
    s->checkpoint = get_position(&r);
    s->high_water = get_position(&r);
    s->synced = get_position(&r);
    s->mirror = dpl_reader_u64(&r);
    s->mirror_kind = dpl_reader_u32(&r);
    s->mirror_end = get_position(&r);
    struct dpl_view cursor = dpl_reader_blob(&r, DPL_REPLICA_CURSOR);
    if (cursor.size > 0)
        memcpy(s->cursor, cursor.data, cursor.size);
    s->cursor_bytes = cursor.size;
    s->count = dpl_reader_u32(&r);
    if (s->count > DPL_REPLICA_EPOCHS) {
        s->count = 0;
        dpl_reader_fail(&r, DPL_E_CORRUPT);
    }
    for (unsigned i = 0; i < s->count; i++) {
        get_epoch(&r, &s->epochs[i]);
        memcpy(s->epochs[i].epoch.set, s->set, sizeof s->set);
    }
    uint32_t crc = dpl_reader_u32(&r);
    if (!r.code &&
        (crc != dpl_crc32c(0, bytes, size - 4) || memcmp(s->replica, zeros, 16) == 0 ||
         s->set[0] == '\0' || (s->flags & ~(uint32_t)DPL_REPLICA_FLAGS) || !epochs_ok(s)))
        dpl_reader_fail(&r, DPL_E_CORRUPT);
    return dpl_reader_end(&r, "the replica's state", err);
}

int dpl_replica_state_load(struct dpl_replica_state *s, int dir_fd, struct dpl_err *err)
{
    g_autofree char *bytes = NULL;
    size_t size;
    unlinkat(dir_fd, NEW_FILE, 0);
    int rc =
        dpl_file_read(dir_fd, DPL_REPLICA_STATE_FILE, DPL_REPLICA_STATE_MAX, &bytes, &size, err);
    return rc < 0 ? rc : dpl_replica_state_decode(s, (const uint8_t *)bytes, size, err);
}

static int write_new(int fd, const uint8_t *bytes, size_t size, const struct dpl_segment_io *io)
{
    for (size_t done = 0; done < size;) {
        struct iovec iov = {(void *)(uintptr_t)(bytes + done), size - done};
        ssize_t n = io->pwritev(io->self, fd, &iov, 1, (off_t)done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? errno : EIO;
        done += (size_t)n;
    }
    return io->datasync(io->self, fd) < 0 ? errno : 0;
}

int dpl_replica_state_save(const struct dpl_replica_state *s, int dir_fd,
                           const struct dpl_segment_io *io, struct dpl_err *err)
{
    g_autofree uint8_t *bytes = g_malloc(DPL_REPLICA_STATE_MAX);
    size_t size = dpl_replica_state_encode(s, bytes);
    dpl_autofd int fd =
        openat(dir_fd, NEW_FILE, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    int failed = fd < 0 ? errno : write_new(fd, bytes, size, io);
    if (!failed && renameat(dir_fd, NEW_FILE, dir_fd, DPL_REPLICA_STATE_FILE) < 0)
        failed = errno;
    if (!failed && io->datasync(io->self, dir_fd) < 0)
        failed = errno;
    return failed ? dpl_err_sys(err, failed, "replace the replica's state") : 0;
}

struct dpl_replica_epoch *dpl_replica_state_last(struct dpl_replica_state *s)
{
    return s->count > 0 ? &s->epochs[s->count - 1] : NULL;
}

struct dpl_replica_epoch *dpl_replica_state_add(struct dpl_replica_state *s)
{
    if (s->count == DPL_REPLICA_EPOCHS)
        memmove(&s->epochs[0], &s->epochs[1], --s->count * sizeof s->epochs[0]);
    s->epochs[s->count] = (struct dpl_replica_epoch){0};
    return &s->epochs[s->count++];
}
