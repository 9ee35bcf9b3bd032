/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/store/store.h"

#include "daemon/store/store-file.h"
#include "lib/base/fd.h"
#include "lib/base/path.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIRST_ERA 1

struct entry {
    char *kind, *name, *digest;
    struct dpl_store_version version;
    struct dpl_doc *doc; /* NULL: deleted */
};

struct watch {
    dpl_store_watch_fn *fn;
    void *self;
};

struct dpl_store {
    char *path;
    int dir_fd;
    GPtrArray *entries; /* in the order of kind and name */
    struct dpl_store_version last;
    GArray *watches;
};

static void entry_free(gpointer data)
{
    struct entry *e = data;
    g_free(e->kind);
    g_free(e->name);
    g_free(e->digest);
    dpl_doc_free(e->doc);
    g_free(e);
}

static int compare(const struct entry *e, const char *kind, const char *name)
{
    int by_kind = strcmp(e->kind, kind);
    return by_kind ? by_kind : strcmp(e->name, name);
}

/* The index of the entry, or where it would stand. */
static guint place(const struct dpl_store *store, const char *kind, const char *name)
{
    guint low = 0, high = store->entries->len;
    while (low < high) {
        guint middle = low + (high - low) / 2;
        if (compare(store->entries->pdata[middle], kind, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct entry *find(const struct dpl_store *store, const char *kind, const char *name)
{
    guint at = place(store, kind, name);
    if (at == store->entries->len || compare(store->entries->pdata[at], kind, name) != 0)
        return NULL;
    return store->entries->pdata[at];
}

static bool later(struct dpl_store_version a, struct dpl_store_version b)
{
    return a.era > b.era || (a.era == b.era && a.sequence > b.sequence);
}

/* Puts the content in place of that of the entry, which it makes if need be. Takes doc. */
static struct entry *apply(struct dpl_store *store, const char *kind, const char *name,
                           struct dpl_store_version version, struct dpl_doc *doc)
{
    struct entry *e = find(store, kind, name);
    if (!e) {
        e = g_new0(struct entry, 1);
        e->kind = g_strdup(kind);
        e->name = g_strdup(name);
        g_ptr_array_insert(store->entries, (int)place(store, kind, name), e);
    }
    dpl_doc_free(e->doc);
    g_free(e->digest);
    e->doc = doc;
    e->digest = dpl_store_digest(doc);
    e->version = version;
    if (later(version, store->last))
        store->last = version;
    return e;
}

static struct dpl_store_item item_of(const struct entry *e)
{
    return (struct dpl_store_item){e->kind, e->name, e->version, e->digest, e->doc};
}

static int load_file(struct dpl_store *store, int kind_fd, const char *kind, const char *name,
                     struct dpl_err *err)
{
    struct dpl_store_version version;
    struct dpl_doc *doc;
    if (name[0] == '.') { /* what dpl_file_replace had not renamed yet */
        unlinkat(kind_fd, name, 0);
        return DPL_OK;
    }
    int rc = dpl_store_file_read(kind_fd, kind, name, &version, &doc, err);
    if (rc < 0) {
        dpl_err_context(err, "the store's file \"%s/%s/%s\"", store->path, kind, name);
        return rc;
    }
    apply(store, kind, name, version, doc);
    return DPL_OK;
}

/* Calls fn for each name in the directory but "." and "..". */
static int each_name(int dir_fd, const char *name, struct dpl_store *store,
                     int (*fn)(struct dpl_store *, int, const char *, const char *,
                               struct dpl_err *),
                     struct dpl_err *err)
{
    int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        int rc = dpl_err_sys(err, errno, "the store's directory \"%s/%s\"", store->path, name);
        dpl_fd_clear(&fd);
        return rc;
    }
    int rc = DPL_OK;
    for (struct dirent *d; rc == DPL_OK && (d = readdir(dir)) != NULL;)
        if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
            rc = fn(store, fd, name, d->d_name, err);
    closedir(dir);
    return rc;
}

static int load_kind(struct dpl_store *store, int dir_fd, const char *parent, const char *kind,
                     struct dpl_err *err)
{
    (void)parent;
    return each_name(dir_fd, kind, store, load_file, err);
}

int dpl_store_open(const char *dir, struct dpl_store **store_r, struct dpl_err *err)
{
    if (mkdir(dir, 0700) < 0 && errno != EEXIST)
        return dpl_err_sys(err, errno, "make the store's directory \"%s\"", dir);
    dpl_autofd int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return dpl_err_sys(err, errno, "open the store's directory \"%s\"", dir);
    g_autoptr(dpl_store_auto) store = g_new0(struct dpl_store, 1);
    store->path = g_strdup(dir);
    store->dir_fd = dpl_fd_steal(&fd);
    store->entries = g_ptr_array_new_with_free_func(entry_free);
    store->watches = g_array_new(FALSE, FALSE, sizeof(struct watch));
    store->last = (struct dpl_store_version){FIRST_ERA, 0};
    int rc = each_name(store->dir_fd, ".", store, load_kind, err);
    if (rc == DPL_OK)
        *store_r = g_steal_pointer(&store);
    return rc;
}

void dpl_store_close(struct dpl_store *store)
{
    if (!store)
        return;
    g_ptr_array_unref(store->entries);
    g_array_unref(store->watches);
    dpl_fd_clear(&store->dir_fd);
    g_free(store->path);
    g_free(store);
}

int dpl_store_get(const struct dpl_store *store, const char *kind, const char *name,
                  struct dpl_store_item *item_r, struct dpl_err *err)
{
    const struct entry *e = find(store, kind, name);
    if (!e || !e->doc)
        return dpl_err_set(err, DPL_E_NOT_FOUND, "there is no %s \"%s\"", kind, name);
    *item_r = item_of(e);
    return DPL_OK;
}

char **dpl_store_list(const struct dpl_store *store, const char *kind)
{
    GPtrArray *names = g_ptr_array_new();
    for (guint i = place(store, kind, ""); i < store->entries->len; i++) {
        const struct entry *e = store->entries->pdata[i];
        if (strcmp(e->kind, kind) != 0)
            break;
        if (e->doc)
            g_ptr_array_add(names, g_strdup(e->name));
    }
    g_ptr_array_add(names, NULL);
    return (char **)g_ptr_array_free(names, FALSE);
}

static int check_expected(const struct entry *e, const char *kind, const char *name,
                          const struct dpl_store_version *expected, struct dpl_err *err)
{
    bool there = e && e->doc;
    if (!expected)
        return DPL_OK;
    if (expected->sequence == 0)
        return there ? dpl_err_set(err, DPL_E_EXISTS, "%s \"%s\" exists already", kind, name)
                     : DPL_OK;
    if (!there)
        return dpl_err_set(err, DPL_E_NOT_FOUND, "there is no %s \"%s\" any more", kind, name);
    if (e->version.era != expected->era || e->version.sequence != expected->sequence)
        return dpl_err_set(err, DPL_E_BUSY, "%s \"%s\" was changed by somebody else meanwhile",
                           kind, name);
    return DPL_OK;
}

/* The directory of a kind, made durably if it is not there. */
static int kind_dir(const struct dpl_store *store, const char *kind, struct dpl_err *err)
{
    if (mkdirat(store->dir_fd, kind, 0700) == 0) {
        if (fsync(store->dir_fd) < 0)
            return dpl_err_sys(err, errno, "sync \"%s\"", store->path);
    } else if (errno != EEXIST) {
        return dpl_err_sys(err, errno, "make \"%s/%s\"", store->path, kind);
    }
    int fd = openat(store->dir_fd, kind, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    return fd < 0 ? dpl_err_sys(err, errno, "open \"%s/%s\"", store->path, kind) : fd;
}

/* doc may be NULL: deleted. */
static int change(struct dpl_store *store, const char *kind, const char *name,
                  const struct dpl_store_version *expected, const struct dpl_doc *doc,
                  struct dpl_store_version *version_r, struct dpl_err *err)
{
    if (!dpl_path_name_ok(kind) || kind[0] == '.' || !dpl_path_name_ok(name) || name[0] == '.')
        return dpl_err_set(err, DPL_E_PARAM, "\"%s\" is no name for a %s", name, kind);
    int rc = check_expected(find(store, kind, name), kind, name, expected, err);
    if (rc < 0)
        return rc;
    dpl_autofd int fd = kind_dir(store, kind, err);
    if (fd < 0)
        return fd;
    struct dpl_store_version version = {store->last.era, store->last.sequence + 1};
    g_autofree char *digest = dpl_store_digest(doc);
    struct dpl_store_item item = {kind, name, version, digest, doc};
    rc = dpl_store_file_write(fd, &item, err);
    if (rc < 0)
        return rc;
    item = item_of(apply(store, kind, name, version, doc ? dpl_doc_copy(doc) : NULL));
    if (version_r)
        *version_r = version;
    for (guint i = 0; i < store->watches->len; i++) {
        struct watch *w = &g_array_index(store->watches, struct watch, i);
        w->fn(w->self, &item);
    }
    return DPL_OK;
}

int dpl_store_put(struct dpl_store *store, const char *kind, const char *name,
                  const struct dpl_store_version *expected, const struct dpl_doc *doc,
                  struct dpl_store_version *version_r, struct dpl_err *err)
{
    g_assert(doc);
    return change(store, kind, name, expected, doc, version_r, err);
}

int dpl_store_delete(struct dpl_store *store, const char *kind, const char *name,
                     const struct dpl_store_version *expected, struct dpl_err *err)
{
    const struct entry *e = find(store, kind, name);
    if (!e || !e->doc)
        return dpl_err_set(err, DPL_E_NOT_FOUND, "there is no %s \"%s\"", kind, name);
    return change(store, kind, name, expected, NULL, NULL, err);
}

void dpl_store_watch(struct dpl_store *store, dpl_store_watch_fn *fn, void *self)
{
    struct watch w = {fn, self};
    g_array_append_val(store->watches, w);
}
