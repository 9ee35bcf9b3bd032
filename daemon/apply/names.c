/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/apply/names.h"

#include "daemon/apply/apply.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { RESERVED_NAME = 17 };

static void text_of(struct dpl_view view, char *text, size_t room)
{
    size_t size = view.size < room ? view.size : room - 1;
    if (size > 0)
        memcpy(text, view.data, size);
    text[size] = '\0';
}

static void reserved_name(uint64_t number, char name[RESERVED_NAME])
{
    snprintf(name, RESERVED_NAME, "%016llx", (unsigned long long)number);
}

static int make_file(int dir_fd, const char *name, mode_t mode, dev_t rdev, const char *target)
{
    if (S_ISDIR(mode))
        return mkdirat(dir_fd, name, 0700);
    if (S_ISLNK(mode))
        return symlinkat(target, dir_fd, name);
    return mknodat(dir_fd, name, (mode & S_IFMT) | 0600, rdev);
}

int dpl_names_make(struct dpl_objects *objects, struct dpl_view id, mode_t mode, dev_t rdev,
                   struct dpl_view target, struct dpl_object **object_r, struct dpl_err *err)
{
    char name[RESERVED_NAME], text[PATH_MAX];
    uint64_t number = ++objects->last_reserved;
    reserved_name(number, name);
    text_of(target, text, sizeof text);
    dpl_autofd int fd = -1;
    if (S_ISREG(mode))
        fd = openat(objects->reserve_fd, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                    0600);
    if (S_ISREG(mode) ? fd < 0 : make_file(objects->reserve_fd, name, mode, rdev, text) < 0)
        return dpl_err_sys(err, errno, "make an object");
    int rc = S_ISREG(mode) ? dpl_objects_tag(objects, id, fd, NULL, object_r, err)
                           : dpl_objects_tag(objects, id, objects->reserve_fd, name, object_r, err);
    if (rc < 0) {
        unlinkat(objects->reserve_fd, name, S_ISDIR(mode) ? AT_REMOVEDIR : 0);
        return rc;
    }
    (*object_r)->reserved = number;
    if (fd >= 0)
        dpl_objects_keep(objects, *object_r, dpl_fd_steal(&fd));
    return 0;
}

/* A new file of this name; for what can be open its descriptor. */
static int make_at(int dir_fd, const char *name, mode_t mode, const char *target)
{
    if (S_ISREG(mode))
        return openat(dir_fd, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                      mode & 0777);
    if (make_file(dir_fd, name, mode, 0, target) < 0)
        return -1;
    return openat(dir_fd, name,
                  (S_ISDIR(mode) ? O_RDONLY | O_DIRECTORY : O_PATH) | O_NOFOLLOW | O_CLOEXEC);
}

static bool is(const struct dpl_objects *objects, const struct dpl_object *object, int dir_fd,
               const char *name)
{
    struct stat st;
    return fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_dev == objects->dev &&
           st.st_ino == object->ino;
}

/* Who has this name, ready to lose it. One that is tagged and not known was made by a record that
 * will be applied again: it is known from here on. NULL for a stranger. */
static int occupant(struct dpl_objects *objects, int dir_fd, const char *name, ino_t ino,
                    struct dpl_object **object_r, struct dpl_err *err)
{
    uint8_t id[DPL_OID_MAX];
    ssize_t size = dpl_objects_read_tag(objects, dir_fd, name, id);
    struct dpl_view view = {id, (size_t)size};
    struct dpl_object *object = NULL;
    int rc = size > 0 ? dpl_objects_here(objects, view, &object, err) : 0;
    if (rc == 0 && size > 0 && !object)
        rc = dpl_objects_enter(objects, view, dir_fd, name, &object, err);
    if (rc == 0 && object && object->ino == ino)
        rc = dpl_objects_unlock(objects, object, err);
    *object_r = object && object->ino == ino ? object : NULL;
    return rc;
}

/* Takes the name from whoever has it: the last one is exchanged for one in the reserved directory.
 */
