/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/apply/state.h"

#include "daemon/apply/apply.h"
#include "daemon/apply/objects.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <unistd.h>

/* From Linux 6.14 on. */
#ifndef RWF_DONTCACHE
#define RWF_DONTCACHE 0x00000080
#endif
enum { UNCACHED_BYTES = 512 * 1024 };

/* A path that leads to what the descriptor is of, whatever that is: for calls that refuse O_PATH.
 */
static void path_of(int fd, char path[DPL_OBJECTS_PATH])
{
    dpl_objects_path(path, DPL_OBJECTS_PATH, fd, NULL);
}

static bool is_path(mode_t type)
{
    return !S_ISREG(type) && !S_ISDIR(type);
}

static int set_owner(int fd, const struct dpl_attr *attr, const struct stat *st, bool *changed,
                     struct dpl_err *err)
{
    bool uid = (attr->has & DPL_A_UID) && attr->uid != st->st_uid;
    bool gid = (attr->has & DPL_A_GID) && attr->gid != st->st_gid;
    *changed = uid || gid;
    if (!*changed)
        return 0;
    if (fchownat(fd, "", uid ? attr->uid : (uid_t)-1, gid ? attr->gid : (gid_t)-1, AT_EMPTY_PATH) <
        0)
        return dpl_err_sys(err, errno, "set the owner");
    return 0;
}

static struct timespec time_to(bool has, struct dpl_time time)
{
    if (!has)
        return (struct timespec){.tv_nsec = UTIME_OMIT};
    return (struct timespec){.tv_sec = time.sec, .tv_nsec = (long)time.nsec};
}

static int set_mode(int fd, mode_t type, mode_t mode)
{
    char path[DPL_OBJECTS_PATH];
    if (!is_path(type))
        return fchmod(fd, mode);
    path_of(fd, path);
    return chmod(path, mode);
}

static int set_times(int fd, mode_t type, const struct timespec times[2])
{
    char path[DPL_OBJECTS_PATH];
    if (!is_path(type))
        return futimens(fd, times);
    path_of(fd, path);
    return utimensat(AT_FDCWD, path, times, 0);
}

int dpl_state_attr(int fd, const struct dpl_attr *attr, bool allow_setid, struct dpl_err *err)
{
    struct stat st;
    bool changed;
    if (fstat(fd, &st) < 0)
        return dpl_err_sys(err, errno, "look at an object");
    int rc = set_owner(fd, attr, &st, &changed, err);
    if (rc < 0)
        return rc;
    mode_t mode = attr->mode & (allow_setid || S_ISDIR(st.st_mode) ? 07777U : 01777U);
    if ((attr->has & DPL_A_MODE) && !S_ISLNK(st.st_mode) &&
        /* A new owner takes the set-ID bits away, and no others. */
        ((changed && (mode & 06000)) || mode != (st.st_mode & 07777)) &&
        set_mode(fd, st.st_mode, mode) < 0)
        return dpl_err_sys(err, errno, "set the mode");
    struct timespec times[2] = {time_to(attr->has & DPL_A_ATIME, attr->atime),
                                time_to(attr->has & DPL_A_MTIME, attr->mtime)};
    if ((attr->has & (DPL_A_ATIME | DPL_A_MTIME)) && set_times(fd, st.st_mode, times) < 0)
        return dpl_err_sys(err, errno, "set the times");
    return 0;
}

static bool is_ours(const char *name)
{
    return strncmp(name, DPL_APPLY_TAGS, strlen(DPL_APPLY_TAGS)) == 0;
}

int dpl_state_setxattr(int fd, mode_t type, struct dpl_view name, struct dpl_view value,
                       struct dpl_err *err)
{
    char path[DPL_OBJECTS_PATH], text[DPL_NAME_MAX + 1];
    path_of(fd, path);
    memcpy(text, name.data, name.size);
    text[name.size] = '\0';
    if (is_ours(text))
        return dpl_err_set(err, DPL_E_REFUSED, "the source sent the attribute \"%s\"", text);
    if ((is_path(type) ? setxattr(path, text, value.data, value.size, 0)
                       : fsetxattr(fd, text, value.data, value.size, 0)) < 0)
        return dpl_err_sys(err, errno, "set the attribute \"%s\"", text);
    return 0;
}

int dpl_state_removexattr(int fd, mode_t type, const char *name, struct dpl_err *err)
{
    char path[DPL_OBJECTS_PATH];
    path_of(fd, path);
    if (is_ours(name))
        return dpl_err_set(err, DPL_E_REFUSED, "the source removed the attribute \"%s\"", name);
    if ((is_path(type) ? removexattr(path, name) : fremovexattr(fd, name)) < 0 && errno != ENODATA)
        return dpl_err_sys(err, errno, "remove the attribute \"%s\"", name);
    return 0;
}

static bool in_list(struct dpl_view list, const char *wanted)
{
    struct dpl_view name, value, text = {(const uint8_t *)wanted, strlen(wanted)};
    while (dpl_xattrs_next(&list, &name, &value) > 0)
        if (dpl_view_equal(name, text))
            return true;
    return false;
}

static bool has_all(const char *path, struct dpl_view list)
{
    struct dpl_view name, value;
    char text[DPL_NAME_MAX + 1];
    g_autofree uint8_t *here = NULL;
    while (dpl_xattrs_next(&list, &name, &value) > 0) {
        if (name.size > DPL_NAME_MAX)
            return false;
        memcpy(text, name.data, name.size);
        text[name.size] = '\0';
        if (!here)
            here = g_malloc(DPL_XATTR_VALUE_MAX);
        ssize_t size = getxattr(path, text, here, DPL_XATTR_VALUE_MAX);
        if (size != (ssize_t)value.size || memcmp(here, value.data, value.size) != 0)
            return false;
    }
    return true;
}

