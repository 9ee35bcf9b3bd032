/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The walk of treecmp, and what stat(2) and readlink(2) tell of two objects.
 *
 * Only the directories at hand are open, whatever the depth: the names of a level are read and
 * sorted first, and the way back up is "..", whose inode must be the one that was left.
 */
#include "tests/lib/treecmp_int.h"

#include "lib/base/fd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

char *treecmp_escape(const char *bytes, size_t size)
{
    GString *out = g_string_new(NULL);
    for (size_t i = 0; i < size; i++) {
        unsigned char c = (unsigned char)bytes[i];
        if (c < 0x20 || c >= 0x7f || c == '\\')
            g_string_append_printf(out, "\\x%02x", c);
        else
            g_string_append_c(out, (char)c);
    }
    return g_string_free(out, FALSE);
}

void treecmp_differs(struct treecmp_run *run, const char *format, ...)
{
    run->result.differences++;
    if (!run->options->report || run->result.differences > run->options->max_reports)
        return;
    va_list args;
    va_start(args, format);
    g_autofree char *what = g_strdup_vprintf(format, args);
    va_end(args);
    g_autofree char *path = treecmp_escape(run->path->str, run->path->len);
    run->options->report(run->options->arg, *path ? path : ".", what);
}

static int by_bytes(const void *a, const void *b)
{
    const char *const *x = a;
    const char *const *y = b;
    return strcmp(*x, *y);
}

/* The names of a directory in the order of their bytes, a NULL at the end; NULL with errno set. */
static GPtrArray *names_of(int dir_fd)
{
    int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOATIME);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir)
        return NULL;
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
    const struct dirent *entry;
    while (errno = 0, (entry = readdir(dir)) != NULL)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            g_ptr_array_add(names, g_strdup(entry->d_name));
    int saved = errno;
    closedir(dir);
    if (saved != 0) {
        g_ptr_array_unref(names);
        errno = saved;
        return NULL;
    }
    g_ptr_array_sort(names, by_bytes);
    g_ptr_array_add(names, NULL);
    return names;
}

static bool excluded(const struct treecmp_run *run)
{
    const char *const *pattern = run->options->exclude;
    for (; pattern && *pattern; pattern++)
        if (fnmatch(*pattern, run->path->str, FNM_PATHNAME) == 0)
            return true;
    return false;
}

static void compare_time(struct treecmp_run *run, const char *name, const struct timespec *a,
                         const struct timespec *b)
{
    int64_t recent_s = run->options->recent_s;
    if (recent_s != 0 && a->tv_sec >= recent_s && b->tv_sec >= recent_s)
        return;
    if (a->tv_sec != b->tv_sec || a->tv_nsec != b->tv_nsec)
        treecmp_differs(run, "%s: A %lld.%09ld, B %lld.%09ld", name, (long long)a->tv_sec,
                        a->tv_nsec, (long long)b->tv_sec, b->tv_nsec);
}

static void compare_stat(struct treecmp_run *run, const struct stat *a, const struct stat *b)
{
    unsigned what = run->options->what;
    if ((what & TREECMP_MODE) && a->st_mode != b->st_mode)
        treecmp_differs(run, "mode: A %04o, B %04o", a->st_mode & 07777, b->st_mode & 07777);
    if ((what & TREECMP_OWNER) && (a->st_uid != b->st_uid || a->st_gid != b->st_gid))
        treecmp_differs(run, "owner: A %u:%u, B %u:%u", a->st_uid, a->st_gid, b->st_uid, b->st_gid);
    if (what & TREECMP_MTIME)
        compare_time(run, "mtime", &a->st_mtim, &b->st_mtim);
    if (what & TREECMP_ATIME)
        compare_time(run, "atime", &a->st_atim, &b->st_atim);
    if ((S_ISCHR(a->st_mode) || S_ISBLK(a->st_mode)) && a->st_rdev != b->st_rdev)
        treecmp_differs(run, "device: A %u:%u, B %u:%u", major(a->st_rdev), minor(a->st_rdev),
                        major(b->st_rdev), minor(b->st_rdev));
}