static int set_aside(struct dpl_objects *objects, int dir_fd, const char *name, struct dpl_err *err)
{
    struct stat st;
    if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : dpl_err_sys(err, errno, "look at \"%s\"", name);
    struct dpl_object *object = NULL;
    int rc = occupant(objects, dir_fd, name, st.st_ino, &object, err);
    if (rc < 0)
        return rc;
    if (!S_ISDIR(st.st_mode) && st.st_nlink > 1) {
        if (unlinkat(dir_fd, name, 0) < 0)
            return dpl_err_sys(err, errno, "remove the name \"%s\"", name);
        return 0;
    }
    char reserved[RESERVED_NAME];
    uint64_t number = ++objects->last_reserved;
    reserved_name(number, reserved);
    if (renameat2(dir_fd, name, objects->reserve_fd, reserved, RENAME_NOREPLACE) < 0)
        return dpl_err_sys(err, errno, "set \"%s\" aside", name);
    if (object)
        object->reserved = number;
    return 0;
}

/* Where a directory is now: its parent, and its name there. */
static int locate(const struct dpl_objects *objects, const struct dpl_object *object, char *name,
                  size_t room, struct dpl_err *err)
{
    dpl_autofd int fd = dpl_objects_open(objects, object, O_RDONLY | O_DIRECTORY, err);
    if (fd < 0)
        return fd;
    dpl_autofd int parent = openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int copy = parent < 0 ? -1 : fcntl(parent, F_DUPFD_CLOEXEC, 0);
    DIR *dir = copy < 0 ? NULL : fdopendir(copy);
    if (!dir) {
        int rc = dpl_err_sys(err, errno, "open a directory's parent");
        dpl_fd_clear(&copy);
        return rc;
    }
    struct dirent *d;
    while ((d = readdir(dir)) && (d->d_ino != object->ino || !dpl_path_name_ok(d->d_name)))
        ;
    if (d)
        snprintf(name, room, "%s", d->d_name);
    closedir(dir);
    return d ? dpl_fd_steal(&parent)
             : dpl_err_set(err, DPL_E_NOT_FOUND, "a directory of the replica has no name");
}

static int set_placed(struct dpl_objects *objects, struct dpl_object *object, int dir_fd,
                      const char *name, struct dpl_err *err)
{
    char path[DPL_OBJECTS_PATH];
    if (!S_ISDIR(object->type))
        return 0;
    object->placed = objects->now;
    dpl_objects_change(objects, object);
    dpl_objects_path(path, sizeof path, dir_fd, name);
    if (lsetxattr(path, DPL_APPLY_PLACED, &object->placed, sizeof object->placed, 0) < 0)
        return dpl_err_sys(err, errno, "note the position of \"%s\"", name);
    return 0;
}

static bool is_later(struct dpl_position a, struct dpl_position b)
{
    return a.epoch > b.epoch || (a.epoch == b.epoch && a.lsn > b.lsn);
}

/* A directory is to be moved beneath itself: what is applied again is older than what is here. One
 * of those between was put there by a later record; it goes to the reserved directory, and that
 * record will bring it back. */
static int free_directory(struct dpl_objects *objects, int dir_fd, struct dpl_err *err)
{
    dpl_autofd int fd = fcntl(dir_fd, F_DUPFD_CLOEXEC, 0);
    struct dpl_object *object;
    while (fd >= 0 && (object = dpl_objects_at(objects, fd, NULL))) {
        char name[NAME_MAX + 1];
        if (is_later(object->placed, objects->now)) {
            dpl_autofd int from = locate(objects, object, name, sizeof name, err);
            return from < 0 ? from : set_aside(objects, from, name, err);
        }
        int parent = openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        dpl_fd_clear(&fd);
        fd = parent;
    }
    return dpl_err_set(err, DPL_E_CORRUPT, "a directory would be moved beneath itself");
}

