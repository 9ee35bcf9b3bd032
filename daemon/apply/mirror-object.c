/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The state of an object that the source has: known here, adopted, or made.
 */
#include "daemon/apply/mirror-compare.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

static int64_t ns_of(struct timespec ts)
{
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* Whether what stands at this name can become the object: same type, nobody's yet. */
static bool can_adopt(const struct dpl_mirror_target *t, int dir, const char *name,
                      const struct dpl_record *r)
{
    struct stat st;
    uint8_t id[DPL_OID_MAX];
    char target[PATH_MAX];
    mode_t type = r->attr.mode & S_IFMT;
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || (st.st_mode & S_IFMT) != type ||
        dpl_objects_read_tag(t->objects, dir, name, id) > 0)
        return false;
    if (S_ISREG(type) || S_ISDIR(type))
        return true;
    if (!S_ISLNK(type))
        return false;
    ssize_t size = readlinkat(dir, name, target, sizeof target);
    return size == (ssize_t)r->target.size && memcmp(target, r->target.data, r->target.size) == 0;
}

/* Takes over what stands at the name that the source gives. *object_r stays NULL if it cannot. */
static int adopt(struct dpl_mirror_target *t, const struct dpl_record *r,
                 struct dpl_object **object_r, struct dpl_err *err)
{
    struct dpl_object *parent = NULL;
    char name[NAME_MAX + 1];
    int rc = !(r->has & DPL_F_PARENT) ? 0 : dpl_objects_here(t->objects, r->parent, &parent, err);
    if (rc < 0 || !parent || !S_ISDIR(parent->type))
        return rc;
    memcpy(name, r->name.data, r->name.size);
    name[r->name.size] = '\0';
    int dir = dpl_objects_fd(t->objects, parent, err);
    if (dir < 0)
        return dir;
    uint8_t tag[DPL_OID_MAX];
    ssize_t size = dpl_objects_read_tag(t->objects, dir, name, tag);
    if (size > 0 && (size_t)size == r->object.size &&
        memcmp(tag, r->object.data, r->object.size) == 0)
        return dpl_objects_enter(t->objects, r->object, dir, name, object_r, err);
    return can_adopt(t, dir, name, r)
               ? dpl_objects_tag(t->objects, r->object, dir, name, object_r, err)
               : 0;
}

/* All of its content is asked for, as data or as sums. */
static int ask_whole(struct dpl_mirror_target *t, const struct dpl_record *r,
                     enum dpl_mirror_level level, struct dpl_err *err)
{
    int rc =
        r->attr.size == 0 ? 0 : dpl_mirror_need_range(t, r->object, level, 0, r->attr.size, err);
    if (rc == 0)
        dpl_content_covered(t, r->object);
    return rc;
}

/* It was made now, whatever an earlier mirror has compared under its id. */
static int note_fresh(struct dpl_mirror_target *t, const struct dpl_record *r, struct dpl_err *err)
{
    t->count.created++;
    dpl_idset_add(&t->fresh, r->object);
    return dpl_content_kept(t, r->object) ? dpl_kept_void(t->options.kept, err) : 0;
}

/* The content of what was made, unless it comes by itself. */
static int ask_for_fresh(struct dpl_mirror_target *t, const struct dpl_record *r,
                         struct dpl_err *err)
{
    if (!S_ISREG(r->attr.mode) || (r->attr.size > 0 && t->kind == DPL_MIRROR_FULL))
        return 0;
    return ask_whole(t, r, DPL_MIRROR_NEED_DATA, err);
}

static int make(struct dpl_mirror_target *t, struct dpl_record *r, struct dpl_err *err)
{
    r->type = DPL_R_ENTER;
    r->has &= ~(uint32_t)(DPL_F_PARENT | DPL_F_NAME);
    int rc = dpl_mirror_apply(t, r, err);
    if (rc == DPL_E_REFUSED) {
        t->count.refused++;
        return 0;
    }
    if (rc == 0)
        rc = note_fresh(t, r, err);
    return rc < 0 ? rc : ask_for_fresh(t, r, err);
}

/* New, where its name is: nothing was known of it, and nothing stands there. */
static int make_named(struct dpl_mirror_target *t, const struct dpl_record *r,
                      struct dpl_view content, struct dpl_err *err)
{
    int rc = dpl_apply_enter_named(t->options.apply, r, content, err);
    if (rc <= 0)
        return rc;
    rc = note_fresh(t, r, err);
    if (content.size > 0 && content.size == r->attr.size)
        dpl_content_covered(t, r->object);
    if (rc == 0 && content.size == 0)
        rc = ask_for_fresh(t, r, err);
    return rc < 0 ? rc : 1;
}

