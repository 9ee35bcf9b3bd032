/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * One function per kind of record. The order within each: the object is there, its data, its names,
 * its attributes, those of the directories.
 */
#include "daemon/apply/apply.h"

#include "daemon/apply/names.h"
#include "daemon/apply/objects.h"
#include "daemon/apply/state.h"
#include "lib/base/fd.h"
#include "lib/base/file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#define BARRIER_FILE "barrier"

struct dpl_apply {
    struct dpl_apply_options options;
    struct dpl_apply_root *roots;
    struct dpl_objects objects;
    uint64_t barrier_epoch, barrier_lsn; /* what is before it is never applied again */
    bool unknown;                        /* of the record under way */
};

static int barrier_read(struct dpl_apply *a, struct dpl_err *err)
{
    g_autofree char *text = NULL;
    size_t size;
    int rc = dpl_file_read(a->options.reserve_fd, BARRIER_FILE, 64, &text, &size, err);
    if (rc == DPL_E_NOT_FOUND)
        return 0;
    if (rc < 0)
        return rc;
    if (sscanf(text, "%" SCNx64 " %" SCNx64, &a->barrier_epoch, &a->barrier_lsn) != 2)
        return dpl_err_set(err, DPL_E_CORRUPT, "\"%s\" in the reserved directory is damaged",
                           BARRIER_FILE);
    return 0;
}

static int barrier_write(struct dpl_apply *a, uint64_t epoch, uint64_t lsn, struct dpl_err *err)
{
    char text[64];
    int size = snprintf(text, sizeof text, "%016" PRIx64 " %016" PRIx64 "\n", epoch, lsn);
    if (syncfs(a->options.reserve_fd) < 0)
        return dpl_err_sys(err, errno, "sync the replica");
    int rc = dpl_file_replace(a->options.reserve_fd, BARRIER_FILE, text, (size_t)size, 0600, err);
    if (rc == 0) {
        a->barrier_epoch = epoch;
        a->barrier_lsn = lsn;
    }
    return rc;
}

int dpl_apply_open(struct dpl_apply **apply_r, const struct dpl_apply_options *options,
                   struct dpl_err *err)
{
    struct dpl_apply *a = g_new0(struct dpl_apply, 1);
    a->options = *options;
    a->roots = g_memdup2(options->roots, options->count * sizeof *options->roots);
    a->options.roots = a->roots;
    int rc = dpl_objects_init(&a->objects, options->reserve_fd, err);
    if (rc == 0)
        rc = dpl_objects_scan(&a->objects, options->reserve_fd, err);
    for (size_t i = 0; i < options->count && rc == 0; i++) {
        struct dpl_object *old = dpl_objects_at(&a->objects, a->roots[i].fd, NULL);
        char path[DPL_OBJECTS_PATH];
        uint8_t id[DPL_OID_MAX];
        dpl_objects_path(path, sizeof path, a->roots[i].fd, NULL);
        ssize_t size = getxattr(path, DPL_APPLY_TAG, id, sizeof id);
        if (size > 0 && !old)
            rc = dpl_objects_tag(&a->objects, (struct dpl_view){id, (size_t)size}, a->roots[i].fd,
                                 NULL, &old, err);
        if (rc == 0)
            rc = dpl_objects_scan(&a->objects, a->roots[i].fd, err);
    }
    if (rc == 0)
        rc = barrier_read(a, err);
    if (rc < 0) {
        dpl_apply_close(a);
        return rc;
    }
    *apply_r = a;
    return 0;
}

void dpl_apply_close(struct dpl_apply *a)
{
    if (!a)
        return;
    if (a->objects.by_id)
        dpl_objects_done(&a->objects);
    g_free(a->roots);
    g_free(a);
}

static struct dpl_object *find(struct dpl_apply *a, struct dpl_view id)
{
    struct dpl_object *object = dpl_objects_find(&a->objects, id);
    a->unknown |= !object;
    return object;
}

/* Opens the directory with this id; *fd is -1 if it is not known here. */
static int open_dir(struct dpl_apply *a, struct dpl_view id, int *fd, struct dpl_err *err)
{
    struct dpl_object *object = find(a, id);
    *fd = -1;
    if (!object)
        return 0;
    if (!S_ISDIR(object->type))
        return dpl_err_set(err, DPL_E_CORRUPT, "the parent in a record is not a directory");
    int rc = dpl_objects_open(&a->objects, object, O_RDONLY | O_DIRECTORY, err);
    a->unknown |= rc == DPL_E_NOT_FOUND;
    if (rc < 0)
        return rc == DPL_E_NOT_FOUND ? 0 : rc;
    *fd = rc;
    return 0;
}

