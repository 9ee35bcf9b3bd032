/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What two files hold, and where their holes are. Holes are skipped while both have one, so that a
 * sparse file of terabytes costs what its data costs.
 */
#include "tests/lib/treecmp_int.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

/* Where data begins at or after pos; size where there is none. A file system that cannot tell is
 * all data. */
static off_t next_data(int fd, off_t pos, off_t size)
{
    off_t at = lseek(fd, pos, SEEK_DATA);
    if (at >= 0)
        return at < size ? at : size;
    return errno == ENXIO ? size : pos;
}

static off_t next_hole(int fd, off_t pos, off_t size)
{
    off_t at = lseek(fd, pos, SEEK_HOLE);
    return at >= 0 && at < size ? at : size;
}

static ssize_t read_at(struct treecmp_run *run, int side, int fd, size_t size, off_t pos)
{
    size_t got = 0;
    while (got < size) {
        ssize_t n = pread(fd, run->buffer[side] + got, size - got, pos + (off_t)got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        got += (size_t)n;
    }
    return (ssize_t)got;
}

static off_t first_difference(const struct treecmp_run *run, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (run->buffer[0][i] != run->buffer[1][i])
            return (off_t)i;
    return (off_t)size;
}

/* Compares one chunk. Returns how much there was, 0 where the comparison of this file ends. */
static off_t compare_chunk(struct treecmp_run *run, const int *fds, off_t pos, off_t size)
{
    size_t want = size - pos < (off_t)TREECMP_CHUNK ? (size_t)(size - pos) : TREECMP_CHUNK;
    for (int side = 0; side < 2; side++) {
        ssize_t n = read_at(run, side, fds[side], want, pos);
        if (n < 0 || (size_t)n != want) {
            treecmp_differs(run, "%s cannot be read at %lld: %s", side ? "B" : "A", (long long)pos,
                            n < 0 ? strerror(errno) : "the file ends early");
            return 0;
        }
    }
    run->result.data_bytes += (int64_t)want;
    if (memcmp(run->buffer[0], run->buffer[1], want) != 0) {
        long long at = first_difference(run, want);
        treecmp_differs(run, "data differs from byte %lld on: A has %02x, B has %02x", pos + at,
                        (unsigned char)run->buffer[0][at], (unsigned char)run->buffer[1][at]);
        return 0;
    }
    return (off_t)want;
}

void treecmp_data(struct treecmp_run *run, int a_fd, int b_fd, off_t size)
{
    const int fds[2] = {a_fd, b_fd};
    off_t pos = 0;
    while (pos < size) {
        off_t a = next_data(a_fd, pos, size);
        off_t b = next_data(b_fd, pos, size);
        pos = a < b ? a : b;
        if (pos >= size)
            break;
        off_t done = compare_chunk(run, fds, pos, size);
        if (done == 0)
            break;
        pos += done;
    }
}

void treecmp_holes(struct treecmp_run *run, int a_fd, int b_fd, off_t size)
{
    off_t pos = 0;
    while (pos < size) {
        off_t a = next_data(a_fd, pos, size);
        off_t b = next_data(b_fd, pos, size);
        if (a != b) {
            treecmp_differs(run, "the hole at %lld ends at %lld in A, at %lld in B", (long long)pos,
                            (long long)a, (long long)b);
            return;
        }
        if (a >= size)
            return;
        pos = next_hole(a_fd, a, size);
        off_t b_hole = next_hole(b_fd, a, size);
        if (pos != b_hole) {
            treecmp_differs(run, "the data at %lld ends at %lld in A, at %lld in B", (long long)a,
                            (long long)pos, (long long)b_hole);
            return;
        }
    }
}
