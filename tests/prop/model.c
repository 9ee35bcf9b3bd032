/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/prop/model.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static struct dpl_time tick(struct model *m)
{
    m->clock += 1000 + rng_below(&m->rng, 1000000);
    return (struct dpl_time){.sec = 1000000 + (int64_t)(m->clock / 1000000000),
                             .nsec = (uint32_t)(m->clock % 1000000000)};
}

static struct dpl_record begin(struct model *m, int object, unsigned type)
{
    struct model_object *o = &m->objects[object];
    return (struct dpl_record){.type = (uint16_t)type,
                               .outcome = DPL_OUTCOME_OK,
                               .has = DPL_F_OBJECT | DPL_F_ATTR,
                               .object = dpl_oid_view(&o->oid),
                               .attr = o->attr};
}

static void emit(struct model *m, struct dpl_record *r)
{
    m->emit(m->self, r);
}

static void touch(struct model *m, int object)
{
    m->objects[object].attr.mtime = tick(m);
}

static void set_parent(struct model *m, struct dpl_record *r, int parent, const char *name)
{
    touch(m, parent);
    r->has |= DPL_F_PARENT | DPL_F_NAME | DPL_F_PARENT_ATTR;
    r->parent = dpl_oid_view(&m->objects[parent].oid);
    r->parent_attr = m->objects[parent].attr;
    r->name = (struct dpl_view){(const uint8_t *)name, strlen(name)};
}

static struct model_entry *entry_find(struct model *m, int parent, const char *name)
{
    for (int i = 0; i < MODEL_ENTRIES; i++)
        if (m->entries[i].object >= 0 && m->entries[i].parent == parent &&
            strcmp(m->entries[i].name, name) == 0)
            return &m->entries[i];
    return NULL;
}

static struct model_entry *entry_add(struct model *m, int parent, const char *name, int object)
{
    for (int i = 0; i < MODEL_ENTRIES; i++)
        if (m->entries[i].object < 0) {
            m->entries[i] = (struct model_entry){.parent = parent, .object = object};
            snprintf(m->entries[i].name, sizeof m->entries[i].name, "%s", name);
            return &m->entries[i];
        }
    abort();
}

static bool is_dir(const struct model *m, int object)
{
    return S_ISDIR(m->objects[object].attr.mode);
}

static bool is_file(const struct model *m, int object)
{
    return S_ISREG(m->objects[object].attr.mode);
}

static bool is_empty(const struct model *m, int dir)
{
    for (int i = 0; i < MODEL_ENTRIES; i++)
        if (m->entries[i].object >= 0 && m->entries[i].parent == dir)
            return false;
    return true;
}

static unsigned names_of(const struct model *m, int object)
{
    unsigned names = 0;
    for (int i = 0; i < MODEL_ENTRIES; i++)
        names += m->entries[i].object == object;
    return names;
}

static bool orphan(const struct model *m, int object)
{
    return m->objects[object].used && object >= MODEL_ROOTS && names_of(m, object) == 0;
}

/* Whether it is beneath a root: a tree that has left is not. */
static bool reachable(const struct model *m, int object)
{
    for (int depth = 0; object >= MODEL_ROOTS && depth < MODEL_OBJECTS; depth++) {
        int parent = -1;
        for (int i = 0; i < MODEL_ENTRIES; i++)
            if (m->entries[i].object == object)
                parent = m->entries[i].parent;
        if (parent < 0)
            return false;
        object = parent;
    }
    return true;
}

static bool beneath(const struct model *m, int object, int dir)
{
    while (object >= MODEL_ROOTS && object != dir) {
        int parent = 0;
        for (int i = 0; i < MODEL_ENTRIES; i++)
            if (m->entries[i].object == object)
                parent = m->entries[i].parent;
        object = parent;
    }
    return object == dir;
}

