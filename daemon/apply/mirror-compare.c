/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/apply/mirror-compare.h"

#include "daemon/apply/apply-private.h"
#include "daemon/apply/names.h"
#include "daemon/apply/state.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

enum { ROUNDS_MAX = 50, PATHS_BYTES = 8 * 1024 * 1024 };

enum kind { MISSING, DIFFERS, EXTRA, UNSETTLED, KINDS };
static const char letters[KINDS] = {'m', 'd', 'x', 'u'};

struct suspect {
    enum kind kind;
    GBytes *ask; /* the object that is asked for again: itself, or the directory of the name */
    char *path;  /* beneath its root; NULL: it cannot be said */
};

struct dpl_comparison {
    GHashTable *suspects;  /* by id, or by the directory's id and the name (GBytes) */
    GHashTable *asks;      /* ids (GBytes); the value: whether a record has named it since */
    GHashTable *paths;     /* of directories that are missing, by id */
    struct dpl_idset more; /* beyond the bound: objects that differ */
    struct dpl_position bound;
    bool fresh; /* something was compared since the bound was taken */
    unsigned rounds;
};

static void suspect_free(gpointer data)
{
    struct suspect *s = data;
    g_bytes_unref(s->ask);
    g_free(s->path);
    g_free(s);
}

struct dpl_comparison *dpl_compare_new(uint64_t seed)
{
    struct dpl_comparison *c = g_new0(struct dpl_comparison, 1);
    GDestroyNotify unref = (GDestroyNotify)g_bytes_unref;
    c->suspects = g_hash_table_new_full(g_bytes_hash, g_bytes_equal, unref, suspect_free);
    c->asks = g_hash_table_new_full(g_bytes_hash, g_bytes_equal, unref, NULL);
    c->paths = g_hash_table_new_full(g_bytes_hash, g_bytes_equal, unref, g_free);
    dpl_idset_init(&c->more, seed);
    return c;
}

void dpl_compare_free(struct dpl_comparison *c)
{
    if (!c)
        return;
    g_hash_table_destroy(c->suspects);
    g_hash_table_destroy(c->asks);
    g_hash_table_destroy(c->paths);
    dpl_idset_done(&c->more);
    g_free(c);
}

/* --- suspicions ------------------------------------------------------------------------------- */

static GBytes *key_of(struct dpl_view id, struct dpl_view name)
{
    g_autoptr(GByteArray) key = g_byte_array_new();
    uint8_t size = (uint8_t)id.size;
    g_byte_array_append(key, &size, 1);
    g_byte_array_append(key, id.data, (guint)id.size);
    if (name.size > 0)
        g_byte_array_append(key, name.data, (guint)name.size);
    return g_byte_array_free_to_bytes(g_steal_pointer(&key));
}

static void count(struct dpl_mirror_target *t, enum kind kind, uint64_t number)
{
    uint64_t *const counts[KINDS] = {&t->count.created, &t->count.changed, &t->count.orphans,
                                     &t->count.unsettled};
    *counts[kind] += number;
}

/* Puts "LETTER PATH" on the list, as long as there is room. */
static void note_path(struct dpl_mirror_target *t, enum kind kind, const char *path)
{
    guint used = t->paths->len;
    if (!path || strlen(path) > DPL_MIRROR_BYTES_MAX / 16 || used > PATHS_BYTES)
        return;
    g_autofree char *text = g_strdup_printf("%c %s", letters[kind], *path ? path : ".");
    struct dpl_view view = {(const uint8_t *)text, strlen(text)};
    g_byte_array_set_size(t->paths, used + (guint)view.size + 4);
    ssize_t size = dpl_mirror_paths_append(t->paths->data, used, t->paths->len, view);
    g_byte_array_set_size(t->paths, size < 0 ? used : (guint)size);
}

/* One of more than are remembered. */
static void count_at_once(struct dpl_mirror_target *t, enum kind kind, const GBytes *key)
{
    gsize size;
    const void *data = g_bytes_get_data((GBytes *)(uintptr_t)key, &size);
    if (dpl_idset_add(&t->compare->more, (struct dpl_view){data, size}))
        count(t, kind, 1);
}

/* The path is taken. */
static void suspect(struct dpl_mirror_target *t, enum kind kind, struct dpl_view ask,
                    struct dpl_view name, char *path)
{
    struct dpl_comparison *c = t->compare;
    g_autoptr(GBytes) key = key_of(ask, name);
    if (!g_hash_table_contains(c->suspects, key) &&
        g_hash_table_size(c->suspects) >= DPL_COMPARE_SUSPECTS) {
        count_at_once(t, kind, key);
        g_free(path);
        return;
    }
    struct suspect *s = g_new(struct suspect, 1);
    *s = (struct suspect){kind, g_bytes_new(ask.data, ask.size), path};
    g_hash_table_replace(c->suspects, g_bytes_ref(key), s);
    if (!g_hash_table_contains(c->asks, s->ask))
        g_hash_table_insert(c->asks, g_bytes_ref(s->ask), GINT_TO_POINTER(FALSE));
}