static int set_attr(struct dpl_apply *a, const struct dpl_object *object,
                    const struct dpl_attr *attr, struct dpl_err *err)
{
    dpl_autofd int fd = dpl_objects_open(&a->objects, object, O_PATH, err);
    return fd < 0 ? fd : dpl_state_attr(fd, attr, a->options.allow_setid, err);
}

/* Attributes of an object that a record names beside its own; unknown ones are passed over. */
static int set_attr_of(struct dpl_apply *a, const struct dpl_record *r, uint32_t has,
                       struct dpl_view id, const struct dpl_attr *attr, struct dpl_err *err)
{
    struct dpl_object *object = r->has & has ? find(a, id) : NULL;
    return object ? set_attr(a, object, attr, err) : 0;
}

static int open_file(struct dpl_apply *a, const struct dpl_object *object, struct dpl_err *err)
{
    if (!S_ISREG(object->type))
        return dpl_err_set(err, DPL_E_CORRUPT, "a record has data for what is not a regular file");
    return dpl_objects_open(&a->objects, object, O_RDWR, err);
}

static int set_size(struct dpl_apply *a, const struct dpl_object *object, uint64_t size,
                    struct dpl_err *err)
{
    dpl_autofd int fd = open_file(a, object, err);
    return fd < 0 ? fd : dpl_state_size(fd, size, err);
}

static int set_xattrs(struct dpl_apply *a, const struct dpl_object *object, struct dpl_view list,
                      struct dpl_err *err)
{
    dpl_autofd int fd = dpl_objects_open(&a->objects, object, O_PATH, err);
    return fd < 0 ? fd : dpl_state_xattrs(fd, list, err);
}

static int flags(struct dpl_apply *a, const struct dpl_record *r, const struct dpl_object *object,
                 struct dpl_err *err)
{
    if (!(r->has & DPL_F_FLAGS) || !(r->flags & DPL_RF_CAPS_DROPPED))
        return 0;
    dpl_autofd int fd = dpl_objects_open(&a->objects, object, O_PATH, err);
    return fd < 0 ? fd : dpl_state_removexattr(fd, "security.capability", err);
}

/* The object of this record is here, new or as if new. */
static int make(struct dpl_apply *a, const struct dpl_record *r, struct dpl_object **object_r,
                struct dpl_err *err)
{
    mode_t type = r->attr.mode & S_IFMT;
    dev_t rdev = r->has & DPL_F_RDEV ? makedev((unsigned)(r->rdev >> 32), (unsigned)r->rdev) : 0;
    struct dpl_object *object = dpl_objects_find(&a->objects, r->object);
    int rc = 0;
    if ((S_ISBLK(type) || (S_ISCHR(type) && rdev != 0)) && !a->options.allow_devices)
        return dpl_err_set(err, DPL_E_REFUSED, "a device node, which the set does not allow");
    if (S_ISLNK(type) && !(r->has & DPL_F_TARGET))
        return dpl_err_set(err, DPL_E_CORRUPT, "a symbolic link without a target");
    if (object && object->type != type)
        return dpl_err_set(err, DPL_E_CORRUPT, "an object is here as one of another type");
    if (!object)
        rc = dpl_names_make(&a->objects, r->object, type, rdev, r->target, &object, err);
    if (rc == 0 && S_ISREG(type))
        rc = set_size(a, object, 0, err);
    if (rc == 0 && S_ISREG(type) && (r->attr.has & DPL_A_SIZE))
        rc = set_size(a, object, r->attr.size, err);
    if (rc == 0)
        rc = set_xattrs(a, object, r->has & DPL_F_XATTRS ? r->xattrs : (struct dpl_view){0}, err);
    *object_r = object;
    return rc;
}

/* Gives the object a name in this directory. Where that is not here any more (-1), the object is in
 * limbo if it has no other name: a later record names it, or it went with the directory. */