static int new_object(struct model *m, mode_t type)
{
    int id = m->count++;
    struct model_object *o = &m->objects[id];
    *o = (struct model_object){.used = true};
    uint64_t handle = (unsigned)id * 0x123456789abcdULL + 5;
    dpl_oid_make(&o->oid, 1, (unsigned)id, &handle, sizeof handle, NULL);
    o->attr = (struct dpl_attr){.has = DPL_A_MODE | DPL_A_UID | DPL_A_GID | DPL_A_MTIME,
                                .mode = type | 0600 | rng_below(&m->rng, 64),
                                .uid = rng_below(&m->rng, 3),
                                .gid = rng_below(&m->rng, 3),
                                .mtime = tick(m)};
    if (S_ISLNK(type)) {
        o->attr.mode = S_IFLNK | 0777;
        snprintf(o->target, sizeof o->target, "../x%d", id);
    }
    if (S_ISREG(type)) {
        o->attr.has |= DPL_A_SIZE;
        o->data = calloc(1, MODEL_DATA);
    }
    return id;
}

static void random_name(struct model *m, char name[4])
{
    snprintf(name, 4, "%c", 'a' + (char)rng_below(&m->rng, 6));
}

/* A living object that `want` accepts, or -1. */
static int pick(struct model *m, bool (*want)(const struct model *m, int object))
{
    for (int tries = 0; tries < 50; tries++) {
        int id = (int)rng_below(&m->rng, (uint32_t)m->count);
        if (m->objects[id].used && want(m, id) &&
            (reachable(m, id) || (orphan(m, id) && !m->objects[id].stray)))
            return id;
    }
    return -1;
}

static bool want_any(const struct model *m, int object)
{
    return m->objects[object].used;
}

static bool want_dir(const struct model *m, int object)
{
    return is_dir(m, object) && reachable(m, object);
}

static struct model_entry *pick_entry(struct model *m)
{
    for (int tries = 0; tries < 100; tries++) {
        struct model_entry *e = &m->entries[rng_below(&m->rng, MODEL_ENTRIES)];
        if (e->object >= 0 && reachable(m, e->parent))
            return e;
    }
    return NULL;
}

static void op_create(struct model *m)
{
    static const mode_t types[] = {S_IFREG, S_IFREG, S_IFREG, S_IFDIR, S_IFDIR, S_IFLNK, S_IFIFO};
    char name[4];
    int dir = pick(m, want_dir);
    random_name(m, name);
    if (dir < 0 || entry_find(m, dir, name))
        return;
    int id = new_object(m, types[rng_below(&m->rng, 7)]);
    entry_add(m, dir, name, id);
    struct dpl_record r = begin(m, id, DPL_R_CREATE);
    set_parent(m, &r, dir, name);
    if (S_ISLNK(r.attr.mode)) {
        r.has |= DPL_F_TARGET;
        r.target = (struct dpl_view){(const uint8_t *)m->objects[id].target,
                                     strlen(m->objects[id].target)};
    }
    emit(m, &r);
}

static void op_tmpfile(struct model *m)
{
    struct dpl_record r = begin(m, new_object(m, S_IFREG), DPL_R_TMPFILE);
    emit(m, &r);
}

static void write_at(struct model *m, int id, uint64_t offset, uint32_t size)
{
    struct model_object *o = &m->objects[id];
    for (uint32_t i = 0; i < size; i++)
        o->data[offset + i] = (uint8_t)rng_next(&m->rng);
    if (offset + size > o->attr.size)
        o->attr.size = offset + size;
    o->attr.mtime = tick(m);
    struct dpl_record r = begin(m, id, DPL_R_WRITE);
    r.has |= DPL_F_OFFSET | DPL_F_DATA;
    r.offset = offset;
    r.data = (struct dpl_view){o->data + offset, size};
    emit(m, &r);
}

static void op_write(struct model *m)
{
    int id = pick(m, is_file);
    if (id >= 0)
        write_at(m, id, rng_below(&m->rng, MODEL_DATA - 3000), 1 + rng_below(&m->rng, 3000));
}

