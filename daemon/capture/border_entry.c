/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The whole state of objects, see border_entry.h. What cannot be read becomes a mirror record: the
 * target asks for the object.
 */
#include "daemon/capture/border_entry.h"
#include "daemon/capture/dirty.h"

#include "daemon/capture/recorder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

/* The thread's memory for answers is free until the end of a rename or link: recorder_extra()
 * encodes at its begin, lists and data lie behind. */
#define LIST_AT    (320U << 10)
#define LIST_ROOM  (256U << 10)
#define DATA_AT    (640U << 10)
#define DATA_BYTES (256U << 10)
#define DEPTH_MAX  256

/* One object on the way into the set. */
struct entering {
    struct node_handle handle;
    struct statx stx;
    int fd;                 /* readable for files and directories, else O_PATH */
    bool by_path;           /* attributes are reached through /proc */
    struct dpl_view parent; /* no bytes: it waits for its name */
    const char *name;
    struct dpl_attr parent_attr; /* of parent, if there is one */
};

static ssize_t list_of(const struct entering *e, char *list, size_t room, char *path)
{
    snprintf(path, 48, "/proc/self/fd/%d", e->fd);
    return e->by_path ? listxattr(path, list, room) : flistxattr(e->fd, list, room);
}

/* All extended attributes in the journal's form. Returns the bytes, 0 for none. */
static size_t collect_xattrs(struct op *op, const struct entering *e)
{
    uint8_t *to = op->thread->out + LIST_AT;
    char names[8192], path[48];
    uint8_t *value = op->thread->out + DATA_AT;
    ssize_t size = list_of(e, names, sizeof(names), path);
    ssize_t used = 0;

    for (ssize_t at = 0; at < size; at += (ssize_t)strlen(names + at) + 1) {
        const char *name = names + at;
        if (op_xattr_is_ours(name))
            continue;
        ssize_t got = e->by_path ? getxattr(path, name, value, DPL_XATTR_VALUE_MAX)
                                 : fgetxattr(e->fd, name, value, DPL_XATTR_VALUE_MAX);
        ssize_t next;

        if (got < 0)
            continue;
        next = dpl_xattrs_append(to, (size_t)used, LIST_ROOM, name, value, (size_t)got);
        if (next >= 0)
            used = next;
    }
    return (size_t)used;
}

static void record_mirror(struct op *op, struct dpl_view object)
{
    struct dpl_record record = {.type = DPL_R_MIRROR,
                                .has = DPL_F_NUMBER | DPL_F_OBJECT,
                                .number = DPL_MIRROR_ENTERED,
                                .object = object};

    recorder_extra(op, &record);
}

/* The content as write records, holes left out. False if it could not all be read. */
static bool record_content(struct op *op, const struct entering *e, struct dpl_view object)
{
    uint8_t *data = op->thread->out + DATA_AT;
    off_t end = (off_t)e->stx.stx_size;
    off_t at = 0;

    while (at < end) {
        struct dpl_record record = {.type = DPL_R_WRITE, .object = object};
        off_t from = lseek(e->fd, at, SEEK_DATA);
        ssize_t got;

        if (from < 0)
            return errno == ENXIO; /* nothing but a hole is left */
        got = pread(e->fd, data, DATA_BYTES, from);
        if (got <= 0)
            return got == 0;
        record.has = DPL_F_OBJECT | DPL_F_OFFSET | DPL_F_ATTR | DPL_F_DATA;
        record.offset = (uint64_t)from;
        record.data = (struct dpl_view){.data = data, .size = (size_t)got};
        stat_to_record(&e->stx, &record.attr);
        recorder_extra(op, &record);
        at = from + got;
    }
    return true;
}

