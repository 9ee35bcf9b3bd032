/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/store/store-old.h"

#include "lib/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { FORMAT = 1 };

/* The names in a directory that are no hidden ones; NULL if it cannot be read. */
static char **names_in(const char *dir)
{
    GPtrArray *names;
    const char *name;
    GDir *d = g_dir_open(dir, 0, NULL);
    if (!d)
        return NULL;
    names = g_ptr_array_new();
    while ((name = g_dir_read_name(d)) != NULL)
        if (name[0] != '.')
            g_ptr_array_add(names, g_strdup(name));
    g_dir_close(d);
    g_ptr_array_add(names, NULL);
    return (char **)g_ptr_array_free(names, FALSE);
}

static int read_file(struct dpl_table *table, const char *path, const char *kind, const char *name,
                     struct dpl_err *err)
{
    g_autofree char *data = NULL;
    g_autoptr(dpl_doc_auto) file = NULL;
    struct dpl_store_item item = {0};
    size_t size;
    int rc = dpl_file_read(AT_FDCWD, path, DPL_DOC_SIZE_MAX, &data, &size, err);
    if (rc == DPL_OK)
        rc = dpl_doc_decode(data, size, &file, err);
    if (rc == DPL_OK && dpl_doc_int(file, "format", 0) != FORMAT)
        rc = dpl_err_set(err, DPL_E_VERSION, "its format is not known");
    if (rc == DPL_OK)
        rc = dpl_item_read(file, &item, err);
    if (rc == DPL_OK && (strcmp(item.kind, kind) != 0 || strcmp(item.name, name) != 0))
        rc = dpl_err_set(err, DPL_E_CORRUPT, "it is not the document %s \"%s\"", kind, name);
    if (rc < 0) {
        dpl_err_context(err, "the store's file \"%s\"", path);
        return rc;
    }
    if (item.doc)
        dpl_table_put(table, &item);
    return DPL_OK;
}

static int read_kind(struct dpl_table *table, const char *dir, const char *kind,
                     struct dpl_err *err)
{
    g_autofree char *path = g_build_filename(dir, kind, NULL);
    g_auto(GStrv) names = names_in(path);
    int rc = DPL_OK;
    for (size_t i = 0; rc == DPL_OK && names && names[i]; i++) {
        g_autofree char *file = g_build_filename(path, names[i], NULL);
        rc = read_file(table, file, kind, names[i], err);
    }
    return rc;
}

int dpl_store_old_read(const char *dir, struct dpl_table **table_r, struct dpl_err *err)
{
    g_auto(GStrv) kinds = names_in(dir);
    struct dpl_table *table = dpl_table_new();
    int rc = DPL_OK;
    for (size_t i = 0; rc == DPL_OK && kinds && kinds[i]; i++)
        if (strcmp(kinds[i], "old") != 0)
            rc = read_kind(table, dir, kinds[i], err);
    if (rc < 0)
        dpl_table_free(table);
    else
        *table_r = table;
    return rc;
}

int dpl_store_old_put_aside(const char *dir, struct dpl_err *err)
{
    g_auto(GStrv) kinds = names_in(dir);
    g_autofree char *old = g_build_filename(dir, "old", NULL);
    for (size_t i = 0; kinds && kinds[i]; i++) {
        g_autofree char *from = g_build_filename(dir, kinds[i], NULL);
        g_autofree char *to = g_build_filename(old, kinds[i], NULL);
        struct stat st;
        if (strcmp(kinds[i], "old") == 0 || stat(from, &st) < 0 || !S_ISDIR(st.st_mode))
            continue;
        if ((mkdir(old, 0700) < 0 && errno != EEXIST) || rename(from, to) < 0)
            return dpl_err_sys(err, errno, "put \"%s\" aside", from);
    }
    return DPL_OK;
}
