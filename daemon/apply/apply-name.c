/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Records on names: one more, one less, from here to there.
 */
#include "daemon/apply/apply-private.h"
#include "daemon/apply/names.h"

#include <sys/stat.h>

/* link, remove and leave. */
int dpl_apply_name(struct dpl_apply *a, const struct dpl_record *r, struct dpl_err *err)
{
    struct dpl_object *object;
    int dir, rc = dpl_apply_find(a, r->object, &object, err);
    if (rc == 0)
        rc = dpl_apply_dir(a, r->parent, &dir, err);
    if (rc == 0 && object && r->type == DPL_R_LINK) {
        /* Where the directory is not here any more the object is in limbo if it has no other
         * name: a later record names it, or it went with the directory. */
        dpl_apply_limbo(a, object, dir < 0);
        rc = dir < 0 ? 0 : dpl_names_ensure(&a->objects, object, dir, r->name, err);
    } else if (rc == 0 && object) {
        /* What names it has left may be in directories that are not here any more. */
        dpl_apply_limbo(a, object,
                        r->type == DPL_R_REMOVE && (r->attr.has & DPL_A_NLINK) &&
                            r->attr.nlink > 0 && !S_ISDIR(object->type));
        if (dir >= 0)
            rc = dpl_names_lose(&a->objects, object, dir, r->name, err);
    }
    if (rc == 0)
        rc = dpl_apply_attr_of(a, r, DPL_F_ATTR, r->object, &r->attr, err);
    return rc < 0 ? rc
                  : dpl_apply_attr_of(a, r, DPL_F_PARENT_ATTR, r->parent, &r->parent_attr, err);
}

static int make_whiteout(struct dpl_apply *a, const struct dpl_record *r, int dir,
                         struct dpl_err *err)
{
    struct dpl_object *object;
    int rc = dpl_objects_here(&a->objects, r->whiteout, &object, err);
    bool old = rc == 0 && object;
    if (rc == 0 && !object)
        rc = dpl_names_make(&a->objects, r->whiteout, S_IFCHR, 0, (struct dpl_view){0}, &object,
                            err);
    if (rc == 0)
        rc = dpl_names_ensure(&a->objects, object, dir, r->name, err);
    if (rc == 0 && (old || (r->has & DPL_F_XATTRS)))
        rc = dpl_apply_xattrs(a, r, object, err);
    return rc < 0 ? rc : dpl_apply_attr(a, object, &r->whiteout_attr, err);
}

struct rename {
    struct dpl_object *object, *other;
    int from, to;
};

static int rename_find(struct dpl_apply *a, const struct dpl_record *r, struct rename *n,
                       struct dpl_err *err)
{
    *n = (struct rename){.from = -1, .to = -1};
    int rc = dpl_apply_find(a, r->object, &n->object, err);
    if (rc == 0 && (r->has & DPL_F_PARENT))
        rc = dpl_apply_dir(a, r->parent, &n->from, err);
    if (rc == 0)
        rc = dpl_apply_dir(a, r->parent2, &n->to, err);
    if (rc == 0 && (r->has & DPL_F_OBJECT2))
        rc = dpl_apply_find(a, r->object2, &n->other, err);
    return rc;
}

static int rename_names(struct dpl_apply *a, const struct dpl_record *r, struct dpl_err *err)
{
    struct rename n;
    int rc = rename_find(a, r, &n, err);
    if (rc < 0)
        return rc;
    bool exchange = r->flags & DPL_RF_EXCHANGE;
    if (n.object)
        dpl_apply_limbo(a, n.object, n.to < 0);
    if (n.other)
        dpl_apply_limbo(a, n.other, exchange && n.from < 0);
    if (exchange && n.object && n.other && n.from >= 0 && n.to >= 0)
        return dpl_names_exchange(&a->objects, n.object, n.to, r->name2, n.other, n.from, r->name,
                                  err);
    if (n.other && n.to >= 0)
        rc = dpl_names_lose(&a->objects, n.other, n.to, r->name2, err);
    if (rc == 0 && n.object && n.from >= 0 && n.to >= 0)
        rc = dpl_names_move(&a->objects, n.object, n.from, r->name, n.to, r->name2, err);
    else if (rc == 0 && n.object && n.to >= 0)
        rc = dpl_names_ensure(&a->objects, n.object, n.to, r->name2, err);
    else if (rc == 0 && n.object && n.from >= 0)
        rc = dpl_names_lose(&a->objects, n.object, n.from, r->name, err);
    if (rc == 0 && exchange && n.other && n.from >= 0)
        rc = dpl_names_ensure(&a->objects, n.other, n.from, r->name, err);
    if (rc == 0 && (r->flags & DPL_RF_WHITEOUT) && n.from >= 0)
        rc = make_whiteout(a, r, n.from, err);
    return rc;
}

int dpl_apply_rename(struct dpl_apply *a, const struct dpl_record *r, struct dpl_err *err)
{
    int rc = rename_names(a, r, err);
    if (rc == 0)
        rc = dpl_apply_attr_of(a, r, DPL_F_ATTR, r->object, &r->attr, err);
    if (rc == 0)
        rc = dpl_apply_attr_of(a, r, DPL_F_ATTR2, r->object2, &r->attr2, err);
    if (rc == 0)
        rc = dpl_apply_attr_of(a, r, DPL_F_PARENT_ATTR, r->parent, &r->parent_attr, err);
    return rc < 0 ? rc
                  : dpl_apply_attr_of(a, r, DPL_F_PARENT2_ATTR, r->parent2, &r->parent2_attr, err);
}
