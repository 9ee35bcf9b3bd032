/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The table of requests and the parser that it drives.
 */
#include "daemon/capture/request.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#define ROW(op, text, type, count, more, bits)                                                     \
    [op] = {.name = (text), .fixed = (type), .names = (count), .tail = (more), .flags = (bits)}

static const struct request_kind kinds[REQUEST_OPCODES] = {
    ROW(FUSE_LOOKUP, "lookup", 0, 1, false, 0),
    ROW(FUSE_FORGET, "forget", sizeof(struct fuse_forget_in), 0, false,
        REQUEST_NO_REPLY | REQUEST_ANY_NODE),
    ROW(FUSE_GETATTR, "getattr", sizeof(struct fuse_getattr_in), 0, false, 0),
    ROW(FUSE_SETATTR, "setattr", sizeof(struct fuse_setattr_in), 0, false, REQUEST_MUTATES),
    ROW(FUSE_READLINK, "readlink", 0, 0, false, 0),
    ROW(FUSE_SYMLINK, "symlink", 0, 2, false, REQUEST_MUTATES),
    ROW(FUSE_MKNOD, "mknod", sizeof(struct fuse_mknod_in), 1, false, REQUEST_MUTATES),
    ROW(FUSE_MKDIR, "mkdir", sizeof(struct fuse_mkdir_in), 1, false, REQUEST_MUTATES),
    ROW(FUSE_UNLINK, "unlink", 0, 1, false, REQUEST_MUTATES),
    ROW(FUSE_RMDIR, "rmdir", 0, 1, false, REQUEST_MUTATES),
    ROW(FUSE_RENAME, "rename", sizeof(struct fuse_rename_in), 2, false, REQUEST_MUTATES),
    ROW(FUSE_LINK, "link", sizeof(struct fuse_link_in), 1, false, REQUEST_MUTATES),
    ROW(FUSE_READ, "read", sizeof(struct fuse_read_in), 0, false, 0),
    ROW(FUSE_WRITE, "write", sizeof(struct fuse_write_in), 0, true, REQUEST_MUTATES),
    ROW(FUSE_STATFS, "statfs", 0, 0, false, REQUEST_SLOW),
    ROW(FUSE_RELEASE, "release", sizeof(struct fuse_release_in), 0, false, REQUEST_ANY_NODE),
    ROW(FUSE_FSYNC, "fsync", sizeof(struct fuse_fsync_in), 0, false, REQUEST_SLOW),
    ROW(FUSE_SETXATTR, "setxattr", FUSE_COMPAT_SETXATTR_IN_SIZE, 1, true, REQUEST_MUTATES),
    ROW(FUSE_GETXATTR, "getxattr", sizeof(struct fuse_getxattr_in), 1, false, 0),
    ROW(FUSE_LISTXATTR, "listxattr", sizeof(struct fuse_getxattr_in), 0, false, 0),
    ROW(FUSE_REMOVEXATTR, "removexattr", 0, 1, false, REQUEST_MUTATES),
    ROW(FUSE_INIT, "init", 16, 0, true, REQUEST_ANY_NODE),
    ROW(FUSE_READDIR, "readdir", sizeof(struct fuse_read_in), 0, false, REQUEST_SLOW),
    ROW(FUSE_RELEASEDIR, "releasedir", sizeof(struct fuse_release_in), 0, false, REQUEST_ANY_NODE),
    ROW(FUSE_FSYNCDIR, "fsyncdir", sizeof(struct fuse_fsync_in), 0, false, REQUEST_SLOW),
    ROW(FUSE_CREATE, "create", sizeof(struct fuse_create_in), 1, false, REQUEST_MUTATES),
    ROW(FUSE_INTERRUPT, "interrupt", sizeof(struct fuse_interrupt_in), 0, false,
        REQUEST_NO_REPLY | REQUEST_ANY_NODE),
    ROW(FUSE_DESTROY, "destroy", 0, 0, false, REQUEST_ANY_NODE),
    ROW(FUSE_IOCTL, "ioctl", sizeof(struct fuse_ioctl_in), 0, true, REQUEST_MUTATES),
    ROW(FUSE_BATCH_FORGET, "batch_forget", sizeof(struct fuse_batch_forget_in), 0, true,
        REQUEST_NO_REPLY | REQUEST_ANY_NODE),
    ROW(FUSE_FALLOCATE, "fallocate", sizeof(struct fuse_fallocate_in), 0, false,
        REQUEST_MUTATES | REQUEST_SLOW),
    ROW(FUSE_READDIRPLUS, "readdirplus", sizeof(struct fuse_read_in), 0, false, REQUEST_SLOW),
    ROW(FUSE_RENAME2, "rename2", sizeof(struct fuse_rename2_in), 2, false, REQUEST_MUTATES),
    ROW(FUSE_LSEEK, "lseek", sizeof(struct fuse_lseek_in), 0, false, REQUEST_SLOW),
    ROW(FUSE_COPY_FILE_RANGE, "copy_file_range", sizeof(struct fuse_copy_file_range_in), 0, false,
        REQUEST_MUTATES | REQUEST_SLOW),
    ROW(FUSE_SYNCFS, "syncfs", sizeof(struct fuse_syncfs_in), 0, false, REQUEST_SLOW),
    ROW(FUSE_TMPFILE, "tmpfile", sizeof(struct fuse_create_in), 1, false,
        REQUEST_MUTATES | REQUEST_ANY_NAME),
    ROW(FUSE_STATX, "statx", sizeof(struct fuse_statx_in), 0, false, 0),
};