static bool same_attr(const struct stat *st, const struct dpl_attr *attr)
{
    return st->st_uid == attr->uid && st->st_gid == attr->gid && st->st_mode == attr->mode &&
           (!S_ISREG(st->st_mode) || (uint64_t)st->st_size == attr->size) &&
           ns_of(st->st_mtim) == attr->mtime.sec * 1000000000 + attr->mtime.nsec;
}

/* Whether it was not here when this mirror, of one object, began. */
static bool is_made(const struct dpl_mirror_target *t, struct dpl_view id)
{
    return dpl_idset_has(&t->fresh, id) || dpl_idset_has(&t->dated, id);
}

/* It was not here: the replica is without it until this mirror has ended, and what stands in it is
 * asked for. */
static int note_made(struct dpl_mirror_target *t, const struct dpl_record *r, struct dpl_err *err)
{
    const struct dpl_view none = {0};
    if (!t->object || !dpl_objects_find(t->objects, r->object))
        return 0;
    g_ptr_array_add(t->made, g_bytes_new(r->object.data, r->object.size));
    t->options.want(t->options.self, r->object);
    return S_ISDIR(r->attr.mode) ? dpl_mirror_need(t, r->object, DPL_MIRROR_NEED_ITEM, none, err)
                                 : 0;
}

/* Its content, where the source does not send it by itself: not what is as the kind of mirror wants
 * it (by size and time), and not what a mirror before this one has compared. */
static int ask_for_content(struct dpl_mirror_target *t, const struct dpl_record *r,
                           const struct stat *st, struct dpl_err *err)
{
    bool same_size = (uint64_t)st->st_size == r->attr.size;
    bool same = t->on_demand
                    ? same_size && dpl_content_kept(t, r->object)
                    : same_size && !t->undated && !dpl_idset_has(&t->dated, r->object) &&
                          ns_of(st->st_mtim) == r->attr.mtime.sec * 1000000000 + r->attr.mtime.nsec;
    if (!t->on_demand && t->kind != DPL_MIRROR_DIFFERENCE && r->attr.size > 0)
        return 0;
    if (t->object && !dpl_mirror_is_object(t, r->object) && !is_made(t, r->object))
        return 0;
    if (!dpl_idset_add(&t->done, r->object) || same)
        return 0;
    return ask_whole(t, r, st->st_size == 0 ? DPL_MIRROR_NEED_DATA : DPL_MIRROR_NEED_SUMS, err);
}

static int set_size(struct dpl_mirror_target *t, const struct dpl_record *r, struct dpl_err *err)
{
    struct dpl_record size = {.type = DPL_R_TRUNCATE,
                              .has = DPL_F_OBJECT | DPL_F_LENGTH | DPL_F_ATTR,
                              .object = r->object,
                              .length = r->attr.size};
    return dpl_mirror_apply(t, &size, err);
}

/* The whole state of an object that is here. */
static struct dpl_record state_of(const struct dpl_record *r)
{
    return (struct dpl_record){.type = DPL_R_SETATTR,
                               .has = DPL_F_OBJECT | DPL_F_ATTR | DPL_F_XATTRS | DPL_F_FLAGS,
                               .flags = DPL_RF_XATTRS_WHOLE,
                               .object = r->object,
                               .attr = r->attr,
                               .xattrs = r->has & DPL_F_XATTRS ? r->xattrs : (struct dpl_view){0}};
}

/* One that is here: its size, its attributes. Its content is compared by what follows. */
static int renew(struct dpl_mirror_target *t, const struct dpl_record *r, struct dpl_object *object,
                 struct dpl_err *err)
{
    struct stat st;
    struct dpl_record state = state_of(r);
    int fd = dpl_objects_fd(t->objects, object, err);
    if (fd < 0)
        return fd;
    if (fstat(fd, &st) < 0)
        return dpl_err_sys(err, errno, "look at an object of the replica");
    if (!same_attr(&st, &r->attr))
        dpl_mirror_changed(t, r->object);
    int rc = S_ISREG(object->type) ? ask_for_content(t, r, &st, err) : 0;
    if (rc == 0 && S_ISREG(object->type) && (uint64_t)st.st_size != r->attr.size)
        rc = set_size(t, r, err);
    return rc < 0 ? rc : dpl_mirror_apply(t, &state, err);
}

static int root(struct dpl_mirror_target *t, struct dpl_record *r, struct dpl_err *err)
{
    if (t->compare && !dpl_objects_find(t->objects, r->object))
        return dpl_err_set(err, DPL_E_REFUSED,
                           "a test compares with a replica, and this one has not begun yet");
    return t->compare ? dpl_compare_item(t, r, err) : dpl_mirror_apply(t, r, err);
}

/* Who is known may have been removed by hand: a descriptor that is still open, or a map, would not
 * tell. */