static void record_entry(struct op *op, const struct entering *e)
{
    struct dpl_record record = {.type = DPL_R_ENTER, .has = DPL_F_OBJECT | DPL_F_ATTR};
    char target[DPL_TARGET_MAX + 1];
    struct dpl_oid oid;
    size_t xattrs;

    dpl_oid_make(&oid, e->handle.type, 0, e->handle.bytes, e->handle.size, NULL);
    record.object = dpl_oid_view(&oid);
    stat_to_record(&e->stx, &record.attr);
    if (e->parent.size > 0) {
        record.parent = e->parent;
        record.name = (struct dpl_view){.data = (const uint8_t *)e->name, .size = strlen(e->name)};
        record.has |= DPL_F_PARENT | DPL_F_NAME;
    }
    if (S_ISLNK(e->stx.stx_mode)) {
        ssize_t size = readlinkat(e->fd, "", target, sizeof(target));

        record.target =
            (struct dpl_view){.data = (const uint8_t *)target, .size = size > 0 ? (size_t)size : 0};
        record.has |= DPL_F_TARGET;
    } else if (S_ISCHR(e->stx.stx_mode) || S_ISBLK(e->stx.stx_mode)) {
        record.rdev = (uint64_t)e->stx.stx_rdev_major << 32 | e->stx.stx_rdev_minor;
        record.has |= DPL_F_RDEV;
    }
    xattrs = collect_xattrs(op, e);
    if (xattrs > 0) {
        record.xattrs = (struct dpl_view){.data = op->thread->out + LIST_AT, .size = xattrs};
        record.has |= DPL_F_XATTRS;
    }
    recorder_extra(op, &record);
    atomic_fetch_add(&op->worker->shared->count.border_entries, 1);
    if (S_ISREG(e->stx.stx_mode))
        dirty_whole(op, &e->handle);
    if (S_ISREG(e->stx.stx_mode) && !record_content(op, e, record.object))
        record_mirror(op, record.object);
}

void border_enter_object(struct op *op, uint32_t index, int fd)
{
    const struct node *node = op_node(op, index);
    struct entering e = {.fd = fd};

    if (stat_fd(fd, &e.stx) != 0) {
        record_mirror(op, recorder_oid(op, index));
        return;
    }
    e.handle.type = node->handle_type;
    e.handle.size = node->handle_bytes;
    memcpy(e.handle.bytes, node->handle, node->handle_bytes);
    e.by_path = !S_ISREG(e.stx.stx_mode) && !S_ISDIR(e.stx.stx_mode);
    record_entry(op, &e);
}

void border_doubt(struct op *op, uint32_t index)
{
    struct dpl_record doubt = {
        .type = DPL_R_MIRROR, .has = DPL_F_OBJECT | DPL_F_NUMBER, .number = DPL_MIRROR_BORDER};

    doubt.object = recorder_oid(op, index);
    recorder_extra(op, &doubt);
}

/* A walk over a tree that has a new place. */
struct walk {
    struct op *op;
    bool record;
    unsigned depth;
};

static void walk_directory(struct walk *walk, const struct dpl_rules_at *rules, struct dpl_view oid,
                           int fd);

static int open_entering(int dir_fd, const char *name, uint32_t mode)
{
    int flags = S_ISREG(mode)   ? O_RDONLY | O_NONBLOCK
                : S_ISDIR(mode) ? O_RDONLY | O_DIRECTORY
                                : O_PATH;

    return openat(dir_fd, name, flags | O_NOFOLLOW | O_CLOEXEC);
}

/* One more name, inside, of an object that may have others there: its content, if the target has
 * not got it, is asked for. */
static void record_one_more_name(struct op *op, const struct entering *e)
{
    struct dpl_record record = {.type = DPL_R_LINK};
    struct dpl_record doubt = {.type = DPL_R_MIRROR, .number = DPL_MIRROR_BORDER};
    struct dpl_oid oid;

    if (e->parent.size == 0)
        return;
    dpl_oid_make(&oid, e->handle.type, 0, e->handle.bytes, e->handle.size, NULL);
    record.object = doubt.object = dpl_oid_view(&oid);
    record.parent = e->parent;
    record.name = (struct dpl_view){.data = (const uint8_t *)e->name, .size = strlen(e->name)};
    record.has = DPL_F_OBJECT | DPL_F_PARENT | DPL_F_NAME | DPL_F_ATTR | DPL_F_PARENT_ATTR;
    stat_to_record(&e->stx, &record.attr);
    record.parent_attr = e->parent_attr;
    recorder_extra(op, &record);
    doubt.has = DPL_F_OBJECT | DPL_F_NUMBER;
    recorder_extra(op, &doubt);
}

