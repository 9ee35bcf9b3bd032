/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The end of a mirror: names that the source does not have. Who lives elsewhere loses a stale name;
 * who does not live is an orphan, and is kept, deleted, moved aside, or only listed.
 */
#include "daemon/apply/mirror-private.h"
#include "daemon/apply/names.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

/* One extra name that is still there, and whose it is. */
struct found {
    const struct dpl_extra *extra;
    struct dpl_view dir;
    int fd; /* the directory, borrowed */
    bool alive;
};

static struct dpl_view bytes_view(GBytes *bytes)
{
    gsize size;
    const void *data = g_bytes_get_data(bytes, &size);
    return (struct dpl_view){data, size};
}

char *dpl_mirror_path_in_root(const struct dpl_mirror_target *t, int fd, uint32_t *root_r)
{
    g_autofree char *path = dpl_path_of_dir(fd);
    if (!path)
        return NULL;
    for (size_t i = 0; i < t->options.apply->options.count; i++) {
        const struct dpl_apply_root *root = &t->options.apply->roots[i];
        g_autofree char *top = dpl_path_of_dir(root->fd);
        if (!top || !dpl_path_is_beneath(path, top))
            continue;
        const char *rest = path + strlen(top);
        *root_r = root->number;
        return g_strdup(*rest == '/' ? rest + 1 : rest);
    }
    return NULL;
}

/* The path of a name beneath its root, and that root's number; NULL if it is in none. */
static char *path_of(const struct dpl_mirror_target *t, int fd, const char *name, uint32_t *root_r)
{
    g_autofree char *dir = dpl_mirror_path_in_root(t, fd, root_r);
    return dir ? g_strdup_printf("%s%s%s", dir, *dir ? "/" : "", name) : NULL;
}

/* What the set's rules say of this path. */
static struct dpl_rules_at rules_at(const struct dpl_mirror_target *t, uint32_t root,
                                    const char *path)
{
    for (size_t i = 0; t->rules && i < t->options.place_count; i++) {
        if (t->options.places[i].number != root)
            continue;
        g_autofree char *full = g_strdup_printf("%s/%s", t->options.places[i].source, path);
        return dpl_rules_find(t->rules, full);
    }
    return (struct dpl_rules_at){.inside = true, .some_beneath = true, .all_beneath = true};
}

/* Whether they leave it out, with all beneath: then it is none of ours. */
static bool is_excluded(struct dpl_rules_at at)
{
    return !at.inside && !at.some_beneath;
}

