/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * set-side SET EVENT GENERATION [KEY=VALUE]... <EXPORT >EXPORT: what a procedure would do to the
 * role of a set, by hand: reads an export of a store, puts these texts into the set's document,
 * lets the event happen to it, and prints an export of that document alone. "PEER-MAP" in the place
 * of a key takes the map of the export in the file VALUE, turned round.
 */
#include "daemon/parent/set_become.h"
#include "daemon/store/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD "doppel store 1\n"

static int fail(const char *what, const struct dpl_err *err)
{
    fprintf(stderr, "set-side: %s: %s\n", what, err->text);
    return 1;
}

static struct dpl_doc *read_export(const char *path)
{
    g_autofree char *text = NULL;
    struct dpl_doc *doc = NULL;
    gsize size = 0;
    struct dpl_err err = {0};
    if (!g_file_get_contents(path, &text, NULL, NULL) || !g_str_has_prefix(text, HEAD))
        return NULL;
    g_autofree guchar *data = g_base64_decode(text + strlen(HEAD), &size);
    return dpl_doc_decode(data, size, &doc, &err) < 0 ? NULL : doc;
}

static struct dpl_doc *find_set(const struct dpl_doc *export, const char *set)
{
    const struct dpl_doc *list = dpl_doc_list(export, "documents");
    for (size_t i = 0; i < dpl_doc_count(list); i++) {
        const struct dpl_doc *row = dpl_doc_at(list, i);
        if (g_strcmp0(dpl_doc_text(row, "kind"), "set") == 0 &&
            g_strcmp0(dpl_doc_text(row, "name"), set) == 0)
            return dpl_doc_copy(row);
    }
    return NULL;
}

static void put(struct dpl_doc *doc, const char *set, const char *pair)
{
    const char *value = strchr(pair, '=');
    g_autofree char *key = value ? g_strndup(pair, (gsize)(value - pair)) : NULL;
    if (key && strcmp(key, "PEER-MAP") == 0) {
        g_autoptr(dpl_doc_auto) other = read_export(value + 1);
        g_autoptr(dpl_doc_auto) row = other ? find_set(other, set) : NULL;
        dpl_doc_set(doc, "map",
                    dpl_set_map_there(dpl_doc_list(dpl_doc_tree(row, "document"), "map")));
    } else if (key) {
        dpl_doc_set_text(doc, key, value + 1);
    }
}

static int print(struct dpl_doc *row, struct dpl_err *err)
{
    g_autoptr(dpl_doc_auto) export = dpl_doc_new();
    g_autofree uint8_t *data = NULL, *all = NULL;
    size_t size = 0, whole = 0;
    int rc = dpl_doc_encode(dpl_doc_tree(row, "document"), &data, &size, err);
    if (rc == 0) {
        g_autofree char *digest = g_compute_checksum_for_data(G_CHECKSUM_SHA256, data, size);
        dpl_doc_set_text(row, "digest", digest);
        dpl_doc_add(dpl_doc_set_list(export, "documents"), row);
        rc = dpl_doc_encode(export, &all, &whole, err);
    }
    if (rc < 0)
        return rc;
    g_autofree char *base64 = g_base64_encode(all, whole);
    printf(HEAD "%s\n", base64);
    return 0;
}

int main(int argc, char **argv)
{
    struct dpl_err err = {0};
    enum dpl_set_event event = 0;
    g_autoptr(dpl_doc_auto) export = argc >= 4 ? read_export("/dev/stdin") : NULL;
    struct dpl_doc *row = export ? find_set(export, argv[1]) : NULL;
    if (!row)
        return 2;
    struct dpl_doc *doc = dpl_doc_get_mutable(row, "document");
#define SET_EVENT(name, text, a, b, c, d)                                                          \
    if (strcmp(argv[2], #name) == 0)                                                               \
        event = DPL_SET_EVENT_##name;
#include "daemon/core/set_role.tbl.h"
#undef SET_EVENT
    for (int i = 4; i < argc; i++)
        put(doc, argv[1], argv[i]);
    dpl_doc_unset(doc, "held");
    if (dpl_set_become(doc, event, atoll(argv[3]), &err) < 0)
        return fail(argv[2], &err);
    return print(row, &err) < 0 ? fail("print", &err) : 0;
}
