/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/apply/kept-list.h"

#include "daemon/apply/message-id.h"
#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { DEPTH_MAX = 200, FROM_MAX = 5000, BLOCK = 64 * 1024 };

static void file_free(gpointer data)
{
    struct dpl_kept_file *f = data;
    g_free(f->path);
    g_free(f->as);
    g_free(f->message_id);
    g_free(f);
}

static bool late(const struct dpl_kept_list *l)
{
    return dpl_clock_now_ns(&dpl_clock_system) > l->deadline_ns;
}

/* --- walking ---------------------------------------------------------------------------------- */

typedef int found_fn(void *self, int dir_fd, const char *name, const char *path,
                     const struct stat *st, struct dpl_err *err);

/* Counts what cannot be read, unless it has gone, or become something else, meanwhile. */
static void unread(struct dpl_kept_list *l, int error)
{
    bool gone = error == ENOENT || error == ENOTDIR || error == ELOOP;
    l->unread += !gone;
}

struct walk {
    struct dpl_kept_list *list;
    found_fn *fn;
    void *self;
};

static int walk(const struct walk *w, int fd, const char *path, unsigned depth,
                struct dpl_err *err);

static int walk_entry(const struct walk *w, int dir_fd, const char *name, const char *path,
                      unsigned depth, struct dpl_err *err)
{
    struct stat st;
    if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        unread(w->list, errno);
        return 0;
    }
    g_autofree char *full = g_strdup_printf("%s%s%s", path, path[0] ? "/" : "", name);
    if (S_ISREG(st.st_mode))
        return w->fn(w->self, dir_fd, name, full, &st, err);
    if (!S_ISDIR(st.st_mode))
        return 0;
    int below = depth >= DEPTH_MAX
                    ? -1
                    : openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (below < 0)
        unread(w->list, depth >= DEPTH_MAX ? ENAMETOOLONG : errno);
    return below < 0 ? 0 : walk(w, below, full, depth + 1, err);
}

/* Calls fn for each regular file beneath the directory fd, which is taken. */
static int walk(const struct walk *w, int fd, const char *path, unsigned depth, struct dpl_err *err)
{
    DIR *dir = fdopendir(fd);
    struct dirent *d;
    int rc = 0;
    if (!dir) {
        rc = dpl_err_sys(err, errno, "read the directory \"%s\"", path);
        close(fd);
        return rc;
    }
    while (rc == 0 && (errno = 0, d = readdir(dir)))
        if (dpl_path_name_ok(d->d_name))
            rc = walk_entry(w, dirfd(dir), d->d_name, path, depth, err);
    if (rc == 0 && errno != 0)
        unread(w->list, errno);
    closedir(dir);
    return rc;
}

/* --- what was kept ---------------------------------------------------------------------------- */

/* What stands in the attribute of one that was moved aside. */
struct from {
    long long life, ctime_ns;
    char kind;
    char path[FROM_MAX];
};

static bool read_from(int dir_fd, const char *name, struct from *from)
{
    char value[FROM_MAX];
    int at = 0;
    g_autofree char *link = g_strdup_printf("/proc/self/fd/%d/%s", dir_fd, name);
    ssize_t size = lgetxattr(link, DPL_APPLY_FROM, value, sizeof value - 1);
    if (size <= 0)
        return false;
    value[size] = '\0';
    if (sscanf(value, "%lld %lld %c %n", &from->life, &from->ctime_ns, &from->kind, &at) != 3 ||
        at == 0 || value[at] != '/')
        return false;
    g_strlcpy(from->path, value + at, sizeof from->path);
    return true;
}

struct reading {
    struct dpl_kept_list *list;
    struct from from;
    const char *as;
    bool top; /* the file itself was moved, and not a directory above it */
};

