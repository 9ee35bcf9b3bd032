/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * tinyfuse: the smallest FUSE server, for tests of what happens around one.
 *
 *     tinyfuse MOUNTPOINT [TYPE]      TYPE is fuse.doppel unless said otherwise
 *
 * It mounts a directory with one file, "file", which reads as zeros and takes what is written, and
 * prints "ready". It ends when the connection does. Stopped (SIGSTOP), it leaves every request
 * without answer; killed, it leaves its mount behind: the mount is made here, and nothing takes it
 * away.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define FILE_ID    2
#define FILE_BYTES 65536
#define WRITE_MAX  65536

static union {
    struct fuse_in_header header;
    char room[WRITE_MAX + 8192];
} request;
static int device;

static void answer(int error, const void *data, size_t size)
{
    struct fuse_out_header out = {
        .len = (uint32_t)(sizeof out + size), .error = -error, .unique = request.header.unique};
    struct iovec iov[2] = {{&out, sizeof out}, {(void *)(uintptr_t)data, size}};
    if (writev(device, iov, size ? 2 : 1) < 0 && errno != ENOENT && errno != ENODEV)
        perror("tinyfuse: answer");
}

static struct fuse_attr attributes(uint64_t id)
{
    struct fuse_attr attr = {.ino = id, .nlink = 1, .blksize = 4096};
    attr.mode = id == FUSE_ROOT_ID ? S_IFDIR | 0755 : S_IFREG | 0666;
    attr.size = id == FUSE_ROOT_ID ? 0 : FILE_BYTES;
    return attr;
}

static void serve_init(const struct fuse_init_in *in)
{
    struct fuse_init_out out = {.major = FUSE_KERNEL_VERSION,
                                .minor = FUSE_KERNEL_MINOR_VERSION,
                                .max_readahead = in->max_readahead,
                                .max_write = WRITE_MAX};
    answer(0, &out, sizeof out);
}

static void serve_lookup(const char *name)
{
    struct fuse_entry_out out = {.nodeid = FILE_ID, .attr = attributes(FILE_ID)};
    if (strcmp(name, "file") == 0)
        answer(0, &out, sizeof out);
    else
        answer(ENOENT, NULL, 0);
}

static void serve_read(const struct fuse_read_in *in)
{
    static const char zeros[FILE_BYTES];
    uint64_t left = in->offset < FILE_BYTES ? FILE_BYTES - in->offset : 0;
    answer(0, zeros, left < in->size ? left : in->size);
}

static void serve(void)
{
    const void *in = request.room + sizeof request.header;
    struct fuse_attr_out attr = {.attr = attributes(request.header.nodeid)};
    struct fuse_open_out open_out = {0};
    struct fuse_write_out write_out = {0};
    struct fuse_statfs_out statfs_out = {.st = {.bsize = 4096, .namelen = 255}};
    switch (request.header.opcode) {
    case FUSE_INIT:
        serve_init(in);
        break;
    case FUSE_LOOKUP:
        serve_lookup(in);
        break;
    case FUSE_GETATTR:
    case FUSE_SETATTR:
        answer(0, &attr, sizeof attr);
        break;
    case FUSE_OPEN:
    case FUSE_OPENDIR:
        answer(0, &open_out, sizeof open_out);
        break;
    case FUSE_READ:
        serve_read(in);
        break;
    case FUSE_WRITE:
        write_out.size = ((const struct fuse_write_in *)in)->size;
        answer(0, &write_out, sizeof write_out);
        break;
    case FUSE_STATFS:
        answer(0, &statfs_out, sizeof statfs_out);
        break;
    case FUSE_RELEASE:
    case FUSE_RELEASEDIR:
    case FUSE_FLUSH:
    case FUSE_FSYNC:
    case FUSE_READDIR:
        answer(0, NULL, 0);
        break;
    case FUSE_FORGET:
    case FUSE_BATCH_FORGET:
    case FUSE_INTERRUPT:
        break;
    default:
        answer(ENOSYS, NULL, 0);
    }
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "Usage: tinyfuse MOUNTPOINT [TYPE]\n");
        return 2;
    }
    char options[128];
    device = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    snprintf(options, sizeof options, "fd=%d,rootmode=40755,user_id=0,group_id=0,allow_other",
             device);
    if (device < 0 || mount("doppel:test", argv[1], argc > 2 ? argv[2] : "fuse.doppel",
                            MS_NOSUID | MS_NODEV, options) < 0) {
        perror("tinyfuse: mount");
        return 1;
    }
    puts("ready");
    fflush(stdout);
    for (;;) {
        ssize_t n = read(device, &request, sizeof request);
        if (n >= (ssize_t)sizeof request.header)
            serve();
        else if (n < 0 && errno != EINTR && errno != ENOENT && errno != EAGAIN)
            return errno == ENODEV || errno == ECONNABORTED ? 0 : 1;
    }
}