static int name_or_limbo(struct dpl_apply *a, struct dpl_object *object, int dir,
                         struct dpl_view name, struct dpl_err *err)
{
    object->limbo = dir < 0;
    return dir < 0 ? 0 : dpl_names_ensure(&a->objects, object, dir, name, err);
}

static int apply_create(struct dpl_apply *a, const struct dpl_record *r, struct dpl_err *err)
{
    struct dpl_object *object = dpl_objects_find(&a->objects, r->object);
    dpl_autofd int dir = -1;
    bool named = r->has & DPL_F_PARENT;
    int rc = named ? open_dir(a, r->parent, &dir, err) : 0;
    /* A directory that is gone: what was made in it and is not here either went with it. */
    if (rc < 0 || (named && dir < 0 && !object))
        return rc;
    rc = make(a, r, &object, err);
    if (rc == 0 && named)
        rc = name_or_limbo(a, object, dir, r->name, err);
    if (rc == 0)
        rc = set_attr(a, object, &r->attr, err);
    return rc < 0 ? rc : set_attr_of(a, r, DPL_F_PARENT_ATTR, r->parent, &r->parent_attr, err);
}

static int apply_root(struct dpl_apply *a, const struct dpl_record *r, struct dpl_err *err)
{
    for (size_t i = 0; i < a->options.count; i++) {
        if (a->roots[i].number != r->number)
            continue;
        struct dpl_object *object = dpl_objects_find(&a->objects, r->object);
        int rc = 0;
        if (!object)
            rc = dpl_objects_tag(&a->objects, r->object, a->roots[i].fd, NULL, &object, err);
        if (rc == 0)
            rc = set_xattrs(a, object, r->has & DPL_F_XATTRS ? r->xattrs : (struct dpl_view){0},
                            err);
        return rc < 0 ? rc : set_attr(a, object, &r->attr, err);
    }
    return dpl_err_set(err, DPL_E_REFUSED, "root %u has no place here", r->number);
}

static int apply_data(struct dpl_apply *a, const struct dpl_record *r, struct dpl_err *err)
{
    struct dpl_object *object = find(a, r->object);
    if (!object)
        return 0;
    dpl_autofd int fd = open_file(a, object, err);
    int rc = fd;
    if (fd >= 0 && r->type == DPL_R_WRITE)
        rc = dpl_state_write(fd, r->offset, r->data, err);
    else if (fd >= 0 && r->type == DPL_R_TRUNCATE)
        rc = dpl_state_size(fd, r->length, err);
    else if (fd >= 0)
        rc = dpl_state_fallocate(fd, r->mode, r->offset, r->length, err);
    if (rc >= 0 && (r->attr.has & DPL_A_SIZE))
        rc = dpl_state_size(fd, r->attr.size, err);
    if (rc >= 0)
        rc = flags(a, r, object, err);
    return rc < 0 ? rc : set_attr(a, object, &r->attr, err);
}

static int apply_copy(struct dpl_apply *a, uint64_t epoch, const struct dpl_record *r,
                      struct dpl_err *err)
{
    struct dpl_object *to = find(a, r->object), *from = find(a, r->object2);
    if (!to || !from)
        return 0;
    int rc = barrier_write(a, epoch, r->lsn, err);
    if (rc < 0)
        return rc;
    dpl_autofd int to_fd = open_file(a, to, err);
    dpl_autofd int from_fd = to_fd < 0 ? -1 : open_file(a, from, err);
    if (to_fd < 0 || from_fd < 0)
        return to_fd < 0 ? to_fd : from_fd;
    rc = dpl_state_copy(to_fd, r->offset, from_fd, r->offset2, r->length, err);
    if (rc == 0 && (r->attr.has & DPL_A_SIZE))
        rc = dpl_state_size(to_fd, r->attr.size, err);
    if (rc == 0)
        rc = flags(a, r, to, err);
    if (rc == 0)
        rc = set_attr(a, to, &r->attr, err);
    /* Behind this record: it is not below the barrier. */
    return rc < 0 ? rc : barrier_write(a, epoch, r->lsn + 1, err);
}

static int apply_setattr(struct dpl_apply *a, const struct dpl_record *r, struct dpl_err *err)
{
    struct dpl_object *object = find(a, r->object);
    if (!object)
        return 0;
    int rc = flags(a, r, object, err);
    if (rc == 0 && (r->has & DPL_F_XATTRS) && (r->flags & DPL_RF_XATTRS_WHOLE))
        rc = set_xattrs(a, object, r->xattrs, err);
    return rc < 0 ? rc : set_attr(a, object, &r->attr, err);
}

