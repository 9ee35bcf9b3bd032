/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Listing directories. There are no open directories here (OPENDIR is answered ENOSYS once): each
 * request opens its own descriptor and seeks to the cookie that the kernel gives.
 */
#include "daemon/capture/op.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BATCH_BYTES 32768

struct lower_dirent {
    uint64_t ino;
    int64_t off;
    uint16_t reclen;
    uint8_t type;
    char name[];
};

struct listing {
    uint8_t *at; /* of the answer */
    size_t room, used;
    bool plus;
    bool full;
};

static bool is_dot(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static void fill_dirent(struct fuse_dirent *to, const struct lower_dirent *from, size_t length)
{
    to->ino = from->ino;
    to->off = (uint64_t)from->off;
    to->namelen = (uint32_t)length;
    to->type = from->type;
    memcpy(to->name, from->name, length);
}

/* One entry. An object that cannot be looked up is listed without attributes. */
static void add(struct op *op, struct listing *list, int dir_fd, const struct lower_dirent *entry)
{
    size_t length = strlen(entry->name);
    size_t head = list->plus ? FUSE_NAME_OFFSET_DIRENTPLUS : FUSE_NAME_OFFSET;
    size_t size = FUSE_DIRENT_ALIGN(head + length);
    uint8_t *at = list->at + list->used;

    if (list->used + size > list->room ||
        (list->plus && op->slot->references >= SLOT_REFERENCES - 1)) {
        list->full = true;
        return;
    }
    memset(at, 0, size);
    if (list->plus) {
        struct fuse_direntplus *plus = (void *)at;

        fill_dirent(&plus->dirent, entry, length);
        if (!is_dot(entry->name) &&
            op_entry(op, op->node, dir_fd, entry->name, &plus->entry_out, NULL, NULL) != 0)
            memset(&plus->entry_out, 0, sizeof(plus->entry_out));
    } else {
        fill_dirent((void *)at, entry, length);
    }
    list->used += size;
}

/* Lists until the answer is full or the directory ends. */
static int fill(struct op *op, struct listing *list, int dir_fd)
{
    uint8_t batch[BATCH_BYTES] __attribute__((aligned(8)));

    while (!list->full) {
        size_t want = list->room - list->used < sizeof(batch) ? list->room : sizeof(batch);
        long got = syscall(SYS_getdents64, dir_fd, batch, want < 1024 ? sizeof(batch) : want);

        if (got < 0)
            return -errno;
        if (got == 0)
            break;
        for (long at = 0; at < got && !list->full;) {
            const struct lower_dirent *entry = (void *)(batch + at);

            add(op, list, dir_fd, entry);
            at += entry->reclen;
        }
        if (list->used > 0)
            break;
    }
    return 0;
}

static int list_directory(struct op *op, bool plus)
{
    const struct fuse_read_in *in = op->rq.fixed;
    struct listing list = {.at = op->thread->out,
                           .room = in->size < SHARED_BUFFER ? in->size : SHARED_BUFFER,
                           .plus = plus};
    int fd = op_fd(op, op->node, NULL);
    int code;

    if (fd < 0)
        return fd;
    op->own_fd = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (op->own_fd < 0)
        return -errno;
    if (in->offset != 0 && lseek(op->own_fd, (off_t)in->offset, SEEK_SET) < 0)
        return -errno;
    code = fill(op, &list, op->own_fd);
    return code != 0 ? code : op_answer(op, list.at, list.used);
}

int op_readdir(struct op *op)
{
    return list_directory(op, false);
}

int op_readdirplus(struct op *op)
{
    return list_directory(op, true);
}
