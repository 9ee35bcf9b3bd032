/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/link/mirror_batch.h"

#include "lib/base/fd.h"
#include "lib/wire/writer.h"

#include <glib.h>

enum {
    FULL = DPL_MIRROR_BYTES_MAX / 4 * 3,
    SMALL = 256 * 1024, /* content that goes with the state */
    LENGTHS = 4 + 4,    /* of an entry */
    SECTOR = 512,       /* what st_blocks counts */
};

void dpl_mirror_batch_init(struct dpl_mirror_batch *b, bool known)
{
    *b = (struct dpl_mirror_batch){.list = known ? g_malloc(DPL_MIRROR_BYTES_MAX) : NULL};
}

void dpl_mirror_batch_done(struct dpl_mirror_batch *b)
{
    g_clear_pointer(&b->list, g_free);
}

bool dpl_mirror_batch_full(const struct dpl_mirror_batch *b)
{
    return b->used >= FULL;
}

int dpl_mirror_batch_send(struct dpl_mirror_batch *b, const struct dpl_mirror_desk *desk,
                          struct dpl_err *err)
{
    struct dpl_message m = {.type = DPL_MSG_MIRROR_FILES,
                            .has = DPL_M(MIRROR) | DPL_M(DATA),
                            .mirror = desk->options->id,
                            .data = {b->list, b->used}};
    b->used = 0;
    return m.data.size == 0 ? 0 : desk->options->send(desk->options->self, &m, err);
}

/* How much of its content goes with the state: all, or nothing. A hole would become zeros. */
static size_t content_of(const struct dpl_mirror_desk *desk, int fd, const struct stat *st)
{
    bool small = S_ISREG(st->st_mode) && st->st_size > 0 && st->st_size <= SMALL &&
                 st->st_blocks * SECTOR >= st->st_size;
    bool wanted = desk->options->kind == DPL_MIRROR_FULL && !desk->options->test;
    return small && wanted && dpl_mirror_can_read(fd) ? (size_t)st->st_size : 0;
}

/* One entry, for which there is room. */
static int put(struct dpl_mirror_batch *b, const struct dpl_mirror_desk *desk, int fd, size_t state,
               size_t want, struct dpl_err *err)
{
    struct dpl_writer w;
    ssize_t got = 0;
    dpl_writer_init(&w, b->list + b->used, DPL_MIRROR_BYTES_MAX - b->used);
    dpl_writer_blob(&w, desk->state, state);
    if (want > 0)
        got = dpl_fd_pread_full(fd, 0, w.start + w.used + 4, want, err);
    if (got < 0)
        return (int)got;
    dpl_writer_u32(&w, (uint32_t)got);
    b->used += w.used + (size_t)got;
    desk->count->bytes_read += (uint64_t)got;
    desk->count->bytes_sent += (uint64_t)got;
    return 0;
}

int dpl_mirror_batch_add(struct dpl_mirror_batch *b, const struct dpl_mirror_desk *desk, int fd,
                         struct dpl_view oid, struct dpl_view parent, struct dpl_view name,
                         struct stat *st, bool *whole_r, struct dpl_err *err)
{
    ssize_t state =
        dpl_mirror_state(fd, oid, parent, name, desk->state, DPL_MIRROR_STATE_ROOM, st, err);
    if (state < 0)
        return (int)state;
    size_t want = content_of(desk, fd, st);
    *whole_r = want > 0;
    int rc = 0;
    if (b->used + LENGTHS + (size_t)state + want > DPL_MIRROR_BYTES_MAX)
        rc = dpl_mirror_batch_send(b, desk, err);
    return rc < 0 ? rc : put(b, desk, fd, (size_t)state, want, err);
}