static void compare_targets(struct treecmp_run *run, int a_fd, int b_fd)
{
    ssize_t a = readlinkat(a_fd, "", run->buffer[0], TREECMP_CHUNK);
    ssize_t b = readlinkat(b_fd, "", run->buffer[1], TREECMP_CHUNK);
    if (a < 0 || b < 0) {
        treecmp_differs(run, "the link cannot be read in %s: %s", a < 0 ? "A" : "B",
                        strerror(errno));
    } else if (a != b || memcmp(run->buffer[0], run->buffer[1], (size_t)a) != 0) {
        g_autofree char *x = treecmp_escape(run->buffer[0], (size_t)a);
        g_autofree char *y = treecmp_escape(run->buffer[1], (size_t)b);
        treecmp_differs(run, "target: A \"%s\", B \"%s\"", x, y);
    }
}

static int open_for_data(int dir_fd, const char *name)
{
    int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
    int fd = openat(dir_fd, name, flags | O_NOATIME);
    return fd < 0 && errno == EPERM ? openat(dir_fd, name, flags) : fd;
}

static void compare_files(struct treecmp_run *run, int a_dir, int b_dir, const char *name,
                          off_t size)
{
    dpl_autofd int a = open_for_data(a_dir, name);
    dpl_autofd int b = a < 0 ? -1 : open_for_data(b_dir, name);
    if (a < 0 || b < 0) {
        treecmp_differs(run, "cannot be opened in %s: %s", a < 0 ? "A" : "B", strerror(errno));
        return;
    }
    if (run->options->what & TREECMP_DATA)
        treecmp_data(run, a, b, size);
    if (run->options->what & TREECMP_HOLES)
        treecmp_holes(run, a, b, size);
}

static const char *type_name(mode_t mode)
{
    switch (mode & S_IFMT) {
    case S_IFREG:
        return "file";
    case S_IFDIR:
        return "directory";
    case S_IFLNK:
        return "symbolic link";
    case S_IFIFO:
        return "fifo";
    case S_IFSOCK:
        return "socket";
    case S_IFCHR:
        return "character device";
    default:
        return "block device";
    }
}

static int compare_dirs(struct treecmp_run *run, int *a_dir, int *b_dir, bool *shorter_r,
                        struct dpl_err *err);