static int apply_xattr(struct dpl_apply *a, const struct dpl_record *r, struct dpl_err *err)
{
    struct dpl_object *object = find(a, r->object);
    if (!object)
        return 0;
    dpl_autofd int fd = dpl_objects_open(&a->objects, object, O_PATH, err);
    if (fd < 0)
        return fd;
    int rc;
    char name[DPL_NAME_MAX + 1];
    memcpy(name, r->xattr.data, r->xattr.size);
    name[r->xattr.size] = '\0';
    if (r->type == DPL_R_SETXATTR && !(r->flags & DPL_RF_ACL_DROPPED))
        rc = dpl_state_setxattr(fd, r->xattr, r->value, err);
    else
        rc = dpl_state_removexattr(fd, name, err);
    return rc < 0 ? rc : dpl_state_attr(fd, &r->attr, a->options.allow_setid, err);
}

/* link, remove and leave: one name more or less. */
static int apply_name(struct dpl_apply *a, const struct dpl_record *r, struct dpl_err *err)
{
    struct dpl_object *object = find(a, r->object);
    dpl_autofd int dir = -1;
    int rc = open_dir(a, r->parent, &dir, err);
    if (rc == 0 && object && r->type == DPL_R_LINK) {
        rc = name_or_limbo(a, object, dir, r->name, err);
    } else if (rc == 0 && object) {
        /* What names it has left may be in directories that are not here any more. */
        object->limbo = r->type == DPL_R_REMOVE && (r->attr.has & DPL_A_NLINK) &&
                        r->attr.nlink > 0 && !S_ISDIR(object->type);
        if (dir >= 0)
            rc = dpl_names_lose(&a->objects, object, dir, r->name, err);
    }
    if (rc == 0)
        rc = set_attr_of(a, r, DPL_F_ATTR, r->object, &r->attr, err);
    return rc < 0 ? rc : set_attr_of(a, r, DPL_F_PARENT_ATTR, r->parent, &r->parent_attr, err);
}

static int make_whiteout(struct dpl_apply *a, const struct dpl_record *r, int dir,
                         struct dpl_err *err)
{
    struct dpl_object *object = dpl_objects_find(&a->objects, r->whiteout);
    int rc = 0;
    if (!object)
        rc = dpl_names_make(&a->objects, r->whiteout, S_IFCHR, 0, (struct dpl_view){0}, &object,
                            err);
    if (rc == 0)
        rc = dpl_names_ensure(&a->objects, object, dir, r->name, err);
    return rc < 0 ? rc : set_attr(a, object, &r->whiteout_attr, err);
}

static int rename_names(struct dpl_apply *a, const struct dpl_record *r, struct dpl_err *err)
{
    struct dpl_object *object = find(a, r->object), *other = NULL;
    dpl_autofd int from = -1;
    dpl_autofd int to = -1;
    int rc = r->has & DPL_F_PARENT ? open_dir(a, r->parent, &from, err) : 0;
    if (rc == 0)
        rc = open_dir(a, r->parent2, &to, err);
    if (rc < 0)
        return rc;
    if (r->has & DPL_F_OBJECT2)
        other = find(a, r->object2);
    if (object)
        object->limbo = to < 0;
    bool exchange = r->flags & DPL_RF_EXCHANGE;
    if (other)
        other->limbo = exchange && from < 0;
    if (exchange && object && other && from >= 0 && to >= 0)
        return dpl_names_exchange(&a->objects, object, to, r->name2, other, from, r->name, err);
    if (other && to >= 0)
        rc = dpl_names_lose(&a->objects, other, to, r->name2, err);
    if (rc == 0 && object && from >= 0 && to >= 0)
        rc = dpl_names_move(&a->objects, object, from, r->name, to, r->name2, err);
    else if (rc == 0 && object && to >= 0)
        rc = dpl_names_ensure(&a->objects, object, to, r->name2, err);
    else if (rc == 0 && object && from >= 0)
        rc = dpl_names_lose(&a->objects, object, from, r->name, err);
    if (rc == 0 && exchange && other && from >= 0)
        rc = dpl_names_ensure(&a->objects, other, from, r->name, err);
    if (rc == 0 && (r->flags & DPL_RF_WHITEOUT) && from >= 0)
        rc = make_whiteout(a, r, from, err);
    return rc;
}