const struct request_kind *request_kind(uint32_t opcode)
{
    if (opcode >= REQUEST_OPCODES || kinds[opcode].name == NULL)
        return NULL;
    return &kinds[opcode];
}

/* What is left of the buffer while it is parsed. */
struct rest {
    const uint8_t *at;
    size_t size;
};

static const void *take(struct rest *rest, size_t size)
{
    const void *at = rest->at;

    if (size > rest->size)
        return NULL;
    rest->at += size;
    rest->size -= size;
    return at;
}

static const char *take_string(struct rest *rest)
{
    size_t length = strnlen((const char *)rest->at, rest->size);

    return length == rest->size ? NULL : take(rest, length + 1);
}

static bool is_component(const char *name)
{
    size_t length = strlen(name);

    return length > 0 && length <= NAME_MAX && strchr(name, '/') == NULL &&
           strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

/* Names of attributes are not components, and a link's target may be anything. */
static bool second_is_component(uint32_t opcode)
{
    return opcode == FUSE_RENAME || opcode == FUSE_RENAME2;
}

static bool first_is_component(uint32_t opcode)
{
    return opcode != FUSE_SETXATTR && opcode != FUSE_GETXATTR && opcode != FUSE_REMOVEXATTR;
}

static int parse_names(struct request *view, struct rest *rest)
{
    uint32_t opcode = view->in->opcode;

    if (view->kind->names == 0)
        return 0;
    view->name = take_string(rest);
    if (view->name == NULL)
        return -EINVAL;
    if ((view->kind->flags & REQUEST_ANY_NAME) == 0 && first_is_component(opcode) &&
        !is_component(view->name))
        return strlen(view->name) > NAME_MAX ? -ENAMETOOLONG : -EINVAL;
    if (view->kind->names == 1)
        return 0;
    view->name2 = take_string(rest);
    if (view->name2 == NULL)
        return -EINVAL;
    if (second_is_component(opcode) && !is_component(view->name2))
        return strlen(view->name2) > NAME_MAX ? -ENAMETOOLONG : -EINVAL;
    return 0;
}

/* The extensions at the request's end: of these only the groups are ours. */
static int parse_extensions(struct request *view, struct rest *rest)
{
    size_t total = (size_t)view->in->total_extlen * 8;
    struct rest ext;

    if (total == 0)
        return 0;
    if (total > rest->size)
        return -EINVAL;
    rest->size -= total;
    ext = (struct rest){.at = rest->at + rest->size, .size = total};
    while (ext.size > 0) {
        struct fuse_ext_header header;
        const uint8_t *body;

        if (ext.size < sizeof(header))
            return -EINVAL;
        memcpy(&header, ext.at, sizeof(header));
        if (header.size < sizeof(header) || header.size > ext.size)
            return -EINVAL;
        body = ext.at + sizeof(header);
        if (header.type == FUSE_EXT_GROUPS) {
            uint32_t count;

            if (header.size < sizeof(header) + sizeof(count))
                return -EINVAL;
            memcpy(&count, body, sizeof(count));
            if (count > (header.size - sizeof(header) - sizeof(count)) / sizeof(uint32_t))
                return -EINVAL;
            view->groups = (const uint32_t *)(const void *)(body + sizeof(count));
            view->group_count = count;
        }
        if (take(&ext, header.size) == NULL)
            return -EINVAL;
    }
    return 0;
}

/* Counts in the fixed part that say how much data follows. */
static int check_counts(const struct request *view)
{
    switch (view->in->opcode) {
    case FUSE_WRITE:
        return ((const struct fuse_write_in *)view->fixed)->size <= view->data_size ? 0 : -EINVAL;
    case FUSE_SETXATTR:
        return ((const struct fuse_setxattr_in *)view->fixed)->size <= view->data_size ? 0
                                                                                       : -EINVAL;
    case FUSE_BATCH_FORGET:
        return ((const struct fuse_batch_forget_in *)view->fixed)->count <=
                       view->data_size / sizeof(struct fuse_forget_one)
                   ? 0
                   : -EINVAL;
    case FUSE_IOCTL:
        return ((const struct fuse_ioctl_in *)view->fixed)->in_size <= view->data_size ? 0
                                                                                       : -EINVAL;
    default:
        return 0;
    }
}

int request_parse(const void *buffer, size_t size, bool setxattr_ext, struct request *view)
{
    struct rest rest = {.at = buffer, .size = size};
    size_t fixed;
    int code;

    memset(view, 0, sizeof(*view));
    view->in = take(&rest, sizeof(*view->in));
    if (view->in == NULL)
        return -EINVAL;
    if (view->in->len != size)
        return -EINVAL;
    view->kind = request_kind(view->in->opcode);
    if (view->kind == NULL)
        return -ENOSYS;
    fixed = view->kind->fixed;
    if (view->in->opcode == FUSE_SETXATTR && setxattr_ext)
        fixed = sizeof(struct fuse_setxattr_in);
    view->fixed = take(&rest, fixed);
    if (view->fixed == NULL)
        return -EINVAL;
    code = parse_extensions(view, &rest);
    if (code == 0)
        code = parse_names(view, &rest);
    if (code != 0)
        return code;
    view->data = rest.at;
    view->data_size = view->kind->tail ? rest.size : 0;
    return check_counts(view);
}