/* 1: the name is still that of who had it, and *found is filled. */
static int look(struct dpl_mirror_target *t, const struct dpl_extra *extra, struct found *found,
                struct dpl_err *err)
{
    uint8_t tag[DPL_OID_MAX];
    struct stat st;
    struct dpl_object *dir = NULL;
    *found = (struct found){.extra = extra, .dir = bytes_view(extra->dir)};
    int rc = dpl_objects_here(t->objects, found->dir, &dir, err);
    if (rc < 0 || !dir)
        return rc;
    found->fd = dpl_objects_fd(t->objects, dir, err);
    if (found->fd < 0) /* with the directory its names are gone */
        return found->fd == DPL_E_NOT_FOUND ? 0 : found->fd;
    if (fstatat(found->fd, extra->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : dpl_err_sys(err, errno, "look at \"%s\"", extra->name);
    ssize_t size = dpl_objects_read_tag(t->objects, found->fd, extra->name, tag);
    if ((size_t)size != extra->tag_size || memcmp(tag, extra->tag, extra->tag_size) != 0)
        return 0;
    found->alive =
        size > 0 && dpl_idset_has(&t->seen, (struct dpl_view){extra->tag, extra->tag_size});
    return 1;
}

static struct dpl_rules_at descend(const struct dpl_mirror_target *t, struct dpl_rules_at at,
                                   const char *name)
{
    return t->rules && !at.all_beneath ? dpl_rules_descend(t->rules, at, name, strlen(name)) : at;
}

/* How many objects stand here and beneath and would go. */
static uint64_t count_tree(const struct dpl_mirror_target *t, struct dpl_rules_at at, int dir_fd,
                           const char *name)
{
    uint64_t count = 1;
    if (is_excluded(at))
        return 0;
    int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *d;
    if (!dir) {
        dpl_fd_clear(&fd);
        return count;
    }
    while ((d = readdir(dir)))
        if (dpl_path_name_ok(d->d_name))
            count += count_tree(t, descend(t, at, d->d_name), dirfd(dir), d->d_name);
    closedir(dir);
    return count;
}

/* Whether the source has what this name is one of. */
static bool is_alive(const struct dpl_mirror_target *t, int dir_fd, const char *name)
{
    uint8_t tag[DPL_OID_MAX];
    ssize_t size = dpl_objects_read_tag(t->objects, dir_fd, name, tag);
    return size > 0 && dpl_idset_has(&t->seen, (struct dpl_view){tag, (size_t)size});
}

/* It is not ours any more: no tag, not in the map. But a name of a file that the source has under
 * another one goes: set aside, it would change with that file. */
static void disown(struct dpl_mirror_target *t, int dir_fd, const char *name)
{
    char path[DPL_OBJECTS_PATH];
    struct stat st;
    if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISDIR(st.st_mode) &&
        st.st_nlink > 1 && is_alive(t, dir_fd, name)) {
        (void)unlinkat(dir_fd, name, 0);
        return;
    }
    struct dpl_object *object = dpl_objects_at(t->objects, dir_fd, name);
    int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *d;
    while (dir && (d = readdir(dir)))
        if (dpl_path_name_ok(d->d_name))
            disown(t, dirfd(dir), d->d_name);
    if (dir)
        closedir(dir);
    else
        dpl_fd_clear(&fd);
    dpl_objects_path(path, sizeof path, dir_fd, name);
    lremovexattr(path, DPL_APPLY_TAG);
    lremovexattr(path, DPL_APPLY_PLACED);
    if (object)
        dpl_objects_forget(t->objects, object);
}

/* Before anything of it changes its times. */
static void note_where(const struct dpl_mirror_target *t, int dir_fd, const char *name)
{
    char at[DPL_OBJECTS_PATH];
    struct stat st;
    g_autofree char *dir = dpl_path_of_dir(dir_fd);
    if (!dir || fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return;
    g_autofree char *path = g_strdup_printf("%s/%s", dir, name);
    dpl_objects_path(at, sizeof at, dir_fd, name);
    dpl_mirror_note_from(t, at, 'o', &st, path);
}

/* Moves it to the directory for orphans, under a number and its name. */
static int move_aside(struct dpl_mirror_target *t, int dir_fd, const char *name, const char *as,
                      struct dpl_err *err)
{
    char to[NAME_MAX + 1];
    snprintf(to, sizeof to, "%016llx-%06llu-%.200s", (unsigned long long)t->id,
             (unsigned long long)t->count.removed, as);
    note_where(t, dir_fd, name);
    disown(t, dir_fd, name);
    if (renameat2(dir_fd, name, t->options.orphans_fd, to, RENAME_NOREPLACE) < 0 && errno != ENOENT)
        return dpl_err_sys(err, errno, "move the orphan \"%s\" aside", as);
    return 0;
}

static int take_away(struct dpl_mirror_target *t, int dir_fd, const char *name, const char *as,
                     bool move, struct dpl_err *err)
{
    int rc = move ? move_aside(t, dir_fd, name, as, err)
                  : dpl_names_remove(t->objects, dir_fd, name, err);
    t->count.removed += rc == 0;
    return rc;
}

/* The names in a directory: what is done with them changes it. */
static GPtrArray *names_in(int dir_fd, const char *name, struct dpl_err *err)
{
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
    int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *d;
    if (!dir) {
        dpl_err_sys(err, errno, "open \"%s\"", name);
        dpl_fd_clear(&fd);
        g_ptr_array_unref(names);
        return NULL;
    }
    while ((d = readdir(dir)))
        if (dpl_path_name_ok(d->d_name))
            g_ptr_array_add(names, g_strdup(d->d_name));
    closedir(dir);
    return names;
}

/* An orphan goes, but for what the rules exclude in it, and the directories on the way to that. 1:
 * something of it stays. */
static int take_ours(struct dpl_mirror_target *t, struct dpl_rules_at at, int dir_fd,
                     const char *name, struct dpl_err *err)
{
    struct stat st;
    bool move = t->orphans == DPL_ORPHANS_MOVE, stays = !at.inside;
    if (is_excluded(at))
        return 1;
    if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : dpl_err_sys(err, errno, "look at \"%s\"", name);
    if (at.all_beneath || !S_ISDIR(st.st_mode))
        return stays ? 1 : take_away(t, dir_fd, name, name, move, err);
    g_autoptr(GPtrArray) names = names_in(dir_fd, name, err);
    dpl_autofd int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (!names || fd < 0)
        return names ? dpl_err_sys(err, errno, "open \"%s\"", name) : err->code;
    for (guint i = 0; i < names->len; i++) {
        const char *child = names->pdata[i];
        int rc = take_ours(t, descend(t, at, child), fd, child, err);
        if (rc < 0)
            return rc;
        stays |= rc > 0;
    }
    return stays ? 1 : take_away(t, dir_fd, name, name, move, err);
}

static int lose_name(struct dpl_mirror_target *t, const struct found *found, struct dpl_err *err)
{
    struct dpl_view name = {(const uint8_t *)found->extra->name, strlen(found->extra->name)};
    struct dpl_record r = {.type = DPL_R_REMOVE,
                           .has = DPL_F_OBJECT | DPL_F_PARENT | DPL_F_NAME | DPL_F_ATTR |
                                  DPL_F_PARENT_ATTR,
                           .object = {found->extra->tag, found->extra->tag_size},
                           .parent = found->dir,
                           .name = name};
    return dpl_mirror_apply(t, &r, err);
}

int dpl_mirror_note_path(struct dpl_mirror_target *t, const char *path, struct dpl_err *err)
{
    struct dpl_view view = {(const uint8_t *)path, strlen(path)};
    guint used = t->paths->len;
    t->count.orphans++;
    if (view.size > DPL_MIRROR_BYTES_MAX / 16)
        return 0;
    g_byte_array_set_size(t->paths, used + (guint)view.size + 4);
    ssize_t size = dpl_mirror_paths_append(t->paths->data, used, t->paths->len, view);
    return size < 0 ? dpl_err_set(err, (int)size, "a path that is too long") : 0;
}

static int see_to(struct dpl_mirror_target *t, const struct found *found, struct dpl_err *err)
{
    uint32_t root = 0;
    g_autofree char *path = path_of(t, found->fd, found->extra->name, &root);
    if (found->alive)
        return lose_name(t, found, err);
    if (!path)
        return 0;
    struct dpl_rules_at at = rules_at(t, root, path);
    if (is_excluded(at))
        return 0;
    int rc = dpl_mirror_note_path(t, path, err);
    if (rc < 0 || t->orphans == DPL_ORPHANS_KEEP || t->orphans == DPL_ORPHANS_LIST)
        return rc;
    rc = take_ours(t, at, found->fd, found->extra->name, err);
    return rc < 0 ? rc : 0;
}

/* Whether this entry of the reserved directory was set aside and does not live: a living one has
 * its name now. */
static bool is_left_over(const struct dpl_mirror_target *t, const char *name)
{
    return strlen(name) == 16 && strspn(name, "0123456789abcdef") == 16 &&
           !is_alive(t, t->objects->reserve_fd, name);
}

static int see_to_unnamed(struct dpl_mirror_target *t, struct dpl_err *err)
{
    int own = openat(t->objects->reserve_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;
    DIR *dir = own < 0 ? NULL : fdopendir(own);
    struct dirent *d;
    if (!dir) {
        rc = dpl_err_sys(err, errno, "open the reserved directory");
        dpl_fd_clear(&own);
        return rc;
    }
    while (rc == 0 && (d = readdir(dir))) {
        if (!is_left_over(t, d->d_name))
            continue;
        t->count.orphans++;
        rc = take_away(t, dirfd(dir), d->d_name, "unnamed", t->orphans != DPL_ORPHANS_DELETE, err);
    }
    closedir(dir);
    return rc;
}

/* Giving and taking names has changed the times of directories whose own state came before. */
static int restore_times(struct dpl_mirror_target *t, struct dpl_err *err)
{
    GHashTableIter iter;
    gpointer key, value;
    int rc = 0;
    g_hash_table_iter_init(&iter, t->times);
    while (rc == 0 && g_hash_table_iter_next(&iter, &key, &value)) {
        struct dpl_record r = {.type = DPL_R_SETATTR,
                               .has = DPL_F_OBJECT | DPL_F_ATTR,
                               .object = bytes_view(key),
                               .attr = {.has = DPL_A_MTIME, .mtime = *(struct dpl_time *)value}};
        if (dpl_objects_find(t->objects, r.object))
            rc = dpl_mirror_apply(t, &r, err);
    }
    return rc;
}

int dpl_mirror_object_end(struct dpl_mirror_target *t, struct dpl_err *err)
{
    GHashTableIter iter;
    gpointer key;
    int rc = 0;
    t->objects->now = t->position;
    g_hash_table_iter_init(&iter, t->extras);
    while (rc >= 0 && g_hash_table_iter_next(&iter, &key, NULL)) {
        struct found found;
        uint32_t root;
        rc = look(t, key, &found, err);
        if (rc <= 0 || found.extra->tag_size == 0)
            continue;
        g_autofree char *path = path_of(t, found.fd, found.extra->name, &root);
        if (path && !is_excluded(rules_at(t, root, path)))
            rc = lose_name(t, &found, err);
    }
    for (guint i = 0; rc >= 0 && i < t->made->len; i++) {
        struct dpl_view id = bytes_view(t->made->pdata[i]);
        const struct dpl_object *object = dpl_objects_find(t->objects, id);
        if (object && object->reserved > 0 && dpl_idset_has(&t->linked, id))
            t->options.want(t->options.self, (struct dpl_view){(const uint8_t *)"", 0});
        else
            t->options.came(t->options.self, id);
    }
    if (rc >= 0)
        t->options.came(t->options.self, bytes_view(t->object));
    return rc < 0 ? rc : restore_times(t, err);
}

int dpl_mirror_extras_left(struct dpl_mirror_target *t,
                           void (*fn)(struct dpl_mirror_target *t, const char *path,
                                      uint64_t number),
                           struct dpl_err *err)
{
    GHashTableIter iter;
    gpointer key;
    int rc = 0;
    g_hash_table_iter_init(&iter, t->extras);
    while (rc >= 0 && g_hash_table_iter_next(&iter, &key, NULL)) {
        struct found found;
        uint32_t root;
        rc = look(t, key, &found, err);
        if (rc <= 0)
            continue;
        g_autofree char *path = path_of(t, found.fd, found.extra->name, &root);
        struct dpl_rules_at at = path ? rules_at(t, root, path) : (struct dpl_rules_at){0};
        if (path && !is_excluded(at))
            fn(t, path, found.alive ? 1 : count_tree(t, at, found.fd, found.extra->name));
    }
    return rc < 0 ? rc : 0;
}

/* Before anything goes: would too much of it go? */
static int guard(struct dpl_mirror_target *t, struct dpl_err *err)
{
    GHashTableIter iter;
    gpointer key;
    uint64_t lost = 0;
    int rc = 0;
    if (t->orphans == DPL_ORPHANS_KEEP || t->orphans == DPL_ORPHANS_LIST || t->options.set_aside)
        return 0;
    g_hash_table_iter_init(&iter, t->extras);
    while (rc >= 0 && g_hash_table_iter_next(&iter, &key, NULL)) {
        struct found found;
        uint32_t root;
        rc = look(t, key, &found, err);
        if (rc <= 0 || found.alive)
            continue;
        g_autofree char *path = path_of(t, found.fd, found.extra->name, &root);
        if (path)
            lost += count_tree(t, rules_at(t, root, path), found.fd, found.extra->name);
    }
    if (rc < 0)
        return rc;
    uint64_t all = t->seen.count + lost;
    if (lost * 100 <= all * t->options.max_delete)
        return 0;
    return dpl_err_set(err, DPL_E_REFUSED,
                       "the mirror would take %llu of %llu objects away, more than %u %%",
                       (unsigned long long)lost, (unsigned long long)all, t->options.max_delete);
}

int dpl_mirror_orphans(struct dpl_mirror_target *t, struct dpl_err *err)
{
    GHashTableIter iter;
    gpointer key;
    int rc = guard(t, err);
    t->objects->now = t->position;
    g_hash_table_iter_init(&iter, t->extras);
    while (rc >= 0 && g_hash_table_iter_next(&iter, &key, NULL)) {
        struct found found;
        rc = look(t, key, &found, err);
        if (rc > 0)
            rc = see_to(t, &found, err);
    }
    if (rc >= 0)
        rc = see_to_unnamed(t, err);
    return rc < 0 ? rc : restore_times(t, err);
}
