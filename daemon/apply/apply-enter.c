/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A new object, made where its name is: what a mirror into an empty place does for each file, in as
 * few calls as may be. Everything else takes the way by the reserved directory (names.h).
 */
#include "daemon/apply/apply-private.h"
#include "daemon/apply/names.h"
#include "daemon/apply/state.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { FEW = 256 };

/* Where the name is to be, ready to be changed; -1: the directory is not here. */
static int find_dir(struct dpl_apply *a, struct dpl_view id, int *fd_r, struct dpl_err *err)
{
    struct dpl_object *parent = NULL;
    *fd_r = -1;
    int rc = dpl_objects_here(&a->objects, id, &parent, err);
    if (rc < 0 || !parent || !S_ISDIR(parent->type))
        return rc;
    rc = dpl_objects_unlock(&a->objects, parent, err);
    if (rc < 0)
        return rc;
    *fd_r = dpl_objects_fd(&a->objects, parent, err);
    return *fd_r < 0 ? *fd_r : 0;
}

/* Whether it has no attribute but our tag: a directory may have given it an ACL. */
static bool is_plain(int fd)
{
    char names[FEW];
    ssize_t size = flistxattr(fd, names, sizeof names);
    return size == (ssize_t)sizeof DPL_APPLY_TAG && memcmp(names, DPL_APPLY_TAG, (size_t)size) == 0;
}

static int fill(struct dpl_apply *a, struct dpl_object *object, const struct dpl_record *r,
                struct dpl_view content, struct dpl_err *err)
{
    bool file = S_ISREG(object->type);
    int fd = dpl_objects_fd(&a->objects, object, err), rc = fd < 0 ? fd : 0;
    if (rc == 0 && file && r->attr.size > content.size && ftruncate(fd, (off_t)r->attr.size) < 0)
        rc = dpl_err_sys(err, errno, "set the size");
    if (rc == 0 && content.size > 0)
        rc = dpl_state_write(fd, 0, content, err);
    if (rc == 0 && ((r->has & DPL_F_XATTRS) || !file || !is_plain(fd)))
        rc = dpl_apply_xattrs(a, r, object, err);
    return rc < 0 ? rc : dpl_apply_attr(a, object, &r->attr, err);
}

int dpl_apply_enter_named(struct dpl_apply *a, const struct dpl_record *r, struct dpl_view content,
                          struct dpl_err *err)
{
    struct dpl_object *object = NULL;
    mode_t type = r->attr.mode & S_IFMT;
    int dir = -1;
    bool can = S_ISREG(type) || S_ISDIR(type) || (S_ISLNK(type) && (r->has & DPL_F_TARGET));
    if (!can || !(r->has & DPL_F_PARENT))
        return 0;
    int rc = find_dir(a, r->parent, &dir, err);
    if (rc == 0 && dir >= 0)
        rc = dpl_names_make_at(&a->objects, r->object, r->attr.mode, r->target, dir, r->name,
                               &object, err);
    if (rc == 0 && object)
        rc = fill(a, object, r, content, err);
    if (a->objects.unlocked->len > 0)
        dpl_objects_lock_again(&a->objects);
    return rc < 0 ? rc : object != NULL;
}
