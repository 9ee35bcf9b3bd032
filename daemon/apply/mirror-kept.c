/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/apply/mirror-kept.h"

#include "lib/base/fd.h"
#include "lib/journal/crc32c.h"
#include "lib/wire/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_NAME "compared"
enum { HEAD = 32, BLOCK_HEAD = 8, BLOCK_MAX = 65536 };
static const char magic[8] = {'D', 'P', 'L', 'M', 'C', 'M', 'P', '1'};

static void init(struct dpl_kept *k, int dir_fd, uint64_t cursor, uint64_t seed)
{
    *k = (struct dpl_kept){.fd = -1, .dir_fd = dir_fd, .cursor = cursor};
    dpl_idset_init(&k->set, seed);
    k->fresh = g_array_new(FALSE, FALSE, sizeof(uint64_t));
    k->sealed = g_array_new(FALSE, FALSE, sizeof(uint64_t));
}

void dpl_kept_close(struct dpl_kept *k)
{
    if (!k->fresh)
        return;
    dpl_fd_clear(&k->fd);
    dpl_idset_done(&k->set);
    g_clear_pointer(&k->fresh, g_array_unref);
    g_clear_pointer(&k->sealed, g_array_unref);
}

void dpl_kept_remove(int dir_fd)
{
    unlinkat(dir_fd, FILE_NAME, 0);
}

int dpl_kept_void(struct dpl_kept *k, struct dpl_err *err)
{
    if (!k->fresh)
        return 0;
    dpl_fd_clear(&k->fd);
    if (unlinkat(k->dir_fd, FILE_NAME, 0) < 0 && errno != ENOENT)
        return dpl_err_sys(err, errno, "forget what an earlier mirror has compared");
    return 0;
}

static bool put(int fd, const void *bytes, size_t size)
{
    return dpl_fd_write_all(fd, bytes, size, NULL) == 0;
}

void dpl_kept_begin(struct dpl_kept *k, int dir_fd, uint64_t cursor, uint64_t seed)
{
    uint8_t head[HEAD];
    struct dpl_writer w;
    init(k, dir_fd, cursor, seed);
    dpl_kept_remove(dir_fd);
    dpl_writer_init(&w, head, sizeof head);
    dpl_writer_bytes(&w, magic, sizeof magic);
    dpl_writer_u64(&w, cursor);
    dpl_writer_u64(&w, seed);
    dpl_writer_u32(&w, 0);
    dpl_writer_u32(&w, dpl_crc32c(0, head, HEAD - 4));
    k->fd = openat(dir_fd, FILE_NAME, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (k->fd >= 0 && !put(k->fd, head, sizeof head))
        dpl_fd_clear(&k->fd);
}

/* One block of hashes: their number, the CRC of that and of them, they. Where it is not whole the
 * list ends: it was being written. */
static bool load_block(struct dpl_kept *k, uint64_t *at)
{
    uint8_t head[BLOCK_HEAD];
    struct dpl_reader r;
    if (dpl_fd_pread_full(k->fd, *at, head, sizeof head, NULL) != BLOCK_HEAD)
        return false;
    dpl_reader_init(&r, head, sizeof head);
    uint32_t count = dpl_reader_u32(&r), crc = dpl_reader_u32(&r);
    if (count == 0 || count > BLOCK_MAX)
        return false;
    g_autofree uint8_t *bytes = g_malloc((size_t)count * 8);
    if (dpl_fd_pread_full(k->fd, *at + BLOCK_HEAD, bytes, (size_t)count * 8, NULL) !=
            (ssize_t)count * 8 ||
        dpl_crc32c(dpl_crc32c(0, head, 4), bytes, (size_t)count * 8) != crc)
        return false;
    dpl_reader_init(&r, bytes, (size_t)count * 8);
    for (uint32_t i = 0; i < count; i++)
        dpl_idset_add_hash(&k->set, dpl_reader_u64(&r));
    *at += BLOCK_HEAD + (uint64_t)count * 8;
    return true;
}

bool dpl_kept_go_on(struct dpl_kept *k, int dir_fd, uint64_t cursor)
{
    uint8_t head[HEAD];
    struct dpl_reader r;
    dpl_autofd int fd = openat(dir_fd, FILE_NAME, O_RDWR | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || dpl_fd_pread_full(fd, 0, head, sizeof head, NULL) != HEAD)
        return false;
    dpl_reader_init(&r, head, sizeof head);
    struct dpl_view found = dpl_reader_bytes(&r, sizeof magic);
    uint64_t its = dpl_reader_u64(&r), seed = dpl_reader_u64(&r);
    dpl_reader_u32(&r);
    if (memcmp(found.data, magic, sizeof magic) != 0 || its != cursor ||
        dpl_reader_u32(&r) != dpl_crc32c(0, head, HEAD - 4))
        return false;
    init(k, dir_fd, cursor, seed);
    k->fd = dpl_fd_steal(&fd);
    uint64_t at = HEAD;
    while (load_block(k, &at))
        ;
    k->loaded = k->set.count;
    if (ftruncate(k->fd, (off_t)at) < 0 || lseek(k->fd, (off_t)at, SEEK_SET) < 0)
        dpl_fd_clear(&k->fd);
    return true;
}

bool dpl_kept_has(const struct dpl_kept *k, struct dpl_view id)
{
    return k->fresh && dpl_idset_has(&k->set, id);
}

void dpl_kept_add(struct dpl_kept *k, struct dpl_view id)
{
    if (!k->fresh || k->fd < 0 || !dpl_idset_add(&k->set, id))
        return;
    uint64_t hash = dpl_idset_hash(&k->set, id);
    g_array_append_val(k->fresh, hash);
}

void dpl_kept_checkpoint_begins(struct dpl_kept *k)
{
    if (!k->fresh || k->fresh->len == 0)
        return;
    g_array_append_vals(k->sealed, k->fresh->data, k->fresh->len);
    g_array_set_size(k->fresh, 0);
}

/* What a checkpoint that was not made holds comes with the next one. */
void dpl_kept_checkpoint_failed(struct dpl_kept *k)
{
    if (!k->fresh || k->sealed->len == 0)
        return;
    g_array_append_vals(k->fresh, k->sealed->data, k->sealed->len);
    g_array_set_size(k->sealed, 0);
}

static bool put_block(struct dpl_kept *k, guint from, guint count)
{
    size_t room = BLOCK_HEAD + (size_t)count * 8;
    g_autofree uint8_t *bytes = g_malloc(room);
    struct dpl_writer w;
    dpl_writer_init(&w, bytes, room);
    dpl_writer_u32(&w, count);
    dpl_writer_u32(&w, 0);
    for (guint i = 0; i < count; i++)
        dpl_writer_u64(&w, g_array_index(k->sealed, uint64_t, from + i));
    uint32_t crc = dpl_crc32c(dpl_crc32c(0, bytes, 4), bytes + BLOCK_HEAD, (size_t)count * 8);
    w.used = 4;
    dpl_writer_u32(&w, crc);
    return put(k->fd, bytes, room);
}

/* Not synced: if a power cut takes it, what it says is compared again. */
void dpl_kept_checkpoint_made(struct dpl_kept *k)
{
    if (!k->fresh || k->fd < 0)
        return;
    bool ok = true;
    for (guint at = 0; ok && at < k->sealed->len; at += BLOCK_MAX)
        ok = put_block(k, at, MIN(BLOCK_MAX, k->sealed->len - at));
    g_array_set_size(k->sealed, 0);
    if (!ok)
        dpl_fd_clear(&k->fd);
}