static char *read_message_id(int dir_fd, const char *name)
{
    char text[DPL_MESSAGE_ID_MAX + 1];
    g_autofree char *head = g_malloc(DPL_MESSAGE_HEAD);
    dpl_autofd int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    ssize_t size = fd < 0 ? -1 : dpl_fd_pread_full(fd, 0, head, DPL_MESSAGE_HEAD, NULL);
    return size > 0 && dpl_message_id(head, (size_t)size, text) ? g_strdup(text) : NULL;
}

static int keep(void *self, int dir_fd, const char *name, const char *path, const struct stat *st,
                struct dpl_err *err)
{
    struct reading *r = self;
    struct dpl_kept_list *l = r->list;
    (void)err;
    if (st->st_size == 0)
        return 0; /* nothing is lost with it */
    if (l->files->len >= DPL_KEPT_MAX) {
        l->more++;
        return 0;
    }
    struct dpl_kept_file *f = g_new0(struct dpl_kept_file, 1);
    f->path =
        path[0] && !r->top ? g_strdup_printf("%s/%s", r->from.path, path) : g_strdup(r->from.path);
    f->as = path[0] && !r->top ? g_strdup_printf("%s/%s", r->as, path) : g_strdup(r->as);
    f->size = st->st_size;
    f->mtime_ms = (int64_t)st->st_mtim.tv_sec * 1000 + st->st_mtim.tv_nsec / 1000000;
    f->ctime_ms = r->top ? r->from.ctime_ns / 1000000
                         : (int64_t)st->st_ctim.tv_sec * 1000 + st->st_ctim.tv_nsec / 1000000;
    f->otherwise = r->from.kind == 'c';
    if (dpl_message_is_at(f->path))
        f->message_id = read_message_id(dir_fd, name);
    g_ptr_array_add(l->files, f);
    GPtrArray *same = g_hash_table_lookup(l->by_size, &f->size);
    if (!same) {
        same = g_ptr_array_new();
        g_hash_table_insert(l->by_size, &f->size, same);
    }
    g_ptr_array_add(same, f);
    return 0;
}

static int read_one(struct dpl_kept_list *l, int dir_fd, const char *name, int64_t life,
                    struct dpl_err *err)
{
    struct reading r = {.list = l, .as = name};
    struct stat st;
    if (!read_from(dir_fd, name, &r.from) || r.from.life != life ||
        fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return 0;
    r.top = S_ISREG(st.st_mode);
    if (r.top)
        return keep(&r, dir_fd, name, "", &st, err);
    if (!S_ISDIR(st.st_mode))
        return 0;
    int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        unread(l, errno);
    return fd < 0 ? 0 : walk(&(struct walk){l, keep, &r}, fd, "", 1, err);
}

void dpl_kept_list_init(struct dpl_kept_list *l, int64_t most_ms)
{
    *l = (struct dpl_kept_list){
        .files = g_ptr_array_new_with_free_func(file_free),
        .by_size = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL,
                                         (GDestroyNotify)g_ptr_array_unref),
        .exact = true,
        .deadline_ns = dpl_clock_now_ns(&dpl_clock_system) + most_ms * 1000000,
    };
}

