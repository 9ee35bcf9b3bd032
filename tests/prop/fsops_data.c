/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * fsops: data. Read, write, truncate, allocate, copy, seek, sync and map.
 */
#include "tests/prop/fsops.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define BUFFER_SIZE ((size_t)1 << 18)
static char buffer[BUFFER_SIZE] __attribute__((aligned(4096)));

/* Where and how much; whole blocks where O_DIRECT wants them. */
static off_t offset_of(const struct fsops_op *op, unsigned which, bool direct)
{
    uint32_t r = op->r[which];
    if (r % 64 == 0 && !direct)
        return -1 - (off_t)(r % 5000);
    if (r % 64 == 1)
        return (off_t)1 << 40;
    off_t offset = r % 3 == 0 ? (off_t)(r >> 8) % 300000 : (off_t)((r >> 8) % 40) * 4096;
    return direct ? offset & ~(off_t)4095 : offset;
}

static size_t size_of(const struct fsops_op *op, unsigned which, bool direct)
{
    uint32_t r = op->r[which];
    size_t size = r % 16 == 0  ? (r >> 8) % BUFFER_SIZE
                  : r % 3 == 0 ? ((r >> 8) % 8) * 4096
                               : (r >> 8) % 9000;
    return direct ? size & ~(size_t)4095 : size;
}

static unsigned slot_of(const struct fsops_op *op, unsigned which, struct fsops_out *out)
{
    unsigned slot = fsops_pick(op, which, FSOPS_FDS);
    out->fd = (int)slot;
    return slot;
}

void fsops_read(struct fsops_side *side, const struct fsops_op *op, struct fsops_out *out)
{
    unsigned slot = slot_of(op, 0, out);
    int fd = side->fds[slot];
    size_t size = size_of(op, 1, side->direct[slot]);
    off_t offset = offset_of(op, 2, side->direct[slot]);
    long n;
    if (op->r[3] % 4 == 0) {
        fsops_call(out, "read(fd%u, %zu)", slot, size);
        n = side->direct[slot] ? 0 : read(fd, buffer, size);
    } else {
        fsops_call(out, "pread(fd%u, %zu, %lld)", slot, size, (long long)offset);
        n = pread(fd, buffer, size, offset);
    }
    fsops_result(out, n);
    if (n > 0)
        fsops_say_hash(out, buffer, (size_t)n);
}

void fsops_write(struct fsops_side *side, const struct fsops_op *op, struct fsops_out *out)
{
    unsigned slot = slot_of(op, 0, out);
    int fd = side->fds[slot];
    size_t size = size_of(op, 1, side->direct[slot]);
    off_t offset = offset_of(op, 2, side->direct[slot]);
    fsops_fill(op, buffer, size);
    if (op->r[3] % 3 == 0 && !side->direct[slot]) {
        fsops_call(out, "write(fd%u, %zu)", slot, size);
        fsops_result(out, write(fd, buffer, size));
    } else {
        fsops_call(out, "pwrite(fd%u, %zu, %lld)", slot, size, (long long)offset);
        fsops_result(out, pwrite(fd, buffer, size, offset));
    }
    if (!side->direct[slot])
        fsops_say(out, "at %lld ", (long long)lseek(fd, 0, SEEK_CUR));
}

#ifndef RWF_NOAPPEND
#define RWF_NOAPPEND 0x20
#endif

void fsops_write_vector(struct fsops_side *side, const struct fsops_op *op, struct fsops_out *out)
{
    static const int flags[] = {0, RWF_DSYNC, RWF_SYNC, RWF_APPEND, RWF_HIPRI, RWF_NOAPPEND};
    unsigned slot = slot_of(op, 0, out);
    bool direct = side->direct[slot];
    int flag = direct ? 0 : FSOPS_ONE_OF(op, 1, flags);
    size_t unit = direct ? 4096 : 1 + op->r[2] % 5000;
    off_t offset = op->r[3] % 4 == 0 && !direct ? -1 : offset_of(op, 3, direct);
    struct iovec parts[3];
    for (size_t i = 0; i < 3; i++)
        parts[i] = (struct iovec){buffer + i * 8192, i == 1 && !direct ? unit / 2 : unit};
    fsops_fill(op, buffer, (size_t)3 * 8192);
    fsops_call(out, "pwritev2(fd%u, 3 x %zu, %lld, %#x)", slot, unit, (long long)offset,
               (unsigned)flag);
    fsops_result(out, pwritev2(side->fds[slot], parts, 3, offset, flag));
    long n = preadv(side->fds[slot], parts, 3, direct ? 0 : 100);
    fsops_result(out, n);
    for (size_t i = 0; i < 3 && n > 0; i++) {
        size_t part = (size_t)n < parts[i].iov_len ? (size_t)n : parts[i].iov_len;
        fsops_say_hash(out, parts[i].iov_base, part);
        n -= (long)part;
    }
}

