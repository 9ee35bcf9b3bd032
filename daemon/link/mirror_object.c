/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/link/mirror_object.h"

#include "lib/base/fd.h"

#include <errno.h>
#include <glib.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { OWN_PATH = 40, NAMES_ROOM = 65536 };

union handle {
    struct file_handle h;
    unsigned char room[sizeof(struct file_handle) + DPL_MIRROR_HANDLE_MAX];
};

static int failed(struct dpl_err *err, const char *what)
{
    if (errno == ENOENT || errno == ESTALE || errno == ENODATA)
        return dpl_err_set(err, DPL_E_NOT_FOUND, "%s: it is gone", what);
    return dpl_err_sys(err, errno, "%s", what);
}

int dpl_mirror_handle_get(int dir_fd, const char *name, struct dpl_mirror_handle *handle,
                          struct dpl_oid *oid, struct dpl_err *err)
{
    union handle u = {.h.handle_bytes = DPL_MIRROR_HANDLE_MAX};
    int mount_id;
    if (name_to_handle_at(dir_fd, name, &u.h, &mount_id, *name ? 0 : AT_EMPTY_PATH) < 0)
        return failed(err, "ask for a file handle");
    handle->type = u.h.handle_type;
    handle->bytes = u.h.handle_bytes;
    memcpy(handle->data, u.h.f_handle, u.h.handle_bytes);
    return dpl_oid_make(oid, handle->type, 0, handle->data, handle->bytes, err);
}

int dpl_mirror_handle_of(struct dpl_view oid, struct dpl_mirror_handle *handle, struct dpl_err *err)
{
    struct dpl_reader r;
    dpl_reader_init(&r, oid.data, oid.size);
    handle->type = (int)dpl_reader_u32(&r);
    dpl_reader_u64(&r);
    struct dpl_view rest = dpl_reader_bytes(&r, r.left);
    if (r.code || rest.size == 0 || rest.size > DPL_MIRROR_HANDLE_MAX)
        return dpl_err_set(err, DPL_E_CORRUPT, "an object's id is none of ours");
    handle->bytes = (unsigned)rest.size;
    memcpy(handle->data, rest.data, rest.size);
    return 0;
}

