/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Descriptors between two workers, see sweep.h.
 */
#include "daemon/capture/sweep.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FDS (1U << 20)

static uint8_t own[FDS / 8];
static uint8_t held[FDS / 8];

static void bit_set(uint8_t *bits, int fd)
{
    if (fd >= 0 && (uint32_t)fd < FDS)
        bits[fd / 8] |= (uint8_t)(1U << (fd % 8));
}

static bool bit_get(const uint8_t *bits, int fd)
{
    return (uint32_t)fd < FDS && (bits[fd / 8] >> (fd % 8) & 1) != 0;
}

/* Calls back for each open descriptor but that of the listing itself. */
static void each_descriptor(void (*found)(int fd, void *self), void *self)
{
    char batch[8192] __attribute__((aligned(8)));
    int dir = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    long got;

    if (dir < 0)
        return;
    while ((got = syscall(SYS_getdents64, dir, batch, sizeof(batch))) > 0) {
        for (long at = 0; at < got;) {
            const struct dirent64 *entry = (const void *)(batch + at);
            int fd = entry->d_name[0] == '.' ? -1 : (int)strtol(entry->d_name, NULL, 10);

            if (fd >= 0 && fd != dir)
                found(fd, self);
            at += entry->d_reclen;
        }
    }
    close(dir);
}

static void note(int fd, void *self)
{
    (void)self;
    bit_set(own, fd);
}

void sweep_note_own(void)
{
    each_descriptor(note, NULL);
}

void sweep_add_own(int fd)
{
    bit_set(own, fd);
}

static void close_unknown(int fd, void *self)
{
    struct shared *shared = self;

    if (bit_get(own, fd) || bit_get(held, fd))
        return;
    close(fd);
    atomic_fetch_add(&shared->count.swept_fds, 1);
}

void sweep_descriptors(struct shared *shared)
{
    memset(held, 0, sizeof(held));
    for (uint32_t i = 1; i < shared->node_top; i++)
        if (shared->nodes[i].used)
            bit_set(held, shared->nodes[i].pin_fd);
    each_descriptor(close_unknown, shared);
}

void sweep_keep_over_exec(const struct shared *shared)
{
    for (uint32_t i = 1; i < shared->node_top; i++)
        if (shared->nodes[i].used && shared->nodes[i].pin_fd > 2)
            fcntl(shared->nodes[i].pin_fd, F_SETFD, 0);
}