void fsops_truncate(struct fsops_side *side, const struct fsops_op *op, struct fsops_out *out)
{
    off_t size = offset_of(op, 1, false);
    if (op->r[2] % 2 == 0) {
        unsigned slot = slot_of(op, 0, out);
        fsops_call(out, "ftruncate(fd%u, %lld)", slot, (long long)size);
        fsops_result(out, ftruncate(side->fds[slot], size));
    } else {
        out->paths[0] = fsops_path(op, 0);
        fsops_call(out, "truncate(\"%.80s\", %lld)", out->paths[0], (long long)size);
        fsops_result(out, truncate(out->paths[0], size));
    }
}

void fsops_fallocate(struct fsops_side *side, const struct fsops_op *op, struct fsops_out *out)
{
    static const int modes[] = {0,
                                FALLOC_FL_KEEP_SIZE,
                                FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                                FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                                FALLOC_FL_ZERO_RANGE,
                                FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE,
                                FALLOC_FL_PUNCH_HOLE};
    unsigned slot = slot_of(op, 0, out);
    int mode = FSOPS_ONE_OF(op, 1, modes);
    off_t offset = offset_of(op, 2, false);
    off_t size = (off_t)size_of(op, 3, false);
    fsops_call(out, "fallocate(fd%u, %#x, %lld, %lld)", slot, (unsigned)mode, (long long)offset,
               (long long)size);
    fsops_result(out, fallocate(side->fds[slot], mode, offset, size));
}

void fsops_shift(struct fsops_side *side, const struct fsops_op *op, struct fsops_out *out)
{
    unsigned slot = slot_of(op, 0, out);
    int mode = op->r[1] % 2 ? FALLOC_FL_COLLAPSE_RANGE : FALLOC_FL_INSERT_RANGE;
    off_t offset = (off_t)(op->r[2] % 8) * 4096;
    fsops_call(out, "fallocate(fd%u, %#x, %lld, 4096)", slot, (unsigned)mode, (long long)offset);
    fsops_result(out, fallocate(side->fds[slot], mode, offset, 4096));
}

void fsops_copy(struct fsops_side *side, const struct fsops_op *op, struct fsops_out *out)
{
    unsigned from = fsops_pick(op, 0, FSOPS_FDS);
    unsigned to = slot_of(op, 1, out);
    off_t in = offset_of(op, 2, false);
    off_t at = offset_of(op, 3, false);
    size_t size = size_of(op, 4, false);
    fsops_call(out, "copy_file_range(fd%u, %lld, fd%u, %lld, %zu)", from, (long long)in, to,
               (long long)at, size);
    if (side->direct[from] || side->direct[to])
        return;
    fsops_result(out, copy_file_range(side->fds[from], &in, side->fds[to], &at, size, 0));
    fsops_say(out, "then %lld %lld ", (long long)in, (long long)at);
}

void fsops_sendfile(struct fsops_side *side, const struct fsops_op *op, struct fsops_out *out)
{
    unsigned from = fsops_pick(op, 0, FSOPS_FDS);
    unsigned to = slot_of(op, 1, out);
    off_t in = offset_of(op, 2, false);
    size_t size = size_of(op, 3, false);
    fsops_call(out, "sendfile(fd%u, fd%u, %lld, %zu)", to, from, (long long)in, size);
    if (side->direct[from] || side->direct[to])
        return;
    fsops_result(out, sendfile(side->fds[to], side->fds[from], &in, size));
    fsops_say(out, "then %lld ", (long long)in);
}

/* Room that was allocated and not written is data or a hole as the page cache happens to be, so the
 * place that was found is only checked: what was skipped for it must be zeros. */
static void check_skipped(int fd, off_t from, off_t to, struct fsops_out *out)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return;
    to = to < 0 ? st.st_size : to;
    if (from < 0 || from >= to)
        return;
    size_t size = to - from < (off_t)BUFFER_SIZE ? (size_t)(to - from) : BUFFER_SIZE;
    ssize_t n = pread(fd, buffer, size, from);
    for (ssize_t i = 0; i < n; i++)
        if (buffer[i] != 0) {
            fsops_say(out, "data was skipped at %lld ", (long long)from + i);
            return;
        }
}

static void seek_data(int fd, off_t offset, int whence, struct fsops_out *out)
{
    off_t at = lseek(fd, offset, whence);
    if (at < 0 && errno != ENXIO)
        fsops_result(out, -1);
    else if (whence == SEEK_DATA)
        check_skipped(fd, offset, at, out);
    else if (at >= 0 && at < offset)
        fsops_say(out, "a hole at %lld, before %lld ", (long long)at, (long long)offset);
    lseek(fd, offset, SEEK_SET);
}

void fsops_seek(struct fsops_side *side, const struct fsops_op *op, struct fsops_out *out)
{
    static const int whences[] = {SEEK_SET, SEEK_CUR, SEEK_END, SEEK_DATA, SEEK_HOLE};
    unsigned slot = slot_of(op, 0, out);
    int whence = FSOPS_ONE_OF(op, 1, whences);
    off_t offset = offset_of(op, 2, side->direct[slot]);
    struct stat st;
    fsops_call(out, "lseek(fd%u, %lld, %d)", slot, (long long)offset, whence);
    /* places in a directory are the file system's own */
    if (fstat(side->fds[slot], &st) == 0 && S_ISDIR(st.st_mode))
        return;
    if (whence == SEEK_DATA || whence == SEEK_HOLE)
        seek_data(side->fds[slot], offset, whence, out);
    else
        fsops_result(out, lseek(side->fds[slot], offset, whence));
}