void dpl_compare_touched(struct dpl_mirror_target *t, struct dpl_view id)
{
    g_autoptr(GBytes) key = g_bytes_new_static(id.data, id.size);
    gpointer found;
    if (g_hash_table_lookup_extended(t->compare->asks, key, &found, NULL))
        g_hash_table_insert(t->compare->asks, g_bytes_ref(found), GINT_TO_POINTER(TRUE));
}

/* --- states ----------------------------------------------------------------------------------- */

static bool same_attr(const struct dpl_mirror_target *t, const struct stat *st,
                      const struct dpl_attr *attr)
{
    bool setid = t->options.apply->options.allow_setid || S_ISDIR(attr->mode);
    mode_t mode = attr->mode & (setid ? S_IFMT | 07777U : S_IFMT | 01777U);
    return st->st_mode == mode && st->st_uid == attr->uid && st->st_gid == attr->gid &&
           (!S_ISREG(mode) || (uint64_t)st->st_size == attr->size) &&
           st->st_mtim.tv_sec == attr->mtime.sec && st->st_mtim.tv_nsec == (long)attr->mtime.nsec;
}

/* Where a symbolic link leads, which device it is. */
static bool same_nature(int fd, const struct stat *st, const struct dpl_record *r)
{
    char target[PATH_MAX];
    if (S_ISLNK(st->st_mode)) {
        ssize_t size = readlinkat(fd, "", target, sizeof target);
        return (r->has & DPL_F_TARGET) && size == (ssize_t)r->target.size &&
               memcmp(target, r->target.data, r->target.size) == 0;
    }
    return !(r->has & DPL_F_RDEV) ||
           st->st_rdev == makedev((unsigned)(r->rdev >> 32), (unsigned)r->rdev);
}

/* What the set does not allow here is not missing. */
static bool is_refused(const struct dpl_mirror_target *t, const struct dpl_record *r)
{
    return (S_ISBLK(r->attr.mode) || (S_ISCHR(r->attr.mode) && r->rdev != 0)) &&
           !t->options.apply->options.allow_devices;
}

static char *join(const char *dir, struct dpl_view name)
{
    return g_strdup_printf("%s%s%.*s", dir, *dir ? "/" : "", (int)name.size,
                           (const char *)name.data);
}

/* The path of a directory beneath its root, here or missing; NULL: it cannot be said. */
static char *path_of_dir(struct dpl_mirror_target *t, struct dpl_view id)
{
    uint32_t root;
    g_autoptr(GBytes) key = g_bytes_new_static(id.data, id.size);
    struct dpl_object *object = dpl_objects_find(t->objects, id);
    int fd = object ? dpl_objects_fd(t->objects, object, NULL) : -1;
    return fd >= 0 ? dpl_mirror_path_in_root(t, fd, &root)
                   : g_strdup(g_hash_table_lookup(t->compare->paths, key));
}

static char *path_of_object(struct dpl_mirror_target *t, const struct dpl_record *r, int fd)
{
    uint32_t root;
    g_autofree char *dir = r->has & DPL_F_PARENT ? path_of_dir(t, r->parent) : NULL;
    return dir ? join(dir, r->name) : dpl_mirror_path_in_root(t, fd, &root);
}

int dpl_compare_item(struct dpl_mirror_target *t, const struct dpl_record *r, struct dpl_err *err)
{
    struct dpl_object *object = NULL;
    struct stat st;
    const struct dpl_view none = {0};
    t->compare->fresh = true;
    if (is_refused(t, r)) {
        dpl_idset_add(&t->fresh, r->object);
        t->count.refused++;
        return 0;
    }
    int rc = dpl_objects_here(t->objects, r->object, &object, err);
    if (rc < 0 || !object)
        return rc; /* the list says under which names it is missing */
    int fd = dpl_objects_fd(t->objects, object, err);
    if (fd < 0)
        return fd == DPL_E_NOT_FOUND ? 0 : fd;
    if (fstat(fd, &st) < 0)
        return dpl_err_sys(err, errno, "look at an object of the replica");
    if (st.st_nlink == 0)
        return 0;
    bool same = same_attr(t, &st, &r->attr) && same_nature(fd, &st, r);
    if (same) {
        rc = dpl_state_same_xattrs(fd, r->has & DPL_F_XATTRS ? r->xattrs : none, err);
        same = rc > 0;
    }
    if (rc >= 0 && !same)
        suspect(t, DIFFERS, r->object, none, path_of_object(t, r, fd));
    return rc < 0 ? rc : 0;
}

