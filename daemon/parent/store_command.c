/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/parent/store_command.h"

#include "daemon/parent/change.h"
#include "daemon/parent/log.h"

#include <string.h>

#define HEAD "doppel store 1\n"

static const struct dpl_table *table_of(const struct dpl_daemon *daemon)
{
    return dpl_group_table(dpl_store_group(daemon->store));
}

static void answer(struct dpl_request *request, int rc, const struct dpl_err *err)
{
    if (rc < 0)
        dpl_request_fail(request, err);
    else
        dpl_request_done(request, NULL);
}

static void show(struct dpl_daemon *daemon, struct dpl_request *request)
{
    const struct dpl_table *table = table_of(daemon);
    struct dpl_doc *result = dpl_group_doc(dpl_store_group(daemon->store));
    struct dpl_doc *list = dpl_doc_set_list(result, "list");
    for (size_t i = 0; i < dpl_table_count(table); i++) {
        struct dpl_store_item item = dpl_table_at(table, i);
        struct dpl_doc *row = dpl_doc_add_tree(list);
        dpl_doc_set_text(row, "kind", item.kind);
        dpl_doc_set_text(row, "name", item.name);
        dpl_doc_set_format(row, "version", "%llu.%llu", (unsigned long long)item.version.era,
                           (unsigned long long)item.version.sequence);
        dpl_doc_set_text(row, "digest", item.digest);
    }
    dpl_request_done(request, result);
}

static struct dpl_doc *export_doc(const struct dpl_daemon *daemon)
{
    const struct dpl_table *table = table_of(daemon);
    g_autoptr(dpl_doc_auto) state = dpl_group_doc(dpl_store_group(daemon->store));
    struct dpl_doc *doc = dpl_doc_new(), *list;
    dpl_doc_set_text(doc, "store", dpl_doc_text(state, "store"));
    dpl_doc_set_int(doc, "era", dpl_doc_int(state, "era", 0));
    list = dpl_doc_set_list(doc, "documents");
    for (size_t i = 0; i < dpl_table_count(table); i++) {
        struct dpl_store_item item = dpl_table_at(table, i);
        dpl_doc_add(list, dpl_item_doc(&item));
    }
    return doc;
}

static void export_all(struct dpl_daemon *daemon, struct dpl_request *request)
{
    g_autoptr(dpl_doc_auto) doc = export_doc(daemon);
    g_autofree uint8_t *data = NULL;
    struct dpl_err err = {0};
    size_t size;
    if (dpl_doc_encode(doc, &data, &size, &err) < 0) {
        dpl_request_fail(request, &err);
        return;
    }
    g_autofree char *base64 = g_base64_encode(data, size);
    g_autoptr(GString) text = g_string_new(HEAD);
    for (size_t at = 0; at < strlen(base64); at += 76)
        g_string_append_printf(text, "%.76s\n", base64 + at);
    struct dpl_doc *result = dpl_doc_new();
    dpl_doc_set_text(result, "export", text->str);
    dpl_request_done(request, result);
}

/* An import as it goes on, one document behind the other. */
struct import {
    struct dpl_daemon *daemon;
    struct dpl_request *request;
    struct dpl_doc *doc;
    size_t next, put;
};

static void import_next(struct import *import);

static void import_free(struct import *import)
{
    dpl_doc_free(import->doc);
    g_free(import);
}

static int decode(const char *text, struct dpl_doc **doc_r, struct dpl_err *err)
{
    gsize size = 0;
    if (!g_str_has_prefix(text, HEAD))
        return dpl_err_set(err, DPL_E_PARAM,
                           "this is no export of a store: its first line is "
                           "\"doppel store 1\"");
    g_autofree guchar *data = g_base64_decode(text + strlen(HEAD), &size);
    int rc = dpl_doc_decode(data, size, doc_r, err);
    return rc < 0 ? dpl_err_context(err, "the export") : DPL_OK;
}

