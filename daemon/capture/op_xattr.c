/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Extended attributes, ACLs among them.
 *
 * A repeat of an exclusive set is recognised when the attribute was absent before, a repeat of a
 * removal when it was there before and is gone.
 */
#include "daemon/capture/op.h"
#include "daemon/capture/recorder.h"

#include <errno.h>
#include <linux/xattr.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>

#define ACL_ACCESS "system.posix_acl_access"

/* What can only be held by O_PATH is reached by its name in /proc, links included. */
struct place {
    int fd;
    bool by_path;
    char path[48];
};

static int place_of(struct op *op, uint32_t index, struct place *place)
{
    unsigned flags;

    place->fd = op_fd(op, index, &flags);
    if (place->fd < 0)
        return place->fd;
    place->by_path = (flags & FD_PATH) != 0;
    snprintf(place->path, sizeof(place->path), "/proc/self/fd/%d", place->fd);
    return 0;
}

static ssize_t get(const struct place *p, const char *name, void *value, size_t size)
{
    ssize_t got =
        p->by_path ? getxattr(p->path, name, value, size) : fgetxattr(p->fd, name, value, size);

    return got < 0 ? -errno : got;
}

static int set(const struct place *p, const char *name, const void *value, size_t size, int flags)
{
    int rc = p->by_path ? setxattr(p->path, name, value, size, flags)
                        : fsetxattr(p->fd, name, value, size, flags);

    return rc != 0 ? -errno : 0;
}

static int drop(const struct place *p, const char *name)
{
    return (p->by_path ? removexattr(p->path, name) : fremovexattr(p->fd, name)) != 0 ? -errno : 0;
}

static int answer_value(struct op *op, ssize_t got, bool size_only)
{
    struct fuse_getxattr_out *out = (void *)op->thread->out;

    if (got < 0)
        return (int)got;
    if (!size_only)
        return op_answer(op, op->thread->out, (size_t)got);
    memset(out, 0, sizeof(*out));
    out->size = (uint32_t)got;
    return op_answer(op, out, sizeof(*out));
}

static size_t bounded(uint32_t size)
{
    return size < SHARED_BUFFER ? size : SHARED_BUFFER;
}

bool op_xattr_is_ours(const char *name)
{
    return strncmp(name, OP_XATTR_OURS, strlen(OP_XATTR_OURS)) == 0;
}

int op_getxattr(struct op *op)
{
    const struct fuse_getxattr_in *in = op->rq.fixed;
    struct place place;
    int code = place_of(op, op->node, &place);

    if (code == 0 && op_xattr_is_ours(op->rq.name))
        code = -ENODATA;
    if (code != 0)
        return code;
    return answer_value(op, get(&place, op->rq.name, op->thread->out, bounded(in->size)),
                        in->size == 0);
}

/* Takes the names that begin so out of a list; returns what is left of it. */
static size_t without(const char *prefix, char *list, size_t size)
{
    size_t left = 0;

    for (size_t at = 0, length; at < size; at += length) {
        length = strnlen(list + at, size - at - 1) + 1;
        if (strncmp(list + at, prefix, strlen(prefix)) == 0)
            continue;
        memmove(list + left, list + at, length);
        left += length;
    }
    return left;
}

/* The kernel filters nothing here, and of the caller's capabilities only his being root is known.
 * The whole list is read in any case, so that a question for its size agrees. */
int op_listxattr(struct op *op)
{
    const struct fuse_getxattr_in *in = op->rq.fixed;
    char *out = (char *)op->thread->out;
    struct place place;
    ssize_t got;
    int code = place_of(op, op->node, &place);

    if (code != 0)
        return code;
    got = place.by_path ? listxattr(place.path, out, SHARED_BUFFER)
                        : flistxattr(place.fd, out, SHARED_BUFFER);
    if (got < 0)
        return -errno;
    /* Those of trusted are for CAP_SYS_ADMIN alone. */
    got = (ssize_t)without(op->rq.in->uid == 0 ? OP_XATTR_OURS : XATTR_TRUSTED_PREFIX, out,
                           (size_t)got);
    if (in->size != 0 && (size_t)got > in->size)
        return -ERANGE;
    return answer_value(op, got, in->size == 0);
}

