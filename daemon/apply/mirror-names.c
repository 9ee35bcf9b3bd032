/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The list of a directory: names are given, names that are too many are remembered.
 */
#include "daemon/apply/mirror-compare.h"
#include "daemon/apply/names.h"
#include "lib/base/path.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

enum { LIST_MAX = 256 * 1024 * 1024 };

static guint extra_hash(gconstpointer key)
{
    const struct dpl_extra *extra = key;
    return g_bytes_hash(extra->dir) ^ g_str_hash(extra->name);
}

static gboolean extra_equal(gconstpointer a, gconstpointer b)
{
    const struct dpl_extra *x = a, *y = b;
    return g_bytes_equal(x->dir, y->dir) && strcmp(x->name, y->name) == 0;
}

static void extra_free(gpointer data)
{
    struct dpl_extra *extra = data;
    g_bytes_unref(extra->dir);
    g_free(extra->name);
    g_free(extra);
}

GHashTable *dpl_extras_new(void)
{
    return g_hash_table_new_full(extra_hash, extra_equal, extra_free, NULL);
}

void dpl_extras_forget(struct dpl_mirror_target *t, struct dpl_view dir, struct dpl_view name)
{
    g_autoptr(GBytes) id = g_bytes_new_static(dir.data, dir.size);
    g_autofree char *text = g_strndup((const char *)name.data, name.size);
    struct dpl_extra key = {.dir = id, .name = text};
    g_hash_table_remove(t->extras, &key);
}

static void remember_extra(struct dpl_mirror_target *t, int fd, const char *name)
{
    struct dpl_extra *extra = g_new0(struct dpl_extra, 1);
    extra->dir = g_bytes_ref(t->list_of);
    extra->name = g_strdup(name);
    extra->tag_size = (size_t)dpl_objects_read_tag(t->objects, fd, name, extra->tag);
    g_hash_table_add(t->extras, extra);
}

/* Whether nothing has to be done for it: it was made with this name, or had it already. */
static bool is_given(struct dpl_mirror_target *t, struct dpl_view dir,
                     const struct dpl_mirror_entry *entry, const struct dpl_object *object)
{
    struct dpl_object *parent = dpl_objects_find(t->objects, dir);
    int fd = parent && !S_ISDIR(object->type) ? dpl_objects_fd(t->objects, parent, NULL) : -1;
    return fd >= 0 && dpl_names_has(t->objects, object, fd, entry->name);
}

/* Gives the object this name, unless it was left out. */
static int give(struct dpl_mirror_target *t, struct dpl_view dir,
                const struct dpl_mirror_entry *entry, struct dpl_err *err)
{
    struct dpl_record r = {.type = DPL_R_LINK,
                           .has = DPL_F_OBJECT | DPL_F_PARENT | DPL_F_NAME | DPL_F_ATTR |
                                  DPL_F_PARENT_ATTR,
                           .object = entry->object,
                           .parent = dir,
                           .name = entry->name};
    struct dpl_object *object = NULL;
    int rc = dpl_objects_here(t->objects, entry->object, &object, err);
    if (rc < 0 || !object)
        return rc;
    dpl_extras_forget(t, dir, entry->name);
    return is_given(t, dir, entry, object) ? 0 : dpl_mirror_apply(t, &r, err);
}

static char *listed_key(struct dpl_view name)
{
    return g_strndup((const char *)name.data, name.size);
}

static int give_all(struct dpl_mirror_target *t, struct dpl_view dir, GHashTable *names,
                    struct dpl_err *err)
{
    struct dpl_view list = {t->list->data, t->list->len};
    struct dpl_mirror_entry entry;
    int rc = 0;
    while (rc == 0 && dpl_mirror_entries_next(&list, &entry) > 0) {
        g_hash_table_add(names, listed_key(entry.name));
        rc = t->compare ? dpl_compare_name(t, dir, &entry, err) : give(t, dir, &entry, err);
    }
    return rc;
}

/* What stands in the directory and was not listed. */
static int find_extras(struct dpl_mirror_target *t, struct dpl_view dir, GHashTable *names,
                       struct dpl_err *err)
{
    struct dpl_object *object = NULL;
    int rc = dpl_objects_here(t->objects, dir, &object, err);
    if (rc < 0 || !object)
        return rc;
    int own = dpl_objects_open(t->objects, object, O_RDONLY | O_DIRECTORY, err);
    DIR *d = own < 0 ? NULL : fdopendir(own);
    if (!d) {
        rc = own < 0 ? own : dpl_err_set(err, DPL_E_NO_MEMORY, "no memory for a directory");
        if (own >= 0)
            close(own);
        return rc;
    }
    struct dirent *e;
    while ((e = readdir(d)))
        if (dpl_path_name_ok(e->d_name) && !g_hash_table_contains(names, e->d_name))
            remember_extra(t, dirfd(d), e->d_name);
    closedir(d);
    return 0;
}

static int whole_list(struct dpl_mirror_target *t, struct dpl_err *err)
{
    gsize size;
    const void *id = g_bytes_get_data(t->list_of, &size);
    struct dpl_view dir = {id, size};
    g_autoptr(GHashTable) names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    const struct dpl_object *object = dpl_objects_find(t->objects, dir);
    if (!object && !t->compare)
        return 0; /* gone meanwhile */
    if (object && !S_ISDIR(object->type))
        return dpl_err_set(err, DPL_E_CORRUPT, "the list of what is no directory");
    int rc = give_all(t, dir, names, err);
    if (rc == 0)
        rc = find_extras(t, dir, names, err);
    return rc == DPL_E_NOT_FOUND && t->compare ? 0 : rc; /* somebody has removed it */
}

int dpl_mirror_dir(struct dpl_mirror_target *t, const struct dpl_message *m, struct dpl_err *err)
{
    g_autoptr(GBytes) id = g_bytes_new(m->object.data, m->object.size);
    if (t->list_of && !g_bytes_equal(t->list_of, id))
        return dpl_err_set(err, DPL_E_CORRUPT, "a list was broken off by another one");
    if (!t->list_of)
        t->list_of = g_bytes_ref(id);
    if (t->list->len + m->data.size > LIST_MAX)
        return dpl_err_set(err, DPL_E_TOO_LARGE, "the list of a directory has no end");
    g_byte_array_append(t->list, m->data.data, (guint)m->data.size);
    if (m->flags & DPL_MIRROR_MORE)
        return 0;
    t->objects->now = t->position;
    int rc = whole_list(t, err);
    g_byte_array_set_size(t->list, 0);
    g_clear_pointer(&t->list_of, g_bytes_unref);
    return rc;
}
