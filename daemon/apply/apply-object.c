/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Records on one object: its making, its data, its attributes. The order within each: the object is
 * there, its data, its names, its attributes, those of the directories.
 */
#include "daemon/apply/apply-private.h"
#include "daemon/apply/names.h"
#include "daemon/apply/state.h"

#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

int dpl_apply_find(struct dpl_apply *a, struct dpl_view id, struct dpl_object **object_r,
                   struct dpl_err *err)
{
    int rc = dpl_objects_here(&a->objects, id, object_r, err);
    if (rc == 0 && *object_r)
        return dpl_objects_unlock(&a->objects, *object_r, err);
    if (rc == 0) {
        a->unknown = true;
        if (!dpl_objects_is_gone(&a->objects, id) && a->missing_count < DPL_APPLY_MISSING)
            a->missing[a->missing_count++] = id;
    }
    return rc;
}

int dpl_apply_dir(struct dpl_apply *a, struct dpl_view id, int *fd_r, struct dpl_err *err)
{
    struct dpl_object *object;
    *fd_r = -1;
    int rc = dpl_apply_find(a, id, &object, err);
    if (rc < 0 || !object)
        return rc;
    if (!S_ISDIR(object->type))
        return dpl_err_set(err, DPL_E_CORRUPT, "the parent in a record is not a directory");
    *fd_r = dpl_objects_fd(&a->objects, object, err);
    return *fd_r < 0 ? *fd_r : 0;
}

int dpl_apply_attr(struct dpl_apply *a, struct dpl_object *object, const struct dpl_attr *attr,
                   struct dpl_err *err)
{
    int fd = dpl_objects_fd(&a->objects, object, err);
    if (fd < 0)
        return fd;
    int rc = dpl_state_attr(fd, attr, a->options.allow_setid, err);
    if (rc == 0 && (attr->has & DPL_A_IFLAGS))
        dpl_state_flags(&a->objects, object, attr->iflags);
    return rc;
}

int dpl_apply_attr_of(struct dpl_apply *a, const struct dpl_record *r, uint32_t has,
                      struct dpl_view id, const struct dpl_attr *attr, struct dpl_err *err)
{
    struct dpl_object *object = NULL;
    int rc = r->has & has ? dpl_apply_find(a, id, &object, err) : 0;
    return rc == 0 && object ? dpl_apply_attr(a, object, attr, err) : rc;
}

void dpl_apply_limbo(struct dpl_apply *a, struct dpl_object *object, bool limbo)
{
    if (object->limbo == limbo)
        return;
    object->limbo = limbo;
    dpl_objects_change(&a->objects, object);
}

static int open_file(struct dpl_apply *a, struct dpl_object *object, struct dpl_err *err)
{
    if (!S_ISREG(object->type))
        return dpl_err_set(err, DPL_E_CORRUPT, "a record has data for what is not a regular file");
    return dpl_objects_fd(&a->objects, object, err);
}

static int set_size(struct dpl_apply *a, struct dpl_object *object, uint64_t size,
                    struct dpl_err *err)
{
    int fd = open_file(a, object, err);
    return fd < 0 ? fd : dpl_state_size(fd, size, err);
}

static struct dpl_view xattrs_of(const struct dpl_record *r)
{
    return r->has & DPL_F_XATTRS ? r->xattrs : (struct dpl_view){0};
}

static int set_xattrs(struct dpl_apply *a, struct dpl_object *object, struct dpl_view list,
                      struct dpl_err *err)
{
    int fd = dpl_objects_fd(&a->objects, object, err);
    return fd < 0 ? fd : dpl_state_xattrs(fd, object->type, list, a->of_mirror, err);
}

int dpl_apply_xattrs(struct dpl_apply *a, const struct dpl_record *r, struct dpl_object *object,
                     struct dpl_err *err)
{
    return set_xattrs(a, object, xattrs_of(r), err);
}

static int drop_caps(struct dpl_apply *a, const struct dpl_record *r, struct dpl_object *object,
                     struct dpl_err *err)
{
    if (!(r->has & DPL_F_FLAGS) || !(r->flags & DPL_RF_CAPS_DROPPED))
        return 0;
    int fd = dpl_objects_fd(&a->objects, object, err);
    return fd < 0 ? fd : dpl_state_removexattr(fd, object->type, "security.capability", err);
}

