/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * New objects: create, mkdir, mknod, symlink, and O_TMPFILE.
 *
 * All but the last are done once and recognised by one rule: the name was absent before, and we
 * hold the directory's lock, so what stands there on a repeat is ours.
 */
#include "daemon/capture/op.h"
#include "daemon/capture/recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* What makes the object: returns a descriptor, or 0 if there is none, or a negative errno. */
typedef int (*maker)(struct op *op, int dir_fd);

struct creation {
    maker make;
    uint32_t umask;
    bool may_exist; /* O_CREAT without O_EXCL: what is there is opened */
    bool open;      /* the answer has an open file behind the entry */
};

static int make_file(struct op *op, int dir_fd)
{
    const struct fuse_create_in *in = op->rq.fixed;
    int fd = openat(dir_fd, op->rq.name, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC | O_NOFOLLOW,
                    in->mode & 07777);

    return fd < 0 ? -errno : fd;
}

static int make_directory(struct op *op, int dir_fd)
{
    const struct fuse_mkdir_in *in = op->rq.fixed;

    return mkdirat(dir_fd, op->rq.name, in->mode & 07777) != 0 ? -errno : 0;
}

static dev_t decode_rdev(uint32_t rdev)
{
    return makedev((rdev & 0xfff00) >> 8, (rdev & 0xff) | ((rdev >> 12) & 0xfff00));
}

static int make_special(struct op *op, int dir_fd)
{
    const struct fuse_mknod_in *in = op->rq.fixed;

    return mknodat(dir_fd, op->rq.name, in->mode, decode_rdev(in->rdev)) != 0 ? -errno : 0;
}

static int make_link(struct op *op, int dir_fd)
{
    return symlinkat(op->rq.name2, dir_fd, op->rq.name) != 0 ? -errno : 0;
}

/* Makes it once. Sets *existed if it was there before us and may be. */
static int make_once(struct op *op, const struct creation *how, int dir_fd, bool *existed)
{
    struct slot *slot = op->slot;
    bool repeat = op_pre_known(op);
    int fd;

    *existed = false;
    if (!repeat) {
        slot->pre[0] = stat_ino(dir_fd, op->rq.name);
        op_pre_keep(op);
    }
    fd = how->make(op, dir_fd);
    if (fd != -EEXIST)
        return fd;
    if (repeat && slot->pre[0] == 0)
        op_recognised(op);
    else if (how->may_exist)
        *existed = true;
    else
        return -EEXIST;
    return 0;
}

static size_t fill_open(uint8_t *reply)
{
    struct fuse_open_out open_out = {.open_flags = FOPEN_KEEP_CACHE};

    memcpy(reply + sizeof(struct fuse_entry_out), &open_out, sizeof(open_out));
    return sizeof(struct fuse_entry_out) + sizeof(open_out);
}

static void prepare(struct op *op, int dir_fd)
{
    bool inside = border_name_inside(&op->worker->border, op->node, op->rq.name,
                                     op->rq.in->opcode == FUSE_MKDIR);
    const struct fuse_mknod_in *in = op->rq.fixed;
    struct dpl_record *record = &op->record;

    recorder_begin(op, inside, DPL_R_CREATE);
    recorder_object(op, 0);
    recorder_parent(op, op->node, op->rq.name);
    recorder_attr_room(op, DPL_F_ATTR | DPL_F_PARENT_ATTR);
    if (op->rq.in->opcode == FUSE_SYMLINK) {
        record->target =
            (struct dpl_view){.data = (const uint8_t *)op->rq.name2, .size = strlen(op->rq.name2)};
        record->has |= DPL_F_TARGET;
    } else if (op->rq.in->opcode == FUSE_MKNOD && (S_ISCHR(in->mode) || S_ISBLK(in->mode))) {
        dev_t rdev = decode_rdev(in->rdev);

        record->rdev = (uint64_t)major(rdev) << 32 | minor(rdev);
        record->has |= DPL_F_RDEV;
    }
    if (op->rq.in->opcode != FUSE_SYMLINK)
        recorder_inherited_room(op, dir_fd);
}

/* After the effect: the entry for the kernel, what is true now for the journal. */
static int complete(struct op *op, int dir_fd, int fd, uint8_t *reply)
{
    struct fuse_entry_out entry;
    struct statx stx;
    uint32_t index = 0;
    int code;

    if (fd > 0) {
        code = op_entry_fd(op, fd, false, &entry, &stx, &index);
        if (code == 0)
            border_learn(&op->worker->border, op->node, op->rq.name, index, &stx);
    } else {
        code = op_entry(op, op->node, dir_fd, op->rq.name, &entry, &stx, &index);
    }
    if (code != 0)
        return code;
    memcpy(reply, &entry, sizeof(entry));
    if (!op->recording)
        return 0;
    recorder_object(op, index);
    recorder_attr(op, DPL_F_ATTR, &stx);
    recorder_attr_fd(op, DPL_F_PARENT_ATTR, dir_fd);
    if ((op->record.has & DPL_F_XATTRS) != 0)
        recorder_inherited(op, op_fd(op, index, NULL));
    return 0;
}

