/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/apply/objects.h"

#include "daemon/apply/apply.h"
#include "daemon/apply/map.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

union handle {
    struct file_handle h;
    unsigned char room[sizeof(struct file_handle) + DPL_HANDLE_MAX];
};

static guint view_hash(gconstpointer key)
{
    const struct dpl_view *view = key;
    guint hash = 5381;
    for (size_t i = 0; i < view->size; i++)
        hash = hash * 33 + view->data[i];
    return hash;
}

static gboolean view_equal(gconstpointer a, gconstpointer b)
{
    const struct dpl_view *x = a, *y = b;
    return dpl_view_equal(*x, *y);
}

static void object_free(gpointer data)
{
    struct dpl_object *object = data;
    dpl_fd_clear(&object->fd);
    g_free(object);
}

void dpl_objects_path(char path[], size_t room, int dir_fd, const char *name)
{
    if (name)
        snprintf(path, room, "/proc/self/fd/%d/%s", dir_fd, name);
    else
        snprintf(path, room, "/proc/self/fd/%d", dir_fd);
}

static void bytes_free(gpointer data)
{
    g_bytes_unref(data);
}

int dpl_objects_init(struct dpl_objects *objects, int reserve_fd, struct dpl_err *err)
{
    struct stat st;
    *objects = (struct dpl_objects){.reserve_fd = reserve_fd};
    if (fstat(reserve_fd, &st) < 0)
        return dpl_err_sys(err, errno, "look at the reserved directory");
    objects->dev = st.st_dev;
    objects->by_id = g_hash_table_new_full(view_hash, view_equal, NULL, object_free);
    objects->gone = g_hash_table_new_full(g_bytes_hash, g_bytes_equal, bytes_free, NULL);
    objects->changed = g_ptr_array_new();
    objects->dropped = g_ptr_array_new_with_free_func(bytes_free);
    objects->unlocked = g_ptr_array_new_with_free_func(bytes_free);
    g_queue_init(&objects->fds);
    return 0;
}

void dpl_objects_done(struct dpl_objects *objects)
{
    g_clear_pointer(&objects->by_id, g_hash_table_destroy);
    g_clear_pointer(&objects->gone, g_hash_table_destroy);
    g_clear_pointer(&objects->changed, g_ptr_array_unref);
    g_clear_pointer(&objects->dropped, g_ptr_array_unref);
    g_clear_pointer(&objects->unlocked, g_ptr_array_unref);
}

struct dpl_object *dpl_objects_find(const struct dpl_objects *objects, struct dpl_view id)
{
    return g_hash_table_lookup(objects->by_id, &id);
}

bool dpl_objects_is_gone(const struct dpl_objects *objects, struct dpl_view id)
{
    g_autoptr(GBytes) key = g_bytes_new_static(id.data, id.size);
    return g_hash_table_contains(objects->gone, key);
}

void dpl_objects_set_gone(struct dpl_objects *objects, struct dpl_view id)
{
    if (dpl_objects_again(objects))
        g_hash_table_add(objects->gone, g_bytes_new(id.data, id.size));
}

int dpl_objects_here(struct dpl_objects *objects, struct dpl_view id, struct dpl_object **object_r,
                     struct dpl_err *err)
{
    struct dpl_object *object = *object_r = dpl_objects_find(objects, id);
    if (!object || object->checked)
        return 0;
    int rc = dpl_objects_read_flags(objects, object, err);
    if (rc >= 0)
        object->checked = true;
    if (rc != DPL_E_NOT_FOUND)
        return rc;
    dpl_objects_set_gone(objects, id);
    dpl_objects_forget(objects, object);
    *object_r = NULL;
    return 0;
}

static size_t life_bytes(const struct dpl_objects *objects)
{
    return objects->has_life ? sizeof objects->life : 0;
}

