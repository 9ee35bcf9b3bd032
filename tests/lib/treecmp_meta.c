/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Extended attributes, inode flags, and which names share a file.
 */
#include "tests/lib/treecmp_int.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/xattr.h>
#include <unistd.h>

#define VALUE_MAX ((size_t)64 * 1024)

/* The name by which calls without a form for descriptors reach an O_PATH one. */
static void proc_name(int fd, char *name, size_t size)
{
    snprintf(name, size, "/proc/self/fd/%d", fd);
}

static bool skipped(const struct treecmp_run *run, const char *name)
{
    const char *const *skip = run->options->skip_xattrs;
    for (; skip && *skip; skip++)
        if (strncmp(name, *skip, strlen(*skip)) == 0)
            return true;
    return false;
}

/* The names of an object's attributes, without the skipped ones; NULL with errno set. */
static GPtrArray *xattr_names(const struct treecmp_run *run, int fd)
{
    char path[64];
    proc_name(fd, path, sizeof path);
    g_autofree char *list = g_malloc(VALUE_MAX);
    ssize_t size = listxattr(path, list, VALUE_MAX);
    if (size < 0 && errno != EOPNOTSUPP)
        return NULL;
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
    for (ssize_t i = 0; i < size; i += (ssize_t)strlen(list + i) + 1)
        if (!skipped(run, list + i))
            g_ptr_array_add(names, g_strdup(list + i));
    return names;
}

static void compare_value(struct treecmp_run *run, int a_fd, int b_fd, const char *name)
{
    const int fds[2] = {a_fd, b_fd};
    ssize_t size[2];
    for (int side = 0; side < 2; side++) {
        char path[64];
        proc_name(fds[side], path, sizeof path);
        size[side] = getxattr(path, name, run->buffer[side], VALUE_MAX);
        if (size[side] < 0) {
            treecmp_differs(run, "attribute %s of %s: %s", name, side ? "B" : "A", strerror(errno));
            return;
        }
    }
    if (size[0] != size[1] || memcmp(run->buffer[0], run->buffer[1], (size_t)size[0]) != 0) {
        g_autofree char *a = treecmp_escape(run->buffer[0], MIN((size_t)size[0], 40));
        g_autofree char *b = treecmp_escape(run->buffer[1], MIN((size_t)size[1], 40));
        treecmp_differs(run, "attribute %s: A \"%s\" (%zd bytes), B \"%s\" (%zd bytes)", name, a,
                        size[0], b, size[1]);
    }
}

static bool has_name(GPtrArray *names, const char *name)
{
    for (guint i = 0; i < names->len; i++)
        if (strcmp(g_ptr_array_index(names, i), name) == 0)
            return true;
    return false;
}

void treecmp_xattrs(struct treecmp_run *run, int a_fd, int b_fd)
{
    g_autoptr(GPtrArray) a = xattr_names(run, a_fd);
    int a_errno = errno;
    g_autoptr(GPtrArray) b = xattr_names(run, b_fd);
    if (!a || !b) {
        treecmp_differs(run, "attributes of %s cannot be listed: %s", a ? "B" : "A",
                        strerror(a ? errno : a_errno));
        return;
    }
    for (guint i = 0; i < a->len; i++) {
        const char *name = g_ptr_array_index(a, i);
        if (has_name(b, name))
            compare_value(run, a_fd, b_fd, name);
        else
            treecmp_differs(run, "attribute %s only in A", name);
    }
    for (guint i = 0; i < b->len; i++)
        if (!has_name(a, g_ptr_array_index(b, i)))
            treecmp_differs(run, "attribute %s only in B", (char *)g_ptr_array_index(b, i));
}

/* The flags that a user sets. The others tell how a file system stores the file. */
#define FLAGS_OF_USERS                                                                             \
    (FS_SYNC_FL | FS_IMMUTABLE_FL | FS_APPEND_FL | FS_NODUMP_FL | FS_NOATIME_FL | FS_DIRSYNC_FL |  \
     FS_TOPDIR_FL | FS_PROJINHERIT_FL | FS_CASEFOLD_FL | FS_COMPR_FL | FS_UNRM_FL | FS_SECRM_FL)

/* Returns the flags, or -1 where the file system has none to tell. */
static long flags_of(int path_fd)
{
    char path[64];
    proc_name(path_fd, path, sizeof path);
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOATIME | O_CLOEXEC);
    if (fd < 0)
        return -1;
    unsigned flags = 0;
    int rc = ioctl(fd, FS_IOC_GETFLAGS, &flags);
    close(fd);
    return rc < 0 ? -1 : (long)(flags & FLAGS_OF_USERS);
}

void treecmp_flags(struct treecmp_run *run, int a_fd, int b_fd)
{
    long a = flags_of(a_fd);
    long b = flags_of(b_fd);
    if (a < 0 || b < 0)
        run->result.flags_not_known++;
    else if (a != b)
        treecmp_differs(run, "inode flags: A %lx, B %lx", (unsigned long)a, (unsigned long)b);
}

struct treecmp_twin {
    ino_t a;
    ino_t b;
    char *path; /* the first name, printable */
};

static void twin_free(void *data)
{
    struct treecmp_twin *twin = data;
    g_free(twin->path);
    g_free(twin);
}

static void twin_add(struct treecmp_run *run, const struct stat *a, const struct stat *b)
{
    struct treecmp_twin *twin = g_new0(struct treecmp_twin, 1);
    twin->a = a->st_ino;
    twin->b = b->st_ino;
    twin->path = treecmp_escape(run->path->str, run->path->len);
    g_hash_table_insert(run->a_inodes, &twin->a, twin);
    g_hash_table_insert(run->b_inodes, &twin->b, twin);
}

void treecmp_links(struct treecmp_run *run, const struct stat *a, const struct stat *b)
{
    if (!run->a_inodes) {
        run->a_inodes = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, twin_free);
        run->b_inodes = g_hash_table_new(g_int64_hash, g_int64_equal);
    }
    if (a->st_nlink != b->st_nlink)
        treecmp_differs(run, "link count: A %lu, B %lu", (unsigned long)a->st_nlink,
                        (unsigned long)b->st_nlink);
    if (S_ISDIR(a->st_mode) || (a->st_nlink == 1 && b->st_nlink == 1))
        return;
    const struct treecmp_twin *by_a = g_hash_table_lookup(run->a_inodes, &a->st_ino);
    const struct treecmp_twin *by_b = g_hash_table_lookup(run->b_inodes, &b->st_ino);
    if (!by_a && !by_b)
        twin_add(run, a, b);
    else if (!by_a || by_a->b != b->st_ino)
        treecmp_differs(run, "is one file with \"%s\" in %s only", by_a ? by_a->path : by_b->path,
                        by_a ? "A" : "B");
}