/* What was made in a directory has changed its times at the target. */
static void record_times(struct op *op, const struct entering *e, struct dpl_view object)
{
    struct dpl_record record = {
        .type = DPL_R_SETATTR, .has = DPL_F_OBJECT | DPL_F_ATTR, .object = object};

    stat_to_record(&e->stx, &record.attr);
    recorder_extra(op, &record);
}

/* One name in a directory that is being walked; parent has no bytes for the tree's own top. */
static void walk_name(struct walk *walk, const struct dpl_rules_at *rules, struct dpl_view parent,
                      int dir_fd, const char *name)
{
    struct op *op = walk->op;
    struct border *border = &op->worker->border;
    struct dpl_rules_at at = dpl_rules_descend(border->rules, *rules, name, strlen(name));
    struct entering e = {.parent = parent, .name = name};
    struct statx parent_stx;
    struct dpl_oid oid;
    bool inside, is_dir, was_inside;
    uint32_t index;

    if (stat_fd(dir_fd, &parent_stx) != 0)
        return;
    stat_to_record(&parent_stx, &e.parent_attr);
    if (stat_name(dir_fd, name, &e.stx) != 0 || node_handle_get(dir_fd, name, &e.handle) != 0)
        return;
    is_dir = S_ISDIR(e.stx.stx_mode);
    inside = at.inside || (is_dir && at.some_beneath);
    index = node_find(&op->worker->nodes, op->root_index, &e.stx);
    was_inside = index == 0 || border_inside(border, index);
    if (index != 0 && is_dir)
        op_node(op, index)->rules = at;
    else if (index != 0 && (inside || e.stx.stx_nlink <= 1))
        border_set(border, index, inside ? SIDE_INSIDE : SIDE_OUTSIDE);
    e.fd = open_entering(dir_fd, name, e.stx.stx_mode);
    if (e.fd < 0)
        return;
    e.by_path = !S_ISREG(e.stx.stx_mode) && !is_dir;
    dpl_oid_make(&oid, e.handle.type, 0, e.handle.bytes, e.handle.size, NULL);
    if (inside && walk->record && !is_dir && e.stx.stx_nlink > 1 && was_inside)
        record_one_more_name(op, &e);
    else if (inside && walk->record)
        record_entry(op, &e);
    if (is_dir)
        walk_directory(walk, &at, dpl_oid_view(&oid), e.fd);
    if (is_dir && inside && walk->record)
        record_times(op, &e, dpl_oid_view(&oid));
    close(e.fd);
}

static void walk_directory(struct walk *walk, const struct dpl_rules_at *rules, struct dpl_view oid,
                           int fd)
{
    int copy = walk->depth < DEPTH_MAX ? openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    DIR *dir = copy < 0 ? NULL : fdopendir(copy);
    struct dirent *entry;

    if (dir == NULL) {
        if (walk->record)
            record_mirror(walk->op, oid);
        return;
    }
    walk->depth++;
    while ((entry = readdir(dir)) != NULL)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            walk_name(walk, rules, oid, fd, entry->d_name);
    walk->depth--;
    closedir(dir);
}

void border_enter_tree(struct op *op, uint32_t dir, int dir_fd, const char *name)
{
    struct walk walk = {.op = op, .record = true};

    walk_name(&walk, &op_node(op, dir)->rules, (struct dpl_view){0}, dir_fd, name);
}

void border_relearn_tree(struct op *op, uint32_t dir, int dir_fd, const char *name)
{
    struct walk walk = {.op = op};

    walk_name(&walk, &op_node(op, dir)->rules, (struct dpl_view){0}, dir_fd, name);
}

void border_drop_object(struct op *op, uint32_t index)
{
    struct dpl_record record = {.type = DPL_R_DROP, .has = DPL_F_OBJECT};

    record.object = recorder_oid(op, index);
    recorder_extra(op, &record);
}