static void op_truncate(struct model *m)
{
    int id = pick(m, is_file);
    if (id < 0)
        return;
    struct model_object *o = &m->objects[id];
    uint64_t size = rng_below(&m->rng, MODEL_DATA);
    if (size < o->attr.size)
        memset(o->data + size, 0, o->attr.size - size);
    o->attr.size = size;
    o->attr.mtime = tick(m);
    struct dpl_record r = begin(m, id, DPL_R_TRUNCATE);
    r.has |= DPL_F_LENGTH;
    r.length = size;
    emit(m, &r);
}

static void op_fallocate(struct model *m)
{
    static const uint32_t modes[] = {
        0, FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, FALLOC_FL_ZERO_RANGE,
        FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE};
    int id = pick(m, is_file);
    if (id < 0)
        return;
    struct model_object *o = &m->objects[id];
    uint32_t mode = modes[rng_below(&m->rng, 5)];
    uint64_t offset = rng_below(&m->rng, MODEL_DATA - 9000), length = 1 + rng_below(&m->rng, 9000);
    if (mode & ~(uint32_t)FALLOC_FL_KEEP_SIZE)
        memset(o->data + offset, 0, length);
    if (!(mode & FALLOC_FL_KEEP_SIZE) && offset + length > o->attr.size)
        o->attr.size = offset + length;
    o->attr.mtime = tick(m);
    struct dpl_record r = begin(m, id, DPL_R_FALLOCATE);
    r.has |= DPL_F_MODE | DPL_F_OFFSET | DPL_F_LENGTH;
    r.mode = mode;
    r.offset = offset;
    r.length = length;
    emit(m, &r);
}

static void op_copy(struct model *m)
{
    int from = pick(m, is_file), to = pick(m, is_file);
    if (!m->copies || from < 0 || to < 0 || from == to || m->objects[from].attr.size < 10)
        return;
    struct model_object *f = &m->objects[from], *t = &m->objects[to];
    uint64_t length = 1 + rng_below(&m->rng, (uint32_t)f->attr.size - 1);
    memcpy(t->data, f->data, length);
    if (t->attr.size < length)
        t->attr.size = length;
    t->attr.mtime = tick(m);
    struct dpl_record r = begin(m, to, DPL_R_COPY);
    r.has |= DPL_F_OFFSET | DPL_F_OBJECT2 | DPL_F_OFFSET2 | DPL_F_LENGTH;
    r.object2 = dpl_oid_view(&f->oid);
    r.length = length;
    emit(m, &r);
}

static void op_setattr(struct model *m)
{
    int id = pick(m, want_any);
    if (id < 0 || S_ISLNK(m->objects[id].attr.mode))
        return;
    struct dpl_attr *a = &m->objects[id].attr;
    a->mode = (a->mode & S_IFMT) | 0600 | rng_below(&m->rng, 01000);
    if (rng_one_in(&m->rng, 4) && is_file(m, id))
        a->mode |= S_ISUID;
    a->uid = rng_below(&m->rng, 4);
    a->mtime = (struct dpl_time){.sec = -5, .nsec = rng_below(&m->rng, 1000000000)};
    struct dpl_record r = begin(m, id, DPL_R_SETATTR);
    emit(m, &r);
}

static void op_xattr(struct model *m)
{
    int id = pick(m, want_any);
    if (id < 0 || !(is_file(m, id) || is_dir(m, id)))
        return;
    unsigned which = rng_below(&m->rng, MODEL_XATTRS);
    char name[16], value[16];
    int *have = &m->objects[id].value[which];
    *have = *have && rng_one_in(&m->rng, 2) ? 0 : 1 + (int)rng_below(&m->rng, 1000);
    snprintf(name, sizeof name, "user.x%u", which);
    snprintf(value, sizeof value, "%d", *have);
    struct dpl_record r = begin(m, id, *have ? DPL_R_SETXATTR : DPL_R_REMOVEXATTR);
    r.has |= DPL_F_XATTR | (*have ? DPL_F_VALUE : 0);
    r.xattr = (struct dpl_view){(const uint8_t *)name, strlen(name)};
    if (*have)
        r.value = (struct dpl_view){(const uint8_t *)value, strlen(value)};
    emit(m, &r);
}