int dpl_kept_list_read(struct dpl_kept_list *l, int orphans_fd, int64_t life, int64_t most_ms,
                       struct dpl_err *err)
{
    dpl_kept_list_init(l, most_ms);
    int fd = openat(orphans_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    struct dirent *d;
    if (!dir) {
        rc = dpl_err_sys(err, errno, "read the directory for orphans");
        dpl_fd_clear(&fd);
        return rc;
    }
    while (rc == 0 && (errno = 0, d = readdir(dir)))
        if (dpl_path_name_ok(d->d_name))
            rc = read_one(l, dirfd(dir), d->d_name, life, err);
    if (rc == 0 && errno != 0)
        unread(l, errno);
    closedir(dir);
    return rc;
}

/* --- what stands in the replica --------------------------------------------------------------- */

struct comparing {
    struct dpl_kept_list *list;
    int orphans_fd;
};

static bool same_content(struct comparing *c, struct dpl_kept_file *f, int fd)
{
    g_autofree char *mine = g_malloc(BLOCK), *theirs = g_malloc(BLOCK);
    dpl_autofd int kept =
        openat(c->orphans_fd, f->as, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (kept < 0 && !f->unread)
        c->list->unread++;
    f->unread |= kept < 0;
    for (int64_t at = 0; kept >= 0 && at < f->size;) {
        size_t want = (size_t)MIN(f->size - at, BLOCK);
        ssize_t a = dpl_fd_pread_full(kept, (uint64_t)at, mine, want, NULL);
        ssize_t b = dpl_fd_pread_full(fd, (uint64_t)at, theirs, want, NULL);
        if (a != (ssize_t)want || b != a || memcmp(mine, theirs, want) != 0)
            return false;
        at += (int64_t)want;
    }
    return kept >= 0;
}

static int compare(void *self, int dir_fd, const char *name, const char *path,
                   const struct stat *st, struct dpl_err *err)
{
    struct comparing *c = self;
    int64_t size = st->st_size;
    GPtrArray *same = g_hash_table_lookup(c->list->by_size, &size);
    (void)path;
    (void)err;
    if (!same || late(c->list)) {
        c->list->exact &= !same;
        return 0;
    }
    dpl_autofd int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        unread(c->list, errno);
    for (guint i = 0; fd >= 0 && i < same->len; i++) {
        struct dpl_kept_file *f = same->pdata[i];
        f->here = f->here || same_content(c, f, fd);
    }
    return 0;
}

int dpl_kept_list_compare(struct dpl_kept_list *l, int orphans_fd, int root_fd, struct dpl_err *err)
{
    struct comparing c = {l, orphans_fd};
    if (g_hash_table_size(l->by_size) == 0)
        return 0;
    int fd = openat(root_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? dpl_err_sys(err, errno, "open a root of the replica")
                  : walk(&(struct walk){l, compare, &c}, fd, "", 1, err);
}

/* --- what was changed ------------------------------------------------------------------------- */

struct changes {
    struct dpl_kept_list *list;
    const char *root;
    const struct dpl_rules *rules;
    int64_t since_ns;
};

static int note_changed(void *self, int dir_fd, const char *name, const char *path,
                        const struct stat *st, struct dpl_err *err)
{
    const struct changes *c = self;
    struct dpl_kept_list *l = c->list;
    int64_t ctime_ns = (int64_t)st->st_ctim.tv_sec * 1000000000 + st->st_ctim.tv_nsec;
    (void)err;
    if (ctime_ns <= c->since_ns)
        return 0;
    g_autofree char *full = g_strdup_printf("%s/%s", c->root, path);
    if (c->rules && !dpl_rules_find(c->rules, full).inside)
        return 0;
    if (l->files->len >= DPL_KEPT_MAX) {
        l->more++;
        return 0;
    }
    struct dpl_kept_file *f = g_new0(struct dpl_kept_file, 1);
    f->path = g_steal_pointer(&full);
    f->size = st->st_size;
    f->mtime_ms = (int64_t)st->st_mtim.tv_sec * 1000 + st->st_mtim.tv_nsec / 1000000;
    f->ctime_ms = ctime_ns / 1000000;
    if (dpl_message_is_at(f->path))
        f->message_id = read_message_id(dir_fd, name);
    g_ptr_array_add(l->files, f);
    return 0;
}

int dpl_kept_list_changed(struct dpl_kept_list *l, int root_fd, const char *root,
                          const struct dpl_rules *rules, int64_t since_ns, struct dpl_err *err)
{
    struct changes c = {l, root, rules, since_ns};
    int fd = openat(root_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 ? dpl_err_sys(err, errno, "open a root of the replica")
                  : walk(&(struct walk){l, note_changed, &c}, fd, "", 1, err);
}

void dpl_kept_list_done(struct dpl_kept_list *l)
{
    g_clear_pointer(&l->by_size, g_hash_table_unref);
    g_clear_pointer(&l->files, g_ptr_array_unref);
}