ssize_t dpl_objects_read_tag(const struct dpl_objects *objects, int dir_fd, const char *name,
                             uint8_t id[DPL_OID_MAX])
{
    uint8_t tag[DPL_OID_MAX + DPL_LIFE_BYTES];
    char path[DPL_OBJECTS_PATH];
    size_t life = life_bytes(objects);
    dpl_objects_path(path, sizeof path, dir_fd, name);
    /* Without a name it is the file behind the descriptor: the link in /proc is followed. */
    ssize_t size = name ? lgetxattr(path, DPL_APPLY_TAG, tag, DPL_OID_MAX + life)
                        : getxattr(path, DPL_APPLY_TAG, tag, DPL_OID_MAX + life);
    if (size <= (ssize_t)life || memcmp(tag + size - life, objects->life, life) != 0)
        return 0;
    size -= (ssize_t)life;
    memcpy(id, tag, (size_t)size);
    return size;
}

struct dpl_object *dpl_objects_at(const struct dpl_objects *objects, int dir_fd, const char *name)
{
    uint8_t id[DPL_OID_MAX];
    ssize_t size = dpl_objects_read_tag(objects, dir_fd, name, id);
    return size > 0 ? dpl_objects_find(objects, (struct dpl_view){id, (size_t)size}) : NULL;
}

void dpl_objects_change(struct dpl_objects *objects, struct dpl_object *object)
{
    if (object->changed > 0)
        return;
    g_ptr_array_add(objects->changed, object);
    object->changed = objects->changed->len;
}

void dpl_objects_saved(struct dpl_objects *objects)
{
    for (guint i = 0; i < objects->changed->len; i++) {
        struct dpl_object *object = objects->changed->pdata[i];
        if (object)
            object->changed = 0;
    }
    g_ptr_array_set_size(objects->changed, 0);
    g_ptr_array_set_size(objects->dropped, 0);
}

static void close_fd(struct dpl_objects *objects, struct dpl_object *object)
{
    if (object->fd < 0)
        return;
    g_queue_unlink(&objects->fds, &object->use);
    dpl_fd_clear(&object->fd);
}

void dpl_objects_close_fds(struct dpl_objects *objects, unsigned keep)
{
    while (objects->fds.length > keep)
        close_fd(objects, objects->fds.tail->data);
}

void dpl_objects_forget(struct dpl_objects *objects, struct dpl_object *object)
{
    close_fd(objects, object);
    if (object->changed > 0)
        objects->changed->pdata[object->changed - 1] = NULL;
    g_ptr_array_add(objects->dropped, g_bytes_new(object->id.data, object->id.size));
    objects->bytes -= dpl_map_object_bytes(object);
    g_hash_table_remove(objects->by_id, object);
}

struct dpl_object *dpl_objects_load(struct dpl_objects *objects, const struct dpl_object *like,
                                    struct dpl_view handle)
{
    struct dpl_object *old = dpl_objects_find(objects, like->id);
    struct dpl_object *object = g_malloc(sizeof *object + like->id.size + handle.size);
    *object = *like;
    object->id.data = memcpy(object->bytes, like->id.data, like->id.size);
    memcpy(object->bytes + like->id.size, handle.data, handle.size);
    object->handle_bytes = (unsigned)handle.size;
    object->fd = -1;
    object->use = (GList){.data = object};
    object->changed = 0;
    if (old)
        dpl_objects_forget(objects, old);
    objects->bytes += dpl_map_object_bytes(object);
    g_hash_table_replace(objects->by_id, object, object);
    return object;
}