static void op_link(struct model *m)
{
    char name[4];
    int id = pick(m, want_any), dir = pick(m, want_dir);
    random_name(m, name);
    if (id < 0 || dir < 0 || is_dir(m, id) || entry_find(m, dir, name))
        return;
    entry_add(m, dir, name, id);
    struct dpl_record r = begin(m, id, DPL_R_LINK);
    set_parent(m, &r, dir, name);
    emit(m, &r);
}

static void op_remove(struct model *m)
{
    struct model_entry *e = pick_entry(m);
    if (!e)
        return;
    bool leave = rng_one_in(&m->rng, 4) && names_of(m, e->object) == 1;
    if (is_dir(m, e->object) && !is_empty(m, e->object) && !leave)
        return;
    if (leave && is_dir(m, e->object))
        m->objects[e->object].stray = true;
    struct dpl_record r = begin(m, e->object, leave ? DPL_R_LEAVE : DPL_R_REMOVE);
    r.attr.has |= DPL_A_NLINK;
    r.attr.nlink = is_dir(m, e->object) ? 0 : names_of(m, e->object) - 1;
    set_parent(m, &r, e->parent, e->name);
    emit(m, &r);
    e->object = -1;
}

static void rename_emit(struct model *m, struct dpl_record *r, int dir, const char *name)
{
    touch(m, dir);
    r->has |= DPL_F_PARENT2 | DPL_F_NAME2 | DPL_F_PARENT2_ATTR;
    r->parent2 = dpl_oid_view(&m->objects[dir].oid);
    r->name2 = (struct dpl_view){(const uint8_t *)name, strlen(name)};
    r->parent2_attr = m->objects[dir].attr;
    if (r->has & DPL_F_PARENT && dpl_view_equal(r->parent, r->parent2))
        r->parent_attr = r->parent2_attr;
    emit(m, r);
}

static void replaced(struct model *m, struct dpl_record *r, int object)
{
    r->has |= DPL_F_OBJECT2 | DPL_F_ATTR2;
    r->object2 = dpl_oid_view(&m->objects[object].oid);
    r->attr2 = m->objects[object].attr;
}

static void op_exchange(struct model *m, struct model_entry *a, struct model_entry *b)
{
    if (a == b || a->object == b->object || beneath(m, a->parent, b->object) ||
        beneath(m, b->parent, a->object))
        return;
    struct dpl_record r = begin(m, a->object, DPL_R_RENAME);
    r.has |= DPL_F_FLAGS;
    r.flags = DPL_RF_EXCHANGE;
    replaced(m, &r, b->object);
    set_parent(m, &r, a->parent, a->name);
    rename_emit(m, &r, b->parent, b->name);
    int object = a->object;
    a->object = b->object;
    b->object = object;
}

static void whiteout(struct model *m, struct dpl_record *r, int parent, const char *name)
{
    int id = new_object(m, S_IFCHR);
    m->objects[id].attr.mode = S_IFCHR;
    r->has |= DPL_F_FLAGS | DPL_F_WHITEOUT | DPL_F_WHITEOUT_ATTR;
    r->flags = DPL_RF_WHITEOUT;
    r->whiteout = dpl_oid_view(&m->objects[id].oid);
    r->whiteout_attr = m->objects[id].attr;
    entry_add(m, parent, name, id);
}

static void op_rename(struct model *m)
{
    struct model_entry *e = pick_entry(m), *other = pick_entry(m);
    if (!e || !other)
        return;
    if (rng_one_in(&m->rng, 4)) {
        op_exchange(m, e, other);
        return;
    }
    char name[4], old_name[4];
    int dir = pick(m, want_dir), old = e->parent;
    random_name(m, name);
    if (dir < 0 || beneath(m, dir, e->object))
        return;
    struct model_entry *there = entry_find(m, dir, name);
    if (there && (there->object == e->object || is_dir(m, there->object) != is_dir(m, e->object) ||
                  (is_dir(m, there->object) && !is_empty(m, there->object))))
        return;
    struct dpl_record r = begin(m, e->object, DPL_R_RENAME);
    snprintf(old_name, sizeof old_name, "%s", e->name);
    if (there) {
        replaced(m, &r, there->object);
        there->object = -1;
    }
    e->parent = dir;
    snprintf(e->name, sizeof e->name, "%s", name);
    if (rng_one_in(&m->rng, 8))
        whiteout(m, &r, old, old_name);
    set_parent(m, &r, old, old_name);
    rename_emit(m, &r, dir, name);
}