void dpl_compare_content(struct dpl_mirror_target *t, struct dpl_object *object, int fd)
{
    uint32_t root;
    const struct dpl_view none = {0};
    g_autoptr(GBytes) key = key_of(object->id, none);
    t->compare->fresh = true;
    if (!g_hash_table_contains(t->compare->suspects, key))
        suspect(t, DIFFERS, object->id, none, dpl_mirror_path_in_root(t, fd, &root));
}

/* --- names ------------------------------------------------------------------------------------ */

static bool stands(int dir_fd, struct dpl_view name)
{
    char text[NAME_MAX + 1];
    struct stat st;
    memcpy(text, name.data, name.size);
    text[name.size] = '\0';
    return fstatat(dir_fd, text, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

int dpl_compare_name(struct dpl_mirror_target *t, struct dpl_view dir,
                     const struct dpl_mirror_entry *entry, struct dpl_err *err)
{
    struct dpl_object *object = NULL, *parent = dpl_objects_find(t->objects, dir);
    int fd = parent ? dpl_objects_fd(t->objects, parent, NULL) : -1;
    int rc = dpl_objects_here(t->objects, entry->object, &object, err);
    t->compare->fresh = true;
    if (rc < 0 || (fd >= 0 && object && dpl_names_has(t->objects, object, fd, entry->name)) ||
        (!object && dpl_idset_has(&t->fresh, entry->object)))
        return rc;
    g_autofree char *above = path_of_dir(t, dir);
    char *path = above ? join(above, entry->name) : NULL;
    if (S_ISDIR(entry->mode) && path)
        g_hash_table_replace(t->compare->paths, g_bytes_new(entry->object.data, entry->object.size),
                             g_strdup(path));
    suspect(t, fd >= 0 && stands(fd, entry->name) ? DIFFERS : MISSING, dir, entry->name, path);
    return 0;
}

/* --- the end ---------------------------------------------------------------------------------- */

static gboolean is_touched(gpointer key, gpointer value, gpointer self)
{
    const struct suspect *s = value;
    const struct dpl_comparison *c = self;
    (void)key;
    return GPOINTER_TO_INT(g_hash_table_lookup(c->asks, s->ask));
}

/* What a record has named since it was compared is asked for again, and no suspect until it has
 * come. How many were asked for. */
static int ask_again(struct dpl_mirror_target *t, struct dpl_err *err)
{
    struct dpl_comparison *c = t->compare;
    const struct dpl_view none = {0};
    GHashTableIter iter;
    gpointer key, touched;
    int asked = 0;
    g_hash_table_foreach_remove(c->suspects, is_touched, c);
    g_hash_table_iter_init(&iter, c->asks);
    while (g_hash_table_iter_next(&iter, &key, &touched)) {
        gsize size;
        const void *id = g_bytes_get_data(key, &size);
        if (!GPOINTER_TO_INT(touched))
            continue;
        int rc = dpl_mirror_need(t, (struct dpl_view){id, size}, DPL_MIRROR_NEED_ITEM, none, err);
        if (rc < 0)
            return rc;
        g_hash_table_iter_remove(&iter);
        asked++;
    }
    return asked;
}

static void count_suspects(struct dpl_mirror_target *t)
{
    GHashTableIter iter;
    gpointer key, value;
    g_hash_table_iter_init(&iter, t->compare->suspects);
    while (g_hash_table_iter_next(&iter, &key, &value)) {
        const struct suspect *s = value;
        enum kind kind = is_touched(key, value, t->compare) ? UNSETTLED : s->kind;
        count(t, kind, 1);
        note_path(t, kind, s->path);
    }
}

static void count_extra(struct dpl_mirror_target *t, const char *path, uint64_t number)
{
    count(t, EXTRA, number);
    note_path(t, EXTRA, path);
}

int dpl_compare_end(struct dpl_mirror_target *t, uint64_t lsn, struct dpl_err *err)
{
    struct dpl_comparison *c = t->compare;
    if (c->fresh)
        c->bound = (struct dpl_position){t->position.epoch, lsn};
    c->fresh = false;
    if (dpl_position_below(t->position, c->bound))
        return 0;
    int rc = c->rounds++ < ROUNDS_MAX ? ask_again(t, err) : 0;
    if (rc != 0)
        return rc < 0 ? rc : 0;
    count_suspects(t);
    rc = dpl_mirror_extras_left(t, count_extra, err);
    return rc < 0 ? rc : 1;
}