static int enter(struct dpl_objects *objects, struct dpl_view id, int dir_fd, const char *name,
                 struct dpl_object **object_r, struct dpl_err *err)
{
    union handle u = {.h.handle_bytes = DPL_HANDLE_MAX};
    int mount_id, flags = name ? 0 : AT_EMPTY_PATH;
    struct stat st;
    if (fstatat(dir_fd, name ? name : "", &st, AT_SYMLINK_NOFOLLOW | flags) < 0)
        return dpl_err_sys(err, errno, "look at \"%s\"", name ? name : ".");
    if (st.st_dev != objects->dev)
        return dpl_err_set(err, DPL_E_REFUSED, "\"%s\" is on another file system than the replica",
                           name ? name : ".");
    if (name_to_handle_at(dir_fd, name ? name : "", &u.h, &mount_id, flags) < 0)
        return dpl_err_sys(err, errno, "ask for the file handle of \"%s\"", name ? name : ".");
    struct dpl_object like = {
        .id = id, .ino = st.st_ino, .type = st.st_mode & S_IFMT, .handle_type = u.h.handle_type};
    char path[DPL_OBJECTS_PATH];
    dpl_objects_path(path, sizeof path, dir_fd, name);
    if (name && S_ISDIR(st.st_mode) &&
        lgetxattr(path, DPL_APPLY_PLACED, &like.placed, sizeof like.placed) != sizeof like.placed)
        like.placed = (struct dpl_position){0};
    *object_r = dpl_objects_load(objects, &like, (struct dpl_view){u.h.f_handle, u.h.handle_bytes});
    dpl_objects_change(objects, *object_r);
    return 0;
}

int dpl_objects_enter(struct dpl_objects *objects, struct dpl_view id, int dir_fd, const char *name,
                      struct dpl_object **object_r, struct dpl_err *err)
{
    int rc = enter(objects, id, dir_fd, name, object_r, err);
    if (rc == 0)
        rc = dpl_objects_read_flags(objects, *object_r, err);
    /* What is to be held is not known otherwise. */
    if (rc == 0)
        (*object_r)->flags_held = (*object_r)->flags_here;
    return rc;
}

static bool is_of_earlier(const struct dpl_objects *objects, const char *path, int dir_fd,
                          const char *name)
{
    uint8_t id[DPL_OID_MAX];
    ssize_t size =
        name ? lgetxattr(path, DPL_APPLY_TAG, NULL, 0) : getxattr(path, DPL_APPLY_TAG, NULL, 0);
    return size > 0 && dpl_objects_read_tag(objects, dir_fd, name, id) == 0;
}

int dpl_objects_tag(struct dpl_objects *objects, struct dpl_view id, int dir_fd, const char *name,
                    struct dpl_object **object_r, struct dpl_err *err)
{
    uint8_t tag[DPL_OID_MAX + DPL_LIFE_BYTES];
    char path[DPL_OBJECTS_PATH];
    size_t size = id.size + life_bytes(objects);
    if (id.size > DPL_OID_MAX)
        return dpl_err_set(err, DPL_E_TOO_LARGE, "an id of %zu bytes", id.size);
    memcpy(tag, id.data, id.size);
    memcpy(tag + id.size, objects->life, size - id.size);
    dpl_objects_path(path, sizeof path, dir_fd, name);
    /* Where an earlier life placed it says nothing in this one. */
    if (is_of_earlier(objects, path, dir_fd, name))
        (void)(name ? lremovexattr(path, DPL_APPLY_PLACED) : removexattr(path, DPL_APPLY_PLACED));
    int rc = name ? lsetxattr(path, DPL_APPLY_TAG, tag, size, 0)
                  : fsetxattr(dir_fd, DPL_APPLY_TAG, tag, size, 0);
    if (rc < 0)
        return dpl_err_sys(err, errno, "tag \"%s\" with the source's id", name ? name : ".");
    rc = enter(objects, id, dir_fd, name, object_r, err);
    if (rc == 0)
        (*object_r)->checked = true;
    return rc;
}

int dpl_objects_open(const struct dpl_objects *objects, const struct dpl_object *object, int flags,
                     struct dpl_err *err)
{
    union handle u = {.h.handle_bytes = object->handle_bytes, .h.handle_type = object->handle_type};
    memcpy(u.h.f_handle, object->bytes + object->id.size, object->handle_bytes);
    dpl_autofd int fd =
        open_by_handle_at(objects->reserve_fd, &u.h, flags | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && errno == ESTALE)
        return dpl_err_set(err, DPL_E_NOT_FOUND, "an object of the replica is gone");
    if (fd < 0)
        return dpl_err_sys(err, errno, "open an object of the replica");
    struct stat st;
    if (fstat(fd, &st) < 0 || st.st_dev != objects->dev || st.st_ino != object->ino)
        return dpl_err_set(err, DPL_E_CORRUPT, "an object of the replica is another one now");
    /* Removed behind our back, and held by a descriptor alone. */
    if (st.st_nlink == 0)
        return dpl_err_set(err, DPL_E_NOT_FOUND, "an object of the replica is gone");
    return dpl_fd_steal(&fd);
}