/* A tree of a directory with a file in it comes from outside. */
static void op_enter(struct model *m)
{
    char name[4];
    int dir = pick(m, want_dir);
    random_name(m, name);
    if (dir < 0 || entry_find(m, dir, name))
        return;
    int top = new_object(m, S_IFDIR), file = new_object(m, S_IFREG);
    struct dpl_record r = begin(m, top, DPL_R_ENTER);
    emit(m, &r);
    m->objects[file].attr.size = 5000;
    r = begin(m, file, DPL_R_ENTER);
    r.has |= DPL_F_PARENT | DPL_F_NAME;
    r.parent = dpl_oid_view(&m->objects[top].oid);
    r.name = (struct dpl_view){(const uint8_t *)"f", 1};
    emit(m, &r);
    write_at(m, file, 1000, 100);
    entry_add(m, top, "f", file);
    entry_add(m, dir, name, top);
    r = begin(m, top, DPL_R_RENAME);
    rename_emit(m, &r, dir, name);
}

static void forget_tree(struct model *m, int object)
{
    for (int i = 0; i < MODEL_ENTRIES; i++) {
        int child = m->entries[i].object;
        if (child < 0 || m->entries[i].parent != object)
            continue;
        m->entries[i].object = -1;
        if (names_of(m, child) == 0)
            forget_tree(m, child);
    }
    m->objects[object].used = false;
}

static void op_drop(struct model *m)
{
    for (int id = MODEL_ROOTS; id < m->count; id++)
        if (orphan(m, id) && rng_one_in(&m->rng, 2)) {
            struct dpl_record r = begin(m, id, DPL_R_DROP);
            r.has = DPL_F_OBJECT;
            forget_tree(m, id);
            emit(m, &r);
            return;
        }
}

static void op_void(struct model *m)
{
    struct dpl_record r = begin(m, 0, DPL_R_REMOVE);
    r.has = 0;
    r.outcome = DPL_OUTCOME_VOID;
    emit(m, &r);
}

bool model_step(struct model *m)
{
    static void (*const ops[])(struct model *) = {
        op_create,    op_create, op_create,  op_create,  op_write,  op_write,
        op_write,     op_rename, op_rename,  op_rename,  op_rename, op_link,
        op_remove,    op_remove, op_drop,    op_setattr, op_xattr,  op_truncate,
        op_fallocate, op_enter,  op_tmpfile, op_void,    op_copy};
    int used = 0;
    for (int i = 0; i < MODEL_ENTRIES; i++)
        used += m->entries[i].object >= 0;
    if (m->count + 4 > MODEL_OBJECTS || used + 4 > MODEL_ENTRIES)
        return false;
    ops[rng_below(&m->rng, sizeof ops / sizeof ops[0])](m);
    return true;
}

void model_init(struct model *m, uint64_t seed)
{
    m->rng.state = seed;
    m->count = 0;
    m->clock = 0;
    for (int i = 0; i < MODEL_ENTRIES; i++)
        m->entries[i].object = -1;
    for (uint32_t i = 0; i < MODEL_ROOTS; i++) {
        int id = new_object(m, S_IFDIR);
        struct dpl_record r = begin(m, id, DPL_R_ROOT);
        r.has |= DPL_F_NUMBER | DPL_F_PATH;
        r.number = i;
        r.path = (struct dpl_view){(const uint8_t *)"srv/mail", 8};
        emit(m, &r);
    }
}

void model_done(struct model *m)
{
    for (int i = 0; i < m->count; i++)
        free(m->objects[i].data);
}

unsigned model_orphans(const struct model *m)
{
    unsigned orphans = 0;
    for (int id = MODEL_ROOTS; id < m->count; id++)
        orphans += orphan(m, id);
    return orphans;
}