/* The object of this record is here, new or as if new. */
static int make(struct dpl_apply *a, const struct dpl_record *r, struct dpl_object **object_r,
                struct dpl_err *err)
{
    mode_t type = r->attr.mode & S_IFMT;
    dev_t rdev = r->has & DPL_F_RDEV ? makedev((unsigned)(r->rdev >> 32), (unsigned)r->rdev) : 0;
    struct dpl_object *object = *object_r;
    bool old = object;
    int rc = 0;
    if ((S_ISBLK(type) || (S_ISCHR(type) && rdev != 0)) && !a->options.allow_devices)
        return dpl_err_set(err, DPL_E_REFUSED, "a device node, which the set does not allow");
    if (S_ISLNK(type) && !(r->has & DPL_F_TARGET))
        return dpl_err_set(err, DPL_E_CORRUPT, "a symbolic link without a target");
    if (object && object->type != type)
        return dpl_err_set(err, DPL_E_CORRUPT, "an object is here as one of another type");
    if (!object)
        rc = dpl_names_make(&a->objects, r->object, type, rdev, r->target, &object, err);
    *object_r = object;
    if (rc == 0 && old && S_ISREG(type))
        rc = set_size(a, object, 0, err);
    if (rc == 0 && S_ISREG(type) && (r->attr.has & DPL_A_SIZE) && (old || r->attr.size > 0))
        rc = set_size(a, object, r->attr.size, err);
    if (rc == 0 && (old || (r->has & DPL_F_XATTRS)))
        rc = set_xattrs(a, object, xattrs_of(r), err);
    return rc;
}

/* The object of a record that makes it, if it is here already: that is no surprise. */
static int find_own(struct dpl_apply *a, struct dpl_view id, struct dpl_object **object_r,
                    struct dpl_err *err)
{
    int rc = dpl_objects_here(&a->objects, id, object_r, err);
    return rc == 0 && *object_r ? dpl_objects_unlock(&a->objects, *object_r, err) : rc;
}

int dpl_apply_create(struct dpl_apply *a, const struct dpl_record *r, struct dpl_err *err)
{
    struct dpl_object *object;
    int dir = -1;
    bool named = r->has & DPL_F_PARENT;
    int rc = find_own(a, r->object, &object, err);
    if (rc == 0 && named)
        rc = dpl_apply_dir(a, r->parent, &dir, err);
    if (rc < 0)
        return rc;
    /* A directory that is gone: what was made in it and is not here either went with it. */
    if (named && dir < 0 && !object) {
        if (dpl_objects_is_gone(&a->objects, r->parent))
            dpl_objects_set_gone(&a->objects, r->object);
        return 0;
    }
    rc = make(a, r, &object, err);
    if (rc == 0 && named) {
        dpl_apply_limbo(a, object, dir < 0);
        rc = dir < 0 ? 0 : dpl_names_ensure(&a->objects, object, dir, r->name, err);
    }
    if (rc == 0)
        rc = dpl_apply_attr(a, object, &r->attr, err);
    return rc < 0 ? rc
                  : dpl_apply_attr_of(a, r, DPL_F_PARENT_ATTR, r->parent, &r->parent_attr, err);
}

/* The record names the root beneath its mount point, which is not known here, or by its whole path.
 */
static bool is_root(const struct dpl_apply_root *root, const struct dpl_record *r)
{
    if (!root->path)
        return root->number == r->number;
    size_t size = strlen(root->path), tail = r->path.size;
    return size >= tail && memcmp(root->path + size - tail, r->path.data, tail) == 0 &&
           (size == tail || root->path[size - tail - 1] == '/');
}

int dpl_apply_root(struct dpl_apply *a, const struct dpl_record *r, struct dpl_err *err)
{
    for (size_t i = 0; i < a->options.count; i++) {
        if (!is_root(&a->roots[i], r))
            continue;
        struct dpl_object *object;
        int rc = find_own(a, r->object, &object, err);
        if (rc == 0 && !object)
            rc = dpl_objects_tag(&a->objects, r->object, a->roots[i].fd, NULL, &object, err);
        if (rc < 0)
            return rc;
        if (object->root != r->number + 1) {
            object->root = r->number + 1;
            dpl_objects_change(&a->objects, object);
        }
        rc = set_xattrs(a, object, xattrs_of(r), err);
        return rc < 0 ? rc : dpl_apply_attr(a, object, &r->attr, err);
    }
    return dpl_err_set(err, DPL_E_REFUSED, "root %u (\"%.*s\") has no place here", r->number,
                       (int)r->path.size, (const char *)r->path.data);
}