/* Goes into a directory of both, compares it and comes back: *dir are other descriptors then. */
static int descend(struct treecmp_run *run, int *dirs[2], const char *name, const struct stat *st,
                   struct dpl_err *err)
{
    bool shorter = false;
    struct stat parent[2];
    dpl_autofd int a = openat(*dirs[0], name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    dpl_autofd int b = openat(*dirs[1], name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (a < 0 || b < 0 || fstat(*dirs[0], &parent[0]) < 0 || fstat(*dirs[1], &parent[1]) < 0) {
        treecmp_differs(run, "cannot be opened in %s: %s", a < 0 ? "A" : "B", strerror(errno));
        return 0;
    }
    int *sub[2] = {&a, &b};
    for (int side = 0; side < 2; side++) {
        close(*dirs[side]);
        *dirs[side] = -1;
    }
    int rc = compare_dirs(run, &a, &b, &shorter, err);
    for (int side = 0; rc == 0 && side < 2; side++) {
        struct stat back;
        *dirs[side] = openat(*sub[side], "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (*dirs[side] < 0 || fstat(*dirs[side], &back) < 0)
            return dpl_err_sys(err, errno, "\"..\" of \"%s\" in %s", name, side ? "B" : "A");
        if (back.st_ino != parent[side].st_ino || back.st_dev != parent[side].st_dev)
            return dpl_err_set(err, DPL_E_BUSY, "tree %s changed during the comparison at \"%s\"",
                               side ? "B" : "A", name);
    }
    if (rc == 0 && (run->options->what & TREECMP_LINKS) && !shorter)
        treecmp_links(run, &st[0], &st[1]);
    return rc;
}

/* One name that both have. */
static int compare_object(struct treecmp_run *run, int *a_dir, int *b_dir, const char *name,
                          struct dpl_err *err)
{
    struct stat st[2];
    dpl_autofd int a = openat(*a_dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    dpl_autofd int b = openat(*b_dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (a < 0 || b < 0 || fstat(a, &st[0]) < 0 || fstat(b, &st[1]) < 0) {
        treecmp_differs(run, "cannot be looked at in %s: %s", a < 0 ? "A" : "B", strerror(errno));
        return 0;
    }
    run->result.objects++;
    if ((st[0].st_mode & S_IFMT) != (st[1].st_mode & S_IFMT)) {
        treecmp_differs(run, "type: A %s, B %s", type_name(st[0].st_mode),
                        type_name(st[1].st_mode));
        return 0;
    }
    compare_stat(run, &st[0], &st[1]);
    if (run->options->what & TREECMP_XATTR)
        treecmp_xattrs(run, a, b);
    if ((run->options->what & TREECMP_FLAGS) && (S_ISREG(st[0].st_mode) || S_ISDIR(st[0].st_mode)))
        treecmp_flags(run, a, b);
    if (S_ISLNK(st[0].st_mode))
        compare_targets(run, a, b);
    if (S_ISDIR(st[0].st_mode)) {
        dpl_fd_clear(&a);
        dpl_fd_clear(&b);
        return descend(run, (int *[]){a_dir, b_dir}, name, st, err);
    }
    if (run->options->what & TREECMP_LINKS)
        treecmp_links(run, &st[0], &st[1]);
    if (S_ISREG(st[0].st_mode) && st[0].st_size != st[1].st_size)
        treecmp_differs(run, "size: A %lld, B %lld", (long long)st[0].st_size,
                        (long long)st[1].st_size);
    else if (S_ISREG(st[0].st_mode))
        compare_files(run, *a_dir, *b_dir, name, st[0].st_size);
    return 0;
}

/* Compares what two directories hold. *shorter_r: a name was left out, so link counts may differ.
 */
static int compare_dirs(struct treecmp_run *run, int *a_dir, int *b_dir, bool *shorter_r,
                        struct dpl_err *err)
{
    g_autoptr(GPtrArray) a = names_of(*a_dir);
    g_autoptr(GPtrArray) b = a ? names_of(*b_dir) : NULL;
    if (!a || !b) {
        treecmp_differs(run, "the directory cannot be read in %s: %s", a ? "B" : "A",
                        strerror(errno));
        return 0;
    }
    size_t length = run->path->len;
    const char *const *x = (const char *const *)a->pdata;
    const char *const *y = (const char *const *)b->pdata;
    int rc = 0;
    while (rc == 0 && (*x || *y)) {
        int order = !*x ? 1 : !*y ? -1 : strcmp(*x, *y);
        g_string_append_printf(run->path, "%s%s", length ? "/" : "", order <= 0 ? *x : *y);
        if (excluded(run))
            *shorter_r = true;
        else if (order == 0)
            rc = compare_object(run, a_dir, b_dir, *x, err);
        else
            treecmp_differs(run, "only in %s", order < 0 ? "A" : "B");
        g_string_truncate(run->path, length);
        x += order <= 0;
        y += order >= 0;
    }
    return rc;
}

static int compare_roots(struct treecmp_run *run, int a_fd, int b_fd, struct dpl_err *err)
{
    struct stat st[2];
    bool shorter = false;
    dpl_autofd int a = openat(a_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    dpl_autofd int b = openat(b_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (a < 0 || b < 0 || fstat(a, &st[0]) < 0 || fstat(b, &st[1]) < 0)
        return dpl_err_sys(err, errno, "the root of %s", a < 0 ? "A" : "B");
    compare_stat(run, &st[0], &st[1]);
    if (run->options->what & TREECMP_XATTR)
        treecmp_xattrs(run, a, b);
    if (run->options->what & TREECMP_FLAGS)
        treecmp_flags(run, a, b);
    int rc = compare_dirs(run, &a, &b, &shorter, err);
    if (rc == 0 && (run->options->what & TREECMP_LINKS) && !shorter)
        treecmp_links(run, &st[0], &st[1]);
    return rc;
}

int treecmp(int a_fd, int b_fd, const struct treecmp_options *options,
            struct treecmp_result *result_r, struct dpl_err *err)
{
    struct treecmp_run run = {.options = options, .path = g_string_new(NULL)};
    run.buffer[0] = g_malloc(TREECMP_CHUNK);
    run.buffer[1] = g_malloc(TREECMP_CHUNK);
    int rc = compare_roots(&run, a_fd, b_fd, err);
    g_clear_pointer(&run.b_inodes, g_hash_table_unref);
    g_clear_pointer(&run.a_inodes, g_hash_table_unref);
    g_free(run.buffer[0]);
    g_free(run.buffer[1]);
    g_string_free(run.path, TRUE);
    *result_r = run.result;
    return rc;
}