/* All of it fits and nothing is overwritten that somebody has not asked for. */
static int check(const struct dpl_daemon *daemon, const struct dpl_doc *doc, bool replace,
                 struct dpl_err *err)
{
    const struct dpl_doc *list = dpl_doc_list(doc, "documents");
    struct dpl_store_item item, here;
    if (!list)
        return dpl_err_set(err, DPL_E_CORRUPT, "the export holds no documents");
    for (size_t i = 0; i < dpl_doc_count(list); i++) {
        int rc = dpl_item_read(dpl_doc_at(list, i), &item, err);
        if (rc < 0)
            return rc;
        if (!item.doc)
            return dpl_err_set(err, DPL_E_CORRUPT, "%s \"%s\" is empty", item.kind, item.name);
        if (!replace && dpl_table_find(table_of(daemon), item.kind, item.name, &here) &&
            strcmp(here.digest, item.digest) != 0)
            return dpl_err_set(err, DPL_E_REFUSED,
                               "%s \"%s\" is here, and another one: --replace puts that of the "
                               "file in its place",
                               item.kind, item.name);
    }
    return DPL_OK;
}

static void imported(void *self, int rc, struct dpl_store_version version,
                     const struct dpl_err *err)
{
    struct import *import = self;
    struct dpl_err why = {0};
    (void)version;
    if (rc == DPL_OK) {
        import->put++;
        import_next(import);
        return;
    }
    dpl_err_set(&why, rc, "after %zu documents: %s", import->put, err->text);
    dpl_request_fail(import->request, &why);
    import_free(import);
}

/* Another site may serve an imported set by now: it is held until a person has confirmed it. */
static struct dpl_doc *held(const struct dpl_store_item *item)
{
    struct dpl_doc *doc = dpl_doc_copy(item->doc);
    if (strcmp(item->kind, "set") == 0)
        dpl_doc_set_bool(doc, "held", true);
    return doc;
}

static void import_next(struct import *import)
{
    const struct dpl_doc *list = dpl_doc_list(import->doc, "documents");
    struct dpl_store_item item, here;
    while (import->next < dpl_doc_count(list)) {
        dpl_item_read(dpl_doc_at(list, import->next++), &item, NULL);
        if (dpl_table_find(table_of(import->daemon), item.kind, item.name, &here) &&
            strcmp(here.digest, item.digest) == 0)
            continue;
        g_autoptr(dpl_doc_auto) doc = held(&item);
        dpl_store_put(import->daemon->store, item.kind, item.name, NULL, doc, imported, import);
        return;
    }
    struct dpl_doc *result = dpl_doc_new();
    dpl_doc_set_int(result, "documents", (int64_t)import->put);
    dpl_request_done(import->request, result);
    import_free(import);
}

static void import_all(struct dpl_daemon *daemon, struct dpl_request *request)
{
    struct dpl_doc *doc = NULL;
    struct dpl_err err = {0};
    int rc = decode(dpl_doc_text(request->args, "file"), &doc, &err);
    if (rc == DPL_OK)
        rc = check(daemon, doc, dpl_doc_bool(request->args, "replace", false), &err);
    if (rc < 0) {
        dpl_doc_free(doc);
        dpl_request_fail(request, &err);
        return;
    }
    struct import *import = g_new(struct import, 1);
    *import = (struct import){daemon, request, doc, 0, 0};
    import_next(import);
}

static void join(struct dpl_daemon *daemon, struct dpl_request *request)
{
    struct dpl_err err = {0};
    answer(request, dpl_group_join(dpl_store_group(daemon->store), &err), &err);
}

static void confirm_down(struct dpl_daemon *daemon, struct dpl_request *request)
{
    const char *node = dpl_doc_text(request->args, "node");
    struct dpl_err err = {0};
    int rc = dpl_group_confirm_down(dpl_store_group(daemon->store), node, &err);
    if (rc == DPL_OK)
        dpl_log(LOG_WARNING, "node \"%s\" is down, by the word of user %u", node,
                (unsigned)request->uid);
    answer(request, rc, &err);
}

void dpl_store_command(struct dpl_daemon *daemon, struct dpl_request *request)
{
    static const struct {
        const char *words;
        void (*fn)(struct dpl_daemon *daemon, struct dpl_request *request);
    } rows[] = {{"store show", show},
                {"store export", export_all},
                {"store import", import_all},
                {"store join", join},
                {"store confirm-down", confirm_down}};
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        if (strcmp(rows[i].words, request->command->words) == 0) {
            rows[i].fn(daemon, request);
            return;
        }
    }
    g_assert_not_reached();
}
