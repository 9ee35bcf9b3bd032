/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * fsops: what a full file system answers, to a user and to root, who may use the reserved blocks.
 *
 * How much fits is not compared, only what happens at the end of it.
 */
#include "tests/prop/fsops.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE ((size_t)1 << 20)
#define USER  5 /* of fsops_run_as: no root */

static char piece[PIECE];

/* Fills a file until nothing goes any more, with pieces that get smaller. The errno of the end. */
static int fill(int fd)
{
    int error = 0;
    for (size_t size = PIECE; size >= 4096;) {
        ssize_t n = write(fd, piece, size);
        if (n > 0)
            continue;
        error = n < 0 ? errno : 0;
        size /= 2;
    }
    fsync(fd);
    return error;
}

static void try_more(struct fsops_out *out, int fd)
{
    fsops_result(out, write(fd, piece, PIECE) == (ssize_t)PIECE ? 0 : -1);
    fsops_result(out, pwrite(fd, piece, 4096, 0));
    fsops_result(out, fallocate(fd, FALLOC_FL_KEEP_SIZE, (off_t)1 << 30, 64 << 20));
    fsops_result(out, fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 8 << 20));
    fsops_result(out, pwrite(fd, piece, PIECE, 0));
    fsops_result(out, fsync(fd));
}

void fsops_full(struct fsops_side *side, struct fsops_out *out)
{
    memset(out, 0, sizeof *out);
    memset(piece, 'f', sizeof piece);
    if (fchdir(side->root_fd) < 0 || chmod(".", 0777) < 0)
        return;
    fsops_run_as(USER);
    int user_fd = open("full.user", O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
    fsops_result(out, user_fd < 0 ? -1 : 0);
    fsops_say(out, "a user's end: %s ", strerrorname_np(fill(user_fd)));
    try_more(out, user_fd);
    fsops_run_as(0);
    int root_fd = open("full.root", O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
    fsops_say(out, "root beyond it: %zd ", write(root_fd, piece, PIECE));
    fsops_say(out, "root's end: %s ", strerrorname_np(fill(root_fd)));
    fsops_say(out, "a user then: ");
    fsops_run_as(USER);
    fsops_result(out, pwrite(user_fd, piece, PIECE, (off_t)1 << 32));
    fsops_run_as(0);
    close(root_fd);
    fsops_result(out, unlink("full.root"));
    fsops_result(out, ftruncate(user_fd, 0));
    fsops_result(out, pwrite(user_fd, piece, PIECE, 0));
    close(user_fd);
    fsops_result(out, unlink("full.user"));
}
