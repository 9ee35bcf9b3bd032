/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/store/store-file.h"

#include "lib/base/file.h"

#define FORMAT 1

char *dpl_store_digest(const struct dpl_doc *doc)
{
    g_autofree uint8_t *data = NULL;
    size_t size;
    if (!doc || dpl_doc_encode(doc, &data, &size, NULL) < 0)
        return g_strdup("");
    return g_compute_checksum_for_data(G_CHECKSUM_SHA256, data, size);
}

int dpl_store_file_write(int dir_fd, const struct dpl_store_item *item, struct dpl_err *err)
{
    g_autoptr(dpl_doc_auto) file = dpl_doc_new();
    g_autofree uint8_t *data = NULL;
    size_t size;
    dpl_doc_set_int(file, "format", FORMAT);
    dpl_doc_set_text(file, "kind", item->kind);
    dpl_doc_set_text(file, "name", item->name);
    dpl_doc_set_int(file, "era", (int64_t)item->version.era);
    dpl_doc_set_int(file, "sequence", (int64_t)item->version.sequence);
    dpl_doc_set_text(file, "digest", item->digest);
    if (item->doc)
        dpl_doc_set(file, "document", dpl_doc_copy(item->doc));
    int rc = dpl_doc_encode(file, &data, &size, err);
    return rc < 0 ? rc : dpl_file_replace(dir_fd, item->name, data, size, 0600, err);
}

static int check(const struct dpl_doc *file, const char *kind, const char *name,
                 struct dpl_err *err)
{
    const struct dpl_doc *doc = dpl_doc_get(file, "document");
    g_autofree char *digest = dpl_store_digest(doc);
    int64_t format = dpl_doc_int(file, "format", 0);
    if (format > FORMAT)
        return dpl_err_set(err, DPL_E_VERSION, "format %lld is newer than this program",
                           (long long)format);
    if (format != FORMAT || g_strcmp0(dpl_doc_text(file, "kind"), kind) != 0 ||
        g_strcmp0(dpl_doc_text(file, "name"), name) != 0)
        return dpl_err_set(err, DPL_E_CORRUPT, "it is not the document %s \"%s\"", kind, name);
    if (g_strcmp0(dpl_doc_text(file, "digest"), digest) != 0)
        return dpl_err_set(err, DPL_E_CORRUPT, "its content does not fit its digest");
    if (dpl_doc_int(file, "era", 0) <= 0 || dpl_doc_int(file, "sequence", 0) <= 0)
        return dpl_err_set(err, DPL_E_CORRUPT, "it has no version");
    return DPL_OK;
}

int dpl_store_file_read(int dir_fd, const char *kind, const char *name,
                        struct dpl_store_version *version_r, struct dpl_doc **doc_r,
                        struct dpl_err *err)
{
    g_autofree char *data = NULL;
    g_autoptr(dpl_doc_auto) file = NULL;
    size_t size;
    int rc = dpl_file_read(dir_fd, name, DPL_DOC_SIZE_MAX, &data, &size, err);
    if (rc == DPL_OK)
        rc = dpl_doc_decode(data, size, &file, err);
    if (rc == DPL_OK)
        rc = check(file, kind, name, err);
    if (rc < 0)
        return rc;
    const struct dpl_doc *doc = dpl_doc_get(file, "document");
    version_r->era = (uint64_t)dpl_doc_int(file, "era", 0);
    version_r->sequence = (uint64_t)dpl_doc_int(file, "sequence", 0);
    *doc_r = doc ? dpl_doc_copy(doc) : NULL;
    return DPL_OK;
}