static int open_to_change(struct dpl_apply *a, struct dpl_object *object, struct dpl_err *err)
{
    int fd = open_file(a, object, err);
    int rc = fd >= 0 && a->before ? a->before(a->before_self, object, fd, err) : 0;
    return rc < 0 ? rc : fd;
}

int dpl_apply_data(struct dpl_apply *a, const struct dpl_record *r, struct dpl_err *err)
{
    struct dpl_object *object;
    int rc = dpl_apply_find(a, r->object, &object, err);
    if (rc < 0 || !object)
        return rc;
    int fd = rc = open_to_change(a, object, err);
    if (fd >= 0 && r->type == DPL_R_WRITE)
        rc = dpl_state_write(fd, r->offset, r->data, err);
    else if (fd >= 0 && r->type == DPL_R_TRUNCATE)
        rc = dpl_state_size(fd, r->length, err);
    else if (fd >= 0)
        rc = dpl_state_fallocate(fd, r->mode, r->offset, r->length, err);
    if (rc >= 0 && (r->attr.has & DPL_A_SIZE))
        rc = dpl_state_size(fd, r->attr.size, err);
    if (rc >= 0)
        rc = drop_caps(a, r, object, err);
    return rc < 0 ? rc : dpl_apply_attr(a, object, &r->attr, err);
}

int dpl_apply_copy(struct dpl_apply *a, uint64_t epoch, const struct dpl_record *r,
                   struct dpl_err *err)
{
    struct dpl_object *to = NULL, *from = NULL;
    int rc = dpl_apply_find(a, r->object, &to, err);
    if (rc == 0)
        rc = dpl_apply_find(a, r->object2, &from, err);
    if (rc < 0 || !to || !from)
        return rc;
    rc = dpl_apply_barrier(a, epoch, r->lsn, err);
    if (rc < 0)
        return rc;
    int to_fd = open_to_change(a, to, err), from_fd = to_fd < 0 ? -1 : open_file(a, from, err);
    if (to_fd < 0 || from_fd < 0)
        return to_fd < 0 ? to_fd : from_fd;
    rc = dpl_state_copy(to_fd, r->offset, from_fd, r->offset2, r->length, err);
    if (rc == 0 && (r->attr.has & DPL_A_SIZE))
        rc = dpl_state_size(to_fd, r->attr.size, err);
    if (rc == 0)
        rc = drop_caps(a, r, to, err);
    if (rc == 0)
        rc = dpl_apply_attr(a, to, &r->attr, err);
    if (rc < 0)
        return rc;
    /* Behind this record: it is not below the barrier. */
    a->want_checkpoint = a->options.checkpoint != NULL;
    return a->want_checkpoint ? 0 : dpl_apply_barrier(a, epoch, r->lsn + 1, err);
}

int dpl_apply_setattr(struct dpl_apply *a, const struct dpl_record *r, struct dpl_err *err)
{
    struct dpl_object *object;
    int rc = dpl_apply_find(a, r->object, &object, err);
    if (rc < 0 || !object)
        return rc;
    rc = drop_caps(a, r, object, err);
    if (rc == 0 && (r->has & DPL_F_XATTRS) && (r->flags & DPL_RF_XATTRS_WHOLE))
        rc = set_xattrs(a, object, r->xattrs, err);
    return rc < 0 ? rc : dpl_apply_attr(a, object, &r->attr, err);
}

int dpl_apply_xattr(struct dpl_apply *a, const struct dpl_record *r, struct dpl_err *err)
{
    struct dpl_object *object;
    int rc = dpl_apply_find(a, r->object, &object, err);
    if (rc < 0 || !object)
        return rc;
    int fd = dpl_objects_fd(&a->objects, object, err);
    if (fd < 0)
        return fd;
    char name[DPL_NAME_MAX + 1];
    memcpy(name, r->xattr.data, r->xattr.size);
    name[r->xattr.size] = '\0';
    if (r->type == DPL_R_SETXATTR && !(r->flags & DPL_RF_ACL_DROPPED))
        rc = dpl_state_setxattr(fd, object->type, r->xattr, r->value, err);
    else
        rc = dpl_state_removexattr(fd, object->type, name, err);
    return rc < 0 ? rc : dpl_apply_attr(a, object, &r->attr, err);
}

int dpl_apply_drop(struct dpl_apply *a, const struct dpl_record *r, struct dpl_err *err)
{
    /* Not known: it has been dropped before. */
    struct dpl_object *object;
    int rc = find_own(a, r->object, &object, err);
    return rc == 0 && object ? dpl_names_drop(&a->objects, object, err) : rc;
}