int dpl_mirror_handle_open(int root_fd, const struct dpl_mirror_handle *handle, int flags,
                           struct dpl_err *err)
{
    union handle u = {.h.handle_bytes = handle->bytes, .h.handle_type = handle->type};
    memcpy(u.h.f_handle, handle->data, handle->bytes);
    int fd = open_by_handle_at(root_fd, &u.h, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    return fd < 0 ? failed(err, "open an object of the source") : fd;
}

static void own_path(int fd, char path[OWN_PATH])
{
    snprintf(path, OWN_PATH, "/proc/self/fd/%d", fd);
}

bool dpl_mirror_can_read(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    return flags >= 0 && !(flags & O_PATH);
}

/* What is looked at: by its descriptor, or by a path to it where that is of no use. */
struct looked {
    int fd;
    bool open;
    char path[OWN_PATH];
};

static ssize_t value_of(const struct looked *at, const char *name, void *value, size_t room)
{
    return at->open ? fgetxattr(at->fd, name, value, room) : getxattr(at->path, name, value, room);
}

/* All extended attributes but what belongs to a host, and those of trusted: who reads here has no
 * right to see them. */
static ssize_t read_xattrs(const struct looked *looked, uint8_t *list, size_t room,
                           struct dpl_err *err)
{
    g_autofree char *names = g_malloc(NAMES_ROOM);
    g_autofree uint8_t *value = NULL;
    ssize_t size = looked->open ? flistxattr(looked->fd, names, NAMES_ROOM)
                                : listxattr(looked->path, names, NAMES_ROOM),
            used = 0;
    if (size < 0)
        return errno == EOPNOTSUPP ? 0 : failed(err, "list extended attributes");
    for (const char *at = names; at < names + size; at += strlen(at) + 1) {
        if (g_str_has_prefix(at, "trusted.") || strcmp(at, "security.selinux") == 0)
            continue;
        if (!value)
            value = g_malloc(DPL_XATTR_VALUE_MAX);
        ssize_t got = value_of(looked, at, value, DPL_XATTR_VALUE_MAX);
        if (got < 0 && errno == ENODATA)
            continue;
        if (got < 0)
            return failed(err, "read an extended attribute");
        used = dpl_xattrs_append(list, (size_t)used, room, at, value, (size_t)got);
        if (used < 0)
            return dpl_err_set(err, (int)used, "an object has too many extended attributes");
    }
    return used;
}

/* Inode flags, where a file system has them. */
static void read_flags(const struct looked *looked, struct dpl_attr *attr)
{
    unsigned flags = 0;
    dpl_autofd int own = -1;
    if (!S_ISREG(attr->mode) && !S_ISDIR(attr->mode))
        return;
    if (!looked->open)
        own = open(looked->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOATIME);
    if (ioctl(looked->open ? looked->fd : own, FS_IOC_GETFLAGS, &flags) < 0)
        return;
    attr->iflags = flags;
    attr->has |= DPL_A_IFLAGS;
}

/* Encodes the record, completed by what fd is of. */
static ssize_t whole_state(int fd, struct dpl_record *r, void *body, size_t room, struct stat *st,
                           struct dpl_err *err)
{
    char target[PATH_MAX];
    struct looked looked = {.fd = fd, .open = dpl_mirror_can_read(fd)};
    g_autofree uint8_t *list = g_malloc(DPL_XATTRS_MAX);
    own_path(fd, looked.path);
    if (fstat(fd, st) < 0)
        return failed(err, "look at an object");
    dpl_attr_from_stat(&r->attr, st);
    ssize_t size = read_xattrs(&looked, list, DPL_XATTRS_MAX, err);
    if (size < 0)
        return size;
    if (size > 0) {
        r->xattrs = (struct dpl_view){list, (size_t)size};
        r->has |= DPL_F_XATTRS;
    }
    if (S_ISLNK(st->st_mode)) {
        ssize_t length = readlinkat(fd, "", target, sizeof target);
        if (length <= 0)
            return failed(err, "read a symbolic link");
        r->target = (struct dpl_view){(const uint8_t *)target, (size_t)length};
        r->has |= DPL_F_TARGET;
    } else if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode)) {
        r->rdev = (uint64_t)major(st->st_rdev) << 32 | minor(st->st_rdev);
        r->has |= DPL_F_RDEV;
    }
    read_flags(&looked, &r->attr);
    return dpl_record_encode(r, body, room, err);
}

ssize_t dpl_mirror_state(int fd, struct dpl_view oid, struct dpl_view parent, struct dpl_view name,
                         void *body, size_t room, struct stat *st, struct dpl_err *err)
{
    struct dpl_record record = {.type = DPL_R_ENTER,
                                .outcome = DPL_OUTCOME_OK,
                                .has = DPL_F_OBJECT | DPL_F_ATTR,
                                .object = oid};
    if (name.size > 0) {
        record.parent = parent;
        record.name = name;
        record.has |= DPL_F_PARENT | DPL_F_NAME;
    }
    return whole_state(fd, &record, body, room, st, err);
}

ssize_t dpl_mirror_root_state(int fd, struct dpl_view oid, uint32_t number, const char *path,
                              void *body, size_t room, struct stat *st, struct dpl_err *err)
{
    struct dpl_record record = {.type = DPL_R_ROOT,
                                .outcome = DPL_OUTCOME_OK,
                                .has = DPL_F_OBJECT | DPL_F_ATTR | DPL_F_NUMBER | DPL_F_PATH,
                                .object = oid,
                                .number = number,
                                .path = {(const uint8_t *)path, strlen(path)}};
    return whole_state(fd, &record, body, room, st, err);
}

uint64_t dpl_mirror_stretch(int fd, uint64_t offset, uint64_t end, bool *hole_r)
{
    off_t size = lseek(fd, 0, SEEK_END);
    *hole_r = false;
    if (size < 0 || offset >= (uint64_t)size)
        return 0;
    if (end > (uint64_t)size)
        end = (uint64_t)size;
    off_t data = lseek(fd, (off_t)offset, SEEK_DATA);
    if (data < 0 && errno == ENXIO) {
        *hole_r = true;
        return end - offset;
    }
    if (data > (off_t)offset) {
        *hole_r = true;
        return (uint64_t)data < end ? (uint64_t)data - offset : end - offset;
    }
    off_t hole = lseek(fd, (off_t)offset, SEEK_HOLE);
    return hole > (off_t)offset && (uint64_t)hole < end ? (uint64_t)hole - offset : end - offset;
}