static int apply_rename(struct dpl_apply *a, const struct dpl_record *r, struct dpl_err *err)
{
    int rc = rename_names(a, r, err);
    if (rc == 0)
        rc = set_attr_of(a, r, DPL_F_ATTR, r->object, &r->attr, err);
    if (rc == 0)
        rc = set_attr_of(a, r, DPL_F_ATTR2, r->object2, &r->attr2, err);
    if (rc == 0)
        rc = set_attr_of(a, r, DPL_F_PARENT_ATTR, r->parent, &r->parent_attr, err);
    return rc < 0 ? rc : set_attr_of(a, r, DPL_F_PARENT2_ATTR, r->parent2, &r->parent2_attr, err);
}

static int apply_drop(struct dpl_apply *a, const struct dpl_record *r, struct dpl_err *err)
{
    /* Not known: it has been dropped before. */
    struct dpl_object *object = dpl_objects_find(&a->objects, r->object);
    return object ? dpl_names_drop(&a->objects, object, err) : 0;
}

ssize_t dpl_apply_settle(struct dpl_apply *a, struct dpl_err *err)
{
    ssize_t count = 0;
    for (bool again = true; again;) {
        GHashTableIter iter;
        gpointer value;
        again = false;
        g_hash_table_iter_init(&iter, a->objects.by_id);
        while (!again && g_hash_table_iter_next(&iter, NULL, &value)) {
            struct dpl_object *object = value;
            if (!object->limbo || object->reserved == 0)
                continue;
            int rc = dpl_names_drop(&a->objects, object, err);
            if (rc < 0)
                return rc;
            count++;
            again = true; /* the table has changed */
        }
    }
    return count;
}

static int apply_ok(struct dpl_apply *a, uint64_t epoch, const struct dpl_record *r,
                    struct dpl_err *err)
{
    switch (r->type) {
    case DPL_R_ROOT:
        return apply_root(a, r, err);
    case DPL_R_CREATE:
    case DPL_R_TMPFILE:
    case DPL_R_ENTER:
        return apply_create(a, r, err);
    case DPL_R_WRITE:
    case DPL_R_TRUNCATE:
    case DPL_R_FALLOCATE:
        return apply_data(a, r, err);
    case DPL_R_COPY:
        return apply_copy(a, epoch, r, err);
    case DPL_R_SETATTR:
        return apply_setattr(a, r, err);
    case DPL_R_SETXATTR:
    case DPL_R_REMOVEXATTR:
        return apply_xattr(a, r, err);
    case DPL_R_LINK:
    case DPL_R_REMOVE:
    case DPL_R_LEAVE:
        return apply_name(a, r, err);
    case DPL_R_RENAME:
        return apply_rename(a, r, err);
    case DPL_R_DROP:
        return apply_drop(a, r, err);
    case DPL_R_MIRROR:
        return DPL_APPLY_ASK;
    case DPL_R_BARRIER:
        return 0;
    default:
        return dpl_err_set(err, DPL_E_UNSUPPORTED, "record type %u cannot be applied", r->type);
    }
}

int dpl_apply_record(struct dpl_apply *a, uint64_t epoch, const struct dpl_record *record,
                     struct dpl_err *err)
{
    if (record->outcome == DPL_OUTCOME_VOID ||
        (epoch == a->barrier_epoch && record->lsn < a->barrier_lsn))
        return DPL_APPLY_NOTHING;
    if (record->outcome == DPL_OUTCOME_UNKNOWN)
        return DPL_APPLY_ASK;
    if (record->outcome != DPL_OUTCOME_OK)
        return dpl_err_set(err, DPL_E_PARAM, "LSN %" PRIu64 " is not committed", record->lsn);
    a->unknown = false;
    a->objects.now = (struct dpl_position){.epoch = epoch, .lsn = record->lsn};
    int rc = apply_ok(a, epoch, record, err);
    if (rc < 0) {
        const char *type = dpl_record_type_text(record->type);
        dpl_err_context(err, "LSN %" PRIu64 " (%s)", record->lsn, type ? type : "?");
        return rc;
    }
    return rc == 0 && a->unknown ? DPL_APPLY_UNKNOWN : rc;
}
