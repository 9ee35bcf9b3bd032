/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/apply/objects.h"

#include "daemon/apply/apply.h"
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

static void object_free(gpointer data)
{
    struct dpl_object *object = data;
    g_bytes_unref(object->id);
    g_free(object);
}

void dpl_objects_path(char path[], size_t room, int dir_fd, const char *name)
{
    if (name)
        snprintf(path, room, "/proc/self/fd/%d/%s", dir_fd, name);
    else
        snprintf(path, room, "/proc/self/fd/%d", dir_fd);
}

int dpl_objects_init(struct dpl_objects *objects, int reserve_fd, struct dpl_err *err)
{
    struct stat st;
    if (fstat(reserve_fd, &st) < 0)
        return dpl_err_sys(err, errno, "look at the reserved directory");
    objects->by_id = g_hash_table_new_full(g_bytes_hash, g_bytes_equal, NULL, object_free);
    objects->reserve_fd = reserve_fd;
    objects->dev = st.st_dev;
    objects->last_reserved = 0;
    objects->now = (struct dpl_position){0};
    return 0;
}

void dpl_objects_done(struct dpl_objects *objects)
{
    g_clear_pointer(&objects->by_id, g_hash_table_destroy);
}

struct dpl_object *dpl_objects_find(const struct dpl_objects *objects, struct dpl_view id)
{
    g_autoptr(GBytes) key = g_bytes_new_static(id.data, id.size);
    return g_hash_table_lookup(objects->by_id, key);
}

struct dpl_object *dpl_objects_at(const struct dpl_objects *objects, int dir_fd, const char *name)
{
    char path[DPL_OBJECTS_PATH];
    unsigned char id[DPL_OID_MAX];
    dpl_objects_path(path, sizeof path, dir_fd, name);
    /* Without a name it is the file behind the descriptor: the link in /proc is followed. */
    ssize_t size = name ? lgetxattr(path, DPL_APPLY_TAG, id, sizeof id)
                        : getxattr(path, DPL_APPLY_TAG, id, sizeof id);
    return size > 0 ? dpl_objects_find(objects, (struct dpl_view){id, (size_t)size}) : NULL;
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
    struct dpl_object *object = g_new0(struct dpl_object, 1);
    object->id = g_bytes_new(id.data, id.size);
    object->dev = st.st_dev;
    object->ino = st.st_ino;
    object->type = st.st_mode & S_IFMT;
    object->handle_type = u.h.handle_type;
    object->handle_bytes = u.h.handle_bytes;
    memcpy(object->handle, u.h.f_handle, u.h.handle_bytes);
    char path[DPL_OBJECTS_PATH];
    dpl_objects_path(path, sizeof path, dir_fd, name);
    if (name && lgetxattr(path, DPL_APPLY_PLACED, &object->placed, sizeof object->placed) !=
                    sizeof object->placed)
        object->placed = (struct dpl_position){0};
    g_hash_table_replace(objects->by_id, object->id, object);
    *object_r = object;
    return 0;
}

int dpl_objects_tag(struct dpl_objects *objects, struct dpl_view id, int dir_fd, const char *name,
                    struct dpl_object **object_r, struct dpl_err *err)
{
    char path[DPL_OBJECTS_PATH];
    dpl_objects_path(path, sizeof path, dir_fd, name);
    int rc = name ? lsetxattr(path, DPL_APPLY_TAG, id.data, id.size, 0)
                  : setxattr(path, DPL_APPLY_TAG, id.data, id.size, 0);
    if (rc < 0)
        return dpl_err_sys(err, errno, "tag \"%s\" with the source's id", name ? name : ".");
    return enter(objects, id, dir_fd, name, object_r, err);
}

void dpl_objects_forget(struct dpl_objects *objects, struct dpl_object *object)
{
    g_hash_table_remove(objects->by_id, object->id);
}

int dpl_objects_open(const struct dpl_objects *objects, const struct dpl_object *object, int flags,
                     struct dpl_err *err)
{
    union handle u = {.h.handle_bytes = object->handle_bytes, .h.handle_type = object->handle_type};
    memcpy(u.h.f_handle, object->handle, object->handle_bytes);
    dpl_autofd int fd =
        open_by_handle_at(objects->reserve_fd, &u.h, flags | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && errno == ESTALE)
        return dpl_err_set(err, DPL_E_NOT_FOUND, "an object of the replica is gone");
    if (fd < 0)
        return dpl_err_sys(err, errno, "open an object of the replica");
    struct stat st;
    if (fstat(fd, &st) < 0 || st.st_dev != object->dev || st.st_ino != object->ino)
        return dpl_err_set(err, DPL_E_CORRUPT, "an object of the replica is another one now");
    return dpl_fd_steal(&fd);
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
    char path[DPL_OBJECTS_PATH];
    unsigned char id[DPL_OID_MAX];
    struct dpl_object *object = NULL;
    uint64_t number = reserve ? reserved_number(name) : 0;
    if (number > objects->last_reserved)
        objects->last_reserved = number;
    dpl_objects_path(path, sizeof path, dir_fd, name);
    ssize_t size = lgetxattr(path, DPL_APPLY_TAG, id, sizeof id);
    if (size < 0 && errno != ENODATA)
        return dpl_err_sys(err, errno, "read the tag of \"%s\"", name);
    if (size <= 0)
        return 0;
    struct dpl_view view = {id, (size_t)size};
    object = dpl_objects_find(objects, view);
    int rc = object ? 0 : enter(objects, view, dir_fd, name, &object, err);
    if (rc == 0 && number > 0)
        object->reserved = number;
    return rc;
}

static int scan_dir(struct dpl_objects *objects, int dir_fd, bool reserve, struct dpl_err *err)
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
        if (rc < 0 || fstatat(dirfd(dir), d->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
            !S_ISDIR(st.st_mode) || st.st_dev != objects->dev)
            continue;
        dpl_autofd int fd = dpl_path_open_beneath(dirfd(dir), d->d_name, O_RDONLY | O_DIRECTORY, 0,
                                                  DPL_PATH_SAME_MOUNT, err);
        rc = fd < 0 ? fd : scan_dir(objects, fd, false, err);
    }
    if (dir)
        closedir(dir);
    return rc;
}

int dpl_objects_scan(struct dpl_objects *objects, int dir_fd, struct dpl_err *err)
{
    struct stat st, reserve;
    if (fstat(dir_fd, &st) < 0 || fstat(objects->reserve_fd, &reserve) < 0)
        return dpl_err_sys(err, errno, "look at a directory of the replica");
    bool same = st.st_ino == reserve.st_ino && st.st_dev == reserve.st_dev;
    return scan_dir(objects, dir_fd, same, err);
}
