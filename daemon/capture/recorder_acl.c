/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * What a new object inherits from its directory's default ACL, see recorder.h.
 */
#include "daemon/capture/recorder.h"

#include <stdio.h>
#include <sys/xattr.h>

#define ACL_ACCESS  "system.posix_acl_access"
#define ACL_DEFAULT "system.posix_acl_default"

/* In the thread's memory for answers, behind what recorder_extra() encodes. */
#define LIST_AT   (320U << 10)
#define LIST_ROOM (256U << 10)

void recorder_inherited_room(struct op *op, int dir_fd)
{
    ssize_t size = op->recording ? fgetxattr(dir_fd, ACL_DEFAULT, NULL, 0) : 0;

    if (size <= 0)
        return;
    op->record.xattrs =
        (struct dpl_view){.data = op->thread->out + LIST_AT, .size = 2 * ((size_t)size + 64)};
    op->record.has |= DPL_F_XATTRS;
}

/* By path: of a FIFO, a socket or a device we hold a descriptor that answers for nothing else. */
static ssize_t append(int fd, const char *name, uint8_t *list, size_t used)
{
    uint8_t value[4096];
    char path[48];
    ssize_t size;

    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    size = getxattr(path, name, value, sizeof(value));
    return size <= 0 ? (ssize_t)used
                     : dpl_xattrs_append(list, used, LIST_ROOM, name, value, (size_t)size);
}

size_t recorder_inherited_list(struct op *op, int fd, const uint8_t **list)
{
    uint8_t *at = op->thread->out + LIST_AT;
    ssize_t used = append(fd, ACL_ACCESS, at, 0);

    if (used >= 0)
        used = append(fd, ACL_DEFAULT, at, (size_t)used);
    *list = at;
    return used < 0 ? 0 : (size_t)used;
}

void recorder_inherited(struct op *op, int fd)
{
    const uint8_t *list;
    size_t size;

    if ((op->record.has & DPL_F_XATTRS) == 0)
        return;
    size = recorder_inherited_list(op, fd, &list);
    if (size == 0)
        recorder_without(op, DPL_F_XATTRS);
    else
        op->record.xattrs = (struct dpl_view){.data = list, .size = size};
}
