/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Documents as bytes: see doc.h. Encoding measures first, so that what it writes always fits.
 */
#include "lib/ctl/doc-private.h"
#include "lib/wire/reader.h"
#include "lib/wire/writer.h"

#include <string.h>

#define ENCODING 1

struct measure {
    size_t bytes;
    size_t values;
    bool deep;
};

static void measure(const struct dpl_doc *doc, unsigned depth, struct measure *m)
{
    m->values++;
    m->deep |= depth > DPL_DOC_DEPTH_MAX;
    m->bytes += 1;
    switch (doc->kind) {
    case DPL_DOC_TEXT:
        m->bytes += 4 + doc->size;
        return;
    case DPL_DOC_INTEGER:
        m->bytes += 8;
        return;
    case DPL_DOC_BOOLEAN:
        m->bytes += 1;
        return;
    case DPL_DOC_TREE:
    case DPL_DOC_LIST:
        m->bytes += 4;
        break;
    }
    for (size_t i = 0; i < doc->count; i++) {
        if (doc->items[i]->key)
            m->bytes += 4 + strlen(doc->items[i]->key);
        measure(doc->items[i], depth + 1, m);
    }
}

static void encode(const struct dpl_doc *doc, struct dpl_writer *w)
{
    dpl_writer_u8(w, (uint8_t)doc->kind);
    switch (doc->kind) {
    case DPL_DOC_TEXT:
        dpl_writer_blob(w, doc->text, doc->size);
        return;
    case DPL_DOC_INTEGER:
        dpl_writer_u64(w, (uint64_t)doc->integer);
        return;
    case DPL_DOC_BOOLEAN:
        dpl_writer_u8(w, doc->boolean);
        return;
    case DPL_DOC_TREE:
    case DPL_DOC_LIST:
        break;
    }
    dpl_writer_u32(w, (uint32_t)doc->count);
    for (size_t i = 0; i < doc->count; i++) {
        if (doc->items[i]->key)
            dpl_writer_text(w, doc->items[i]->key);
        encode(doc->items[i], w);
    }
}

int dpl_doc_encode(const struct dpl_doc *doc, uint8_t **data_r, size_t *size_r, struct dpl_err *err)
{
    struct measure m = {.bytes = 1};
    measure(doc, 1, &m);
    if (m.deep || m.bytes > DPL_DOC_SIZE_MAX || m.values > DPL_DOC_VALUES_MAX)
        return dpl_err_set(err, DPL_E_TOO_LARGE,
                           "the document is too large (%zu bytes, %zu values%s)", m.bytes, m.values,
                           m.deep ? ", too deep" : "");
    g_autofree uint8_t *data = g_malloc(m.bytes);
    struct dpl_writer w;
    dpl_writer_init(&w, data, m.bytes);
    dpl_writer_u8(&w, ENCODING);
    encode(doc, &w);
    g_assert(w.code == 0 && w.used == m.bytes);
    *data_r = g_steal_pointer(&data);
    *size_r = m.bytes;
    return DPL_OK;
}

struct decoder {
    struct dpl_reader r;
    size_t values;
};

static struct dpl_doc *decode(struct decoder *d, unsigned depth);

static void decode_text(struct decoder *d, struct dpl_doc *doc)
{
    struct dpl_view view = dpl_reader_blob(&d->r, DPL_DOC_SIZE_MAX);
    if (memchr(view.data, '\0', view.size))
        dpl_reader_fail(&d->r, DPL_E_CORRUPT);
    doc->size = view.size;
    doc->text = g_strndup((const char *)view.data, view.size);
}

/* The key of the next value; NULL when it is none, or one that was there before (`seen` borrows
 * it, and is asked nothing more then). */
static char *decode_key(struct decoder *d, GHashTable *seen)
{
    struct dpl_view view = dpl_reader_blob(&d->r, DPL_DOC_KEY_MAX);
    if (!dpl_doc_key_ok((const char *)view.data, view.size)) {
        dpl_reader_fail(&d->r, DPL_E_CORRUPT);
        return NULL;
    }
    g_autofree char *key = g_strndup((const char *)view.data, view.size);
    if (!g_hash_table_add(seen, key)) {
        dpl_reader_fail(&d->r, DPL_E_CORRUPT);
        return NULL;
    }
    return g_steal_pointer(&key);
}

static void decode_items(struct decoder *d, struct dpl_doc *doc, unsigned depth)
{
    uint32_t count = dpl_reader_u32(&d->r);
    g_autoptr(GHashTable) seen =
        doc->kind == DPL_DOC_TREE ? g_hash_table_new(g_str_hash, g_str_equal) : NULL;
    for (uint32_t i = 0; i < count && !d->r.code; i++) {
        g_autofree char *key = NULL;
        if (seen && !(key = decode_key(d, seen)))
            return;
        struct dpl_doc *value = decode(d, depth + 1);
        if (!value)
            return;
        value->key = g_steal_pointer(&key);
        dpl_doc_append(doc, value);
    }
}

/* NULL after an error. */
static struct dpl_doc *decode(struct decoder *d, unsigned depth)
{
    if (depth > DPL_DOC_DEPTH_MAX || ++d->values > DPL_DOC_VALUES_MAX)
        dpl_reader_fail(&d->r, DPL_E_TOO_LARGE);
    uint8_t kind = dpl_reader_u8(&d->r);
    if (kind > DPL_DOC_BOOLEAN)
        dpl_reader_fail(&d->r, DPL_E_CORRUPT);
    if (d->r.code)
        return NULL;
    struct dpl_doc *doc = dpl_doc_make((enum dpl_doc_kind)kind);
    if (kind == DPL_DOC_TEXT)
        decode_text(d, doc);
    else if (kind == DPL_DOC_INTEGER)
        doc->integer = (int64_t)dpl_reader_u64(&d->r);
    else if (kind == DPL_DOC_BOOLEAN) {
        uint8_t value = dpl_reader_u8(&d->r);
        if (value > 1)
            dpl_reader_fail(&d->r, DPL_E_CORRUPT);
        doc->boolean = value == 1;
    } else
        decode_items(d, doc, depth);
    if (d->r.code)
        g_clear_pointer(&doc, dpl_doc_free);
    return doc;
}

int dpl_doc_decode(const void *data, size_t size, struct dpl_doc **doc_r, struct dpl_err *err)
{
    struct decoder d = {0};
    if (size > DPL_DOC_SIZE_MAX)
        return dpl_err_set(err, DPL_E_TOO_LARGE, "document: %zu bytes, at most %d are allowed",
                           size, DPL_DOC_SIZE_MAX);
    dpl_reader_init(&d.r, data, size);
    uint8_t version = dpl_reader_u8(&d.r);
    if (!d.r.code && version != ENCODING)
        return dpl_err_set(err, DPL_E_VERSION, "document: version %u, not %d", version, ENCODING);
    g_autoptr(dpl_doc_auto) doc = decode(&d, 1);
    int rc = dpl_reader_end(&d.r, "document", err);
    if (rc == DPL_OK)
        *doc_r = g_steal_pointer(&doc);
    return rc;
}