void dpl_objects_keep(struct dpl_objects *objects, struct dpl_object *object, int fd)
{
    dpl_objects_close_fds(objects, DPL_OBJECTS_FDS - 1);
    object->fd = fd;
    g_queue_push_head_link(&objects->fds, &object->use);
}

int dpl_objects_fd(struct dpl_objects *objects, struct dpl_object *object, struct dpl_err *err)
{
    if (object->fd >= 0) {
        g_queue_unlink(&objects->fds, &object->use);
        g_queue_push_head_link(&objects->fds, &object->use);
        return object->fd;
    }
    int flags = S_ISREG(object->type)   ? O_RDWR
                : S_ISDIR(object->type) ? O_RDONLY | O_DIRECTORY
                                        : O_PATH;
    int fd = dpl_objects_open(objects, object, flags, err);
    if (fd < 0)
        return fd;
    dpl_objects_keep(objects, object, fd);
    return fd;
}

/* A name in the reserved directory: 16 hexadecimal digits. */
static uint64_t reserved_number(const char *name)
{
    return strlen(name) == 16 && strspn(name, "0123456789abcdef") == 16 ? strtoull(name, NULL, 16)
                                                                        : 0;
}

static int scan_one(struct dpl_objects *objects, int dir_fd, const char *name, bool reserve,
                    struct dpl_err *err)
{
    uint8_t id[DPL_OID_MAX];
    uint64_t number = reserve ? reserved_number(name) : 0;
    if (number > objects->last_reserved)
        objects->last_reserved = number;
    ssize_t size = dpl_objects_read_tag(objects, dir_fd, name, id);
    if (size == 0)
        return 0;
    struct dpl_view view = {id, (size_t)size};
    struct dpl_object *object = NULL;
    int rc = dpl_objects_here(objects, view, &object, err);
    if (rc == 0 && !object)
        rc = dpl_objects_enter(objects, view, dir_fd, name, &object, err);
    struct stat st;
    if (rc == 0 && number > 0 && fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
        st.st_ino == object->ino)
        object->reserved = number;
    return rc;
}

static int scan_dir(struct dpl_objects *objects, int dir_fd, bool reserve, bool deep,
                    struct dpl_err *err)
{
    DIR *dir = fdopendir(
        dpl_path_open_beneath(dir_fd, ".", O_RDONLY | O_DIRECTORY, 0, DPL_PATH_SAME_MOUNT, err));
    int rc = dir ? 0 : dpl_err_sys(err, errno, "open a directory of the replica");
    struct dirent *d;
    while (rc == 0 && (d = readdir(dir))) {
        if (!dpl_path_name_ok(d->d_name))
            continue;
        rc = scan_one(objects, dirfd(dir), d->d_name, reserve, err);
        struct stat st;
        if (rc < 0 || !deep || fstatat(dirfd(dir), d->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
            !S_ISDIR(st.st_mode) || st.st_dev != objects->dev)
            continue;
        dpl_autofd int fd = dpl_path_open_beneath(dirfd(dir), d->d_name, O_RDONLY | O_DIRECTORY, 0,
                                                  DPL_PATH_SAME_MOUNT, err);
        rc = fd < 0 ? fd : scan_dir(objects, fd, false, true, err);
    }
    if (dir)
        closedir(dir);
    return rc;
}

int dpl_objects_scan(struct dpl_objects *objects, int dir_fd, bool deep, struct dpl_err *err)
{
    struct stat st, reserve;
    if (fstat(dir_fd, &st) < 0 || fstat(objects->reserve_fd, &reserve) < 0)
        return dpl_err_sys(err, errno, "look at a directory of the replica");
    bool same = st.st_ino == reserve.st_ino && st.st_dev == reserve.st_dev;
    return scan_dir(objects, dir_fd, same, deep, err);
}