static int rename_into(struct dpl_objects *objects, int from_fd, const char *from, int to_fd,
                       const char *to, struct dpl_err *err)
{
    while (renameat2(from_fd, from, to_fd, to, RENAME_NOREPLACE) < 0) {
        if (errno != EINVAL)
            return dpl_err_sys(err, errno, "give an object the name \"%s\"", to);
        int rc = free_directory(objects, to_fd, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int bring_directory(struct dpl_objects *objects, struct dpl_object *object, int dir_fd,
                           const char *name, struct dpl_err *err)
{
    char old[NAME_MAX + 1];
    dpl_autofd int from = locate(objects, object, old, sizeof old, err);
    return from < 0 ? from : rename_into(objects, from, old, dir_fd, name, err);
}

static int link_object(struct dpl_objects *objects, struct dpl_object *object, int dir_fd,
                       const char *name, struct dpl_err *err)
{
    int fd = dpl_objects_fd(objects, object, err);
    if (fd < 0)
        return fd;
    if (linkat(fd, "", dir_fd, name, AT_EMPTY_PATH) < 0)
        return dpl_err_sys(err, errno, "link \"%s\"", name);
    return 0;
}

static int give_name(struct dpl_objects *objects, struct dpl_object *object, int dir_fd,
                     const char *text, struct dpl_err *err)
{
    char reserved[RESERVED_NAME];
    if (object->reserved == 0 && is(objects, object, dir_fd, text))
        return 0;
    int rc = dpl_objects_unlock(objects, object, err);
    if (rc < 0)
        return rc;
    reserved_name(object->reserved, reserved);
    /* Mostly nobody has it. */
    if (object->reserved > 0 &&
        renameat2(objects->reserve_fd, reserved, dir_fd, text, RENAME_NOREPLACE) == 0) {
        object->reserved = 0;
        return 0;
    }
    rc = set_aside(objects, dir_fd, text, err);
    if (rc < 0)
        return rc;
    if (object->reserved == 0)
        return S_ISDIR(object->type) ? bring_directory(objects, object, dir_fd, text, err)
                                     : link_object(objects, object, dir_fd, text, err);
    rc = rename_into(objects, objects->reserve_fd, reserved, dir_fd, text, err);
    if (rc == 0)
        object->reserved = 0;
    return rc;
}

int dpl_names_ensure(struct dpl_objects *objects, struct dpl_object *object, int dir_fd,
                     struct dpl_view name, struct dpl_err *err)
{
    char text[NAME_MAX + 1];
    text_of(name, text, sizeof text);
    int rc = give_name(objects, object, dir_fd, text, err);
    return rc < 0 ? rc : set_placed(objects, object, dir_fd, text, err);
}

int dpl_names_make_at(struct dpl_objects *objects, struct dpl_view id, mode_t mode,
                      struct dpl_view target, int dir_fd, struct dpl_view name,
                      struct dpl_object **object_r, struct dpl_err *err)
{
    char text[NAME_MAX + 1], to[PATH_MAX];
    text_of(name, text, sizeof text);
    text_of(target, to, sizeof to);
    *object_r = NULL;
    dpl_autofd int fd = make_at(dir_fd, text, mode, to);
    if (fd < 0)
        return errno == EEXIST ? 0 : dpl_err_sys(err, errno, "make \"%s\"", text);
    int rc = S_ISLNK(mode) ? dpl_objects_tag(objects, id, dir_fd, text, object_r, err)
                           : dpl_objects_tag(objects, id, fd, NULL, object_r, err);
    if (rc < 0) {
        unlinkat(dir_fd, text, S_ISDIR(mode) ? AT_REMOVEDIR : 0);
        return rc;
    }
    dpl_objects_keep(objects, *object_r, dpl_fd_steal(&fd));
    return set_placed(objects, *object_r, dir_fd, text, err);
}

bool dpl_names_has(const struct dpl_objects *objects, const struct dpl_object *object, int dir_fd,
                   struct dpl_view name)
{
    char text[NAME_MAX + 1];
    text_of(name, text, sizeof text);
    return object->reserved == 0 && is(objects, object, dir_fd, text);
}

int dpl_names_lose(struct dpl_objects *objects, struct dpl_object *object, int dir_fd,
                   struct dpl_view name, struct dpl_err *err)
{
    char text[NAME_MAX + 1];
    text_of(name, text, sizeof text);
    return is(objects, object, dir_fd, text) ? set_aside(objects, dir_fd, text, err) : 0;
}

int dpl_names_move(struct dpl_objects *objects, struct dpl_object *object, int from_fd,
                   struct dpl_view from, int to_fd, struct dpl_view to, struct dpl_err *err)
{
    char old[NAME_MAX + 1], new[NAME_MAX + 1];
    text_of(from, old, sizeof old);
    text_of(to, new, sizeof new);
    if (!is(objects, object, from_fd, old)) {
        int rc = dpl_names_ensure(objects, object, to_fd, to, err);
        return rc < 0 ? rc : dpl_names_lose(objects, object, from_fd, from, err);
    }
    /* Mostly nobody has it. */
    if (renameat2(from_fd, old, to_fd, new, RENAME_NOREPLACE) == 0)
        return set_placed(objects, object, to_fd, new, err);
    if (is(objects, object, to_fd, new)) {
        int rc = dpl_names_ensure(objects, object, to_fd, to, err);
        return rc < 0 ? rc : dpl_names_lose(objects, object, from_fd, from, err);
    }
    int rc = set_aside(objects, to_fd, new, err);
    if (rc == 0)
        rc = rename_into(objects, from_fd, old, to_fd, new, err);
    return rc < 0 ? rc : set_placed(objects, object, to_fd, new, err);
}

int dpl_names_exchange(struct dpl_objects *objects, struct dpl_object *a, int a_fd,
                       struct dpl_view a_name, struct dpl_object *b, int b_fd,
                       struct dpl_view b_name, struct dpl_err *err)
{
    char first[NAME_MAX + 1], second[NAME_MAX + 1];
    text_of(a_name, first, sizeof first);
    text_of(b_name, second, sizeof second);
    if (is(objects, a, b_fd, second) && is(objects, b, a_fd, first)) {
        if (renameat2(a_fd, first, b_fd, second, RENAME_EXCHANGE) == 0) {
            int rc = set_placed(objects, a, a_fd, first, err);
            return rc < 0 ? rc : set_placed(objects, b, b_fd, second, err);
        }
        if (errno !=
            EINVAL) /* EINVAL: one lies beneath the other now; in two steps it can be done */
            return dpl_err_sys(err, errno, "exchange \"%s\" and \"%s\"", first, second);
    }
    int rc = dpl_names_ensure(objects, a, a_fd, a_name, err);
    if (rc == 0)
        rc = dpl_names_ensure(objects, b, b_fd, b_name, err);
    /* The second may have needed what the first one held. */
    return rc < 0 ? rc : dpl_names_ensure(objects, a, a_fd, a_name, err);
}

/* Removes a tree; what is mapped in it is forgotten with it. */
static int remove_tree(struct dpl_objects *objects, int dir_fd, const char *name,
                       struct dpl_err *err)
{
    struct dpl_object *object = NULL;
    struct stat st;
    if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : dpl_err_sys(err, errno, "look at \"%s\"", name);
    int rc = occupant(objects, dir_fd, name, st.st_ino, &object, err);
    if (rc == 0 && S_ISDIR(st.st_mode)) {
        int fd = dpl_path_open_beneath(dir_fd, name, O_RDONLY | O_DIRECTORY, 0, DPL_PATH_SAME_MOUNT,
                                       err);
        DIR *dir = fd < 0 ? NULL : fdopendir(fd);
        if (!dir)
            return fd < 0 ? fd : dpl_err_sys(err, errno, "open \"%s\"", name);
        struct dirent *d;
        while (rc == 0 && (d = readdir(dir)))
            if (dpl_path_name_ok(d->d_name))
                rc = remove_tree(objects, dirfd(dir), d->d_name, err);
        closedir(dir);
    }
    if (rc == 0 && unlinkat(dir_fd, name, S_ISDIR(st.st_mode) ? AT_REMOVEDIR : 0) < 0)
        rc = dpl_err_sys(err, errno, "remove \"%s\"", name);
    if (rc == 0 && object && (S_ISDIR(st.st_mode) || st.st_nlink == 1)) {
        dpl_objects_set_gone(objects, object->id);
        dpl_objects_forget(objects, object);
    }
    return rc;
}

int dpl_names_remove(struct dpl_objects *objects, int dir_fd, const char *name, struct dpl_err *err)
{
    return remove_tree(objects, dir_fd, name, err);
}

int dpl_names_drop(struct dpl_objects *objects, struct dpl_object *object, struct dpl_err *err)
{
    /* A later record brought it back, and will do so again. */
    if (object->reserved == 0 && dpl_objects_again(objects))
        return 0;
    if (object->reserved == 0)
        return dpl_err_set(err, DPL_E_CORRUPT, "an object was dropped that has a name here");
    char name[RESERVED_NAME];
    reserved_name(object->reserved, name);
    return remove_tree(objects, objects->reserve_fd, name, err);
}