static int still_here(struct dpl_mirror_target *t, struct dpl_object **object, struct dpl_err *err)
{
    struct stat st;
    int fd = dpl_objects_fd(t->objects, *object, err);
    if (fd < 0 && fd != DPL_E_NOT_FOUND)
        return fd;
    if (fd >= 0 && fstat(fd, &st) < 0)
        return dpl_err_sys(err, errno, "look at an object of the replica");
    if (fd >= 0 && st.st_nlink > 0)
        return 0;
    dpl_objects_forget(t->objects, *object);
    *object = NULL;
    return 0;
}

/* Content that came with the state, of an object that was not made with it: the state once more
 * behind it, for writing changes the times and takes capabilities away. */
static int write_content(struct dpl_mirror_target *t, const struct dpl_record *r,
                         struct dpl_view content, struct dpl_err *err)
{
    struct dpl_record data = {.type = DPL_R_WRITE,
                              .has = DPL_F_OBJECT | DPL_F_OFFSET | DPL_F_ATTR | DPL_F_DATA,
                              .object = r->object,
                              .data = content};
    struct dpl_record state = state_of(r);
    if (content.size == 0 || !dpl_objects_find(t->objects, r->object))
        return 0;
    int rc = dpl_mirror_apply(t, &data, err);
    if (rc == 0)
        rc = dpl_mirror_apply(t, &state, err);
    if (rc == 0 && content.size == r->attr.size)
        dpl_content_covered(t, r->object);
    return rc;
}

/* One object: its state, and content from its begin on. */
static int object_item(struct dpl_mirror_target *t, struct dpl_record *r, struct dpl_view content,
                       struct dpl_err *err)
{
    struct dpl_object *object = NULL;
    if (t->compare)
        return dpl_compare_item(t, r, err);
    int rc = dpl_objects_here(t->objects, r->object, &object, err);
    if (rc == 0 && object)
        rc = still_here(t, &object, err);
    bool here = object;
    if (rc == 0 && !object) {
        rc = make_named(t, r, content, err);
        if (rc > 0)
            return note_made(t, r, err);
    }
    if (rc == 0 && !object) {
        rc = adopt(t, r, &object, err);
        if (t->object && object)
            dpl_idset_add(&t->dated, r->object);
    }
    if (rc < 0)
        return rc;
    if (object && object->type != (r->attr.mode & S_IFMT))
        return dpl_err_set(err, DPL_E_CORRUPT, "an object is here as one of another type");
    rc = object ? renew(t, r, object, err) : make(t, r, err);
    if (rc == 0 && !here)
        rc = note_made(t, r, err);
    return rc < 0 ? rc : write_content(t, r, content, err);
}

static int item(struct dpl_mirror_target *t, struct dpl_record *r, struct dpl_err *err)
{
    const uint32_t wanted = DPL_A_MODE | DPL_A_UID | DPL_A_GID | DPL_A_SIZE | DPL_A_MTIME;
    if ((r->attr.has & wanted) != wanted)
        return dpl_err_set(err, DPL_E_CORRUPT, "the state of an object is not whole");
    t->objects->now = t->position;
    t->count.objects++;
    dpl_idset_add(&t->seen, r->object);
    if (t->object && (!(r->attr.has & DPL_A_NLINK) || r->attr.nlink > 0))
        dpl_idset_add(&t->linked, r->object);
    if (S_ISDIR(r->attr.mode))
        dpl_mirror_time(t, r->object, &r->attr, false);
    return 0;
}

int dpl_mirror_item(struct dpl_mirror_target *t, const struct dpl_message *m, struct dpl_err *err)
{
    struct dpl_record r = {0};
    bool is_root = m->has & DPL_M(ROOT);
    int rc = dpl_record_decode(&r, is_root ? DPL_R_ROOT : DPL_R_ENTER, DPL_OUTCOME_OK, m->data.data,
                               m->data.size, err);
    if (rc == 0 && is_root && r.number != m->root)
        rc = dpl_err_set(err, DPL_E_CORRUPT, "a root with two numbers");
    if (rc == 0)
        rc = item(t, &r, err);
    if (rc < 0)
        return rc;
    return is_root ? root(t, &r, err) : object_item(t, &r, (struct dpl_view){0}, err);
}

int dpl_mirror_files(struct dpl_mirror_target *t, const struct dpl_message *m, struct dpl_err *err)
{
    struct dpl_view list = m->data;
    struct dpl_mirror_file file;
    int rc = 0;
    while (rc == 0 && dpl_mirror_files_next(&list, &file) > 0) {
        struct dpl_record r = {0};
        rc =
            dpl_record_decode(&r, DPL_R_ENTER, DPL_OUTCOME_OK, file.item.data, file.item.size, err);
        if (rc == 0)
            rc = item(t, &r, err);
        if (rc == 0 && file.content.size > 0 &&
            (!S_ISREG(r.attr.mode) || file.content.size > r.attr.size))
            rc = dpl_err_set(err, DPL_E_CORRUPT, "content of what does not have it");
        if (rc == 0)
            rc = object_item(t, &r, file.content, err);
    }
    return rc;
}