/* Whether the attribute was there before the op. */
static bool was_there(struct op *op, const struct place *place, bool *repeat)
{
    *repeat = op_pre_known(op);
    if (!*repeat) {
        op->slot->pre[0] = get(place, op->rq.name, NULL, 0) >= 0;
        op_pre_keep(op);
    }
    return op->slot->pre[0] != 0;
}

static void prepare(struct op *op, enum dpl_record_type type)
{
    recorder_begin(op, border_inside(&op->worker->border, op->node), type);
    recorder_object(op, op->node);
    recorder_attr_room(op, DPL_F_ATTR);
    if (!op->recording)
        return;
    op->record.xattr =
        (struct dpl_view){.data = (const uint8_t *)op->rq.name, .size = strlen(op->rq.name)};
    op->record.has |= DPL_F_XATTR;
}

static enum dpl_outcome outcome_of(int code)
{
    if (code == 0)
        return DPL_OUTCOME_OK;
    return code == -EIO || code == -ENOMEM ? DPL_OUTCOME_UNKNOWN : DPL_OUTCOME_VOID;
}

int op_setxattr(struct op *op)
{
    const struct fuse_setxattr_in *in = op->rq.fixed;
    bool ext = (op->root->flags & FUSE_SETXATTR_EXT) != 0;
    bool kill = ext && (in->setxattr_flags & FUSE_SETXATTR_ACL_KILL_SGID) != 0;
    int flags = (int)in->flags;
    struct place place;
    bool repeat;
    int code = place_of(op, op->node, &place);

    if (code == 0 && op_xattr_is_ours(op->rq.name))
        code = -EPERM;
    if (code == 0)
        code = op_cred(op, !kill, OP_ANY_UMASK);
    if (code != 0)
        return code;
    op_lock(op, op->node, 0, 0);
    prepare(op, DPL_R_SETXATTR);
    if (op->recording) {
        op->record.value = (struct dpl_view){.data = op->rq.data, .size = in->size};
        op->record.has |= DPL_F_VALUE | DPL_F_FLAGS;
    }
    op_watch(op, op->node, place.fd);
    op_start(op);
    if (!was_there(op, &place, &repeat) && repeat)
        flags &= ~XATTR_CREATE;
    code = set(&place, op->rq.name, op->rq.data, in->size, flags);
    recorder_attr_fd(op, DPL_F_ATTR, place.fd);
    if (op->recording && code == 0 && strcmp(op->rq.name, ACL_ACCESS) == 0 &&
        get(&place, ACL_ACCESS, NULL, 0) < 0)
        op->record.flags = DPL_RF_ACL_DROPPED;
    else
        recorder_without(op, DPL_F_FLAGS);
    return op_finish(op, outcome_of(code), code, NULL, 0);
}

int op_removexattr(struct op *op)
{
    struct place place;
    bool repeat, there;
    int code = place_of(op, op->node, &place);

    if (code == 0 && op_xattr_is_ours(op->rq.name))
        code = -ENODATA;
    if (code == 0)
        code = op_cred(op, true, OP_ANY_UMASK);
    if (code != 0)
        return code;
    op_lock(op, op->node, 0, 0);
    prepare(op, DPL_R_REMOVEXATTR);
    op_watch(op, op->node, place.fd);
    op_start(op);
    there = was_there(op, &place, &repeat);
    code = drop(&place, op->rq.name);
    if (code == -ENODATA && repeat && there) {
        op_recognised(op);
        code = 0;
    }
    recorder_attr_fd(op, DPL_F_ATTR, place.fd);
    return op_finish(op, outcome_of(code), code, NULL, 0);
}
