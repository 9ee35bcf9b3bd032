/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/store/published.h"

#include "lib/base/fd.h"
#include "lib/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* There is one store in a process. */
static struct {
    struct dpl_store *store;
    const char *dir;
    dpl_published_failed_fn *failed;
} published;

static int open_dir(struct dpl_err *err)
{
    if (mkdir(published.dir, 0700) < 0 && errno != EEXIST)
        return dpl_err_sys(err, errno, "make the directory \"%s\"", published.dir);
    int fd = open(published.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    return fd < 0 ? dpl_err_sys(err, errno, "open \"%s\"", published.dir) : fd;
}

/* Where the disk is full there is no room for a second file; the old one's blocks are there. Who
 * reads it or dies in this moment finds that its digest does not fit. */
static int write_over(int dir, const char *name, const void *data, size_t size, struct dpl_err *err)
{
    dpl_autofd int fd = openat(dir, name, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return dpl_err_sys(err, errno, "open \"%s\"", name);
    int rc = dpl_fd_write_all(fd, data, size, err);
    if (rc < 0)
        return dpl_err_context(err, "write over \"%s\"", name);
    return ftruncate(fd, (off_t)size) < 0 || fsync(fd) < 0
               ? dpl_err_sys(err, errno, "write over \"%s\"", name)
               : DPL_OK;
}

static int put_file(int dir, const struct dpl_store_item *item, struct dpl_err *err)
{
    g_autoptr(dpl_doc_auto) file = dpl_doc_new();
    g_autofree uint8_t *data = NULL;
    size_t size;
    dpl_doc_set_int(file, "format", 1);
    dpl_doc_set_text(file, "name", item->name);
    dpl_doc_set_text(file, "digest", item->digest);
    dpl_doc_set(file, "document", dpl_doc_copy(item->doc));
    int rc = dpl_doc_encode(file, &data, &size, err);
    if (rc < 0)
        return rc;
    rc = dpl_file_replace(dir, item->name, data, size, 0600, err);
    return rc == DPL_E_NO_SPACE ? write_over(dir, item->name, data, size, err) : rc;
}

static int take_file(int dir, const char *name, struct dpl_err *err)
{
    if (unlinkat(dir, name, 0) < 0 && errno != ENOENT)
        return dpl_err_sys(err, errno, "remove \"%s\"", name);
    return fsync(dir) < 0 ? dpl_err_sys(err, errno, "sync the directory of \"%s\"", name) : DPL_OK;
}

static void follow(void *self, const struct dpl_store_item *item)
{
    struct dpl_err err = {0};
    (void)self;
    if (g_strcmp0(item->kind, "set") != 0)
        return;
    dpl_autofd int dir = open_dir(&err);
    int rc = dir < 0     ? dir
             : item->doc ? put_file(dir, item, &err)
                         : take_file(dir, item->name, &err);
    if (rc < 0 && published.failed)
        published.failed(item->name, &err);
}

void dpl_published_say(const char *set, const struct dpl_doc *doc)
{
    struct dpl_store_item item = {.kind = "set", .name = set, .doc = doc};
    g_autofree char *digest = doc ? dpl_table_digest_of(doc) : NULL;
    item.digest = digest;
    if (published.store && (doc || dpl_store_get(published.store, "set", set, &item, NULL) == 0))
        follow(NULL, &item);
}

static int remove_others(int dir, struct dpl_err *err)
{
    GDir *names = g_dir_open(published.dir, 0, NULL);
    struct dpl_store_item item;
    const char *name;
    int rc = DPL_OK;
    while (names && rc == DPL_OK && (name = g_dir_read_name(names)) != NULL)
        if (dpl_store_get(published.store, "set", name, &item, NULL) < 0)
            rc = take_file(dir, name, err);
    if (names)
        g_dir_close(names);
    return rc;
}

int dpl_published_begin(struct dpl_store *store, const char *dir, dpl_published_failed_fn *failed,
                        struct dpl_err *err)
{
    g_auto(GStrv) names = dpl_store_list(store, "set");
    struct dpl_store_item item;
    published.store = store;
    published.dir = dir;
    published.failed = failed;
    dpl_autofd int fd = open_dir(err);
    int rc = fd < 0 ? fd : remove_others(fd, err);
    for (size_t i = 0; rc == DPL_OK && names[i]; i++)
        if (dpl_store_get(store, "set", names[i], &item, NULL) == DPL_OK)
            rc = put_file(fd, &item, err);
    if (rc == DPL_OK)
        dpl_store_watch(store, follow, NULL);
    return rc;
}
