/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/prop/gen.h"

#include <string.h>
#include <sys/stat.h>

static void fill(struct rng *r, void *bytes, size_t size)
{
    uint8_t *at = bytes;
    for (size_t i = 0; i < size; i++)
        at[i] = (uint8_t)rng_next(r);
}

static struct dpl_view gen_oid(struct rng *r, struct dpl_oid *oid)
{
    uint8_t handle[128];
    size_t size = rng_below(r, 129);
    fill(r, handle, size);
    dpl_oid_make(oid, (int)rng_below(r, 300) - 20, rng_next(r), handle, size, NULL);
    return dpl_oid_view(oid);
}

static struct dpl_view gen_name(struct rng *r, char text[256])
{
    size_t size = 1 + rng_below(r, rng_one_in(r, 8) ? 255 : 20);
    for (size_t i = 0; i < size; i++) {
        text[i] = (char)(1 + rng_below(r, 255));
        if (text[i] == '/')
            text[i] = 'x';
    }
    if (text[0] == '.')
        text[0] = 'd';
    return (struct dpl_view){(uint8_t *)text, size};
}

static struct dpl_time gen_time(struct rng *r)
{
    return (struct dpl_time){.sec = (int64_t)rng_next(r) >> rng_below(r, 40),
                             .nsec = rng_below(r, 1000000000)};
}

static void gen_attr(struct rng *r, struct dpl_attr *attr)
{
    *attr = (struct dpl_attr){.has = (rng_next(r) & DPL_A_ALL) | DPL_A_MODE | DPL_A_UID |
                                     DPL_A_GID | DPL_A_SIZE};
    attr->mode = S_IFREG | (uint32_t)(rng_next(r) & 07777);
    attr->uid = (uint32_t)rng_next(r);
    attr->gid = (uint32_t)rng_next(r);
    attr->size = rng_next(r) >> (1 + rng_below(r, 60));
    if (attr->has & DPL_A_NLINK)
        attr->nlink = (uint32_t)rng_next(r);
    if (attr->has & DPL_A_IFLAGS)
        attr->iflags = (uint32_t)rng_next(r);
    struct dpl_time *const times[] = {&attr->atime, &attr->mtime, &attr->ctime, &attr->btime};
    for (unsigned i = 0; i < 4; i++)
        if (attr->has & (uint32_t)DPL_A_ATIME << i)
            *times[i] = gen_time(r);
}

static struct dpl_view gen_xattrs(struct rng *r, struct gen *g)
{
    size_t used = 0;
    for (unsigned n = rng_below(r, 4); n > 0; n--) {
        char name[40];
        snprintf(name, sizeof name, "user.%u", rng_below(r, 1000000));
        ssize_t more =
            dpl_xattrs_append(g->xattrs, used, sizeof g->xattrs, name, g->value, rng_below(r, 200));
        used = more < 0 ? used : (size_t)more;
    }
    return (struct dpl_view){g->xattrs, used};
}

static void gen_fields(struct rng *r, struct gen *g, struct dpl_record *record)
{
    record->object = gen_oid(r, &g->oids[0]);
    record->object2 = gen_oid(r, &g->oids[1]);
    record->parent = gen_oid(r, &g->oids[2]);
    record->parent2 = gen_oid(r, &g->oids[3]);
    record->whiteout = gen_oid(r, &g->oids[4]);
    record->name = gen_name(r, g->texts[0]);
    record->name2 = gen_name(r, g->texts[1]);
    record->target = gen_name(r, g->texts[2]);
    record->path = gen_name(r, g->texts[3]);
    record->xattr = gen_name(r, g->texts[4]);
    record->value = (struct dpl_view){g->value, rng_below(r, sizeof g->value)};
    record->xattrs = gen_xattrs(r, g);
    gen_attr(r, &record->attr);
    gen_attr(r, &record->attr2);
    gen_attr(r, &record->parent_attr);
    gen_attr(r, &record->parent2_attr);
    gen_attr(r, &record->whiteout_attr);
    record->rdev = rng_next(r);
    record->offset = rng_next(r) >> 8;
    record->offset2 = rng_next(r) >> 8;
    record->length = rng_next(r) >> 8;
    record->number = rng_below(r, 5);
    static const uint32_t modes[] = {0, 1, 3, 16, 17};
    record->mode = modes[rng_below(r, 5)];
    record->flags = rng_below(r, 4) << 2;
    size_t data = g->data_room ? rng_below(r, (uint32_t)g->data_room + 1) : 0;
    if (rng_one_in(r, 2) && data > 300)
        data = 300;
    record->data = (struct dpl_view){g->data, data};
    fill(r, g->data, data < 512 ? data : 512);
}

static uint32_t gen_rename(struct rng *r, struct dpl_record *record)
{
    static const uint32_t from = DPL_F_PARENT | DPL_F_NAME | DPL_F_PARENT_ATTR;
    switch (rng_below(r, 4)) {
    case 0:
        return 0;
    case 1:
        return from;
    case 2:
        record->flags = DPL_RF_EXCHANGE;
        return from | DPL_F_OBJECT2 | DPL_F_ATTR2 | DPL_F_FLAGS;
    default:
        record->flags = DPL_RF_WHITEOUT;
        return from | DPL_F_WHITEOUT | DPL_F_WHITEOUT_ATTR | DPL_F_FLAGS |
               (rng_one_in(r, 2) ? DPL_F_XATTRS : 0);
    }
}