/* The object is there, and no answer could be made of it: its creation is recorded all the same,
 * or, if it cannot even be looked at, the target asks for the directory. */
static enum dpl_outcome record_unanswered(struct op *op, int dir_fd)
{
    struct node_handle handle = {0};
    struct statx stx;

    if (!op->recording)
        return DPL_OUTCOME_OK;
    recorder_without(op, DPL_F_XATTRS);
    recorder_attr_fd(op, DPL_F_PARENT_ATTR, dir_fd);
    if (node_handle_get(dir_fd, op->rq.name, &handle) != 0 ||
        stat_name(dir_fd, op->rq.name, &stx) != 0) {
        recorder_object(op, op->node);
        recorder_attr_fd(op, DPL_F_ATTR, dir_fd);
        return DPL_OUTCOME_UNKNOWN;
    }
    recorder_object_handle(op, &handle);
    recorder_attr(op, DPL_F_ATTR, &stx);
    return DPL_OUTCOME_OK;
}

static int create(struct op *op, const struct creation *how)
{
    uint8_t reply[sizeof(struct fuse_entry_out) + sizeof(struct fuse_open_out)];
    size_t reply_size = sizeof(struct fuse_entry_out);
    enum dpl_outcome outcome = DPL_OUTCOME_OK;
    bool existed;
    int dir_fd = op_fd(op, op->node, NULL);
    int fd, code;

    if (dir_fd < 0)
        return dir_fd;
    code = op_cred(op, true, how->umask);
    if (code != 0)
        return code;
    op_lock(op, op->node, 0, 0);
    prepare(op, dir_fd);
    op_watch(op, op->node, dir_fd);
    op_start(op);
    fd = make_once(op, how, dir_fd, &existed);
    inject(INJECT_EFFECT_PART);
    if (fd < 0)
        return op_finish(op, DPL_OUTCOME_VOID, fd, NULL, 0);
    code = complete(op, dir_fd, fd, reply);
    if (existed)
        outcome = DPL_OUTCOME_VOID;
    else if (code != 0)
        outcome = record_unanswered(op, dir_fd);
    if (how->open)
        reply_size = fill_open(reply);
    return op_finish(op, outcome, code, reply, reply_size);
}

int op_mknod(struct op *op)
{
    const struct fuse_mknod_in *in = op->rq.fixed;

    return create(op, &(struct creation){.make = make_special, .umask = in->umask});
}

int op_mkdir(struct op *op)
{
    const struct fuse_mkdir_in *in = op->rq.fixed;

    return create(op, &(struct creation){.make = make_directory, .umask = in->umask});
}

int op_symlink(struct op *op)
{
    return create(op, &(struct creation){.make = make_link});
}

int op_create(struct op *op)
{
    const struct fuse_create_in *in = op->rq.fixed;

    return create(op, &(struct creation){.make = make_file,
                                         .umask = in->umask,
                                         .may_exist = (in->flags & O_EXCL) == 0,
                                         .open = true});
}

/* A repeat makes another nameless object; that of the dead worker goes with its descriptor. */
int op_tmpfile(struct op *op)
{
    const struct fuse_create_in *in = op->rq.fixed;
    uint8_t reply[sizeof(struct fuse_entry_out) + sizeof(struct fuse_open_out)];
    struct fuse_entry_out entry;
    struct statx stx;
    uint32_t index = 0;
    bool inside;
    int dir_fd = op_fd(op, op->node, NULL);
    int fd, code;

    if (dir_fd < 0)
        return dir_fd;
    code = op_cred(op, true, in->umask);
    if (code != 0)
        return code;
    op_lock(op, op->node, 0, 0);
    inside = border_name_inside(&op->worker->border, op->node, "nameless", false);
    recorder_begin(op, inside, DPL_R_TMPFILE);
    recorder_object(op, 0);
    recorder_attr_room(op, DPL_F_ATTR);
    recorder_inherited_room(op, dir_fd);
    op_start(op);
    fd = openat(dir_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC | ((int)in->flags & O_EXCL),
                in->mode & 07777);
    if (fd < 0)
        return op_finish(op, DPL_OUTCOME_VOID, -errno, NULL, 0);
    inject(INJECT_EFFECT_PART);
    code = op_entry_fd(op, fd, true, &entry, &stx, &index);
    if (code != 0)
        return op_finish(op, DPL_OUTCOME_VOID, code, NULL, 0);
    border_set(&op->worker->border, index, inside ? SIDE_INSIDE : SIDE_OUTSIDE);
    recorder_object(op, index);
    recorder_attr(op, DPL_F_ATTR, &stx);
    if ((op->record.has & DPL_F_XATTRS) != 0)
        recorder_inherited(op, fd);
    memcpy(reply, &entry, sizeof(entry));
    return op_finish(op, DPL_OUTCOME_OK, 0, reply, fill_open(reply));
}