int dpl_state_same_xattrs(int fd, struct dpl_view list, struct dpl_err *err)
{
    char path[DPL_OBJECTS_PATH];
    g_autofree char *names = g_malloc(65536);
    path_of(fd, path);
    ssize_t size = listxattr(path, names, 65536);
    if (size < 0 && errno != EOPNOTSUPP)
        return dpl_err_sys(err, errno, "list the attributes of an object");
    for (const char *at = names; at < names + size; at += strlen(at) + 1)
        if (strncmp(at, "trusted.", 8) != 0 && strcmp(at, "security.selinux") != 0 &&
            !in_list(list, at))
            return 0;
    return has_all(path, list);
}

int dpl_state_xattrs(int fd, mode_t type, struct dpl_view list, bool keep_trusted,
                     struct dpl_err *err)
{
    char path[DPL_OBJECTS_PATH];
    g_autofree char *names = g_malloc(65536);
    path_of(fd, path);
    ssize_t size = listxattr(path, names, 65536);
    if (size < 0)
        return dpl_err_sys(err, errno, "list the attributes of an object");
    for (const char *at = names; at < names + size; at += strlen(at) + 1) {
        /* A security module labels by its own policy here. */
        if (is_ours(at) || strcmp(at, "security.selinux") == 0 || in_list(list, at) ||
            (keep_trusted && strncmp(at, "trusted.", 8) == 0))
            continue;
        int rc = dpl_state_removexattr(fd, type, at, err);
        if (rc < 0)
            return rc;
    }
    struct dpl_view name, value;
    int rc;
    while ((rc = dpl_xattrs_next(&list, &name, &value)) > 0)
        if ((rc = dpl_state_setxattr(fd, type, name, value, err)) < 0)
            return rc;
    return rc < 0 ? dpl_err_set(err, rc, "a list of attributes is damaged") : 0;
}

/* What comes in bulk is written to the disk at once and not kept in memory: a checkpoint waits for
 * less, and nothing else is displaced. */
static ssize_t write_some(int fd, struct dpl_view data, uint64_t offset)
{
    static bool unknown;
    if (data.size >= UNCACHED_BYTES && !unknown) {
        struct iovec iov = {(void *)(uintptr_t)data.data, data.size};
        ssize_t n = pwritev2(fd, &iov, 1, (off_t)offset, RWF_DONTCACHE);
        if (n >= 0 || (errno != EOPNOTSUPP && errno != EINVAL && errno != ENOSYS))
            return n;
        unknown = true;
    }
    return pwrite(fd, data.data, data.size, (off_t)offset);
}

int dpl_state_write(int fd, uint64_t offset, struct dpl_view data, struct dpl_err *err)
{
    while (data.size > 0) {
        ssize_t n = write_some(fd, data, offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return dpl_err_sys(err, n < 0 ? errno : EIO, "write the replica");
        data.data += n;
        data.size -= (size_t)n;
        offset += (uint64_t)n;
    }
    return 0;
}

int dpl_state_size(int fd, uint64_t size, struct dpl_err *err)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return dpl_err_sys(err, errno, "look at an object");
    if ((uint64_t)st.st_size != size && ftruncate(fd, (off_t)size) < 0)
        return dpl_err_sys(err, errno, "set the size");
    return 0;
}

static int write_zeros(int fd, uint64_t offset, uint64_t length, bool keep_size,
                       struct dpl_err *err)
{
    static const uint8_t zeros[65536];
    struct stat st;
    if (fstat(fd, &st) < 0)
        return dpl_err_sys(err, errno, "look at an object");
    uint64_t end = offset + length;
    if (keep_size && end > (uint64_t)st.st_size)
        end = (uint64_t)st.st_size;
    int rc = 0;
    while (rc == 0 && offset < end) {
        size_t size = end - offset < sizeof zeros ? (size_t)(end - offset) : sizeof zeros;
        rc = dpl_state_write(fd, offset, (struct dpl_view){zeros, size}, err);
        offset += size;
    }
    return rc;
}

int dpl_state_fallocate(int fd, uint32_t mode, uint64_t offset, uint64_t length,
                        struct dpl_err *err)
{
    if (fallocate(fd, (int)mode, (off_t)offset, (off_t)length) == 0)
        return 0;
    if (errno != EOPNOTSUPP)
        return dpl_err_sys(err, errno, "allocate in the replica");
    if (mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE))
        return write_zeros(fd, offset, length, mode & FALLOC_FL_KEEP_SIZE, err);
    return 0; /* room is not part of what a reader sees; the size comes with the attributes */
}

int dpl_state_copy(int to_fd, uint64_t to, int from_fd, uint64_t from, uint64_t length,
                   struct dpl_err *err)
{
    while (length > 0) {
        off_t in = (off_t)from, out = (off_t)to;
        ssize_t n = copy_file_range(from_fd, &in, to_fd, &out, length, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? dpl_err_sys(err, errno, "copy within the replica")
                         : dpl_err_set(err, DPL_E_CORRUPT, "the source of a copy is too short");
        length -= (uint64_t)n;
        from += (uint64_t)n;
        to += (uint64_t)n;
    }
    return 0;
}