/* A view or an attribute that the record does not have is nothing; numbers likewise. */
static void clear_missing(struct dpl_record *r)
{
    static const struct dpl_view none;
    static const struct dpl_attr no_attr;
#define CLEAR(name, member, nothing)                                                               \
    if (!(r->has & DPL_F_##name))                                                                  \
        r->member = (nothing);
    CLEAR(OBJECT, object, none)
    CLEAR(OBJECT2, object2, none)
    CLEAR(PARENT, parent, none)
    CLEAR(PARENT2, parent2, none)
    CLEAR(WHITEOUT, whiteout, none)
    CLEAR(NAME, name, none)
    CLEAR(NAME2, name2, none)
    CLEAR(TARGET, target, none)
    CLEAR(PATH, path, none)
    CLEAR(XATTR, xattr, none)
    CLEAR(VALUE, value, none)
    CLEAR(XATTRS, xattrs, none)
    CLEAR(DATA, data, none)
    CLEAR(ATTR, attr, no_attr)
    CLEAR(ATTR2, attr2, no_attr)
    CLEAR(PARENT_ATTR, parent_attr, no_attr)
    CLEAR(PARENT2_ATTR, parent2_attr, no_attr)
    CLEAR(WHITEOUT_ATTR, whiteout_attr, no_attr)
    CLEAR(RDEV, rdev, 0)
    CLEAR(OFFSET, offset, 0)
    CLEAR(OFFSET2, offset2, 0)
    CLEAR(LENGTH, length, 0)
    CLEAR(NUMBER, number, 0)
    CLEAR(MODE, mode, 0)
    CLEAR(FLAGS, flags, 0)
#undef CLEAR
}

void gen_record(struct rng *r, struct gen *g, unsigned type, struct dpl_record *record)
{
    uint32_t required = 0, optional = 0;
    *record = (struct dpl_record){.lsn = rng_next(r), .time_ns = rng_next(r)};
    if (type == 0)
        type = 1 + rng_below(r, DPL_R_BARRIER);
    record->type = (uint16_t)type;
    record->outcome =
        (uint8_t)(rng_one_in(r, 6) ? 1 + rng_below(r, DPL_OUTCOME_UNKNOWN) : DPL_OUTCOME_OK);
    dpl_record_fields(type, &required, &optional);
    gen_fields(r, g, record);
    record->has = required | (optional & (uint32_t)rng_next(r));
    if (type == DPL_R_RENAME)
        record->has = required | gen_rename(r, record);
    if (type == DPL_R_ENTER && !(record->has & DPL_F_PARENT) != !(record->has & DPL_F_NAME))
        record->has |= DPL_F_PARENT | DPL_F_NAME;
    if (record->outcome == DPL_OUTCOME_VOID)
        record->has = 0;
    if (record->outcome == DPL_OUTCOME_UNKNOWN)
        record->has &= (uint32_t)rng_next(r);
    clear_missing(record);
}

static bool attr_equal(const struct dpl_attr *a, const struct dpl_attr *b)
{
    const struct dpl_time *const times[2][4] = {{&a->atime, &a->mtime, &a->ctime, &a->btime},
                                                {&b->atime, &b->mtime, &b->ctime, &b->btime}};
    for (unsigned i = 0; i < 4; i++)
        if (times[0][i]->sec != times[1][i]->sec || times[0][i]->nsec != times[1][i]->nsec)
            return false;
    return a->has == b->has && a->mode == b->mode && a->uid == b->uid && a->gid == b->gid &&
           a->nlink == b->nlink && a->iflags == b->iflags && a->size == b->size;
}

bool gen_equal(const struct dpl_record *a, const struct dpl_record *b)
{
    return a->lsn == b->lsn && a->time_ns == b->time_ns && a->type == b->type &&
           a->outcome == b->outcome && a->has == b->has && a->of_type == b->of_type &&
           a->flags == b->flags && a->mode == b->mode && a->number == b->number &&
           a->of_lsn == b->of_lsn && a->rdev == b->rdev && a->offset == b->offset &&
           a->length == b->length && a->offset2 == b->offset2 &&
           dpl_view_equal(a->object, b->object) && dpl_view_equal(a->object2, b->object2) &&
           dpl_view_equal(a->parent, b->parent) && dpl_view_equal(a->parent2, b->parent2) &&
           dpl_view_equal(a->whiteout, b->whiteout) && dpl_view_equal(a->name, b->name) &&
           dpl_view_equal(a->name2, b->name2) && dpl_view_equal(a->target, b->target) &&
           dpl_view_equal(a->path, b->path) && dpl_view_equal(a->xattr, b->xattr) &&
           dpl_view_equal(a->value, b->value) && dpl_view_equal(a->xattrs, b->xattrs) &&
           dpl_view_equal(a->data, b->data) && attr_equal(&a->attr, &b->attr) &&
           attr_equal(&a->attr2, &b->attr2) && attr_equal(&a->parent_attr, &b->parent_attr) &&
           attr_equal(&a->parent2_attr, &b->parent2_attr) &&
           attr_equal(&a->whiteout_attr, &b->whiteout_attr);
}
