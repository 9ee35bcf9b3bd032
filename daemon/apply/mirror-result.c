/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/apply/mirror-result.h"

#include "lib/base/file.h"
#include "lib/ctl/quote.h"
#include "lib/journal/crc32c.h"
#include "lib/wire/writer.h"

#include <string.h>

#define FILE_NAME "mirror"
enum { LIST_MAX = 20000, LIST_BYTES = 1024 * 1024 }; /* of a document */
enum { HEAD = 8 + 8 + 8 + 3 * 4 + 6 * 8, FILE_MAX = HEAD + 4 + DPL_MIRROR_RESULT_MAX + 4 };
static const char magic[8] = {'D', 'P', 'L', 'M', 'R', 'E', 'S', '1'};

const char *dpl_mirror_kind_text(uint32_t kind)
{
    static const char *const texts[] = {"?", "full", "difference", "checksum"};
    return texts[kind < G_N_ELEMENTS(texts) ? kind : 0];
}

const char *dpl_orphans_text(uint32_t orphans)
{
    static const char *const texts[] = {"?", "keep", "delete", "move", "list"};
    return texts[orphans < G_N_ELEMENTS(texts) ? orphans : 0];
}

void dpl_mirror_result_clear(struct dpl_mirror_result *r)
{
    g_clear_pointer(&r->paths, g_byte_array_unref);
    *r = (struct dpl_mirror_result){0};
}

int dpl_mirror_result_save(const struct dpl_mirror_result *r, int dir_fd, struct dpl_err *err)
{
    size_t paths = r->paths ? r->paths->len : 0, room = HEAD + 4 + paths + 4;
    g_autofree uint8_t *bytes = g_malloc(room);
    struct dpl_writer w;
    dpl_writer_init(&w, bytes, room);
    dpl_writer_bytes(&w, magic, sizeof magic);
    dpl_writer_u64(&w, r->id);
    dpl_writer_u64(&w, r->time_ns);
    dpl_writer_u32(&w, r->kind);
    dpl_writer_u32(&w, r->orphans);
    dpl_writer_u32(&w, r->test);
    const uint64_t counts[] = {r->objects, r->bytes, r->created, r->changed, r->found, r->removed};
    for (size_t i = 0; i < G_N_ELEMENTS(counts); i++)
        dpl_writer_u64(&w, counts[i]);
    dpl_writer_blob(&w, paths ? r->paths->data : bytes, paths);
    dpl_writer_u32(&w, dpl_crc32c(0, bytes, w.used));
    ssize_t size = dpl_writer_end(&w, "a mirror's result", err);
    return size < 0
               ? (int)size
               : dpl_file_replace(dir_fd, FILE_NAME, (const char *)bytes, (size_t)size, 0600, err);
}

int dpl_mirror_result_load(struct dpl_mirror_result *r, int dir_fd, struct dpl_err *err)
{
    g_autofree char *bytes = NULL;
    size_t size;
    struct dpl_reader in;
    *r = (struct dpl_mirror_result){0};
    int rc = dpl_file_read(dir_fd, FILE_NAME, FILE_MAX, &bytes, &size, err);
    if (rc < 0)
        return rc;
    dpl_reader_init(&in, (const uint8_t *)bytes, size);
    struct dpl_view found = dpl_reader_bytes(&in, sizeof magic);
    if (found.size != sizeof magic || memcmp(found.data, magic, sizeof magic) != 0)
        dpl_reader_fail(&in, DPL_E_VERSION);
    r->id = dpl_reader_u64(&in);
    r->time_ns = dpl_reader_u64(&in);
    r->kind = dpl_reader_u32(&in);
    r->orphans = dpl_reader_u32(&in);
    r->test = dpl_reader_u32(&in);
    uint64_t *const counts[] = {&r->objects, &r->bytes, &r->created,
                                &r->changed, &r->found, &r->removed};
    for (size_t i = 0; i < G_N_ELEMENTS(counts); i++)
        *counts[i] = dpl_reader_u64(&in);
    struct dpl_view paths = dpl_reader_blob(&in, DPL_MIRROR_RESULT_MAX);
    uint32_t crc = dpl_reader_u32(&in);
    if (!in.code && crc != dpl_crc32c(0, bytes, size - 4))
        dpl_reader_fail(&in, DPL_E_CORRUPT);
    rc = dpl_reader_end(&in, "the last mirror's result", err);
    if (rc < 0)
        return rc;
    r->paths = g_byte_array_new();
    if (paths.size > 0)
        g_byte_array_append(r->paths, paths.data, (guint)paths.size);
    return 0;
}

int dpl_mirror_result_list(const struct dpl_mirror_result *r, int dir_fd, struct dpl_err *err)
{
    struct dpl_view rest = {r->paths ? r->paths->data : NULL, r->paths ? r->paths->len : 0}, path;
    g_autoptr(GString) text = g_string_new(NULL);
    while (dpl_mirror_paths_next(&rest, &path) > 0) {
        g_string_append_printf(text, "%-10s ", dpl_mirror_found_text((char)path.data[0]));
        if (path.size > 2)
            dpl_quote_into(text, (const char *)path.data + 2, path.size - 2);
        g_string_append_c(text, '\n');
    }
    return dpl_file_replace(dir_fd, "differences", text->str, text->len, 0600, err);
}

static int64_t as_int(uint64_t value)
{
    return value > INT64_MAX ? INT64_MAX : (int64_t)value;
}

struct dpl_doc *dpl_mirror_result_doc(const struct dpl_mirror_result *r)
{
    struct dpl_doc *doc = dpl_doc_new();
    if (r->id == 0)
        return doc;
    dpl_doc_set_int(doc, "at_s", as_int(r->time_ns / 1000000000));
    dpl_doc_set_text(doc, "kind", dpl_mirror_kind_text(r->kind));
    dpl_doc_set_text(doc, "rule", dpl_orphans_text(r->orphans));
    dpl_doc_set_bool(doc, "test", r->test != 0);
    dpl_doc_set_int(doc, "objects", as_int(r->objects));
    dpl_doc_set_int(doc, "created", as_int(r->created));
    dpl_doc_set_int(doc, "changed", as_int(r->changed));
    dpl_doc_set_int(doc, "found", as_int(r->found));
    dpl_doc_set_int(doc, "removed", as_int(r->removed));
    struct dpl_doc *list = dpl_doc_set_list(doc, "orphans");
    size_t bytes = 0;
    struct dpl_view rest = {r->paths ? r->paths->data : NULL, r->paths ? r->paths->len : 0}, path;
    while (dpl_mirror_paths_next(&rest, &path) > 0) {
        if (dpl_doc_count(list) == LIST_MAX || (bytes += path.size) > LIST_BYTES) {
            dpl_doc_set_bool(doc, "more", true);
            break;
        }
        if (r->test && (path.size < 3 || path.data[0] != 'x'))
            continue;
        size_t letter = r->test ? 2 : 0;
        g_autofree char *text = g_strndup((const char *)path.data + letter, path.size - letter);
        dpl_doc_add_text(list, text);
    }
    return doc;
}