void fsops_sync(struct fsops_side *side, const struct fsops_op *op, struct fsops_out *out)
{
    unsigned slot = slot_of(op, 0, out);
    unsigned way = op->r[1] % 4;
    fsops_call(out, "%s(fd%u)", way == 0 ? "fdatasync" : way == 1 ? "syncfs" : "fsync", slot);
    fsops_result(out, way == 0   ? fdatasync(side->fds[slot])
                      : way == 1 ? syncfs(side->fds[slot])
                                 : fsync(side->fds[slot]));
}

/* A mapping past the end of its file answers with a signal; that too must be the same. */
static sigjmp_buf bus_escape;

static void on_bus(int number)
{
    (void)number;
    siglongjmp(bus_escape, 1);
}

static void catch_bus(void)
{
    static bool done;
    if (!done)
        sigaction(SIGBUS, &(struct sigaction){.sa_handler = on_bus, .sa_flags = SA_NODEFER}, NULL);
    done = true;
}

void fsops_map(struct fsops_side *side, const struct fsops_op *op, struct fsops_out *out)
{
    unsigned slot = slot_of(op, 0, out);
    unsigned map = fsops_pick(op, 1, FSOPS_MAPS);
    int protection = op->r[2] % 3 == 0 ? PROT_READ : PROT_READ | PROT_WRITE;
    fsops_call(out, "map%u = mmap(fd%u, 0, %zu, shared, %d)", map, slot, FSOPS_MAP_SIZE,
               protection);
    if (side->maps[map])
        munmap(side->maps[map], FSOPS_MAP_SIZE);
    void *at = mmap(NULL, FSOPS_MAP_SIZE, protection, MAP_SHARED, side->fds[slot], 0);
    side->maps[map] = at == MAP_FAILED ? NULL : at;
    fsops_result(out, at == MAP_FAILED ? -1 : 0);
}

/* Reads each page of a mapping that other operations may have changed the file of. */
void fsops_map_look(struct fsops_side *side, const struct fsops_op *op, struct fsops_out *out)
{
    unsigned map = fsops_pick(op, 0, FSOPS_MAPS);
    fsops_call(out, "read map%u", map);
    catch_bus();
    for (volatile size_t at = 0; side->maps[map] && at < FSOPS_MAP_SIZE; at += 4096) {
        if (sigsetjmp(bus_escape, 1) != 0) {
            fsops_say(out, "SIGBUS ");
            continue;
        }
        memcpy(buffer, (char *)side->maps[map] + at, 4096);
        fsops_say_hash(out, buffer, 4096);
    }
}

/* Stores and writes back, or a file of FUSE would get its mtime later than others. */
void fsops_map_store(struct fsops_side *side, const struct fsops_op *op, struct fsops_out *out)
{
    unsigned map = fsops_pick(op, 0, FSOPS_MAPS);
    size_t at = op->r[1] % FSOPS_MAP_SIZE;
    size_t size = 1 + op->r[2] % 3000;
    size = size < FSOPS_MAP_SIZE - at ? size : FSOPS_MAP_SIZE - at;
    fsops_call(out, "store into map%u, %zu bytes at %zu, msync", map, size, at);
    if (!side->maps[map])
        return;
    catch_bus();
    sigaction(SIGSEGV, &(struct sigaction){.sa_handler = on_bus, .sa_flags = SA_NODEFER}, NULL);
    if (sigsetjmp(bus_escape, 1) != 0) {
        fsops_say(out, "signal ");
    } else {
        fsops_fill(op, buffer, size);
        memcpy((char *)side->maps[map] + at, buffer, size);
    }
    signal(SIGSEGV, SIG_DFL);
    fsops_result(out, msync(side->maps[map], FSOPS_MAP_SIZE, MS_SYNC));
}

/* Stores into a private mapping never reach the file. */
void fsops_map_private(struct fsops_side *side, const struct fsops_op *op, struct fsops_out *out)
{
    unsigned slot = slot_of(op, 0, out);
    fsops_call(out, "mmap(fd%u, private), store, munmap", slot);
    char *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, side->fds[slot], 0);
    fsops_result(out, at == MAP_FAILED ? -1 : 0);
    if (at == MAP_FAILED)
        return;
    catch_bus();
    if (sigsetjmp(bus_escape, 1) != 0) {
        fsops_say(out, "SIGBUS ");
    } else {
        fsops_say_hash(out, at, 4096);
        memset(at, 'P', 4096);
    }
    fsops_result(out, munmap(at, 4096));
    if (pread(side->fds[slot], buffer, 4096, 0) == 4096)
        fsops_say_hash(out, buffer, 4096);
}
