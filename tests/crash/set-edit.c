/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * set-edit SET KEY=VALUE...: reads what "store export" wrote and writes it with a set's document
 * changed, for "store import --replace". A VALUE of digits is a number, an empty one takes the key
 * away; KEY may be TREE.KEY.
 */
#include "daemon/store/table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD "doppel store 1\n"

static void put(struct dpl_doc *doc, const char *key, const char *value)
{
    g_auto(GStrv) parts = g_strsplit(key, ".", 2);
    if (parts[1])
        put(dpl_doc_set_tree(doc, parts[0]), parts[1], value);
    else if (!value[0])
        dpl_doc_unset(doc, key);
    else if (value[strspn(value, "0123456789")] == '\0')
        dpl_doc_set_int(doc, key, atoll(value));
    else
        dpl_doc_set_text(doc, key, value);
}

/* The item with its document changed, and the digest of that. */
static struct dpl_doc *edited(const struct dpl_store_item *item, char **pairs)
{
    g_autoptr(dpl_doc_auto) doc = dpl_doc_copy(item->doc);
    struct dpl_store_item now = *item;
    for (; *pairs; pairs++) {
        g_auto(GStrv) pair = g_strsplit(*pairs, "=", 2);
        if (pair[0] && pair[1])
            put(doc, pair[0], pair[1]);
    }
    g_autofree char *digest = dpl_table_digest_of(doc);
    now.digest = digest;
    now.doc = doc;
    return dpl_item_doc(&now);
}

static struct dpl_doc *edit_all(const struct dpl_doc *export, char **argv)
{
    const struct dpl_doc *list = dpl_doc_list(export, "documents");
    struct dpl_doc *doc = dpl_doc_copy(export), *now = dpl_doc_set_list(doc, "documents");
    for (size_t i = 0; i < dpl_doc_count(list); i++) {
        struct dpl_store_item item;
        if (dpl_item_read(dpl_doc_at(list, i), &item, NULL) < 0)
            exit(1);
        bool it = strcmp(item.kind, "set") == 0 && strcmp(item.name, argv[1]) == 0;
        dpl_doc_add(now, it ? edited(&item, argv + 2) : dpl_item_doc(&item));
    }
    return doc;
}

int main(int argc, char **argv)
{
    g_autofree char *text = g_malloc0(DPL_DOC_SIZE_MAX * 2);
    g_autoptr(dpl_doc_auto) export = NULL;
    g_autofree uint8_t *bytes = NULL;
    size_t size, read = fread(text, 1, DPL_DOC_SIZE_MAX * 2 - 1, stdin);
    if (argc < 3 || read == 0 || !g_str_has_prefix(text, HEAD))
        return 2;
    g_autofree guchar *data = g_base64_decode(text + strlen(HEAD), &size);
    if (dpl_doc_decode(data, size, &export, NULL) < 0)
        return 1;
    g_autoptr(dpl_doc_auto) doc = edit_all(export, argv);
    if (dpl_doc_encode(doc, &bytes, &size, NULL) < 0)
        return 1;
    g_autofree char *base64 = g_base64_encode(bytes, size);
    printf(HEAD "%s\n", base64);
    return 0;
}
